//! The live loop beside the simulator: what other scalers would have done is the same in both.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use proptest::prelude::*;

use super::*;
use crate::config::Settings;
use crate::dispatch::{Observation, Status};
use crate::engine::{Effect, Engine, Event, ShadowView};
use crate::labels::{Labels, NAME};
use crate::rivals::Kind;
use crate::rule;
use crate::sample::{STALE, Sample};
use crate::series::{Limits, Store, Touched};
use crate::sim::simulate::{self, Case, Choice, Load, Options, Policy, Subject};

const RULES: &str = "
groups:
  - name: shop
    interval: 15s
    rules:
      - scale: checkout
        compare: [hpa, keda, predictive_hpa]
        target: {kind: Deployment, namespace: shop, name: checkout}
        replicas: {min: 1, max: 60}
        metrics: [{name: requests, demand: load, per_replica: 10}]
";

const COMPARED: [Kind; 3] = [Kind::Hpa, Kind::Keda, Kind::PredictiveHpa];

fn files(rules: &str) -> [(PathBuf, String); 1] {
    [(PathBuf::from("rules.yaml"), rules.to_owned())]
}

/// A load that is calm until every rival has seen enough, so that it does not matter how each begins.
fn load(demands: &[Option<f64>]) -> Load {
    let calm = std::iter::repeat_n(Some(95.0), 40);
    let values: Vec<Option<f64>> = calm.chain(demands.iter().copied()).collect();
    Load::from_values("load", at(0), Duration::from_secs(15), &values).unwrap()
}

/// What the loop shows after each sample, and at the end. The workload has ten replicas all the time.
fn live(load: &Load, rules: &str) -> Vec<BTreeMap<String, ShadowView>> {
    let store = Store::new(Limits::default());
    let rules = rule::compile(&files(rules), &Settings::default()).unwrap();
    let subscriptions = store.subscribe(&rules.selectors());
    let mut engine = Engine::default();
    let mut step = |now: Timestamp, sample: Option<f64>, event: Vec<Event>| {
        if let Some(value) = sample {
            let mut touched = Touched::default();
            let batch = store.batch(&mut touched);
            batch.write(&Labels::from_pairs([(NAME, "load")]).unwrap(), Sample::new(now, value)).unwrap();
            batch.finish();
        }
        let effects = engine.step(now, &store, event);
        assert!(!effects.iter().any(|effect| matches!(effect, Effect::Act(_))), "there is nothing to do");
        let view = engine.view();
        let shadows = view.workloads.first().map_or(&[][..], |workload| &workload.shadows);
        shadows.iter().map(|shadow| (shadow.name.to_string(), shadow.clone())).collect::<BTreeMap<_, _>>()
    };
    let before = load.start() - Duration::from_secs(1);
    step(before, None, vec![Event::Rules(rules.bind(subscriptions))]);
    let ten = Observation { workload: Workload::from(checkout_ref()), status: Status::found(10, 10) };
    step(before + Duration::from_millis(1), None, vec![Event::Observed(ten)]);
    // As if it had been so before.
    step(load.start(), Some(load.offered(0)), Vec::new());
    let measured = |cell| load.measured(cell).unwrap_or(STALE);
    (0..load.cells()).map(|cell| step(load.begins(cell + 1), Some(measured(cell)), Vec::new())).collect()
}

fn checkout_ref() -> ObjectRef {
    ObjectRef { api_version: String::new(), ..ObjectRef::from(checkout()) }
}

/// The same loads give the same counts at each sample, the same cost and the same missed demand.
fn check(demands: &[Option<f64>]) {
    let load = load(demands);
    // The rule itself is not tried: it stays where it is.
    let idle = RULES.replace("metrics:", "pause: true\n        metrics:");
    let shown = live(&load, &idle);
    let subject = Subject::of(&files(RULES), &Settings::default(), &Choice::default()).unwrap();
    let case = Case { load: load.clone(), subject: Arc::new(subject) };
    let policies = COMPARED.map(Policy::Rival);
    let report = simulate::run(&[case], &policies, &Options::default(), 1, &|_| {}).unwrap();
    for kind in COMPARED {
        let played = report.traces[0].of(Policy::Rival(kind)).unwrap();
        for (cell, shown) in shown.iter().enumerate() {
            let now = load.begins(cell + 1);
            let before = played.course.changes.iter().rfind(|change| change.at < now).unwrap();
            let shown = &shown[kind.as_str()];
            assert_eq!(shown.replicas, before.requested, "{} at cell {cell}", kind.as_str());
        }
        let ledger = shown.last().unwrap()[kind.as_str()].ledger;
        let hours = ledger.shadow.replica_seconds / 3600.0;
        assert!((hours - played.score.replica_hours).abs() < 1e-6, "{} cost {hours}", kind.as_str());
        let missed = 100.0 * ledger.missed_ratio(ledger.shadow);
        assert!((missed - played.score.missed_percent).abs() < 1e-6, "{} missed {missed}", kind.as_str());
    }
}

#[test]
fn a_day_with_a_peak_and_a_hole_is_the_same_live_and_simulated() {
    let rise = (0..40).map(|cell| Some(95.0 + 10.0 * f64::from(cell)));
    let hole = std::iter::repeat_n(None, 6);
    let fall = std::iter::repeat_n(Some(30.0), 60);
    check(&rise.chain(hole).chain(fall).collect::<Vec<_>>());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn any_demand_is_answered_the_same_live_and_simulated(
        demands in prop::collection::vec(prop::option::weighted(0.95, 0.0..700.0), 1..80),
    ) {
        check(&demands);
    }
}
