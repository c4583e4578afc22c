//! Who carries out and who is told; and how it is said what keeps a decision from being carried out.

use super::*;

const RECEIVERS: &str = r#"
route:
  receiver: cluster
  routes:
  - {matchers: [audit=yes], receiver: audit, continue: true, mute_time_intervals: [second]}
  - {matchers: [env=staging], receiver: people}
  - {matchers: [env=eu], receiver: eu}
receivers:
- {name: cluster, kubernetes_configs: [{}]}
- {name: eu, kubernetes_configs: [{context: eu}], log_configs: [{}]}
- {name: audit, log_configs: [{}]}
- {name: people, webhook_configs: [{url: 'http://x'}]}
time_intervals: [{name: second, time_intervals: [{times: [{start_time: '00:01', end_time: '00:02'}]}]}]
"#;

#[track_caller]
fn check(extra: &str, seconds: u64, want: &str) {
    let mut world = World::new(RECEIVERS);
    world.now = seconds;
    world.wish("web", 1, 2, 0, extra);
    assert_eq!(world.release(), want);
}

#[test]
fn the_first_route_that_can_act_carries_out_and_the_others_are_told() {
    check("", 0, "web 1->2 by cluster");
    check("env=eu", 0, "web 1->2 by eu tell eu");
    check("env=eu audit=yes", 0, "web 1->2 by eu tell audit+eu");
    check("env=eu audit=yes", 60, "web 1->2 by eu tell eu");
    check("env=staging", 0, "web 1->2 by nobody tell people");
}

#[test]
fn who_only_listens_is_told_once_of_each_change() {
    let mut world = World::new(RECEIVERS);
    world.wish("web", 1, 2, 0, "env=staging");
    assert_eq!(world.release(), "web 1->2 by nobody tell people");
    assert_eq!(world.muted("web"), "only told: receiver people has no kubernetes_configs");
    assert!(!world.dispatcher.in_flight(&workload("web")));
    world.wish("web", 1, 2, 0, "env=staging");
    assert_eq!(world.release_at(9), "");
    world.wish("web", 1, 3, 0, "env=staging");
    assert_eq!(world.release_at(9), "web 1->3 by nobody tell people");
    world.wish("web", 3, 3, 0, "env=staging");
    assert_eq!((world.release().as_str(), world.muted("web").as_str()), ("", ""));
    world.wish("web", 3, 4, 0, "env=staging");
    assert_eq!(world.release(), "web 3->4 by nobody tell people");
}

#[test]
fn each_reason_is_stored_as_it_is_shown() {
    let name: Arc<str> = "night".into();
    let all = [
        Muted::Silenced { id: "1".into(), author: "bob".into(), comment: "c".into(), until: at(1) },
        Muted::Inhibited { fingerprint: 7, alertname: "Down".into() },
        Muted::TimeInterval { name: Arc::clone(&name), holds: true },
        Muted::RepeatInterval { set: 3, found: 1, until: at(1) },
        Muted::GroupWait { until: at(1) },
        Muted::GroupInterval { until: at(1) },
        Muted::Batch { waits_for: workload("a") },
        Muted::BatchStopped { by: workload("a") },
        Muted::NoActuator { receiver: name },
    ];
    for muted in all {
        let json = serde_json::to_string(&muted).unwrap();
        assert!(json.starts_with(&format!("{{\"code\":\"{}\"", muted.as_str())), "{json}");
        assert_eq!(serde_json::from_str::<Muted>(&json).unwrap(), muted);
        assert!(!muted.to_string().is_empty());
    }
}
