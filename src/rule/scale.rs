//! Evaluates a scale rule: which workloads, and each metric's demand and capacity for each of them.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::sync::Arc;

use super::spread::{Problems, Reporting, Spread, Spreading};
use super::{External, Metric, PerReplica, ScaleRule, TargetTemplate};
use crate::decision::{MetricInput, Pods};
use crate::demand::Presence;
use crate::labels::Labels;
use crate::promql::{Plan, Query};
use crate::series::Subscription;
use crate::template;
use crate::time::Timestamp;
use crate::workload::{Replicas, Workload};

impl ScaleRule {
    /// The annotations of a decision that wants `replicas` and is routed by `labels`.
    #[must_use]
    pub fn annotations(
        &self,
        labels: &Labels,
        replicas: Replicas,
        external: &External,
        now: Timestamp,
    ) -> BTreeMap<String, String> {
        if self.annotations.is_empty() {
            return BTreeMap::new();
        }
        let data = template::Value::alert(labels, &external.labels, &external.url, f64::from(replicas));
        let world = template::World { now, external_url: &external.url, query: None };
        self.annotations.iter().map(|(name, text)| (name.clone(), text.render_or_say(&data, &world))).collect()
    }
}

/// A [`ScaleRule`], ready to be evaluated.
#[derive(Debug)]
pub struct BoundScale {
    pub rule: Arc<ScaleRule>,
    pub(super) metrics: Vec<BoundMetric>,
    pub(super) objective: Option<Query>,
    pub(super) subscriptions: Vec<Arc<Subscription>>,
}

/// A [`Metric`], ready to be evaluated.
#[derive(Debug)]
pub(super) struct BoundMetric {
    name: Arc<str>,
    demand: Query,
    per_replica: Capacity,
    per_pod: Option<BoundPerPod>,
    activation: f64,
    paused: bool,
    targets: Option<Query>,
}

#[derive(Debug)]
struct BoundPerPod {
    ready: Option<Query>,
    utilization: bool,
}

#[derive(Debug)]
enum Capacity {
    Number(f64),
    Expr(Query),
    Absolute,
}

impl Metric {
    pub(super) fn bind(&self, query: &mut impl FnMut(&Arc<Plan>) -> Query) -> BoundMetric {
        let demand = query(&self.demand);
        let per_replica = match &self.per_replica {
            PerReplica::Number(number) => Capacity::Number(*number),
            PerReplica::Expr(plan) => Capacity::Expr(query(plan)),
            PerReplica::Absolute => Capacity::Absolute,
        };
        let (activation, paused) = (self.activation, self.paused);
        let per_pod = self.per_pod.as_ref().map(|per_pod| BoundPerPod {
            ready: per_pod.ready.as_ref().map(&mut *query),
            utilization: per_pod.utilization,
        });
        let targets = self.targets.as_ref().map(query);
        BoundMetric { name: Arc::clone(&self.name), demand, per_replica, per_pod, activation, paused, targets }
    }
}

/// What a scale rule says at one time.
#[derive(Debug, Clone, PartialEq)]
pub struct Answers {
    /// Sorted by workload. With a constant target this is one, always; else a workload of which no metric has a demand
    /// any more is not among them.
    pub workloads: Vec<WorkloadAnswer>,
    /// What went wrong. The inputs that it touches say `Invalid`; the others stand.
    pub failed: Option<String>,
}

/// What a scale rule says of one workload.
#[derive(Debug, Clone, PartialEq)]
pub struct WorkloadAnswer {
    pub workload: Workload,
    /// An input for each of the rule's metrics, in their order.
    pub metrics: Vec<MetricInput>,
    /// The value of the objective's condition: not zero while it holds. `Absent` also where the rule has none.
    pub objective: Presence,
}

impl BoundScale {
    /// Evaluates every metric at `now`.
    #[must_use]
    pub fn eval(&self, now: Timestamp) -> Answers {
        let mut problems = Problems::default();
        let target = &self.rule.target;
        let metrics: Vec<Metered> = self.metrics.iter().map(|metric| metric.eval(target, now, &mut problems)).collect();
        let objective = self.objective.as_ref().map(|query| {
            let mut spread = Spreading { target, metric: "objective", field: "expr", problems: &mut problems };
            spread.shared(query.eval_covered(now))
        });

        let mut workloads: BTreeMap<Workload, Vec<MetricInput>> = BTreeMap::new();
        let named = metrics.iter().flat_map(|metric| metric.demand.named.keys().cloned());
        for workload in target.constant().cloned().into_iter().chain(named) {
            let Entry::Vacant(slot) = workloads.entry(workload) else { continue };
            let inputs = self.metrics.iter().zip(&metrics).map(|(metric, metered)| metered.of(metric, slot.key()));
            let inputs = inputs.collect();
            slot.insert(inputs);
        }
        let answer = |(workload, metrics)| {
            let objective = objective.as_ref().map_or(Presence::Absent, |objective| objective.of(&workload));
            WorkloadAnswer { workload, metrics, objective }
        };
        Answers { workloads: workloads.into_iter().map(answer).collect(), failed: problems.into_text() }
    }
}

impl BoundMetric {
    fn eval(&self, target: &TargetTemplate, now: Timestamp, problems: &mut Problems) -> Metered {
        let mut spread = Spreading { target, metric: &self.name, field: "demand", problems };
        let mut pods = None;
        let mut demand = match &self.per_pod {
            None => spread.demand(self.demand.eval_covered(now)),
            Some(per_pod) => {
                let ready = per_pod.ready.as_ref().map(|query| spread.readiness(query.eval(now)));
                let (demand, found) = spread.pods(self.demand.eval_covered(now), ready.as_ref(), per_pod.utilization);
                pods = Some(found);
                demand
            }
        };
        if demand.others == Presence::Absent && self.demand.is_stale(now) {
            demand.others = Presence::Stale;
        }
        spread.field = "per_replica";
        let per_replica = match &self.per_replica {
            Capacity::Number(number) => Spread::all(Presence::Present(*number)),
            Capacity::Expr(query) => spread.per_replica(query.eval_covered(now)),
            Capacity::Absolute => Spread::all(Presence::Present(1.0)),
        };
        spread.field = "targets";
        let targets = self.targets.as_ref().map(|query| spread.targets(query.eval(now)));
        Metered { demand, pods, per_replica, targets }
    }
}

/// What one metric's expressions said.
#[derive(Debug)]
struct Metered {
    demand: Spread,
    /// Where each pod has a value of its own: what the demand is the sum of.
    pods: Option<BTreeMap<Workload, Pods>>,
    per_replica: Spread,
    targets: Option<Reporting>,
}

impl Metered {
    /// What it means for a workload.
    fn of(&self, metric: &BoundMetric, workload: &Workload) -> MetricInput {
        MetricInput {
            absolute: matches!(metric.per_replica, Capacity::Absolute),
            pods: self.pods.as_ref().and_then(|pods| pods.get(workload).cloned()),
            activation: metric.activation,
            paused: metric.paused,
            targets: self.targets.as_ref().map(|targets| targets.of(workload)),
            ..MetricInput::new(Arc::clone(&metric.name), self.demand.of(workload), self.per_replica.of(workload))
        }
    }
}
