//! Evaluates a scale rule: which workloads, and each metric's demand and capacity for each of them.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::sync::Arc;

use super::{External, Metric, PerReplica, ScaleRule, TargetTemplate};
use crate::decision::{MetricInput, Targets};
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
    activation: f64,
    paused: bool,
    targets: Option<Query>,
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
        let targets = self.targets.as_ref().map(query);
        BoundMetric { name: Arc::clone(&self.name), demand, per_replica, activation, paused, targets }
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
        for workload in target.constant().into_iter().chain(named) {
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
        let mut demand = spread.demand(self.demand.eval_covered(now));
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
        Metered { demand, per_replica, targets }
    }
}

/// What one metric's expressions said.
#[derive(Debug)]
struct Metered {
    demand: Spread,
    per_replica: Spread,
    targets: Option<Reporting>,
}

impl Metered {
    /// What it means for a workload.
    fn of(&self, metric: &BoundMetric, workload: &Workload) -> MetricInput {
        MetricInput {
            absolute: matches!(metric.per_replica, Capacity::Absolute),
            activation: metric.activation,
            paused: metric.paused,
            targets: self.targets.as_ref().map(|targets| targets.of(workload)),
            ..MetricInput::new(Arc::clone(&metric.name), self.demand.of(workload), self.per_replica.of(workload))
        }
    }
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
