//! Traces in, decision lines out; HPA's rules as tables; properties against a model that keeps everything.

#![allow(clippy::needless_raw_string_hashes, reason = "expect-test writes them")]
#![allow(clippy::needless_pass_by_value, reason = "`expect!` reads best where it is given away")]

use std::time::Duration;

use super::*;
use crate::demand::Presence;
use crate::schedule::Planned;
use crate::workload::{Replicas, Workload};

mod hpa;
mod invariants;
mod layers;
mod limits;
mod model;
mod properties;
mod text;
mod traces;

/// Work that one replica takes, in all of these tests.
const PER_REPLICA: f64 = 50.0;

fn at(ms: i64) -> Timestamp {
    Timestamp::from_millis(ms)
}

fn planned(name: &str, multiplier: f64, ends_at: Timestamp) -> Planned {
    Planned { name: name.into(), multiplier, ends_at }
}

fn secs(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

fn metric(name: &str, demand: Presence) -> MetricInput {
    MetricInput::new(name, demand, Presence::Present(PER_REPLICA))
}

fn inputs(replicas: Replicas, demand: Presence) -> Inputs {
    Inputs { metrics: vec![metric("requests", demand)], replicas, ready: replicas, ..Inputs::default() }
}

fn rules(window: Duration, select: SelectPolicy, policies: &[ScalingPolicy]) -> ScalingRules {
    ScalingRules {
        stabilization_window: window,
        select,
        policies: policies.to_vec(),
        tolerance: 0.1,
        wanted_for: Duration::ZERO,
    }
}

fn pods(pods: u32, period: u64) -> ScalingPolicy {
    ScalingPolicy { change: Change::Pods(pods), period: secs(period) }
}

fn percent(percent: u32, period: u64) -> ScalingPolicy {
    ScalingPolicy { change: Change::Percent(percent), period: secs(period) }
}

/// A cluster that scales at once, and the scaler that watches it.
#[derive(Debug)]
struct World {
    policy: Policy,
    state: State,
    replicas: Replicas,
    now: Timestamp,
}

impl World {
    fn new(policy: Policy, replicas: Replicas) -> Self {
        Self { policy, state: State::default(), replicas, now: at(0) }
    }

    /// Decides, and scales where `acts`.
    fn decide(&mut self, demand: Presence, acts: bool) -> Decision {
        let (decision, state) = decide(&self.policy, &inputs(self.replicas, demand), &self.state, self.now);
        self.state = state;
        if acts && decision.changes() {
            self.state.scaled(self.now, decision.from, decision.to);
            self.replicas = decision.to;
        }
        decision
    }
}
