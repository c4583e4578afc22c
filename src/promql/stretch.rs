//! What a range function sees: the samples of one series inside its range.

use crate::sample::Sample;
use crate::time::{Range, Timestamp};

/// One series inside a range. Staleness markers are gone, and there is at least one sample.
#[derive(Debug)]
pub(super) struct Stretch<'a> {
    /// Oldest first.
    pub(super) samples: &'a [Sample],
    /// What was asked for; the samples need not reach its ends.
    pub(super) range: Range,
    /// When the expression is evaluated; with an offset it lies outside the range.
    pub(super) at: Timestamp,
    /// Room to sort values in.
    pub(super) sorted: &'a mut Vec<f64>,
}

impl Stretch<'_> {
    pub(super) fn values(&self) -> impl Iterator<Item = f64> {
        self.samples.iter().map(|sample| sample.value)
    }

    /// Each sample's value with the one after it.
    pub(super) fn steps(&self) -> impl Iterator<Item = (f64, f64)> {
        self.samples.windows(2).map(|pair| (pair[0].value, pair[1].value))
    }
}

/// Seconds from one time to another, negative where the other is earlier.
pub(super) fn seconds(from: Timestamp, to: Timestamp) -> f64 {
    to.as_millis().saturating_sub(from.as_millis()) as f64 / 1000.0
}
