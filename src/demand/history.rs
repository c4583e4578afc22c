//! What a workload's demand has been: two days step by step, four weeks in means of five minutes.
//!
//! In: samples at any cadence, early, late or missing. Out: the mean of any step that is remembered, NaN where nothing
//! is known (a gap is never a zero). Steps are numbered from the Unix epoch (`number · step` is when one begins), so that
//! yesterday is a subtraction. Values are kept as multiples of a unit that follows the data, so that demand of 10⁻³⁰⁰ or
//! 10³⁰⁰ keeps its digits: steps in 32 bits, means in 16. At a step of a minute the rings take 27.6 kB.

#![allow(
    clippy::cast_possible_truncation,
    clippy::cast_possible_wrap,
    clippy::cast_sign_loss,
    reason = "rings are short, and numbers of steps fit what they are kept in"
)]

mod reading;

use std::time::Duration;

use super::half;
use super::packed::{Cursor, Packed, packed};
use crate::time::Timestamp;

/// Steps that are remembered one by one, at most: two days of minutes.
const FINE_MAX: usize = 2 * 1_440;
/// How long steps are remembered one by one.
const FINE: Duration = Duration::from_hours(48);
/// How long means are remembered.
const COARSE: Duration = Duration::from_hours(28 * 24);
/// What a mean is taken over, at least.
const COARSE_STEP: Duration = Duration::from_mins(5);
/// Means that are remembered, at most: four weeks of five minutes.
const COARSE_MAX: usize = 28 * 288;
/// Steps whose number of samples is remembered, so that a late one is weighed rightly.
const COUNTED: usize = 32;
/// Days whose maximum is remembered.
const MAXIMA: usize = 8;
/// No value is larger, so that sums of them stay finite.
const VALUE_MAX: f64 = 1e300;
/// A value this many units large makes the unit grow: sixteen bits tell no more.
const UNITS_MAX: f64 = 32_768.0;

/// Demand at a steady step.
#[derive(Debug, Clone)]
pub struct History {
    step_ms: i64,
    /// Steps in one mean.
    ratio: i64,
    /// Steps in a day, at least one.
    day: i64,
    unit: f64,
    fine: Vec<f32>,
    coarse: Vec<u16>,
    counts: [u16; COUNTED],
    maxima: [f32; MAXIMA],
    least: f32,
    /// The step that is open: the newest that a sample or the time has reached.
    open: Option<i64>,
    first: i64,
    known: u64,
}

packed!(History: step_ms, unit, fine, coarse, counts, maxima, least, open, first, known);

/// Where in a ring of `length` the number `n` is kept.
#[allow(clippy::cast_possible_truncation, clippy::cast_possible_wrap, clippy::cast_sign_loss)]
fn at(n: i64, length: usize) -> usize {
    n.rem_euclid(length.max(1) as i64) as usize
}

