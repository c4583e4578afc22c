//! What a predictor is told, and what it answers.

use std::time::Duration;

use crate::time::Timestamp;

/// Which model forecasts.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum ModelName {
    /// Whichever the record speaks for, moment by moment.
    #[default]
    Auto,
    /// One model of `models::by_name`, whatever its record.
    Named(String),
}

impl From<&str> for ModelName {
    fn from(name: &str) -> Self {
        if name == "auto" { Self::Auto } else { Self::Named(name.to_owned()) }
    }
}

/// How one demand series is to be forecast.
#[derive(Debug, Clone, PartialEq)]
pub struct Options {
    /// How long a step is.
    pub step: Duration,
    pub model: ModelName,
    /// Lengths of the seasons. The fast lane uses the shortest two that are longer than a step, the slow lane all.
    pub seasons: Vec<Duration>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            step: Duration::from_mins(1),
            model: ModelName::Auto,
            seasons: vec![Duration::from_hours(24), Duration::from_hours(7 * 24)],
        }
    }
}

/// What demand will be, step by step.
#[derive(Debug, Clone, PartialEq)]
pub struct Forecast {
    /// When the newest known step begins.
    pub from: Timestamp,
    /// How long a step is.
    pub step: Duration,
    pub points: Vec<Point>,
}

/// One step ahead, in the metric's unit.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Point {
    /// When the step begins.
    pub at: Timestamp,
    /// The combined forecast.
    pub mean: f64,
    pub p10: f64,
    /// The median, by the recent record.
    pub p50: f64,
    pub p90: f64,
    pub p95: f64,
    /// The 90 % quantile of the largest step from the first up to this one.
    pub peak90: f64,
}
