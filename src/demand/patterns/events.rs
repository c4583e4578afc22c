//! Bursts: what rises steeply to at least twice the usual level, and is over within hours. Those that keep to a time of
//! the day are batch windows, the others are compared by their shape.

use std::collections::{BTreeMap, BTreeSet};

use super::anchor::weekday;
use super::grid::Grid;
use super::matching::distance;
use super::profiles::{follows, level, margin, median_day};
use super::stats::{median, median_of};
use super::{Anchor, DAY_MS, EVERY_DAY, Found, Kind, Weekdays, kept};
use crate::time::Timestamp;

const MINUTE_MS: i64 = 60_000;
/// The usual level is a median over a day, looked at every three hours.
const BASE_SPAN_MS: i64 = DAY_MS;
const BASE_EVERY_MS: i64 = 3 * 60 * MINUTE_MS;
/// How far above the usual level a burst begins: as much again, and four deviations, and a fiftieth of all there was.
const NOISE_MAX: f64 = 4.0;
const HEIGHT_MIN: f64 = 0.02;
/// A burst has not begun, and is over, at this part of its height; over for three slots.
const OVER: f64 = 0.25;
const PAUSE: usize = 3;
/// What lasts longer is a course of the day, or a new level.
const LENGTH_MAX_MS: i64 = 8 * 60 * MINUTE_MS;
/// What is shorter has no shape.
const SLOTS_MIN: usize = 3;
/// Within this time a burst reaches half of its height.
const RISE_MAX_MS: i64 = 30 * MINUTE_MS;
/// Bursts this near to each other on different days are at the same time of the day.
const NEAR_MINUTES: i64 = 45;
/// How often one must come: of all days, or of a weekday that has been there twice.
const OF_DAYS: f64 = 0.75;
const OF_WEEKDAYS: f64 = 0.6;
/// How many of all times must be on the chosen weekdays, and how much more often it must come on them.
const OF_HITS: f64 = 0.8;
const GAIN: f64 = 0.1;
const SEEN_MIN: usize = 3;
/// Bursts without a time that are compared: the newest.
const COMPARED_MAX: usize = 40;
/// How near two shapes are the same.
const SAME_SHAPE: f64 = 0.45;
/// What hardly resembles itself is not found.
const VALIDITY_MIN: f64 = 0.6;
/// A surge without a time is half an hour long at least: of what is shorter, any two are alike.
const CROWD_MIN_MS: i64 = 30 * MINUTE_MS;
/// A day has the burst of the median day when it is so much alike, and at least so high.
const ALIKE_MIN: f64 = 0.5;
const PART_MIN: f64 = 0.3;
/// Of its last times one that keeps to the clock must have come on two.
const LATELY: usize = 3;
/// Kinds of each that are kept.
const BATCHES_MAX: usize = 4;
const CROWDS_MAX: usize = 2;

/// One burst; values in the grid's unit.
#[derive(Debug, Clone, Copy)]
pub(super) struct Burst {
    pub(super) from: usize,
    pub(super) length: usize,
    base: f64,
    height: f64,
}

/// The usual level at each slot: medians over a day, joined by straight lines.
fn base(grid: &Grid) -> Vec<f64> {
    let slots = |span: i64| usize::try_from(span / grid.slot_ms).unwrap_or(1).max(1);
    let (half, every) = (slots(BASE_SPAN_MS) / 2, slots(BASE_EVERY_MS));
    let knots: Vec<f64> = (0..=grid.values.len().div_ceil(every))
        .map(|knot| level(grid, (knot * every).saturating_sub(half), knot * every + half))
        .collect();
    let at = |knot: usize| knots.get(knot).or(knots.last()).copied().unwrap_or_default();
    let between = |index: usize| {
        let way = (index % every) as f64 / every as f64;
        at(index / every) * (1.0 - way) + at(index / every + 1) * way
    };
    (0..grid.values.len()).map(between).collect()
}

