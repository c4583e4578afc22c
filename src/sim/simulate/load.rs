//! A trace as the simulated world feels it: evenly spaced cells, each with the mean load within it.

use std::time::Duration;

use crate::sim::Trace;
use crate::time::Timestamp;

/// Cells of one load: five years of 15 s cells, 90 MB.
const CELLS_MAX: usize = 10_500_000;

/// How a load goes between two values of its trace.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Shape {
    /// In a straight line.
    #[default]
    Linear,
    /// It stays until the next value.
    Steps,
}

/// Why a trace can't be simulated.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum LoadError {
    #[error("no value of the trace is above zero")]
    Silent,
    #[error("the trace is shorter than {0:?}, the time between two samples; give a shorter --scrape")]
    TooShort(Duration),
    #[error("{cells} samples of the trace are more than {CELLS_MAX}; give a longer --scrape")]
    TooLong { cells: u128 },
}

/// The demand on one workload over time. Where the trace has no value, nothing was measured: the load goes on as it
/// was, no scaler gets a sample, and nobody is judged.
#[derive(Debug, Clone, PartialEq)]
pub struct Load {
    pub name: String,
    start: Timestamp,
    step: Duration,
    /// Each cell's mean load, in the trace's unit.
    values: Vec<f64>,
    known: Vec<bool>,
}

impl Load {
    /// A trace in cells of `step`: what each scrape at that interval would find.
    pub fn new(name: impl Into<String>, trace: &Trace, step: Duration, shape: Shape) -> Result<Self, LoadError> {
        let cells = trace.length().as_millis() / step.as_millis().max(1);
        let count = usize::try_from(cells).ok().filter(|cells| *cells <= CELLS_MAX);
        let count = count.ok_or(LoadError::TooLong { cells })?;
        let values: Vec<Option<f64>> = (0..count).map(|cell| mean(trace, step, cell, shape)).collect();
        Self::from_values(name, trace.start(), step, &values)
    }

    /// From the means of its cells; `None` is not known.
    pub fn from_values(
        name: impl Into<String>,
        start: Timestamp,
        step: Duration,
        values: &[Option<f64>],
    ) -> Result<Self, LoadError> {
        if values.is_empty() || step.is_zero() {
            return Err(LoadError::TooShort(step));
        }
        let mut last = values.iter().flatten().copied().next().ok_or(LoadError::Silent)?;
        let known = values.iter().map(Option::is_some).collect();
        let values: Vec<f64> = values
            .iter()
            .map(|value| {
                last = value.unwrap_or(last);
                last
            })
            .collect();
        if values.iter().all(|value| *value <= 0.0) {
            return Err(LoadError::Silent);
        }
        Ok(Self { name: name.into(), start, step, values, known })
    }

    /// How many cells there are.
    #[must_use]
    pub fn cells(&self) -> usize {
        self.values.len()
    }

    #[must_use]
    pub fn start(&self) -> Timestamp {
        self.start
    }

    #[must_use]
    pub fn step(&self) -> Duration {
        self.step
    }

    /// When a cell begins.
    #[must_use]
    pub fn begins(&self, cell: usize) -> Timestamp {
        self.start + self.step.saturating_mul(u32::try_from(cell).unwrap_or(u32::MAX))
    }

    #[must_use]
    pub fn end(&self) -> Timestamp {
        self.begins(self.cells())
    }

    #[must_use]
    pub fn days(&self) -> f64 {
        self.end().since(self.start).as_secs_f64() / 86_400.0
    }

    /// The mean load within a cell; the last one where nothing was measured, none beyond the end.
    #[must_use]
    pub fn offered(&self, cell: usize) -> f64 {
        self.values.get(cell).copied().unwrap_or_default()
    }

    /// What a scrape at the cell's end finds.
    #[must_use]
    pub fn measured(&self, cell: usize) -> Option<f64> {
        self.known.get(cell).filter(|known| **known).and_then(|_| self.values.get(cell).copied())
    }

    /// The value that a part of the measured cells does not exceed.
    #[must_use]
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a place in the list")]
    pub fn quantile(&self, part: f64) -> f64 {
        let mut values: Vec<f64> = (0..self.cells()).filter_map(|cell| self.measured(cell)).collect();
        values.sort_by(f64::total_cmp);
        let place = (part.clamp(0.0, 1.0) * values.len().saturating_sub(1) as f64).round() as usize;
        values.get(place).copied().unwrap_or_default()
    }

    /// The largest value.
    #[must_use]
    pub fn peak(&self) -> f64 {
        self.values.iter().copied().fold(0.0, f64::max)
    }
}

/// The mean of a cell: of so many points that each of the trace's values has its say.
fn mean(trace: &Trace, step: Duration, cell: usize, shape: Shape) -> Option<f64> {
    let begin = step.saturating_mul(u32::try_from(cell).unwrap_or(u32::MAX));
    let points = step.as_millis().div_ceil(trace.step().as_millis().max(1)).max(1);
    let points = u32::try_from(points).unwrap_or(u32::MAX);
    let (mut sum, mut count) = (0.0, 0_u32);
    for point in 0..points {
        let into = begin + step.saturating_mul(2 * point + 1) / (2 * points);
        let value = match shape {
            Shape::Linear => trace.at(into),
            Shape::Steps => trace.held(into),
        };
        if let Some(value) = value {
            sum += value;
            count += 1;
        }
    }
    (count > 0).then(|| sum / f64::from(count))
}
