//! What counts when a metric can't be read.

use expect_test::expect;

use super::*;

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
