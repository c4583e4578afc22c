//! The dynamic optimised theta model: J. Fiorucci, T. Pellegrini, F. Louzada, F. Petropoulos and A. Koehler, "Models for
//! optimising the theta method and their relationship to state space models", International Journal of Forecasting 32,
//! 2016, after V. Assimakopoulos and K. Nikolopoulos, 2000. A season that the autocorrelation shows is taken out before,
//! additively, for demand may be zero.

use super::careful::{Clean, Method};
use super::minimize::{Unknown, evaluations, minimize};
use super::seasonal::{decompose, is_seasonal};
use crate::forecast::Unfit;

/// Parameters are sought on the newest steps, a day and a half of minutes; the states walk over all.
const LEARNED_MAX: usize = 2160;

#[derive(Debug, Default)]
pub(super) struct Theta {
    state: State,
    /// What each step of a season adds, empty without one; `next` is where the coming step lies in it.
    season: Vec<f64>,
    next: usize,
}

/// The state after `steps` values: a level that follows them, and the line through all of them, learned as it goes.
#[derive(Debug, Clone, Copy, Default)]
struct State {
    alpha: f64,
    theta: f64,
    level: f64,
    mean: f64,
    /// Intercept and slope of the line.
    intercept: f64,
    slope: f64,
    steps: f64,
    /// (1 - α) to the power of `steps`.
    fading: f64,
}

impl State {
    fn new(level: f64, alpha: f64, theta: f64) -> Self {
        Self { alpha, theta, level, fading: 1.0, ..Self::default() }
    }

    /// What the next step is expected to be.
    fn next(&self) -> f64 {
        let line = self.fading * self.intercept + (1.0 - self.fading * (1.0 - self.alpha)) / self.alpha * self.slope;
        self.level + (1.0 - 1.0 / self.theta) * line
    }

    fn take(&mut self, value: f64) {
        let step = self.steps + 1.0;
        self.level += self.alpha * (value - self.level);
        if step > 1.0 {
            let weight = 6.0 * (value - self.mean) / step;
            self.slope = ((step - 2.0) * self.slope + weight) / (step + 1.0);
        }
        self.mean += (value - self.mean) / step;
        self.intercept = self.mean - f64::midpoint(step, 1.0) * self.slope;
        self.steps = step;
        self.fading *= 1.0 - self.alpha;
    }
}

impl Method for Theta {
    const NAME: &'static str = "theta";

    fn least(_: &[usize]) -> usize {
        4
    }

    fn fit(&mut self, past: &Clean<'_>) -> Result<(), Unfit> {
        let season = past.seasons.first().copied().filter(|season| is_seasonal(past.values, *season));
        let figure = season.map_or_else(Vec::new, |season| decompose(past.values, season).0);
        let mut values = past.values.to_vec();
        if !figure.is_empty() {
            values.iter_mut().zip(figure.iter().cycle()).for_each(|(value, season)| *value -= season);
        }
        let newest = &values[values.len().saturating_sub(LEARNED_MAX)..];
        let size = newest.iter().fold(0.0_f64, |size, value| size.max(value.abs()));
        // θ's use ends long before 64: 1 - 1/θ is within two hundredths of 1 there.
        let unknowns =
            [Unknown::new(newest[0], -size, size), Unknown::new(0.5, 0.1, 0.99), Unknown::new(2.0, 1.0, 64.0)];
        let best = minimize(&unknowns, evaluations(newest.len()), |found| {
            let mut state = State::new(found[0], found[1], found[2]);
            let errors = newest.iter().enumerate().map(|(at, value)| {
                let error = value - state.next();
                state.take(*value);
                // The first steps have no line yet.
                if at < 3 { 0.0 } else { error * error }
            });
            errors.sum()
        });
        self.state = State::new(best[0], best[1], best[2]);
        for value in &values {
            self.state.take(*value);
        }
        self.next = if figure.is_empty() { 0 } else { values.len() % figure.len() };
        self.season = figure;
        Ok(())
    }

    fn update(&mut self, value: Option<f64>) {
        let season = self.season.get(self.next).copied().unwrap_or(0.0);
        self.state.take(value.map_or_else(|| self.state.next(), |value| value - season));
        self.next = (self.next + 1) % self.season.len().max(1);
    }

    fn forecast(&self, horizon: usize, points: &mut Vec<f64>) {
        let mut state = self.state;
        let mut seasons = self.season.iter().cycle().skip(self.next);
        for _ in 0..horizon {
            let expected = state.next();
            state.take(expected);
            points.push(expected + seasons.next().copied().unwrap_or(0.0));
        }
    }
}
