//! The three that every other model has to beat (R. Hyndman and G. Athanasopoulos, "Forecasting: Principles and
//! Practice", 3rd edition, section 5.2).

use super::careful::{Clean, Method};
use crate::forecast::Unfit;

/// The last value goes on.
#[derive(Debug, Default)]
pub(super) struct Naive {
    last: f64,
}

impl Method for Naive {
    const NAME: &'static str = "naive";

    fn least(_: &[usize]) -> usize {
        1
    }

    fn fit(&mut self, past: &Clean<'_>) -> Result<(), Unfit> {
        self.last = past.values.last().copied().unwrap_or(0.0);
        Ok(())
    }

    fn update(&mut self, value: Option<f64>) {
        self.last = value.unwrap_or(self.last);
    }

    fn forecast(&self, horizon: usize, points: &mut Vec<f64>) {
        points.extend(std::iter::repeat_n(self.last, horizon));
    }
}

/// The last season (the shortest that is named: a day) comes again.
#[derive(Debug, Default)]
pub(super) struct SeasonalNaive {
    /// The last season; `next` is where the coming step lies in it.
    season: Vec<f64>,
    next: usize,
}

impl Method for SeasonalNaive {
    const NAME: &'static str = "seasonal_naive";

    fn least(_: &[usize]) -> usize {
        1
    }

    fn fit(&mut self, past: &Clean<'_>) -> Result<(), Unfit> {
        let season = one_season(past)?;
        (self.season, self.next) = (past.values[past.values.len() - season..].to_vec(), 0);
        Ok(())
    }

    fn update(&mut self, value: Option<f64>) {
        if let (Some(slot), Some(value)) = (self.season.get_mut(self.next), value) {
            *slot = value;
        }
        self.next = (self.next + 1) % self.season.len().max(1);
    }

    fn forecast(&self, horizon: usize, points: &mut Vec<f64>) {
        points.extend(self.season.iter().cycle().skip(self.next).take(horizon));
    }
}

/// The shortest season, where one whole season is past.
pub(super) fn one_season(past: &Clean<'_>) -> Result<usize, Unfit> {
    let none = || Unfit::Failed("needs a season, and none is named".to_owned());
    let season = *past.seasons.first().ok_or_else(none)?;
    if past.values.len() < season {
        return Err(Unfit::TooShort { needs: season, has: past.values.len() });
    }
    Ok(season)
}

/// The straight line from the first value through the last.
#[derive(Debug, Default)]
pub(super) struct Drift {
    first: f64,
    last: f64,
    /// Steps between them.
    steps: f64,
}

impl Drift {
    fn slope(&self) -> f64 {
        (self.last - self.first) / self.steps.max(1.0)
    }
}

impl Method for Drift {
    const NAME: &'static str = "drift";

    fn least(_: &[usize]) -> usize {
        2
    }

    fn fit(&mut self, past: &Clean<'_>) -> Result<(), Unfit> {
        let [first, .., last] = past.values else { return Err(Unfit::TooShort { needs: 2, has: past.values.len() }) };
        *self = Self { first: *first, last: *last, steps: (past.values.len() - 1) as f64 };
        Ok(())
    }

    fn update(&mut self, value: Option<f64>) {
        self.last = value.unwrap_or(self.last + self.slope());
        self.steps += 1.0;
    }

    fn forecast(&self, horizon: usize, points: &mut Vec<f64>) {
        points.extend((1..=horizon).map(|step| self.last + step as f64 * self.slope()));
    }
}
