//! One demand series: its history, its models, its calibration, and how far it is to be trusted.

use std::time::Duration;

use super::fast::lane::{Lane, bounds};
use super::fast::levels::{Levels, Origin};
use super::fast::rows::{EXPERTS, Seasons};
use super::{Forecast, Options, Point};
use crate::demand::History;
use crate::time::Timestamp;

/// Samples before anything is forecast.
const SAMPLES_MIN: f64 = 3.0;
/// A gap longer than this is not walked through step by step.
const GAP_MAX: i64 = 2_880;

/// Forecasts one demand series.
#[derive(Debug)]
pub struct Predictor {
    options: Options,
    history: History,
    lane: Lane,
    slow: Vec<f64>,
}

/// Where a forecast starts from.
struct Standing {
    number: i64,
    origin: Origin,
    levels: Levels,
}

impl Predictor {
    /// A predictor that knows nothing yet.
    #[must_use]
    pub fn new(options: Options) -> Self {
        let history = History::new(options.step);
        let seasons = seasons(&options);
        let day_steps = (86_400_000.0 / history.step().as_millis() as f64).max(1.0);
        let lane = Lane::new(seasons, history.ratio(), day_steps);
        Self { options, history, lane, slow: Vec::new() }
    }

    /// Notes what demand was at `at`, or that time has come this far with nothing known (`None`).
    pub fn observe(&mut self, at: Timestamp, value: Option<f64>) {
        let number = self.history.number(at);
        if let Some(open) = self.history.open()
            && number > open
        {
            let y = self.history.units(open);
            self.lane.close(&self.history, open, y, &self.slow);
            let from = open.max(number.saturating_sub(GAP_MAX)).saturating_add(1);
            for missing in from..number {
                self.lane.close(&self.history, missing, f64::NAN, &[]);
            }
        }
        let unit = self.history.unit();
        self.history.observe(at, value);
        if self.history.unit() != unit && self.lane.levels.count > 0.0 {
            self.relearn();
        }
    }

    fn relearn(&mut self) {
        let day_steps = (86_400_000.0 / self.history.step().as_millis() as f64).max(1.0);
        self.lane = Lane::new(seasons(&self.options), self.history.ratio(), day_steps);
    }

    fn standing(&self) -> Option<Standing> {
        let number = self.history.open()?;
        let y = self.history.units(number);
        let (origin, levels) = self.lane.provisional(&self.history, number, y);
        (levels.count >= SAMPLES_MIN).then_some(Standing { number, origin, levels })
    }

    /// The next steps, up to `horizon`; `None` before the third sample.
    #[must_use]
    pub fn forecast(&self, horizon: Duration) -> Option<Forecast> {
        let standing = self.standing()?;
        let step = self.history.step();
        let steps = usize::try_from(horizon.as_millis() / step.as_millis().max(1)).unwrap_or(usize::MAX).clamp(1, 20_160);
        let (floor, cap) = bounds(&self.history);
        let unit = self.history.unit();
        let means = self.lane.means(&self.history, standing.number, &standing.origin, &self.slow, steps);
        let mut crest = f64::NEG_INFINITY;
        let mut peak = floor;
        let points = means.iter().enumerate().map(|(index, mean)| {
            let ahead = index + 1;
            crest = crest.max(*mean);
            let lane = &self.lane;
            let quantile = |level| (mean + lane.offset(&standing.origin, *mean, ahead, level)).max(floor).min(cap);
            let [p10, p50, p90, p95] = [0.1, 0.5, 0.9, 0.95].map(quantile);
            peak = (crest + lane.peak_offset(&standing.origin, crest, ahead, 0.9)).min(cap).max(p90).max(peak);
            let at = self.history.start_of(standing.number.saturating_add(i64::try_from(ahead).unwrap_or(i64::MAX)));
            Point {
                at,
                mean: mean * unit,
                p10: p10 * unit,
                p50: p50 * unit,
                p90: p90 * unit,
                p95: p95.max(p90) * unit,
                peak90: peak * unit,
            }
        });
        let points = points.collect();
        Some(Forecast { from: self.history.start_of(standing.number), step, points })
    }

    /// Who leads now.
    #[must_use]
    pub fn model(&self) -> &str {
        EXPERTS[self.lane.leader()]
    }

    /// What is remembered of the demand.
    #[must_use]
    pub fn history(&self) -> &History {
        &self.history
    }

    /// Weights of the experts at an anchor, for those who ask.
    pub fn weights(&self, anchor: usize) -> Vec<(&'static str, f64)> {
        EXPERTS.iter().copied().zip(self.lane.weights(anchor)).collect()
    }
}

/// The shortest two seasons in steps.
fn seasons(options: &Options) -> Seasons {
    let step = options.step.as_millis().max(1);
    let mut lengths: Vec<i64> = options
        .seasons
        .iter()
        .map(|season| i64::try_from(season.as_millis() / step).unwrap_or(0))
        .filter(|steps| *steps > 1)
        .collect();
    lengths.sort_unstable();
    lengths.dedup();
    Seasons { day: lengths.first().copied().unwrap_or(0), week: lengths.get(1).copied().unwrap_or(0) }
}
