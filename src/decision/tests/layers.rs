//! What each layer says beyond HPA: the whole chain, for one decision or for a few in a row.

use std::fmt::Write as _;

use expect_test::{Expect, expect};

use super::economy::{Per, Resource};
use super::*;
use crate::workload::Trouble;

/// One decision from a fresh state, a minute into the epoch.
#[track_caller]
fn check(policy: &Policy, inputs: &Inputs, want: Expect) {
    let (decision, _) = decide(policy, inputs, &State::default(), at(60_000));
    want.assert_eq(&format!("{} -> {}\n{decision}\n", decision.from, decision.to));
}

/// Decisions at given seconds; the cluster follows at once.
#[track_caller]
fn play(policy: &Policy, start: Replicas, beats: &[(u64, Inputs)], want: Expect) {
    let mut state = State::default();
    let mut replicas = start;
    let mut lines = String::new();
    for (seconds, inputs) in beats {
        let now = at(0) + secs(*seconds);
        let inputs = Inputs { replicas, ready: replicas, evaluated_at: now, ..inputs.clone() };
        let (decision, next) = decide(policy, &inputs, &state, now);
        state = next;
        state.scaled(now, decision.from, decision.to);
        replicas = decision.to;
        writeln!(lines, "{seconds}s {} -> {}  {}", decision.from, decision.to, decision.summary()).unwrap();
    }
    want.assert_eq(&lines);
}

/// Free of HPA's stabilization, so that other rules show.
fn quick(min: Replicas, max: Replicas) -> Policy {
    let mut policy = Policy::new(min, max);
    policy.behavior.scale_down.stabilization_window = Duration::ZERO;
    policy.behavior.scale_up.policies.clear();
    policy.behavior.scale_down.policies.clear();
    policy
}

fn demand(value: f64) -> Inputs {
    inputs(4, Presence::Present(value))
}

fn absolute(name: &str, replicas: f64) -> MetricInput {
    MetricInput { absolute: true, ..MetricInput::new(name, Presence::Present(replicas), Presence::Present(1.0)) }
}

fn outlook(demand: f64, trust: f64) -> Outlook {
    let by = at(12 * 3_600_000 + 180_000);
    Outlook { demand, quantile: 0.9, by, hold: None, trust, model: "ets".into() }
}

fn foreseeing(now: f64, outlook: Outlook) -> Inputs {
    let mut inputs = demand(now);
    inputs.metrics[0].outlook = Some(outlook);
    inputs
}

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

