//! A whole fleet in one pass of the loop: evaluate, decide, explain, dispatch, and the view that people see.
//!
//! Unit: milliseconds of CPU for a pass over 10,000 workloads, and microseconds for each; budget of the decisions alone
//! (`benches/decision.rs`): 50 ms. Memory: bytes of the process for each workload, by its resident set.

mod measure;

use std::hint::black_box;
use std::path::PathBuf;
use std::time::Duration;

use headroom::config::Settings;
use headroom::decision::{Inputs, MetricInput, Outlook, Policy, State, decide};
use headroom::demand::Presence;
use headroom::dispatch::{Observation, Outcome, Status};
use headroom::engine::{Effect, Engine, Event};
use headroom::labels::{Labels, NAME};
use headroom::rule;
use headroom::sample::Sample;
use headroom::series::{Limits, Store, Touched};
use headroom::time::Timestamp;
use measure::{heading, line};

const RULES: &str = r#"
groups:
  - name: fleet
    rules:
      - scale: every-deployment
        target: {kind: Deployment, namespace: shop, name: "{{ $labels.deployment }}"}
        replicas: {min: 1, max: 100}
        metrics: [{name: requests, demand: sum by (deployment) (requests), per_replica: 50}]
        behavior: {scale_down: {stabilization_window: 0s}}
        labels: {team: shop, tier: web}
"#;

fn main() {
    let workloads = measure::size(10_000, 200);
    decisions(workloads);
    passes(workloads);
}

/// The pure decisions: one for each workload, with a forecast, as many different states as workloads.
fn decisions(workloads: usize) {
    heading("fleet: decisions alone, explanation included", "ms/pass   us/workload");
    let policy = Policy::new(1, 100);
    let now = Timestamp::from_millis(1_760_000_000_000);
    let outlook = |demand| Outlook { demand, quantile: 0.9, by: now, hold: None, trust: 0.8, model: "ets".into() };
    let metric = |name: &str, demand: f64| MetricInput {
        outlook: Some(outlook(demand * 1.5)),
        z_score: Some(0.5),
        ..MetricInput::new(name, Presence::Present(demand), Presence::Present(50.0))
    };
    let mut fleet: Vec<(Inputs, State)> = (0..workloads)
        .map(|number| {
            let demand = 50.0 + (number % 400) as f64;
            let metrics = vec![metric("requests", demand), metric("cpu", demand / 2.0)];
            (Inputs { metrics, replicas: 4, ready: 4, ..Inputs::default() }, State::default())
        })
        .collect();
    let mut beat = 0;
    let ns = measure::ns_per_unit(workloads, || {
        beat += 1;
        let now = now + Duration::from_secs(15) * beat;
        for (inputs, state) in &mut fleet {
            let (decision, after) = decide(&policy, inputs, state, now);
            *state = after;
            black_box(decision.to_string());
        }
    });
    figures("two metrics with forecasts, text included", ns, workloads);
}

/// The loop's pass, from samples to effects.
fn passes(workloads: usize) {
    heading("fleet: one pass of the loop", "ms/pass   us/workload");
    let before = resident();
    let mut fleet = Fleet::new(workloads);
    fleet.pass(190.0);
    fleet.pass(190.0);
    let bytes = resident().saturating_sub(before) / workloads as u64;
    let ns = measure::ns_per_unit(workloads, || fleet.pass(190.0));
    figures("nothing changes", ns, workloads);
    let mut beat = 0;
    let ns = measure::ns_per_unit(workloads, || {
        beat += 1;
        fleet.pass(if beat % 2 == 0 { 190.0 } else { 450.0 });
    });
    figures("every workload is scaled", ns, workloads);
    line("memory of a workload, its series included", &format!("{bytes:>9} bytes"));
}

fn figures(name: &str, ns: f64, workloads: usize) {
    line(name, &format!("{:>9.1}{:>12.2}", ns * workloads as f64 / 1e6, ns / 1e3));
}

struct Fleet {
    engine: Engine,
    store: Store,
    series: Vec<Labels>,
    touched: Touched,
    now: Timestamp,
    heard: Vec<Event>,
}

impl Fleet {
    fn new(workloads: usize) -> Self {
        let store = Store::new(Limits::default());
        let settings = Settings::default();
        let rules = rule::compile(&[(PathBuf::from("fleet.yaml"), RULES.to_owned())], &settings).expect("good rules");
        let subscriptions = store.subscribe(&rules.selectors());
        let named = |number: usize| {
            Labels::from_pairs([(NAME, "requests"), ("deployment", &format!("web-{number}"))]).expect("good labels")
        };
        Self {
            engine: Engine::new(&settings),
            store,
            series: (0..workloads).map(named).collect(),
            touched: Touched::default(),
            now: Timestamp::from_millis(1_760_000_000_000),
            heard: vec![Event::Rules(rules.bind(subscriptions))],
        }
    }

    /// New samples of all series, one step, and a cluster that obeys at once.
    fn pass(&mut self, demand: f64) {
        self.now = self.now + Duration::from_secs(15);
        let batch = self.store.batch(&mut self.touched);
        for labels in &self.series {
            batch.write(labels, Sample::new(self.now, demand)).expect("within limits");
        }
        batch.finish();
        for effect in self.engine.step(self.now, &self.store, std::mem::take(&mut self.heard)) {
            match effect {
                Effect::Watch(workload, _) => {
                    self.heard.push(Event::Observed(Observation { workload, status: Status::found(4, 4) }));
                }
                Effect::Act(action) => {
                    let (workload, to) = (action.workload.clone(), action.to);
                    self.heard.push(Event::Acted(action, Outcome::Done));
                    self.heard.push(Event::Observed(Observation { workload, status: Status::found(to, to) }));
                }
                _ => {}
            }
        }
        black_box(self.engine.view());
    }
}

/// Bytes of memory that the process holds.
fn resident() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    line.and_then(|line| line.trim().trim_end_matches(" kB").parse::<u64>().ok()).unwrap_or(0) * 1024
}
