//! What a decision costs: CPU time for one `decide`, for a calm workload and for a busy one.
//!
//! Unit: nanoseconds of CPU a decision; budget: 5 µs, so that 10,000 workloads are decided within 50 ms on one core.

mod measure;

use std::hint::black_box;
use std::time::Duration;

use headroom::decision::{Change, Inputs, MetricInput, Policy, ScalingPolicy, State, decide};
use headroom::demand::Presence;
use headroom::time::Timestamp;
use measure::{heading, line, si};

const BEAT: Duration = Duration::from_secs(1);

/// A workload under a steady beat of evaluations, whose cluster follows at once.
struct Workload {
    policy: Policy,
    inputs: Inputs,
    state: State,
    now: Timestamp,
}

impl Workload {
    fn new(policy: Policy, metrics: usize) -> Self {
        let metric = |number: usize| {
            MetricInput::new(format!("metric{number}"), Presence::Present(190.0), Presence::Present(50.0))
        };
        let inputs = Inputs { metrics: (0..metrics).map(metric).collect(), replicas: 4, ready: 4, ..Inputs::default() };
        Self { policy, inputs, state: State::default(), now: Timestamp::from_millis(1_760_000_000_000) }
    }

    fn decide(&mut self, demand: f64) {
        for metric in &mut self.inputs.metrics {
            metric.demand = Presence::Present(demand);
        }
        let (decision, state) = decide(&self.policy, &self.inputs, &self.state, self.now);
        self.state = state;
        if decision.to != decision.from {
            self.state.scaled(self.now, decision.from, decision.to);
            self.inputs.replicas = decision.to;
        }
        self.now = self.now + BEAT;
        black_box(decision);
    }
}

/// Time of one decision, explanation included.
fn cost(name: &str, mut workload: Workload, demand: impl Fn(usize) -> f64) {
    let count = measure::size(20_000, 500);
    let ns = measure::ns_per_unit(count, || (0..count).for_each(|beat| workload.decide(demand(beat))));
    line(name, &format!("{ns:>10.0}{:>16}", si(1e9 / ns)));
}

fn main() {
    heading("decision: one workload, explanation included", "ns/decision  decisions/CPU-s");
    cost("calm: one metric, nothing changes", Workload::new(Policy::new(2, 60), 1), |_| 190.0);
    let mut policy = Policy::new(2, 60);
    let changes = [Change::Pods(4), Change::Percent(50), Change::Pods(40), Change::Percent(900)];
    let periods = [15, 60, 300, 1_800].map(Duration::from_secs);
    policy.behavior.scale_up.policies =
        changes.into_iter().zip(periods).map(|(change, period)| ScalingPolicy { change, period }).collect();
    policy.behavior.scale_up.stabilization_window = Duration::from_secs(30);
    cost("busy: four metrics, four policies, a saw tooth", Workload::new(policy, 4), |beat| {
        100.0 + (beat % 120) as f64 * 20.0
    });
}