#[test]
fn a_forecast_counts_as_far_as_it_is_trusted() {
    check(
        &quick(2, 60),
        &foreseeing(190.0, outlook(288.0, 0.84)),
        expect![[r#"
        4 -> 6
          reactive    requests 190 / 50 = 4
          predictive  requests p90 288 by 12:03 / 50 = 6 (ets, trust 0.84)
    "#]],
    );
    check(
        &quick(2, 60),
        &foreseeing(190.0, outlook(288.0, 0.3)),
        expect![[r#"
        4 -> 6
          reactive    requests 190 / 50 = 4
          predictive  requests p90 288 by 12:03 / 50 = 6 (ets, trust 0.30)
    "#]],
    );
    check(
        &quick(2, 60),
        &foreseeing(190.0, outlook(288.0, 0.1)),
        expect![[r#"
        4 -> 4
          reactive    requests 190 / 50 = 4
          predictive  abstains: requests forecast has trust 0.10, below 0.50
    "#]],
    );
    check(
        &quick(2, 60),
        &foreseeing(190.0, outlook(100.0, 0.9)),
        expect![[r#"
        4 -> 4
          reactive    requests 190 / 50 = 4
          predictive  requests p90 100 = 2, no more than now
    "#]],
    );
}

#[test]
fn a_trusted_forecast_keeps_what_would_fall_and_a_degraded_one_does_not() {
    check(
        &quick(2, 60),
        &foreseeing(90.0, outlook(140.0, 0.9)),
        expect![[r#"
        4 -> 3
          reactive    requests 90 / 50 = 2
          predictive  requests p90 140 by 12:03 / 50 = 3 (ets, trust 0.90)
    "#]],
    );
    check(
        &quick(2, 60),
        &foreseeing(90.0, outlook(140.0, 0.3)),
        expect![[r#"
        4 -> 2
          reactive    requests 90 / 50 = 2
          predictive  abstains: requests forecast has trust 0.30, below 0.50
    "#]],
    );
}

#[test]
fn what_is_foreseen_may_fill_the_slack_and_keeps_what_would_come_back() {
    let holding = |demand, hold, trust| {
        let hold = Some(Hold { demand: hold, by: at(12 * 3_600_000 + 300_000) });
        Outlook { hold, ..outlook(demand, trust) }
    };
    check(
        &quick(2, 60),
        &foreseeing(190.0, holding(288.0, 288.0, 0.84)),
        expect![[r#"
        4 -> 6
          reactive    requests 190 / 50 = 4
          predictive  requests p90 288 by 12:03 / (50 x 1.15) = 6 (ets, trust 0.84)
    "#]],
    );
    check(
        &quick(2, 60),
        &foreseeing(90.0, holding(100.0, 200.0, 0.84)),
        expect![[r#"
        4 -> 4
          reactive    requests 90 / 50 = 2
          predictive  keeps 4: requests p90 200 by 12:05 / (50 x 1.15) = 3.478 (trust 0.84)
    "#]],
    );
    check(
        &quick(2, 60),
        &foreseeing(90.0, holding(100.0, 150.0, 0.84)),
        expect![[r#"
        4 -> 3
          reactive    requests 90 / 50 = 2
          predictive  keeps 3: requests p90 150 by 12:05 / (50 x 1.15) = 2.609 (trust 0.84)
    "#]],
    );
    check(
        &quick(2, 60),
        &foreseeing(90.0, holding(100.0, 110.0, 0.84)),
        expect![[r#"
        4 -> 2
          reactive    requests 90 / 50 = 2
          predictive  requests p90 110 = 2, no more than now
    "#]],
    );
    check(
        &quick(2, 60),
        &foreseeing(90.0, holding(100.0, 200.0, 0.3)),
        expect![[r#"
        4 -> 2
          reactive    requests 90 / 50 = 2
          predictive  requests p90 100 = 2, no more than now
    "#]],
    );
}

#[test]
fn a_forecast_speaks_where_the_demand_is_silent() {
    let mut inputs = foreseeing(0.0, outlook(288.0, 0.9));
    inputs.metrics[0].demand = Presence::Stale;
    check(
        &quick(2, 60),
        &inputs,
        expect![[r#"
        4 -> 6
          reactive    no metric can be read
          predictive  requests p90 288 by 12:03 / 50 = 6 (ets, trust 0.90)
          guards      may only rise: requests demand stale
    "#]],
    );
}

#[test]
fn a_pattern_raises_as_far_as_it_is_valid() {
    let matched = |now: f64, weight: f64| {
        let mut inputs = demand(now);
        let by = at(12 * 3_600_000 + 180_000);
        inputs.metrics[0].matched = Some(Matched { pattern: "flash crowd \"sale\"".into(), weight, demand: 288.0, by });
        inputs
    };
    check(
        &quick(2, 60),
        &matched(190.0, 0.87),
        expect![[r#"
        4 -> 6
          reactive    requests 190 / 50 = 4
          predictive  requests 288 by 12:03 / 50 = 6 (flash crowd "sale" matched, 0.87)
    "#]],
    );
    // A forecast that says the same is the first to be heard; one that abstains leaves it the word.
    let mut both = matched(190.0, 0.87);
    both.metrics[0].outlook = Some(outlook(288.0, 0.84));
    check(
        &quick(2, 60),
        &both,
        expect![[r#"
        4 -> 6
          reactive    requests 190 / 50 = 4
          predictive  requests p90 288 by 12:03 / 50 = 6 (ets, trust 0.84)
    "#]],
    );
    both.metrics[0].outlook = Some(outlook(288.0, 0.1));
    check(
        &quick(2, 60),
        &both,
        expect![[r#"
        4 -> 6
          reactive    requests 190 / 50 = 4
          predictive  requests 288 by 12:03 / 50 = 6 (flash crowd "sale" matched, 0.87)
    "#]],
    );
    let to = |inputs: Inputs| decide(&quick(2, 60), &inputs, &State::default(), at(60_000)).0.to;
    // Hardly valid it says nothing, half valid it keeps nothing that would fall, and it never lowers.
    assert_eq!([0.2, 0.3, f64::NAN].map(|weight| to(matched(190.0, weight))), [4, 6, 4]);
    let small = |weight: f64| {
        let mut inputs = matched(90.0, weight);
        inputs.metrics[0].matched.as_mut().unwrap().demand = 140.0;
        inputs
    };
    assert_eq!([0.3, 0.6].map(|weight| to(small(weight))), [2, 3]);
    assert_eq!(to(matched(400.0, 0.9)), 8);
}

#[test]
fn pods_unlike_the_others_are_named_and_change_nothing() {
    let outlying = |pods: u32| {
        let mut inputs = demand(190.0);
        inputs.metrics[0].outlying = Some(Outlying { pod: "checkout-x".into(), pods, of: 10 });
        inputs
    };
    check(
        &quick(2, 60),
        &outlying(1),
        expect![[r#"
        4 -> 4
          reactive    requests 190 / 50 = 4
          guards      requests of checkout-x is unlike that of 10 pods
    "#]],
    );
    check(
        &quick(2, 60),
        &outlying(2),
        expect![[r#"
        4 -> 4
          reactive    requests 190 / 50 = 4
          guards      requests of 2 of 10 pods is unlike the others', most of all checkout-x
    "#]],
    );
}

#[test]
fn a_planned_event_multiplies_what_was_wanted_before_it() {
    let event = |value| {
        let calendar = Calendar { event: Some(planned("sale", 3.0, at(200_000))), ..Calendar::default() };
        Inputs { calendar, ..demand(value) }
    };
    let beats =
        [(0, demand(190.0)), (60, event(190.0)), (120, event(420.0)), (180, event(900.0)), (240, demand(190.0))];
    play(
        &quick(2, 60),
        4,
        &beats,
        expect![[r#"
            0s 4 -> 4  requests 190 / 50 = 4
            60s 4 -> 12  predictive: event sale: 4 x 3 = 12
            120s 12 -> 12  predictive: event sale: 4 x 3 = 12
            180s 12 -> 18  requests 900 / 50 = 18
            240s 18 -> 4  requests 190 / 50 = 4
        "#]],
    );
}

#[test]
fn what_an_event_multiplies_is_kept_until_it_ends_and_never_taken_from_silence() {
    let sale = |inputs| {
        let calendar = Calendar { event: Some(planned("sale", 3.0, at(600_000))), ..Calendar::default() };
        Inputs { calendar, ..inputs }
    };
    // A start-up time that is learned anew makes the event far again for a while.
    let beats = [(0, sale(demand(190.0))), (60, demand(600.0)), (120, sale(demand(600.0))), (600, sale(demand(600.0)))];
    play(
        &quick(2, 60),
        4,
        &beats,
        expect![[r#"
            0s 4 -> 12  predictive: event sale: 4 x 3 = 12
            60s 12 -> 12  requests 600 / 50 = 12
            120s 12 -> 12  requests 600 / 50 = 12
            600s 12 -> 36  predictive: event sale: 12 x 3 = 36
        "#]],
    );
    let silent = Inputs { metrics: vec![metric("requests", Presence::Stale)], ..demand(0.0) };
    play(
        &quick(2, 60),
        10,
        &[(0, sale(silent)), (60, sale(demand(190.0)))],
        expect![[r#"
        0s 10 -> 10  guards: requests demand stale
        60s 10 -> 12  predictive: event sale: 4 x 3 = 12
    "#]],
    );
}

#[test]
fn a_workload_that_somebody_scaled_to_zero_is_left_alone() {
    let off = || Inputs { replicas: 0, ready: 0, ..demand(190.0) };
    check(
        &quick(2, 60),
        &off(),
        expect![[r#"
            0 -> 0
              reactive    requests 190 / 50 = 4
              guards      somebody scaled it to 0, and it stays so until somebody gives it a replica
        "#]],
    );
    check(
        &quick(0, 60),
        &off(),
        expect![[r#"
        0 -> 4
          reactive    requests 190 / 50 = 4
    "#]],
    );
    // By hand, and after a night in which we have set it to none.
    let manual = Manual { replicas: 3, author: "ada".into(), reason: "".into(), until: at(9_000_000) };
    check(
        &quick(2, 60),
        &Inputs { manual: Some(manual), ..off() },
        expect![[r#"
        0 -> 3
          reactive    requests 190 / 50 = 4
          guards      3 asked for by ada, until 1970-01-01 02:30 UTC
    "#]],
    );
    let night = Calendar { ceiling: Some((0, "night".into())), ..Calendar::default() };
    let beats = [(0, Inputs { calendar: night, ..demand(190.0) }), (60, demand(190.0)), (3600, demand(190.0))];
    play(
        &quick(2, 60),
        4,
        &beats,
        expect![[r#"
        0s 4 -> 0  bounds: 4 is above the ceiling 0 of night
        60s 0 -> 2  bounds: current 0 is below the minimum 2
        3600s 2 -> 4  requests 190 / 50 = 4
    "#]],
    );
}

#[test]
fn a_schedule_multiplies_work_and_moves_the_bounds() {
    let busy = Calendar { multiplier: 1.5, ..Calendar::default() };
    check(
        &quick(2, 60),
        &Inputs { calendar: busy, ..demand(190.0) },
        expect![[r#"
        4 -> 6
          reactive    requests 285 / 50 = 6
    "#]],
    );
    let office = Calendar { floor: Some((10, "office".into())), ..Calendar::default() };
    check(
        &quick(2, 60),
        &Inputs { calendar: office, ..demand(190.0) },
        expect![[r#"
        4 -> 10
          reactive    requests 190 / 50 = 4
          bounds      4 is below the floor 10 of office
    "#]],
    );
    let night = Calendar { ceiling: Some((0, "night".into())), ..Calendar::default() };
    check(
        &quick(2, 60),
        &Inputs { calendar: night, ..demand(190.0) },
        expect![[r#"
        4 -> 0
          reactive    requests 190 / 50 = 4
          bounds      4 is above the ceiling 0 of night
    "#]],
    );
    let both = Calendar { floor: Some((6, "a".into())), ceiling: Some((3, "b".into())), ..Calendar::default() };
    check(
        &quick(2, 60),
        &Inputs { calendar: both, ..demand(500.0) },
        expect![[r#"
        4 -> 6
          reactive    requests 500 / 50 = 10
          bounds      4 is below the floor 6 of a
    "#]],
    );
    let beyond = Calendar { floor: Some((99, "typo".into())), ..Calendar::default() };
    check(
        &quick(2, 60),
        &Inputs { calendar: beyond, ..demand(190.0) },
        expect![[r#"
        4 -> 60
          reactive    requests 190 / 50 = 4
          bounds      4 is below the floor 60 of typo
    "#]],
    );
}

#[test]
fn a_pause_is_the_last_word() {
    let mut policy = quick(2, 60);
    policy.pause = Some(Pause { at: None, reason: "migration".into() });
    check(
        &policy,
        &demand(5000.0),
        expect![[r#"
        4 -> 4
          reactive    requests 5000 / 50 = 100
          guards      paused (migration)
    "#]],
    );
    policy.pause = Some(Pause { at: Some(0), reason: "".into() });
    check(
        &policy,
        &demand(5000.0),
        expect![[r#"
        4 -> 0
          reactive    requests 5000 / 50 = 100
          guards      paused at 0
    "#]],
    );
}

#[test]
fn a_count_asked_for_by_hand_stands_within_the_bounds_for_its_time() {
    let manual =
        |replicas| Some(Manual { replicas, author: "alice".into(), reason: "load test".into(), until: at(3_600_000) });
    check(
        &quick(2, 60),
        &Inputs { manual: manual(20), ..demand(190.0) },
        expect![[r#"
            4 -> 20
              reactive    requests 190 / 50 = 4
              guards      20 asked for by alice (load test), until 1970-01-01 01:00 UTC
        "#]],
    );
    check(
        &quick(2, 60),
        &Inputs { manual: manual(100), ..demand(190.0) },
        expect![[r#"
            4 -> 60
              reactive    requests 190 / 50 = 4
              guards      100 asked for by alice (load test), until 1970-01-01 01:00 UTC
              bounds      100 is above the maximum 60
        "#]],
    );
    check(
        &quick(2, 60),
        &Inputs { manual: manual(1), ..inputs(4, Presence::Absent) },
        expect![[r#"
            4 -> 2
              reactive    no metric can be read
              guards      1 asked for by alice (load test), until 1970-01-01 01:00 UTC
              bounds      1 is below the minimum 2
        "#]],
    );
}

#[test]
fn what_was_taken_back_stays_back() {
    let rollback =
        |good, bad| Some(Rollback { good, bad, until: at(600_000), why: "3 of 8 pods ready after 5m".into() });
    check(
        &quick(2, 60),
        &Inputs { rollback: rollback(4, 8), ..demand(390.0) },
        expect![[r#"
            4 -> 4
              reactive    requests 390 / 50 = 8
              guards      back to 4, for 8 went wrong (3 of 8 pods ready after 5m), until 1970-01-01 00:10 UTC
        "#]],
    );
    check(
        &quick(2, 60),
        &Inputs { rollback: rollback(6, 4), ..demand(190.0) },
        expect![[r#"
            4 -> 6
              reactive    requests 190 / 50 = 4
              guards      back to 6, for 4 went wrong (3 of 8 pods ready after 5m), until 1970-01-01 00:10 UTC
        "#]],
    );
    check(
        &quick(2, 60),
        &Inputs { rollback: rollback(6, 4), ..demand(500.0) },
        expect![[r#"
        4 -> 10
          reactive    requests 500 / 50 = 10
    "#]],
    );
}

#[test]
fn a_fallback_counts_after_so_many_evaluations() {
    let mut policy = quick(2, 60);
    let gone = || inputs(4, Presence::Absent);
    let beats = [(0, gone()), (15, gone()), (30, gone()), (45, gone()), (60, demand(100.0)), (75, gone())];
    for (behavior, want) in [
        (
            FallbackBehavior::Static,
            expect![[r#"
                0s 8 -> 8  guards: requests demand absent
                15s 8 -> 8  guards: requests demand absent
                30s 8 -> 6  guards: fallback 6: requests demand absent for 3 evaluations
                45s 6 -> 6  guards: fallback 6: requests demand absent for 4 evaluations
                60s 6 -> 2  requests 100 / 50 = 2
                75s 2 -> 2  guards: requests demand absent
            "#]],
        ),
        (
            FallbackBehavior::Current,
            expect![[r#"
                0s 8 -> 8  guards: requests demand absent
                15s 8 -> 8  guards: requests demand absent
                30s 8 -> 8  guards: fallback 8 (current): requests demand absent for 3 evaluations
                45s 8 -> 8  guards: fallback 8 (current): requests demand absent for 4 evaluations
                60s 8 -> 2  requests 100 / 50 = 2
                75s 2 -> 2  guards: requests demand absent
            "#]],
        ),
        (
            FallbackBehavior::CurrentIfHigher,
            expect![[r#"
                0s 8 -> 8  guards: requests demand absent
                15s 8 -> 8  guards: requests demand absent
                30s 8 -> 8  guards: fallback 8 (current if higher): requests demand absent for 3 evaluations
                45s 8 -> 8  guards: fallback 8 (current if higher): requests demand absent for 4 evaluations
                60s 8 -> 2  requests 100 / 50 = 2
                75s 2 -> 2  guards: requests demand absent
            "#]],
        ),
        (
            FallbackBehavior::CurrentIfLower,
            expect![[r#"
                0s 8 -> 8  guards: requests demand absent
                15s 8 -> 8  guards: requests demand absent
                30s 8 -> 6  guards: fallback 6 (current if lower): requests demand absent for 3 evaluations
                45s 6 -> 6  guards: fallback 6 (current if lower): requests demand absent for 4 evaluations
                60s 6 -> 2  requests 100 / 50 = 2
                75s 2 -> 2  guards: requests demand absent
            "#]],
        ),
    ] {
        policy.fallback = Some(Fallback { after: 3, every: secs(15), replicas: 6, behavior });
        play(&policy, 8, &beats, want);
    }
}

#[test]
fn a_fallback_counts_intervals_and_not_the_samples_of_other_metrics() {
    let mut policy = quick(2, 60);
    policy.fallback = Some(Fallback { after: 3, every: secs(60), replicas: 6, behavior: FallbackBehavior::Static });
    let half = || Inputs {
        metrics: vec![metric("requests", Presence::Present(100.0)), metric("queue", Presence::Stale)],
        ..demand(0.0)
    };
    let beats: Vec<(u64, Inputs)> = (0..130).map(|second| (second, half())).collect();
    let mut state = State::default();
    let mut fell_at = None;
    for (second, inputs) in beats {
        let now = at(0) + secs(second);
        let (decision, next) = decide(&policy, &Inputs { replicas: 8, evaluated_at: now, ..inputs }, &state, now);
        state = next;
        if decision.to < 8 {
            fell_at.get_or_insert(second);
        }
    }
    assert_eq!(fell_at, Some(120));
}

#[test]
fn what_may_be_too_small_calls_no_fallback() {
    let mut policy = quick(2, 60);
    policy.fallback = Some(Fallback { after: 2, every: secs(15), replicas: 6, behavior: FallbackBehavior::Static });
    let filling = || inputs(4, Presence::Partial { value: 100.0, coverage: 0.3 });
    let mut few = demand(100.0);
    few.metrics[0].targets = Some(Targets { reporting: 1, expected: 10 });
    play(
        &policy,
        8,
        &[(0, filling()), (15, filling()), (30, filling()), (45, few.clone()), (60, few)],
        expect![[r#"
            0s 8 -> 8  guards: requests demand partial
            15s 8 -> 8  guards: requests demand partial
            30s 8 -> 8  guards: requests demand partial
            45s 8 -> 8  guards: requests: 1 of 10 targets report
            60s 8 -> 8  guards: requests: 1 of 10 targets report
        "#]],
    );
}

#[test]
fn after_a_restart_a_fallback_is_counted_anew() {
    let mut policy = quick(2, 60);
    policy.fallback = Some(Fallback { after: 2, every: secs(15), replicas: 6, behavior: FallbackBehavior::Static });
    let gone = |at_ms| Inputs { evaluated_at: at(at_ms), ..inputs(8, Presence::Absent) };
    let (_, mut state) = decide(&policy, &gone(0), &State::default(), at(0));
    state.resume();
    assert_eq!(decide(&policy, &gone(15_000), &state, at(15_000)).0.to, 8);
}

#[test]
fn too_few_targets_that_report_never_lower() {
    let mut inputs = demand(90.0);
    inputs.metrics[0].targets = Some(Targets { reporting: 5, expected: 10 });
    check(
        &quick(2, 60),
        &inputs,
        expect![[r#"
        4 -> 4
          reactive    requests 90 / 50 = 2
          guards      requests: 5 of 10 targets report
    "#]],
    );
    inputs.metrics[0].targets = Some(Targets { reporting: 9, expected: 10 });
    check(
        &quick(2, 60),
        &inputs,
        expect![[r#"
        4 -> 2
          reactive    requests 90 / 50 = 2
    "#]],
    );
}

#[test]
fn a_sudden_drop_holds_and_a_spike_goes_at_once() {
    let mut inputs = demand(20.0);
    inputs.metrics[0].z_score = Some(-8.31);
    check(
        &quick(2, 60),
        &inputs,
        expect![[r#"
        4 -> 4
          reactive    requests 20 / 50 = 1
          guards      requests fell suddenly (z -8.3), its source may be broken
    "#]],
    );
    let mut coarse = quick(2, 60);
    coarse.dead_band = 20;
    let mut inputs = demand(900.0);
    check(
        &coarse,
        &inputs,
        expect![[r#"
        4 -> 4
          reactive    requests 900 / 50 = 18
          stability   +14 is within the dead band of 20
    "#]],
    );
    inputs.metrics[0].z_score = Some(12.0);
    check(
        &coarse,
        &inputs,
        expect![[r#"
        4 -> 18
          reactive    requests 900 / 50 = 18
          guards      requests rose suddenly (z 12.0)
    "#]],
    );
}

#[test]
fn pods_in_trouble_hold() {
    let trouble = |crash_looping, unschedulable| Trouble { crash_looping, unschedulable };
    check(
        &quick(2, 60),
        &Inputs { trouble: trouble(1, 0), ..demand(900.0) },
        expect![[r#"
        4 -> 4
          reactive    requests 900 / 50 = 18
          guards      1 of 4 pods crash in a loop
    "#]],
    );
    check(
        &quick(2, 60),
        &Inputs { trouble: trouble(1, 0), ..demand(100.0) },
        expect![[r#"
        4 -> 4
          reactive    requests 100 / 50 = 2
          guards      1 of 4 pods crash in a loop
    "#]],
    );
    check(
        &quick(2, 60),
        &Inputs { trouble: trouble(0, 2), ..demand(900.0) },
        expect![[r#"
        4 -> 4
          reactive    requests 900 / 50 = 18
          guards      2 of 4 pods find no node
    "#]],
    );
    check(
        &quick(2, 60),
        &Inputs { trouble: trouble(0, 2), ..demand(100.0) },
        expect![[r#"
        4 -> 2
          reactive    requests 100 / 50 = 2
    "#]],
    );
    let large = Inputs { trouble: trouble(4, 1), ..inputs(50, Presence::Present(4000.0)) };
    check(
        &quick(2, 90),
        &large,
        expect![[r#"
        50 -> 80
          reactive    requests 4000 / 50 = 80
    "#]],
    );
}

#[test]
fn a_freeze_holds_what_would_fall_and_nothing_else() {
    let breaker = Some(Freeze::Breaker { down: 18, of: 20 });
    check(
        &quick(2, 60),
        &Inputs { freeze: breaker, ..demand(100.0) },
        expect![[r#"
        4 -> 4
          reactive    requests 100 / 50 = 2
          guards      frozen: 18 of 20 workloads want down at once
    "#]],
    );
    check(
        &quick(2, 60),
        &Inputs { freeze: breaker, ..demand(300.0) },
        expect![[r#"
        4 -> 6
          reactive    requests 300 / 50 = 6
    "#]],
    );
    let drop = Some(Freeze::Ingestion { part: 0.21 });
    check(
        &quick(2, 60),
        &Inputs { freeze: drop, ..demand(100.0) },
        expect![[r#"
        4 -> 4
          reactive    requests 100 / 50 = 2
          guards      frozen: only 21% of the usual samples come in
    "#]],
    );
}

#[test]
fn the_smallest_cap_counts_but_never_below_the_minimum_or_on_holes() {
    let budget = |affords| Cap::Budget { affords, spent: 41.25, budget: 50.0, per: Per::Day };
    let share = |granted| Cap::Share { granted, group: "web".into(), resource: Resource::Cpu };
    check(
        &quick(2, 60),
        &Inputs { caps: vec![budget(7), share(9)], ..demand(900.0) },
        expect![[r#"
        4 -> 7
          reactive    requests 900 / 50 = 18
          economy     budget affords 7: 41.25 of 50 a day spent
    "#]],
    );
    check(
        &quick(2, 60),
        &Inputs { caps: vec![budget(7), share(5)], ..demand(900.0) },
        expect![[r#"
        4 -> 5
          reactive    requests 900 / 50 = 18
          economy     5 is the share of group web's cpu
    "#]],
    );
    check(
        &quick(2, 60),
        &Inputs { caps: vec![budget(0)], ..demand(900.0) },
        expect![[r#"
        4 -> 2
          reactive    requests 900 / 50 = 18
          economy     budget affords 0: 41.25 of 50 a day spent
    "#]],
    );
    check(
        &quick(2, 60),
        &Inputs { caps: vec![share(1)], ..inputs(4, Presence::Absent) },
        expect![[r#"
            4 -> 4
              reactive    no metric can be read
              guards      requests demand absent
              economy     stays at 4, for its data may be wrong
        "#]],
    );
    check(
        &quick(2, 60),
        &Inputs { caps: vec![budget(9)], ..demand(190.0) },
        expect![[r#"
        4 -> 4
          reactive    requests 190 / 50 = 4
    "#]],
    );
}

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
