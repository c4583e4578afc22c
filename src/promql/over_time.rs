//! Functions that make one number of the values inside a range: `avg_over_time` and its like.

#![allow(clippy::unnecessary_wraps, reason = "functions of the table share one signature")]

use super::quantile::quantile;
use super::stretch::Stretch;
use super::sums::{Mean, Sum, Variance};

pub(super) fn avg(stretch: &mut Stretch<'_>, _: &[f64]) -> Option<f64> {
    let mut mean = Mean::default();
    stretch.values().for_each(|value| mean.add(value));
    Some(mean.mean())
}

pub(super) fn sum(stretch: &mut Stretch<'_>, _: &[f64]) -> Option<f64> {
    stretch.note_silence();
    let mut sum = Sum::default();
    stretch.values().for_each(|value| sum.add(value));
    Some(sum.total())
}

pub(super) fn count(stretch: &mut Stretch<'_>, _: &[f64]) -> Option<f64> {
    stretch.note_silence();
    Some(stretch.samples.len() as f64)
}

/// The smallest value; NaN only where there is nothing else.
pub(super) fn min(stretch: &mut Stretch<'_>, _: &[f64]) -> Option<f64> {
    stretch.values().reduce(f64::min)
}

/// The largest value; NaN only where there is nothing else.
pub(super) fn max(stretch: &mut Stretch<'_>, _: &[f64]) -> Option<f64> {
    stretch.values().reduce(f64::max)
}

pub(super) fn first(stretch: &mut Stretch<'_>, _: &[f64]) -> Option<f64> {
    stretch.samples.first().map(|sample| sample.value)
}

pub(super) fn last(stretch: &mut Stretch<'_>, _: &[f64]) -> Option<f64> {
    stretch.samples.last().map(|sample| sample.value)
}

pub(super) fn present(_: &mut Stretch<'_>, _: &[f64]) -> Option<f64> {
    Some(1.0)
}

pub(super) fn quantile_of(stretch: &mut Stretch<'_>, args: &[f64]) -> Option<f64> {
    let sorted = &mut *stretch.sorted;
    sorted.clear();
    sorted.extend(stretch.samples.iter().map(|sample| sample.value));
    Some(quantile(*args.first()?, sorted))
}

pub(super) fn stdvar(stretch: &mut Stretch<'_>, _: &[f64]) -> Option<f64> {
    let mut variance = Variance::default();
    stretch.values().for_each(|value| variance.add(value));
    Some(variance.variance())
}

pub(super) fn stddev(stretch: &mut Stretch<'_>, args: &[f64]) -> Option<f64> {
    stdvar(stretch, args).map(f64::sqrt)
}
