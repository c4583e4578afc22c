use std::fmt::Write as _;

use expect_test::{Expect, expect};

use super::*;
use crate::decision::{Change, Policy, ScalingRules};
use crate::time::format_duration;

/// The policy that a rule with this `behavior` gets.
#[track_caller]
fn check(behavior: &str, want: Expect) {
    let text = format!(
        "- scale: checkout\n  target: {{kind: Deployment, namespace: shop, name: checkout}}\n  replicas: {{max: 9}}\n  \
         metrics: [{{name: requests, demand: 1, per_replica: 1}}]\n  behavior: {behavior}"
    );
    let rules = rule(&text).unwrap_or_else(|findings| panic!("{}", shown(&findings)));
    let Some(Rule::Scale(scale)) = rules.groups.first().and_then(|group| group.rules.first()) else { panic!() };
    want.assert_eq(&written(&scale.policy));
}

fn written(policy: &Policy) -> String {
    let mut text = String::new();
    for (name, rules) in [("up", &policy.behavior.scale_up), ("down", &policy.behavior.scale_down)] {
        let ScalingRules { stabilization_window, select, policies, tolerance, wanted_for: _ } = rules;
        let _ = write!(text, "{name:<4} over {} {select:?} of", format_duration(*stabilization_window));
        for policy in policies {
            let (sign, value) = match policy.change {
                Change::Pods(value) => ("", value),
                Change::Percent(value) => ("%", value),
            };
            let _ = write!(text, " {value}{sign}/{}", format_duration(policy.period));
        }
        let _ = writeln!(text, " beyond {tolerance}");
    }
    text
}

#[test]
fn what_is_left_out_has_hpas_default() {
    let defaults = expect![[r#"
        up   over 0s Max of 100%/15s 4/15s beyond 0.1
        down over 5m Max of 100%/15s beyond 0.1
    "#]];
    check("{}", defaults);
    check(
        "{scale_down: {tolerance: 0}}",
        expect![[r#"
            up   over 0s Max of 100%/15s 4/15s beyond 0.1
            down over 5m Max of 100%/15s beyond 0
        "#]],
    );
}

#[test]
fn our_spelling_and_hpas_mean_the_same() {
    let ours = "{scale_up: {stabilization_window: 1m, select_policy: Min, policies: [{type: Pods, value: 2, period: 1m30s}], tolerance: 0.05}}";
    let hpas = "{scaleUp: {stabilizationWindowSeconds: 60, selectPolicy: Min, policies: [{type: Pods, value: 2, periodSeconds: 90}], tolerance: 50m}}";
    let both = expect![[r#"
        up   over 1m Min of 2/1m30s beyond 0.05
        down over 5m Max of 100%/15s beyond 0.1
    "#]];
    check(ours, both);
    let both = expect![[r#"
        up   over 1m Min of 2/1m30s beyond 0.05
        down over 5m Max of 100%/15s beyond 0.1
    "#]];
    check(hpas, both);
}

#[test]
fn a_direction_can_be_closed() {
    check(
        "{scale_down: {select_policy: Disabled}}",
        expect![[r#"
            up   over 0s Max of 100%/15s 4/15s beyond 0.1
            down over 5m Disabled of 100%/15s beyond 0.1
        "#]],
    );
}
