//! Routing as written: what is read, and what is found wrong with it.

#![allow(clippy::needless_pass_by_value, reason = "expectations are made where they are checked")]

use std::path::{Path, PathBuf};
use std::time::Duration;

use expect_test::{Expect, expect};

use super::*;
use crate::config::{Settings, Source};

fn parse(text: &str) -> Result<Routing, String> {
    let settings = Settings::parse(Source { file: Path::new("headroom.yaml"), text }).map(|settings| settings.routing);
    settings.map_err(|findings| findings.iter().fold(String::new(), |text, finding| format!("{text}{finding}\n")))
}

#[track_caller]
fn check(text: &str, want: Expect) {
    want.assert_eq(&parse(text).unwrap_err());
}

#[test]
fn without_any_of_it_the_default_route_scales() {
    let routing = parse("").unwrap();
    assert_eq!(routing, Routing::default());
    assert_eq!(routing.receivers[0].kubernetes, Some(None));
    assert!(routing.receivers[0].acts() && !routing.receivers[0].tells());
}

#[test]
fn the_receiver_default_needs_not_be_written() {
    let routing = parse("route: {group_wait: 1s}\nreceivers: [{name: other, log_configs: [{}]}]").unwrap();
    assert_eq!(routing.route.receiver.unwrap().value, "default");
    assert_eq!(routing.receivers.len(), 2);
    let routing = parse("receivers: [{name: default, log_configs: [{}]}]").unwrap();
    assert!(routing.receivers.len() == 1 && !routing.receivers[0].acts());
}

