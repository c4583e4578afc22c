//! Planned events and schedules.

use expect_test::expect;

use super::*;

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
