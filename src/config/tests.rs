//! YAML in, findings out; what PromQL and other files have to say is tested in `rule`.

#![allow(clippy::needless_pass_by_value, reason = "expectations are made where they are checked")]

use std::path::Path;
use std::time::Duration;

use expect_test::{Expect, expect};
use proptest::prelude::*;

use super::*;

fn source(text: &str) -> Source<'_> {
    Source { file: Path::new("web.yaml"), text }
}

fn shown(findings: &[Finding]) -> String {
    findings.iter().fold(String::new(), |text, finding| format!("{text}{finding}\n"))
}

/// A rule file's findings.
#[track_caller]
fn check(text: &str, want: Expect) {
    want.assert_eq(&shown(&RuleFile::parse(source(text)).1.into_vec()));
}

/// A settings file's findings.
#[track_caller]
fn check_settings(text: &str, want: Expect) {
    want.assert_eq(&shown(&Settings::parse(source(text)).err().unwrap_or_default()));
}

#[test]
fn broken_yaml_stops_at_its_first_error() {
    check(
        "groups: [",
        expect![[r#"
        web.yaml:1:9: not valid YAML: unclosed bracket '['
            1 | groups: [
              |         ^
    "#]],
    );
    check(
        "groups:\n\t- name: a",
        expect![[r#"
        web.yaml:2:2: not valid YAML: tabs disallowed within this context (block indentation)
            2 |  - name: a
              |  ^
    "#]],
    );
    check(
        "groups: 'a",
        expect![[r#"
        web.yaml:1:9: not valid YAML: unclosed quote
            1 | groups: 'a
              |         ^
    "#]],
    );
    check(
        "groups: a: b",
        expect![[r#"
        web.yaml:1:10: not valid YAML: mapping values are not allowed in this context
            1 | groups: a: b
              |          ^
    "#]],
    );
    check(
        "groups: *nobody",
        expect![[r#"
        web.yaml:1:9: not valid YAML: reference to unknown value
            1 | groups: *nobody
              |         ^
    "#]],
    );
    check(
        "groups: []\n---\ngroups: []",
        expect![[r#"
        web.yaml:3:1: not valid YAML: only single YAML document expected but multiple found
            3 | groups: []
              | ^
    "#]],
    );
    check(
        "groups: []\nü: \"\\q\"",
        expect![[r#"
        web.yaml:2:3: not valid YAML: while parsing a quoted scalar, found unknown escape character
            2 | ü: "\q"
              |   ^
    "#]],
    );
}

#[test]
fn an_empty_rule_file_is_refused() {
    check(
        "",
        expect![[r#"
        web.yaml:1:1: the file is empty; a rule file begins with "groups:"
            1 | 
              | ^
    "#]],
    );
    check(
        "# groups: []\n",
        expect![[r#"
        web.yaml:2:1: the file is empty; a rule file begins with "groups:"
            2 | 
              | ^
    "#]],
    );
    check(
        "[]",
        expect![[r#"
            web.yaml:1:1: expected a rule file (a mapping), found a list
                1 | []
                  | ^
        "#]],
    );
    check(
        "groups:\n",
        expect![[r#"
        web.yaml:1:1: field "groups" has no value
            1 | groups:
              | ^^^^^^
    "#]],
    );
}

#[test]
fn unknown_and_repeated_fields_are_told_with_what_was_meant() {
    check(
        "groups: []\ngropus: []\nversion: 2",
        expect![[r#"
        web.yaml:2:1: unknown field "gropus" in a rule file; did you mean "groups"?
            2 | gropus: []
              | ^^^^^^
        web.yaml:3:1: unknown field "version" in a rule file; known: groups
            3 | version: 2
              | ^^^^^^^
    "#]],
    );
    check(
        "groups: [{name: a, name: b, rules: []}]",
        expect![[r#"
        web.yaml:1:20: field "name" is given twice, first in line 1; remove one
            1 | groups: [{name: a, name: b, rules: []}]
              |                    ^^^^
    "#]],
    );
    check(
        "groups: [{name: a, intervall: 5s, 5: x}]",
        expect![[r#"
        web.yaml:1:20: unknown field "intervall" in a group; did you mean "interval"?
            1 | groups: [{name: a, intervall: 5s, 5: x}]
              |                    ^^^^^^^^^
        web.yaml:1:35: expected a field of a group, found the number 5
            1 | groups: [{name: a, intervall: 5s, 5: x}]
              |                                   ^
    "#]],
    );
    check(
        "groups: [{name: a, limit: 5, labels: {}}]",
        expect![[r#"
        web.yaml:1:20: "limit" of a group is not supported yet; remove it
            1 | groups: [{name: a, limit: 5, labels: {}}]
              |                    ^^^^^
        web.yaml:1:30: "labels" of a group is not supported yet; remove it
            1 | groups: [{name: a, limit: 5, labels: {}}]
              |                              ^^^^^^
    "#]],
    );
}

#[test]
fn values_of_the_wrong_kind_are_named() {
    check(
        "groups: [{name: [a], interval: 15, rules: {}}, 7]",
        expect![[r#"
            web.yaml:1:17: expected a text, found a list
                1 | groups: [{name: [a], interval: 15, rules: {}}, 7]
                  |                 ^
            web.yaml:1:32: "15" is not a duration; write numbers with units from largest to smallest out of y, w, d, h, m, s, ms, as in 1h30m
                1 | groups: [{name: [a], interval: 15, rules: {}}, 7]
                  |                                ^^
            web.yaml:1:43: expected a list, found a mapping
                1 | groups: [{name: [a], interval: 15, rules: {}}, 7]
                  |                                           ^
            web.yaml:1:48: expected a group (a mapping), found the number 7
                1 | groups: [{name: [a], interval: 15, rules: {}}, 7]
                  |                                                ^
        "#]],
    );
    check(
        "groups: [{name: a, interval: 1m5m, rules: [{record: a, expr: , labels: [a]}]}]",
        expect![[r#"
            web.yaml:1:30: "1m5m" is not a duration; write numbers with units from largest to smallest out of y, w, d, h, m, s, ms, as in 1h30m
                1 | groups: [{name: a, interval: 1m5m, rules: [{record: a, expr: , labels: [a]}]}]
                  |                              ^^^^
            web.yaml:1:56: field "expr" has no value
                1 | groups: [{name: a, interval: 1m5m, rules: [{record: a, expr: , labels: [a]}]}]
                  |                                                        ^^^^
            web.yaml:1:72: expected labels or annotations (a mapping), found a list
                1 | groups: [{name: a, interval: 1m5m, rules: [{record: a, expr: , labels: [a]}]}]
                  |                                                                        ^
        "#]],
    );
    check(
        "groups: [{name: a, rules: [{scale: a, target: b, replicas: {min: '2', max: 2.5}, metrics: {name: a}}]}]",
        expect![[r#"
            web.yaml:1:47: expected a target (a mapping), found the text "b"
                1 | groups: [{name: a, rules: [{scale: a, target: b, replicas: {min: '2', max: 2.5}, metrics: {name: a}}]}]
                  |                                               ^
            web.yaml:1:66: expected a whole number, found the text "2"
                1 | groups: [{name: a, rules: [{scale: a, target: b, replicas: {min: '2', max: 2.5}, metrics: {name: a}}]}]
                  |                                                                  ^^^
            web.yaml:1:76: expected a whole number from 0 to 4294967295, found the number 2.5
                1 | groups: [{name: a, rules: [{scale: a, target: b, replicas: {min: '2', max: 2.5}, metrics: {name: a}}]}]
                  |                                                                            ^^^
            web.yaml:1:91: expected a list, found a mapping
                1 | groups: [{name: a, rules: [{scale: a, target: b, replicas: {min: '2', max: 2.5}, metrics: {name: a}}]}]
                  |                                                                                           ^
        "#]],
    );
}

#[test]
fn a_rule_is_one_of_the_kinds_that_we_know() {
    check(
        "groups: [{name: a, rules: [{name: x}, {}, {alert: a, expr: up}, {scale: x}]}]",
        expect![[r#"
            web.yaml:1:28: a rule needs the field "scale", "record" or "alert"
                1 | groups: [{name: a, rules: [{name: x}, {}, {alert: a, expr: up}, {scale: x}]}]
                  |                            ^
            web.yaml:1:39: a rule needs the field "scale", "record" or "alert"
                1 | groups: [{name: a, rules: [{name: x}, {}, {alert: a, expr: up}, {scale: x}]}]
                  |                                       ^
            web.yaml:1:65: a scale rule needs the field "target"
                1 | groups: [{name: a, rules: [{name: x}, {}, {alert: a, expr: up}, {scale: x}]}]
                  |                                                                 ^
            web.yaml:1:65: a scale rule needs the field "replicas"
                1 | groups: [{name: a, rules: [{name: x}, {}, {alert: a, expr: up}, {scale: x}]}]
                  |                                                                 ^
            web.yaml:1:65: a scale rule needs the field "metrics"
                1 | groups: [{name: a, rules: [{name: x}, {}, {alert: a, expr: up}, {scale: x}]}]
                  |                                                                 ^
        "#]],
    );
}

#[test]
fn behavior_takes_both_spellings_but_not_at_once() {
    let behavior = |text: &str| {
        format!(
            "groups:\n- name: a\n  rules:\n  - scale: x\n    target: {{kind: D, namespace: a, name: a}}\n    \
             replicas: {{max: 2}}\n    metrics: []\n    behavior: {text}\n"
        )
    };
    check(
        &behavior("{scale_up: {stabilization_window: 5m}, scaleDown: {stabilizationWindowSeconds: 60}}"),
        expect![[r#""#]],
    );
    check(
        &behavior("{scale_up: {}, scaleUp: {}}"),
        expect![[r#"
        web.yaml:8:30: "scaleUp" and "scale_up" are the same field; remove one
            8 |     behavior: {scale_up: {}, scaleUp: {}}
              |                              ^^^^^^^
    "#]],
    );
    check(
        &behavior("{scaleUp: {stabilizationWindowSeconds: 5m, selectPolicy: max, tolerance: wide}}"),
        expect![[r#"
            web.yaml:8:54: expected a whole number, found the text "5m"
                8 |     behavior: {scaleUp: {stabilizationWindowSeconds: 5m, selectPolicy: max, tolerance: wide}}
                  |                                                      ^^
            web.yaml:8:72: unknown select policy "max"; did you mean "Max"?
                8 |     behavior: {scaleUp: {stabilizationWindowSeconds: 5m, selectPolicy: max, tolerance: wide}}
                  |                                                                        ^^^
            web.yaml:8:88: expected a fraction as in 0.1, found the text "wide"
                8 |     behavior: {scaleUp: {stabilizationWindowSeconds: 5m, selectPolicy: max, tolerance: wide}}
                  |                                                                                        ^^^^
        "#]],
    );
    check(
        &behavior(
            "{scale_up: {policies: [{type: Pod, value: -1}, {type: Pods, value: 1, periodSeconds: 15, period: 15s}]}}",
        ),
        expect![[r#"
            web.yaml:8:38: a scaling policy needs the field "period"
                8 |     behavior: {scale_up: {policies: [{type: Pod, value: -1}, {type: Pods, value: 1, periodSeconds: 15, period: 15s}]}}
                  |                                      ^
            web.yaml:8:45: unknown policy type "Pod"; did you mean "Pods"?
                8 |     behavior: {scale_up: {policies: [{type: Pod, value: -1}, {type: Pods, value: 1, periodSeconds: 15, period: 15s}]}}
                  |                                             ^^^
            web.yaml:8:57: expected a whole number from 0 to 4294967295, found the number -1
                8 |     behavior: {scale_up: {policies: [{type: Pod, value: -1}, {type: Pods, value: 1, periodSeconds: 15, period: 15s}]}}
                  |                                                         ^^
            web.yaml:8:85: "periodSeconds" and "period" are the same field; remove one
                8 |     behavior: {scale_up: {policies: [{type: Pod, value: -1}, {type: Pods, value: 1, periodSeconds: 15, period: 15s}]}}
                  |                                                                                     ^^^^^^^^^^^^^
        "#]],
    );
}

#[test]
fn settings_begin_as_their_defaults() {
    for text in ["", "# nothing\n", "{}", "ingest:\n", "windows: {}\n"] {
        assert_eq!(Settings::parse(source(text)).unwrap(), Settings::default(), "{text:?}");
    }
    let text = "listen: '[::1]:80'\nrules: [a, b]\ningest: {keep: all, body_bytes_max: 512KiB}\n\
                kubernetes: {enabled: true, timeout: 1m30s, events: false}\nlog: {format: json, level: debug}\n\
                journal: {directory: /var/lib/headroom, retention: 1w, size_bytes_max: 64MiB, durability: eventual}\n";
    let settings = Settings::parse(source(text)).unwrap();
    assert_eq!(settings.listen.port(), 80);
    assert_eq!(settings.rules, ["a", "b"]);
    assert_eq!((settings.ingest.keep, settings.ingest.body_bytes_max), (Keep::All, 512 << 10));
    assert_eq!(settings.kubernetes.enabled, Enabled::Always);
    assert_eq!((settings.kubernetes.timeout, settings.kubernetes.events), (Duration::from_secs(90), false));
    assert_eq!((settings.log.format, settings.log.level), (LogFormat::Json, LogLevel::Debug));
    assert_eq!(settings.windows, Windows::default());
    let journal = Journal {
        directory: Some("/var/lib/headroom".into()),
        retention: Duration::from_hours(7 * 24),
        size_bytes_max: 64 << 20,
        durability: Durability::Eventual,
    };
    assert_eq!(settings.journal, journal);
}

#[test]
fn a_recording_is_off_until_it_has_a_folder() {
    for text in ["recording: {}", "recording: {directory: none}", "recording: {directory: false}"] {
        assert_eq!(Settings::parse(source(text)).unwrap().recording, Recording::default());
    }
    let given = "recording: {directory: /var/lib/headroom/recording, retention: 2w, size_bytes_max: 64MiB}";
    let recording = Recording {
        directory: Some("/var/lib/headroom/recording".into()),
        retention: Duration::from_hours(14 * 24),
        size_bytes_max: 64 << 20,
    };
    assert_eq!(Settings::parse(source(given)).unwrap().recording, recording);
    check_settings(
        "recording: {directory: 7, retention: 0s, size_bytes_max: 1MiB, keep: all}",
        expect![[r#"
        web.yaml:1:24: expected a folder, or none, found the number 7
            1 | recording: {directory: 7, retention: 0s, size_bytes_max: 1MiB, keep: all}
              |                        ^
        web.yaml:1:38: retention must be more than zero
            1 | recording: {directory: 7, retention: 0s, size_bytes_max: 1MiB, keep: all}
              |                                      ^^
        web.yaml:1:58: size_bytes_max of a recording is 16MiB at least
            1 | recording: {directory: 7, retention: 0s, size_bytes_max: 1MiB, keep: all}
              |                                                          ^^^^
        web.yaml:1:64: unknown field "keep" in recording; known: directory, retention, size_bytes_max
            1 | recording: {directory: 7, retention: 0s, size_bytes_max: 1MiB, keep: all}
              |                                                                ^^^^
    "#]],
    );
}

#[test]
fn a_journal_may_be_kept_in_memory() {
    for text in ["journal: {directory: none}", "journal: {directory: false}"] {
        let in_memory = Journal { directory: None, ..Journal::default() };
        assert_eq!(Settings::parse(source(text)).unwrap().journal, in_memory);
    }
    check_settings(
        "journal: {directory: true, retention: 0s, durability: never}",
        expect![[r#"
            web.yaml:1:22: expected a folder, or none, found the boolean true
                1 | journal: {directory: true, retention: 0s, durability: never}
                  |                      ^^^^
            web.yaml:1:39: retention must be more than zero
                1 | journal: {directory: true, retention: 0s, durability: never}
                  |                                       ^^
            web.yaml:1:55: unknown durability "never"; known: immediate, eventual
                1 | journal: {directory: true, retention: 0s, durability: never}
                  |                                                       ^^^^^
        "#]],
    );
}

#[test]
fn settings_are_checked_one_by_one() {
    check_settings(
        "listen: 4323\nrules: rules/*.yaml\nlog: {level: verbose, format: Json}",
        expect![[r#"
        web.yaml:1:9: expected an IP address and a port as in 0.0.0.0:4323 or "[::]:4323", found the number 4323
            1 | listen: 4323
              |         ^^^^
        web.yaml:2:8: expected a list, found the text "rules/*.yaml"
            2 | rules: rules/*.yaml
              |        ^^^^^^^^^^^^
        web.yaml:3:14: unknown log level "verbose"; known: error, warn, info, debug, trace
            3 | log: {level: verbose, format: Json}
              |              ^^^^^^^
        web.yaml:3:31: unknown log format "Json"; did you mean "json"?
            3 | log: {level: verbose, format: Json}
              |                               ^^^^
    "#]],
    );
    check_settings(
        "ingest: {keep: some, body_bytes_max: 32MB, series_max: 5}\nwindows: {memory_bytes_max: 0}",
        expect![[r#"
            web.yaml:1:16: unknown choice of series "some"; known: rules, all
                1 | ingest: {keep: some, body_bytes_max: 32MB, series_max: 5}
                  |                ^^^^
            web.yaml:1:38: expected a number of bytes as in 512KiB, 32MiB or 2GiB, found the text "32MB"
                1 | ingest: {keep: some, body_bytes_max: 32MB, series_max: 5}
                  |                                      ^^^^
            web.yaml:1:44: unknown field "series_max" in ingest; known: keep, relabel_configs, body_bytes_max, decompressed_bytes_max, in_flight_bytes_max, connections_max, sender_samples_per_second_max, labels_max, label_name_bytes_max, label_value_bytes_max, labels_bytes_max, request_series_max, validate, too_old, ha
                1 | ingest: {keep: some, body_bytes_max: 32MB, series_max: 5}
                  |                                            ^^^^^^^^^^
            web.yaml:2:29: memory_bytes_max must be more than zero
                2 | windows: {memory_bytes_max: 0}
                  |                             ^
        "#]],
    );
    check_settings(
        "ingest: {labels_max: 0, connections_max: -5}\nevaluation: {interval: 0s, debounce: 0s}",
        expect![[r#"
            web.yaml:1:22: labels_max must be more than zero
                1 | ingest: {labels_max: 0, connections_max: -5}
                  |                      ^
            web.yaml:1:42: expected a whole number, found the number -5
                1 | ingest: {labels_max: 0, connections_max: -5}
                  |                                          ^^
            web.yaml:2:24: interval must be more than zero
                2 | evaluation: {interval: 0s, debounce: 0s}
                  |                        ^^
        "#]],
    );
    check_settings(
        "kubernetes: {enabled: yes, timeout: 10, events: on}\nalertmanagers: []",
        expect![[r#"
            web.yaml:1:23: unknown choice "yes"; known: auto, true, false
                1 | kubernetes: {enabled: yes, timeout: 10, events: on}
                  |                       ^^^
            web.yaml:1:37: "10" is not a duration; write numbers with units from largest to smallest out of y, w, d, h, m, s, ms, as in 1h30m
                1 | kubernetes: {enabled: yes, timeout: 10, events: on}
                  |                                     ^^
            web.yaml:1:49: expected true or false, found the text "on"
                1 | kubernetes: {enabled: yes, timeout: 10, events: on}
                  |                                                 ^^
            web.yaml:2:1: unknown field "alertmanagers" in the settings; known: listen, external_url, rules, web, ingest, otlp, windows, evaluation, guards, journal, recording, warm_start, economy, kubernetes, alerting, route, receivers, inhibit_rules, time_intervals, log
                2 | alertmanagers: []
                  | ^^^^^^^^^^^^^
        "#]],
    );
    check_settings(
        "windows: {retention: 1.5h, series_max: 1e6, samples_max: .inf}",
        expect![[r#"
        web.yaml:1:22: "1.5h" is not a duration; write numbers with units from largest to smallest out of y, w, d, h, m, s, ms, as in 1h30m
            1 | windows: {retention: 1.5h, series_max: 1e6, samples_max: .inf}
              |                      ^^^^
        web.yaml:1:40: expected a whole number, found the number 1e6
            1 | windows: {retention: 1.5h, series_max: 1e6, samples_max: .inf}
              |                                        ^^^
        web.yaml:1:58: expected a whole number, found the number .inf
            1 | windows: {retention: 1.5h, series_max: 1e6, samples_max: .inf}
              |                                                          ^^^^
    "#]],
    );
}

#[test]
fn groups_share_limits_and_a_budget() {
    let text = "economy: {groups: [{name: web, limits: {replicas: 200, cpu: 400, memory: 800Gi, cost_per_hour: 50}, \
                budget: 900, per: day}]}";
    let settings = Settings::parse(source(text)).unwrap();
    let [group] = settings.economy.groups.as_slice() else { panic!() };
    let SharedLimits { replicas, cpu, memory, cost_per_hour } = group.limits;
    assert_eq!((replicas, cost_per_hour), (Some(200), Some(50.0)));
    assert_eq!((cpu.map(Quantity::thousandths), memory.map(Quantity::units)), (Some(400_000), Some(800 << 30)));
    assert_eq!(group.budget.as_ref().map(|budget| (budget.amount, budget.per)), Some((900.0, Period::Day)));
    check_settings(
        "economy:\n  groups:\n  - {name: a, budget: 0, per: day}\n  - {name: b, limits: {pods: 3}}\n  - {name: c}\n  - {name: c, limits: {replicas: 3}}\n",
        expect![[r#"
            web.yaml:3:23: a budget is more than zero
                3 |   - {name: a, budget: 0, per: day}
                  |                       ^
            web.yaml:4:24: unknown field "pods" in limits; known: replicas, cpu, memory, cost_per_hour
                4 |   - {name: b, limits: {pods: 3}}
                  |                        ^^^^
            web.yaml:5:5: a group of the economy needs limits or a budget
                5 |   - {name: c}
                  |     ^
            web.yaml:6:12: group "c" is there already
                6 |   - {name: c, limits: {replicas: 3}}
                  |            ^
        "#]],
    );
}

#[test]
fn files_are_told_apart_by_their_first_level() {
    let kind = |text| FileKind::of(source(text));
    assert_eq!(kind("groups: []"), FileKind::Rules);
    assert_eq!(kind("{\"groups\": []}"), FileKind::Rules);
    assert_eq!(kind("# x\ngroups:\n - ["), FileKind::Rules);
    assert_eq!(kind("rules: [groups]"), FileKind::Settings);
    assert_eq!(kind(""), FileKind::Settings);
}

#[test]
fn anchors_aliases_and_merges_are_understood() {
    let text = "groups:\n- name: a\n  rules:\n  - &first\n    record: x\n    expr: up\n    labels: &labels {team: a}\n  \
                - <<: *first\n    record: y\n  - {record: z, expr: up, labels: *labels}\n";
    let (file, findings) = RuleFile::parse(source(text));
    assert_eq!(shown(&findings.into_vec()), "");
    let names = file.groups.iter().flat_map(|group| &group.rules).map(|rule| match rule {
        Rule::Record(rule) => (rule.record.value.as_str(), rule.expr.value.as_str(), rule.labels.len()),
        Rule::Alert(_) | Rule::Scale(_) => panic!(),
    });
    assert_eq!(names.collect::<Vec<_>>(), [("x", "up", 1), ("y", "up", 1), ("z", "up", 1)]);
}

#[test]
fn bombs_are_refused() {
    let aliases = (1..12).fold("a0: &a0 [x, x, x, x, x, x, x, x, x]\n".to_owned(), |text, level| {
        let references = format!("*a{}, ", level - 1).repeat(9);
        format!("{text}a{level}: &a{level} [{references}]\n")
    });
    let nested = format!("groups: {}", "[".repeat(20_000));
    for text in [aliases, nested, "groups: &a [*a]".to_owned()] {
        let (_, findings) = RuleFile::parse(source(&text));
        let findings = findings.into_vec();
        assert_eq!(findings.len(), 1, "{}", shown(&findings));
        assert!(findings.iter().all(|finding| finding.message.starts_with("not valid YAML: ")), "{}", shown(&findings));
    }
}

#[test]
fn a_file_that_is_wrong_throughout_is_told_in_brief() {
    let text = format!("groups:\n{}", "- 5\n".repeat(10_000));
    let (_, findings) = RuleFile::parse(source(&text));
    let findings = findings.into_vec();
    assert_eq!(findings.len(), 101);
    assert_eq!(findings.last().unwrap().to_string(), "web.yaml: and 9900 more findings");
}

#[test]
fn a_long_line_is_shown_around_its_place() {
    let text =
        format!("groups: [{}{{name: a, intervall: 5s}}, {}]", "{name: a}, ".repeat(40), "{name: b}, ".repeat(40));
    check(
        &text,
        expect![[r#"
        web.yaml:1:460: unknown field "intervall" in a group; did you mean "interval"?
            1 | : a}, {name: a}, {name: a}, {name: a}, {name: a}, {name: a, intervall: 5s}, {name: b}, {name: b}, {name: b}, {name: b}, {name: b}, {name: b}, {name: b}, {name:
              |                                                             ^^^^^^^^^
    "#]],
    );
}

/// Where in the file the first `!` of a text is.
#[track_caller]
fn check_place(yaml: &str, line: usize, column: usize) {
    let root = tree::parse(source(yaml)).unwrap();
    let tree::Kind::Map(entries) = root.kind else { panic!("{root:?}") };
    let (_, node) = entries.first().unwrap();
    let written = At { value: node.text().unwrap().to_owned(), span: node.span };
    let place = source(yaml).place(written.locate(yaml, written.value.find('!').unwrap()));
    assert_eq!((place.line, place.column), (line, column), "{yaml:?} is {:?}", written.value);
}

#[test]
fn places_are_found_in_every_way_to_write_a_text() {
    check_place("a: x + !y", 1, 8);
    check_place("a: x +\n  !y", 2, 3);
    check_place("a: 'it''s !'", 1, 11);
    check_place("a: '\n\n  '' A\n  !0'", 4, 3);
    check_place("a: \"\\\"A\\té\\u00e9!\"", 1, 17);
    check_place("a: \"x \\\n    !\"", 2, 5);
    check_place("a: |\n  x\n    + !\n", 3, 7);
    check_place("a: |2\n    x\n  !\n", 3, 3);
    check_place("a: |\n  \n  éé!", 3, 5);
    check_place("a: >-\n  x\n\n\n  y\n  !", 6, 3);
    check_place("a: |\n  \"x\" or !", 2, 10);
}

/// Texts that are almost rule files.
fn almost_rules() -> impl Strategy<Value = String> {
    let piece = prop::sample::select(vec![
        "groups:",
        "- name: a",
        "  rules:",
        "  - scale: x",
        "    target: {kind: D}",
        "\n",
        "  ",
        "'",
        "\"",
        "|",
        ">-",
        "&a",
        "*a",
        "<<: *a",
        "{",
        "}",
        "[",
        "]",
        ":",
        "#",
        "- ",
        "!!str",
        "\t",
        "é",
        "replicas: {min: 1}",
        "expr: sum(",
        "\\x",
        "---",
        "? ",
        "0x1F",
        ".inf",
        "~",
        "behavior: {scaleUp: {}}",
        "metrics: []",
        "\r\n",
        "per_replica: '",
        "{{ $labels.a }}",
        "\u{0}",
        "\u{feff}",
    ]);
    prop::collection::vec(piece, 0..40).prop_map(|pieces| pieces.concat())
}

proptest! {
    // A failure that is found becomes a case above.
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_text_is_read_or_refused(text in prop_oneof![any::<String>(), almost_rules()]) {
        let (_, findings) = RuleFile::parse(source(&text));
        shown(&findings.into_vec());
        if let Err(findings) = Settings::parse(source(&text)) {
            shown(&findings);
        }
    }

    #[test]
    fn every_place_of_a_text_leads_into_its_scalar(expr in "[ -~\n\té']{0,40}", style in 0_usize..4, at in 0_usize..60) {
        let yaml = match style {
            0 => format!("a: '{}'", expr.replace('\'', "''").replace('\n', "\n\n  ")),
            1 => format!("a: {}", serde_json::to_string(&expr).unwrap_or_default()),
            2 => format!("a: |\n  {}", expr.replace('\n', "\n  ")),
            _ => format!("a: >-\n  {}", expr.replace('\n', "\n\n  ")),
        };
        let Ok(root) = tree::parse(source(&yaml)) else { return Ok(()) };
        let tree::Kind::Map(entries) = root.kind else { return Ok(()) };
        for (_, node) in entries {
            let Some(value) = node.text().map(str::to_owned) else { continue };
            let written = At { value, span: node.span };
            let place = written.locate(&yaml, at);
            prop_assert!(written.span.start <= place.start && place.end <= written.span.end.max(place.start), "{yaml:?}");
            // A letter leads to the same letter.
            let letter = written.value.get(at..).and_then(|rest| rest.chars().next()).filter(char::is_ascii_alphanumeric);
            if let Some(letter) = letter.filter(|_| at < written.value.trim_end().len()) {
                prop_assert_eq!(yaml.get(place.start..).and_then(|rest| rest.chars().next()), Some(letter), "{:?}", yaml);
            }
        }
    }
}