/// All bursts, oldest first.
pub(super) fn bursts(grid: &Grid) -> Vec<Burst> {
    let base = base(grid);
    let noise = 1.4826 * median_of(grid.values.iter().zip(&base).map(|(value, base)| (value - base).abs()));
    let value = |index: usize| grid.values.get(index).copied().unwrap_or(f64::NAN);
    let usual = |index: usize| base.get(index).copied().unwrap_or_default();
    let slots = |span: i64| usize::try_from(span / grid.slot_ms).unwrap_or(1).max(1);
    let (length_max, rise_max) = (slots(LENGTH_MAX_MS), slots(RISE_MAX_MS));
    let mut bursts = Vec::new();
    let mut index = 0;
    while index < grid.values.len() {
        let base = usual(index);
        let least = base.abs().max(NOISE_MAX * noise).max(HEIGHT_MIN);
        if value(index).is_nan() || value(index) <= base + least {
            index += 1;
            continue;
        }
        let begin = index;
        let (mut height, mut last, mut at) = (value(index) - base, index, index);
        while at - last <= PAUSE && at < grid.values.len() {
            if value(at) > base + OVER * height {
                last = at;
            }
            height = height.max(value(at) - base);
            at += 1;
        }
        index = last + 1;
        // It begins where it was last near the usual level before it reached half of its height: that is soon before, or it
        // is no burst. What smoulders before is no part of it.
        let half = (begin..=last).find(|slot| value(*slot) >= base + 0.5 * height).unwrap_or(begin);
        let calm = |slot: &usize| value(*slot) <= base + OVER * height;
        let Some(from) = (half.saturating_sub(rise_max)..half).rev().find(calm).map(|calm| calm + 1) else { continue };
        let length = last + 1 - from;
        if (SLOTS_MIN..=length_max).contains(&length) {
            bursts.push(Burst { from, length, base, height });
        }
    }
    bursts
}

/// The days, counted from the Unix epoch, on which something came at a minute of the day; of all on which it could have
/// been seen. `None` where it is not regular enough to wait for.
pub(super) fn regular(grid: &Grid, minute: u16, days: &BTreeSet<i64>) -> Option<(Anchor, usize, f64)> {
    let offset = i64::from(minute) * MINUTE_MS;
    let (begin, end) = (grid.begin(0).as_millis(), grid.end().as_millis());
    let mut seen: BTreeMap<u8, (usize, usize)> = BTreeMap::new();
    let mut looked_at = Vec::new();
    for day in (begin - offset).div_euclid(DAY_MS)..=(end - offset).div_euclid(DAY_MS) {
        let at = Timestamp::from_millis(day * DAY_MS + offset);
        if grid.at(at).is_nan() && !days.contains(&day) {
            continue;
        }
        let (hits, possible) = seen.entry(weekday(day)).or_default();
        *possible += 1;
        *hits += usize::from(days.contains(&day));
        looked_at.push(day);
    }
    let of = |mask: Weekdays| {
        let chosen = seen.iter().filter(|(day, _)| mask & (1 << **day) != 0);
        chosen.fold((0, 0), |(hits, possible), (_, seen)| (hits + seen.0, possible + seen.1))
    };
    let share = |(hits, possible): (usize, usize)| hits as f64 / possible.max(1) as f64;
    // Some weekdays, where they account for nearly all and say more than that it comes often.
    let often = seen.iter().filter(|(_, seen)| seen.0 >= 2 && share(**seen) >= OF_WEEKDAYS);
    let some = often.fold(0, |mask, (day, _)| mask | (1 << day));
    let (all, own) = (of(EVERY_DAY), of(some));
    let tells_more = own.0 as f64 >= OF_HITS * all.0 as f64 && share(own) >= share(all) + GAIN;
    let weekdays = if share(all) < OF_DAYS || tells_more { some } else { EVERY_DAY };
    let (hits, possible) = of(weekdays);
    let anchor = Anchor { minute, weekdays };
    let last = looked_at.iter().rev().filter(|day| anchor.is_on(**day)).take(LATELY);
    let lately = last.filter(|day| days.contains(day)).count() + 1 >= LATELY;
    (hits >= SEEN_MIN && lately).then(|| (anchor, hits, share((hits, possible))))
}

/// Minutes since midnight at which a slot begins, and its day.
fn clock(grid: &Grid, index: usize) -> (i64, i64) {
    let at = grid.begin(index).as_millis();
    (at.rem_euclid(DAY_MS) / MINUTE_MS, at.div_euclid(DAY_MS))
}

/// How far two minutes of the day are apart, forwards from `one`; within ±12 hours.
fn apart(one: i64, other: i64) -> i64 {
    (other - one + 720).rem_euclid(1440) - 720
}

/// Bursts at the same time of the day.
fn by_time(grid: &Grid, bursts: &[Burst]) -> Vec<(i64, Vec<Burst>)> {
    let mut groups: Vec<(i64, Vec<Burst>)> = Vec::new();
    for burst in bursts {
        let (minute, _) = clock(grid, burst.from);
        let near = groups.iter_mut().filter(|(middle, _)| apart(*middle, minute).abs() <= NEAR_MINUTES);
        match near.min_by_key(|(middle, _)| apart(*middle, minute).abs()) {
            Some((middle, group)) => {
                group.push(*burst);
                let away = |burst: &Burst| apart(*middle, clock(grid, burst.from).0) as f64;
                #[allow(clippy::cast_possible_truncation)]
                let shift = median(&mut group.iter().map(away).collect::<Vec<_>>()).round() as i64;
                *middle = (*middle + shift).rem_euclid(1440);
            }
            None => groups.push((minute, vec![*burst])),
        }
    }
    groups
}

