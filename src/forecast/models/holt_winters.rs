//! Level, slope and season: P. Winters, "Forecasting sales by exponentially weighted moving averages", Management
//! Science 6, 1960; the additive form, its beginning and its criterion as in R's `HoltWinters`, and the slope damped where
//! that describes the past better (E. Gardner and E. McKenzie, 1985).

use super::careful::{Clean, Method};
use super::linear;
use super::minimize::{Unknown, evaluations, minimize};
use super::naive::one_season;
use super::seasonal::decompose;
use crate::forecast::Unfit;

/// Parameters are sought on this many newest seasons: two weeks of days.
const SEASONS_MAX: usize = 14;
/// The figure that the search begins with is that of this many first seasons, where R takes two: a whole week, in which
/// the weekend's two jumps cancel out.
const OPENING: usize = 7;

#[derive(Debug, Default)]
pub(super) struct HoltWinters {
    state: State,
}

#[derive(Debug, Clone, Default)]
struct State {
    level: f64,
    slope: f64,
    /// What each step of a season adds; `next` is where the coming step lies in it.
    season: Vec<f64>,
    next: usize,
    alpha: f64,
    beta: f64,
    gamma: f64,
    /// What remains of the slope after a step.
    phi: f64,
}

impl State {
    fn update(&mut self, value: Option<f64>) -> f64 {
        let (expected, next) = (self.level + self.phi * self.slope, self.next);
        self.next = (next + 1) % self.season.len().max(1);
        let Some(slot) = self.season.get_mut(next) else { return 0.0 };
        let error = value.map_or(0.0, |value| value - expected - *slot);
        self.level = expected + self.alpha * error;
        self.slope = self.phi * self.slope + self.alpha * self.beta * error;
        // γ·(value - level) + (1 - γ)·season, with the new level.
        *slot += self.gamma * (1.0 - self.alpha) * error;
        error
    }

    fn walk(&mut self, values: &[f64], known: &[bool]) -> f64 {
        let steps = values.iter().zip(known).map(|(value, known)| known.then_some(*value));
        steps.map(|value| self.update(value).powi(2)).sum()
    }
}

impl Method for HoltWinters {
    const NAME: &'static str = "holt_winters";

    fn least(_: &[usize]) -> usize {
        4
    }

    fn fit(&mut self, past: &Clean<'_>) -> Result<(), Unfit> {
        let season = one_season(past)?;
        let has = past.values.len();
        if has <= 2 * season {
            return Err(Unfit::TooShort { needs: 2 * season + 1, has });
        }
        let newest = has.saturating_sub(SEASONS_MAX * season);
        let (values, known) = (&past.values[newest..], &past.known[newest..]);
        // The first seasons give the figure, and the line through what remains of them level and slope.
        let opening = (values.len() / season).min(OPENING) * season;
        let (figure, trend) = decompose(&values[..opening], season);
        let (level, slope) = linear::line(&trend);
        // R counts the line's steps from 1, and begins to smooth after the first season.
        let first = State { level: level - slope, slope, season: figure, ..State::default() };
        let begin =
            |found: &[f64]| State { alpha: found[0], beta: found[1], gamma: found[2], phi: found[3], ..first.clone() };
        let share = |start: f64| Unknown::new(start, 0.0, 1.0);
        let unknowns = [share(0.3), share(0.1), share(0.1), Unknown::new(0.98, 0.9, 1.0)];
        let best = minimize(&unknowns, evaluations(values.len()), |found| {
            begin(found).walk(&values[season..], &known[season..])
        });
        self.state = begin(&best);
        self.state.walk(&values[season..], &known[season..]);
        Ok(())
    }

    fn update(&mut self, value: Option<f64>) {
        self.state.update(value);
    }

    fn forecast(&self, horizon: usize, points: &mut Vec<f64>) {
        let State { level, slope, season, next, phi, .. } = &self.state;
        let (mut ahead, mut damping) = (0.0, *phi);
        points.extend(season.iter().cycle().skip(*next).take(horizon).map(|season| {
            ahead += damping;
            damping *= phi;
            level + ahead * slope + season
        }));
    }
}
