use expect_test::expect;

use super::super::stats::median;
use super::*;

/// A library that has learned from days.
fn learned(values: &[f64]) -> Library {
    let mut library = Library::default();
    let learned = library.learn(&workload(), &metric(), &stretch(values), stretch(values).end());
    assert!(learned.new > 0, "nothing is found");
    library
}

/// Minutes from the start of a day on.
fn minutes(day: usize, range: std::ops::Range<usize>, value: impl Fn(usize, usize) -> f64) -> (Timestamp, Vec<f64>) {
    let start = MONDAY + MINUTE * u32::try_from(day * 1440 + range.start).unwrap();
    (start, range.map(|minute| value(day + minute / 1440, minute % 1440) + 2.0 * noise(minute)).collect())
}

/// The kind that speaks for the next hour, how far along it is, and the mean error of its word, in the metric's unit.
fn next_hour(library: &Library, day: usize, now: usize, value: impl Fn(usize, usize) -> f64 + Copy) -> String {
    let (start, recent) = minutes(day, now.saturating_sub(400)..now, value);
    let recent = Stretch { start, step: MINUTE, values: &recent };
    let matches = library.matches(&workload(), "requests", &recent);
    let Some(found) = best(&matches) else { return "nothing".to_owned() };
    let expected = continuation(found, MINUTE, 60);
    let (_, truth) = minutes(day, now..now + 60, value);
    let mut errors: Vec<f64> = expected.iter().zip(&truth).map(|(one, other)| (one - other).abs()).collect();
    let along = (found.seen_until.as_millis() - found.begins_at.as_millis()) / 60_000;
    format!("{} {along}m: distance {:.2}, error {:.0}", found.pattern.kind, found.distance, median(&mut errors))
}

#[test]
fn a_course_tells_the_next_hour() {
    let library = learned(&days(7, |_, minute| wave(minute)));
    expect!["daily 600m: distance 0.08, error 1"].assert_eq(&next_hour(&library, 8, 600, |_, minute| wave(minute)));
    // At another level and scale too.
    expect!["daily 900m: distance 0.13, error 8"]
        .assert_eq(&next_hour(&library, 8, 900, |_, minute| 2.5 * wave(minute)));
    // What goes against the course is not it.
    expect!["nothing"].assert_eq(&next_hour(&library, 8, 720, |_, minute| 200.0 - wave(minute)));
}

#[test]
fn a_batch_is_told_before_it_begins_and_while_it_runs() {
    let library = learned(&days(16, batch));
    let at = |day: usize, minute: usize| next_hour(&library, day, minute, batch);
    expect![[r#"
        [
            "weekly 50m: distance 0.05, error 2",
            "batch_window -30m: distance 0.01, error 1",
            "batch_window 5m: distance 0.19, error 31",
            "batch_window 40m: distance 0.11, error 4",
            "batch_window 85m: distance 0.03, error 1",
            "weekly 400m: distance 0.43, error 19",
            "weekly 7290m: distance 0.05, error 1",
        ]
    "#]]
    .assert_debug_eq(&[at(21, 50), at(21, 90), at(21, 125), at(21, 160), at(21, 205), at(21, 400), at(19, 90)]);
}

#[test]
fn a_flash_crowd_is_known_soon_after_its_begin() {
    let library = learned(&days(14, crowded));
    let late = |scale: f64| {
        move |day: usize, minute: usize| {
            100.0 + scale * surge(i64::try_from(day * 1440 + minute).unwrap() - 20 * 1440 - 700)
        }
    };
    let at = |minute: usize, scale: f64| next_hour(&library, 20, minute, late(scale));
    expect![[r#"
        [
            "nothing",
            "nothing",
            "flash_crowd 4m: distance 0.17, error 44",
            "flash_crowd 8m: distance 0.11, error 34",
            "flash_crowd 17m: distance 0.11, error 9",
            "flash_crowd 47m: distance 0.11, error 40",
            "nothing",
            "flash_crowd 12m: distance 0.12, error 19",
        ]
    "#]]
    .assert_debug_eq(&[
        at(690, 1.0),
        at(703, 1.0),
        at(706, 1.0),
        at(710, 1.0),
        at(720, 1.0),
        at(750, 1.0),
        at(900, 1.0),
        at(715, 2.0),
    ]);
}

#[test]
fn what_is_at_rest_or_noise_is_no_flash_crowd() {
    let library = learned(&days(14, crowded));
    for value in
        [|_, _| 100.0, |_, minute: usize| 100.0 + minute as f64, |_, minute: usize| 300.0 * noise(minute).abs()]
    {
        for now in (400..1400).step_by(50) {
            assert_eq!(next_hour(&library, 20, now, value), "nothing");
        }
    }
}

#[test]
fn distance_is_of_shape_alone() {
    let shape: Vec<f64> = (0..48).map(|nth| surge(5 * nth - 20)).collect();
    let near = |other: Vec<f64>| (distance(&shape, &other) * 100.0).round() / 100.0;
    assert_eq!(near(shape.clone()), 0.0);
    assert_eq!(near(shape.iter().map(|value| 7.0 + 3.0 * value).collect()), 0.0);
    assert_eq!(near((0..48).map(|nth| surge(5 * nth - 25)).collect()), 0.0);
    assert!(near(shape.iter().rev().copied().collect()) > 0.9);
    assert!(near(vec![1.0; 48]) > 0.9);
    assert_eq!(distance(&shape, &[]), f64::INFINITY);
}
