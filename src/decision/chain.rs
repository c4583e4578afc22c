//! A decision as it is told: a replica count and the chain of steps that led to it.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::reason::Reason;
use crate::time::Timestamp;
use crate::workload::{Replicas, Workload};

/// The layers, in the order in which they speak.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Layer {
    Reactive,
    Predictive,
    Guards,
    Economy,
    Bounds,
    Stability,
}

impl Layer {
    /// All layers, in order.
    pub const ALL: [Self; 6] =
        [Self::Reactive, Self::Predictive, Self::Guards, Self::Economy, Self::Bounds, Self::Stability];

    /// The layer's name in logs, metrics and the API.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Reactive => "reactive",
            Self::Predictive => "predictive",
            Self::Guards => "guards",
            Self::Economy => "economy",
            Self::Bounds => "bounds",
            Self::Stability => "stability",
        }
    }
}

impl fmt::Display for Layer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// What one layer was given, what it wants instead, and which numbers decided.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Step {
    pub layer: Layer,
    /// What the layer before wanted; for the first, the current count.
    pub given: Replicas,
    pub wants: Replicas,
    pub reason: Reason,
}

impl Step {
    /// Whether this step made the count what it is, by changing or by holding it.
    fn decides(&self) -> bool {
        self.wants != self.given || self.reason.holds()
    }
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:<10}  {}", self.layer, self.reason)
    }
}

/// A replica count and the chain of steps that led to it, one for each layer.
///
/// `Display` is the textual form: a line for each step that has something to say, under [`Decision::headline`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Decision {
    pub at: Timestamp,
    pub from: Replicas,
    pub to: Replicas,
    /// The layer that decided: the last one that changed the count or held it.
    pub layer: Layer,
    pub steps: Vec<Step>,
    /// From when on the same inputs may be answered differently, because a window, a policy's period or the cooldown
    /// ends: decide again then. Never later than that moment; `None` while time alone changes nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revisit_at: Option<Timestamp>,
}

impl Decision {
    /// What the layers, in order, made of the count `from`.
    pub(super) fn new(at: Timestamp, from: Replicas, steps: Vec<Step>, revisit_at: Option<Timestamp>) -> Self {
        let to = steps.last().map_or(from, |step| step.wants);
        let layer = steps.iter().rfind(|step| step.decides()).map_or(Layer::Reactive, |step| step.layer);
        Self { at, from, to, layer, steps, revisit_at }
    }

    /// Whether another count is wanted than there is.
    #[must_use]
    pub fn changes(&self) -> bool {
        self.to != self.from
    }

    /// The step of the layer that decided.
    #[must_use]
    pub fn decisive(&self) -> Option<&Step> {
        self.steps.iter().find(|step| step.layer == self.layer)
    }

    /// The reason in one line: `requests 190 / 50 = 4`, or with the layer where that was another than the demand:
    /// `stability: 5 within 5m`.
    #[must_use]
    pub fn summary(&self) -> String {
        match self.decisive() {
            Some(step) if step.layer == Layer::Reactive => step.reason.to_string(),
            Some(step) => format!("{}: {}", step.layer, step.reason),
            None => String::new(),
        }
    }

    /// The first line of the textual form: `shop/checkout 4 -> 6`.
    #[must_use]
    pub fn headline(&self, workload: &Workload) -> String {
        format!("{workload} {} -> {}", self.from, self.to)
    }
}

impl fmt::Display for Decision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut lines = self.steps.iter().filter(|step| !step.reason.is_quiet());
        if let Some(first) = lines.next() {
            write!(f, "  {first}")?;
        }
        lines.try_for_each(|step| write!(f, "\n  {step}"))
    }
}
