//! Several seasons taken apart, the rest smoothed: K. Bandara, R. Hyndman and C. Bergmeir, "MSTL: a seasonal-trend
//! decomposition algorithm for time series with multiple seasonal patterns", arXiv 2107.13462, 2021, by the crate augurs,
//! with [`Ets`] on what the seasons leave.

use std::time::Duration;

use augurs::Fit as _;
use augurs::mstl::MSTLModel;

use super::careful::{Clean, Method};
use super::ets::{self, Ets};
use crate::forecast::Unfit;

/// Seasons are sought on steps about this long, where the series has many more: twenty times fewer points to smooth.
const COARSE: Duration = Duration::from_mins(5);
/// "Many more": above three days of minutes.
const FINE_MAX: usize = 4320;
/// What the seasons leave is smoothed over this many newest steps, two and a half days of five minutes: its states forget
/// within hours, and the fit takes most of the time.
const REST_MAX: usize = 720;

#[derive(Debug, Default)]
pub(super) struct Mstl {
    /// What each step of each season adds.
    seasons: Vec<Cycle>,
    rest: Ets,
}

/// A season that comes again.
#[derive(Debug)]
struct Cycle {
    figure: Vec<f64>,
    /// Where the coming step lies in it.
    next: usize,
}

impl Cycle {
    fn ahead(&self, steps: usize) -> f64 {
        let at = (self.next + steps) % self.figure.len().max(1);
        self.figure.get(at).copied().unwrap_or(0.0)
    }
}

impl Method for Mstl {
    const NAME: &'static str = "mstl";

    fn least(_: &[usize]) -> usize {
        ets::LEAST
    }

    fn fit(&mut self, past: &Clean<'_>) -> Result<(), Unfit> {
        let has = past.values.len();
        let coarse = if has > FINE_MAX { coarse_steps(past) } else { 1 };
        let whole: Vec<usize> = past.seasons.iter().copied().filter(|season| has >= 2 * season + 2 * coarse).collect();
        if whole.is_empty() {
            let needs = past.seasons.first().map(|season| 2 * season + 2 * coarse);
            let none = || Unfit::Failed("needs a season, and none is named".to_owned());
            return Err(Unfit::TooShort { needs: needs.ok_or_else(none)?, has });
        }
        self.seasons = decomposed(past.values, &whole, coarse)?;
        // The seasons end where the series does: the last value lies one step before the next.
        let rest: Vec<f64> = past
            .values
            .iter()
            .enumerate()
            .skip(has.saturating_sub(REST_MAX))
            .map(|(at, value)| {
                value
                    - self
                        .seasons
                        .iter()
                        .map(|cycle| {
                            let length = cycle.figure.len();
                            cycle.figure[(cycle.next + length - (has - at) % length) % length]
                        })
                        .sum::<f64>()
            })
            .collect();
        self.rest.learn(&rest, ets::ADDITIVE)
    }

    fn update(&mut self, value: Option<f64>) {
        let season: f64 = self.seasons.iter().map(|cycle| cycle.ahead(0)).sum();
        self.rest.update(value.map(|value| value - season));
        self.seasons.iter_mut().for_each(|cycle| cycle.next = (cycle.next + 1) % cycle.figure.len().max(1));
    }

    fn forecast(&self, horizon: usize, points: &mut Vec<f64>) {
        let begin = points.len();
        self.rest.forecast(horizon, points);
        for (step, point) in points.iter_mut().skip(begin).enumerate() {
            *point += self.seasons.iter().map(|cycle| cycle.ahead(step)).sum::<f64>();
        }
    }
}

/// How many steps make about [`COARSE`], a divisor of the shortest season, so that seasons stay whole numbers.
fn coarse_steps(past: &Clean<'_>) -> usize {
    let most = COARSE.as_millis().checked_div(past.step.as_millis()).unwrap_or(1);
    let most = usize::try_from(most).unwrap_or(1).clamp(1, 100);
    let fits = |steps: &usize| past.seasons.iter().all(|season| season % steps == 0 && season / steps >= 12);
    (1..=most).rev().find(fits).unwrap_or(1)
}

/// The last cycle of each season of `values`, sought on means of `coarse` steps and brought back to single ones.
fn decomposed(values: &[f64], seasons: &[usize], coarse: usize) -> Result<Vec<Cycle>, Unfit> {
    // Means are taken from the end, so that the last is whole.
    let whole = &values[values.len() % coarse..];
    let means: Vec<f64> = whole.chunks(coarse).map(|steps| steps.iter().sum::<f64>() / steps.len() as f64).collect();
    let periods: Vec<usize> = seasons.iter().map(|season| season / coarse).collect();
    let fitted = MSTLModel::naive(periods.clone()).fit(&means);
    let fitted = fitted.map_err(|error| Unfit::Failed(format!("augurs: {error}")))?;
    let cycles = fitted.fit().seasonal().iter().zip(&periods).map(|(component, period)| {
        let last = component.len().saturating_sub(*period);
        let figure: Vec<f64> = component[last..].iter().map(|value| f64::from(*value)).collect();
        Cycle { figure: finer(&figure, coarse), next: 0 }
    });
    Ok(cycles.collect())
}

/// Single steps from means of `coarse` of them: straight lines between their middles, around the ends too.
fn finer(figure: &[f64], coarse: usize) -> Vec<f64> {
    let count = figure.len();
    let steps = 0..count * coarse;
    let fine = steps.map(|step| {
        // The middle of a mean lies (coarse - 1) / 2 steps after its first.
        let from_middle = (step + count * coarse) as f64 - (coarse - 1) as f64 / 2.0;
        let before = (2 * (step + count * coarse) + 1 - coarse) / (2 * coarse);
        let part = from_middle / coarse as f64 - before as f64;
        figure[before % count] * (1.0 - part) + figure[(before + 1) % count] * part
    });
    fine.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(figure: &[f64], coarse: usize, want: &[f64]) {
        let found = finer(figure, coarse);
        let near = found.iter().zip(want).all(|(found, want)| (found - want).abs() < 1e-9);
        assert!(near && found.len() == want.len(), "{found:?}");
    }

    #[test]
    fn means_become_single_steps_again() {
        check(&[1.0, 4.0], 1, &[1.0, 4.0]);
        check(&[0.0, 3.0], 3, &[1.0, 0.0, 1.0, 2.0, 3.0, 2.0]);
        check(&[0.0, 4.0], 2, &[1.0, 1.0, 3.0, 3.0]);
    }
}
