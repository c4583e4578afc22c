//! Climbs of an hour or so to a higher level, at a time of the day: where the daily course is steepest.

use std::collections::BTreeSet;

use super::events::regular;
use super::grid::Grid;
use super::profiles::follows;
use super::{DAY_MS, Found, Kind, kept};
use crate::time::Timestamp;

/// The longest climb, and the shortest, in slots of a quarter of an hour: four hours, and three quarters.
const LONG: usize = 16;
const SHORT: usize = 3;
/// How much of the day's whole swing it takes.
const SHARE_MIN: f64 = 0.6;
/// How much higher the top is than the foot.
const TIMES_MIN: f64 = 1.5;
/// How much of it may be one step: what jumps is no ramp.
const JUMP_MAX: f64 = 0.6;
/// A day has it when it climbs by half of that, much alike.
const RISE_MIN: f64 = 0.5;
const ALIKE_MIN: f64 = 0.7;
const RAMPS_MAX: usize = 2;

/// The climbs of a daily course that come on most days.
pub(super) fn ramps(grid: &Grid, daily: &Found, batches: &[Found]) -> Vec<Found> {
    let grid = grid.coarser(15);
    let course: Vec<f64> = daily.shape.iter().map(|point| f64::from(*point)).collect();
    let foot_value = |point: f64| daily.level / grid.unit + daily.scale / grid.unit * point;
    let (low, high) =
        course.iter().fold((f64::MAX, f64::MIN), |(low, high), value| (low.min(*value), high.max(*value)));
    let mut climbs: Vec<(usize, usize)> = climbs(&course, SHARE_MIN * (high - low));
    climbs.retain(|(from, length)| {
        let (foot, top) = (foot_value(at(&course, *from)), foot_value(at(&course, from + length - 1)));
        top >= TIMES_MIN * foot
    });
    climbs.truncate(RAMPS_MAX);
    let slot_minutes = usize::try_from(grid.slot_ms / 60_000).unwrap_or(15);
    let mut ramps = Vec::new();
    for (from, length) in climbs {
        let minute = from * slot_minutes;
        let is_edge = batches.iter().filter_map(|batch| batch.anchor).any(|anchor| {
            let begin = usize::from(anchor.minute);
            (minute..minute + length * slot_minutes).contains(&begin) || (begin..begin + 60).contains(&minute)
        });
        if !is_edge {
            ramps.extend(found(&grid, daily, &course, (from, length), minute));
        }
    }
    ramps
}

fn at(course: &[f64], index: usize) -> f64 {
    course.get(index % course.len().max(1)).copied().unwrap_or_default()
}

/// The climbs of at least `rise`, the highest first, none within another.
fn climbs(course: &[f64], rise: f64) -> Vec<(usize, usize)> {
    let mut candidates = Vec::new();
    for from in 0..course.len() {
        let foot = at(course, from);
        let (mut top, mut best) = (foot, None);
        for length in 2..=LONG {
            let value = at(course, from + length - 1);
            // It may rest, but not turn.
            if value < top - 0.15 * rise || value < foot {
                break;
            }
            if value > top {
                (top, best) = (value, Some(length));
            }
        }
        if let Some(length) = best.filter(|_| top - foot >= rise) {
            candidates.push((from, length, top - foot));
        }
    }
    // The highest; of equals the shortest.
    candidates.sort_by(|one, other| other.2.total_cmp(&one.2).then(one.1.cmp(&other.1)));
    let mut chosen: Vec<(usize, usize)> = Vec::new();
    for (from, length, whole) in candidates {
        let apart = |(other, other_length): &(usize, usize)| {
            let ahead = (from + course.len() - other) % course.len();
            let behind = (other + course.len() - from) % course.len();
            ahead >= *other_length && behind >= length
        };
        if !chosen.iter().all(apart) {
            continue;
        }
        // Without its flat ends.
        let foot = at(course, from);
        let share = |slot: usize| (at(course, from + slot) - foot) / whole;
        let begin = (0..length).rposition(|slot| share(slot) <= 0.05).unwrap_or(0);
        let end = (0..length).position(|slot| share(slot) >= 0.95).unwrap_or(length - 1);
        let steepest = (begin..end).map(|slot| share(slot + 1) - share(slot)).fold(0.0, f64::max);
        if end >= begin + SHORT && steepest <= JUMP_MAX {
            chosen.push(((from + begin) % course.len(), end - begin + 1));
        }
    }
    chosen
}

fn found(grid: &Grid, daily: &Found, course: &[f64], climb: (usize, usize), minute: usize) -> Option<Found> {
    let (from, length) = climb;
    let (foot, top) = (at(course, from), at(course, from + length - 1));
    let shape: Vec<f64> = (0..length).map(|slot| (at(course, from + slot) - foot) / (top - foot)).collect();
    let rise = (top - foot) * daily.scale / grid.unit;
    let offset = i64::try_from(minute).ok()? * 60_000;
    let begins = |day: i64| Timestamp::from_millis(day * DAY_MS + offset);
    let point = |slot: usize| shape.get(slot).copied().unwrap_or_default();
    let last = u32::try_from(length - 1).ok()?;
    let climbed = |day: &i64| {
        let begin = begins(*day);
        let (alike, known) = follows(grid, begin, point, length, 0);
        let risen = grid.at(begin + grid.slot() * last) - grid.at(begin);
        known >= 0.7 && alike >= ALIKE_MIN && risen >= RISE_MIN * rise
    };
    let first = (grid.begin(0).as_millis() - offset).div_euclid(DAY_MS);
    let end = (grid.end().as_millis() - offset).div_euclid(DAY_MS);
    let days: BTreeSet<i64> = (first..=end).filter(climbed).collect();
    let (anchor, seen, share) = regular(grid, u16::try_from(minute).ok()?, &days)?;
    Some(Found {
        kind: Kind::Ramp,
        anchor: Some(anchor),
        step: grid.slot(),
        shape: kept(shape.into_iter()),
        level: daily.level + daily.scale * foot,
        scale: daily.scale * (top - foot),
        seen: u32::try_from(seen).unwrap_or(u32::MAX),
        seen_at: begins(*days.last()?),
        validity: share,
    })
}