/// The shape of several bursts: slot by slot the median of those that begin at `begins`, by their heights.
fn shape(grid: &Grid, bursts: &[Burst], begins: impl Fn(&Burst) -> usize, length: usize) -> Vec<f64> {
    let at = |slot: usize| {
        median_of(bursts.iter().map(|burst| {
            let value = grid.values.get(begins(burst) + slot).copied().unwrap_or(f64::NAN);
            (value - burst.base) / burst.height
        }))
    };
    let mut shape: Vec<f64> = (0..length).map(at).collect();
    let top = shape.iter().copied().fold(0.0, f64::max);
    if top > 0.0 {
        for value in &mut shape {
            *value /= top;
        }
    }
    shape
}

/// A pattern of bursts that begin alike.
fn found(
    grid: &Grid,
    bursts: &[Burst],
    begins: impl Fn(&Burst) -> usize,
    anchor: Option<Anchor>,
    share: f64,
) -> Option<Found> {
    let length = median(&mut bursts.iter().map(|burst| burst.length as f64).collect::<Vec<_>>());
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
    let length = length.round() as usize;
    let shape = shape(grid, bursts, &begins, length);
    let point = |slot: usize| shape.get(slot).copied().unwrap_or_default();
    let margin = margin(Kind::FlashCrowd, length);
    let alike = bursts.iter().map(|burst| follows(grid, grid.begin(begins(burst)), point, length, margin).0);
    let newest = bursts.iter().map(&begins).max()?;
    let validity = (share * median_of(alike)).clamp(0.0, 1.0);
    (validity >= VALIDITY_MIN).then(|| Found {
        kind: if anchor.is_some() { Kind::BatchWindow } else { Kind::FlashCrowd },
        anchor,
        step: grid.slot(),
        level: median_of(bursts.iter().map(|burst| burst.base)) * grid.unit,
        scale: median_of(bursts.iter().map(|burst| burst.height)) * grid.unit,
        seen: u32::try_from(bursts.len()).unwrap_or(u32::MAX),
        seen_at: grid.begin(newest),
        validity,
        shape: kept(shape.into_iter()),
    })
}

/// The bursts of the median day, and what of the days belongs to them: where one burst runs into the next each day begins
/// another way, and only the median tells them apart.
fn of_the_median_day(grid: &Grid) -> (Vec<Found>, Vec<Burst>) {
    let (median, per_day) = (median_day(grid), grid.per_day());
    let (mut batches, mut taken) = (Vec::new(), Vec::new());
    for burst in bursts(&median).into_iter().filter(|burst| (per_day..2 * per_day).contains(&burst.from)) {
        let (minute, _) = clock(&median, burst.from);
        let Ok(minute) = u16::try_from(minute) else { continue };
        let shape = median.values.get(burst.from..burst.from + burst.length).unwrap_or_default();
        let point = |slot: usize| shape.get(slot).map_or(0.0, |value| (value - burst.base) / burst.height);
        let of_day = |day: i64| {
            let begin = Timestamp::from_millis(day * DAY_MS + i64::from(minute) * MINUTE_MS);
            let from = usize::try_from(begin.as_millis().div_euclid(grid.slot_ms) - grid.first).ok()?;
            let values = grid.values.get(from..from + burst.length)?.iter().filter(|value| !value.is_nan());
            let height = values.fold(f64::MIN, |most, value| most.max(*value)) - burst.base;
            let (alike, _) = follows(grid, begin, point, burst.length, margin(Kind::BatchWindow, burst.length));
            let came = alike >= ALIKE_MIN && height >= PART_MIN * burst.height;
            came.then_some((day, Burst { from, height, ..burst }))
        };
        let (first, last) = (grid.begin(0).as_millis(), grid.end().as_millis());
        let came: BTreeMap<i64, Burst> =
            (first.div_euclid(DAY_MS)..=last.div_euclid(DAY_MS)).filter_map(of_day).collect();
        let days: BTreeSet<i64> = came.keys().copied().collect();
        let Some((anchor, _, share)) = regular(grid, minute, &days) else { continue };
        let own: Vec<Burst> = came.into_iter().filter(|(day, _)| anchor.is_on(*day)).map(|(_, burst)| burst).collect();
        if let Some(found) = found(grid, &own, |burst| burst.from, Some(anchor), share) {
            batches.push(found);
            taken.extend(own);
        }
    }
    (batches, taken)
}

