//! Which routes labels take: the cases are those of Alertmanager's documentation.

use super::*;

/// The example of Alertmanager's documentation, with receivers of ours.
const TREE: &str = r#"
route:
  receiver: default
  group_wait: 30s
  group_interval: 5m
  repeat_interval: 4h
  group_by: [cluster, alertname]
  routes:
  - {receiver: database, group_wait: 10s, matchers: ['service=~"mysql|cassandra"']}
  - {receiver: frontend, group_by: [product, environment], matchers: ['team="frontend"']}
  - receiver: inhouse
    matchers: ['owner="inhouse"']
    continue: true
    routes:
    - {matchers: ['severity="page"'], receiver: pager, group_by: ['...']}
    - {matchers: ['severity!="page"', 'severity=~".+"'], repeat_interval: 1h}
  - {receiver: holidays, matchers: ['service="files"'], active_time_intervals: [off], mute_time_intervals: [off]}
  - {receiver: files, matchers: ['service="files"']}
receivers: [{name: database}, {name: frontend}, {name: inhouse}, {name: pager}, {name: holidays}, {name: files}]
time_intervals: [{name: off, time_intervals: [{weekdays: [saturday]}]}]
"#;

#[track_caller]
fn check(text: &str, want: &str) {
    let routing = routing(TREE);
    let receivers: Vec<String> =
        routing.route(&labels(text)).iter().map(|route| route.receiver.name.value.clone()).collect();
    assert_eq!(receivers.join(" "), want);
}

#[test]
fn labels_go_down_into_the_first_route_that_matches() {
    check("", "default");
    check("service=postgres", "default");
    check("service=mysql", "database");
    check("service=mysql team=frontend", "database");
    check("service=mysqlx", "default");
    check("team=frontend", "frontend");
}

#[test]
fn a_route_that_continues_lets_later_ones_be_tried() {
    check("owner=inhouse", "inhouse");
    check("owner=inhouse severity=page", "pager");
    check("owner=inhouse severity=info", "inhouse");
    check("owner=inhouse service=files", "inhouse holidays");
    check("owner=inhouse severity=page service=files", "pager holidays");
    check("owner=other service=files", "holidays");
}

/// A route's options: `group_by`, then the waits of alerts, then those of decisions.
#[track_caller]
fn options(text: &str, want: &str) {
    let routing = routing(TREE);
    let route = routing.route(&labels(text))[0];
    let waits = |waits: Waits| {
        let repeat = waits.repeat_interval.map_or(0, |repeat| repeat.as_secs());
        format!("{}/{}/{repeat}", waits.group_wait.as_secs(), waits.group_interval.as_secs())
    };
    assert_eq!(format!("{:?} {} {}", route.group_by, waits(route.alerts), waits(route.decisions)), want);
}

#[test]
fn what_a_route_does_not_say_is_as_above_it() {
    options("", r#"Labels(["cluster", "alertname"]) 30/300/14400 30/300/14400"#);
    options("service=mysql", r#"Labels(["cluster", "alertname"]) 10/300/14400 10/300/14400"#);
    options("team=frontend", r#"Labels(["product", "environment"]) 30/300/14400 30/300/14400"#);
    options("owner=inhouse severity=page", "All 30/300/14400 30/300/14400");
    options("owner=inhouse severity=x", r#"Labels(["cluster", "alertname"]) 30/300/3600 30/300/3600"#);
}

#[test]
fn matchers_and_time_intervals_are_a_routes_own() {
    let text =
        TREE.replace("active_time_intervals: [off]", "routes: [{matchers: [a=b]}], active_time_intervals: [off]");
    let routing = routing(&text);
    let route = routing.route(&labels("service=files a=b"))[0];
    assert_eq!(route.receiver.name.value, "holidays");
    assert!(route.active.is_empty() && route.mute.is_empty() && !route.continues);
}

#[test]
fn where_nothing_is_written_decisions_do_not_wait_and_messages_do() {
    let routing = Routing::default();
    assert_eq!(routing.root().decisions, Waits::DECISIONS);
    assert_eq!(routing.root().alerts, Waits::ALERTS);
    assert_eq!(routing.root().group_of(&labels("workload=a b=c")), labels("workload=a"));
}

#[track_caller]
fn key(text: &str, want: &str) {
    let routing = routing(TREE);
    let route = routing.route(&labels(text))[0];
    assert_eq!(route.group_key(&route.group_of(&labels(text))), want);
}

#[test]
fn group_keys_are_alertmanagers() {
    key("alertname=Down x=y", r#"{}:{alertname="Down"}"#);
    key("service=mysql cluster=eu", r#"{}/{service=~"mysql|cassandra"}:{cluster="eu"}"#);
    key("owner=inhouse severity=page", r#"{}/{owner="inhouse"}/{severity="page"}:{owner="inhouse",severity="page"}"#);
}

#[test]
fn no_two_routes_have_the_same_key() {
    let routing = routing("route: {routes: [{matchers: [a=b], continue: true}, {matchers: [c=d]}, {matchers: [a=b]}]}");
    let keys: Vec<&str> = routing.below(routing.root()).map(|route| &*route.key).collect();
    assert_eq!(keys, [r#"{}/{a="b"}"#, r#"{}/{c="d"}"#, r#"{}/{a="b"}#2"#]);
}
