//! Ridge regression on what is known when the forecast is made: the newest values, rolling means, the same time a day and
//! a week before, and the calendar. One regression for each of a few distances ("direct" forecasts, which do not compound
//! errors: S. Ben Taieb, G. Bontempi, A. Atiya and A. Sorjamaa, "A review and comparison of strategies for multi-step ahead
//! time series forecasting", Expert Systems with Applications 39, 2012); coefficients between two distances are mixed.

use std::time::Duration;

use super::careful::{Clean, Method};
use super::linear::Normal;
use crate::forecast::Unfit;
use crate::time::Timestamp;

/// Distances with a regression of their own, in steps.
const DISTANCES: [usize; 14] = [1, 2, 3, 5, 8, 12, 20, 30, 45, 60, 120, 240, 480, 960];
/// What the regressions see.
const FEATURES: usize = 16;
/// Rolling means over this many newest steps.
const ROLLING: [usize; 3] = [5, 15, 60];
/// Half the width of the mean around the same time a season before.
const AROUND: usize = 2;
/// How strongly coefficients are drawn to zero, which stands for "the rolling mean goes on".
const RIDGE: f64 = 1e-4;
/// Rows for each regression at a fit: more add time and no skill.
const ROWS_MAX: usize = 6000;
/// What remains of a row's weight after each step: half after two days of minutes.
const KEEP: f64 = 0.999_76;

const DAY: Duration = Duration::from_hours(24);

#[derive(Debug, Default)]
pub(super) struct Ridge {
    past: Past,
    regressions: Vec<Regression>,
    /// Which regression is solved at the next update: one at a time, in turn.
    turn: usize,
}

#[derive(Debug)]
struct Regression {
    distance: usize,
    normal: Normal,
    coefficients: Vec<f64>,
}

/// As much of the past as the features read.
#[derive(Debug, Default)]
struct Past {
    /// When the first of `values` begins, in ms, and the length of a step.
    start_ms: i64,
    step_ms: i64,
    values: Vec<f64>,
    /// Sums of all values before each, so that means cost two reads.
    sums: Vec<f64>,
    /// Up to two seasons that are long enough past to be learned from.
    seasons: Vec<usize>,
    /// No fewer values than this are kept.
    least: usize,
}

impl Past {
    fn push(&mut self, value: f64) {
        if self.values.len() > 2 * self.least {
            let old = self.values.len() - self.least;
            self.values.drain(..old);
            self.start_ms = self.start_ms.saturating_add(self.step_ms.saturating_mul(i64::try_from(old).unwrap_or(0)));
            self.sum_up();
        }
        let before = self.sums.last().copied().unwrap_or(0.0);
        self.sums.push(before + value);
        self.values.push(value);
    }

    fn sum_up(&mut self) {
        let mut sum = 0.0;
        self.sums.clear();
        self.sums.push(0.0);
        self.sums.extend(self.values.iter().map(|value| {
            sum += value;
            sum
        }));
    }

    /// The mean of the values `from..to`, as far as there are any.
    fn mean(&self, from: usize, to: usize) -> f64 {
        let to = to.min(self.values.len());
        let from = from.min(to.saturating_sub(1));
        (self.sums[to] - self.sums[from]) / (to - from).max(1) as f64
    }

    /// The mean around the same time a season before `at`, or as many seasons as make it known at `origin`.
    fn season(&self, at: usize, season: usize, origin: usize) -> f64 {
        let seasons = at.saturating_sub(origin).div_ceil(season).max(1);
        let then = at.saturating_sub(seasons * season);
        self.mean(then.saturating_sub(AROUND), (then + AROUND + 1).min(origin + 1))
    }

    /// What is seen from `origin` of the step `distance` later. All but the first are relative to the base.
    fn features(&self, origin: usize, distance: usize) -> [f64; FEATURES] {
        let mut row = [0.0; FEATURES];
        let base = self.base(origin);
        row[0] = 1.0;
        row[1] = base;
        for lag in 0..3 {
            row[2 + lag] = self.values[origin.saturating_sub(lag)] - base;
        }
        for (at, width) in ROLLING.iter().enumerate().skip(1) {
            row[4 + at] = self.mean((origin + 1).saturating_sub(*width), origin + 1) - base;
        }
        for (at, &season) in self.seasons.iter().enumerate() {
            let (then, now) = (self.season(origin + distance, season, origin), self.season(origin, season, origin));
            row[7 + 2 * at] = then - now;
            row[8 + 2 * at] = now - base;
        }
        let at_ms = self.step_ms.saturating_mul(i64::try_from(origin + distance).unwrap_or(i64::MAX));
        let at = Timestamp::from_millis(self.start_ms.saturating_add(at_ms));
        row[11..].copy_from_slice(&calendar(at));
        row
    }