/// Batch windows and flash crowds.
pub(super) fn events(grid: &Grid) -> (Vec<Found>, Vec<Found>) {
    let (mut batches, taken) = of_the_median_day(grid);
    let mut others: Vec<Burst> = Vec::new();
    let mut bursts = bursts(grid);
    let apart_from =
        |one: &Burst, other: &Burst| one.from + one.length <= other.from || other.from + other.length <= one.from;
    // What else comes at that time is a batch that is not itself on that day, and no flash crowd.
    let times: Vec<i64> = batches.iter().filter_map(|one| one.anchor).map(|anchor| i64::from(anchor.minute)).collect();
    bursts.retain(|burst| {
        let (minute, _) = clock(grid, burst.from);
        taken.iter().all(|other| apart_from(burst, other))
            && times.iter().all(|time| apart(*time, minute).abs() > NEAR_MINUTES)
    });
    for (middle, group) in by_time(grid, &bursts) {
        let day = |burst: &Burst| {
            let (minute, day) = clock(grid, burst.from);
            // One that begins just after midnight, where the others begin just before, is of the day before.
            (minute, day - (middle + apart(middle, minute) - minute) / 1440)
        };
        let slot_minutes = grid.slot_ms / MINUTE_MS;
        let minute = u16::try_from(middle.div_euclid(slot_minutes) * slot_minutes).unwrap_or(0);
        let days: BTreeSet<i64> = group.iter().map(|burst| day(burst).1).collect();
        let regular = regular(grid, minute, &days);
        let Some((anchor, seen, share)) = regular else {
            others.extend(group);
            continue;
        };
        let own: Vec<Burst> = group.into_iter().filter(|burst| anchor.is_on(day(burst).1)).collect();
        // All at the time of the anchor, each a little off its own begin.
        let begins = |burst: &Burst| {
            let off = apart(clock(grid, burst.from).0, i64::from(minute)) / slot_minutes;
            usize::try_from(i64::try_from(burst.from).unwrap_or(0) + off).unwrap_or(0)
        };
        let found = found(grid, &own, begins, Some(anchor), share);
        batches.extend(found.map(|found| Found { seen: u32::try_from(seen).unwrap_or(u32::MAX), ..found }));
    }
    batches.sort_by(|one, other| {
        (other.seen, other.scale).partial_cmp(&(one.seen, one.scale)).unwrap_or(std::cmp::Ordering::Equal)
    });
    batches.truncate(BATCHES_MAX);
    (batches, crowds(grid, others))
}

/// Bursts of the same shape at any time: the one that most others are like is their middle.
fn crowds(grid: &Grid, mut bursts: Vec<Burst>) -> Vec<Found> {
    let slots_min = usize::try_from(CROWD_MIN_MS / grid.slot_ms).unwrap_or(0).max(SLOTS_MIN);
    bursts.retain(|burst| burst.length >= slots_min);
    bursts.sort_by_key(|burst| burst.from);
    bursts.drain(..bursts.len().saturating_sub(COMPARED_MAX));
    let mut crowds = Vec::new();
    while crowds.len() < CROWDS_MAX && bursts.len() >= 2 {
        let values = |burst: &Burst| grid.values.get(burst.from..burst.from + burst.length).unwrap_or_default();
        let like = |one: &Burst, other: &Burst| {
            let (short, long) = (one.length.min(other.length), one.length.max(other.length));
            long <= 2 * short && distance(values(one), values(other)) <= SAME_SHAPE
        };
        let alike = |one: &Burst| bursts.iter().map(|other| like(one, other)).collect::<Vec<_>>();
        let best = bursts.iter().map(alike).max_by_key(|alike| alike.iter().filter(|like| **like).count());
        let Some(best) = best.filter(|alike| alike.iter().filter(|like| **like).count() >= 2) else { break };
        let (own, rest): (Vec<_>, Vec<_>) = bursts.iter().zip(best).partition(|(_, like)| *like);
        let own: Vec<Burst> = own.into_iter().map(|(burst, _)| *burst).collect();
        bursts = rest.into_iter().map(|(burst, _)| *burst).collect();
        // Two may be alike by chance; ten are not.
        let sure = own.len() as f64 / (own.len() + 1) as f64;
        crowds.extend(found(grid, &own, |burst| burst.from, None, sure));
    }
    crowds
}
