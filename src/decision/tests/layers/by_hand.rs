//! What people and the rollback said: scaled to zero, paused, asked for, taken back.

use expect_test::expect;

use super::*;

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
