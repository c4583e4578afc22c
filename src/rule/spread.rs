//! Spreads what one expression says over the workloads that its series name.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::TargetTemplate;
use crate::decision::{Pods, Targets};
use crate::demand::Presence;
use crate::labels::Labels;
use crate::promql::{EvalError, Value, Vector};
use crate::workload::Workload;

/// The label that names a pod, in the series of Kubernetes.
const POD: &str = "pod";

/// Whether each pod is ready, by its name.
pub(super) type Readiness = BTreeMap<Workload, BTreeMap<String, bool>>;

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
pub(super) struct Reporting {
    named: BTreeMap<Workload, Targets>,
    all: Targets,
}

impl Reporting {
    pub(super) fn of(&self, workload: &Workload) -> Targets {
        self.named.get(workload).copied().unwrap_or(self.all)
    }
}

/// A value for each workload.
#[derive(Debug)]
pub(super) struct Spread {
    /// With the labels of the series that gave it.
    pub(super) named: BTreeMap<Workload, (Labels, Presence)>,
    pub(super) others: Presence,
}

impl Spread {
    /// The same for all workloads.
    pub(super) fn all(value: Presence) -> Self {
        Self { named: BTreeMap::new(), others: value }
    }

    pub(super) fn of(&self, workload: &Workload) -> Presence {
        self.named.get(workload).map_or(self.others, |(_, value)| *value)
    }
}

/// Spreads the value of one expression over workloads.
pub(super) struct Spreading<'a> {
    pub(super) target: &'a TargetTemplate,
    pub(super) metric: &'a str,
    pub(super) field: &'static str,
    pub(super) problems: &'a mut Problems,
}

impl Spreading<'_> {
    /// The value names its workloads, unless the target is constant.
    pub(super) fn demand(&mut self, value: Result<(Value, f64), EvalError>) -> Spread {
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
    pub(super) fn per_replica(&mut self, value: Result<(Value, f64), EvalError>) -> Spread {
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
    pub(super) fn shared(&mut self, value: Result<(Value, f64), EvalError>) -> Spread {
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
    pub(super) fn targets(&mut self, value: Result<Value, EvalError>) -> Reporting {
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
    pub(super) fn readiness(&mut self, value: Result<Value, EvalError>) -> Readiness {
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
    pub(super) fn pods(
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
pub(super) struct Problems {
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

    pub(super) fn into_text(self) -> Option<String> {
        let more = self.more;
        self.first.map(|first| if more == 0 { first } else { format!("{first} (and {more} more)") })
    }
}