#[test]
fn alertmanagers_shape_is_read() {
    let routing = parse(
        r#"
route:
  receiver: cluster
  group_by: [app, direction]
  group_wait: 10s
  group_interval: 1m
  repeat_interval: 4h
  routes:
  - matchers: ['tier="web"', 'a=b, "c d"=~"e|f"']
    continue: true
    group_by: ['...']
    mute_time_intervals: [night]
    active_time_intervals: [office]
    routes: [{receiver: people, matchers: ['team=shop']}]
receivers:
- name: cluster
  kubernetes_configs: [{context: eu}]
- name: people
  log_configs: [{}]
  alertmanager_configs: [{url: http://am:9093, timeout: 3s}]
  webhook_configs:
  - {url: 'https://hook.example/x?token=s', secret_file: key, max_alerts: 5, send_resolved: false, timeout: 2s}
  - {url_file: hook.url, http_config: {bearer_token_file: token}}
inhibit_rules:
- {name: db, source_matchers: ['alertname="DatabaseDown"'], target_matchers: [tier="web"], equal: [cluster]}
time_intervals:
- name: night
  time_intervals: [{times: [{start_time: '22:00', end_time: '24:00'}], weekdays: ['monday:friday', sunday]}]
- name: office
  time_intervals: [{location: Europe/Paris, months: ['march:may', '12'], days_of_month: ['1:5', '-3:-1'], years: [2026]}]
"#,
    );
    let mut routing = routing.unwrap();
    routing.files_below(Path::new("/etc"));
    let Route { group_by, group_wait, group_interval, repeat_interval, routes, .. } = &routing.route;
    assert_eq!(*group_by, Some(GroupBy::Labels(vec!["app".to_owned(), "direction".to_owned()])));
    assert_eq!((*group_wait, *group_interval), (Some(Duration::from_secs(10)), Some(Duration::from_mins(1))));
    assert_eq!(*repeat_interval, Some(Duration::from_hours(4)));
    assert_eq!(routes[0].matchers.len(), 3);
    assert_eq!(routes[0].group_by, Some(GroupBy::All));
    assert!(routes[0].continues && routes[0].receiver.is_none());
    assert_eq!(routes[0].routes[0].receiver.as_ref().unwrap().value, "people");
    let [cluster, people, default] = &routing.receivers[..] else { panic!("{:?}", routing.receivers) };
    assert_eq!(cluster.kubernetes, Some(Some("eu".to_owned())));
    assert!(people.log && people.tells() && people.wants_resolved() && !people.acts());
    assert_eq!(people.alertmanagers[0].timeout, Duration::from_secs(3));
    assert_eq!(people.webhooks[0].secret_file, Some(PathBuf::from("/etc/key")));
    assert_eq!((people.webhooks[0].max_alerts, people.webhooks[0].send_resolved), (5, false));
    assert_eq!(people.webhooks[1].address, WebhookAddress::File("/etc/hook.url".into()));
    assert_eq!(default.name.value, "default");
    assert_eq!(routing.inhibit_rules[0].equal, ["cluster"]);
    assert_eq!(routing.time_intervals[1].intervals[0].1.iana_name(), Some("Europe/Paris"));
}

#[test]
fn the_reference_shows_settings_that_are_right() {
    let page = include_str!("../../../../rules/README.md");
    let blocks = page.split("```yaml\n").skip(1).filter_map(|block| block.split("```").next());
    let settings =
        blocks.filter(|block| ["listen:", "alerting:", "route:"].iter().any(|start| block.starts_with(start)));
    let shown: Vec<Result<Routing, String>> = settings.map(parse).collect();
    assert_eq!(shown.len(), 3);
    for routing in shown {
        assert!(routing.is_ok(), "{}", routing.unwrap_err());
    }
}

#[test]
fn a_webhooks_address_is_not_shown() {
    let routing = parse("receivers: [{name: a, webhook_configs: [{url: 'https://h/secret'}]}]").unwrap();
    assert!(!format!("{routing:?}").contains("h/secret"));
}

#[test]
fn names_that_lead_nowhere_are_found() {
    check(
        r#"
route:
  receiver: clster
  routes:
  - {matchers: ['a=b'], receiver: nobody, mute_time_intervals: [nigth], active_time_intervals: [x]}
receivers: [{name: cluster}, {name: cluster}, {name: ''}]
time_intervals:
- {name: night, time_intervals: [{weekdays: [saturday]}]}
- {name: night, time_intervals: [{weekdays: [sunday]}]}
inhibit_rules:
- {name: a, source_matchers: [a=b], target_matchers: [c=d]}
- {name: a, source_matchers: [a=b], target_matchers: [c=d]}
"#,
        expect![[r#"
            headroom.yaml:3:13: unknown receiver "clster"; did you mean "cluster"?
                3 |   receiver: clster
                  |             ^^^^^^
            headroom.yaml:5:35: unknown receiver "nobody"; known: cluster, default
                5 |   - {matchers: ['a=b'], receiver: nobody, mute_time_intervals: [nigth], active_time_intervals: [x]}
                  |                                   ^^^^^^
            headroom.yaml:5:65: unknown time interval "nigth"; did you mean "night"?
                5 |   - {matchers: ['a=b'], receiver: nobody, mute_time_intervals: [nigth], active_time_intervals: [x]}
                  |                                                                 ^^^^^
            headroom.yaml:5:97: unknown time interval "x"; known: night
                5 |   - {matchers: ['a=b'], receiver: nobody, mute_time_intervals: [nigth], active_time_intervals: [x]}
                  |                                                                                                 ^
            headroom.yaml:6:37: receiver "cluster" is given twice, first in line 6; rename one
                6 | receivers: [{name: cluster}, {name: cluster}, {name: ''}]
                  |                                     ^^^^^^^
            headroom.yaml:6:54: a receiver's name can't be empty
                6 | receivers: [{name: cluster}, {name: cluster}, {name: ''}]
                  |                                                      ^^
            headroom.yaml:9:10: time interval "night" is given twice, first in line 8; rename one
                9 | - {name: night, time_intervals: [{weekdays: [sunday]}]}
                  |          ^^^^^
            headroom.yaml:12:10: inhibit rule "a" is given twice, first in line 11; rename one
               12 | - {name: a, source_matchers: [a=b], target_matchers: [c=d]}
                  |          ^
        "#]],
    );
}

#[test]
fn the_root_route_takes_everything() {
    check(
        "route: {matchers: [a=b], continue: true, mute_time_intervals: [x], match: {a: b}}\n",
        expect![[r#"
        headroom.yaml:1:9: the root route takes everything, always; put this into a route below it
            1 | route: {matchers: [a=b], continue: true, mute_time_intervals: [x], match: {a: b}}
              |         ^^^^^^^^
        headroom.yaml:1:26: the root route takes everything, always; put this into a route below it
            1 | route: {matchers: [a=b], continue: true, mute_time_intervals: [x], match: {a: b}}
              |                          ^^^^^^^^
        headroom.yaml:1:42: the root route takes everything, always; put this into a route below it
            1 | route: {matchers: [a=b], continue: true, mute_time_intervals: [x], match: {a: b}}
              |                                          ^^^^^^^^^^^^^^^^^^^
        headroom.yaml:1:68: write matchers: ['name="value"']
            1 | route: {matchers: [a=b], continue: true, mute_time_intervals: [x], match: {a: b}}
              |                                                                    ^^^^^
    "#]],
    );
}

#[test]
fn matchers_and_groups_are_checked_in_their_place() {
    check(
        r#"
route:
  group_by: [a, a, '']
  group_wait: 5
  repeat_interval: 0s
  routes:
  - {matchers: ['tier=~"("', 'x'], group_by: ['...', b]}
  - {match_re: {a: b}, mathcers: []}
inhibit_rules:
- {source_match: {a: b}, target_matchers: ['a='], equal: app}
"#,
        expect![[r#"
            headroom.yaml:3:17: label "a" is given twice; remove one
                3 |   group_by: [a, a, '']
                  |                 ^
            headroom.yaml:3:20: a label's name can't be empty
                3 |   group_by: [a, a, '']
                  |                    ^^
            headroom.yaml:4:15: "5" is not a duration; write numbers with units from largest to smallest out of y, w, d, h, m, s, ms, as in 1h30m
                4 |   group_wait: 5
                  |               ^
            headroom.yaml:5:20: repeat_interval must be more than zero; leave it out to repeat as by default
                5 |   repeat_interval: 0s
                  |                    ^^
            headroom.yaml:7:17: not a matcher as in tier="web": regular expression "(": unclosed group at character 7
                7 |   - {matchers: ['tier=~"("', 'x'], group_by: ['...', b]}
                  |                 ^^^^^^^^^^^
            headroom.yaml:7:30: not a matcher as in tier="web": expected one of = != =~ !~ after the label's name, found the end at character 2
                7 |   - {matchers: ['tier=~"("', 'x'], group_by: ['...', b]}
                  |                              ^^^
            headroom.yaml:7:47: "..." means every label, so it stands alone
                7 |   - {matchers: ['tier=~"("', 'x'], group_by: ['...', b]}
                  |                                               ^^^^^
            headroom.yaml:8:6: write matchers: ['name=~"pattern"']
                8 |   - {match_re: {a: b}, mathcers: []}
                  |      ^^^^^^^^
            headroom.yaml:8:24: unknown field "mathcers" in a route; did you mean "matchers"?
                8 |   - {match_re: {a: b}, mathcers: []}
                  |                        ^^^^^^^^
            headroom.yaml:10:3: an inhibit rule needs the field "source_matchers"
               10 | - {source_match: {a: b}, target_matchers: ['a='], equal: app}
                  |   ^
            headroom.yaml:10:4: write source_matchers: ['name="value"']
               10 | - {source_match: {a: b}, target_matchers: ['a='], equal: app}
                  |    ^^^^^^^^^^^^
            headroom.yaml:10:58: expected a list, found the text "app"
               10 | - {source_match: {a: b}, target_matchers: ['a='], equal: app}
                  |                                                          ^^^
        "#]],
    );
}

#[test]
fn receivers_are_checked() {
    check(
        r#"
receivers:
- {name: a, kubernetes_configs: [{context: x}, {}], log_configs: [{level: info}]}
- {name: b, webhook_configs: [{}, {url: ftp://x}, {url: 'http://x', url_file: y, secret: z}]}
- name: w
  webhook_configs: [{url: 'http://x', headers: {a b: c, Authorization: d, Host: e, X-F: "\n"}, body: '{{ .Alerts'}]
- {name: c, slack_configs: [{}], alertmanager_configs: [{url: 'http://u:p@x'}]}
- {}
"#,
        expect![[r#"
            headroom.yaml:3:33: a receiver scales in one cluster; give each context a receiver of its own
                3 | - {name: a, kubernetes_configs: [{context: x}, {}], log_configs: [{level: info}]}
                  |                                 ^
            headroom.yaml:3:68: unknown field "level" in an item of log_configs; there are none
                3 | - {name: a, kubernetes_configs: [{context: x}, {}], log_configs: [{level: info}]}
                  |                                                                    ^^^^^
            headroom.yaml:4:31: a webhook needs the field "url"
                4 | - {name: b, webhook_configs: [{}, {url: ftp://x}, {url: 'http://x', url_file: y, secret: z}]}
                  |                               ^
            headroom.yaml:4:41: expected an address as in https://example.com/hook
                4 | - {name: b, webhook_configs: [{}, {url: ftp://x}, {url: 'http://x', url_file: y, secret: z}]}
                  |                                         ^^^^^^^
            headroom.yaml:4:79: url is given too; remove one
                4 | - {name: b, webhook_configs: [{}, {url: ftp://x}, {url: 'http://x', url_file: y, secret: z}]}
                  |                                                                               ^
            headroom.yaml:4:82: secrets are not written here; name a file with secret_file
                4 | - {name: b, webhook_configs: [{}, {url: ftp://x}, {url: 'http://x', url_file: y, secret: z}]}
                  |                                                                                  ^^^^^^
            headroom.yaml:6:49: "a b" is not the name of a header
                6 |   webhook_configs: [{url: 'http://x', headers: {a b: c, Authorization: d, Host: e, X-F: "\n"}, body: '{{ .Alerts'}]
                  |                                                 ^^^
            headroom.yaml:6:57: secrets are not written here; name a file in http_config
                6 |   webhook_configs: [{url: 'http://x', headers: {a b: c, Authorization: d, Host: e, X-F: "\n"}, body: '{{ .Alerts'}]
                  |                                                         ^^^^^^^^^^^^^
            headroom.yaml:6:75: the header host is written by Headroom itself
                6 |   webhook_configs: [{url: 'http://x', headers: {a b: c, Authorization: d, Host: e, X-F: "\n"}, body: '{{ .Alerts'}]
                  |                                                                           ^^^^
            headroom.yaml:6:89: a header's value has visible characters of ASCII only
                6 |   webhook_configs: [{url: 'http://x', headers: {a b: c, Authorization: d, Host: e, X-F: "\n"}, body: '{{ .Alerts'}]
                  |                                                                                         ^^^^
            headroom.yaml:6:102: 1:1: "{{" without "}}"
                6 |   webhook_configs: [{url: 'http://x', headers: {a b: c, Authorization: d, Host: e, X-F: "\n"}, body: '{{ .Alerts'}]
                  |                                                                                                      ^^^^^^^^^^^^
            headroom.yaml:7:13: unknown field "slack_configs" in a receiver; known: name, kubernetes_configs, log_configs, webhook_configs, alertmanager_configs
                7 | - {name: c, slack_configs: [{}], alertmanager_configs: [{url: 'http://u:p@x'}]}
                  |             ^^^^^^^^^^^^^
            headroom.yaml:7:63: an address has no credentials, for it is shown; use basic_auth
                7 | - {name: c, slack_configs: [{}], alertmanager_configs: [{url: 'http://u:p@x'}]}
                  |                                                               ^^^^^^^^^^^^^^
            headroom.yaml:8:3: a receiver needs the field "name"
                8 | - {}
                  |   ^
        "#]],
    );
}

#[test]
fn intervals_are_checked() {
    check(
        r#"
mute_time_intervals: []
time_intervals:
- name: a
  time_intervals:
  - {}
  - {weekdays: ['saturday:sunday'], location: Europe/Pari}
  - {times: [{start_time: '25:00', end_time: '10:00'}], months: ['juny'], days_of_month: [0], years: ['2030:2026']}
- {name: b}
"#,
        expect![[r#"
            headroom.yaml:2:1: intervals are defined under time_intervals; routes name them
                2 | mute_time_intervals: []
                  | ^^^^^^^^^^^^^^^^^^^
            headroom.yaml:6:5: the interval is empty; give it times, weekdays, days_of_month, months or years
                6 |   - {}
                  |     ^
            headroom.yaml:7:17: the first comes after the last; write two items, up to the end and from the start
                7 |   - {weekdays: ['saturday:sunday'], location: Europe/Pari}
                  |                 ^^^^^^^^^^^^^^^^^
            headroom.yaml:7:47: unknown time zone "Europe/Pari"; did you mean "Europe/Paris"?
                7 |   - {weekdays: ['saturday:sunday'], location: Europe/Pari}
                  |                                               ^^^^^^^^^^^
            headroom.yaml:8:27: expected a time from "00:00" to "24:00", found the text "25:00"
                8 |   - {times: [{start_time: '25:00', end_time: '10:00'}], months: ['juny'], days_of_month: [0], years: ['2030:2026']}
                  |                           ^^^^^^^
            headroom.yaml:8:66: expected a month or several as in december, 'june:august' or '6:8', found the text "juny"
                8 |   - {times: [{start_time: '25:00', end_time: '10:00'}], months: ['juny'], days_of_month: [0], years: ['2030:2026']}
                  |                                                                  ^^^^^^
            headroom.yaml:8:91: expected a day of the month or several as in 15, '1:7' or '-3:-1', where -1 is the last, found the number 0
                8 |   - {times: [{start_time: '25:00', end_time: '10:00'}], months: ['juny'], days_of_month: [0], years: ['2030:2026']}
                  |                                                                                           ^
            headroom.yaml:8:103: the first comes after the last; write two items, up to the end and from the start
                8 |   - {times: [{start_time: '25:00', end_time: '10:00'}], months: ['juny'], days_of_month: [0], years: ['2030:2026']}
                  |                                                                                                       ^^^^^^^^^^^
            headroom.yaml:9:3: a named time interval needs the field "time_intervals"
                9 | - {name: b}
                  |   ^
        "#]],
    );
}

proptest::proptest! {
    #[test]
    fn any_routing_is_read_or_refused(text in "(route|receivers|time_intervals): [a-z\\[\\]{}:,' =~0-9\"-]{0,40}") {
        let _ = parse(&text);
    }
}