impl History {
    /// A history without a sample. A step below a millisecond is taken for one.
    #[must_use]
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, clippy::cast_possible_wrap)]
    pub fn new(step: Duration) -> Self {
        let step_ms = i64::try_from(step.as_millis()).unwrap_or(i64::MAX).max(1);
        let ratio = (COARSE_STEP.as_millis() as i64 / step_ms).max(1);
        let steps = |span: Duration, each: i64| (span.as_millis() as i64 / each).max(2) as usize;
        Self {
            step_ms,
            ratio,
            day: (86_400_000 / step_ms).max(1),
            unit: 0.0,
            fine: vec![f32::NAN; steps(FINE, step_ms).min(FINE_MAX)],
            coarse: vec![half::from_f32(f32::NAN); steps(COARSE, step_ms.saturating_mul(ratio)).min(COARSE_MAX)],
            counts: [0; COUNTED],
            maxima: [f32::NAN; MAXIMA],
            least: f32::INFINITY,
            open: None,
            first: 0,
            known: 0,
        }
    }

    /// How long a step is.
    #[must_use]
    pub fn step(&self) -> Duration {
        Duration::from_millis(self.step_ms.unsigned_abs())
    }

    /// The number of the step that `time` falls in.
    #[must_use]
    pub fn number(&self, time: Timestamp) -> i64 {
        time.as_millis().div_euclid(self.step_ms)
    }

    /// When the step `number` begins.
    #[must_use]
    pub fn start_of(&self, number: i64) -> Timestamp {
        Timestamp::from_millis(number.saturating_mul(self.step_ms))
    }

    /// The newest step, still open: its mean may yet move. `None` before the first sample.
    #[must_use]
    pub fn open(&self) -> Option<i64> {
        self.open
    }

    /// The first step that had a value.
    #[must_use]
    pub fn first(&self) -> i64 {
        self.first
    }

    /// Steps that have had a value, ever.
    #[must_use]
    pub fn known(&self) -> u64 {
        self.known
    }

    /// Steps in one of the long memory's means.
    #[must_use]
    pub fn ratio(&self) -> i64 {
        self.ratio
    }

    /// What one is worth inside [`History::units`]: a power of two in the metric's unit.
    #[must_use]
    pub fn unit(&self) -> f64 {
        if self.unit > 0.0 { self.unit } else { 1.0 }
    }

    /// Notes what demand was at `time`, or that time has come this far with nothing known (`None`, or no finite number).
    /// Samples of one step are averaged. Late ones amend what is remembered: a step's mean while it is among the newest
    /// (32 steps), and after that only a step that had no value. What is older than the memory is let go.
    pub fn observe(&mut self, time: Timestamp, value: Option<f64>) {
        let number = self.number(time);
        let value = value.filter(|value| value.is_finite()).map(|value| value.clamp(-VALUE_MAX, VALUE_MAX));
        if self.open.is_none() && value.is_none() {
            return;
        }
        self.advance(number);
        if let Some(value) = value {
            self.note(number, value);
        }
    }

    /// Opens the step `number`, if it is newer than the open one; what lies between is a gap.
    fn advance(&mut self, number: i64) {
        let Some(open) = self.open else {
            (self.open, self.first) = (Some(number), number);
            return;
        };
        if number <= open {
            return;
        }
        clear(&mut self.fine, f32::NAN, open, number);
        clear(&mut self.coarse, half::from_f32(f32::NAN), open.div_euclid(self.ratio), number.div_euclid(self.ratio));
        clear(&mut self.maxima, f32::NAN, open.div_euclid(self.day), number.div_euclid(self.day));
        for n in open.max(number.saturating_sub(COUNTED as i64)).saturating_add(1)..=number {
            self.counts[at(n, COUNTED)] = 0;
        }
        self.open = Some(number);
    }

    fn note(&mut self, number: i64, value: f64) {
        let Some(open) = self.open else { return };
        let age = open.saturating_sub(number);
        if age >= self.fine.len() as i64 {
            return self.fill(number, value);
        }
        self.fit_unit(value);
        #[allow(clippy::cast_possible_truncation)]
        let units = (value / self.unit()) as f32;
        let slot = at(number, self.fine.len());
        let old = self.fine[slot];
        let count = if age < COUNTED as i64 { self.counts[at(number, COUNTED)] } else { u16::MAX };
        if old.is_nan() {
            self.fine[slot] = units;
            self.known += 1;
            self.first = self.first.min(number);
        } else if count < u16::MAX {
            self.fine[slot] = old + (units - old) / (f32::from(count.max(1)) + 1.0);
        } else {
            return;
        }
        if age < COUNTED as i64 {
            self.counts[at(number, COUNTED)] = count.saturating_add(1).min(u16::MAX - 1);
        }
        self.settle(number);
    }

    /// A sample that is too late for the short memory fills a gap in the long one.
    fn fill(&mut self, number: i64, value: f64) {
        let slot = number.div_euclid(self.ratio);
        let newest = self.open.unwrap_or(number).div_euclid(self.ratio);
        let index = at(slot, self.coarse.len());
        if newest.saturating_sub(slot) < self.coarse.len() as i64 && half::to_f32(self.coarse[index]).is_nan() {
            self.fit_unit(value);
            #[allow(clippy::cast_possible_truncation)]
            let units = (value / self.unit()) as f32;
            self.coarse[index] = half::from_f32(units);
            self.first = self.first.min(number);
        }
    }

    /// Brings the mean and the maximum that a step is part of up to date.
    fn settle(&mut self, number: i64) {
        let slot = number.div_euclid(self.ratio);
        let begin = slot.saturating_mul(self.ratio);
        let (mut sum, mut count) = (0.0_f64, 0.0);
        for n in begin..begin.saturating_add(self.ratio) {
            let value = self.fine(n);
            if !value.is_nan() {
                sum += value;
                count += 1.0;
            }
        }
        let index = at(slot, self.coarse.len());
        #[allow(clippy::cast_possible_truncation)]
        if count > 0.0 {
            self.coarse[index] = half::from_f32((sum / count) as f32);
        }
        let value = self.fine[at(number, self.fine.len())];
        let day = &mut self.maxima[at(number.div_euclid(self.day), MAXIMA)];
        *day = day.max(value);
        self.least = self.least.min(value);
    }

    /// Chooses the unit so that values are neither lost nor endless in an `f32`.
    fn fit_unit(&mut self, value: f64) {
        let size = value.abs();
        if size == 0.0 || (self.unit > 0.0 && size < self.unit * UNITS_MAX) {
            return;
        }
        // The first value is one to two units, so that what is much smaller has room too.
        let unit = 2.0_f64.powi(size.log2().floor().clamp(-1_000.0, 1_000.0) as i32);
        #[allow(clippy::cast_possible_truncation)]
        if self.unit > 0.0 {
            let factor = self.unit / unit;
            for kept in &mut self.coarse {
                *kept = half::from_f32((f64::from(half::to_f32(*kept)) * factor) as f32);
            }
            let all = self.fine.iter_mut().chain(&mut self.maxima);
            all.chain(std::iter::once(&mut self.least)).for_each(|kept| *kept = (f64::from(*kept) * factor) as f32);
        }
        self.unit = unit;
    }

    /// All that is remembered, as bytes.
    #[must_use]
    pub fn snapshot(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(self.size());
        self.pack(&mut bytes);
        bytes
    }

    /// What [`History::snapshot`] wrote; `None` where the bytes are not such, or those of another step.
    #[must_use]
    pub fn restore(step: Duration, bytes: &[u8]) -> Option<Self> {
        let mut history = Self::new(step);
        let step_ms = history.step_ms;
        let mut cursor = Cursor(bytes);
        history.unpack(&mut cursor)?;
        (history.step_ms == step_ms && cursor.0.is_empty()).then_some(history)
    }

    /// What it takes in memory, in bytes.
    #[must_use]
    pub fn size(&self) -> usize {
        size_of::<Self>() + self.fine.capacity() * size_of::<f32>() + self.coarse.capacity() * size_of::<u16>()
    }
}

/// Marks what lies after `from` up to `to` as not known.
fn clear<T: Copy>(ring: &mut [T], missing: T, from: i64, to: i64) {
    let length = ring.len() as i64;
    for n in from.max(to.saturating_sub(length)).saturating_add(1)..=to {
        ring[at(n, ring.len())] = missing;
    }
}

#[cfg(test)]
mod tests;
