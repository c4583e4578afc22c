//! Who is believed: weights of the experts at one anchor, from their errors of late.

use super::decay;
use crate::demand::packed::packed;
use super::rows::EXPERTS;

/// Half-lives of the long and the short record, in steps, and what the long one counts.
const LONG: f64 = 1_400.0;
const SHORT: f64 = 120.0;
const LONG_SHARE: f64 = 0.7;
/// How sharply the better one is preferred.
const SHARPNESS: i32 = 8;

/// The mean errors of each expert at one anchor.
#[derive(Debug, Clone)]
pub(crate) struct Record {
    long: [f32; EXPERTS.len()],
    short: [f32; EXPERTS.len()],
    count: [f32; EXPERTS.len()],
}

packed!(Record: long, short, count);

impl Record {
    pub(crate) const NEW: Self =
        Self { long: [0.0; EXPERTS.len()], short: [0.0; EXPERTS.len()], count: [0.0; EXPERTS.len()] };

    /// Notes what came of forecasts; those that are NaN said nothing.
    #[allow(clippy::cast_possible_truncation)]
    pub(crate) fn score(&mut self, forecasts: &[f64; EXPERTS.len()], y: f64) {
        let (slow, quick) = (1.0 - decay(LONG), 1.0 - decay(SHORT));
        for (expert, forecast) in forecasts.iter().enumerate() {
            if !forecast.is_finite() {
                continue;
            }
            let error = (forecast - y).abs();
            let count = f64::from(self.count[expert]) + 1.0;
            self.count[expert] = count.min(1e6) as f32;
            let ease = |kept: &mut f32, gain: f64| {
                *kept += (gain.max(1.0 / count) * (error - f64::from(*kept))) as f32;
            };
            ease(&mut self.long[expert], slow);
            ease(&mut self.short[expert], quick);
        }
    }

    /// Makes the record count as if it were an hour long.
    pub(crate) fn doubt(&mut self) {
        self.count.iter_mut().for_each(|count| *count = count.min(60.0));
        self.long = self.short;
    }

    /// An expert's error as it counts; `None` while it has too short a record.
    pub(crate) fn error(&self, expert: usize) -> Option<f64> {
        let error = LONG_SHARE * f64::from(self.long[expert]) + (1.0 - LONG_SHARE) * f64::from(self.short[expert]);
        (self.count[expert] >= 8.0).then_some(error)
    }

    /// The weights of all experts, which sum to one; those without a record get nothing, and before anyone has one,
    /// the averages share.
    pub(crate) fn weights(&self) -> [f64; EXPERTS.len()] {
        let best = (0..EXPERTS.len()).filter_map(|expert| self.error(expert)).fold(f64::INFINITY, f64::min);
        let mut weights = [0.0; EXPERTS.len()];
        if !best.is_finite() {
            (weights[2], weights[4]) = (0.7, 0.3);
            return weights;
        }
        for (expert, weight) in weights.iter_mut().enumerate() {
            if let Some(error) = self.error(expert) {
                *weight = if error <= best { 1.0 } else { (best / error).powi(SHARPNESS) };
            }
        }
        let sum: f64 = weights.iter().sum();
        weights.map(|weight| weight / sum)
    }
}

/// The mixture of what has been forecast; NaN where nobody says anything.
pub(crate) fn mix(weights: &[f64; EXPERTS.len()], forecasts: &[f64; EXPERTS.len()]) -> f64 {
    let (mut sum, mut mass) = (0.0, 0.0);
    for (weight, forecast) in weights.iter().zip(forecasts) {
        if forecast.is_finite() && *weight > 0.0 {
            sum += weight * forecast;
            mass += weight;
        }
    }
    sum / mass
}
