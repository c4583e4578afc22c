//! Who is believed: weights of the experts at one anchor, from their errors of late.

use super::rows::EXPERTS;
use crate::demand::packed::packed;

/// What a step gains in the short record: it halves within 30 steps.
const SHORT: f64 = 1.0 / 43.8;
/// How sharply the better one is preferred, by each record. Who is right now says a little more than who mostly is.
const SHARP_LONG: u8 = 7;
const SHARP_SHORT: u8 = 8;

/// Forecasts without which an expert has no record.
const RIPE: f32 = 8.0;

/// Forecasts after which a record is as good as any.
const SENIOR: f32 = 720.0;

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

    /// Notes what came of forecasts; those that are NaN said nothing. They count as `stride` that are alike. A step takes
    /// `forget` of the long record.
    pub(crate) fn score(&mut self, forecasts: &[f64; EXPERTS.len()], y: f64, forget: f64, stride: f64) {
        let (slow, quick) = (forget * stride, SHORT * stride);
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

    /// Errors in another unit, of which the old one is `factor`.
    pub(crate) fn rescale(&mut self, factor: f64) {
        self.long.iter_mut().chain(&mut self.short).for_each(|error| *error = (f64::from(*error) * factor) as f32);
    }

    /// Makes the record count as if it were an hour long.
    pub(crate) fn doubt(&mut self) {
        self.count.iter_mut().for_each(|count| *count = count.min(60.0));
        self.long = self.short;
    }

    /// Whether nobody has a record yet.
    pub(crate) fn is_empty(&self) -> bool {
        self.count.iter().all(|count| *count < RIPE)
    }

    /// The weights of all experts, which sum to one; those without a record get nothing, and before anyone has one,
    /// the averages share.
    ///
    /// Long and short record are each compared with the best of their own kind: in quiet times it's the quiet errors that
    /// decide, however large those of yesterday's burst were.
    pub(crate) fn weights(&self) -> [f64; EXPERTS.len()] {
        let mut weights = [0.0; EXPERTS.len()];
        let ripe = |expert: &usize| self.count[*expert] >= RIPE;
        let best = |errors: &[f32; EXPERTS.len()]| {
            (0..EXPERTS.len()).filter(ripe).map(|expert| f64::from(errors[expert])).fold(f64::INFINITY, f64::min)
        };
        let (long, short) = (best(&self.long), best(&self.short));
        if !long.is_finite() {
            (weights[2], weights[4]) = (0.7, 0.3);
            return weights;
        }
        let share = |best: f64, error: f32| {
            let error = f64::from(error);
            if error <= best { 1.0 } else { (best / error).max(1e-9) }
        };
        let seniority = self.count.iter().copied().fold(1.0, f32::max).min(SENIOR);
        for expert in (0..EXPERTS.len()).filter(ripe) {
            // Who is new among others with a long record has been lucky as easily as good.
            weights[expert] = f64::from((self.count[expert] / seniority).min(1.0))
                * power::<SHARP_LONG>(share(long, self.long[expert]))
                * power::<SHARP_SHORT>(share(short, self.short[expert]));
        }
        let sum: f64 = weights.iter().sum();
        weights.map(|weight| weight / sum)
    }
}

/// A small power, multiplied out.
fn power<const N: u8>(x: f64) -> f64 {
    (0..N).fold(1.0, |product, _| product * x)
}

/// The mixture of what has been forecast; NaN where nobody says anything.
pub(crate) fn mix(weights: &[f32; EXPERTS.len()], forecasts: &[f64; EXPERTS.len()]) -> f64 {
    let (mut sum, mut mass) = (0.0, 0.0);
    for (weight, forecast) in weights.iter().zip(forecasts) {
        if forecast.is_finite() && *weight > 0.0 {
            sum += f64::from(*weight) * forecast;
            mass += f64::from(*weight);
        }
    }
    sum / mass
}
