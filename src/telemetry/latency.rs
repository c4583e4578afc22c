//! Latencies: recorded from any thread into a few histograms, read as quantiles or as Prometheus buckets.
//!
//! A histogram of 1 µs to 60 s with two digits takes some 20 KB, so a stage has one for each stripe and none
//! is ever made for a series or a workload. Buckets are cut from it when `/metrics` is read; a value may count towards
//! a neighbouring bucket where it lies within 1 % of the bound.

use std::cell::Cell;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering::Relaxed};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use hdrhistogram::Histogram;

/// Upper bounds of the buckets that `/metrics` shows, in seconds: 1-2.5-5 steps from 10 µs to 10 s, with 100 ms
/// and below in most detail, for 10 ms from sample to decision is what we promise.
pub const BOUNDS: [f64; 19] = [
    0.000_01, 0.000_025, 0.000_05, 0.000_1, 0.000_25, 0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25,
    0.5, 1.0, 2.5, 5.0, 10.0,
];

/// Nanoseconds that are told apart from 0, and the longest; what is longer counts as the longest.
const SHORTEST: u64 = 1_000;
const LONGEST: u64 = 60_000_000_000;
/// Decimal digits that a recorded value keeps.
const DIGITS: u8 = 2;
/// Threads that record at the same time rarely share a stripe; we run on a few cores.
const STRIPES: usize = 4;

/// The latencies of one stage.
#[derive(Debug)]
pub struct Latency {
    stripes: [Mutex<Histogram<u64>>; STRIPES],
    /// The exact sum, in nanoseconds; the histogram's own would be rounded.
    sum: AtomicU64,
}

impl Latency {
    /// Records one duration. It takes a lock that is all but never contended, and allocates nothing.
    pub fn record(&self, duration: Duration) {
        let nanos = u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX).min(LONGEST);
        if let Some(stripe) = self.stripes.get(stripe() % STRIPES) {
            lock(stripe).saturating_record(nanos);
        }
        self.sum.fetch_add(nanos, Relaxed);
    }

    /// What has been recorded since the start.
    #[must_use]
    pub fn snapshot(&self) -> Snapshot {
        let mut all = histogram();
        for stripe in &self.stripes {
            all.add(&*lock(stripe)).expect("stripes have equal bounds");
        }
        Snapshot { histogram: all, sum: Duration::from_nanos(self.sum.load(Relaxed)) }
    }
}

impl Default for Latency {
    fn default() -> Self {
        Self { stripes: std::array::from_fn(|_| Mutex::new(histogram())), sum: AtomicU64::new(0) }
    }
}

/// The latencies of one stage, at one time.
#[derive(Debug, Clone)]
pub struct Snapshot {
    histogram: Histogram<u64>,
    sum: Duration,
}

impl Snapshot {
    /// How many were recorded.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.histogram.len()
    }

    /// All of them, one after the other.
    #[must_use]
    pub fn sum(&self) -> Duration {
        self.sum
    }

    /// The duration that the part `quantile` (0.99 is 99 %) did not exceed; zero where nothing was recorded.
    #[must_use]
    pub fn quantile(&self, quantile: f64) -> Duration {
        Duration::from_nanos(self.histogram.value_at_quantile(quantile))
    }

    /// The longest.
    #[must_use]
    pub fn max(&self) -> Duration {
        Duration::from_nanos(self.histogram.max())
    }

    /// For each of [`BOUNDS`], how many did not exceed it.
    pub fn buckets(&self) -> impl Iterator<Item = (f64, u64)> {
        BOUNDS.iter().map(|&bound| (bound, self.not_above(Duration::from_secs_f64(bound))))
    }

    fn not_above(&self, bound: Duration) -> u64 {
        let nanos = u64::try_from(bound.as_nanos()).unwrap_or(LONGEST).min(LONGEST);
        if self.histogram.is_empty() { 0 } else { self.histogram.count_between(0, nanos) }
    }
}

/// One stage each.
#[derive(Debug, Default)]
pub struct Latencies {
    /// From the head of a remote-write request until there was room for its body.
    pub admission: Latency,
    /// From the last byte of a remote-write body to its answer.
    pub request: Latency,
    /// From the arrival of a sample to the decision made from it.
    pub sample_to_decision: Latency,
    /// One evaluation of one rule.
    pub evaluation: Latency,
    /// One attempt to scale a workload.
    pub action: Latency,
    /// One transaction of the journal.
    pub journal: Latency,
    /// One attempt to tell somebody, which went well.
    pub notification: Latency,
}

fn histogram() -> Histogram<u64> {
    Histogram::new_with_bounds(SHORTEST, LONGEST, DIGITS).expect("the constants above are valid bounds")
}

/// A histogram is never left half-written, so a poisoned lock holds a good one.
fn lock(stripe: &Mutex<Histogram<u64>>) -> MutexGuard<'_, Histogram<u64>> {
    stripe.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The number of the calling thread, counted from the first that recorded anything.
fn stripe() -> usize {
    static NEXT: AtomicUsize = AtomicUsize::new(0);
    thread_local!(static OWN: Cell<Option<usize>> = const { Cell::new(None) });
    OWN.with(|own| {
        let number = own.get().unwrap_or_else(|| NEXT.fetch_add(1, Relaxed));
        own.set(Some(number));
        number
    })
}
