//! The fast lane: what is done on every step, in microseconds.
//!
//! Cheap experts and a linear combiner forecast each anchor horizon directly; their recent errors give their weights, and
//! the errors of the mixture give the quantiles. All numbers here are in the history's units.

#![allow(
    clippy::cast_possible_truncation,
    clippy::cast_possible_wrap,
    clippy::cast_sign_loss,
    clippy::needless_range_loop,
    reason = "anchors are few, and what is kept is kept in 32 bits; matrices read best with indices"
)]

pub(crate) mod calibration;
pub(crate) mod hours;
pub(crate) mod lane;
pub(crate) mod levels;
pub(crate) mod mixing;
pub(crate) mod profile;
pub(crate) mod regression;
pub(crate) mod rows;

/// How many steps ahead forecasts are learned; between them all is interpolated. Direct forecasts do not compound their
/// errors, and sixty models are not needed for sixty minutes.
pub(crate) const ANCHORS: [usize; 10] = [1, 2, 3, 5, 8, 12, 20, 30, 45, 60];

/// The farthest anchor.
pub(crate) const REACH: usize = 60;

/// The anchors around `ahead` steps, and how far it is on its way from the first to the second.
pub(crate) fn between(ahead: usize) -> (usize, usize, f64) {
    let upper = ANCHORS.iter().position(|anchor| *anchor >= ahead).unwrap_or(ANCHORS.len() - 1);
    let lower = if ANCHORS[upper] <= ahead { upper } else { upper.saturating_sub(1) };
    let (from, to) = (ANCHORS[lower] as f64, ANCHORS[upper] as f64);
    let way = if to > from { (ahead as f64 - from) / (to - from) } else { 0.0 };
    (lower, upper, way)
}

/// A number on the line from `from` to `to`.
pub(crate) fn lerp(from: f64, to: f64, way: f64) -> f64 {
    from + (to - from) * way
}

/// Per step decay of a memory that halves within `half_life` steps.
pub(crate) fn decay(half_life: f64) -> f64 {
    0.5_f64.powf(1.0 / half_life.max(1e-9))
}

/// What a step takes of a memory that halves within `half_life` steps: one less [`decay`], for many steps.
pub(crate) fn forgotten(half_life: f64) -> f64 {
    std::f64::consts::LN_2 / half_life
}
