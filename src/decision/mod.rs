//! Policy + inputs + state → decision: a pure function with a chain of steps that explains it.
//!
//! In: what the metrics say and how many replicas there are. Out: how many there should be, why, and from when on time
//! alone may change the answer. Each layer is one function in one file; it appends one [`Step`], in the order of
//! [`Layer`]. The rules are those of HPA v2; where we differ, the layer's file says so.
//!
//! Never here: a clock, I/O, randomness. `benches/decision.rs` guards the cost of a decision.

mod bounds;
mod chain;
pub mod economy;
mod formula;
mod guards;
mod inputs;
mod pace;
mod per_pod;
mod policy;
mod predictive;
mod reactive;
mod reason;
mod stability;
mod state;
mod window;

#[cfg(test)]
mod tests;

use std::time::Duration;

use crate::time::Timestamp;

use guards::Passage;

pub use chain::{Decision, Layer, Step};
pub use formula::{Formula, FormulaError};
pub use guards::Z_SUDDEN;
pub use inputs::{
    Calendar, Cap, Freeze, Hold, Inputs, Manual, Matched, MetricInput, Missing, Outlook, Outlying, Part, Pods,
    Rollback, Targets, Why,
};
pub use per_pod::{per_pod, per_pod_utilization};
pub use policy::{
    Behavior, CONFIDENCE, Change, Combine, Direction, Fallback, FallbackBehavior, FlapBudget, Pause, Policy,
    ScalingPolicy, ScalingRules, SelectPolicy,
};
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
    state.begin(now);
    state.seen(from, now);

    let reactive::Reactive { step: reactive, active } = reactive::reactive(policy, inputs);
    let every = policy.fallback.map_or(Duration::ZERO, |fallback| fallback.every);
    state.evaluated(inputs.evaluated_at, guards::unread(inputs).is_some(), every);
    if active {
        state.active(now);
    }
    let silent = matches!(reactive.reason, Reason::NoDemand);
    let predictive = predictive::predictive(policy, inputs, &mut state, (reactive.wants, silent), now);
    let guards::Guarded { step: guards, passage, may_lower } =
        guards::guards(policy, inputs, &state, predictive.wants, silent, now);
    let limits = bounds::Bounds::of(policy, &inputs.calendar);
    let direct = matches!(passage, Passage::Direct | Passage::Final);
    let economy = economy::economy(inputs, guards.wants, limits.min, direct, may_lower);
    let bounds = if passage == Passage::Final {
        bounds::none(economy.wants)
    } else {
        bounds::bounds(&limits, from, economy.wants, direct)
    };
    let wanted = bounds.wants;

    let outside = passage != Passage::Final && limits.exclude(from);
    if matches!(guards.reason, Reason::Held { .. } | Reason::NoMetrics | Reason::Drop { .. }) {
        state.silent(now);
    } else if outside || direct {
        state.decided(now);
    } else {
        state.recommend(from, wanted, now);
    }
    state.expire(&policy.behavior, now);

    let (stability, revisit_at) = if outside {
        (stability::unrestrained(wanted, Reason::BoundsRule), None)
    } else if direct {
        (stability::unrestrained(wanted, Reason::Direct), None)
    } else {
        stability::stability(policy, &state, from, wanted, passage == Passage::Urgent, now)
    };
    let ends_at =
        [inputs.manual.as_ref().map(|manual| manual.until), inputs.rollback.as_ref().map(|rollback| rollback.until)];
    let revisit_at = ends_at.into_iter().flatten().filter(|at| *at > now).chain(revisit_at).min();
    let steps = vec![reactive, predictive, guards, economy, bounds, stability];
    (Decision::new(now, from, steps, revisit_at), state)
}
