//! Findings about relabelling; what it does is tested in `labels::relabel`, and against a real Prometheus.

#![allow(clippy::needless_pass_by_value, reason = "expectations are made where they are checked")]

use std::path::Path;

use expect_test::{Expect, expect};

use crate::config::{Settings, Source};

/// The findings about a list of steps, each in a line of its own.
#[track_caller]
fn check(steps: &str, want: Expect) {
    let text = format!("ingest:\n  relabel_configs:\n{steps}");
    let findings = Settings::parse(Source { file: Path::new("h.yaml"), text: &text }).err().unwrap_or_default();
    want.assert_eq(&findings.iter().fold(String::new(), |shown, finding| format!("{shown}{finding}\n")));
}

#[test]
fn every_action_is_read() {
    check(
        r"
  - {target_label: a, replacement: b}
  - {source_labels: [a, k8s.io/b], separator: '-', regex: '(.+)-(?P<x>.*)', target_label: '${1}', replacement: $x}
  - {action: Replace, source_labels: [a], target_label: b, modulus: 3}
  - {action: keep, source_labels: [a], regex: 404}
  - {action: drop, regex: true}
  - {action: keepequal, source_labels: [a], target_label: b, separator: ;, replacement: $1, modulus: 0}
  - {action: DropEqual, source_labels: [a], target_label: b}
  - {action: hashmod, source_labels: [a], target_label: b, modulus: 18446744073709551615}
  - {action: labelmap, regex: 'a(.*)'}
  - {action: labeldrop, regex: 'a.*', separator: ;, target_label: '', replacement: $1}
  - {action: labelkeep, regex: 'a.*'}
  - {action: lowercase, source_labels: [a], target_label: b, regex: ignored}
  - {action: uppercase, source_labels: [a], target_label: '$1'}
",
        expect![""],
    );
}

#[test]
fn what_prometheus_refuses_is_refused_with_its_place() {
    check(
        r"
  - {action: kep, source_labels: [a]}
  - {action: '', source_labels: ['']}
  - {source_labels: [a]}
  - {action: lowercase, target_label: ''}
  - {action: hashmod, source_labels: [a], target_label: b}
  - {action: hashmod, modulus: 0}
  - {regex: 'a(b', target_label: b}
  - {action: labelmap, replacement: ''}
  - {action: uppercase, source_labels: [a], target_label: b, replacement: x}
  - {action: keepequal, source_labels: [a], target_label: b, regex: (.*), separator: ''}
  - {action: labeldrop, regex: a, source_labels: [], modulus: 2}
  - {target: a}
  - {source_labels: a, target_label: b, modulus: -1}
  - nothing
",
        expect![[r#"
            h.yaml:4:14: unknown relabel action "kep"; did you mean "keep"?
                4 |   - {action: kep, source_labels: [a]}
                  |              ^^^
            h.yaml:5:14: unknown relabel action ""; known: replace, keep, drop, keepequal, dropequal, hashmod, labelmap, labeldrop, labelkeep, lowercase, uppercase
                5 |   - {action: '', source_labels: ['']}
                  |              ^^
            h.yaml:5:34: a label's name can't be empty
                5 |   - {action: '', source_labels: ['']}
                  |                                  ^^
            h.yaml:6:5: action replace needs a "target_label"
                6 |   - {source_labels: [a]}
                  |     ^
            h.yaml:7:39: action lowercase needs a "target_label"
                7 |   - {action: lowercase, target_label: ''}
                  |                                       ^^
            h.yaml:8:14: action hashmod needs a "modulus" of more than zero
                8 |   - {action: hashmod, source_labels: [a], target_label: b}
                  |              ^^^^^^^
            h.yaml:9:14: action hashmod needs a "target_label"
                9 |   - {action: hashmod, modulus: 0}
                  |              ^^^^^^^
            h.yaml:9:32: action hashmod needs a "modulus" of more than zero
                9 |   - {action: hashmod, modulus: 0}
                  |                                ^
            h.yaml:10:13: regular expression "a(b": unclosed group
               10 |   - {regex: 'a(b', target_label: b}
                  |             ^^^^^
            h.yaml:11:37: replacement can't be empty for the action labelmap: it is the labels' new name
               11 |   - {action: labelmap, replacement: ''}
                  |                                     ^^
            h.yaml:12:75: action uppercase takes no "replacement"; remove it
               12 |   - {action: uppercase, source_labels: [a], target_label: b, replacement: x}
                  |                                                                           ^
            h.yaml:13:69: action keepequal takes no "regex"; remove it
               13 |   - {action: keepequal, source_labels: [a], target_label: b, regex: (.*), separator: ''}
                  |                                                                     ^^^^
            h.yaml:13:86: action keepequal takes no "separator"; remove it
               13 |   - {action: keepequal, source_labels: [a], target_label: b, regex: (.*), separator: ''}
                  |                                                                                      ^^
            h.yaml:14:50: action labeldrop takes no "source_labels"; remove it
               14 |   - {action: labeldrop, regex: a, source_labels: [], modulus: 2}
                  |                                                  ^
            h.yaml:14:63: action labeldrop takes no "modulus"; remove it
               14 |   - {action: labeldrop, regex: a, source_labels: [], modulus: 2}
                  |                                                               ^
            h.yaml:15:5: action replace needs a "target_label"
               15 |   - {target: a}
                  |     ^
            h.yaml:15:6: unknown field "target" in a relabel config; known: action, source_labels, separator, regex, modulus, target_label, replacement
               15 |   - {target: a}
                  |      ^^^^^^
            h.yaml:16:21: expected a list, found the text "a"
               16 |   - {source_labels: a, target_label: b, modulus: -1}
                  |                     ^
            h.yaml:16:50: expected a whole number, found the number -1
               16 |   - {source_labels: a, target_label: b, modulus: -1}
                  |                                                  ^^
            h.yaml:17:5: expected a relabel config (a mapping), found the text "nothing"
               17 |   - nothing
                  |     ^^^^^^^
        "#]],
    );
}

#[test]
fn a_field_with_nothing_behind_it_is_asked_for() {
    check(
        "
  - target_label: a
    replacement:
    regex:
  - action:
    target_label: b
",
        expect![[r#"
            h.yaml:5:5: field "replacement" has no value
                5 |     replacement:
                  |     ^^^^^^^^^^^
            h.yaml:6:5: field "regex" has no value
                6 |     regex:
                  |     ^^^^^
            h.yaml:7:5: field "action" has no value
                7 |   - action:
                  |     ^^^^^^
        "#]],
    );
}
