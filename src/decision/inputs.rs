//! What is known at one evaluation, and why a metric may say nothing.

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::demand::Presence;
use crate::workload::Replicas;

/// What is known at one evaluation.
#[derive(Debug, Clone, PartialEq)]
pub struct Inputs {
    pub metrics: Vec<MetricInput>,
    /// What the scale subresource asks for now.
    pub replicas: Replicas,
    /// Pods that are ready now.
    pub ready: Replicas,
}

/// One metric of a scale rule.
#[derive(Debug, Clone, PartialEq)]
pub struct MetricInput {
    pub name: Arc<str>,
    /// Total work arriving, in the metric's own unit.
    pub demand: Presence,
    /// Work that one replica takes, in the same unit.
    pub per_replica: Presence,
}

impl MetricInput {
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
        unread.or_else(|| partial(Part::Demand, self.demand)).or_else(|| partial(Part::PerReplica, self.per_replica))
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
        write!(f, "{} {} {}", self.metric, self.part.as_str(), self.why.as_str())
    }
}

/// A field of a metric, as rule files name it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Part {
    Demand,
    PerReplica,
}

impl Part {
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Demand => "demand",
            Self::PerReplica => "per_replica",
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
        }
    }
}
