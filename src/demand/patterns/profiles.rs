//! The course of a day and of a week: for each slot the median over the cycles, believed as far as it tells the cycles
//! that it was not made from.

use super::grid::Grid;
use super::stats::{Pairs, median, median_of};
use super::{Anchor, DAY_MS, Found, Kind, kept};
use crate::time::Timestamp;

/// From how well on a profile tells the other cycles (the median of the correlations) it is one.
const CORRELATION_MIN: f64 = 0.5;
/// The least deviation, as a part of the level: what moves less needs no profile.
const SWING_MIN: f64 = 0.05;
/// Cycles that are the present.
const LATELY: usize = 3;
/// How much of a cycle must be known for it to count.
const KNOWN_MIN: f64 = 0.7;
/// How much smaller the error of the weekly course must be than that of the daily one.
const WEEKLY_GAIN: f64 = 0.9;

/// Cycles of a grid, slot by slot.
struct Folded<'a> {
    grid: &'a Grid,
    /// Slots of a cycle.
    period: usize,
    /// Where in the cycle the grid begins.
    phase: usize,
    /// The known values of each slot, ascending.
    sorted: Vec<Vec<f64>>,
}

impl<'a> Folded<'a> {
    /// Cycles of `period` slots that begin `offset` slots after the Unix epoch.
    fn new(grid: &'a Grid, period: usize, offset: i64) -> Self {
        let length = i64::try_from(period).unwrap_or(i64::MAX).max(1);
        let phase = usize::try_from((grid.first - offset).rem_euclid(length)).unwrap_or(0);
        let mut sorted = vec![Vec::new(); period];
        for (index, value) in grid.values.iter().enumerate().filter(|(_, value)| !value.is_nan()) {
            if let Some(slot) = sorted.get_mut((phase + index) % period) {
                slot.push(*value);
            }
        }
        for slot in &mut sorted {
            slot.sort_unstable_by(f64::total_cmp);
        }
        Self { grid, period, phase, sorted }
    }

    /// The median of each slot; NaN where nothing is known.
    fn profile(&self) -> Vec<f64> {
        let median = |slot: &Vec<f64>| if slot.is_empty() { f64::NAN } else { median(&mut slot.clone()) };
        self.sorted.iter().map(median).collect()
    }

    /// What the other cycles say of the value at an index: their median.
    fn others(&self, index: usize) -> f64 {
        let (Some(value), Some(slot)) =
            (self.grid.values.get(index), self.sorted.get((self.phase + index) % self.period))
        else {
            return f64::NAN;
        };
        if value.is_nan() || slot.len() < 2 {
            return f64::NAN;
        }
        let own = slot.partition_point(|other| other < value);
        let at = |place: usize| slot.get(if place < own { place } else { place + 1 }).copied().unwrap_or(f64::NAN);
        let count = slot.len() - 1;
        f64::midpoint(at((count - 1) / 2), at(count / 2))
    }

    /// How well each cycle that is known well enough is told by the others.
    fn correlations(&self) -> Vec<f64> {
        let cycles = (self.phase + self.grid.values.len()).div_ceil(self.period);
        let indices = |cycle: usize| {
            let from = (cycle * self.period).saturating_sub(self.phase);
            from..((cycle + 1) * self.period).saturating_sub(self.phase).min(self.grid.values.len())
        };
        let value = |index: usize| self.grid.values.get(index).copied().unwrap_or(f64::NAN);
        let pairs = (0..cycles)
            .map(|cycle| Pairs::of(indices(cycle).map(value), indices(cycle).map(|index| self.others(index))));
        let known = pairs.filter(|pairs| pairs.count >= KNOWN_MIN * self.period as f64);
        known.map(|pairs| pairs.correlation()).collect()
    }

    /// How far the values are from what the other cycles say, on average.
    fn error(&self) -> f64 {
        let away = self.grid.values.iter().enumerate().map(|(index, value)| (value - self.others(index)).abs());
        let (sum, count) = away.filter(|away| !away.is_nan()).fold((0.0, 0.0), |(sum, n), away| (sum + away, n + 1.0));
        if count > 0.0 { sum / count } else { f64::INFINITY }
    }

