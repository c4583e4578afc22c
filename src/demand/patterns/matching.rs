//! Whether the recent minutes look like a pattern, and what it says comes next.
//!
//! A pattern with a time is laid where it belongs; a flash crowd is tried at each begin that it may have had. `level` and
//! `scale` are fitted to what was seen, the scale held by the one that was learned until enough of the shape has shown.
//! What then remains, as a part of how the values move, is the distance: of a shape that moves it is that of the
//! z-normalised series (E. Keogh and S. Kasetty, "On the need for time series data mining benchmarks", 2003). A flash
//! crowd must be near by dynamic time warping too, which forgives a begin that is a step off.

use std::sync::Arc;
use std::time::Duration;

use augurs::dtw::Dtw;

use super::stats::{Pairs, median_of};
use super::{Kind, Pattern, Stretch};
use crate::time::Timestamp;

/// Up to this distance it is the pattern: the shape explains three quarters of what moves.
pub const DISTANCE_MAX: f64 = 0.5;
/// How much of the recent past a profile is laid over.
const PROFILE_SPAN: Duration = Duration::from_hours(6);
/// How much before an event is looked at, for the level that it rises from.
const LEAD: Duration = Duration::from_mins(30);
/// An event with a time is told this long before it begins.
const COMING: Duration = Duration::from_hours(1);
/// Points that are compared, at most.
const POINTS_MAX: usize = 96;
/// Points of an event that must have been seen.
const POINTS_MIN: usize = 4;
/// What the learned scale weighs, in parts of the whole shape's variance.
const HELD: f64 = 0.1;
/// A scale is that of the pattern within these factors.
const SCALES: (f64, f64) = (0.25, 4.0);
/// How much of a flash crowd's height must have shown.
const RISE_MIN: f64 = 0.3;
/// What the newest value is off the fit fades with this time.
const FADES: Duration = Duration::from_mins(15);
/// How far time may be warped, in points.
const WARP: usize = 2;

/// A pattern that the recent minutes look like.
#[derive(Debug, Clone, PartialEq)]
pub struct Match {
    pub pattern: Arc<Pattern>,
    /// When it began, or will.
    pub begins_at: Timestamp,
    /// Up to when values were seen.
    pub seen_until: Timestamp,
    /// How far from it they are: 0 is the pattern itself; at most [`DISTANCE_MAX`].
    pub distance: f64,
    /// `demand = level + scale · shape`, as fitted to what was seen, in the metric's unit.
    pub level: f64,
    pub scale: f64,
    /// How far the newest values are off.
    pub off: f64,
    /// Nothing was negative, so nothing will be.
    pub positive: bool,
}

impl Match {
    /// Whether it has begun.
    #[must_use]
    pub fn has_begun(&self) -> bool {
        self.begins_at < self.seen_until
    }

    /// How much its word weighs, 0 to 1: what it has been worth, by how near it is.
    #[must_use]
    pub fn weight(&self) -> f64 {
        self.pattern.validity * (1.0 - self.distance)
    }
}

/// The expected means of the next `count` steps after what was seen.
#[must_use]
pub fn continuation(found: &Match, step: Duration, count: usize) -> Vec<f64> {
    let mut at = found.seen_until + step / 2;
    let mut fading = found.off;
    let fade = (-step.as_secs_f64() / FADES.as_secs_f64()).exp();
    let next = |_| {
        let expected = found.level + found.scale * shape_at(&found.pattern, found.begins_at, at) + fading;
        at = at + step;
        fading *= fade;
        let expected = if found.positive { expected.max(0.0) } else { expected };
        if expected.is_finite() { expected } else { found.level }
    };
    (0..count).map(next).collect()
}

/// The shape at a time; 0 before an event begins.
fn shape_at(pattern: &Pattern, begins_at: Timestamp, at: Timestamp) -> f64 {
    if at < begins_at { 0.0 } else { pattern.at(at.since(begins_at)) }
}

/// The distance of two series by dynamic time warping, both z-normalised, a point each: 0 is the same shape, some 1.4 no
/// likeness at all. Infinite where one is empty; what is missing takes the value before it.
#[must_use]
pub fn distance(one: &[f64], other: &[f64]) -> f64 {
    let (one, other) = (normal(one), normal(other));
    if one.is_empty() || other.is_empty() {
        return f64::INFINITY;
    }
    Dtw::euclidean().with_window(WARP).distance(&one, &other) / (one.len().max(other.len()) as f64).sqrt()
}

