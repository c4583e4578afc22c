//! Shadow rules, and other scalers beside a rule: they are shown, written down and scored, and never act.

use std::time::Duration;

use expect_test::{Expect, expect};
use proptest::prelude::*;

use super::{CHECKOUT, World, second};
use crate::dispatch::{Outcome, Status};
use crate::engine::ShadowView;
use crate::journal::{Change, Entry};

/// A second rule that plans half as much for a replica, and does not act.
const BOLDER: &str = "
      - scale: bolder
        mode: shadow
        target: {kind: Deployment, namespace: shop, name: checkout}
        replicas: {min: 1, max: 20}
        metrics: [{name: requests, demand: sum(load), per_replica: 25}]
";

fn with_shadow() -> String {
    CHECKOUT.to_owned() + BOLDER
}

fn alone() -> String {
    format!("groups:\n  - name: shop\n    interval: 15s\n    rules:{BOLDER}")
}

fn compared() -> String {
    CHECKOUT.replace("        target:", "        compare: [hpa, keda]\n        target:")
}

fn line(shadow: &ShadowView) -> String {
    let ShadowView { name, replicas, ready, ledger, .. } = shadow;
    let hours = |seconds: f64| seconds / 3600.0;
    format!(
        "{name}: {ready}/{replicas}, {:.2} h to {:.2} h, missed {:.1} % to {:.1} %",
        hours(ledger.shadow.replica_seconds),
        hours(ledger.live.replica_seconds),
        100.0 * ledger.missed_ratio(ledger.shadow),
        100.0 * ledger.missed_ratio(ledger.live),
    )
}

impl World {
    fn shadows(&self) -> String {
        let view = self.engine.view();
        let lines = view.workloads.iter().flat_map(|workload| &workload.shadows).map(line);
        lines.collect::<Vec<_>>().join("\n")
    }

    #[track_caller]
    fn check_shadows(&self, want: &Expect) {
        want.assert_eq(&self.shadows());
    }

    /// So many quarters of a minute under a load.
    fn lives(&mut self, quarters: usize, load: f64) {
        for _ in 0..quarters {
            self.load_is("load", "a", load);
            self.wait(Duration::from_secs(15));
        }
    }

    /// What a rule has decided, as the journal has it.
    fn journalled_of(&self, rule: &str) -> Vec<String> {
        let entries = self.written.iter().filter_map(|change| match change {
            Change::Entry(entry) if &*entry.rule == rule && entry.outcome.is_some() => Some(entry),
            _ => None,
        });
        let line = |entry: &std::sync::Arc<Entry>| {
            let outcome = entry.outcome.as_ref().map(ToString::to_string).unwrap_or_default();
            format!("{} -> {}: {outcome}", entry.decision.from, entry.decision.to)
        };
        entries.map(line).collect()
    }
}

