//! Alerts: how updates merge, what is told to whom and when.

use super::*;

/// What is told now: `receiver {group} +firing -resolved`.
fn told(world: &mut World, now: u64) -> String {
    world.now = now;
    world.alerts.advance(at(now));
    let notifications = world.alerts.notifications(at(now), &world.silences);
    let shown = notifications.iter().map(|notification| {
        let Notification { receiver, group_labels, alerts, .. } = notification;
        let alerts = alerts.iter().map(|alert| {
            let sign = if alert.is_resolved(at(now)) { '-' } else { '+' };
            format!(" {sign}{}", alert.labels.get("alertname").unwrap_or("?"))
        });
        format!("{receiver} {group_labels}{}", alerts.collect::<String>())
    });
    shown.collect::<Vec<_>>().join(", ")
}

const LOG: &str = r#"
route:
  receiver: log
  group_by: [app]
  group_wait: 30s
  group_interval: 5m
  repeat_interval: 1h
receivers: [{name: log, log_configs: [{}]}, {name: quiet, webhook_configs: [{url: 'http://x', send_resolved: false}]}]
"#;

#[test]
fn a_group_waits_then_looks_for_news_and_repeats_itself() {
    let mut world = World::new(LOG);
    world.fire("alertname=A app=x", 100_000);
    assert_eq!(world.alerts.next_due(), Some(at(30)));
    assert_eq!(told(&mut world, 29), "");
    world.fire("alertname=B app=x", 100_000);
    world.fire("alertname=C app=y", 100_000);
    assert_eq!(told(&mut world, 30), r#"log {app="x"} +A +B"#);
    assert_eq!(told(&mut world, 59), r#"log {app="y"} +C"#);
    world.fire("alertname=D app=x", 100_000);
    assert_eq!(told(&mut world, 329), "");
    assert_eq!(told(&mut world, 330), r#"log {app="x"} +A +B +D"#);
    for second in 331..3_659 {
        assert_eq!(told(&mut world, second), "", "second {second}");
    }
    // An hour after the message, at the group's next look.
    assert_eq!(told(&mut world, 3_659), r#"log {app="y"} +C"#);
    assert_eq!(told(&mut world, 3_929), "");
    assert_eq!(told(&mut world, 3_930), r#"log {app="x"} +A +B +D"#);
}

#[test]
fn ends_are_told_once() {
    let mut world = World::new(LOG);
    world.fire("alertname=A app=x", 100);
    world.fire("alertname=B app=x", 500);
    assert_eq!(told(&mut world, 30), r#"log {app="x"} +A +B"#);
    assert_eq!(told(&mut world, 330), r#"log {app="x"} +B -A"#);
    assert_eq!(told(&mut world, 630), r#"log {app="x"} -B"#);
    assert_eq!(told(&mut world, 930), "");
    assert!(world.alerts.groups(at(930)).is_empty());
    assert_eq!(world.alerts.iter().count(), 2, "known for a quarter of an hour");
    world.alerts.advance(at(1_400));
    assert_eq!((world.alerts.iter().count(), world.alerts.next_due()), (0, None));
}

#[test]
fn who_does_not_want_ends_is_not_told_of_them() {
    let mut world = World::new(&LOG.replace("receiver: log", "receiver: quiet"));
    world.fire("alertname=A app=x", 100);
    assert_eq!(told(&mut world, 30), r#"quiet {app="x"} +A"#);
    assert_eq!(told(&mut world, 330), "");
    world.fire("alertname=A app=x", 1_000);
    assert_eq!(told(&mut world, 360), "", "a new group waits anew where the old one is gone");
}

#[test]
fn what_ends_before_anybody_is_told_is_not_told() {
    let mut world = World::new(LOG);
    world.fire("alertname=A app=x", 20);
    assert_eq!(told(&mut world, 30), "");
    assert_eq!(told(&mut world, 330), "");
}

#[test]
fn what_began_long_ago_has_waited_already() {
    let mut world = World::new(LOG);
    world.now = 100;
    world.alerts.put(alert("alertname=A app=x", 10, 9_000), at(100)).unwrap();
    assert_eq!(told(&mut world, 100), r#"log {app="x"} +A"#);
}

#[test]
fn an_alert_that_fires_again_is_news() {
    let mut world = World::new(LOG);
    world.fire("alertname=A app=x", 100);
    assert_eq!(told(&mut world, 30), r#"log {app="x"} +A"#);
    assert_eq!(told(&mut world, 330), r#"log {app="x"} -A"#);
    world.now = 400;
    world.fire("alertname=A app=x", 9_000);
    assert_eq!(told(&mut world, 629), "");
    assert_eq!(told(&mut world, 630), r#"log {app="x"} +A"#);
}

#[test]
fn what_is_held_back_is_left_out() {
    let mut world = World::new(&format!(
        "{LOG}\ninhibit_rules: [{{source_matchers: [alertname=A], target_matchers: [alertname=B], equal: [app]}}]"
    ));
    world.fire("alertname=A app=x", 9_000);
    world.fire("alertname=B app=x", 9_000);
    world.fire("alertname=B app=y", 9_000);
    world.fire("alertname=C app=y", 9_000);
    world.silence("alertname=C", 200);
    assert_eq!(told(&mut world, 30), r#"log {app="x"} +A, log {app="y"} +B"#);
    assert_eq!(told(&mut world, 330), r#"log {app="y"} +B +C"#);
    let status = |text: &str| {
        let fingerprint = alert(text, 0, 1).fingerprint();
        world.alerts.status(fingerprint, at(100), &world.silences).unwrap()
    };
    assert_eq!(status("alertname=C app=y").silenced_by, ["s0"]);
    assert_eq!(status("alertname=C app=y").state, AlertState::Suppressed);
    assert_eq!(status("alertname=B app=x").inhibited_by, [alert("alertname=A app=x", 0, 1).fingerprint()]);
    assert_eq!(status("alertname=A app=x").state, AlertState::Active);
    assert_eq!(status("alertname=A app=x").receivers, ["log"]);
}

#[test]
fn a_closed_route_says_nothing() {
    let mut world = World::new(
        r#"
route: {receiver: log, routes: [{matchers: [app=x], mute_time_intervals: [start], group_wait: 10s}]}
receivers: [{name: log, log_configs: [{}]}]
time_intervals: [{name: start, time_intervals: [{times: [{start_time: '00:00', end_time: '00:01'}]}]}]
"#,
    );
    world.fire("alertname=A app=x", 9_000);
    assert_eq!(told(&mut world, 10), "");
    let fingerprint = alert("alertname=A app=x", 0, 1).fingerprint();
    let status = |now| world.alerts.status(fingerprint, at(now), &world.silences).unwrap();
    assert_eq!((status(10).muted_by, status(10).state), (vec!["start".to_owned()], AlertState::Suppressed));
    assert_eq!(status(60).state, AlertState::Active);
    assert_eq!(world.alerts.groups(at(10))[0].muted_by, ["start"]);
    assert_eq!(told(&mut world, 310), "log {} +A");
}

#[test]
fn a_message_that_did_not_arrive_is_sent_again() {
    let mut world = World::new(LOG);
    world.fire("alertname=A app=x", 100);
    world.alerts.advance(at(30));
    let lost = world.alerts.notifications(at(30), &world.silences);
    assert_eq!(lost[0].group_key, r#"{}:{app="x"}"#);
    world.alerts.failed(&lost[0]);
    assert_eq!(told(&mut world, 330), "", "it has ended, and nobody was told that it began");
    world.now = 340;
    world.fire("alertname=A app=x", 9_000);
    let lost = {
        world.alerts.advance(at(630));
        world.alerts.notifications(at(630), &world.silences)
    };
    world.alerts.failed(&lost[0]);
    assert_eq!(told(&mut world, 930), r#"log {app="x"} +A"#);
    assert_eq!(told(&mut world, 1_230), "");
}

#[test]
fn nobody_is_told_twice_over_a_restart() {
    let mut world = World::new(LOG);
    world.fire("alertname=A app=x", 9_000);
    assert_eq!(told(&mut world, 30), r#"log {app="x"} +A"#);
    let stored = serde_json::to_string(&world.alerts.stored()).unwrap();
    let mut world = World::new(LOG);
    world.alerts.restore(serde_json::from_str(&stored).unwrap());
    world.now = 100;
    world.alerts.put(alert("alertname=A app=x", 0, 9_000), at(100)).unwrap();
    assert_eq!(told(&mut world, 100), "");
    world.fire("alertname=B app=x", 9_000);
    assert_eq!(told(&mut world, 400), r#"log {app="x"} +A +B"#);
}

#[test]
fn groups_of_a_reload_remember_what_they_told() {
    let mut world = World::new(LOG);
    world.fire("alertname=A app=x", 9_000);
    assert_eq!(told(&mut world, 30), r#"log {app="x"} +A"#);
    world.alerts.reconfigure(routing(&LOG.replace("1h", "2h")), at(40));
    assert_eq!(told(&mut world, 330), "");
    world.alerts.reconfigure(routing(&LOG.replace("[app]", "[alertname]")), at(340));
    assert_eq!(told(&mut world, 370), r#"log {alertname="A"} +A"#);
}

#[test]
fn groups_are_shown_by_labels_and_receiver() {
    let mut world = World::new(
        r#"
route:
  routes:
  - {matchers: [app=x], receiver: log, group_by: [app], continue: true}
  - {matchers: [app=~"x|y"], group_by: [app]}
receivers: [{name: log, log_configs: [{}]}]
"#,
    );
    world.fire("alertname=A app=x", 90);
    world.fire("alertname=B app=y", 90);
    let shown: Vec<String> = (world.alerts.groups(at(1)).iter())
        .map(|group| format!("{}{} {}", group.receiver, group.labels, group.alerts.len()))
        .collect();
    assert_eq!(shown, [r#"default{app="x"} 1"#, r#"log{app="x"} 1"#, r#"default{app="y"} 1"#]);
}

/// Merges an update into an alert that lasts from 100 to 200, at 150; gives the span.
#[track_caller]
fn merges(from: u64, to: u64, updated: u64, want: (u64, u64)) {
    let mut alerts = Alerts::new(Arc::new(Routing::default()));
    let before = Alert { updated_at: at(140), ..alert("a=b", 100, 200) };
    alerts.put(before, at(140)).unwrap();
    let after = Alert { updated_at: at(updated), ..alert("a=b", from, to) };
    let merged = alerts.put(after, at(150)).unwrap();
    let seconds = |time: Timestamp| time.since(at(0)).as_secs();
    assert_eq!((seconds(merged.starts_at), seconds(merged.ends_at)), want);
}

#[test]
fn updates_merge_where_they_overlap() {
    merges(120, 300, 150, (100, 300));
    merges(100, 300, 150, (100, 300));
    merges(90, 150, 150, (90, 150));
    merges(100, 150, 150, (100, 150));
    merges(120, 180, 150, (100, 200));
    merges(120, 300, 130, (100, 300));
    merges(210, 300, 150, (210, 300));
    merges(20, 90, 150, (20, 90));
}

#[test]
fn there_is_an_end_to_how_many_are_kept() {
    let mut alerts = Alerts::new(Arc::new(Routing::default()));
    for n in 0..20_000 {
        alerts.put(alert(&format!("n={n}"), 0, 90), at(0)).unwrap();
    }
    assert_eq!(alerts.put(alert("n=x", 0, 90), at(0)), Err(AlertsFull { limit: 20_000 }));
    assert!(alerts.put(alert("n=7", 0, 95), at(0)).is_ok());
}
