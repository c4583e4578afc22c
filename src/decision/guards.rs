//! The third layer: what forbids to follow the wish.
//!
//! In this order, and the first that applies speaks: a pause in the rule; a count asked for by hand; a workload that
//! somebody switched off; a scaling that was taken back; missing data; a sudden drop; pods in trouble; a sudden rise, which passes at once. Under a freeze of all
//! scale-downs whatever they make of the wish, but for a person's word, does not lower the count: a fallback neither, for
//! samples that stop coming in are what a freeze is for.
//!
//! A count of zero that was not set here, where the minimum is above zero, is somebody's way to switch a workload off: it
//! is left alone, as HPA does, until somebody gives it a replica again.
//!
//! **Data that is not there never lowers a count.** As in HPA, metrics that can be read may raise the count while
//! others can not, but no count falls until every metric can be read again; where none can, the count stays. A value
//! from windows that are filled in part only, or from too few targets, may be too small: it raises and does not lower.
//! Meanwhile the window that restrains moves down does not age ([`super::state`]), so that data which comes back is
//! heard for as long as it should be. After so many evaluations in which a metric could not be read a fallback counts, if
//! the rule has one: the one way in which missing data can lower a count, and only because the rule says so. A value that
//! rests on windows that are still filling, or on too few targets, was read: it holds, and calls no fallback, or each
//! restart would.
//!
//! Pods that are merely not ready, or unlike the others, are named and change nothing: demand is a total, so pods that do not answer yet do
//! not make it look smaller or larger. Where more than a tenth of the pods crash or find no node, more of them help
//! nobody: the count does not rise. It does not fall on crashes either, which make demand look smaller than it is; pods
//! without a node are no reason to keep them.

use std::sync::Arc;

use super::inputs::{Inputs, MetricInput, Missing, Outlying, Rollback};
use super::policy::Policy;
use super::reactive::going;
use super::reason::Reason;
use super::state::State;
use super::{Layer, Step};
use crate::time::Timestamp;
use crate::workload::Replicas;

/// Standard deviations from which on a change of demand counts as sudden: three, as in control charts (Shewhart).
pub const Z_SUDDEN: f64 = 3.0;

/// The part of the pods from which on their trouble is the workload's: a tenth.
const TROUBLE_PARTS: Replicas = 10;

/// What the guards make of a wish.
pub(super) struct Guarded {
    pub(super) step: Step,
    pub(super) passage: Passage,
    /// Whether a limit of cost may lower the count: not on data that may be wrong.
    pub(super) may_lower: bool,
}

/// How the layers that follow treat the wish.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Passage {
    /// As always.
    Usual,
    /// It rests on data with holes, so nothing may lower the count but its bounds.
    Holes,
    /// A sudden rise: no dead band slows a move up.
    Urgent,
    /// Somebody's explicit word within the bounds: no limit of cost and nothing that calms applies.
    Direct,
    /// Neither do the bounds.
    Final,
}

/// Holds, replaces or passes the `wanted` count; `silent` says that the demand of this moment is unknown.
pub(super) fn guards(
    policy: &Policy,
    inputs: &Inputs,
    state: &State,
    wanted: Replicas,
    silent: bool,
    now: Timestamp,
) -> Guarded {
    let from = inputs.replicas;
    let shaky = inputs.freeze.is_some() || scores(inputs).any(|(_, z_score)| z_score < -Z_SUDDEN);
    let (wants, reason, passage) =
        word(policy, inputs, from, now).or_else(|| switched_off(policy, state, from)).unwrap_or_else(|| {
            let verdict = taken_back(inputs, wanted, now)
                .or_else(|| holes(policy, inputs, state, wanted, silent))
                .or_else(|| sudden_drop(inputs, wanted))
                .or_else(|| trouble(inputs, wanted))
                .or_else(|| spike(inputs, wanted))
                .unwrap_or_else(|| {
                    let not_ready = Reason::NotReady { ready: inputs.ready, replicas: from };
                    let note = if inputs.ready < from { not_ready } else { outlying(inputs).unwrap_or(Reason::Clear) };
                    (wanted, note, Passage::Usual)
                });
            frozen(inputs, verdict)
        });
    let may_lower = !shaky && passage != Passage::Holes;
    Guarded { step: Step { layer: Layer::Guards, given: wanted, wants, reason }, passage, may_lower }
}

type Verdict = (Replicas, Reason, Passage);

/// What a person said: in the rule, or by hand.
fn word(policy: &Policy, inputs: &Inputs, from: Replicas, now: Timestamp) -> Option<Verdict> {
    if let Some(pause) = &policy.pause {
        let reason = Reason::Paused { at: pause.at, why: Arc::clone(&pause.reason) };
        return Some((pause.at.unwrap_or(from), reason, Passage::Final));
    }
    let manual = inputs.manual.as_ref().filter(|manual| manual.until > now)?;
    let reason = Reason::Manual {
        replicas: manual.replicas,
        author: Arc::clone(&manual.author),
        why: Arc::clone(&manual.reason),
        until: manual.until,
    };
    Some((manual.replicas, reason, Passage::Direct))
}

