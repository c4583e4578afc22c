//! A trend of straight pieces and seasons as Fourier series: S. Taylor and B. Letham, "Forecasting at scale", The American
//! Statistician 72, 2018, by the crate augurs and the optimiser that it embeds. Behind the feature `prophet`, for it brings
//! a WebAssembly runtime. It does not follow between fits: what it foresaw at the fit is used up step by step.

use augurs::prophet::wasmstan::WasmstanOptimizer;
use augurs::prophet::{OptimizeOpts, PredictionData, Prophet as Model, ProphetOptions, TrainingData};

use super::careful::{Clean, Method};
use crate::forecast::Unfit;

/// Rows for a fit, which takes about a second for so many.
const ROWS_MAX: usize = 2016;
/// How many rows of the same distance are foreseen at a fit: a day of five-minute steps. What is beyond comes again.
const FORESEEN: usize = 288;
/// The optimiser draws from this seed.
const SEED: u32 = 1;

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
        let failed = |error: &dyn std::fmt::Display| Unfit::Failed(format!("augurs: {error}"));
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
        let (seconds, means) = rows.unzip();
        let training = TrainingData::new(seconds, means).map_err(|error| failed(&error))?;
        let options = ProphetOptions { uncertainty_samples: 0, ..ProphetOptions::default() };
        let mut model = Model::new(options, WasmstanOptimizer::new());
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
