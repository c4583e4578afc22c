//! Evaluates a scale rule: which workloads, and each metric's demand and capacity for each of them.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::{External, Metric, PerReplica, ScaleRule, TargetTemplate};
use crate::decision::{MetricInput, Pods, Targets};
use crate::demand::Presence;
use crate::labels::Labels;
use crate::promql::{EvalError, Plan, Query, Value, Vector};
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

/// The label that names a pod, in the series of Kubernetes.
const POD: &str = "pod";

/// Whether each pod is ready, by its name.
type Readiness = BTreeMap<Workload, BTreeMap<String, bool>>;

/// The pods that count. One of which nothing says whether it is ready counts as ready.
fn pods_of(values: &BTreeMap<String, f64>, ready: Option<&BTreeMap<String, bool>>, utilization: bool) -> Pods {
    let unready = |pod: &String| ready.and_then(|ready| ready.get(pod)).is_some_and(|ready| !ready);
    let counted = values.iter().filter(|(pod, _)| !unready(pod));
    let (names, counted) = counted.map(|(pod, value)| (Arc::from(pod.as_str()), *value)).unzip();
    let others = ready.map(|ready| {
        ready.iter().fold((0, 0), |(unready, missing), (pod, ready)| {
            (unready + u32::from(!ready), missing + u32::from(*ready && !values.contains_key(pod)))
        })
    });
    Pods { values: counted, names, others, utilization }
}

/// How many targets report, for each workload that the series name and for all others.
#[derive(Debug, Default)]
struct Reporting {
    named: BTreeMap<Workload, Targets>,
    all: Targets,
}

impl Reporting {
    fn of(&self, workload: &Workload) -> Targets {
        self.named.get(workload).copied().unwrap_or(self.all)
    }
}

/// A value for each workload.
#[derive(Debug)]
struct Spread {
    /// With the labels of the series that gave it.
    named: BTreeMap<Workload, (Labels, Presence)>,
    others: Presence,
}

impl Spread {
    /// The same for all workloads.
    fn all(value: Presence) -> Self {
        Self { named: BTreeMap::new(), others: value }
    }

    fn of(&self, workload: &Workload) -> Presence {
        self.named.get(workload).map_or(self.others, |(_, value)| *value)
    }
}

/// Spreads the value of one expression over workloads.
struct Spreading<'a> {
    target: &'a TargetTemplate,
    metric: &'a str,
    field: &'static str,
    problems: &'a mut Problems,
}

