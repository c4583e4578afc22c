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
    /// How much of the range the samples speak for, 0 to 1. A function sets it whose result is too small where
    /// samples are missing at an end of the range: because a source has gone silent, or has just begun.
    pub(super) covered: f64,
}

impl Stretch<'_> {
    pub(super) fn values(&self) -> impl Iterator<Item = f64> {
        self.samples.iter().map(|sample| sample.value)
    }

    /// Notes what is missing at the end of the range, for functions whose result grows with the number of samples.
    pub(super) fn note_silence(&mut self) {
        let [first, .., last] = self.samples else { return };
        let spacing = seconds(first.at, last.at) / (self.samples.len() - 1) as f64;
        let silence = (seconds(last.at, self.range.end) - spacing).max(0.0);
        self.covered = 1.0 - silence / seconds(self.range.start, self.range.end);
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
