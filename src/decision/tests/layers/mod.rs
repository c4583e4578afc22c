//! What each layer says beyond HPA: the whole chain, for one decision or for a few in a row.

use std::fmt::Write as _;

use expect_test::Expect;

use super::economy::{Per, Resource};
use super::*;
use crate::workload::Trouble;

mod by_hand;
mod calendar;
mod economy;
mod fallbacks;
mod guards;
mod predictive;
mod reactive;
mod stability;

/// One decision from a fresh state, a minute into the epoch.
#[track_caller]
fn check(policy: &Policy, inputs: &Inputs, want: Expect) {
    let (decision, _) = decide(policy, inputs, &State::default(), at(60_000));
    want.assert_eq(&format!("{} -> {}\n{decision}\n", decision.from, decision.to));
}

/// Decisions at given seconds; the cluster follows at once.
#[track_caller]
fn play(policy: &Policy, start: Replicas, beats: &[(u64, Inputs)], want: Expect) {
    let mut state = State::default();
    let mut replicas = start;
    let mut lines = String::new();
    for (seconds, inputs) in beats {
        let now = at(0) + secs(*seconds);
        let inputs = Inputs { replicas, ready: replicas, evaluated_at: now, ..inputs.clone() };
        let (decision, next) = decide(policy, &inputs, &state, now);
        state = next;
        state.scaled(now, decision.from, decision.to);
        replicas = decision.to;
        writeln!(lines, "{seconds}s {} -> {}  {}", decision.from, decision.to, decision.summary()).unwrap();
    }
    want.assert_eq(&lines);
}

/// Free of HPA's stabilization, so that other rules show.
fn quick(min: Replicas, max: Replicas) -> Policy {
    let mut policy = Policy::new(min, max);
    policy.behavior.scale_down.stabilization_window = Duration::ZERO;
    policy.behavior.scale_up.policies.clear();
    policy.behavior.scale_down.policies.clear();
    policy
}

fn demand(value: f64) -> Inputs {
    inputs(4, Presence::Present(value))
}

fn absolute(name: &str, replicas: f64) -> MetricInput {
    MetricInput { absolute: true, ..MetricInput::new(name, Presence::Present(replicas), Presence::Present(1.0)) }
}

fn outlook(demand: f64, trust: f64) -> Outlook {
    let by = at(12 * 3_600_000 + 180_000);
    Outlook { demand, quantile: 0.9, by, hold: None, trust, model: "ets".into() }
}

fn foreseeing(now: f64, outlook: Outlook) -> Inputs {
    let mut inputs = demand(now);
    inputs.metrics[0].outlook = Some(outlook);
    inputs
}