impl Spreading<'_> {
    /// The value names its workloads, unless the target is constant.
    fn demand(&mut self, value: Result<(Value, f64), EvalError>) -> Spread {
        match (value, self.target.label()) {
            (Ok((Value::Scalar(value), coverage)), None) => Spread::all(Presence::covered(value, coverage)),
            (Ok((Value::Scalar(_), _)), Some(label)) => {
                self.invalid(&format!("a scalar has no label \"{label}\", which the target needs"))
            }
            (Ok((Value::Vector(vector), coverage)), _) => self.vector(vector, coverage),
            (other, _) => self.no_vector(other),
        }
    }

    /// As [`demand`](Self::demand), but a single value that names no workload is meant for all.
    fn per_replica(&mut self, value: Result<(Value, f64), EvalError>) -> Spread {
        let mut spread = self.shared(value);
        let given = spread.named.values_mut().map(|(_, value)| value).chain([&mut spread.others]);
        for value in given {
            if let Some(number) = value.value().filter(|number| *number <= 0.0) {
                self.problems.note(self.metric, self.field, &format!("{number} is not more than zero"));
                *value = Presence::Invalid;
            }
        }
        spread
    }

    /// A single value that names no workload is meant for all.
    fn shared(&mut self, value: Result<(Value, f64), EvalError>) -> Spread {
        match value {
            Ok((Value::Scalar(value), coverage)) => Spread::all(Presence::covered(value, coverage)),
            Ok((Value::Vector(vector), coverage)) => match vector.as_slice() {
                [(labels, value)] if self.target.resolve(labels).is_err() => {
                    Spread::all(Presence::covered(*value, coverage))
                }
                _ => self.vector(vector, coverage),
            },
            other => self.no_vector(other),
        }
    }

    /// A target for each series, which reports while it is above zero. Series that name no workload count for all.
    fn targets(&mut self, value: Result<Value, EvalError>) -> Reporting {
        let mut reporting = Reporting::default();
        let vector = match value {
            Ok(Value::Vector(vector)) => vector,
            Ok(_) => {
                self.problems.note(self.metric, self.field, "gives no vector; write up{…}, a series for each target");
                return reporting;
            }
            Err(error) => {
                self.problems.note(self.metric, self.field, &error.to_string());
                return reporting;
            }
        };
        for (labels, value) in vector {
            let named = self.target.label().and_then(|_| self.target.resolve(&labels).ok());
            let targets = match named {
                Some(workload) => reporting.named.entry(workload).or_default(),
                None => &mut reporting.all,
            };
            targets.expected += 1;
            targets.reporting += u32::from(value > 0.0);
        }
        reporting
    }

    /// Whether each pod is ready, of each workload.
    fn readiness(&mut self, value: Result<Value, EvalError>) -> Readiness {
        let mut readiness = Readiness::new();
        self.field = "ready";
        match value {
            Ok(Value::Vector(vector)) => {
                for (labels, value) in vector {
                    let Some((workload, pod)) = self.pod(&labels) else { continue };
                    readiness.entry(workload).or_default().insert(pod, value > 0.0);
                }
            }
            Ok(_) => self.problems.note(self.metric, self.field, "gives no vector; write a series for each pod"),
            Err(error) => self.problems.note(self.metric, self.field, &error.to_string()),
        }
        self.field = "per_pod";
        readiness
    }

    /// The workload and the pod that a series is about.
    fn pod(&mut self, labels: &Labels) -> Option<(Workload, String)> {
        let Some(pod) = labels.get(POD) else {
            let problem = format!("{labels} has no label \"{POD}\"; keep it with sum by ({POD}, …)");
            self.problems.note(self.metric, self.field, &problem);
            return None;
        };
        match self.target.resolve(labels) {
            Ok(workload) => Some((workload, pod.to_owned())),
            Err(error) => {
                self.problems.note(self.metric, self.field, &error.to_string());
                None
            }
        }
    }

    /// A pod for each series: their sums, and the single values.
    fn pods(
        &mut self,
        value: Result<(Value, f64), EvalError>,
        ready: Option<&Readiness>,
        utilization: bool,
    ) -> (Spread, BTreeMap<Workload, Pods>) {
        self.field = "per_pod";
        let (vector, coverage) = match value {
            Ok((Value::Vector(vector), coverage)) => (vector, coverage),
            Ok((Value::Scalar(_), _)) => {
                return (self.invalid("a scalar is of no pod; write a series for each pod"), BTreeMap::new());
            }
            other => return (self.no_vector(other), BTreeMap::new()),
        };
        let mut values: BTreeMap<Workload, BTreeMap<String, f64>> = BTreeMap::new();
        let mut twice = BTreeSet::new();
        for (labels, value) in vector {
            let Some((workload, pod)) = self.pod(&labels) else { continue };
            if values.entry(workload.clone()).or_default().insert(pod, value).is_some() {
                let problem = format!("{labels} is a second series of its pod; aggregate them with sum by ({POD}, …)");
                self.problems.note(self.metric, self.field, &problem);
                twice.insert(workload);
            }
        }
        let nobody = BTreeMap::new();
        let mut spread = Spread::all(Presence::Absent);
        let mut pods = BTreeMap::new();
        for (workload, values) in values {
            let found = pods_of(&values, ready.map(|ready| ready.get(&workload).unwrap_or(&nobody)), utilization);
            let presence = if twice.contains(&workload) {
                Presence::Invalid
            } else if found.values.is_empty() {
                // Pods that start say nothing of the load.
                Presence::Absent
            } else {
                Presence::covered(found.values.iter().sum(), coverage)
            };
            spread.named.insert(workload.clone(), (Labels::empty(), presence));
            pods.insert(workload, found);
        }
        (spread, pods)
    }

    /// A workload for each series.
    fn vector(&mut self, vector: Vector, coverage: f64) -> Spread {
        let mut spread = Spread::all(Presence::Absent);
        for (labels, value) in vector {
            let workload = match self.target.resolve(&labels) {
                Ok(workload) => workload,
                Err(error) => {
                    self.problems.note(self.metric, self.field, &error.to_string());
                    continue;
                }
            };
            match spread.named.entry(workload) {
                Entry::Vacant(slot) => {
                    slot.insert((labels, Presence::covered(value, coverage)));
                }
                Entry::Occupied(mut slot) => {
                    let problem =
                        format!("{} and {labels} are both about {}; {}", slot.get().0, slot.key(), self.way_out());
                    self.problems.note(self.metric, self.field, &problem);
                    slot.get_mut().1 = Presence::Invalid;
                }
            }
        }
        spread
    }

    /// How to get one series for each workload.
    fn way_out(&self) -> String {
        match self.target.label() {
            None => "aggregate them with sum(…)".to_owned(),
            Some(label) => format!("aggregate them with sum by ({label}, …)"),
        }
    }

    fn no_vector(&mut self, value: Result<(Value, f64), EvalError>) -> Spread {
        match value {
            Err(error) => self.invalid(&error.to_string()),
            Ok((Value::Matrix(_), _)) => self.invalid("gives a range vector; wrap it in a function such as rate"),
            Ok((Value::Scalar(_) | Value::Vector(_) | Value::String(_), _)) => {
                self.invalid("gives a string, not a number")
            }
        }
    }

    fn invalid(&mut self, problem: &str) -> Spread {
        self.problems.note(self.metric, self.field, problem);
        Spread::all(Presence::Invalid)
    }
}

/// What went wrong in one evaluation. A fleet may go wrong in a thousand ways at once: the first is told, the rest
/// are counted.
#[derive(Debug, Default)]
struct Problems {
    first: Option<String>,
    more: usize,
}

impl Problems {
    fn note(&mut self, metric: &str, field: &str, problem: &str) {
        match self.first {
            None => self.first = Some(format!("{field} of metric \"{metric}\": {problem}")),
            Some(_) => self.more += 1,
        }
    }

    fn into_text(self) -> Option<String> {
        let more = self.more;
        self.first.map(|first| if more == 0 { first } else { format!("{first} (and {more} more)") })
    }
}
