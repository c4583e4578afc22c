//! New rules in place of others, also while actions are on their way.

use std::path::Path;
use std::time::Duration;

use expect_test::expect;

use super::commands::scale;
use super::{CHECKOUT, World, second};
use crate::config::{Settings, Source};
use crate::dispatch::{Outcome, Status};
use crate::engine::Event;

/// Two workloads that share what the settings say.
const SHARED: &str = "
groups:
  - name: shop
    rules:
      - scale: a
        target: {kind: Deployment, namespace: shop, name: a}
        replicas: {min: 1, max: 20}
        metrics: [{name: requests, demand: 'sum(load{app=\"a\"})', per_replica: 50}]
        group: shared
        labels: {tier: web}
";

fn settings(text: &str) -> Settings {
    Settings::parse(Source { file: Path::new("headroom.yaml"), text }).unwrap()
}

#[test]
fn other_limits_and_routes_count_at_once() {
    let limits = |replicas| format!("economy: {{groups: [{{name: shared, limits: {{replicas: {replicas}}}}}]}}\n");
    let mut world = World::with(&settings(&limits(3)), SHARED);
    world.load_is("load", "a", 290.0);
    world.has("a", 1);
    world.acted("a", Outcome::Done);
    world.has("a", 3);
    world.wait(Duration::from_mins(1));
    // Twice as much to share, and a route on which nobody acts at any time.
    world.configure(settings(&limits(6)), SHARED);
    world.acted("a", Outcome::Done);
    world.has("a", 6);
    let never = "time_intervals: [{name: always, time_intervals: [{months: ['1:12']}]}]\nroute: {routes: [{matchers: [tier=web], mute_time_intervals: [always]}]}\n";
    world.configure(settings(&format!("{}{never}", limits(9))), SHARED);
    world.load_is("load", "a", 450.0);
    world.wait(Duration::from_mins(1));
    let view = world.engine.view();
    assert_eq!(view.workloads[0].decision.as_ref().map(|decision| (decision.from, decision.to)), Some((6, 9)));
    assert!(view.workloads[0].muted.is_some());
    world.check(&expect![[r#"
        000s watch shop/a
        000s shop/a 1 -> 3: economy: 3 is the share of group shared's replicas
        060s shop/a 3 -> 6: requests 290 / 50 = 6
    "#]]);
}

const NO_RULES: &str = "groups: []";

#[test]
fn what_no_rule_scales_any_more_is_forgotten() {
    let mut world = World::new(CHECKOUT);
    world.load_is("load", "a", 190.0);
    world.has("checkout", 4);
    world.load(NO_RULES);
    world.has("checkout", 2);
    assert!(world.engine.view().workloads.is_empty());
    world.check(&expect![[r#"
        000s watch shop/checkout
        000s forget shop/checkout
    "#]]);
}

#[test]
fn an_action_outlives_its_rule_and_nothing_follows_it() {
    let mut world = World::new(CHECKOUT);
    world.load_is("load", "a", 190.0);
    world.has("checkout", 2);
    world.load(NO_RULES);
    world.has("checkout", 3);
    world.wait(Duration::from_mins(2));
    world.acted("checkout", Outcome::Failed("timeout".to_owned()));
    world.wait(Duration::from_mins(2));
    world.check(&expect![[r#"
        000s watch shop/checkout
        000s shop/checkout 2 -> 4: requests 190 / 50 = 4
        120s forget shop/checkout
    "#]]);
}

#[test]
fn a_rule_of_another_name_takes_over_once_the_action_is_on_its_way() {
    let mut world = World::new(CHECKOUT);
    world.load_is("load", "a", 190.0);
    world.has("checkout", 2);
    world.load(
        &CHECKOUT.replace("scale: checkout", "scale: shop-checkout").replace("per_replica: 50", "per_replica: 25"),
    );
    assert_eq!(world.health("shop-checkout"), None);
    world.acted("checkout", Outcome::Done);
    world.check(&expect![[r#"
        000s watch shop/checkout
        000s shop/checkout 2 -> 4: requests 190 / 50 = 4
        000s shop/checkout 4 -> 8: requests 190 / 25 = 8
    "#]]);
}

#[test]
fn a_rule_that_turns_to_another_target_lets_go_of_the_first() {
    for in_flight in [false, true] {
        let mut world = World::new(CHECKOUT);
        world.has("checkout", 4);
        if in_flight {
            world.load_is("load", "a", 490.0);
        }
        world.load(&CHECKOUT.replace("name: checkout}", "name: payment}"));
        world.wait(second());
        if in_flight {
            world.acted("checkout", Outcome::Done);
        }
        world.load_is("load", "a", 290.0);
        world.has("payment", 1);
        if in_flight {
            world.check(&expect![[r#"
                000s watch shop/checkout
                000s shop/checkout 4 -> 10: requests 490 / 50 = 10
                000s watch shop/payment
                001s forget shop/checkout
                001s shop/payment 1 -> 6: requests 290 / 50 = 6
            "#]]);
        } else {
            world.check(&expect![[r#"
                000s watch shop/checkout
                000s watch shop/payment
                000s forget shop/checkout
                001s shop/payment 1 -> 6: requests 290 / 50 = 6
            "#]]);
        }
    }
}

#[test]
fn a_workload_that_vanishes_and_returns_begins_anew() {
    let fleet =
        CHECKOUT.replace("name: checkout}", "name: \"{{ $labels.app }}\"}").replace("sum(load)", "sum by (app) (load)");
    let mut world = World::new(&fleet);
    world.load_is("load", "api", 90.0);
    world.has("api", 5);
    // The action is on its way when both the series and the object go.
    world.load_is("load", "api", crate::sample::STALE);
    world.cluster_says("api", Status::Unknown("deleted".to_owned()));
    world.wait(Duration::from_secs(20));
    world.acted("api", Outcome::Refused("not found".to_owned()));
    world.wait(Duration::from_secs(20));
    world.load_is("load", "api", 90.0);
    world.has("api", 5);
    world.check(&expect![[r#"
        000s watch shop/api
        000s shop/api 5 -> 2: requests 90 / 50 = 2
        020s forget shop/api
        040s watch shop/api
        040s shop/api 5 -> 2: requests 90 / 50 = 2
    "#]]);
}

#[test]
fn a_rule_that_is_renamed_or_comes_back_goes_on_with_what_was_asked() {
    let renamed = CHECKOUT.replace("scale: checkout", "scale: shop-checkout");
    for (between, after) in [(NO_RULES, CHECKOUT), (&renamed, &renamed)] {
        for restarts in [false, true] {
            let mut world = World::new(CHECKOUT);
            world.load_is("load", "a", 190.0);
            world.has("checkout", 4);
            world.step(vec![Event::Asked(1, scale("checkout", Some(7), false))]);
            world.acted("checkout", Outcome::Done);
            world.load(between);
            world.wait(Duration::from_mins(1));
            if restarts {
                world.restart(after);
            } else {
                world.load(after);
            }
            world.load_is("load", "a", 190.0);
            world.has("checkout", 7);
            world.wait(Duration::from_mins(1));
            assert!(world.in_flight.is_empty(), "{}", world.log);
            let view = world.engine.view();
            assert_eq!(view.workloads[0].manual.as_ref().map(|manual| manual.replicas), Some(7));
        }
    }
}
