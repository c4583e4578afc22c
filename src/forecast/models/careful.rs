//! What every model must take care of, done once around it: holes, absurd scales, and forecasts that nobody could use.

use std::fmt::Debug;
use std::time::Duration;

use super::gaps;
use crate::forecast::{Forecaster, Series, Unfit};
use crate::time::Timestamp;

/// Past values as a method gets them: at least [`Method::least`] known ones, the first and the last known, holes filled,
/// and none larger than 1 (which is a power of two of the metric's unit, so no digit is lost).
#[derive(Debug, Clone, Copy)]
pub(super) struct Clean<'a> {
    pub start: Timestamp,
    pub step: Duration,
    pub values: &'a [f64],
    /// Which of the values were measured.
    pub known: &'a [bool],
    /// Lengths of seasons in steps, shortest first, each above 1.
    pub seasons: &'a [usize],
}

/// A model without the care: its values are finite, at most about 1 in size, and without holes.
pub(super) trait Method: Debug + Default + Send {
    const NAME: &'static str;

    /// How many known steps a fit takes.
    fn least(seasons: &[usize]) -> usize;

    /// Learns anew. An earlier fit is worth nothing where this fails.
    fn fit(&mut self, past: &Clean<'_>) -> Result<(), Unfit>;

    /// Takes the next step; a missing one passes as the method had expected it.
    fn update(&mut self, value: Option<f64>);

    /// Appends the next `horizon` steps.
    fn forecast(&self, horizon: usize, points: &mut Vec<f64>);
}

/// Values that arrive between fits are held within this many times the largest of the fit, so that their fourth power
/// is finite.
const SURPRISE_MAX: f64 = 1e60;

/// How many times the span of history a forecast may lie outside of it. Far beyond what a trend does within a horizon:
/// it only catches a method that has run away.
const SPANS_OUTSIDE: f64 = 10.0;

/// A method, taken care of.
#[derive(Debug, Default)]
pub(super) struct Careful<M> {
    method: M,
    fitted: Option<Fitted>,
}

#[derive(Debug, Clone, Copy)]
struct Fitted {
    /// What a value of 1 means in the metric's unit.
    unit: f64,
    /// The last known value, and the least and the largest, in units.
    last: f64,
    low: f64,
    high: f64,
}

impl Fitted {
    fn see(&mut self, value: f64) {
        self.last = value;
        self.low = self.low.min(value);
        self.high = self.high.max(value);
    }

    /// A forecast in the metric's unit that can be used.
    fn sound(&self, point: f64) -> f64 {
        let outside = SPANS_OUTSIDE * (self.high - self.low);
        let floor = if self.low >= 0.0 { 0.0 } else { self.low - outside };
        let point = if point.is_finite() { point } else { self.last };
        (point.clamp(floor, self.high + outside) * self.unit).clamp(f64::MIN, f64::MAX)
    }
}

impl<M: Method> Careful<M> {
    fn learn(&mut self, series: &Series<'_>) -> Result<Fitted, Unfit> {
        let is_known = |value: &f64| value.is_finite();
        let has = series.values.iter().filter(|value| is_known(value)).count();
        let seasons: Vec<usize> = series.seasons.iter().copied().filter(|season| *season > 1).collect();
        let needs = M::least(&seasons).max(1);
        let ends = (series.values.iter().position(is_known), series.values.iter().rposition(is_known));
        let (Some(first), Some(last), true) = (ends.0, ends.1, has >= needs) else {
            return Err(Unfit::TooShort { needs, has });
        };
        let between = series.values.get(first..=last).unwrap_or_default();
        let unit = unit_of(between.iter().copied().filter(is_known));
        let mut values: Vec<f64> = between.iter().map(|value| value / unit).collect();
        let known: Vec<bool> = values.iter().map(is_known).collect();
        let mut fitted = Fitted { unit, last: 0.0, low: f64::MAX, high: f64::MIN };
        values.iter().filter(|value| is_known(value)).for_each(|value| fitted.see(*value));
        gaps::fill(&mut values, &seasons, fitted.low, fitted.high);
        let ahead = series.step.saturating_mul(u32::try_from(first).unwrap_or(u32::MAX));
        let past =
            Clean { start: series.start + ahead, step: series.step, values: &values, known: &known, seasons: &seasons };
        self.method.fit(&past)?;
        for _ in last + 1..series.values.len() {
            self.method.update(None);
        }
        Ok(fitted)
    }
}

impl<M: Method> Forecaster for Careful<M> {
    fn name(&self) -> &'static str {
        M::NAME
    }

    fn fit(&mut self, series: &Series<'_>) -> Result<(), Unfit> {
        self.fitted = None;
        self.fitted = Some(self.learn(series)?);
        Ok(())
    }

    fn update(&mut self, value: Option<f64>) {
        let Some(fitted) = &mut self.fitted else { return };
        let value = value.filter(|value| value.is_finite());
        let value = value.map(|value| (value / fitted.unit).clamp(-SURPRISE_MAX, SURPRISE_MAX));
        if let Some(value) = value {
            fitted.see(value);
        }
        self.method.update(value);
    }

    fn forecast(&self, horizon: usize, points: &mut Vec<f64>) {
        points.clear();
        let Some(fitted) = &self.fitted else { return };
        self.method.forecast(horizon, points);
        for point in points {
            *point = fitted.sound(*point);
        }
    }
}

/// The power of two that is next below the largest value, or 1 where all are zero: dividing by it is exact.
fn unit_of(values: impl Iterator<Item = f64>) -> f64 {
    let largest = values.fold(0.0_f64, |largest, value| largest.max(value.abs()));
    let unit = largest.log2().ceil().clamp(-1020.0, 1020.0).exp2();
    if largest > 0.0 && unit.is_normal() { unit } else { 1.0 }
}
