//! A decision as people and programs read it: the chain of steps, each with the number that decided.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use serde::Serialize;
use serde::ser::SerializeStruct;

use super::policy::ScalingPolicy;
use crate::demand::Presence;
use crate::time::{Timestamp, format_duration};
use crate::workload::{Replicas, Workload};

/// The layers, in the order in which they speak.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Layer {
    Reactive,
    Guards,
    Bounds,
    Stability,
}

impl Layer {
    /// All layers, in their order.
    pub const ALL: [Self; 4] = [Self::Reactive, Self::Guards, Self::Bounds, Self::Stability];

    /// The word for logs, metrics and the API.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Reactive => "reactive",
            Self::Guards => "guards",
            Self::Bounds => "bounds",
            Self::Stability => "stability",
        }
    }
}

/// A replica count and the chain of steps that led to it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Decision {
    #[serde(skip)]
    pub at: Timestamp,
    pub from: Replicas,
    pub to: Replicas,
    /// The layer that decided: the last one that changed what the one before wanted.
    pub layer: Layer,
    pub steps: Vec<Step>,
    /// When time alone may change the answer: a window, a period or a cooldown ends.
    #[serde(skip)]
    pub revisit_at: Option<Timestamp>,
}

/// What one layer wanted, and why.
#[derive(Debug, Clone, PartialEq)]
pub struct Step {
    pub layer: Layer,
    pub wants: Replicas,
    pub reason: Reason,
}

/// Why a layer wants what it wants.
#[derive(Debug, Clone, PartialEq)]
pub enum Reason {
    /// Demand divided by what one replica takes.
    Demand {
        metric: Arc<str>,
        demand: f64,
        per_replica: f64,
        replicas: Replicas,
    },
    /// Demand is so close to what the replicas take that nothing changes.
    Tolerated {
        metric: Arc<str>,
        demand: f64,
        per_replica: f64,
        replicas: Replicas,
        tolerance: f64,
    },
    /// No metric says anything.
    Silent,
    /// A metric is missing: nothing goes down.
    Missing {
        metric: Arc<str>,
        what: &'static str,
        presence: Presence,
    },
    Minimum,
    Maximum,
    /// A recommendation within the window: the highest on the way down, the lowest on the way up.
    Stabilized {
        replicas: Replicas,
        window: Duration,
    },
    /// A change that a policy allows.
    Fits {
        change: i64,
        policy: ScalingPolicy,
    },
    /// A change that a policy cuts.
    Limited {
        wanted: i64,
        policy: ScalingPolicy,
    },
    /// The direction is off.
    Disabled {
        direction: &'static str,
    },
    /// The last scaling is too recent for a scale-down.
    CoolingDown {
        cooldown: Duration,
        scaled_at: Timestamp,
    },
}

impl Reason {
    /// One word for programs.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Demand { .. } => "demand",
            Self::Tolerated { .. } => "tolerated",
            Self::Silent => "silent",
            Self::Missing { .. } => "missing",
            Self::Minimum => "minimum",
            Self::Maximum => "maximum",
            Self::Stabilized { .. } => "stabilized",
            Self::Fits { .. } => "fits",
            Self::Limited { .. } => "limited",
            Self::Disabled { .. } => "disabled",
            Self::CoolingDown { .. } => "cooling_down",
        }
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Demand { metric, demand, per_replica, replicas } => {
                write!(f, "{metric} {} / {} = {replicas}", Figure(*demand), Figure(*per_replica))
            }
            Self::Tolerated { metric, demand, per_replica, replicas, tolerance } => {
                let (demand, per_replica) = (Figure(*demand), Figure(*per_replica));
                write!(f, "{metric} {demand} is within {}% of {replicas} x {per_replica}", Figure(tolerance * 100.0))
            }
            Self::Silent => write!(f, "no metric has a value"),
            Self::Missing { metric, what, presence } => {
                write!(f, "{what} of {metric} is {}, nothing goes down", presence.as_str())
            }
            Self::Minimum => write!(f, "minimum"),
            Self::Maximum => write!(f, "maximum"),
            Self::Stabilized { replicas, window } => write!(f, "{replicas} within {}", format_duration(*window)),
            Self::Fits { change, policy } => write!(f, "{change:+} fits {policy}"),
            Self::Limited { wanted, policy } => write!(f, "{wanted:+} is more than {policy}"),
            Self::Disabled { direction } => write!(f, "scaling {direction} is disabled"),
            Self::CoolingDown { cooldown, scaled_at } => {
                write!(f, "cools down for {} since {scaled_at}", format_duration(*cooldown))
            }
        }
    }
}

/// A number with at most four significant digits after the point: `190`, `0.7`, `1234.5`.
struct Figure(f64);

impl fmt::Display for Figure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let magnitude = self.0.abs();
        let digits = match magnitude {
            value if value >= 1_000.0 => 0,
            value if value >= 100.0 => 1,
            value if value >= 1.0 => 2,
            _ => 4,
        };
        let text = format!("{:.digits$}", self.0);
        let text = if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.') } else { &text };
        f.write_str(text)
    }
}

impl Decision {
    /// The reason in one line: the layer that decided, and its number.
    #[must_use]
    pub fn summary(&self) -> String {
        let decided = self.steps.iter().rev().find(|step| step.layer == self.layer);
        decided.map_or_else(String::new, |step| format!("{}: {}", step.layer.as_str(), step.reason))
    }

    /// The reason without the layer.
    #[must_use]
    pub fn reason(&self) -> String {
        let decided = self.steps.iter().rev().find(|step| step.layer == self.layer);
        decided.map_or_else(String::new, |step| step.reason.to_string())
    }

    /// `shop/checkout 4 -> 6`
    #[must_use]
    pub fn headline(&self, workload: &Workload) -> String {
        format!("{workload} {} -> {}", self.from, self.to)
    }
}

/// The chain, a line a step.
impl fmt::Display for Decision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, Step { layer, reason, .. }) in self.steps.iter().enumerate() {
            let newline = if at > 0 { "\n" } else { "" };
            write!(f, "{newline}  {:<11} {reason}", layer.as_str())?;
        }
        Ok(())
    }
}

impl Serialize for Step {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut fields = serializer.serialize_struct("Step", 4)?;
        fields.serialize_field("layer", &self.layer)?;
        fields.serialize_field("wants", &self.wants)?;
        fields.serialize_field("code", self.reason.code())?;
        fields.serialize_field("reason", &self.reason.to_string())?;
        fields.end()
    }
}