/// Mean 0, deviation 1, without gaps.
fn normal(values: &[f64]) -> Vec<f64> {
    let sums = Pairs::of(values.iter().copied(), values.iter().copied());
    let deviation = sums.var_x.sqrt();
    let mut last = 0.0;
    let next = |value: &f64| {
        if value.is_finite() && deviation > 0.0 && deviation.is_finite() {
            last = (value - sums.mean_x) / deviation;
        }
        last
    };
    values.iter().map(next).collect()
}

/// The recent past at a coarser step, newest last.
struct Recent {
    step: Duration,
    end: Timestamp,
    values: Vec<f64>,
    /// What 1 stands for.
    unit: f64,
}

impl Recent {
    /// The last `span` of it in [`POINTS_MAX`] points or less.
    fn of(stretch: &Stretch<'_>, span: Duration) -> Option<Self> {
        let step_ms = stretch.step.as_millis().max(1);
        let wanted = usize::try_from(span.as_millis().div_ceil(step_ms)).ok()?.clamp(1, stretch.values.len().max(1));
        let ratio = wanted.div_ceil(POINTS_MAX);
        // All chunks are whole, the newest ends at the end.
        let wanted = wanted / ratio * ratio;
        let newest = stretch.values.get(stretch.values.len().checked_sub(wanted)?..)?;
        let known = |value: &&f64| value.is_finite() && value.abs() <= 1e290;
        let unit = newest.iter().filter(known).fold(0.0_f64, |unit, value| unit.max(value.abs()));
        let mean = |chunk: &[f64]| {
            let (sum, count) =
                chunk.iter().filter(known).fold((0.0, 0.0), |(sum, count), value| (sum + value / unit, count + 1.0));
            if count > 0.0 { sum / count } else { f64::NAN }
        };
        (unit > 0.0).then(|| Self {
            step: stretch.step.saturating_mul(u32::try_from(ratio).unwrap_or(u32::MAX)),
            end: stretch.end(),
            values: newest.chunks(ratio).map(mean).collect(),
            unit,
        })
    }

    /// The middle of the point at an index.
    fn middle(&self, index: usize) -> Timestamp {
        let back = u32::try_from(self.values.len().saturating_sub(index)).unwrap_or(u32::MAX);
        self.end - self.step.saturating_mul(back) + self.step / 2
    }

    /// The newest `count` values with what a pattern that begins at `begins_at` has there.
    fn pairs(&self, pattern: &Pattern, begins_at: Timestamp, count: usize) -> (Vec<f64>, Vec<f64>) {
        let from = self.values.len().saturating_sub(count);
        let values = self.values.get(from..).unwrap_or_default().to_vec();
        let shape = (from..self.values.len()).map(|index| shape_at(pattern, begins_at, self.middle(index)));
        (values, shape.collect())
    }
}

/// A pattern laid over values.
struct Fit {
    level: f64,
    scale: f64,
    distance: f64,
    off: f64,
}

/// Lays a shape over values; `usual` is the scale that was learned, `variance` that of the whole shape.
fn fit(values: &[f64], shape: &[f64], usual: f64, variance: f64) -> Option<Fit> {
    let sums = Pairs::of(shape.iter().copied(), values.iter().copied());
    if sums.count < POINTS_MIN as f64 || !(usual > 0.0 && usual.is_finite()) {
        return None;
    }
    let held = HELD * variance;
    let scale = (sums.covariance + held * usual) / (sums.var_x + held).max(f64::MIN_POSITIVE);
    let scale = scale.clamp(SCALES.0 * usual, SCALES.1 * usual);
    let level = sums.mean_y - scale * sums.mean_x;
    let left = |(value, shape): (&f64, &f64)| value - level - scale * shape;
    let errors: Vec<f64> = values.iter().zip(shape).map(left).filter(|error| !error.is_nan()).collect();
    let error = (errors.iter().map(|error| error * error).sum::<f64>() / sums.count).sqrt();
    let moved = sums.var_y.sqrt().max(SCALES.0 * scale);
    let newest = errors.get(errors.len().saturating_sub(3)..).unwrap_or_default();
    Some(Fit { level, scale, distance: error / moved, off: median_of(newest.iter().copied()) })
}

/// How much a pattern moves, in its scale: an event with as much rest beside it, for a plateau moves at its edges.
fn variance(pattern: &Pattern) -> f64 {
    let rest = if pattern.kind.is_profile() { 0 } else { pattern.shape.len() };
    let points = pattern.shape.iter().map(|point| f64::from(*point)).chain(std::iter::repeat_n(0.0, rest));
    Pairs::of(points.clone(), points).var_x
}

