use expect_test::{Expect, expect};

use super::*;

/// What is found, a line each.
fn told(found: &[Found]) -> String {
    let line = |one: &Found| {
        let anchor = one.anchor.map_or_else(|| "any time".to_owned(), |anchor| anchor.to_string());
        let length = one.step * u32::try_from(one.shape.len()).unwrap();
        format!(
            "{} {anchor} for {}: {:.0} + {:.0}, seen {}, validity {:.2}\n",
            one.kind,
            crate::time::format_duration(length),
            one.level,
            one.scale,
            one.seen,
            one.validity
        )
    };
    found.iter().map(line).collect()
}

#[track_caller]
fn check(values: &[f64], want: &Expect) {
    want.assert_eq(&told(&find(&stretch(values))));
}

#[test]
fn the_course_of_a_day_is_found_from_three_days_on() {
    let values = days(4, |_, minute| wave(minute));
    check(&values[..2 * 288], &expect![[r#""#]]);
    check(
        &values,
        &expect![[r#"
        daily 00:00 for 1d: 100 + 28, seen 4, validity 1.00
    "#]],
    );
}

#[test]
fn a_week_is_found_where_it_says_more_than_a_day() {
    check(
        &days(21, |_, minute| wave(minute)),
        &expect![[r#"
        daily 00:00 for 1d: 100 + 28, seen 21, validity 1.00
    "#]],
    );
    let quiet = |day: usize| if day % 7 < 5 { 1.0 } else { 0.3 };
    check(
        &days(21, |day, minute| quiet(day) * wave(minute)),
        &expect![[r#"
        weekly 00:00 mon for 1w: 80 + 40, seen 3, validity 1.00
        daily 00:00 for 1d: 100 + 28, seen 21, validity 1.00
    "#]],
    );
}

#[test]
fn a_batch_keeps_to_its_time_and_its_days() {
    check(
        &days(16, batch),
        &expect![[r#"
            weekly 00:00 mon for 1w: 70 + 84, seen 2, validity 1.00
            daily 00:00 for 1d: 78 + 109, seen 16, validity 1.00
            batch_window 02:00 mon,tue,wed,thu,fri for 1h30m: 50 + 452, seen 12, validity 1.00
        "#]],
    );
    check(
        &days(8, |_, minute| batch(0, minute)),
        &expect![[r#"
            daily 00:00 for 1d: 78 + 109, seen 8, validity 1.00
            batch_window 02:00 for 1h30m: 50 + 452, seen 8, validity 1.00
        "#]],
    );
    // Around midnight it is one, not two.
    check(
        &days(8, |_, minute| batch(0, (minute + 180) % 1440)),
        &expect![[r#"
            daily 00:00 for 1d: 78 + 109, seen 8, validity 1.00
            batch_window 23:00 for 1h30m: 50 + 452, seen 7, validity 0.87
        "#]],
    );
}

#[test]
fn a_batch_about_midnight_is_of_one_day() {
    // It begins at 23:55 or at 00:05, on two weekdays only.
    let late = |day: usize, minute: usize| {
        let now = day * 1440 + minute;
        let begins = |day: usize| day * 1440 + if day % 14 < 7 { 1_435 } else { 1_445 };
        let on = |day: usize| matches!(day % 7, 1 | 3) && (begins(day)..begins(day) + 60).contains(&now);
        if on(day) || day > 0 && on(day - 1) { 500.0 } else { 50.0 }
    };
    check(
        &days(28, late),
        &expect![[r#"
        weekly 00:00 mon for 1w: 55 + 45, seen 4, validity 0.99
        batch_window 00:00 wed,fri for 1h: 50 + 452, seen 8, validity 0.84
    "#]],
    );
}

#[test]
fn surges_of_one_shape_are_flash_crowds() {
    check(
        &days(14, crowded),
        &expect![[r#"
            flash_crowd any time for 1h: 100 + 401, seen 3, validity 0.73
        "#]],
    );
    // One is an event, not a pattern.
    check(&days(4, crowded), &expect![[r#""#]]);
}

#[test]
fn a_steep_morning_is_a_ramp() {
    let office = |minute: usize| match minute {
        0..420 => 20.0,
        420..540 => 20.0 + (minute - 420) as f64,
        540..1080 => 140.0,
        _ => 140.0 - ((minute - 1080) as f64 / 3.0).min(120.0),
    };
    check(
        &days(8, |_, minute| office(minute)),
        &expect![[r#"
        ramp 07:00 for 2h15m: 25 + 115, seen 8, validity 1.00
        daily 00:00 for 1d: 85 + 53, seen 8, validity 1.00
    "#]],
    );
}

#[test]
fn nothing_is_found_in_what_has_no_pattern() {
    check(&[], &expect![[r#""#]]);
    check(&vec![0.0; 5000], &expect![[r#""#]]);
    check(&vec![7.0; 5000], &expect![[r#""#]]);
    check(&vec![f64::NAN; 5000], &expect![[r#""#]]);
    check(&days(20, |_, _| 100.0), &expect![[r#""#]]);
    check(&(0..6000).map(|nth| 100.0 + 100.0 * noise(nth)).collect::<Vec<_>>(), &expect![[r#""#]]);
    check(&(0..6000).map(f64::from).collect::<Vec<_>>(), &expect![[r#""#]]);
    // Lone spikes have no shape.
    let lone = |day: usize, minute: usize| if (minute + 317 * day) % 1435 < 5 { 900.0 } else { 10.0 };
    check(&days(20, lone), &expect![[r#""#]]);
}

#[test]
fn gaps_hide_no_pattern() {
    let mut values = days(16, |day, minute| wave(minute) + batch(day, minute));
    for (nth, value) in values.iter_mut().enumerate() {
        if noise(nth * 3) > 0.4 || (2000..2300).contains(&nth) {
            *value = f64::NAN;
        }
    }
    check(
        &values,
        &expect![[r#"
            weekly 00:00 mon for 1w: 170 + 83, seen 2, validity 1.00
            daily 00:00 for 1d: 178 + 106, seen 15, validity 1.00
            batch_window 02:00 mon,tue,wed,thu,fri for 1h30m: 158 + 422, seen 11, validity 1.00
        "#]],
    );
}

#[test]
fn minutes_quarters_and_odd_starts_tell_the_same() {
    let values = days(16, batch);
    let minutes: Vec<f64> = values.iter().flat_map(|value| [*value; 5]).collect();
    let halves: Vec<f64> = values.chunks(6).map(|chunk| chunk.iter().sum::<f64>() / 6.0).collect();
    let kinds = |step: Duration, start: Timestamp, values: &[f64]| {
        told(&find(&Stretch { start, step, values }))
            .lines()
            .map(|line| line.split(':').next().unwrap().to_owned())
            .collect::<Vec<_>>()
    };
    expect![[r#"
        (
            [
                "weekly 00",
                "daily 00",
                "batch_window 02",
            ],
            [
                "weekly 00",
                "daily 00",
                "batch_window 02",
            ],
            [
                "weekly 00",
                "daily 00",
                "batch_window 02",
            ],
            [],
        )
    "#]]
    .assert_debug_eq(&(
        kinds(MINUTE, MONDAY, &minutes),
        kinds(STEP * 6, MONDAY, &halves),
        kinds(MINUTE, MONDAY + MINUTE * 733, &minutes[733..]),
        kinds(Duration::from_hours(2), MONDAY, &values),
    ));
}
