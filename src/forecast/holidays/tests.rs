use std::time::Duration;

use super::*;
use crate::forecast::{Options, Predictor};

const STEP: Duration = Duration::from_mins(5);
const DAY: i64 = 288;

/// Monday, 2026-11-30, midnight UTC.
const MONDAY: i64 = 1_795_996_800_000;

/// The day of a number of steps since then.
fn at(step: i64) -> Timestamp {
    Timestamp::from_millis(MONDAY + step * 300_000)
}

fn holiday(day: i64, days: i64, like: Option<u8>) -> Holiday {
    Holiday { from: at(day * DAY), to: at((day + days) * DAY), like, offset_ms: 0 }
}

/// Busy days from Monday to Saturday, a quiet one on Sundays and on the days that are named.
fn demand(step: i64, quiet: &[i64]) -> f64 {
    let day = step.div_euclid(DAY);
    let wave = (step.rem_euclid(DAY) as f64 / DAY as f64 * std::f64::consts::TAU).sin();
    let noise = ((step * 7_919) % 101) as f64 / 101.0;
    if day.rem_euclid(7) == 6 || quiet.contains(&day) {
        40.0 + 5.0 * wave + noise
    } else {
        150.0 + 90.0 * wave + 4.0 * noise
    }
}

/// Mean errors an hour ahead on each of some days, and the least trust on the last one but one.
fn errors(holidays: Vec<Holiday>, quiet: &[i64], days: std::ops::Range<i64>) -> (Vec<f64>, f64) {
    let mut predictor = Predictor::new(Options { step: STEP, ..Options::default() });
    predictor.keep_holidays(holidays.into_iter().collect());
    let mut sums = vec![0.0; usize::try_from(days.end).unwrap()];
    let mut trust = 1.0_f64;
    for step in 0..days.end * DAY {
        let target = step + 11;
        let day = target.div_euclid(DAY);
        if days.contains(&day) {
            let mean = predictor.forecast(STEP * 12).unwrap().points[11].mean;
            sums[usize::try_from(day).unwrap()] += (mean - demand(target, quiet)).abs() / DAY as f64;
            trust = trust.min(predictor.trust());
        }
        predictor.observe(at(step), Some(demand(step, quiet)));
    }
    (sums[usize::try_from(days.start).unwrap()..].to_vec(), trust)
}

#[test]
fn a_holiday_is_like_the_day_that_it_is_said_to_be() {
    // Friday, the 25th day, is quiet.
    let (plain, plain_trust) = errors(Vec::new(), &[25], 25..27);
    let (told, trust) = errors(vec![holiday(25, 1, Some(0))], &[25], 25..27);
    assert!(told[0] < 0.6 * plain[0], "on the day: {told:?}, {plain:?}");
    assert!(told[1] < 0.8 * plain[1], "the day after: {told:?}, {plain:?}");
    assert!(trust >= 0.5 && trust >= plain_trust, "trust {trust}, {plain_trust}");
}

#[test]
fn a_weeks_holidays_do_not_enter_the_profile() {
    let quiet: Vec<i64> = (21..26).collect();
    let (plain, _) = errors(Vec::new(), &quiet, 28..30);
    let (told, _) = errors(vec![holiday(21, 5, Some(0))], &quiet, 28..30);
    assert!(told[0] < 0.7 * plain[0], "the Monday after: {told:?}, {plain:?}");
}

#[test]
fn references_leave_holidays_out() {
    let mut history = History::new(STEP);
    (0..22 * DAY).for_each(|step| history.observe(at(step), Some(demand(step, &[]))));
    let number = |day: i64| history.number(at(day * DAY + 100));
    let of = |all: Vec<Holiday>, target: i64, days: i64| {
        let holidays: Holidays = all.into_iter().collect();
        let (target, origin) = (number(target), number(target) - 12);
        let found = holidays.reference(&history, (target, origin), target - days * DAY, days * DAY);
        (found - number(0)) / DAY
    };
    assert_eq!(of(vec![], 15, 1), 14);
    assert_eq!(of(vec![holiday(14, 1, Some(0))], 15, 1), 13, "yesterday was one");
    assert_eq!(of(vec![holiday(8, 1, None)], 15, 7), 1, "last week was an event");
    assert_eq!(of(vec![holiday(15, 1, Some(0))], 15, 1), 13, "like the last Sunday");
    assert_eq!(of(vec![holiday(15, 1, Some(2))], 15, 1), 8, "like the last Tuesday");
    assert_eq!(of(vec![holiday(15, 1, Some(0)), holiday(13, 1, Some(0))], 15, 1), 6, "that Sunday was one");
    assert_eq!(of(vec![holiday(15, 1, None)], 15, 1), 14, "an event is like no day");
    assert_eq!(of(vec![holiday(0, 60, Some(0))], 15, 1), -1, "what is not known says nothing");
    // An event within a holiday leaves it one.
    let within = Holiday { from: at(15 * DAY + 90), to: at(15 * DAY + 120), like: None, offset_ms: 0 };
    assert_eq!(of(vec![holiday(15, 1, Some(0)), within], 15, 1), 13);
}

#[test]
fn days_begin_where_the_zone_says() {
    let mut history = History::new(STEP);
    (0..22 * DAY).for_each(|step| history.observe(at(step), Some(1.0)));
    // 23:30 UTC on Monday is Tuesday in Paris.
    let target = history.number(at(15 * DAY - 6));
    let all = [Holiday { from: at(15 * DAY - 12), to: at(16 * DAY - 12), like: Some(0), offset_ms: 3_600_000 }];
    let holidays: Holidays = all.into_iter().collect();
    let found = holidays.reference(&history, (target, target - 1), target - DAY, DAY);
    assert_eq!((target - found) / DAY, 2, "Sunday in Paris begins on Saturday at 23:00 UTC");
}