    fn found(&self, kind: Kind, cycles_min: usize) -> Option<Found> {
        let mut correlations = self.correlations();
        let cycles = correlations.len();
        // What was so once, and is not any more, is not found.
        let lately = median_of(correlations.iter().copied().skip(cycles.saturating_sub(LATELY)));
        let validity = median(&mut correlations);
        if cycles < cycles_min || validity.min(lately) < CORRELATION_MIN {
            return None;
        }
        let mut profile = self.profile();
        close_gaps(&mut profile);
        let sums = Pairs::of(profile.iter().copied(), profile.iter().copied());
        let (level, scale) = (sums.mean_x, sums.var_x.sqrt());
        if scale < SWING_MIN * level.abs() || scale == 0.0 || profile.iter().any(|value| value.is_nan()) {
            return None;
        }
        let cycle_ms = self.grid.slot_ms.saturating_mul(i64::try_from(self.period).unwrap_or(i64::MAX));
        // Days and weeks begin at a midnight; the Unix epoch was on a Thursday.
        let since = if kind == Kind::Weekly { 4 * DAY_MS } else { 0 };
        let end = self.grid.end().as_millis() - since;
        let seen_at = Timestamp::from_millis(end.div_euclid(cycle_ms).saturating_sub(1) * cycle_ms + since);
        Some(Found {
            kind,
            anchor: Some(if kind == Kind::Weekly { Anchor { minute: 0, weekdays: 1 } } else { Anchor::daily(0) }),
            step: self.grid.slot(),
            shape: kept(profile.iter().map(|value| (value - level) / scale)),
            level: level * self.grid.unit,
            scale: scale * self.grid.unit,
            seen: u32::try_from(cycles).unwrap_or(u32::MAX),
            seen_at,
            validity,
        })
    }
}

/// Slots of which nothing is known take the value of the one before, round the clock.
fn close_gaps(profile: &mut [f64]) {
    let Some(mut last) = profile.iter().rev().copied().find(|value| !value.is_nan()) else { return };
    for value in profile {
        if value.is_nan() {
            *value = last;
        }
        last = *value;
    }
}

/// The course of a day in quarters of an hour, from three days on.
pub(super) fn daily(grid: &Grid) -> Option<Found> {
    let grid = grid.coarser(15);
    Folded::new(&grid, grid.per_day(), 0).found(Kind::Daily, 3)
}

/// The course of a week in hours, from two weeks on: where it tells more than that of a day.
pub(super) fn weekly(grid: &Grid) -> Option<Found> {
    let grid = grid.coarser(60);
    if grid.slot_ms != 3_600_000 {
        return None;
    }
    // Monday is the fourth day after the Unix epoch.
    let weeks = Folded::new(&grid, 168, 4 * 24);
    let found = weeks.found(Kind::Weekly, 2)?;
    let days = Folded::new(&grid, 24, 0);
    let gains = weeks.error() <= WEEKLY_GAIN * days.error();
    gains.then_some(found)
}

/// How well a grid follows a shape from `begin` for `length` slots: the correlation, and the known share of the slots.
/// `margin` slots before and after are looked at too, where the shape is 0: a plateau is known by its edges.
pub(super) fn follows(
    grid: &Grid,
    begin: Timestamp,
    shape: impl Fn(usize) -> f64 + Clone,
    length: usize,
    margin: usize,
) -> (f64, f64) {
    let slots = |count: usize| grid.slot().saturating_mul(u32::try_from(count).unwrap_or(u32::MAX));
    let (begin, whole) = (begin - slots(margin), length + 2 * margin);
    let points = (0..whole).map(|slot| match slot.checked_sub(margin) {
        Some(slot) if slot < length => shape(slot),
        _ => 0.0,
    });
    let pairs = Pairs::of((0..whole).map(|slot| grid.at(begin + slots(slot))), points);
    (pairs.correlation(), pairs.count / whole.max(1) as f64)
}

/// Slots before and after an event that show that it was over.
pub(super) fn margin(kind: Kind, length: usize) -> usize {
    if matches!(kind, Kind::BatchWindow | Kind::FlashCrowd) { (length / 3).max(2) } else { 0 }
}

/// The median day as three days in a row, of which the middle one has its neighbours.
pub(super) fn median_day(grid: &Grid) -> Grid {
    let mut day = Folded::new(grid, grid.per_day(), 0).profile();
    close_gaps(&mut day);
    Grid { slot_ms: grid.slot_ms, first: 0, values: day.repeat(3), unit: grid.unit }
}

/// The median of what is known between two indices.
pub(super) fn level(grid: &Grid, from: usize, to: usize) -> f64 {
    median_of(grid.values.get(from..to.min(grid.values.len())).unwrap_or_default().iter().copied())
}