#[test]
fn a_shadow_rule_decides_beside_the_one_that_acts() {
    let mut world = World::new(&with_shadow());
    world.load_is("load", "a", 190.0);
    world.has("checkout", 2);
    world.acted("checkout", Outcome::Done);
    world.has("checkout", 4);
    world.lives(20, 190.0);
    world.lives(40, 60.0);
    // The one that acts is watched once, and scales once: the shadow is in the journal only.
    world.check(&expect![[r#"
        000s watch shop/checkout
        000s shop/checkout 2 -> 4: requests 190 / 50 = 4
        510s shop/checkout 4 -> 2: requests 60 / 50 = 2
    "#]]);
    world.check_shadows(&expect!["bolder: 3/3, 1.87 h to 1.00 h, missed 4.2 % to 0.0 %"]);
    let simulated = ["2 -> 6: simulated", "6 -> 8: simulated", "8 -> 3: simulated"];
    assert_eq!(world.journalled_of("bolder"), simulated);
    assert_eq!(world.health("bolder"), None);
}

#[test]
fn a_shadow_rule_alone_is_shown_with_what_somebody_else_does() {
    let mut world = World::new(&alone());
    world.load_is("load", "a", 190.0);
    world.has("checkout", 2);
    world.lives(8, 190.0);
    world.has("checkout", 6);
    world.lives(8, 190.0);
    let view = world.engine.view();
    assert_eq!((view.workloads[0].replicas, view.workloads[0].decision.is_none()), (Some(6), true));
    world.check_shadows(&expect!["bolder: 8/8, 0.53 h to 0.27 h, missed 16.9 % to 34.2 %"]);
    world.load("groups: []");
    assert!(world.watched.is_empty() && world.engine.view().workloads.is_empty());
}

#[test]
fn rules_that_act_and_shadows_come_and_go() {
    let mut world = World::new(&alone());
    world.load_is("load", "a", 190.0);
    world.has("checkout", 4);
    // Nobody has to tell again what the shadow has heard.
    world.load(&with_shadow());
    assert_eq!(world.engine.view().workloads[0].replicas, Some(4));
    assert_eq!(world.engine.view().workloads[0].shadows.len(), 1);
    world.load(&alone());
    assert_eq!(world.engine.view().workloads[0].replicas, Some(4));
    world.load(CHECKOUT);
    world.load_is("load", "a", 191.0);
    assert_eq!(world.engine.view().workloads[0].shadows, []);
    // They change places.
    world.load(
        &with_shadow()
            .replace("mode: shadow", "mode: live")
            .replace("scale: checkout", "scale: checkout\n        mode: shadow"),
    );
    world.has("checkout", 4);
    world.load_is("load", "a", 192.0);
    let view = world.engine.view();
    assert_eq!((&*view.workloads[0].rule, &*view.workloads[0].shadows[0].name), ("bolder", "checkout"));
    world.acted("checkout", Outcome::Done);
    world.cluster_says("checkout", Status::Unknown("not found".to_owned()));
    world.load("groups: []");
    assert!(world.watched.is_empty());
}

#[test]
fn what_hpa_and_keda_would_have_done_is_shown_and_outlives_a_restart() {
    let mut world = World::new(&compared());
    world.has("checkout", 4);
    world.load_is("load", "a", 190.0);
    world.has("checkout", 4);
    world.lives(20, 190.0);
    world.lives(8, 390.0);
    world.acted("checkout", Outcome::Done);
    world.has("checkout", 8);
    world.lives(8, 390.0);
    world.check_shadows(&expect![[r#"
        hpa: 8/8, 0.84 h to 0.73 h, missed 8.1 % to 11.2 %
        keda: 8/8, 0.81 h to 0.73 h, missed 9.5 % to 11.2 %"#]]);
    world.restart(&compared());
    world.has("checkout", 8);
    world.load_is("load", "a", 390.0);
    world.has("checkout", 8);
    world.lives(2, 390.0);
    world.check_shadows(&expect![[r#"
        hpa: 8/8, 0.77 h to 0.67 h, missed 8.8 % to 12.1 %
        keda: 8/8, 0.75 h to 0.67 h, missed 10.3 % to 12.1 %"#]]);
    // What nobody asks for any more is not shown.
    world.load(CHECKOUT);
    world.lives(2, 390.0);
    world.check_shadows(&expect![[""]]);
}

#[test]
fn a_hole_in_the_data_is_paid_for_and_judges_nobody() {
    let mut world = World::new(&compared());
    world.load_is("load", "a", 190.0);
    world.has("checkout", 4);
    world.lives(4, 190.0);
    world.load_is("load", "a", crate::sample::STALE);
    world.wait(Duration::from_mins(20));
    let view = world.engine.view();
    let ledger = view.workloads[0].shadows[0].ledger;
    assert!((45.0..=61.0).contains(&ledger.seconds), "{ledger:?}");
    assert!(ledger.live.replica_seconds > 4.0 * 1190.0, "{ledger:?}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    /// A shadow asks nothing of the world.
    #[test]
    fn a_shadow_never_acts(loads in prop::collection::vec((0.0..900.0, 1_u64..90, 0_u32..20), 1..40)) {
        let mut world = World::new(&alone());
        for (load, seconds, replicas) in loads {
            world.load_is("load", "a", load);
            world.has("checkout", replicas);
            world.wait(second() * u32::try_from(seconds).unwrap());
        }
        prop_assert_eq!(&world.log, "000s watch shop/checkout\n");
        prop_assert!(world.in_flight.is_empty());
    }

    /// The same rule decides the same, whether it acts or not, where pods are ready at once.
    #[test]
    fn a_shadow_decides_as_the_rule_that_acts(loads in prop::collection::vec((0.0..900.0, 1_u64..90), 1..30)) {
        let shadow = BOLDER.replace("per_replica: 25", "per_replica: 50") + "        behavior:\n          \
            scale_up: {policies: [{type: Pods, value: 20, period: 1s}]}\n          \
            scale_down: {stabilization_window: 0s, policies: [{type: Pods, value: 20, period: 1s}]}\n";
        let mut world = World::new(&(CHECKOUT.to_owned() + &shadow));
        world.load_is("load", "a", 100.0);
        world.has("checkout", 2);
        for (load, seconds) in loads {
            world.load_is("load", "a", load);
            while let Some(action) = world.in_flight.get(&super::workload("checkout")).cloned() {
                world.acted("checkout", Outcome::Done);
                world.has("checkout", action.to);
            }
            let view = world.engine.view();
            prop_assert_eq!(view.workloads[0].replicas, Some(view.workloads[0].shadows[0].replicas));
            world.wait(second() * u32::try_from(seconds).unwrap());
        }
    }
}
