//! Whatever happens, in whatever order.

use std::time::Duration;

use proptest::prelude::*;

use super::{CHECKOUT, World};
use crate::dispatch::{Outcome, Status};
use crate::sample::STALE;

/// What may happen to the loop.
#[derive(Debug, Clone)]
enum Happening {
    Load(f64),
    Silence,
    Has(u32),
    Gone,
    Acted(usize),
    Wait(u64),
    Reload(usize),
}

/// Rules that take each other's place: the same under other bounds, under another name, for another target, for a
/// fleet, as shadows, and none.
fn rules(number: usize) -> String {
    match number {
        0 => CHECKOUT.to_owned(),
        1 => CHECKOUT.replace("min: 1", "min: 2"),
        2 => CHECKOUT.replace("scale: checkout", "scale: shop-checkout"),
        3 => CHECKOUT.replace("name: checkout}", "name: payment}"),
        4 => CHECKOUT
            .replace("name: checkout}", "name: \"{{ $labels.app }}\"}")
            .replace("sum(load)", "sum by (app) (load)"),
        5 => CHECKOUT.replace("scale: checkout", "scale: checkout\n        mode: shadow"),
        6 => CHECKOUT.replace("scale: checkout", "scale: checkout\n        compare: [hpa, keda]") + &shadow(),
        _ => "groups: []".to_owned(),
    }
}

/// A second rule for the same workload, which does not act.
fn shadow() -> String {
    let rule = CHECKOUT.split_once("rules:\n").map_or("", |(_, rule)| rule);
    rule.replace("scale: checkout", "scale: other\n        mode: shadow")
}

fn happenings() -> impl Strategy<Value = Vec<Happening>> {
    let one = prop_oneof![
        3 => (0.0..900.0).prop_map(Happening::Load),
        2 => Just(Happening::Silence),
        2 => (0_u32..20).prop_map(Happening::Has),
        1 => Just(Happening::Gone),
        3 => (0_usize..4).prop_map(Happening::Acted),
        2 => (1_u64..120).prop_map(Happening::Wait),
        1 => (0_usize..8).prop_map(Happening::Reload),
    ];
    prop::collection::vec(one, 1..60)
}

/// Plays a history; every action goes through the check.
fn play(happenings: &[Happening]) -> String {
    let mut world = World::new(CHECKOUT);
    let (mut silent, mut logged) = (true, 0);
    for happening in happenings {
        match happening {
            Happening::Load(value) => {
                silent = false;
                world.load_is("load", "checkout", *value);
            }
            Happening::Silence => {
                silent = true;
                world.load_is("load", "checkout", STALE);
            }
            Happening::Has(replicas) => {
                world.has("checkout", *replicas);
                world.has("payment", *replicas);
            }
            Happening::Gone => world.cluster_says("checkout", Status::Unknown("gone".to_owned())),
            Happening::Acted(outcome) => {
                let failed = || Outcome::Failed("x".to_owned());
                let outcome = [Outcome::Done, Outcome::Simulated, Outcome::Conflict, failed()][*outcome].clone();
                if let Some(workload) = world.in_flight.keys().next().cloned() {
                    world.acted(&workload.name, outcome);
                }
            }
            Happening::Reload(number) => world.load(&rules(*number)),
            Happening::Wait(seconds) => world.wait(Duration::from_secs(*seconds)),
        }
        let view = world.engine.view();
        for entry in view.decisions.iter().filter(|entry| entry.id > logged) {
            let decision = &entry.decision;
            assert!((1..=20).contains(&decision.to), "within bounds: {decision:?}");
            assert!(!silent || decision.to > decision.from, "without data nothing goes down: {decision:?}");
        }
        logged = view.decisions.back().map_or(logged, |entry| entry.id);
        world.now = world.now + Duration::from_millis(5);
    }
    world.log
}

proptest! {
    #[test]
    fn the_same_history_gives_the_same_decisions_and_absence_lowers_none(happenings in happenings()) {
        prop_assert_eq!(play(&happenings), play(&happenings));
    }
}
