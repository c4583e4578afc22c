//! How far forecasts are to be trusted: a number that the record has earned, never one that a model claims.
//!
//! Four things are watched: errors against those of the naive forecast, how often the 90 % quantile was exceeded, a
//! change of level that nobody foresaw (a CUSUM, Page 1954, of scaled errors), and gaps. A change takes trust away at
//! once; it comes back as forecasts prove good, and not before they have for two hours.

use super::fast::decay;
use crate::demand::packed::packed;

/// The record at the anchors that matter most.
#[derive(Debug, Clone)]
pub(crate) struct Trust {
    /// Mean errors, over about a day: ours and the naive forecast's.
    error: f32,
    naive: f32,
    /// Share of steps above p90 over two hours and over a day.
    above_short: f32,
    above_long: f32,
    /// Share of steps that were missing, over an hour, and how many are right now.
    missing: f32,
    gap: f32,
    /// Cumulative sums of scaled errors, upwards and downwards.
    up: f32,
    down: f32,
    /// Scored forecasts, since ever and since the last change.
    scored: f32,
    steady: f32,
    /// Whether trust is held back until the record is clearly good again.
    degraded: bool,
}

packed!(Trust: error, naive, above_short, above_long, missing, gap, up, down, scored, steady, degraded);

/// What came of one forecast.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Outcome {
    pub(crate) error: f64,
    pub(crate) naive: f64,
    /// The error in its usual sizes.
    pub(crate) scaled: f64,
    pub(crate) above: bool,
}

/// Drift that is let pass, and the sum at which a change is called, in usual sizes of errors.
const SLACK: f32 = 1.5;
const ALARM: f32 = 45.0;
/// One error counts at most this much, so that a spike alone is no change.
const ERROR_MAX: f32 = 6.0;
/// Missing steps in a row after which nothing is foreseen.
const GAP_MAX: f32 = 10.0;
/// Steps without a change after which trust may come back.
const PROBATION: f32 = 120.0;

impl Trust {
    pub(crate) const NEW: Self = Self {
        error: 0.0,
        naive: 0.0,
        above_short: 0.1,
        above_long: 0.1,
        missing: 0.0,
        gap: 0.0,
        up: 0.0,
        down: 0.0,
        scored: 0.0,
        steady: 0.0,
        degraded: false,
    };

    /// Errors in another unit, of which the old one is `factor`.
    #[allow(clippy::cast_possible_truncation)]
    pub(crate) fn rescale(&mut self, factor: f64) {
        self.error = (f64::from(self.error) * factor) as f32;
        self.naive = (f64::from(self.naive) * factor) as f32;
    }

    /// A step has closed, with or without a value.
    pub(crate) fn step(&mut self, known: bool) {
        self.gap = if known { 0.0 } else { (self.gap + 1.0).min(1e6) };
        self.missing += (f32::from(u8::from(!known)) - self.missing) / 60.0;
    }

    /// Takes the outcome of a forecast; says whether demand has changed its ways.
    #[allow(clippy::cast_possible_truncation)]
    pub(crate) fn note(&mut self, outcome: &Outcome, day_steps: f64) -> bool {
        self.scored = (self.scored + 1.0).min(1e6);
        self.steady = (self.steady + 1.0).min(1e6);
        let gain = (1.0 - decay(day_steps.max(60.0) / 2.0)).max(1.0 / f64::from(self.scored)) as f32;
        self.error += gain * (outcome.error as f32 - self.error);
        self.naive += gain * (outcome.naive as f32 - self.naive);
        let above = f32::from(u8::from(outcome.above));
        self.above_short += (above - self.above_short) / 120.0;
        self.above_long += (above - self.above_long) / 1_440.0;
        let scaled = (outcome.scaled as f32).clamp(-ERROR_MAX, ERROR_MAX);
        if scaled.is_finite() {
            self.up = (self.up + scaled - SLACK).max(0.0);
            self.down = (self.down - scaled - SLACK).max(0.0);
        }
        let changed = self.up.max(self.down) > ALARM && self.scored > 120.0;
        if changed {
            (self.up, self.down, self.steady, self.degraded) = (0.0, 0.0, 0.0, true);
        } else if self.degraded && self.steady > PROBATION && self.record() > 0.6 {
            self.degraded = false;
        } else if !self.degraded && self.scored > PROBATION && self.record() < 0.3 {
            self.degraded = true;
        }
        changed
    }

    /// What skill and coverage are worth: 0..1.
    fn record(&self) -> f64 {
        let ratio = if self.naive > 0.0 { f64::from(self.error / self.naive) } else { f64::from(self.error > 0.0) };
        // As good as naive is worth a half; two thirds of its error, or less, is worth everything.
        let skill = (1.0 - 1.5 * (ratio - 2.0 / 3.0)).clamp(0.0, 1.0);
        // The bands in which a true tenth lies with 99 %, as many steps as the two averages stand for.
        let short = ((f64::from(self.above_short) - 0.21) / 0.3).clamp(0.0, 1.0);
        let long = ((f64::from(self.above_long) - 0.14) / 0.2).clamp(0.0, 1.0);
        skill * (1.0 - short) * (1.0 - long)
    }

    /// How far to trust now: 0..1.
    pub(crate) fn value(&self, day_steps: f64) -> f64 {
        if self.gap > GAP_MAX {
            return 0.0;
        }
        // A newcomer's record counts in full after half a day of steps.
        let ripe = (f64::from(self.scored) / (day_steps / 2.0).clamp(30.0, 720.0)).min(1.0);
        let gaps = 1.0 - ((f64::from(self.missing) - 0.1) / 0.4).clamp(0.0, 1.0);
        let held = if self.degraded { 0.5 * (f64::from(self.steady) / f64::from(PROBATION)).min(1.0) } else { 1.0 };
        (self.record() * ripe * gaps * held).clamp(0.0, 1.0)
    }
}
