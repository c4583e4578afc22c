//! Quantiles from the record: a histogram of scaled errors that forgets, and a level that adapts to what was missed.
//!
//! Split conformal prediction on recent errors, weighted by age; the quantile's level moves after each miss and each hit
//! (adaptive conformal inference, Gibbs and Candès 2021), so that coverage comes back after a shift.

use std::sync::LazyLock;

use crate::demand::packed::packed;

const BINS: usize = 64;
const HALF: f64 = (BINS / 2) as f64;
/// Bins for each e-fold of the error, away from zero.
const PER_FOLD: f64 = 6.5;
/// What the seed distribution counts, in errors.
const SEED: f64 = 12.0;

/// A distribution of errors that forgets.
#[derive(Debug, Clone)]
pub(crate) struct Histogram {
    bins: [f32; BINS],
    total: f32,
    /// The weight of the next error: grows instead of all others shrinking.
    next: f32,
    /// The error that the bins are centred on.
    width: f32,
    /// Mean size of errors.
    mean: f32,
    count: f32,
}

packed!(Histogram: bins, total, next, width, mean, count);
packed!(Adaptation: upper, lower);

/// Where each bin begins.
static EDGES: LazyLock<[f64; BINS + 1]> = LazyLock::new(|| std::array::from_fn(|bin| edge(bin as f64)));

fn edge(bin: f64) -> f64 {
    ((bin - HALF) / PER_FOLD).sinh()
}

fn place(x: f64) -> f64 {
    (HALF + x.asinh() * PER_FOLD).clamp(0.0, BINS as f64 - 1e-6)
}

impl Histogram {
    /// A histogram that believes errors of about `width` until it has seen some.
    pub(crate) fn new(width: f64) -> Self {
        let mut histogram = Self {
            bins: [0.0; BINS],
            total: SEED as f32,
            next: 1.0,
            width: (width * 0.25) as f32,
            mean: width as f32,
            count: 0.0,
        };
        // A logistic distribution of this mean size.
        let below = |x: f64| 1.0 / (1.0 + (-x * 1.386 / 4.0).exp());
        let mut before = 0.0;
        for (bin, mass) in histogram.bins.iter_mut().enumerate() {
            let until = if bin == BINS - 1 { 1.0 } else { below(edge(bin as f64 + 1.0)) };
            *mass = ((until - before) * SEED) as f32;
            before = until;
        }
        histogram
    }

    /// Notes an error, which counts as `stride` that are alike; `forget` is what a step takes of the others' weight.
    pub(crate) fn add(&mut self, error: f64, forget: f64, stride: f64) {
        if !error.is_finite() {
            return;
        }
        self.count = (self.count + 1.0).min(1e6);
        let gain = (forget * stride).max(1.0 / (f64::from(self.count) + 3.0));
        let mean = f64::from(self.mean);
        self.mean += (gain * (error.abs().min(20.0 * mean + 1e-9) - mean)) as f32;
        let ratio = f64::from(self.mean) * 0.25 / f64::from(self.width).max(1e-30);
        if !(0.4..=2.5).contains(&ratio) && self.mean > 1e-12 {
            self.rescale(ratio);
        }
        let bin = place(error / f64::from(self.width).max(1e-30)) as usize;
        let mass = self.next * stride as f32;
        self.bins[bin] += mass;
        self.total += mass;
        self.next /= (1.0 - forget * stride) as f32;
        if self.next > 1e4 {
            let factor = 1.0 / self.next;
            self.bins.iter_mut().for_each(|mass| *mass *= factor);
            self.total = self.bins.iter().sum();
            self.next = 1.0;
        }
    }

    /// Makes the bins `ratio` times as wide.
    fn rescale(&mut self, ratio: f64) {
        let mut bins = [0.0_f32; BINS];
        for (bin, mass) in self.bins.iter().enumerate().filter(|(_, mass)| **mass > 0.0) {
            let from = place(edge(bin as f64) / ratio);
            let to = place(edge(bin as f64 + 1.0) / ratio);
            let (first, last) = (from as usize, (to as usize).min(BINS - 1));
            if first == last {
                bins[first] += mass;
                continue;
            }
            for (target, kept) in bins.iter_mut().enumerate().take(last + 1).skip(first) {
                let part = (to.min(target as f64 + 1.0) - from.max(target as f64)).max(0.0) / (to - from);
                *kept += mass * part as f32;
            }
        }
        self.bins = bins;
        self.width = (f64::from(self.width) * ratio) as f32;
    }

    /// The error that a share `level` of errors does not exceed.
    pub(crate) fn quantile(&self, level: f64) -> f64 {
        let wanted = level.clamp(0.0, 1.0) * f64::from(self.total);
        let mut sum = 0.0;
        for (bin, mass) in self.bins.iter().enumerate() {
            let mass = f64::from(*mass);
            if sum + mass >= wanted && mass > 0.0 {
                let way = (wanted - sum) / mass;
                let (from, to) = (EDGES[bin], EDGES[bin + 1]);
                return (from + (to - from) * way) * f64::from(self.width);
            }
            sum += mass;
        }
        EDGES[BINS] * f64::from(self.width)
    }

    /// Mean size of errors.
    pub(crate) fn mean(&self) -> f64 {
        f64::from(self.mean)
    }
}

/// How the levels of the quantiles are moved by what was missed, at one anchor.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Adaptation {
    /// Added to 0.9, and by its share to other levels above the median.
    pub(crate) upper: f32,
    /// Taken from 0.1.
    pub(crate) lower: f32,
}

impl Adaptation {
    pub(crate) const NEW: Self = Self { upper: 0.0, lower: 0.0 };

    /// The level to ask the histogram for, for a wanted coverage of `level`.
    pub(crate) fn level(self, level: f64) -> f64 {
        // What p90 gains or loses in share missed, levels further out gain or lose in proportion to their own; towards
        // the median it fades.
        let (upper, lower) = (f64::from(self.upper) / 0.1, f64::from(self.lower) / 0.1);
        let moved = if level >= 0.9 {
            1.0 - (1.0 - level) * (1.0 - upper)
        } else if level <= 0.1 {
            level * (1.0 - lower)
        } else if level >= 0.5 {
            level + 0.1 * upper * (level - 0.5) / 0.4
        } else {
            level - 0.1 * lower * (0.5 - level) / 0.4
        };
        moved.clamp(0.002, 0.998)
    }

    /// Notes whether a step was above p90 or below p10; that moves the level by `gain`.
    pub(crate) fn note(&mut self, above: bool, below: bool, gain: f64) {
        let gain = gain as f32;
        let (above, below) = (f32::from(u8::from(above)), f32::from(u8::from(below)));
        self.upper = (self.upper + gain * (above - 0.1)).clamp(-0.1, 0.09);
        self.lower = (self.lower + gain * (below - 0.1)).clamp(-0.1, 0.09);
    }
}
