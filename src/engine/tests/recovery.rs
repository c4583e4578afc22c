//! The loop goes on from what the journal gave back.

use super::*;
use crate::decision::{Decision, Layer};
use crate::journal::Table;

/// An entry's id, its count before and after, its outcome.
type Row = (u64, u32, u32, Option<Outcome>);

/// What a journal with these entries gives back after a restart.
fn recovered(rows: &[Row]) -> Recovered {
    let at = Timestamp::from_millis(START_MS);
    let change = |(id, from, to, outcome): &Row| {
        let (layer, steps) = (Layer::Reactive, Vec::new());
        let decision = Decision { at, from: *from, to: *to, layer, steps, revisit_at: None };
        let entry = Entry::new(*id, workload("checkout"), "checkout".into(), decision);
        Change::Entry(Arc::new(Entry { outcome: outcome.clone(), ..entry }))
    };
    journalled(&rows.iter().map(change).collect::<Vec<_>>(), at)
}

/// The outcomes that the first observation writes down.
#[track_caller]
fn check(rows: &[Row], replicas: u32, want: &Expect) {
    let store = Store::new(Limits::default());
    let mut engine = Engine::default();
    engine.recover(&recovered(rows));
    let now = Timestamp::from_millis(START_MS + 60_000);
    let observed = Observation { workload: workload("checkout"), status: Status::found(replicas, replicas) };
    let mut written = String::new();
    for effect in engine.step(now, &store, vec![Event::Observed(observed)]) {
        let entry = match effect {
            Effect::Record(entry) => entry,
            Effect::Keep(_) => continue,
            other => panic!("nothing else is done: {other:?}"),
        };
        assert_eq!(entry.ended_at, Some(now));
        writeln!(written, "{} {}", entry.id, entry.outcome.as_ref().unwrap()).unwrap();
        assert!(engine.view().decisions.contains(&entry), "people see it");
    }
    want.assert_eq(&written);
}

