//! The second layer: what is foreseen to be needed before there is a next chance to act.
//!
//! A forecast counts as far as its recent record allows. Trusted (from the policy's `confidence` on) it may raise the
//! wish, and keep a count that would fall. Degraded (from half of it) it may only raise the
//! count above what there is. Untrusted it abstains, and says so. The demand of this moment is always the least, for no
//! forecast lowers a wish; and where this moment's demand can't be read, a forecast may still raise.
//!
//! **Room.** `per_replica` is a target with slack: HPA's users plan some 80 % of what a replica can do, because demand
//! goes on rising until a count that follows it is ready. What is foreseen has that rise in it already, so it may fill
//! most of the slack ([`ROOM`]); the demand of this moment may not. A rule whose `per_replica` has no slack loses by it
//! what a forecast would have added, and nothing of what the demand of this moment takes.
//!
//! **Down.** A count falls only to what the hold window ahead takes ([`Hold`](super::Hold)), and only where that is
//! clearly less than there is ([`CLEARLY`]): what dips and comes back is kept. A trusted forecast does not shorten the
//! window that stability looks back over. That was tried, and costs fewer replica-hours; but a crowd that no forecast
//! knows of then finds fewer replicas than it would without one.
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

/// So many times `per_replica` may a replica take of what is foreseen: most of the 1.25 that a target of 80 % leaves.
/// Over the measured workloads less costs more than HPA does, and more comes too late.
pub(super) const ROOM: f64 = 1.15;

/// What would be enough must be below this part of the count, or the count stays: twice HPA's tolerance, once for the
/// demand and once for the forecast of it.
const CLEARLY: f64 = 0.8;

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
    let matched = going(inputs).filter_map(|metric| matched(policy, inputs, metric, wanted, metric.matched.as_ref()?));
    // Of equal wishes the first counts: the event, then the metrics in their order, then the patterns.
    let most =
        event.into_iter().chain(forecast).chain(matched).reduce(|most, next| if next.0 > most.0 { next } else { most });
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
    let Outlook { demand, quantile, by, hold, trust, ref model } = *outlook;
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
    let room = if hold.is_some() { ROOM } else { 1.0 };
    let quotient = |demand: f64| demand * inputs.calendar.multiplier / (per_replica * room);
    let replicas = ceil(quotient(demand));
    let degraded = trust < confidence;
    if let Some(hold) = hold
        && !degraded
        && wanted < inputs.replicas
        && replicas <= inputs.replicas
        && hold.demand.is_finite()
    {
        let (demand, by) = if hold.demand > demand { (hold.demand, hold.by) } else { (demand, by) };
        let enough = quotient(demand).max(now(inputs, metric, wanted));
        let clearly = enough < f64::from(inputs.replicas) * CLEARLY;
        let replicas = if clearly { ceil(enough).max(wanted) } else { inputs.replicas };
        if replicas > wanted {
            return (
                replicas,
                Reason::Keeps { metric: name, demand, quantile, by, per_replica, room, replicas, trust },
            );
        }
        return (wanted, Reason::Foreseen { metric: name, demand, quantile, replicas: ceil(quotient(demand)) });
    }
    if replicas <= wanted {
        return (wanted, Reason::Foreseen { metric: name, demand, quantile, replicas });
    }
    if degraded && replicas <= inputs.replicas {
        return (wanted, Reason::Abstains { metric: name, trust, confidence });
    }
    let model = Arc::clone(model);
    (replicas, Reason::Forecast { metric: name, demand, quantile, by, per_replica, room, replicas, model, trust })
}

/// The wish of this moment before it was made whole, where this metric is the one that made it.
fn now(inputs: &Inputs, metric: &MetricInput, wanted: Replicas) -> f64 {
    let quotient = metric.read().ok().map(|(demand, per_replica)| demand * inputs.calendar.multiplier / per_replica);
    quotient.filter(|quotient| ceil(*quotient) == wanted).unwrap_or_else(|| f64::from(wanted))
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
