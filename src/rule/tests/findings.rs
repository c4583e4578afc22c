//! What only compiling can find; files with many findings at once stand in `tests/rules/broken`.

use expect_test::{Expect, expect};

use super::*;
use crate::forecast::{Holiday, Holidays, models};

/// The findings of a rule, given from its first field on; its first line is line 4.
#[track_caller]
fn check(text: &str, want: Expect) {
    want.assert_eq(&rule(text).map_or_else(|findings| shown(&findings), |rules| format!("{} rules", rules.rules())));
}

/// A scale rule with one field replaced or added.
fn scale(field: &str) -> String {
    let fields = [
        ("target", "target: {kind: Deployment, namespace: shop, name: checkout}"),
        ("replicas", "replicas: {min: 2, max: 9}"),
        ("metrics", "metrics: [{name: requests, demand: up, per_replica: 50}]"),
    ];
    let name = field.split(':').next().unwrap_or_default();
    let kept = fields.iter().filter(|(other, _)| *other != name).map(|(_, text)| *text);
    kept.chain([field]).fold("- scale: checkout\n".to_owned(), |text, field| format!("{text}  {field}\n"))
}

#[test]
fn promql_errors_stand_at_their_place() {
    check(
        "- record: a\n  expr: sum(rate(x[5m])",
        expect![[r#"
        web.yaml:5:18: this "(" is never closed
            5 |         expr: sum(rate(x[5m])
              |                  ^
    "#]],
    );
    // Within braces, YAML sees its own.
    check(
        "- {record: a, expr: sum(rate(x[5m])}",
        expect![[r#"
        web.yaml:4:37: not valid YAML: while parsing a flow mapping, did not find expected ',' or '}'
            4 |       - {record: a, expr: sum(rate(x[5m])}
              |                                     ^
    "#]],
    );
    check(
        "- record: a\n  expr: 'x{a=~\"''(\"}'",
        expect![[r#"
        web.yaml:5:21: regular expression "'(": unclosed group
            5 |         expr: 'x{a=~"''("}'
              |                     ^
    "#]],
    );
    check(
        "- record: a\n  expr: \"x{a=\\\"b\\\"} + rte(y[5m])\"",
        expect![[r#"
        web.yaml:5:29: unknown function "rte"; did you mean rate?
            5 |         expr: "x{a=\"b\"} + rte(y[5m])"
              |                             ^^^
    "#]],
    );
    check(
        "- record: a\n  expr: |\n    sum by (a) (\n        rate(x[5m])\n      + rte(y[5m])\n    )",
        expect![[r#"
        web.yaml:8:15: unknown function "rte"; did you mean rate?
            8 |             + rte(y[5m])
              |               ^^^
    "#]],
    );
    check(
        "- record: a\n  expr: >-\n    sum by (a) (\n        rate(x[5m])\n      + rte(y[5m])\n    )",
        expect![[r#"
        web.yaml:8:15: unknown function "rte"; did you mean rate?
            8 |             + rte(y[5m])
              |               ^^^
    "#]],
    );
    check(
        "- record: a\n  expr: sum(x)\n    + rte(y[5m])",
        expect![[r#"
        web.yaml:6:13: unknown function "rte"; did you mean rate?
            6 |           + rte(y[5m])
              |             ^^^
    "#]],
    );
    check(
        "- record: a\n  expr: \"sum(x)\n\n    + rte(y[5m])\"",
        expect![[r#"
        web.yaml:7:13: unknown function "rte"; did you mean rate?
            7 |           + rte(y[5m])"
              |             ^^^
    "#]],
    );
    check(
        "- record: a\n  expr: |\n    sum(x",
        expect![[r#"
        web.yaml:6:14: this "(" is never closed
            6 |           sum(x
              |              ^
    "#]],
    );
    check(
        &scale("metrics: [{name: a, demand: 'ü{', per_replica: 'x['}]"),
        expect![[r#"
        web.yaml:7:38: unexpected character 'ü'
            7 |         metrics: [{name: a, demand: 'ü{', per_replica: 'x['}]
              |                                      ^
        web.yaml:7:59: expression ends too early; expected a range such as 5m
            7 |         metrics: [{name: a, demand: 'ü{', per_replica: 'x['}]
              |                                                           ^
    "#]],
    );
}

#[test]
fn a_selector_that_matches_everything_is_refused() {
    check(
        "- {record: a, expr: 'sum({a=~\".*\"})'}",
        expect![[r#"
        web.yaml:4:32: a selector needs a metric name or a matcher that does not match the empty string, or it would select every series
            4 |       - {record: a, expr: 'sum({a=~".*"})'}
              |                                ^
    "#]],
    );
}

#[test]
fn bounds_must_leave_room() {
    check(
        &scale("replicas: {min: 5, max: 2}"),
        expect![[r#"
        web.yaml:7:33: max 2 is less than min 5
            7 |         replicas: {min: 5, max: 2}
              |                                 ^
    "#]],
    );
    check(
        &scale("replicas: {min: 0, max: 0}"),
        expect![[r#"
        web.yaml:7:33: max must be at least 1
            7 |         replicas: {min: 0, max: 0}
              |                                 ^
    "#]],
    );
    check(
        &scale("replicas: {min: 2}"),
        expect![[r#"
        web.yaml:7:19: replicas needs the field "max"
            7 |         replicas: {min: 2}
              |                   ^
    "#]],
    );
    check(&scale("replicas: {min: 0, max: 1}"), expect!["1 rules"]);
}

#[test]
fn behavior_keeps_to_hpas_limits() {
    check(
        &scale("behavior: {scale_up: {stabilization_window: 61m, tolerance: -1, policies: []}}"),
        expect![[r#"
        web.yaml:8:53: a stabilization window is at most 1h
            8 |         behavior: {scale_up: {stabilization_window: 61m, tolerance: -1, policies: []}}
              |                                                     ^^^
        web.yaml:8:69: a tolerance is not negative
            8 |         behavior: {scale_up: {stabilization_window: 61m, tolerance: -1, policies: []}}
              |                                                                     ^^
        web.yaml:8:83: policies is empty; remove it for HPA's default, or use select_policy: Disabled
            8 |         behavior: {scale_up: {stabilization_window: 61m, tolerance: -1, policies: []}}
              |                                                                                   ^
    "#]],
    );
    check(
        &scale(
            "behavior: {scaleDown: {policies: [{type: Percent, value: 0, period: 31m}, {type: Pods, value: 1, periodSeconds: 0}]}}",
        ),
        expect![[r#"
            web.yaml:8:66: a policy's value must be more than zero; use select_policy: Disabled to forbid a direction
                8 |         behavior: {scaleDown: {policies: [{type: Percent, value: 0, period: 31m}, {type: Pods, value: 1, periodSeconds: 0}]}}
                  |                                                                  ^
            web.yaml:8:77: a policy's period is at most 30m
                8 |         behavior: {scaleDown: {policies: [{type: Percent, value: 0, period: 31m}, {type: Pods, value: 1, periodSeconds: 0}]}}
                  |                                                                             ^^^
            web.yaml:8:121: a policy's period must be more than zero
                8 |         behavior: {scaleDown: {policies: [{type: Percent, value: 0, period: 31m}, {type: Pods, value: 1, periodSeconds: 0}]}}
                  |                                                                                                                         ^
        "#]],
    );
}

#[test]
fn metrics_are_needed_and_differ() {
    check(
        &scale("metrics: []"),
        expect![[r#"
        web.yaml:7:18: a scale rule needs at least one metric
            7 |         metrics: []
              |                  ^
    "#]],
    );
    let twice = "metrics: [{name: a, demand: up, per_replica: 0}, {name: a, demand: up, per_replica: -1.5}]";
    check(
        &scale(twice),
        expect![[r#"
        web.yaml:7:54: per_replica must be more than zero: the work that one replica takes
            7 |         metrics: [{name: a, demand: up, per_replica: 0}, {name: a, demand: up, per_replica: -1.5}]
              |                                                      ^
        web.yaml:7:65: metric "a" is there already in this rule
            7 |         metrics: [{name: a, demand: up, per_replica: 0}, {name: a, demand: up, per_replica: -1.5}]
              |                                                                 ^
        web.yaml:7:93: per_replica must be more than zero: the work that one replica takes
            7 |         metrics: [{name: a, demand: up, per_replica: 0}, {name: a, demand: up, per_replica: -1.5}]
              |                                                                                             ^^^^
    "#]],
    );
}

#[test]
fn targets_are_kubernetes_objects() {
    check(
        &scale("target: {kind: deployment, namespace: Shop, name: 'a b'}"),
        expect![[r#"
        web.yaml:7:24: "deployment" is no kind of object; write it as in Deployment
            7 |         target: {kind: deployment, namespace: Shop, name: 'a b'}
              |                        ^^^^^^^^^^
        web.yaml:7:47: "Shop" is no Kubernetes name: lower-case letters, digits and "-", no "-" at its ends
            7 |         target: {kind: deployment, namespace: Shop, name: 'a b'}
              |                                               ^^^^
        web.yaml:7:59: "a b" is no Kubernetes name: lower-case letters, digits and "-", no "-" at its ends
            7 |         target: {kind: deployment, namespace: Shop, name: 'a b'}
              |                                                           ^^^^^
    "#]],
    );
    check(
        &scale("target: {kind: Deployment, namespace: '{{ $label.ns }}', name: 'x-{{ $labels.a'}"),
        expect![[r#"
            web.yaml:7:51: there is no variable $label here
                7 |         target: {kind: Deployment, namespace: '{{ $label.ns }}', name: 'x-{{ $labels.a'}
                  |                                                   ^
            web.yaml:7:75: "{{" without "}}"
                7 |         target: {kind: Deployment, namespace: '{{ $label.ns }}', name: 'x-{{ $labels.a'}
                  |                                                                           ^
        "#]],
    );
}

#[test]
fn names_of_records_and_labels_are_prometheuss() {
    check(
        "- {record: 1a, expr: up, labels: {a-b: x, __name__: y}}",
        expect![[r#"
        web.yaml:4:18: "1a" is no metric name: letters, digits, "_" and ":", no digit first
            4 |       - {record: 1a, expr: up, labels: {a-b: x, __name__: y}}
              |                  ^^
        web.yaml:4:41: "a-b" is no label name: letters, digits and "_", no digit first
            4 |       - {record: 1a, expr: up, labels: {a-b: x, __name__: y}}
              |                                         ^^^
        web.yaml:4:49: "__name__" is no label name: letters, digits and "_", no digit first
            4 |       - {record: 1a, expr: up, labels: {a-b: x, __name__: y}}
              |                                                 ^^^^^^^^
    "#]],
    );
    check(
        &scale("labels: {'': x, tier/a: b}"),
        expect![[r#"
        web.yaml:8:18: "" is no label name: letters, digits and "_", no digit first
            8 |         labels: {'': x, tier/a: b}
              |                  ^^
        web.yaml:8:25: "tier/a" is no label name: letters, digits and "_", no digit first
            8 |         labels: {'': x, tier/a: b}
              |                         ^^^^^^
    "#]],
    );
}

#[test]
fn a_forecast_is_checked() {
    check(
        &scale("forecast: {horizon: 2d, quantile: 90, confidence: 2, step: 1s, seasons: [1s]}"),
        expect![[r#"
            web.yaml:8:29: horizon is from a second to a day, or auto
                8 |         forecast: {horizon: 2d, quantile: 90, confidence: 2, step: 1s, seasons: [1s]}
                  |                             ^^
            web.yaml:8:43: quantile is between 0 and 1: 0.9 provides for nine of ten windows
                8 |         forecast: {horizon: 2d, quantile: 90, confidence: 2, step: 1s, seasons: [1s]}
                  |                                           ^^
            web.yaml:8:59: confidence is from 0 to 1: the trust from which on a forecast counts
                8 |         forecast: {horizon: 2d, quantile: 90, confidence: 2, step: 1s, seasons: [1s]}
                  |                                                           ^
            web.yaml:8:68: step is from 10s to 1h
                8 |         forecast: {horizon: 2d, quantile: 90, confidence: 2, step: 1s, seasons: [1s]}
                  |                                                                    ^^
            web.yaml:8:81: a season has two steps at least
                8 |         forecast: {horizon: 2d, quantile: 90, confidence: 2, step: 1s, seasons: [1s]}
                  |                                                                                 ^
        "#]],
    );
    assert!(rule(&scale("forecast: {horizon: auto, model: holt_winters, seasons: [1d]}")).is_ok());
}

#[test]
fn an_unknown_model_is_told_with_those_of_this_build() {
    let told = shown(&rule(&scale("forecast: {model: holts}")).unwrap_err());
    let known = models::NAMES.join(", ");
    assert!(told.starts_with(&format!("web.yaml:8:27: unknown model \"holts\"; known: auto, {known}\n")), "{told}");
}

#[test]
fn modes_and_comparisons_are_checked() {
    check(
        &scale("mode: dry"),
        expect![[r#"
        web.yaml:8:15: unknown mode "dry"; known: live, shadow
            8 |         mode: dry
              |               ^^^
    "#]],
    );
    check(
        &scale("compare: [hpa, hpo, keda, hpa]"),
        expect![[r#"
        web.yaml:8:24: unknown scaler to compare with "hpo"; did you mean "hpa"?
            8 |         compare: [hpa, hpo, keda, hpa]
              |                        ^^^
    "#]],
    );
    check(
        &scale("mode: shadow\n  compare: [hpa]"),
        expect![[r#"
        web.yaml:9:19: a shadow is compared with what there really is; write compare into the rule that acts
            9 |         compare: [hpa]
              |                   ^^^
    "#]],
    );
}

#[test]
fn shadows_stand_beside_the_rule_that_acts() {
    let shadow = |name: &str| scale("mode: shadow").replace("scale: checkout", &format!("scale: {name}"));
    check(&[shadow("one"), scale("mode: live"), shadow("other")].concat(), expect!["3 rules"]);
}

#[test]
fn holidays_are_checked() {
    check(
        &scale("forecast: {timezone: Europe/Pari, holidays: [{date: 25.12., like: sun}, {name: x}]}"),
        expect![[r#"
        web.yaml:8:30: unknown time zone "Europe/Pari"; did you mean "Europe/Paris"?
            8 |         forecast: {timezone: Europe/Pari, holidays: [{date: 25.12., like: sun}, {name: x}]}
              |                              ^^^^^^^^^^^
        web.yaml:8:61: expected a date as in 2026-12-25, found the text "25.12."
            8 |         forecast: {timezone: Europe/Pari, holidays: [{date: 25.12., like: sun}, {name: x}]}
              |                                                             ^^^^^^
        web.yaml:8:75: expected the day of the week that it is like, as in sunday, found the text "sun"
            8 |         forecast: {timezone: Europe/Pari, holidays: [{date: 25.12., like: sun}, {name: x}]}
              |                                                                           ^^^
        web.yaml:8:81: a holiday needs the field "date"
            8 |         forecast: {timezone: Europe/Pari, holidays: [{date: 25.12., like: sun}, {name: x}]}
              |                                                                                 ^
        web.yaml:8:81: a holiday needs the field "like"
            8 |         forecast: {timezone: Europe/Pari, holidays: [{date: 25.12., like: sun}, {name: x}]}
              |                                                                                 ^
    "#]],
    );
    check(
        &scale("forecast: {holidays: [{date: 2026-12-25, until: 2026-12-24, like: sunday}]}"),
        expect![[r#"
        web.yaml:8:57: until is the last day of the holiday, within 62 days of its date
            8 |         forecast: {holidays: [{date: 2026-12-25, until: 2026-12-24, like: sunday}]}
              |                                                         ^^^^^^^^^^
    "#]],
    );
    // An event with a multiplier is no news about other days either; one that is a floor only says nothing of demand.
    let named =
        "{date: 2026-12-25, until: 2026-12-26, like: Sunday, name: christmas}, {date: 2027-01-01, like: sunday}";
    let event = "start: 2026-11-27T08:00:00Z, end: 2026-11-27T20:00:00Z";
    let events = "events: [{name: sale, EVENT, multiplier: 3}, {name: audit, EVENT, min: 3}]".replace("EVENT", event);
    let rules =
        rule(&format!("{}  {events}\n", scale(&format!("forecast: {{timezone: Europe/Paris, holidays: [{named}]}}"))));
    let holiday = |from: i64, to: i64, like: Option<u8>| Holiday {
        from: Timestamp::from_millis(from),
        to: Timestamp::from_millis(to),
        like,
        offset_ms: like.map_or(0, |_| 3_600_000),
    };
    let want = [
        holiday(1_795_766_400_000, 1_795_809_600_000, None),
        holiday(1_798_153_200_000, 1_798_326_000_000, Some(0)),
        holiday(1_798_758_000_000, 1_798_844_400_000, Some(0)),
    ];
    let Rule::Scale(scale) = &rules.unwrap().groups[0].rules[0] else { panic!("a scale rule") };
    assert_eq!(scale.forecast.as_ref().unwrap().holidays, want.into_iter().collect::<Holidays>());
}

#[test]
fn names_are_unique_across_files() {
    let text = |group: &str, name: &str| {
        let rule = scale("replicas: {max: 3}").replace("scale: checkout", &format!("scale: {name}"));
        format!("groups:\n- name: {group}\n  rules:\n{}", indented(&rule, 4))
    };
    let files = [
        (PathBuf::from("a.yaml"), text("one", "checkout")),
        (PathBuf::from("b.yaml"), text("one", "checkout")),
        (PathBuf::from("c.yaml"), "groups: [{name: x}, {name: x}, {name: ''}]".to_owned()),
    ];
    let findings = compile(&files, &Settings::default()).unwrap_err();
    expect![[r#"
        b.yaml:4:14: scale rule "checkout" is there already, at a.yaml:4
            4 |     - scale: checkout
              |              ^^^^^^^^
        b.yaml:5:57: shop/checkout is scaled by rule "checkout" already; make these metrics of one rule
            5 |       target: {kind: Deployment, namespace: shop, name: checkout}
              |                                                         ^^^^^^^^
        c.yaml:1:28: group "x" is there already, in line 1
            1 | groups: [{name: x}, {name: x}, {name: ''}]
              |                            ^
        c.yaml:1:39: a group needs a name
            1 | groups: [{name: x}, {name: x}, {name: ''}]
              |                                       ^^
    "#]]
    .assert_eq(&shown(&findings));
}

#[test]
fn a_group_has_its_own_interval_or_the_settings() {
    let rules = compiled("groups: [{name: a, interval: 30s}, {name: b}]").unwrap();
    let intervals: Vec<_> = rules.groups.iter().map(|group| group.interval.as_secs()).collect();
    assert_eq!(intervals, [30, 15]);
    expect![[r#"
        web.yaml:1:30: interval must be more than zero
            1 | groups: [{name: a, interval: 0s}]
              |                              ^^
    "#]]
    .assert_eq(&shown(&compiled("groups: [{name: a, interval: 0s}]").unwrap_err()));
}

#[test]
fn selectors_and_subscriptions_go_together() {
    let rules = rule(&scale(
        "metrics: [{name: a, demand: up + down, per_replica: side}, {name: b, demand: up, per_replica: 1}]",
    ));
    assert_eq!(rules.unwrap().selectors().len(), 4);
}
