//! Functions over counters and gauges that look at how much a series moved: the family of `rate`.

#![allow(clippy::unnecessary_wraps, reason = "functions of the table share one signature")]

use super::stretch::{Stretch, seconds};
use crate::sample::Sample;

/// A series that does not reach within this many sample spacings of an end of the range is taken to begin or end
/// there.
const GAP_SPACINGS: f64 = 1.1;

/// Per-second growth of a counter.
pub(super) fn rate(stretch: &mut Stretch<'_>, _: &[f64]) -> Option<f64> {
    let (moved, factor) = extrapolated(stretch, true)?;
    Some(moved * (factor / seconds(stretch.range.start, stretch.range.end)))
}

/// Growth of a counter over the range.
pub(super) fn increase(stretch: &mut Stretch<'_>, _: &[f64]) -> Option<f64> {
    extrapolated(stretch, true).map(|(moved, factor)| moved * factor)
}

/// Movement of a gauge over the range.
pub(super) fn delta(stretch: &mut Stretch<'_>, _: &[f64]) -> Option<f64> {
    extrapolated(stretch, false).map(|(moved, factor)| moved * factor)
}

/// Per-second growth of a counter between its last two samples.
pub(super) fn irate(stretch: &mut Stretch<'_>, _: &[f64]) -> Option<f64> {
    let (before, last) = last_two(stretch)?;
    let elapsed = seconds(before.at, last.at);
    // After a reset all of the last value is growth.
    let growth = if last.value < before.value { last.value } else { last.value - before.value };
    (elapsed > 0.0).then_some(growth / elapsed)
}

/// Movement of a gauge between its last two samples.
pub(super) fn idelta(stretch: &mut Stretch<'_>, _: &[f64]) -> Option<f64> {
    let (before, last) = last_two(stretch)?;
    (before.at < last.at).then_some(last.value - before.value)
}

/// How often a counter fell.
pub(super) fn resets(stretch: &mut Stretch<'_>, _: &[f64]) -> Option<f64> {
    Some(stretch.steps().filter(|(before, after)| after < before).count() as f64)
}

/// How often a value changed; NaN after NaN is no change.
pub(super) fn changes(stretch: &mut Stretch<'_>, _: &[f64]) -> Option<f64> {
    let changed = |(before, after): &(f64, f64)| before != after && !(before.is_nan() && after.is_nan());
    Some(stretch.steps().filter(changed).count() as f64)
}

fn last_two<'a>(stretch: &Stretch<'a>) -> Option<(&'a Sample, &'a Sample)> {
    match stretch.samples {
        [.., before, last] => Some((before, last)),
        _ => None,
    }
}

/// The movement between the first and the last sample, and the factor that stretches it to the ends of the range.
///
/// Each side is stretched all the way where a sample lies close enough to it, else by half the mean spacing of
/// samples; a counter that rose is stretched back no further than to where it would have been zero.
fn extrapolated(stretch: &mut Stretch<'_>, counter: bool) -> Option<(f64, f64)> {
    // With one sample the series is there and says nothing.
    stretch.covered = 0.0;
    let [first, .., last] = stretch.samples else { return None };
    let sampled = seconds(first.at, last.at);
    if sampled <= 0.0 {
        return None;
    }
    let mut moved = last.value - first.value;
    if counter {
        moved += lost_in_resets(stretch.samples);
    }
    let spacing = sampled / (stretch.samples.len() - 1) as f64;
    let within = |gap: f64| if gap >= spacing * GAP_SPACINGS { spacing / 2.0 } else { gap };
    let mut to_start = within(seconds(stretch.range.start, first.at));
    let mut unsaid = seconds(stretch.range.start, first.at) - to_start;
    if counter && moved > 0.0 && first.value >= 0.0 {
        let to_zero = sampled * (first.value / moved);
        if to_zero <= to_start {
            // It began within the range, so there is nothing before.
            (to_start, unsaid) = (to_zero, 0.0);
        }
    }
    let to_end = within(seconds(last.at, stretch.range.end));
    unsaid += seconds(last.at, stretch.range.end) - to_end;
    stretch.covered = 1.0 - unsaid / seconds(stretch.range.start, stretch.range.end);
    Some((moved, (sampled + to_start + to_end) / sampled))
}

/// What a counter had counted before each of its resets, summed.
fn lost_in_resets(samples: &[Sample]) -> f64 {
    let falls = samples.windows(2).filter(|pair| pair[1].value < pair[0].value);
    falls.map(|pair| pair[0].value).sum()
}
