//! What is known at one evaluation, and why a metric may say nothing.

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::economy::{Per, Resource};
use crate::demand::Presence;
use crate::schedule::Planned;
use crate::time::Timestamp;
use crate::workload::{Replicas, Trouble};

/// What is known at one evaluation.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Inputs {
    pub metrics: Vec<MetricInput>,
    /// When the metrics were evaluated: the same data decided on twice counts once.
    pub evaluated_at: Timestamp,
    /// What the scale subresource asks for now.
    pub replicas: Replicas,
    /// Pods that are ready now.
    pub ready: Replicas,
    /// Pods that will not become ready by waiting.
    pub trouble: Trouble,
    /// What schedules and planned events say now.
    pub calendar: Calendar,
    /// The most that money and shared limits allow; the smallest counts.
    pub caps: Vec<Cap>,
    /// Why no workload may be lowered now.
    pub freeze: Option<Freeze>,
    /// A count asked for by hand.
    pub manual: Option<Manual>,
    /// The last scaling went wrong and was taken back.
    pub rollback: Option<Rollback>,
}

/// One metric of a scale rule.
#[derive(Debug, Clone, PartialEq)]
pub struct MetricInput {
    pub name: Arc<str>,
    /// Total work arriving, in the metric's own unit; the count itself where the metric is absolute.
    pub demand: Presence,
    /// Work that one replica takes, in the same unit.
    pub per_replica: Presence,
    /// The demand is a count of replicas already.
    pub absolute: bool,
    /// What the demand is the sum of, where each pod has a value of its own.
    pub pods: Option<Pods>,
    /// Demand up to here doesn't wake a workload that has none, and lets it go to zero.
    pub activation: f64,
    /// It is left out of everything.
    pub paused: bool,
    /// How many of the targets that should report do.
    pub targets: Option<Targets>,
    /// How far the demand is from what it has been lately, in standard deviations.
    pub z_score: Option<f64>,
    /// What the forecaster expects.
    pub outlook: Option<Outlook>,
    /// A known pattern of demand that the recent minutes look like, and what it says comes.
    pub matched: Option<Matched>,
    /// Pods whose values are unlike the others'.
    pub outlying: Option<Outlying>,
}

/// The values of a workload's pods.
#[derive(Debug, Clone, PartialEq)]
pub struct Pods {
    /// Those of the pods that count: of ready ones, as far as single pods are known to be ready or not.
    pub values: Vec<f64>,
    /// Their names, in the same order; empty where they have none.
    pub names: Vec<Arc<str>>,
    /// Pods that are not ready, and pods that are and have no value; `None` where nothing tells of single pods.
    pub others: Option<(u32, u32)>,
    /// The values are fractions of what a pod requests.
    pub utilization: bool,
}

impl Pods {
    /// How many are not ready, and how many of the others have no value. Where nothing tells of single pods, those that
    /// have no value are the ones that the cluster says are not ready, as far as there are as many.
    #[must_use]
    pub fn others(&self, replicas: Replicas, ready: Replicas) -> (u32, u32) {
        self.others.unwrap_or_else(|| {
            let silent = replicas.saturating_sub(u32::try_from(self.values.len()).unwrap_or(u32::MAX));
            let unready = silent.min(replicas.saturating_sub(ready));
            (unready, silent - unready)
        })
    }
}

/// How many of a metric's targets report.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Targets {
    pub reporting: u32,
    pub expected: u32,
}

/// What a forecaster expects of one metric's demand.
#[derive(Debug, Clone, PartialEq)]
pub struct Outlook {
    /// The quantile of the largest demand from the lead time on to the next chance to act, in the metric's unit.
    pub demand: f64,
    /// Which quantile: 0.9 is p90.
    pub quantile: f64,
    /// When that window ends.
    pub by: Timestamp,
    /// What may come back before a replica that is let go now had been worth it; `None` where a forecast may only raise,
    /// and is followed to the letter.
    pub hold: Option<Hold>,
    /// How far the recent record allows to believe it: 0 to 1.
    pub trust: f64,
    /// The model's name.
    pub model: Arc<str>,
}

/// A pattern of demand that the recent minutes look like.
#[derive(Debug, Clone, PartialEq)]
pub struct Matched {
    /// As people call it: `flash crowd "black friday"`.
    pub pattern: Arc<str>,
    /// How much its word weighs, 0 to 1: its validity, by how near to it the minutes are.
    pub weight: f64,
    /// What it says, as far as it weighs, of the largest demand up to the next chance to act; in the metric's unit.
    pub demand: f64,
    /// When that window ends.
    pub by: Timestamp,
}

/// Pods of a metric whose values stand apart from the others'.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outlying {
    /// The one that is furthest from the others.
    pub pod: Arc<str>,
    /// How many stand apart, and of how many that were judged.
    pub pods: u32,
    pub of: u32,
}

/// What is expected of the time that a lower count would have to last.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Hold {
    /// The same quantile of the largest demand from now on, in the metric's unit.
    pub demand: f64,
    /// When that time ends.
    pub by: Timestamp,
}

/// What schedules and planned events say at one moment.
#[derive(Debug, Clone, PartialEq)]
pub struct Calendar {
    /// The most restrictive of the active floors, and the schedule's name.
    pub floor: Option<(Replicas, Arc<str>)>,
    pub ceiling: Option<(Replicas, Arc<str>)>,
    /// Demand counts so many times while a schedule says so.
    pub multiplier: f64,
    pub event: Option<Planned>,
}

