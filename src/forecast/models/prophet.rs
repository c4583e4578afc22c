//! A trend of straight pieces and seasons as Fourier series: S. Taylor and B. Letham, "Forecasting at scale", The American
//! Statistician 72, 2018, by the crate augurs and the optimiser that it embeds. Behind the feature `prophet`, for it brings
//! a WebAssembly runtime. It does not follow between fits: what it foresaw at the fit is used up step by step.

use std::num::NonZeroU32;
use std::sync::LazyLock;

use augurs::prophet::optimizer::OptimizeOpts;
use augurs::prophet::wasmstan::WasmstanOptimizer;
use augurs::prophet::{PredictionData, Prophet as Model, ProphetOptions, Seasonality, SeasonalityOption, TrainingData};

use super::careful::{Clean, Method};
use crate::forecast::Unfit;

/// Rows for a fit, which takes about a second for so many.
const ROWS_MAX: usize = 2016;
/// How many rows of the same distance are foreseen at a fit: a day of five-minute steps. What is beyond comes again.
const FORESEEN: usize = 288;
/// The optimiser draws from this seed.
const SEED: u32 = 1;
/// Terms of the Fourier series of the shortest season, which has the detail, and of each longer one (the model's own for a
/// week).
const ORDERS: (u32, u32) = (10, 3);

/// Compiled from WebAssembly at its first use, which takes a second.
static OPTIMIZER: LazyLock<WasmstanOptimizer> = LazyLock::new(WasmstanOptimizer::new);

#[derive(Debug, Default)]
pub(super) struct Prophet {
    /// What was foreseen at the fit, `stride` steps apart, the first one step after it.
    path: Vec<f64>,
    stride: usize,
    /// Steps since the fit.
    passed: usize,
}

impl Method for Prophet {
    const NAME: &'static str = "prophet";

    fn least(_: &[usize]) -> usize {
        10
    }

    fn fit(&mut self, past: &Clean<'_>) -> Result<(), Unfit> {
        let count = past.values.len();
        let stride = count.div_ceil(ROWS_MAX).max(1);
        let second = |step: usize| {
            let ms = past.step.as_millis().saturating_mul(step as u128);
            past.start.as_millis().saturating_add(i64::try_from(ms).unwrap_or(i64::MAX)) / 1000
        };
        // The means of the known steps of each stretch; Prophet needs no row for the others.
        let stretches = past.values.chunks(stride).zip(past.known.chunks(stride)).enumerate();
        let rows = stretches.filter_map(|(at, (values, known))| {
            let known: Vec<f64> = values.iter().zip(known).filter(|row| *row.1).map(|row| *row.0).collect();
            let mean = known.iter().sum::<f64>() / known.len() as f64;
            (!known.is_empty()).then(|| (second(at * stride + (stride - 1) / 2), mean))
        });
        let (seconds, means): (Vec<i64>, Vec<f64>) = rows.unzip();
        if let [first, rest @ ..] = means.as_slice()
            && rest.iter().all(|mean| mean == first)
        {
            // The likelihood of a constant has no bound: the optimiser would run away.
            *self = Self { path: vec![*first], stride: 1, passed: 0 };
            return Ok(());
        }
        let training = TrainingData::new(seconds, means).map_err(|error| failed(&error))?;
        let none = SeasonalityOption::Manual(false);
        let options = ProphetOptions {
            uncertainty_samples: 0,
            yearly_seasonality: none,
            weekly_seasonality: none,
            daily_seasonality: none,
            ..ProphetOptions::default()
        };
        let mut model = Model::new(options, OPTIMIZER.clone());
        for (at, &season) in past.seasons.iter().enumerate().filter(|(_, season)| count >= 2 * **season) {
            let finest = u32::try_from(season / (2 * stride)).unwrap_or(u32::MAX);
            let order = if at == 0 { ORDERS.0 } else { ORDERS.1 }.min(finest);
            let days = past.step.as_secs_f64() * season as f64 / 86_400.0;
            if let (Some(order), Ok(days)) = (NonZeroU32::new(order), days.try_into()) {
                let season = Seasonality::new(days, order);
                model.add_seasonality(format!("season {at}"), season).map_err(|error| failed(&error))?;
            }
        }
        let seeded = OptimizeOpts { seed: Some(SEED), ..OptimizeOpts::default() };
        model.fit(training, seeded).map_err(|error| failed(&error))?;
        let coming = (0..FORESEEN).map(|at| second(count + at * stride)).collect();
        let foreseen = model.predict(PredictionData::new(coming)).map_err(|error| failed(&error))?;
        *self = Self { path: foreseen.yhat.point, stride, passed: 0 };
        Ok(())
    }

    fn update(&mut self, _: Option<f64>) {
        self.passed += 1;
    }

    fn forecast(&self, horizon: usize, points: &mut Vec<f64>) {
        let at = |index: usize| self.path.get(index % self.path.len().max(1)).copied().unwrap_or(0.0);
        points.extend((self.passed..self.passed + horizon).map(|step| {
            let (index, part) = (step / self.stride.max(1), step % self.stride.max(1));
            let part = part as f64 / self.stride.max(1) as f64;
            at(index) * (1.0 - part) + at(index + 1) * part
        }));
    }
}

/// The first line of an error: the rest is the optimiser's stack.
fn failed(error: &dyn std::fmt::Display) -> Unfit {
    let text = error.to_string();
    Unfit::Failed(format!("augurs: {}", text.lines().next().unwrap_or_default().trim_end_matches(':')))
}