    /// The mean of the newest few: what is expected where nothing is known.
    fn base(&self, origin: usize) -> f64 {
        self.mean((origin + 1).saturating_sub(ROLLING[0]), origin + 1)
    }
}

/// The hour as two waves of the day, and whether it is a weekend, in UTC. The weekend's days follow from the epoch, which
/// was a Thursday.
fn calendar(at: Timestamp) -> [f64; 5] {
    let day_ms = i64::try_from(DAY.as_millis()).unwrap_or(i64::MAX);
    let angle = at.as_millis().rem_euclid(day_ms) as f64 / day_ms as f64 * std::f64::consts::TAU;
    let weekday = (at.as_millis().div_euclid(day_ms) + 3).rem_euclid(7);
    let ((sin, cos), (sin_2, cos_2)) = (angle.sin_cos(), (2.0 * angle).sin_cos());
    [sin, cos, sin_2, cos_2, f64::from(u8::from(weekday >= 5))].map(|feature| feature * 0.1)
}

fn dot(coefficients: &[f64], row: &[f64]) -> f64 {
    coefficients.iter().zip(row).map(|(coefficient, feature)| coefficient * feature).sum()
}

impl Method for Ridge {
    const NAME: &'static str = "ridge";

    fn least(_: &[usize]) -> usize {
        3 * FEATURES
    }

    fn fit(&mut self, past: &Clean<'_>) -> Result<(), Unfit> {
        let count = past.values.len();
        let mut seasons: Vec<usize> = past.seasons.iter().copied().filter(|season| count >= 2 * season).collect();
        seasons.truncate(2);
        let reach = seasons.last().copied().unwrap_or(0).max(ROLLING[2]);
        let farthest = (count / 4).min(past.seasons.first().copied().unwrap_or(60).max(60)).max(1);
        self.past = Past {
            start_ms: past.start.as_millis(),
            step_ms: i64::try_from(past.step.as_millis()).unwrap_or(i64::MAX),
            values: past.values.to_vec(),
            least: 2 * reach + farthest + 1,
            seasons,
            sums: Vec::new(),
        };
        self.past.sum_up();
        let first = reach.min(count / 3);
        self.regressions = DISTANCES
            .into_iter()
            .filter(|distance| *distance <= farthest)
            .map(|distance| {
                let targets = first + distance..count;
                let stride = targets.len().div_ceil(ROWS_MAX).max(1);
                let mut normal = Normal::new(FEATURES);
                for at in targets.step_by(stride).filter(|at| past.known[*at]) {
                    let row = self.past.features(at - distance, distance);
                    normal.add(&row, past.values[at] - self.past.base(at - distance), 1.0);
                }
                let coefficients = normal.solve(RIDGE).unwrap_or_else(|| vec![0.0; FEATURES]);
                Regression { distance, normal, coefficients }
            })
            .collect();
        self.turn = 0;
        Ok(())
    }

    fn update(&mut self, value: Option<f64>) {
        let mut expected = Vec::new();
        if value.is_none() {
            self.forecast(1, &mut expected);
        }
        let next = value.or(expected.first().copied()).unwrap_or(0.0);
        self.past.push(next);
        let now = self.past.values.len() - 1;
        if value.is_some() {
            for regression in &mut self.regressions {
                if let Some(origin) = now.checked_sub(regression.distance) {
                    let row = self.past.features(origin, regression.distance);
                    regression.normal.add(&row, next - self.past.base(origin), KEEP);
                }
            }
        }
        let count = self.regressions.len().max(1);
        self.turn = (self.turn + 1) % count;
        if let Some(regression) = self.regressions.get_mut(self.turn)
            && let Some(coefficients) = regression.normal.solve(RIDGE)
        {
            regression.coefficients = coefficients;
        }
    }

    fn forecast(&self, horizon: usize, points: &mut Vec<f64>) {
        let Some(origin) = self.past.values.len().checked_sub(1) else { return };
        let base = self.past.base(origin);
        for step in 1..=horizon {
            let row = self.past.features(origin, step);
            let next = self.regressions.partition_point(|regression| regression.distance < step);
            let (nearer, farther) = (self.regressions.get(next.saturating_sub(1)), self.regressions.get(next));
            let point = match (nearer, farther) {
                (Some(near), Some(far)) if near.distance < step && far.distance > step => {
                    let part = (step - near.distance) as f64 / (far.distance - near.distance) as f64;
                    dot(&near.coefficients, &row) * (1.0 - part) + dot(&far.coefficients, &row) * part
                }
                (_, Some(only)) | (Some(only), None) => dot(&only.coefficients, &row),
                (None, None) => 0.0,
            };
            points.push(base + point);
        }
    }
}