/// A workload at zero that is to have some.
fn switched_off(policy: &Policy, state: &State, from: Replicas) -> Option<Verdict> {
    let off = from == 0 && policy.min > 0 && !state.zeroed();
    off.then_some((0, Reason::SwitchedOff, Passage::Final))
}

/// After a scaling that went wrong: not beyond the last good count, in the direction in which it went wrong.
fn taken_back(inputs: &Inputs, wanted: Replicas, now: Timestamp) -> Option<Verdict> {
    let Rollback { good, bad, until, why } = inputs.rollback.as_ref()?;
    let wants = if bad > good { wanted.min(*good) } else { wanted.max(*good) };
    let (good, bad, until, why) = (*good, *bad, *until, Arc::clone(why));
    let holds = until > now && wants != wanted;
    holds.then_some((wants, Reason::RolledBack { good, bad, why, until }, Passage::Direct))
}

/// What missing data forbids.
fn holes(policy: &Policy, inputs: &Inputs, state: &State, wanted: Replicas, silent: bool) -> Option<Verdict> {
    let from = inputs.replicas;
    let mut metrics = going(inputs).peekable();
    if metrics.peek().is_none() {
        return Some((from, Reason::NoMetrics, Passage::Holes));
    }
    if let (Some(fallback), Some(first)) = (policy.fallback, unread(inputs))
        && state.evaluations_missing() >= fallback.after
    {
        // What can be read may still ask for more.
        let replicas = fallback.wants(from);
        let (behavior, evaluations) = (fallback.behavior, state.evaluations_missing());
        let wants = if silent { replicas } else { replicas.max(wanted) };
        return Some((wants, Reason::Fallback { behavior, replicas, evaluations, first }, Passage::Usual));
    }
    let mut missing = metrics.filter_map(MetricInput::hole);
    let first = missing.next()?;
    let missing = 1 + missing.count();
    Some(if wanted < from || (wanted == from && silent) {
        (from, Reason::Held { first, missing }, Passage::Holes)
    } else {
        (wanted, Reason::Partial { first, missing }, Passage::Holes)
    })
}

/// The first metric that can't be read at all; one that may be too small can.
pub(super) fn unread(inputs: &Inputs) -> Option<Missing> {
    going(inputs).find_map(|metric| metric.read().err())
}

fn sudden_drop(inputs: &Inputs, wanted: Replicas) -> Option<Verdict> {
    if wanted >= inputs.replicas {
        return None;
    }
    let (metric, z_score) = scores(inputs).find(|(_, z_score)| *z_score < -Z_SUDDEN)?;
    let metric = Arc::clone(&metric.name);
    Some((inputs.replicas, Reason::Drop { metric, z_score }, Passage::Holes))
}

fn spike(inputs: &Inputs, wanted: Replicas) -> Option<Verdict> {
    if wanted <= inputs.replicas {
        return None;
    }
    let (metric, z_score) = scores(inputs).find(|(_, z_score)| *z_score > Z_SUDDEN)?;
    let metric = Arc::clone(&metric.name);
    Some((wanted, Reason::Spike { metric, z_score }, Passage::Urgent))
}

/// Pods that are unlike the others, to be named: a pod that is stuck is no reason for fewer, nor for more.
fn outlying(inputs: &Inputs) -> Option<Reason> {
    let found = going(inputs).find_map(|metric| Some((metric, metric.outlying.as_ref()?)));
    found.map(|(metric, Outlying { pod, pods, of })| {
        let (metric, pod) = (Arc::clone(&metric.name), Arc::clone(pod));
        Reason::Outlying { metric, pod, pods: *pods, of: *of }
    })
}

fn scores(inputs: &Inputs) -> impl Iterator<Item = (&MetricInput, f64)> {
    going(inputs).filter_map(|metric| Some((metric, metric.z_score?)))
}

fn trouble(inputs: &Inputs, wanted: Replicas) -> Option<Verdict> {
    let from = inputs.replicas;
    let (crash_looping, unschedulable) = (inputs.trouble.crash_looping, inputs.trouble.unschedulable);
    let many = |pods: Replicas| pods > 0 && pods.saturating_mul(TROUBLE_PARTS) > from;
    let holds = if wanted > from { many(inputs.trouble.pods()) } else { wanted < from && many(crash_looping) };
    holds.then_some((from, Reason::Trouble { crash_looping, unschedulable, replicas: from }, Passage::Usual))
}

/// What a freeze leaves of a verdict.
fn frozen(inputs: &Inputs, verdict: Verdict) -> Verdict {
    match inputs.freeze.filter(|_| verdict.0 < inputs.replicas) {
        Some(freeze) => (inputs.replicas, Reason::Frozen { freeze }, Passage::Holes),
        None => verdict,
    }
}
