//! Autoregression, differences and moving errors, the orders chosen by the series itself, in the steps of R. Hyndman and
//! Y. Khandakar, "Automatic time series forecasting: the forecast package for R", Journal of Statistical Software 27, 2008:
//! a unit-root test says whether to take differences, an information criterion how much past to use. Without a season:
//! one of 1,440 steps is out of reach for this family.

use super::arma::Arma;
use super::careful::{Clean, Method};
use crate::forecast::Unfit;

/// The model learns from this many newest steps: nearly three days of minutes.
const LEARNED_MAX: usize = 4096;

#[derive(Debug, Default)]
pub(super) struct Arima {
    arma: Arma,
    /// The last value, where differences are what the model sees.
    level: Option<f64>,
}

impl Method for Arima {
    const NAME: &'static str = "arima";

    fn least(_: &[usize]) -> usize {
        20
    }

    fn fit(&mut self, past: &Clean<'_>) -> Result<(), Unfit> {
        let values = &past.values[past.values.len().saturating_sub(LEARNED_MAX)..];
        let differs = !is_level(values);
        let differences: Vec<f64> = values.windows(2).map(|pair| pair[1] - pair[0]).collect();
        let stationary = if differs { &differences } else { values };
        // A mean where the values themselves are modelled; no drift, which a demand does not keep up.
        let none = || Unfit::Failed("no stable order fits".to_owned());
        self.arma = Arma::chosen(stationary, !differs).ok_or_else(none)?;
        self.arma.walk(stationary);
        self.level = values.last().copied().filter(|_| differs);
        Ok(())
    }

    fn update(&mut self, value: Option<f64>) {
        match &mut self.level {
            None => {
                self.arma.take(value);
            }
            Some(level) => {
                let next = value.unwrap_or(*level + self.arma.next());
                self.arma.take(value.map(|value| value - *level));
                *level = next;
            }
        }
    }

    fn forecast(&self, horizon: usize, points: &mut Vec<f64>) {
        let mut arma = self.arma.clone();
        let mut level = self.level;
        for _ in 0..horizon {
            let expected = arma.next();
            arma.take(None);
            points.push(match &mut level {
                None => expected,
                Some(level) => {
                    *level += expected;
                    *level
                }
            });
        }
    }
}

/// Whether the values wander around one level, so that no differences are needed: D. Kwiatkowski, P. Phillips, P. Schmidt
/// and Y. Shin, "Testing the null hypothesis of stationarity", Journal of Econometrics 54, 1992, at 5%.
fn is_level(values: &[f64]) -> bool {
    let count = values.len() as f64;
    let mean = values.iter().sum::<f64>() / count;
    let centred: Vec<f64> = values.iter().map(|value| value - mean).collect();
    let mut sum = 0.0;
    let wandered: f64 = centred
        .iter()
        .map(|value| {
            sum += value;
            sum * sum
        })
        .sum();
    // Lags as in R's `ndiffs`: 3·√n / 13.
    let lags = (1_u32..).take_while(|lag| f64::from(*lag) <= 3.0 * count.sqrt() / 13.0);
    let at_lag = |lag: usize| centred.iter().zip(&centred[lag..]).map(|(a, b)| a * b).sum::<f64>();
    let reach = (3.0 * count.sqrt() / 13.0).floor() + 1.0;
    let far: f64 = lags.map(|lag| (1.0 - f64::from(lag) / reach) * at_lag(lag as usize)).sum();
    let spread = (at_lag(0) + 2.0 * far) / count;
    let statistic = wandered / (count * count * spread);
    // Constants give no number, and are level.
    statistic.is_nan() || statistic < 0.463
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_walk_is_not_level_and_noise_is() {
        let noise: Vec<f64> =
            (0..400_u64).map(|at| (at.wrapping_mul(6_364_136_223_846_793_005) >> 33) as f64).collect();
        let walk: Vec<f64> = (0..400).map(f64::from).collect();
        assert!(is_level(&noise) && !is_level(&walk) && is_level(&[2.0; 30]));
    }
}
