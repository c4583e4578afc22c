//! History → quantiles and how far to trust them.
//!
//! In come a workload's past demand, step by step, and the question "what by when". Out go expected values, quantiles of
//! each step and of the largest value of a window, and a trust that the recent record has earned. A missing step is never
//! a zero here: it is a NaN in a [`Series`], and no model may learn from it. Nothing here reads a clock or draws chance.

mod fast;
mod holidays;
pub mod models;
mod options;
pub mod pattern;
mod predictor;
mod slow;
mod trust;

pub use fast::profile::Shape;
pub use holidays::{Holiday, Holidays};
pub use options::{Forecast, ModelName, Options, Point};
pub use predictor::{HORIZON_MAX, Predictor};

use std::time::Duration;

use crate::time::Timestamp;

/// Demand at a steady step, oldest first.
#[derive(Debug, Clone, Copy)]
pub struct Series<'a> {
    /// When the first step begins; step `i` covers `[start + i·step, start + (i + 1)·step)`.
    pub start: Timestamp,
    /// How long a step is.
    pub step: Duration,
    /// The mean demand of each step in the metric's unit; NaN where it is not known.
    pub values: &'a [f64],
    /// The lengths of known seasons in steps, shortest first: 1440 is a day of minutes.
    pub seasons: &'a [usize],
}

/// Why a model says nothing.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum Unfit {
    #[error("needs {needs} known steps, has {has}")]
    TooShort { needs: usize, has: usize },
    #[error("{0}")]
    Failed(String),
}

/// A model of demand: the seam behind which all of them stand.
///
/// Point forecasts only; what quantiles and trust they deserve is learned from their record, alike for all.
pub trait Forecaster: std::fmt::Debug + Send {
    /// Its name in rules, metrics and explanations: `seasonal_naive`.
    fn name(&self) -> &'static str;

    /// Learns from all of `series` anew. May take long, and is called seldom.
    ///
    /// # Errors
    /// Says why, where it can't; the model then forecasts nothing until a later fit succeeds.
    fn fit(&mut self, series: &Series<'_>) -> Result<(), Unfit>;

    /// Takes the step after the last one (`None`: missing), at little cost. Called for each step between two fits.
    fn update(&mut self, value: Option<f64>);

    /// Writes the expected demand of the next `horizon` steps over `points`; leaves it empty where the model has not
    /// been fitted. Values are finite.
    fn forecast(&self, horizon: usize, points: &mut Vec<f64>);
}

#[cfg(test)]
mod poison;
#[cfg(test)]
mod tests;
