//! What a decision costs: time for one `decide`, for a calm workload and for a busy one.
//!
//! Budget: 5 µs each, so that a fleet of 10,000 workloads is decided within 50 ms on one core.

use std::hint::black_box;
use std::time::Duration;

use criterion::{Criterion, criterion_group, criterion_main};

use headroom::decision::{Change, Decision, Inputs, MetricInput, Policy, ScalingPolicy, State, decide};
use headroom::demand::Presence;
use headroom::time::Timestamp;

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
        let metric = |number: usize| MetricInput {
            name: format!("metric{number}").into(),
            demand: Presence::Present(190.0),
            per_replica: Presence::Present(50.0),
        };
        let inputs = Inputs { metrics: (0..metrics).map(metric).collect(), replicas: 4, ready: 4 };
        Self { policy, inputs, state: State::default(), now: Timestamp::from_millis(0) }
    }

    fn beat(&mut self, demand: f64) -> Decision {
        self.now = self.now + BEAT;
        for metric in &mut self.inputs.metrics {
            metric.demand = Presence::Present(demand);
        }
        let (decision, state) = decide(black_box(&self.policy), black_box(&self.inputs), &self.state, self.now);
        self.state = state;
        if decision.changes() {
            self.state.scaled(self.now, decision.from, decision.to);
            self.inputs.replicas = decision.to;
        }
        decision
    }
}

/// HPA's defaults, one metric, nothing to do.
fn calm() -> Workload {
    Workload::new(Policy::new(2, 60), 1)
}

/// Four metrics, four policies with long periods, and a count that moves nearly each time: a full state.
fn busy() -> Workload {
    let mut policy = Policy::new(2, 5000);
    let period = Duration::from_mins(30);
    for rules in [&mut policy.behavior.scale_up, &mut policy.behavior.scale_down] {
        rules.tolerance = 0.0;
        rules.policies = [Change::Percent(400), Change::Pods(4000)]
            .into_iter()
            .flat_map(|change| [period, period / 2].map(|period| ScalingPolicy { change, period }))
            .collect();
    }
    Workload::new(policy, 4)
}

/// A saw: slow on the way down, so that the window fills; every tenth beat rises.
fn saw(beat: u64) -> f64 {
    let fall = 100_000.0 - (beat % 1800) as f64 * 50.0;
    if beat.is_multiple_of(10) { fall + 500.0 } else { fall }
}

fn decisions(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("decide");
    group.bench_function("calm", |bencher| {
        let mut workload = calm();
        bencher.iter(|| workload.beat(190.0));
    });
    group.bench_function("busy", |bencher| {
        let mut workload = busy();
        let mut beat = 0;
        for _ in 0..3600 {
            beat += 1;
            workload.beat(saw(beat));
        }
        bencher.iter(|| {
            beat += 1;
            workload.beat(saw(beat))
        });
    });
    group.finish();
}

criterion_group!(benches, decisions);
criterion_main!(benches);
