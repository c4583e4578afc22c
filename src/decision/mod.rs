//! Policy + inputs + state → decision: a pure function with a chain of steps that explains it.
//!
//! In: what the metrics say and how many replicas there are. Out: how many there should be, why, and from when on time
//! alone may change the answer. Each layer is one function in one file; it appends one [`Step`], in the order of
//! [`Layer`]. The rules are those of HPA v2; where we differ, the layer's file says so.
//!
//! Never here: a clock, I/O, randomness. `benches/decision.rs` guards the cost of a decision.

mod bounds;
mod chain;
mod guards;
mod inputs;
mod pace;
mod per_pod;
mod policy;
mod reactive;
mod reason;
mod stability;
mod state;
mod window;

#[cfg(test)]
mod tests;

use crate::time::Timestamp;

pub use chain::{Decision, Layer, Step};
pub use inputs::{Inputs, MetricInput, Missing, Part, Why};
pub use per_pod::{per_pod, per_pod_utilization};
pub use policy::{Behavior, Change, Direction, Policy, ScalingPolicy, ScalingRules, SelectPolicy};
pub use reason::Reason;
pub use state::State;

/// Decides one workload's replica count.
///
/// The returned state replaces the given one, also where the count stays. When the count has been changed, tell
/// [`State::scaled`] before the next decision.
#[must_use]
pub fn decide(policy: &Policy, inputs: &Inputs, state: &State, now: Timestamp) -> (Decision, State) {
    let from = inputs.replicas;
    let mut state = state.clone();

    let reactive = reactive::reactive(&policy.behavior, inputs);
    let guards = guards::guards(inputs, reactive.wants);
    let bounds = bounds::bounds(policy, from, guards.wants);
    let wanted = bounds.wants;

    let outside = bounds::outside(policy, from);
    if guards.reason.holds() {
        state.silent(now);
    } else if outside {
        state.decided(now);
    } else {
        state.recommend(from, wanted, now);
    }
    state.expire(&policy.behavior, now);

    let (stability, revisit_at) = if outside {
        (stability::unrestrained(wanted), None)
    } else {
        stability::stability(policy, &state, from, wanted, now)
    };
    (Decision::new(now, from, vec![reactive, guards, bounds, stability], revisit_at), state)
}
