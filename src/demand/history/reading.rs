//! What a history answers: steps, means of stretches, extremes. NaN or `None` where nothing is known.

use std::time::Duration;

use super::super::half;
use super::{History, at};
use crate::time::Timestamp;

impl History {
    pub(super) fn fine(&self, number: i64) -> f64 {
        let Some(open) = self.open else { return f64::NAN };
        let age = open.saturating_sub(number);
        if age < 0 || age >= self.fine.len() as i64 {
            return f64::NAN;
        }
        f64::from(self.fine[at(number, self.fine.len())])
    }

    /// The mean of the step `number` in units (see [`History::unit`]), from the long memory where the short one does not
    /// reach; NaN where it is not known.
    #[must_use]
    pub fn units(&self, number: i64) -> f64 {
        let Some(open) = self.open else { return f64::NAN };
        if open.saturating_sub(number) < self.fine.len() as i64 { self.fine(number) } else { self.smooth(number) }
    }

    /// The mean of the stretch of the long memory that the step `number` falls in, in units; NaN where it is not known.
    #[must_use]
    pub fn mean(&self, number: i64) -> f64 {
        let Some(open) = self.open else { return f64::NAN };
        let slot = number.div_euclid(self.ratio);
        let age = open.div_euclid(self.ratio).saturating_sub(slot);
        if age < 0 || age >= self.coarse.len() as i64 {
            return f64::NAN;
        }
        f64::from(half::to_f32(self.coarse[at(slot, self.coarse.len())]))
    }

    /// The same as a line through the middles of the stretches.
    #[must_use]
    pub fn smooth(&self, number: i64) -> f64 {
        if self.ratio == 1 {
            return self.mean(number);
        }
        let here = self.mean(number);
        // From the middle of this stretch, in stretches: -0.5..0.5.
        let offset = (number.rem_euclid(self.ratio) as f64 + 0.5) / self.ratio as f64 - 0.5;
        let there =
            self.mean(if offset < 0.0 { number.saturating_sub(self.ratio) } else { number.saturating_add(self.ratio) });
        if there.is_nan() || here.is_nan() { here } else { here + (there - here) * offset.abs() }
    }

    /// The mean demand of the step `number`; `None` where it is not known.
    #[must_use]
    pub fn value(&self, number: i64) -> Option<f64> {
        let units = self.units(number);
        (!units.is_nan()).then(|| units * self.unit())
    }

    /// The largest step of the last seven days, in units.
    #[must_use]
    pub fn greatest(&self) -> Option<f64> {
        self.maxima.iter().filter(|value| !value.is_nan()).map(|value| f64::from(*value)).reduce(f64::max)
    }

    /// The smallest step that was ever seen, in units.
    #[must_use]
    pub fn least(&self) -> Option<f64> {
        self.least.is_finite().then(|| f64::from(self.least))
    }

    /// All means of the long memory, oldest first, with when the first one begins and how long each lasts. The stretch
    /// that is still open is left out, unless each stretch is a step.
    #[must_use]
    pub fn means(&self) -> (Timestamp, Duration, Vec<f64>) {
        let step = self.step().saturating_mul(u32::try_from(self.ratio).unwrap_or(u32::MAX));
        let Some(open) = self.open else { return (Timestamp::default(), step, Vec::new()) };
        let end = open.div_euclid(self.ratio) + i64::from(self.ratio == 1);
        let begin = self.first.div_euclid(self.ratio).max(end.saturating_sub(self.coarse.len() as i64 - 1));
        let unit = self.unit();
        let values = (begin..end).map(|slot| self.mean(slot.saturating_mul(self.ratio)) * unit).collect();
        (self.start_of(begin.saturating_mul(self.ratio)), step, values)
    }

    /// The steps of the short memory, oldest first, with when the first one begins.
    #[must_use]
    pub fn steps(&self) -> (Timestamp, Vec<f64>) {
        let Some(open) = self.open else { return (Timestamp::default(), Vec::new()) };
        let begin = self.first.max(open.saturating_sub(self.fine.len() as i64 - 1));
        let unit = self.unit();
        (self.start_of(begin), (begin..=open).map(|number| self.fine(number) * unit).collect())
    }
}
