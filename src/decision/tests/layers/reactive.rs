//! What several metrics wish, and how they are joined.

use expect_test::expect;

use super::*;

#[test]
fn an_absolute_metric_gives_the_count_itself() {
    let inputs = Inputs { metrics: vec![absolute("night", 7.2)], ..demand(0.0) };
    check(
        &quick(1, 60),
        &inputs,
        expect![[r#"
        4 -> 8
          reactive    night 7.2 = 8
    "#]],
    );
}

#[test]
fn pods_that_start_dampen_what_the_others_ask_for() {
    let of = |values: &[f64], others| {
        let pods = Pods { values: values.to_vec(), names: Vec::new(), others, utilization: false };
        let sum = Presence::Present(values.iter().sum());
        Inputs { metrics: vec![MetricInput { pods: Some(pods), ..metric("cpu", sum) }], ..demand(0.0) }
    };
    check(
        &quick(1, 60),
        &of(&[90.0, 90.0], Some((1, 0))),
        expect![[r#"
            4 -> 4
              reactive    cpu 90 a pod / 50, 2 pods, 1 not ready = 4
        "#]],
    );
    // Two of the four that the cluster has say nothing, and all are ready: they are taken to do what they should.
    let ready = Inputs { ready: 4, ..of(&[10.0, 10.0], None) };
    check(
        &quick(1, 60),
        &ready,
        expect![[r#"
            4 -> 3
              reactive    cpu 10 a pod / 50, 2 pods, 2 without a value = 3
        "#]],
    );
}

#[test]
fn a_formula_makes_one_wish_of_several() {
    let mut policy = quick(1, 60);
    policy.combine = Combine::Formula(Formula::compile("min(requests, night)").unwrap().into());
    let metrics = vec![metric("requests", Presence::Present(500.0)), absolute("night", 6.0)];
    check(
        &policy,
        &Inputs { metrics, ..demand(0.0) },
        expect![[r#"
            4 -> 6
              reactive    min(requests, night) = 6
        "#]],
    );
    let metrics = vec![metric("requests", Presence::Absent), absolute("night", 6.0)];
    check(
        &policy,
        &Inputs { metrics, ..demand(0.0) },
        expect![[r#"
            4 -> 4
              reactive    no metric can be read
              guards      requests demand absent
        "#]],
    );
}

#[test]
fn a_paused_metric_is_left_out() {
    let paused = MetricInput { paused: true, ..metric("cpu", Presence::Absent) };
    let metrics = vec![metric("requests", Presence::Present(100.0)), paused.clone()];
    check(
        &quick(1, 60),
        &Inputs { metrics, ..demand(0.0) },
        expect![[r#"
        4 -> 2
          reactive    requests 100 / 50 = 2
    "#]],
    );
    check(
        &quick(1, 60),
        &Inputs { metrics: vec![paused], ..demand(0.0) },
        expect![[r#"
        4 -> 4
          reactive    no metric can be read
          guards      no metric to go by
    "#]],
    );
}

#[test]
fn activation_wakes_and_sends_to_sleep() {
    let mut policy = quick(0, 60);
    policy.cooldown = secs(60);
    let work = |value| {
        let metrics = vec![MetricInput { activation: 5.0, ..metric("queue", Presence::Present(value)) }];
        Inputs { metrics, ..demand(0.0) }
    };
    let beats = [
        (0, 3.0),
        (10, 5.0),
        (20, 6.0),
        (30, 230.0),
        (70, 230.0),
        (89, 0.0),
        (90, 4.0),
        (129, 0.0),
        (150, 0.0),
        (160, 6.0),
    ];
    play(
        &policy,
        0,
        &beats.map(|(at, value)| (at, work(value))),
        expect![[r#"
            0s 0 -> 0  idle: queue 3 is not above 5
            10s 0 -> 0  idle: queue 5 is not above 5
            20s 0 -> 1  queue 6 / 50 = 1
            30s 1 -> 5  queue 230 / 50 = 5
            70s 5 -> 5  queue 230 / 50 = 5
            89s 5 -> 5  stability: cooldown 1m, scaled 59s ago
            90s 5 -> 1  stability: not to zero: active 20s ago, cooldown 1m
            129s 1 -> 1  stability: not to zero: active 59s ago, cooldown 1m
            150s 1 -> 0  idle: queue 0 is not above 5
            160s 0 -> 1  queue 6 / 50 = 1
        "#]],
    );
}
