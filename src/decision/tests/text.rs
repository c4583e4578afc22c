//! How a decision reads, and what the API says of it.

use expect_test::{Expect, expect};

use super::*;
use crate::workload::ObjectRef;

#[track_caller]
fn check(policy: &Policy, inputs: &Inputs, want: Expect) {
    let (decision, _) = decide(policy, inputs, &State::default(), at(0));
    let workload = Workload::from(ObjectRef {
        api_version: "apps/v1".to_owned(),
        kind: "Deployment".to_owned(),
        namespace: "shop".to_owned(),
        name: "checkout".to_owned(),
    });
    want.assert_eq(&format!("{}\n{decision}\n{}\n", decision.headline(&workload), decision.summary()));
}

fn two(replicas: Replicas, requests: Presence, cpu: Presence) -> Inputs {
    let metrics = vec![metric("requests", requests), metric("cpu", cpu)];
    Inputs { metrics, replicas, ready: replicas, ..Inputs::default() }
}

#[test]
fn a_move_names_the_demand_and_the_policy_it_fits() {
    check(
        &Policy::new(2, 60),
        &inputs(4, Presence::of(290.5)),
        expect![[r#"
        shop/checkout 4 -> 6
          reactive    requests 290.5 / 50 = 6
          stability   +2 fits 100% per 15s
        requests 290.5 / 50 = 6
    "#]],
    );
    check(
        &Policy::new(2, 60),
        &two(4, Presence::of(90.0), Presence::of(1e9)),
        expect![[r#"
        shop/checkout 4 -> 8
          reactive    cpu 1000000000 / 50 = 20000000, the most of 2 metrics
          bounds      20000000 is above the maximum 60
          stability   100% per 15s allows 8
        stability: 100% per 15s allows 8
    "#]],
    );
}

#[test]
fn what_changes_nothing_says_why() {
    check(
        &Policy::new(2, 60),
        &inputs(4, Presence::of(215.0)),
        expect![[r#"
        shop/checkout 4 -> 4
          reactive    requests 215 / 50 = 4.3, within 10% of 4
        requests 215 / 50 = 4.3, within 10% of 4
    "#]],
    );
    check(
        &Policy::new(2, 60),
        &Inputs { ready: 3, ..inputs(4, Presence::of(190.0)) },
        expect![[r#"
        shop/checkout 4 -> 4
          reactive    requests 190 / 50 = 4
          guards      3 of 4 pods ready
        requests 190 / 50 = 4
    "#]],
    );
    check(
        &Policy::new(2, 60),
        &two(4, Presence::Absent, Presence::Stale),
        expect![[r#"
        shop/checkout 4 -> 4
          reactive    no metric can be read
          guards      requests demand absent, and 1 more
        guards: requests demand absent, and 1 more
    "#]],
    );
    check(
        &Policy::new(2, 60),
        &two(4, Presence::Absent, Presence::of(500.0)),
        expect![[r#"
        shop/checkout 4 -> 8
          reactive    cpu 500 / 50 = 10
          guards      may only rise: requests demand absent
          stability   100% per 15s allows 8
        stability: 100% per 15s allows 8
    "#]],
    );
    check(
        &Policy::new(2, 60),
        &Inputs { metrics: vec![], ..inputs(4, Presence::Absent) },
        expect![[r#"
            shop/checkout 4 -> 4
              reactive    no metric can be read
              guards      no metric to go by
            guards: no metric to go by
        "#]],
    );
}

#[test]
fn bounds_and_unusable_numbers_are_named() {
    check(
        &Policy::new(2, 60),
        &inputs(70, Presence::of(10.0)),
        expect![[r#"
        shop/checkout 70 -> 60
          reactive    requests 10 / 50 = 1
          bounds      current 70 is above the maximum 60
        bounds: current 70 is above the maximum 60
    "#]],
    );
    check(
        &Policy::new(2, 60),
        &inputs(1, Presence::of(1e-7)),
        expect![[r#"
        shop/checkout 1 -> 2
          reactive    requests 1.000e-7 / 50 = 1
          bounds      current 1 is below the minimum 2
        bounds: current 1 is below the minimum 2
    "#]],
    );
    check(
        &Policy::new(2, 6),
        &inputs(4, Presence::of(1e18)),
        expect![[r#"
        shop/checkout 4 -> 6
          reactive    requests 1.000e18 / 50 = 4294967295
          bounds      4294967295 is above the maximum 6
          stability   +2 fits 100% per 15s
        bounds: 4294967295 is above the maximum 6
    "#]],
    );
    let idle = MetricInput { per_replica: Presence::of(0.0), ..metric("requests", Presence::of(1.0)) };
    check(
        &Policy::new(2, 6),
        &Inputs { metrics: vec![idle], replicas: 3, ready: 3, ..Inputs::default() },
        expect![[r#"
        shop/checkout 3 -> 3
          reactive    no metric can be read
          guards      requests per_replica not positive
        guards: requests per_replica not positive
    "#]],
    );
}

#[test]
fn the_api_gives_the_same_chain() {
    let mut policy = Policy::new(2, 60);
    policy.behavior.scale_up = rules(secs(60), SelectPolicy::Max, &[]);
    let (decision, _) = decide(&policy, &inputs(4, Presence::of(500.0)), &State::default(), at(1_767_225_600_000));
    expect![[r#"
        {
          "at": 1767225600000,
          "from": 4,
          "to": 4,
          "layer": "stability",
          "steps": [
            {
              "layer": "reactive",
              "given": 4,
              "wants": 10,
              "reason": {
                "code": "demand",
                "metric": "requests",
                "demand": 500.0,
                "per_replica": 50.0,
                "replicas": 10,
                "metrics": 1
              }
            },
            {
              "layer": "predictive",
              "given": 10,
              "wants": 10,
              "reason": {
                "code": "no_forecast"
              }
            },
            {
              "layer": "guards",
              "given": 10,
              "wants": 10,
              "reason": {
                "code": "clear"
              }
            },
            {
              "layer": "economy",
              "given": 10,
              "wants": 10,
              "reason": {
                "code": "affordable"
              }
            },
            {
              "layer": "bounds",
              "given": 10,
              "wants": 10,
              "reason": {
                "code": "within_bounds",
                "min": 2,
                "max": 60
              }
            },
            {
              "layer": "stability",
              "given": 10,
              "wants": 4,
              "reason": {
                "code": "window",
                "replicas": 4,
                "window": {
                  "secs": 60,
                  "nanos": 0
                }
              }
            }
          ],
          "revisit_at": 1767225660000
        }"#]]
    .assert_eq(&serde_json::to_string_pretty(&decision).unwrap());
}

#[test]
fn every_layer_speaks_once_in_order() {
    let (decision, _) = decide(&Policy::new(2, 60), &inputs(4, Presence::Absent), &State::default(), at(0));
    let layers: Vec<Layer> = decision.steps.iter().map(|step| step.layer).collect();
    assert_eq!(layers, Layer::ALL);
}
