//! Level and damped slope: E. Gardner and E. McKenzie, "Forecasting trends in time series", Management Science 31, 1985,
//! after C. Holt, 1957.

use super::careful::{Clean, Method};
use super::linear;
use super::minimize::{Unknown, evaluations, minimize};
use super::smooth::Smooth;
use crate::forecast::Unfit;

/// Parameters are sought on the newest steps: a day and a half of minutes.
const LEARNED_MAX: usize = 2160;

/// The line through this many first steps is where the search's states begin.
const OPENING: usize = 10;

#[derive(Debug, Default)]
pub(super) struct Holt {
    state: Smooth,
}

impl Method for Holt {
    const NAME: &'static str = "holt";

    fn least(_: &[usize]) -> usize {
        4
    }

    fn fit(&mut self, past: &Clean<'_>) -> Result<(), Unfit> {
        let newest = past.values.len().saturating_sub(LEARNED_MAX);
        let (values, known) = (&past.values[newest..], &past.known[newest..]);
        let (level, slope) = linear::line(&values[..values.len().min(OPENING)]);
        // β is sought as a share of α, which keeps it below; the bounds are those of R's `ets`.
        let unknowns = [Unknown::new(0.5, 1e-4, 0.9999), Unknown::new(0.1, 1e-4, 1.0), Unknown::new(0.95, 0.8, 0.98)];
        let begin = |found: &[f64]| {
            let [alpha, share, phi] = [found[0], found[1], found[2]];
            Smooth { level: level - slope, slope, alpha, beta: alpha * share, phi }
        };
        let best = minimize(&unknowns, evaluations(values.len()), |found| walk(&mut begin(found), values, known));
        self.state = begin(&best);
        walk(&mut self.state, values, known);
        Ok(())
    }

    fn update(&mut self, value: Option<f64>) {
        self.state.update(value);
    }

    fn forecast(&self, horizon: usize, points: &mut Vec<f64>) {
        self.state.forecast(horizon, points);
    }
}

/// Takes the state through all values, and gives the sum of squared errors.
fn walk(state: &mut Smooth, values: &[f64], known: &[bool]) -> f64 {
    let steps = values.iter().zip(known).map(|(value, known)| known.then_some(*value));
    steps.map(|value| state.update(value).powi(2)).sum()
}
