//! The models of the Predictive Horizontal Pod Autoscaler, over evenly spaced replica counts.

use std::collections::VecDeque;

/// The line of least squares through evenly spaced values, oldest first, read `ahead` steps after the last one; `None`
/// with fewer than two.
#[must_use]
pub fn linear(values: impl ExactSizeIterator<Item = f64>, ahead: f64) -> Option<f64> {
    let count = values.len();
    if count < 2 {
        return None;
    }
    let n = count as f64;
    // The places 0..n have the mean (n-1)/2 and the squared deviation n(n²-1)/12.
    let middle = (n - 1.0) / 2.0;
    let (mut sum, mut moment) = (0.0, 0.0);
    for (place, value) in values.enumerate() {
        sum += value;
        moment += (place as f64 - middle) * value;
    }
    let slope = moment / (n * (n * n - 1.0) / 12.0);
    Some(sum / n + slope * (n - 1.0 + ahead - middle))
}

/// Additive Holt-Winters with fixed parameters, carried on from value to value.
///
/// Its first season only fills the seasonal part; from then on it forecasts.
#[derive(Debug, Clone)]
pub struct HoltWinters {
    alpha: f64,
    beta: f64,
    gamma: f64,
    /// Steps in a season.
    period: usize,
    level: f64,
    trend: f64,
    /// The next step's seasonal part first.
    season: VecDeque<f64>,
}

impl HoltWinters {
    /// Smoothing of level, trend and season, each from 0 to 1, and the steps of a season (at least 1).
    #[must_use]
    pub fn new(alpha: f64, beta: f64, gamma: f64, period: usize) -> Self {
        Self { alpha, beta, gamma, period: period.max(1), level: 0.0, trend: 0.0, season: VecDeque::new() }
    }

    /// Takes the next value.
    pub fn update(&mut self, value: f64) {
        if self.season.len() < self.period {
            self.season.push_back(value);
            if self.season.len() == self.period {
                self.level = self.season.iter().sum::<f64>() / self.period as f64;
                let level = self.level;
                self.season.iter_mut().for_each(|part| *part -= level);
            }
            return;
        }
        let part = self.season.pop_front().unwrap_or_default();
        let before = self.level;
        self.level = self.alpha * (value - part) + (1.0 - self.alpha) * (before + self.trend);
        self.trend = self.beta * (self.level - before) + (1.0 - self.beta) * self.trend;
        self.season.push_back(self.gamma * (value - self.level) + (1.0 - self.gamma) * part);
    }

    /// What is expected `ahead` steps (at least 1) after the last value; `None` before the first season is complete.
    #[must_use]
    pub fn forecast(&self, ahead: usize) -> Option<f64> {
        if self.season.len() < self.period {
            return None;
        }
        let part = self.season.get(ahead.saturating_sub(1) % self.period)?;
        Some(self.level + ahead as f64 * self.trend + part)
    }
}
