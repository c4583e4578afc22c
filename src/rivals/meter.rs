//! What a scaler's metrics pipeline makes of the samples before the scaler sees them.

use std::collections::VecDeque;
use std::time::Duration;

use crate::time::Timestamp;

/// Samples that are held at most: an hour's window of 15 s samples is 240.
const SAMPLES_MAX: usize = 1024;

/// The newest samples, as far back as the window reaches.
#[derive(Debug, Clone)]
pub(super) struct Meter {
    window: Duration,
    /// Oldest first; those without a value are not here.
    samples: VecDeque<(Timestamp, f64)>,
}

impl Meter {
    /// `window` is how far back a sample counts, from the moment at which the meter is read.
    pub(super) fn new(window: Duration) -> Self {
        Self { window, samples: VecDeque::new() }
    }

    pub(super) fn observe(&mut self, at: Timestamp, value: Option<f64>) {
        while self.samples.front().is_some_and(|(old, _)| *old + self.window <= at) || self.samples.len() >= SAMPLES_MAX
        {
            self.samples.pop_front();
        }
        if let Some(value) = value.filter(|value| value.is_finite() && *value >= 0.0) {
            self.samples.push_back((at, value));
        }
    }

    /// The newest sample within the window: a gauge.
    pub(super) fn newest(&self, now: Timestamp) -> Option<f64> {
        self.samples.back().filter(|(at, _)| *at + self.window > now).map(|(_, value)| *value)
    }

    /// The mean over the window as `rate(counter[window])` gives it: what lies between the first and the last scrape
    /// in it, so the first sample, which speaks for the time before it, doesn't count where there is a second one.
    pub(super) fn rate(&self, now: Timestamp) -> Option<f64> {
        let mut within = self.samples.iter().filter(|(at, _)| *at + self.window > now).map(|(_, value)| *value);
        let first = within.next()?;
        let (sum, count) = within.fold((0.0, 0_u32), |(sum, count), value| (sum + value, count + 1));
        Some(if count == 0 { first } else { sum / f64::from(count) })
    }
}

/// Something that is done every so often, counted from a first time.
#[derive(Debug, Clone, Copy)]
pub(super) struct Beat {
    period: Duration,
    next: Timestamp,
}

impl Beat {
    pub(super) fn new(first: Timestamp, period: Duration) -> Self {
        Self { period, next: first }
    }

    pub(super) fn next(&self) -> Timestamp {
        self.next
    }

    /// Whether it is time; beats that were missed are not made up for.
    pub(super) fn take(&mut self, now: Timestamp) -> bool {
        if now < self.next {
            return false;
        }
        let late = now.since(self.next).as_millis() / self.period.as_millis().max(1);
        let beats = u32::try_from(late).unwrap_or(u32::MAX).saturating_add(1);
        self.next = self.next + self.period.saturating_mul(beats);
        true
    }
}
