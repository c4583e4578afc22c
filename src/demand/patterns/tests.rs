//! Histories in, patterns out; and what they say of the time to come.

mod editing;
mod finding;
mod judging;
mod matching;
mod properties;

use std::sync::Arc;
use std::time::Duration;

use super::*;
use crate::workload::ObjectRef;

pub(super) const MINUTE: Duration = Duration::from_mins(1);
pub(super) const STEP: Duration = Duration::from_mins(5);

/// A Monday at midnight.
pub(super) const MONDAY: Timestamp = Timestamp::from_millis(1_767_571_200_000);

pub(super) fn workload() -> Workload {
    Workload::from(ObjectRef {
        api_version: String::new(),
        kind: "Deployment".to_owned(),
        namespace: "shop".to_owned(),
        name: "checkout".to_owned(),
    })
}

pub(super) fn metric() -> Arc<str> {
    "requests".into()
}

/// Noise within ±1 that is the same each time.
pub(super) fn noise(nth: usize) -> f64 {
    let mut state = (nth as u64 + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    state ^= state >> 29;
    state = state.wrapping_mul(0xBF58_476D_1CE4_E5B9);
    state ^= state >> 32;
    (state >> 11) as f64 / (1_u64 << 52) as f64 - 1.0
}

/// Demand of some days in steps of five minutes: `value(day, minute of the day)`, with a noise of 2.
pub(super) fn days(count: usize, value: impl Fn(usize, usize) -> f64) -> Vec<f64> {
    let slots = 0..count * 288;
    slots.map(|slot| value(slot / 288, slot % 288 * 5) + 2.0 * noise(slot)).collect()
}

/// Between 60 and 140, highest at 18:00.
pub(super) fn wave(minute: usize) -> f64 {
    100.0 - 40.0 * (minute as f64 / 1440.0 * std::f64::consts::TAU).sin()
}

pub(super) fn stretch(values: &[f64]) -> Stretch<'_> {
    Stretch { start: MONDAY, step: STEP, values }
}

/// A surge that reaches its height in ten minutes and fades within two hours.
pub(super) fn surge(minutes: i64) -> f64 {
    match minutes {
        ..0 | 120.. => 0.0,
        0..10 => 400.0 * minutes as f64 / 10.0,
        _ => 400.0 * (-(minutes - 10) as f64 / 40.0).exp(),
    }
}

/// The surges of a test: day and minute of each.
pub(super) const SURGES: [(usize, usize); 3] = [(2, 610), (5, 1_130), (9, 205)];

pub(super) fn crowded(day: usize, minute: usize) -> f64 {
    let now = i64::try_from(day * 1440 + minute).unwrap();
    let surges = SURGES.iter().map(|(day, minute)| surge(now - i64::try_from(day * 1440 + minute).unwrap()));
    100.0 + surges.sum::<f64>()
}

/// A batch from 02:00 to 03:30 on working days.
pub(super) fn batch(day: usize, minute: usize) -> f64 {
    if day % 7 < 5 && (120..210).contains(&minute) { 500.0 } else { 50.0 }
}
