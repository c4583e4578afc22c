//! The second layer: what is foreseen to be needed before there is a next chance to act.
//!
//! A forecast counts as far as its recent record allows. Trusted (from the policy's `confidence` on) it may raise the
//! wish, and so also keep a count that would fall. Degraded (from half of it) it may only raise the count above what
//! there is. Untrusted it abstains, and says so. The demand of this moment is always the least, for no forecast lowers
//! a wish; and where this moment's demand can't be read, a forecast may still raise.
//!
//! A planned event is a forecast that a person made: so many times what was wanted before it came near. That is held
//! until it ends, whatever its start-up time is taken to be meanwhile; while the demand can't be read, nobody knows it.
//! It stands beside the forecast and never upon it: the larger of the two counts, so nothing is multiplied twice.
//!
//! A pattern that the recent minutes look like is one more voice, which can only raise: as far as it is valid.

use std::sync::Arc;

use super::inputs::{Inputs, Matched, MetricInput, Outlook};
use super::policy::Policy;
use super::reactive::{ceil, going};
use super::reason::Reason;
use super::state::State;
use super::{Layer, Step};
use crate::schedule::Planned;
use crate::time::Timestamp;
use crate::workload::Replicas;

/// Raises what is wanted now to what is foreseen.
///
/// `silent` says that the demand of this moment is unknown.
pub(super) fn predictive(
    policy: &Policy,
    inputs: &Inputs,
    state: &mut State,
    (wanted, silent): (Replicas, bool),
    now: Timestamp,
) -> Step {
    let event = event(inputs, state, (wanted, silent), now);
    let forecast =
        going(inputs).filter_map(|metric| Some(forecast(policy, inputs, metric, wanted, metric.outlook.as_ref()?)));
    let matched =
        going(inputs).filter_map(|metric| matched(policy, inputs, metric, wanted, metric.matched.as_ref()?));
    // Of equal wishes the first counts: the event, then the metrics in their order, then the patterns.
    let most = event.into_iter().chain(forecast).chain(matched).reduce(|most, next| if next.0 > most.0 { next } else { most });
    let (wants, reason) = most.unwrap_or((wanted, Reason::NoForecast));
    Step { layer: Layer::Predictive, given: wanted, wants, reason }
}

/// What one metric's forecast takes, where that is more than what is wanted now.
fn forecast(
    policy: &Policy,
    inputs: &Inputs,
    metric: &MetricInput,
    wanted: Replicas,
    outlook: &Outlook,
) -> (Replicas, Reason) {
    let name = Arc::clone(&metric.name);
    let Outlook { demand, quantile, by, trust, ref model } = *outlook;
    let confidence = policy.confidence;
    let per_replica = metric.per_replica.value().filter(|value| value.is_finite() && *value > 0.0);
    // A NaN of trust is no trust.
    let trust = if trust.is_finite() { trust } else { 0.0 };
    if trust < confidence / 2.0 {
        return (wanted, Reason::Abstains { metric: name, trust, confidence });
    }
    let (Some(per_replica), true) = (per_replica, demand.is_finite() && demand >= 0.0) else {
        return (wanted, Reason::NoForecast);
    };
    let replicas = ceil(demand * inputs.calendar.multiplier / per_replica);
    let degraded = trust < confidence;
    if replicas <= wanted {
        return (wanted, Reason::Foreseen { metric: name, demand, quantile, replicas });
    }
    if degraded && replicas <= inputs.replicas {
        return (wanted, Reason::Abstains { metric: name, trust, confidence });
    }
    let model = Arc::clone(model);
    (replicas, Reason::Forecast { metric: name, demand, quantile, by, per_replica, replicas, model, trust })
}

/// What a known pattern takes that the recent minutes look like, where that is more than what is wanted now. It is heard
/// as a forecast is: by the weight that its validity gives it instead of trust.
fn matched(
    policy: &Policy,
    inputs: &Inputs,
    metric: &MetricInput,
    wanted: Replicas,
    matched: &Matched,
) -> Option<(Replicas, Reason)> {
    let Matched { pattern, weight, demand, by } = matched;
    let (weight, demand, by) = (*weight, *demand, *by);
    let per_replica = metric.per_replica.value().filter(|value| value.is_finite() && *value > 0.0)?;
    let heard = weight >= policy.confidence / 2.0 && demand.is_finite() && demand >= 0.0;
    let replicas = ceil(demand * inputs.calendar.multiplier / per_replica);
    let least = if weight < policy.confidence { inputs.replicas.max(wanted) } else { wanted };
    let (metric, pattern) = (Arc::clone(&metric.name), Arc::clone(pattern));
    let reason = Reason::Matched { metric, pattern, weight, demand, by, per_replica, replicas };
    (heard && replicas > least).then_some((replicas, reason))
}

/// What a planned event takes: a multiple of what was wanted when it came near.
fn event(
    inputs: &Inputs,
    state: &mut State,
    (wanted, silent): (Replicas, bool),
    now: Timestamp,
) -> Option<(Replicas, Reason)> {
    let Planned { name, multiplier, ends_at } = inputs.calendar.event.as_ref()?;
    let baseline = state.baseline((!silent).then_some(wanted), *ends_at, now)?;
    let replicas = ceil(f64::from(baseline) * multiplier.max(0.0));
    let (event, multiplier) = (Arc::clone(name), *multiplier);
    (replicas > wanted).then_some((replicas, Reason::Event { event, multiplier, baseline, replicas }))
}