fn matched(pattern: &Arc<Pattern>, recent: &Recent, begins_at: Timestamp, fit: &Fit) -> Match {
    Match {
        pattern: Arc::clone(pattern),
        begins_at,
        seen_until: recent.end,
        distance: fit.distance,
        level: fit.level * recent.unit,
        scale: fit.scale * recent.unit,
        off: fit.off * recent.unit,
        positive: recent.values.iter().all(|value| value.is_nan() || *value >= 0.0),
    }
}

/// Whether the recent past looks like a pattern now.
pub(super) fn look(pattern: &Arc<Pattern>, stretch: &Stretch<'_>) -> Option<Match> {
    let now = stretch.end();
    match pattern.anchor {
        None => surge(pattern, stretch),
        Some(anchor) => {
            let begun = anchor.last(now).filter(|at| pattern.kind.is_profile() || now < *at + pattern.length());
            // It holds itself for soon as long as nothing is under way.
            let begins_at = begun.or_else(|| anchor.next(now).filter(|at| *at <= now + COMING))?;
            let span = if pattern.kind.is_profile() { PROFILE_SPAN } else { now.since(begins_at) + LEAD };
            let recent = Recent::of(stretch, span)?;
            let (values, shape) = recent.pairs(pattern, begins_at, recent.values.len());
            let shape = if pattern.kind.is_profile() { around(pattern, &recent, begins_at) } else { shape };
            let fit = fit(&values, &shape, pattern.scale / recent.unit, variance(pattern))?;
            (fit.distance <= DISTANCE_MAX).then(|| matched(pattern, &recent, begins_at, &fit))
        }
    }
}

/// A profile's points, before its begin too: it is the end of the cycle before.
fn around(pattern: &Pattern, recent: &Recent, begins_at: Timestamp) -> Vec<f64> {
    let begin = begins_at - pattern.length();
    (0..recent.values.len()).map(|index| pattern.at(recent.middle(index).since(begin))).collect()
}

/// A flash crowd: the begin at which it fits best.
fn surge(pattern: &Arc<Pattern>, stretch: &Stretch<'_>) -> Option<Match> {
    let recent = Recent::of(stretch, pattern.length() + LEAD)?;
    let (usual, whole) = (pattern.scale / recent.unit, variance(pattern));
    let lead = usize::try_from(LEAD.as_millis() / recent.step.as_millis().max(1)).unwrap_or(0).clamp(1, 6);
    let mut best: Option<(Timestamp, Fit)> = None;
    for count in POINTS_MIN..=recent.values.len().saturating_sub(lead) {
        let begins_at = recent.end - recent.step.saturating_mul(u32::try_from(count).unwrap_or(u32::MAX));
        if recent.end >= begins_at + pattern.length() {
            break;
        }
        let (values, shape) = recent.pairs(pattern, begins_at, count + lead);
        let risen = shape.iter().copied().fold(0.0, f64::max) >= RISE_MIN;
        let sums = Pairs::of(shape.iter().copied(), values.iter().copied());
        // What does not rise by itself would be lent its rise by the scale that was learned.
        if !risen || sums.covariance < SCALES.0 * usual * sums.var_x {
            continue;
        }
        let Some(fit) = fit(&values, &shape, usual, whole) else { continue };
        if fit.distance <= DISTANCE_MAX && best.as_ref().is_none_or(|(_, best)| fit.distance < best.distance) {
            best = Some((begins_at, fit));
        }
    }
    let (begins_at, fit) = best?;
    let count = usize::try_from(recent.end.since(begins_at).as_millis() / recent.step.as_millis().max(1)).ok()? + lead;
    let (values, shape) = recent.pairs(pattern, begins_at, count);
    (distance(&values, &shape) <= DISTANCE_MAX).then(|| matched(pattern, &recent, begins_at, &fit))
}

/// The match whose word counts for the time to come: an event before a course, the week (which is known only where it
/// tells more) before the day, the weightier before the lighter.
#[must_use]
pub fn best(matches: &[Match]) -> Option<&Match> {
    let rank = |one: &Match| match one.pattern.kind {
        Kind::BatchWindow | Kind::FlashCrowd => 3,
        Kind::Ramp => 2,
        Kind::Weekly => 1,
        Kind::Daily => 0,
    };
    matches.iter().max_by(|one, other| rank(one).cmp(&rank(other)).then(one.weight().total_cmp(&other.weight())))
}