#[test]
fn what_was_in_flight_at_a_crash_is_settled_by_looking() {
    check(
        &[(7, 2, 6, None)],
        6,
        &expect![[r#"
        7 scaled
    "#]],
    );
    check(
        &[(7, 2, 6, None)],
        2,
        &expect![[r#"
        7 failed: the service ended in between; the cluster has 2 replicas
    "#]],
    );
    check(
        &[(6, 2, 4, None), (7, 4, 6, None)],
        4,
        &expect![[r#"
        6 scaled
        7 failed: the service ended in between; the cluster has 4 replicas
    "#]],
    );
    check(&[(7, 2, 6, Some(Outcome::Done))], 6, &expect![[""]]);
}

#[test]
fn ids_go_on_and_people_see_the_old_decisions() {
    let mut world = World::new(CHECKOUT);
    world.engine.recover(&recovered(&[(41, 1, 2, Some(Outcome::Done))]));
    world.load_is("load", "a", 190.0);
    world.has("checkout", 1);
    let ids: Vec<u64> = world.engine.view().decisions.iter().map(|entry| entry.id).collect();
    assert_eq!(ids, [41, 42]);
    assert_eq!(world.in_flight.values().map(|action| action.entry).collect::<Vec<_>>(), [42]);
}

/// One that goes down no earlier than a minute after an action.
fn calm() -> String {
    CHECKOUT.replace("        behavior:", "        cooldown: 1m\n        behavior:")
}

#[test]
fn an_action_that_a_kill_hid_counts_once_it_is_found_done() {
    let mut world = World::new(&calm());
    world.load_is("load", "a", 190.0);
    world.has("checkout", 2);
    world.restart(&calm());
    world.has("checkout", 4);
    for _ in 0..12 {
        world.wait(Duration::from_secs(10));
        world.load_is("load", "a", 90.0);
    }
    world.check(&expect![[r#"
        000s watch shop/checkout
        000s shop/checkout 2 -> 4: requests 190 / 50 = 4
        restart
        000s watch shop/checkout
        060s shop/checkout 4 -> 2: requests 90 / 50 = 2
    "#]]);
}

#[test]
fn an_action_whose_answer_was_lost_counts_once_it_is_found_done() {
    let timeout = || Outcome::Failed("timeout".to_owned());
    for seen_before in [false, true] {
        let mut world = World::new(&calm());
        world.load_is("load", "a", 190.0);
        world.has("checkout", 2);
        if seen_before {
            world.has("checkout", 4);
        }
        world.acted("checkout", timeout());
        world.has("checkout", 4);
        world.load_is("load", "a", 90.0);
        for _ in 0..12 {
            world.wait(Duration::from_secs(10));
            world.load_is("load", "a", 90.0);
        }
        assert!(world.log.ends_with("060s shop/checkout 4 -> 2: requests 90 / 50 = 2\n"), "{}", world.log);
    }
}

#[test]
fn what_happened_last_before_a_stop_is_remembered() {
    let mut world = World::new(&calm());
    world.load_is("load", "a", 190.0);
    world.has("checkout", 2);
    let action = world.in_flight.remove(&workload("checkout")).unwrap();
    world.stop(vec![Event::Acted(action, Outcome::Done)]);
    world.restart(&calm());
    world.has("checkout", 4);
    for _ in 0..12 {
        world.wait(Duration::from_secs(10));
        world.load_is("load", "a", 90.0);
    }
    world.check(&expect![[r#"
        000s watch shop/checkout
        000s shop/checkout 2 -> 4: requests 190 / 50 = 4
        restart
        000s watch shop/checkout
        060s shop/checkout 4 -> 2: requests 90 / 50 = 2
    "#]]);
}

#[test]
fn what_was_set_last_is_known_after_a_restart_at_any_time() {
    for graceful in [false, true] {
        let mut world = World::new(CHECKOUT);
        world.load_is("load", "a", 390.0);
        world.has("checkout", 2);
        world.acted("checkout", Outcome::Done);
        // Eight is written down with all the rest, five with its outcome.
        world.wait(Duration::from_secs(90));
        world.load_is("load", "a", 240.0);
        world.acted("checkout", Outcome::Done);
        if graceful {
            world.stop(Vec::new());
        }
        world.restart(CHECKOUT);
        world.load_is("load", "a", 240.0);
        world.has("checkout", 5);
        world.wait(second());
        assert_eq!(world.engine.view().workloads[0].drift, None);
        world.has("checkout", 4);
        let drift = world.engine.view().workloads[0].drift.map(|drift| (drift.set, drift.found));
        assert_eq!(drift, Some((5, 4)));
    }
}

/// The rows of a table that are left of what was written.
fn rows(world: &World, table: Table) -> Vec<String> {
    let rows = journalled(&world.written, world.now).rows::<serde_json::Value>(table);
    rows.into_iter().map(|(key, _)| key).collect()
}

#[test]
fn what_nothing_scales_any_more_is_let_go_of_after_a_month() {
    let mut world = World::new(CHECKOUT);
    world.load_is("load", "a", 190.0);
    world.has("checkout", 4);
    world.wait(Duration::from_mins(2));
    world.load("groups: []");
    world.wait(Duration::from_mins(2));
    assert_eq!(rows(&world, Table::Workloads), ["shop/checkout"]);
    world.now = world.now + Duration::from_hours(30 * 24);
    world.restart("groups: []");
    world.wait(Duration::from_mins(2));
    assert_eq!(rows(&world, Table::Workloads), ["shop/checkout"]);
    world.now = world.now + Duration::from_hours(24);
    world.wait(Duration::from_mins(2));
    assert_eq!(rows(&world, Table::Workloads), [""; 0]);
    assert!(world.engine.remembered.is_empty());
}

#[test]
fn too_many_that_nothing_scales_are_let_go_of_oldest_first() {
    let mut world = World::new("groups: []");
    let row = |number: i64| {
        let at = START_MS - number;
        let value = serde_json::json!({ "at": at });
        Change::put(Table::Workloads, format!("shop/w{number}"), &value).unwrap()
    };
    world.written.extend((0..20_002).map(row));
    world.restart("groups: []");
    world.wait(Duration::from_mins(2));
    let left = rows(&world, Table::Workloads);
    assert_eq!(left.len(), 20_000);
    assert!(!left.contains(&"shop/w20001".to_owned()) && left.contains(&"shop/w0".to_owned()));
}

#[test]
fn the_rows_of_alert_rules_go_with_them() {
    let alert = "groups: [{name: shop, interval: 15s, rules: [{alert: Hot, expr: load > 100}]}]";
    let mut world = World::new(alert);
    world.load_is("load", "a", 190.0);
    world.wait(Duration::from_mins(2));
    assert_eq!(rows(&world, Table::Alerts), ["shop/Hot{}/0"]);
    world.load("groups: []");
    assert_eq!(rows(&world, Table::Alerts), [""; 0]);
}
