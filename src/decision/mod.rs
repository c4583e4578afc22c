//! Policy + inputs + state → decision: a pure function with a chain of steps that explains it.
//!
//! Each layer is one function in one file; it appends one [`Step`]. Never here: a clock, I/O, randomness.

use std::time::Duration;

use crate::demand::Presence;
use crate::time::Timestamp;
use crate::workload::Replicas;

/// How one workload is to be scaled.
#[derive(Debug, Clone, PartialEq)]
pub struct Policy {
    pub min: Replicas,
    pub max: Replicas,
    pub behavior: Behavior,
    /// After a scale-up, how long no scale-down follows; after a scale-down, how long no further one does.
    pub cooldown: Duration,
}

/// HPA v2's `behavior`.
#[derive(Debug, Clone, PartialEq)]
pub struct Behavior {
    pub scale_up: ScalingRules,
    pub scale_down: ScalingRules,
}

/// One direction of HPA v2's `behavior`.
#[derive(Debug, Clone, PartialEq)]
pub struct ScalingRules {
    pub stabilization_window: Duration,
    pub select: SelectPolicy,
    pub policies: Vec<ScalingPolicy>,
    /// Fraction of the ratio of wanted to current replicas within which nothing changes: 0.1 is 10 %.
    pub tolerance: f64,
}

/// HPA v2's `selectPolicy`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SelectPolicy {
    Max,
    Min,
    Disabled,
}

/// One HPA v2 policy: how much may change within a period.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ScalingPolicy {
    pub change: Change,
    pub period: Duration,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Change {
    Pods(u32),
    Percent(u32),
}

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
    pub name: std::sync::Arc<str>,
    /// Total work arriving, in the metric's own unit.
    pub demand: Presence,
    /// Work that one replica takes, in the same unit.
    pub per_replica: Presence,
}

/// What must be remembered between two decisions on one workload.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct State {}

impl State {
    /// Notes that the workload was scaled: policies and the cooldown account for it.
    pub fn scaled(&mut self, _at: Timestamp, _from: Replicas, _to: Replicas) {}
}

/// The layers, in the order in which they speak.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Layer {
    Reactive,
    Guards,
    Bounds,
    Stability,
}

impl Layer {
    /// One word for logs, metrics and reasons.
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
#[derive(Debug, Clone, PartialEq)]
pub struct Decision {
    pub at: Timestamp,
    pub from: Replicas,
    pub to: Replicas,
    pub steps: Vec<Step>,
}

/// What one layer wanted, and which number decided.
#[derive(Debug, Clone, PartialEq)]
pub struct Step {
    pub layer: Layer,
    pub wants: Replicas,
    pub reason: String,
}

/// Decides one workload's replica count.
#[must_use]
pub fn decide(_policy: &Policy, inputs: &Inputs, state: &State, now: Timestamp) -> (Decision, State) {
    (Decision { at: now, from: inputs.replicas, to: inputs.replicas, steps: Vec::new() }, state.clone())
}
