//! Evaluates a scale rule: which workloads, and each metric's demand and capacity for each of them.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::sync::Arc;

use super::{Metric, PerReplica, ScaleRule, TargetTemplate};
use crate::decision::MetricInput;
use crate::demand::Presence;
use crate::labels::Labels;
use crate::promql::{EvalError, Plan, Query, Value, Vector};
use crate::series::Subscription;
use crate::time::Timestamp;
use crate::workload::Workload;

/// A [`ScaleRule`], ready to be evaluated.
#[derive(Debug)]
pub struct BoundScale {
    pub rule: Arc<ScaleRule>,
    pub(super) metrics: Vec<BoundMetric>,
    pub(super) subscriptions: Vec<Arc<Subscription>>,
}

/// A [`Metric`], ready to be evaluated.
#[derive(Debug)]
pub(super) struct BoundMetric {
    name: Arc<str>,
    demand: Query,
    per_replica: Capacity,
}

#[derive(Debug)]
enum Capacity {
    Number(f64),
    Expr(Query),
}

impl Metric {
    pub(super) fn bind(&self, query: &mut impl FnMut(&Arc<Plan>) -> Query) -> BoundMetric {
        let demand = query(&self.demand);
        let per_replica = match &self.per_replica {
            PerReplica::Number(number) => Capacity::Number(*number),
            PerReplica::Expr(plan) => Capacity::Expr(query(plan)),
        };
        BoundMetric { name: Arc::clone(&self.name), demand, per_replica }
    }
}

/// What a scale rule says at one time.
#[derive(Debug, Clone, PartialEq)]
pub struct Answers {
    /// Sorted by workload. Each has an input for each of the rule's metrics, in their order. With a constant target
    /// this is one, always; else a workload of which no metric has a demand any more is not among them.
    pub workloads: Vec<(Workload, Vec<MetricInput>)>,
    /// What went wrong. The inputs that it touches say `Invalid`; the others stand.
    pub failed: Option<String>,
}

impl BoundScale {
    /// Evaluates every metric at `now`.
    #[must_use]
    pub fn eval(&self, now: Timestamp) -> Answers {
        let mut problems = Problems::default();
        let target = &self.rule.target;
        let metrics: Vec<(Spread, Spread)> =
            self.metrics.iter().map(|metric| metric.eval(target, now, &mut problems)).collect();

        let mut workloads: BTreeMap<Workload, Vec<MetricInput>> = BTreeMap::new();
        let named = metrics.iter().flat_map(|(demand, _)| demand.named.keys().cloned());
        for workload in target.constant().into_iter().chain(named) {
            let Entry::Vacant(slot) = workloads.entry(workload) else { continue };
            let inputs = self.metrics.iter().zip(&metrics).map(|(metric, (demand, per_replica))| MetricInput {
                name: Arc::clone(&metric.name),
                demand: demand.of(slot.key()),
                per_replica: per_replica.of(slot.key()),
            });
            let inputs = inputs.collect();
            slot.insert(inputs);
        }
        Answers { workloads: workloads.into_iter().collect(), failed: problems.into_text() }
    }
}

impl BoundMetric {
    /// Demand and capacity.
    fn eval(&self, target: &TargetTemplate, now: Timestamp, problems: &mut Problems) -> (Spread, Spread) {
        let mut spread = Spreading { target, metric: &self.name, field: "demand", problems };
        let demand = spread.demand(self.demand.eval_covered(now));
        spread.field = "per_replica";
        let per_replica = match &self.per_replica {
            Capacity::Number(number) => Spread::all(Presence::Present(*number)),
            Capacity::Expr(query) => spread.per_replica(query.eval_covered(now)),
        };
        (demand, per_replica)
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
        let mut spread = match value {
            Ok((Value::Scalar(value), coverage)) => Spread::all(Presence::covered(value, coverage)),
            Ok((Value::Vector(vector), coverage)) => match vector.as_slice() {
                [(labels, value)] if self.target.resolve(labels).is_err() => {
                    Spread::all(Presence::covered(*value, coverage))
                }
                _ => self.vector(vector, coverage),
            },
            other => self.no_vector(other),
        };
        let given = spread.named.values_mut().map(|(_, value)| value).chain([&mut spread.others]);
        for value in given {
            if let Some(number) = value.value().filter(|number| *number <= 0.0) {
                self.problems.note(self.metric, self.field, &format!("{number} is not more than zero"));
                *value = Presence::Invalid;
            }
        }
        spread
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
