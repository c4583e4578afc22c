//! How well a pattern tells what comes: looked at after each time when it should have come.

use std::time::Duration;

use super::super::grid::Grid;
use super::super::profiles::{follows, margin};
use super::super::{Found, Kind, Pattern};
use crate::time::Timestamp;

/// What one time weighs: a pattern that stays away loses half of its validity in the third.
const WEIGHT: f64 = 0.25;
/// How much of it must have been seen.
const KNOWN_MIN: f64 = 0.7;
/// From this likeness on it has come.
const CAME: f64 = 0.5;
/// An event must have had this part of its height.
const HEIGHT_MIN: f64 = 0.3;
/// In this time one that may come at any time loses half of its validity.
const HALVED_IN: Duration = Duration::from_hours(14 * 24);
/// Times that are looked at in one go: a month of days.
const TIMES_MAX: usize = 31;

/// The pattern after what came since it was judged; `None` where nothing is to be said. `again` is what the whole history
/// now says of it.
pub(super) fn judged(pattern: &Pattern, grid: Option<&Grid>, again: Option<&Found>, now: Timestamp) -> Option<Pattern> {
    let mut judged = pattern.clone();
    if pattern.removed {
        // What is still there is still not wanted.
        judged.judged_at = now;
        let stale = now.since(pattern.judged_at) >= Duration::from_hours(24);
        return (again.is_some() && stale).then_some(judged);
    }
    match (pattern.anchor, grid) {
        (Some(_), Some(grid)) => by_time(&mut judged, grid),
        (None, _) => by_age(&mut judged, again, now),
        _ => {}
    }
    if let Some(again) = again.filter(|again| again.seen_at > pattern.seen_at) {
        refresh(&mut judged, again);
    }
    (judged != *pattern).then_some(judged)
}

/// Looks at each time that is over.
fn by_time(pattern: &mut Pattern, grid: &Grid) {
    let Some(anchor) = pattern.anchor else { return };
    let (slot, length) = (grid.slot(), pattern.length());
    let slots = usize::try_from(length.as_millis().div_ceil(slot.as_millis().max(1))).unwrap_or(1);
    let margin = margin(pattern.kind, slots);
    let mut at = pattern.judged_at.max(grid.begin(0)) - length;
    for _ in 0..TIMES_MAX {
        let Some(begin) = anchor.next(at).filter(|begin| *begin + length <= grid.end()) else { break };
        at = begin;
        if begin + length <= pattern.judged_at {
            continue;
        }
        let middle = |nth: usize| slot.saturating_mul(u32::try_from(nth).unwrap_or(u32::MAX)) + slot / 2;
        let (alike, known) = follows(grid, begin, |nth| pattern.at(middle(nth)), slots, margin);
        if known < KNOWN_MIN {
            continue;
        }
        let came = alike.max(0.0) * f64::from(u8::from(has_height(pattern, grid, begin, slots)));
        pattern.validity = (pattern.validity + WEIGHT * (came - pattern.validity)).clamp(0.0, 1.0);
        pattern.judged_at = begin + length;
        if came >= CAME && begin > pattern.seen_at {
            pattern.seen = pattern.seen.saturating_add(1);
            pattern.seen_at = begin;
        }
    }
}

/// Whether what came was as large as what is known, more or less.
fn has_height(pattern: &Pattern, grid: &Grid, begin: Timestamp, slots: usize) -> bool {
    let values =
        (0..slots).map(|nth| grid.at(begin + grid.slot().saturating_mul(u32::try_from(nth).unwrap_or(u32::MAX))));
    let ends = values.filter(|value| !value.is_nan());
    let (low, high) = ends.fold((f64::MAX, f64::MIN), |(low, high), value| (low.min(value), high.max(value)));
    let points = pattern.shape.iter().map(|point| f64::from(*point));
    let (least, most) = points.fold((f64::MAX, f64::MIN), |(low, high), value| (low.min(value), high.max(value)));
    high - low >= HEIGHT_MIN * (most - least) * pattern.scale / grid.unit
}

/// One that may come at any time is worth less the longer it stays away.
fn by_age(pattern: &mut Pattern, again: Option<&Found>, now: Timestamp) {
    let age = now.since(pattern.judged_at);
    if let Some(again) = again.filter(|again| again.seen_at > pattern.seen_at) {
        pattern.validity = (pattern.validity + WEIGHT * (again.validity - pattern.validity)).clamp(0.0, 1.0);
        pattern.seen = pattern.seen.saturating_add(1);
        pattern.judged_at = now;
    } else if age >= Duration::from_hours(24) {
        // Once a day: a row in the journal each time.
        pattern.validity *= (-std::f64::consts::LN_2 * age.as_secs_f64() / HALVED_IN.as_secs_f64()).exp();
        pattern.judged_at = now;
    }
}

/// Takes over what the whole history says now; the shape of a person stays as it was drawn.
fn refresh(pattern: &mut Pattern, again: &Found) {
    (pattern.level, pattern.scale) = (again.level, again.scale);
    pattern.seen_at = pattern.seen_at.max(again.seen_at);
    if pattern.author.is_some() {
        return;
    }
    pattern.shape.clone_from(&again.shape);
    pattern.step_ms = u64::try_from(again.step.as_millis()).unwrap_or(pattern.step_ms);
    if pattern.kind != Kind::FlashCrowd {
        pattern.anchor = again.anchor;
    }
}
