//! Policy + inputs + state → decision: a pure function with a chain of steps that explains it.
//!
//! Each layer is one function in one file; it appends a [`Step`] where it has something to say.
//! Never here: a clock, I/O, randomness. `benches/decision.rs` guards it.

mod bounds;
mod guards;
mod policy;
mod reactive;
mod stability;
mod state;
mod step;
#[cfg(test)]
mod tests;

use std::sync::Arc;

pub use policy::{Behavior, Change, Policy, ScalingPolicy, ScalingRules, SelectPolicy};
pub use state::State;
pub use step::{Decision, Layer, Reason, Step};

use crate::demand::Presence;
use crate::time::Timestamp;
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

/// Decides one workload's replica count, and gives the state to remember.
#[must_use]
pub fn decide(policy: &Policy, inputs: &Inputs, state: &State, now: Timestamp) -> (Decision, State) {
    let mut state = state.clone();
    let current = inputs.replicas;
    let mut steps = vec![reactive::reactive(inputs, &policy.behavior)];
    steps.extend(guards::guards(inputs, last(&steps)));
    // While a metric is missing the present count is what is recommended: when data comes back with a low value, the
    // scale-down window begins anew.
    state.recommended(now, last(&steps));
    state.forget(policy, now);
    steps.extend(bounds::bounds(policy, last(&steps)));
    steps.extend(stability::stability(policy, &state, current, last(&steps), now));
    // A window may remember what other bounds allowed.
    steps.extend(bounds::bounds(policy, last(&steps)));
    let layer = deciding(&steps);
    let revisit_at = stability::revisit_at(policy, &state, now);
    (Decision { at: now, from: current, to: last(&steps), layer, steps, revisit_at }, state)
}

fn last(steps: &[Step]) -> Replicas {
    steps.last().map_or(0, |step| step.wants)
}

/// The last layer that changed what the one before wanted; else the first, whose answer stood.
fn deciding(steps: &[Step]) -> Layer {
    let changed = steps.iter().zip(steps.iter().skip(1)).filter(|(one, next)| one.wants != next.wants);
    changed.last().map_or(Layer::Reactive, |(_, next)| next.layer)
}
