//! Exponential smoothing whose form the series chooses: R. Hyndman, A. Koehler, R. Snyder and S. Grose, "A state space
//! framework for automatic forecasting using exponential smoothing methods", International Journal of Forecasting 18, 2002,
//! by the crate augurs. It has no seasonal forms and no updates: the state that it ends with is recovered, and goes on.

use augurs::ets::AutoETS;
use augurs::{Fit as _, Predict as _};

use super::careful::{Clean, Method};
use super::smooth::Smooth;
use crate::forecast::Unfit;

/// The model learns from this many newest steps, a day and a half of minutes; older ones have faded from its states.
const LEARNED_MAX: usize = 2160;

/// Error, trend and season as in R's `ets`: additive or multiplicative errors, any trend, no season.
const ALL: &str = "ZZN";
/// Additive errors alone: what is left when seasons were taken off by subtraction.
pub(super) const ADDITIVE: &str = "AZN";

/// Fewer steps than this give augurs no degree of freedom.
pub(super) const LEAST: usize = 12;

#[derive(Debug, Default)]
pub(super) struct Ets {
    state: Smooth,
}

impl Ets {
    /// Learns from values alone, as the trend of a decomposition is told; `forms` are those to choose from.
    pub(super) fn learn(&mut self, values: &[f64], forms: &str) -> Result<(), Unfit> {
        let values = &values[values.len().saturating_sub(LEARNED_MAX)..];
        let last = values.last().copied().unwrap_or(0.0);
        if values.iter().all(|value| *value == last) {
            self.state = Smooth { level: last, slope: 0.0, alpha: 0.5, beta: 0.0, phi: 1.0 };
            return Ok(());
        }
        let failed = |error: &dyn std::fmt::Display| Unfit::Failed(format!("augurs: {error}"));
        let fitted = AutoETS::new(1, forms).and_then(|model| model.fit(values)).map_err(|error| failed(&error))?;
        let ahead = fitted.predict(3, None).map_err(|error| failed(&error))?.point;
        let expected = fitted.predict_in_sample(None).map_err(|error| failed(&error))?.point;
        let unclear = || Unfit::Failed("augurs gives no finite state".to_owned());
        let [first, second, third] = ahead[..] else { return Err(unclear()) };
        self.state = Smooth::recovered(values, &expected, [first, second, third]).ok_or_else(unclear)?;
        Ok(())
    }
}

impl Method for Ets {
    const NAME: &'static str = "ets";

    fn least(_: &[usize]) -> usize {
        LEAST
    }

    fn fit(&mut self, past: &Clean<'_>) -> Result<(), Unfit> {
        self.learn(past.values, ALL)
    }

    fn update(&mut self, value: Option<f64>) {
        self.state.update(value);
    }

    fn forecast(&self, horizon: usize, points: &mut Vec<f64>) {
        self.state.forecast(horizon, points);
    }
}
