//! What people ask of the loop by hand.

use std::collections::BTreeMap;
use std::time::Duration;

use super::{CHECKOUT, World, second, workload};
use crate::config::{Settings, Source};
use crate::dispatch::{Alert, Outcome, Silence, Status};
use crate::engine::{Command, Event, ManualScale};
use crate::labels::Labels;

/// Two workloads that share twelve pods.
const SHARED: &str = "
groups:
  - name: shop
    interval: 15s
    rules:
      - scale: every
        target: {kind: Deployment, namespace: shop, name: \"{{ $labels.app }}\"}
        replicas: {min: 1, max: 50}
        metrics: [{name: requests, demand: sum by (app) (load), per_replica: 10}]
        group: shared
        behavior:
          scale_up: {policies: [{type: Pods, value: 50, period: 1s}]}
          scale_down: {stabilization_window: 0s, policies: [{type: Pods, value: 50, period: 1s}]}
";

pub(super) fn scale(name: &str, replicas: Option<u32>, dry_run: bool) -> Command {
    let (author, reason, ttl) = ("alice".to_owned(), "a sale".to_owned(), Duration::from_hours(1));
    Command::Scale(ManualScale { workload: workload(name), replicas, author, reason, ttl, dry_run })
}

#[test]
fn asking_what_a_count_would_do_changes_nothing() {
    let settings = "economy: {groups: [{name: shared, limits: {replicas: 12}}]}";
    let settings = Settings::parse(Source { file: "headroom.yaml".as_ref(), text: settings }).unwrap();
    let mut world = World::with(&settings, SHARED);
    world.load_is("load", "a", 30.0);
    world.load_is("load", "b", 90.0);
    world.has("a", 3);
    world.has("b", 9);
    let before = world.engine.view();
    world.step(vec![Event::Asked(1, scale("a", Some(50), true))]);
    world.wait(second());
    world.load_is("load", "b", 90.0);
    let counts = |name: &str, view: &crate::engine::View| {
        view.workloads.iter().find(|one| one.workload == workload(name)).unwrap().decision.as_ref().map(|one| one.to)
    };
    assert_eq!(counts("b", &world.engine.view()), counts("b", &before));
    assert!(answered(&world).contains("Supposed { decision: \"shop/a 3 -> 50"), "{}", world.log);
    assert!(world.in_flight.is_empty(), "{}", world.log);
    assert_eq!(world.engine.view().workloads[0].manual, None);
}

#[test]
fn a_posted_alert_holds_back_after_a_restart_too() {
    let text = "inhibit_rules: [{source_matchers: [alertname=DB], target_matchers: [direction=up]}]";
    let settings = Settings::parse(Source { file: "headroom.yaml".as_ref(), text }).unwrap();
    for (away, ended) in [(0, false), (10, false), (10, true), (90, false)] {
        let mut world = World::with(&settings, CHECKOUT);
        let alert = |ends_at| Alert {
            labels: Labels::from_pairs([("alertname", "DB")]).unwrap(),
            annotations: BTreeMap::new(),
            starts_at: world.now,
            ends_at,
            updated_at: world.now,
            generator_url: String::new(),
        };
        let mut events = vec![Event::Asked(1, Command::Alerts(vec![alert(world.now + Duration::from_mins(4))]))];
        if ended {
            events.push(Event::Asked(2, Command::Alerts(vec![alert(world.now)])));
        }
        world.step(events);
        world.now = world.now + Duration::from_mins(away);
        world.restart(CHECKOUT);
        world.load_is("load", "a", 190.0);
        world.has("checkout", 2);
        // Senders that were cut off are waited for, but not for ever.
        assert_eq!(world.in_flight.is_empty(), !ended && away < 60, "{away}m {ended}");
        world.wait(Duration::from_mins(6));
        world.load_is("load", "a", 190.0);
        assert!(!world.in_flight.is_empty(), "{away}m {ended}");
    }
}

/// What `headroom scale` is answered.
fn answered(world: &World) -> &str {
    world.log.lines().rfind(|line| line.contains("answer ")).unwrap_or_default()
}

#[test]
fn who_scales_by_hand_hears_what_keeps_it_from_being_done() {
    let mut world = World::new(CHECKOUT);
    let silence = Silence {
        id: String::new(),
        matchers: crate::labels::parse_matchers("name=checkout").unwrap(),
        starts_at: world.now,
        ends_at: world.now + Duration::from_hours(1),
        updated_at: world.now,
        created_by: "bob".to_owned(),
        comment: "moving".to_owned(),
    };
    world.load_is("load", "a", 190.0);
    world.step(vec![Event::Asked(1, scale("checkout", Some(9), false))]);
    assert!(answered(&world).contains("is to have 9"), "{}", world.log);
    world.step(vec![Event::Asked(2, Command::Silence { silence, spare_id: "s1".to_owned() })]);
    world.has("checkout", 6);
    world.step(vec![Event::Asked(3, scale("checkout", Some(9), false))]);
    assert!(answered(&world).contains("shop/checkout 6 -> 9"), "{}", world.log);
    assert!(answered(&world).contains("not carried out yet: silenced by bob"), "{}", world.log);
    world.step(vec![Event::Asked(4, Command::Expire { id: "s1".to_owned() })]);
    world.acted("checkout", Outcome::Done);
    world.step(vec![Event::Asked(5, scale("checkout", Some(8), false))]);
    assert!(!answered(&world).contains("not carried out"), "{}", world.log);
}

#[test]
fn what_was_wished_for_a_workload_that_is_lost_is_not_done_when_the_way_is_free() {
    let mut world = World::new(CHECKOUT);
    let silence = Silence {
        id: String::new(),
        matchers: crate::labels::parse_matchers("name=checkout").unwrap(),
        starts_at: world.now,
        ends_at: world.now + Duration::from_mins(1),
        updated_at: world.now,
        created_by: "bob".to_owned(),
        comment: "moving".to_owned(),
    };
    world.step(vec![Event::Asked(1, Command::Silence { silence, spare_id: "s1".to_owned() })]);
    world.load_is("load", "a", 190.0);
    world.has("checkout", 9);
    world.cluster_says("checkout", Status::Unknown("no answer".to_owned()));
    world.wait(Duration::from_mins(2));
    assert!(world.in_flight.is_empty(), "{}", world.log);
    world.load_is("load", "a", 190.0);
    world.has("checkout", 9);
    assert!(!world.in_flight.is_empty(), "{}", world.log);
}
