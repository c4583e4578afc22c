//! When a change may come: `for`, the dead band, a new workload, the flap budget.

use expect_test::expect;

use super::*;

#[test]
fn a_direction_must_be_wanted_for_its_time() {
    let mut policy = quick(2, 60);
    policy.behavior.scale_down.wanted_for = secs(60);
    let beats = [(0, 100.0), (30, 200.0), (40, 100.0), (99, 100.0), (100, 90.0)];
    play(
        &policy,
        4,
        &beats.map(|(at, value)| (at, demand(value))),
        expect![[r#"
            0s 4 -> 4  stability: down wanted for 0s, has to be for 1m
            30s 4 -> 4  requests 200 / 50 = 4
            40s 4 -> 4  stability: down wanted for 0s, has to be for 1m
            99s 4 -> 4  stability: down wanted for 59s, has to be for 1m
            100s 4 -> 2  requests 90 / 50 = 2
        "#]],
    );
}

#[test]
fn small_changes_stay_within_the_dead_band() {
    let mut policy = quick(0, 60);
    policy.dead_band = 2;
    let beats = [(0, 300.0), (10, 310.0), (20, 200.0), (30, 0.0), (40, 10.0)];
    play(
        &policy,
        4,
        &beats.map(|(at, value)| (at, demand(value))),
        expect![[r#"
            0s 4 -> 4  stability: +2 is within the dead band of 2
            10s 4 -> 7  requests 310 / 50 = 7
            20s 7 -> 4  requests 200 / 50 = 4
            30s 4 -> 0  idle: requests 0 is not above 0
            40s 0 -> 1  requests 10 / 50 = 1
        "#]],
    );
}

#[test]
fn a_new_workload_is_not_lowered_at_once() {
    let mut policy = quick(2, 60);
    policy.initial_cooldown = secs(120);
    play(
        &policy,
        4,
        &[(0, demand(100.0)), (119, demand(100.0)), (120, demand(100.0))],
        expect![[r#"
            0s 4 -> 4  stability: initial cooldown 2m, known for 0s
            119s 4 -> 4  stability: initial cooldown 2m, known for 1m59s
            120s 4 -> 2  requests 100 / 50 = 2
        "#]],
    );
}

#[test]
fn turning_down_waits_for_the_flap_budget_and_turning_up_never() {
    let mut policy = quick(2, 60);
    policy.flaps = Some(FlapBudget { max: 2, per: secs(600) });
    let beats = [(0, 300.0), (60, 100.0), (120, 300.0), (180, 100.0), (240, 500.0), (300, 100.0), (721, 100.0)];
    play(
        &policy,
        4,
        &beats.map(|(at, value)| (at, demand(value))),
        expect![[r#"
            0s 4 -> 6  requests 300 / 50 = 6
            60s 6 -> 2  requests 100 / 50 = 2
            120s 2 -> 6  requests 300 / 50 = 6
            180s 6 -> 6  stability: direction changed 2 times within 10m
            240s 6 -> 10  requests 500 / 50 = 10
            300s 10 -> 10  stability: direction changed 2 times within 10m
            721s 10 -> 2  requests 100 / 50 = 2
        "#]],
    );
}