impl Default for Calendar {
    fn default() -> Self {
        Self { floor: None, ceiling: None, multiplier: 1.0, event: None }
    }
}

/// The most that money, or a limit that a group shares, allows a workload.
#[derive(Debug, Clone, PartialEq)]
pub enum Cap {
    /// So many replicas can be paid until the period's end.
    Budget { affords: Replicas, spent: f64, budget: f64, per: Per },
    /// So many are this workload's share.
    Share { granted: Replicas, group: Arc<str>, resource: Resource },
}

impl Cap {
    pub(super) fn replicas(&self) -> Replicas {
        match self {
            Self::Budget { affords, .. } => *affords,
            Self::Share { granted, .. } => *granted,
        }
    }
}

/// Why no workload may be lowered now.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Freeze {
    /// So many of the workloads want to go down at once.
    Breaker { down: usize, of: usize },
    /// Fewer samples come in than lately: this part of what is usual.
    Ingestion { part: f64 },
}

/// A count asked for by hand.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Manual {
    pub replicas: Replicas,
    pub author: Arc<str>,
    pub reason: Arc<str>,
    pub until: Timestamp,
}

/// A scaling that went wrong and was taken back.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Rollback {
    /// The last good count.
    pub good: Replicas,
    /// The count that went wrong.
    pub bad: Replicas,
    pub until: Timestamp,
    /// What went wrong, in a few words.
    pub why: Arc<str>,
}

impl MetricInput {
    /// A metric without anything but its numbers.
    #[must_use]
    pub fn new(name: impl Into<Arc<str>>, demand: Presence, per_replica: Presence) -> Self {
        Self {
            name: name.into(),
            demand,
            per_replica,
            absolute: false,
            pods: None,
            activation: 0.0,
            paused: false,
            targets: None,
            z_score: None,
            outlook: None,
            matched: None,
            outlying: None,
        }
    }

    /// Demand and work per replica where both can be used; else what is missing.
    pub(super) fn read(&self) -> Result<(f64, f64), Missing> {
        let demand = self.demand_value().map_err(|why| self.missing(Part::Demand, why))?;
        let per_replica = self.per_replica_value().map_err(|why| self.missing(Part::PerReplica, why))?;
        Ok((demand, per_replica))
    }

    /// What forbids a scale-down: an input that can't be used, or one that may be too small.
    pub(super) fn hole(&self) -> Option<Missing> {
        let partial = |part, presence| match presence {
            Presence::Partial { .. } => Some(self.missing(part, Why::Partial)),
            _ => None,
        };
        let unread = self.read().err();
        let partial = || partial(Part::Demand, self.demand).or_else(|| partial(Part::PerReplica, self.per_replica));
        unread.or_else(partial).or_else(|| self.few_targets())
    }

    fn few_targets(&self) -> Option<Missing> {
        let targets = self.targets?;
        let enough = f64::from(targets.expected) * crate::demand::COVERAGE_MIN;
        let few = f64::from(targets.reporting) < enough;
        let Targets { reporting, expected } = targets;
        few.then(|| self.missing(Part::Targets, Why::Silent { reporting, expected }))
    }

    fn demand_value(&self) -> Result<f64, Why> {
        let value = number(self.demand)?;
        // Work that arrives cannot be less than none: an expression that says so is broken.
        if value < 0.0 { Err(Why::Negative) } else { Ok(value) }
    }

    fn per_replica_value(&self) -> Result<f64, Why> {
        let value = number(self.per_replica)?;
        if value > 0.0 { Ok(value) } else { Err(Why::NotPositive) }
    }

    fn missing(&self, part: Part, why: Why) -> Missing {
        Missing { metric: Arc::clone(&self.name), part, why }
    }
}

fn number(presence: Presence) -> Result<f64, Why> {
    match presence {
        Presence::Present(value) | Presence::Partial { value, .. } if value.is_finite() => Ok(value),
        Presence::Present(_) | Presence::Partial { .. } | Presence::Invalid => Err(Why::Invalid),
        Presence::Absent => Err(Why::Absent),
        Presence::Stale => Err(Why::Stale),
    }
}

/// An input that cannot be used. Written `requests demand absent`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Missing {
    pub metric: Arc<str>,
    pub part: Part,
    pub why: Why,
}

impl fmt::Display for Missing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.why {
            Why::Silent { reporting, expected } => {
                write!(f, "{}: {reporting} of {expected} targets report", self.metric)
            }
            why => write!(f, "{} {} {}", self.metric, self.part.as_str(), why.as_str()),
        }
    }
}

/// A field of a metric, as rule files name it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Part {
    Demand,
    PerReplica,
    Targets,
}

impl Part {
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Demand => "demand",
            Self::PerReplica => "per_replica",
            Self::Targets => "targets",
        }
    }
}

/// Why an input cannot be used: [`Presence`]'s ways, and numbers that mean nothing here.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Why {
    Absent,
    Stale,
    Invalid,
    /// Its windows are filled in part only.
    Partial,
    /// Demand below zero.
    Negative,
    /// Work per replica of zero or less.
    NotPositive,
    /// Too few of the targets that should report do.
    Silent {
        reporting: u32,
        expected: u32,
    },
}

impl Why {
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Absent => "absent",
            Self::Stale => "stale",
            Self::Invalid => "invalid",
            Self::Partial => "partial",
            Self::Negative => "negative",
            Self::NotPositive => "not positive",
            Self::Silent { .. } => "silent",
        }
    }
}
