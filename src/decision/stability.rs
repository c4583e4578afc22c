//! Stability: HPA's stabilization windows and rate policies, and the cooldown.
//!
//! First the recommendations of the windows: up goes the lowest, down the highest. Then the policies: a change is
//! allowed as far as replicas added and removed within a policy's period leave room. A count outside of the bounds
//! comes back at once, as in HPA.

use super::policy::{Change, Policy, ScalingPolicy, ScalingRules, SelectPolicy};
use super::state::{Event, State, within};
use super::step::{Layer, Reason, Step};
use crate::time::Timestamp;
use crate::workload::Replicas;

/// The steps that stability adds; the last one's `wants` is the result.
pub(super) fn stability(
    policy: &Policy,
    state: &State,
    current: Replicas,
    wants: Replicas,
    now: Timestamp,
) -> Vec<Step> {
    if current > policy.max || current < policy.min {
        return Vec::new();
    }
    let mut steps = Vec::new();
    let mut wants = wants;
    let mut say = |wants: &mut Replicas, step: Option<Step>| {
        if let Some(step) = step {
            *wants = step.wants;
            steps.push(step);
        }
    };
    say(&mut wants, stabilized(policy, state, current, wants));
    say(&mut wants, cooled(policy, state, current, wants, now));
    say(&mut wants, limited(policy, state, current, wants, now));
    steps
}

fn step(wants: Replicas, reason: Reason) -> Option<Step> {
    Some(Step { layer: Layer::Stability, wants, reason })
}

/// Moves no further than all recommendations of the window agree on.
fn stabilized(policy: &Policy, state: &State, current: Replicas, wants: Replicas) -> Option<Step> {
    let (up, down) = (&policy.behavior.scale_up, &policy.behavior.scale_down);
    let (_, lowest) = state.lowest.get()?;
    let (_, highest) = state.highest.get()?;
    let stable = current.max(lowest).min(highest);
    let (stable, window) = match stable {
        stable if stable < wants => (stable, up.stabilization_window),
        stable if stable > wants => (stable, down.stabilization_window),
        _ => return None,
    };
    step(stable, Reason::Stabilized { replicas: stable, window })
}

/// Lets nothing go down soon after a scaling.
fn cooled(policy: &Policy, state: &State, current: Replicas, wants: Replicas, now: Timestamp) -> Option<Step> {
    let last = state.events.back()?;
    let cooldown = policy.cooldown;
    if wants >= current || !within(last.at, cooldown, now) {
        return None;
    }
    step(current, Reason::CoolingDown { cooldown, scaled_at: last.at })
}

/// Moves no further than the policies of the direction allow.
fn limited(policy: &Policy, state: &State, current: Replicas, wants: Replicas, now: Timestamp) -> Option<Step> {
    let upwards = wants > current;
    let rules = if upwards { &policy.behavior.scale_up } else { &policy.behavior.scale_down };
    if wants == current {
        return None;
    }
    if rules.select == SelectPolicy::Disabled {
        let direction = if upwards { "up" } else { "down" };
        return step(current, Reason::Disabled { direction });
    }
    let (limit, policy) = limit(rules, upwards, state, current, now)?;
    let change = |to: Replicas| i64::from(to) - i64::from(current);
    let allowed = if upwards { wants.min(limit.max(current)) } else { wants.max(limit.min(current)) };
    if allowed == wants {
        step(wants, Reason::Fits { change: change(wants), policy })
    } else {
        step(allowed, Reason::Limited { wanted: change(wants), policy })
    }
}

/// How far the policies let the count go, and the policy that says so. `None` without policies.
fn limit(
    rules: &ScalingRules,
    upwards: bool,
    state: &State,
    current: Replicas,
    now: Timestamp,
) -> Option<(Replicas, ScalingPolicy)> {
    let limits = rules.policies.iter().map(|policy| {
        let start = at_period_start(state, policy, current, now);
        (if upwards { most(start, policy.change) } else { least(start, policy.change) }, *policy)
    });
    // The largest change is the highest count on the way up and the lowest on the way down.
    let highest = upwards == (rules.select == SelectPolicy::Max);
    if highest { limits.max_by_key(|(limit, _)| *limit) } else { limits.min_by_key(|(limit, _)| *limit) }
}

/// The count at the start of a policy's period, by what was added and removed since.
fn at_period_start(state: &State, policy: &ScalingPolicy, current: Replicas, now: Timestamp) -> i64 {
    let change = |event: &Event| i64::from(event.to) - i64::from(event.from);
    let since = state.events.iter().filter(|event| within(event.at, policy.period, now)).map(change).sum::<i64>();
    i64::from(current) - since
}

fn most(start: i64, change: Change) -> Replicas {
    let most = match change {
        Change::Pods(pods) => start.saturating_add(i64::from(pods)),
        // Rounded up, so that one replica can become two.
        Change::Percent(percent) => start.saturating_add(div_ceil(start.max(0), percent)),
    };
    clamp(most)
}

fn least(start: i64, change: Change) -> Replicas {
    let least = match change {
        Change::Pods(pods) => start.saturating_sub(i64::from(pods)),
        // What stays is rounded down: HPA removes a replica rather than none.
        Change::Percent(percent) => start.saturating_sub(div_ceil(start.max(0), percent)),
    };
    clamp(least)
}

/// `replicas` times `percent` / 100, rounded up.
fn div_ceil(replicas: i64, percent: u32) -> i64 {
    replicas.saturating_mul(i64::from(percent)).saturating_add(99) / 100
}

fn clamp(replicas: i64) -> Replicas {
    Replicas::try_from(replicas.max(0)).unwrap_or(Replicas::MAX)
}

/// When a window, a period or the cooldown ends next: only then can time alone change the answer.
pub(super) fn revisit_at(policy: &Policy, state: &State, now: Timestamp) -> Option<Timestamp> {
    let (up, down) = (&policy.behavior.scale_up, &policy.behavior.scale_down);
    let windows = [state.lowest.ends_at(up.stabilization_window), state.highest.ends_at(down.stabilization_window)];
    let policies = up.policies.iter().chain(&down.policies).map(|policy| policy.period);
    let reaches: Vec<_> = policies.chain([policy.cooldown]).collect();
    let events = state.events.iter().flat_map(|event| reaches.iter().map(|reach| event.at + *reach));
    windows.into_iter().flatten().chain(events).filter(|at| *at > now).min()
}
