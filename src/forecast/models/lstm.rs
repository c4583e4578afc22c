//! A small recurrent network over a window of the newest steps: S. Hochreiter and J. Schmidhuber, "Long short-term memory",
//! Neural Computation 9, 1997, trained by Adam with weight decay (I. Loshchilov and F. Hutter, 2019), by the crate candle.
//! Behind the feature `lstm`. It is trained at each fit from the same weights, so that equal histories give equal forecasts.

use candle_core::{DType, Device, Result, Tensor, Var};
use candle_nn::rnn::{LSTM, LSTMConfig, RNN as _, lstm};
use candle_nn::{AdamW, Linear, Module as _, Optimizer as _, VarBuilder, VarMap, linear};

use super::careful::{Clean, Method};
use crate::forecast::Unfit;

/// Steps that the network sees, and numbers that it sees of each.
const WINDOW: usize = 24;
const INPUTS: usize = 5;
/// Cells of the network.
const CELLS: usize = 16;
/// Distances that it forecasts; straight lines lie between.
const DISTANCES: [usize; 8] = [1, 2, 4, 8, 15, 30, 45, 60];
/// The farthest of them.
const FARTHEST: usize = 60;
/// Windows that it is trained on, how many at once, and how often each: a second in all.
const WINDOWS_MAX: usize = 512;
const BATCH: usize = 64;
const EPOCHS: usize = 16;
/// How far a training step goes.
const RATE: f64 = 0.01;

#[derive(Debug, Default)]
pub(super) struct Lstm {
    network: Option<Network>,
    past: Past,
}

#[derive(Debug)]
struct Network {
    cells: LSTM,
    out: Linear,
}

/// As much of the past as the network is shown.
#[derive(Debug, Default)]
struct Past {
    values: Vec<f64>,
    /// Steps that were let go before the first of `values`.
    gone: usize,
    /// The season's length, where two of them are past.
    season: Option<usize>,
    /// What a difference of 1 is to the network.
    spread: f64,
}

impl Past {
    /// The value one season before, where there is one.
    fn before(&self, at: usize) -> Option<f64> {
        self.values.get(at.checked_sub(self.season?)?).copied()
    }

    /// What is shown of the step `at` to a forecast made at `origin`: the value, the season before then and an hour on, and
    /// the time of the season; all relative to the origin.
    fn inputs(&self, at: usize, origin: usize) -> [f32; INPUTS] {
        let difference =
            |value: Option<f64>, base: Option<f64>| value.zip(base).map_or(0.0, |(value, base)| value - base);
        let shown = [
            difference(self.values.get(at).copied(), self.values.get(origin).copied()),
            difference(self.before(at), self.before(origin)),
            difference(self.before(at + FARTHEST), self.before(origin)),
        ];
        let (sin, cos) = self.season.map_or((0.0, 0.0), |season| {
            (((self.gone + at) % season) as f64 / season as f64 * std::f64::consts::TAU).sin_cos()
        });
        #[allow(clippy::cast_possible_truncation, reason = "the network computes in single precision")]
        [shown[0] / self.spread, shown[1] / self.spread, shown[2] / self.spread, sin, cos].map(|input| input as f32)
    }

    fn window(&self, origin: usize) -> impl Iterator<Item = f32> {
        (origin + 1 - WINDOW..=origin).flat_map(move |at| self.inputs(at, origin))
    }
}

impl Network {
    /// A network whose weights are always the same.
    fn new() -> Result<(Self, Vec<Var>)> {
        let weights = VarMap::new();
        let builder = VarBuilder::from_varmap(&weights, DType::F32, &Device::Cpu);
        let cells = lstm(INPUTS, CELLS, LSTMConfig::default(), builder.clone())?;
        let out = linear(CELLS, DISTANCES.len(), builder.pp("out"))?;
        // candle draws the first weights by chance: they are drawn again from a generator of our own, in the order of
        // their names.
        let mut state = 1_u64;
        let mut named: Vec<(String, Var)> = match weights.data().lock() {
            Ok(weights) => weights.iter().map(|(name, var)| (name.clone(), var.clone())).collect(),
            Err(_) => Vec::new(),
        };
        named.sort_by(|a, b| a.0.cmp(&b.0));
        let reach = 1.0 / (CELLS as f32).sqrt();
        for (name, var) in &named {
            // What comes out begins at zero, which says "as now".
            let reach = if name.starts_with("out") { 0.0 } else { reach };
            let drawn: Vec<f32> = (0..var.elem_count())
                .map(|_| {
                    state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                    ((state >> 40) as f32 / (1_u32 << 23) as f32 - 1.0) * reach
                })
                .collect();
            var.set(&Tensor::from_vec(drawn, var.shape(), &Device::Cpu)?)?;
        }
        Ok((Self { cells, out }, named.into_iter().map(|(_, var)| var).collect()))
    }

    /// Differences to the origin at each distance, for windows of shape (count, [`WINDOW`], [`INPUTS`]).
    fn forward(&self, windows: &Tensor) -> Result<Tensor> {
        let states = self.cells.seq(windows)?;
        let Some(last) = states.last() else { candle_core::bail!("a window has no steps") };
        self.out.forward(last.h())
    }

    fn trained(past: &Past, known: &[bool]) -> Result<Self> {
        let (network, weights) = Self::new()?;
        let first = WINDOW + past.season.unwrap_or(0);
        let origins = first..past.values.len().saturating_sub(FARTHEST);
        let stride = origins.len().div_ceil(WINDOWS_MAX).max(1);
        // Half of the steps may be missing: a window counts for the distances at which something is known.
        let is_known = |step: usize| known.get(step) == Some(&true);
        let told = |origin: &usize| DISTANCES.iter().any(|distance| is_known(origin + distance));
        let origins: Vec<usize> = origins.step_by(stride).filter(told).collect();
        let mut optimizer = AdamW::new_lr(weights, RATE)?;
        for epoch in 0..EPOCHS {
            // Each batch holds windows from all of the past: every n-th one.
            let batches = origins.len().div_ceil(BATCH);
            for batch in 0..batches {
                let shift = (batch + epoch) % batches;
                let chosen: Vec<usize> = origins.iter().copied().skip(shift).step_by(batches).collect();
                let windows: Vec<f32> = chosen.iter().flat_map(|origin| past.window(*origin)).collect();
                let pairs = || chosen.iter().flat_map(|&origin| DISTANCES.map(|distance| (origin, origin + distance)));
                let mask: Vec<f32> = pairs().map(|(_, target)| f32::from(u8::from(is_known(target)))).collect();
                #[allow(clippy::cast_possible_truncation, reason = "the network computes in single precision")]
                let targets: Vec<f32> = pairs()
                    .map(|(origin, target)| ((past.values[target] - past.values[origin]) / past.spread) as f32)
                    .collect();
                let shape = (chosen.len(), DISTANCES.len());
                let windows = Tensor::from_vec(windows, (chosen.len(), WINDOW, INPUTS), &Device::Cpu)?;
                let (mask, targets) =
                    (Tensor::from_vec(mask, shape, &Device::Cpu)?, Tensor::from_vec(targets, shape, &Device::Cpu)?);
                let missed = ((network.forward(&windows)? - targets)? * &mask)?;
                optimizer.backward_step(&(missed.sqr()?.sum_all()? / mask.sum_all()?)?)?;
            }
        }
        Ok(network)
    }
}

impl Method for Lstm {
    const NAME: &'static str = "lstm";

    fn least(_: &[usize]) -> usize {
        3 * (WINDOW + FARTHEST)
    }

    fn fit(&mut self, past: &Clean<'_>) -> std::result::Result<(), Unfit> {
        let count = past.values.len();
        let season =
            past.seasons.first().copied().filter(|season| *season >= FARTHEST && count >= 2 * season + FARTHEST);
        let mean = past.values.iter().sum::<f64>() / count as f64;
        let variance = past.values.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / count as f64;
        let spread = variance.sqrt().max(f64::MIN_POSITIVE * 1e20);
        self.past = Past { values: past.values.to_vec(), gone: 0, season, spread };
        let failed = |error| Unfit::Failed(format!("candle: {error}"));
        self.network = Some(Network::trained(&self.past, past.known).map_err(failed)?);
        Ok(())
    }

    fn update(&mut self, value: Option<f64>) {
        let mut expected = Vec::new();
        if value.is_none() {
            self.forecast(1, &mut expected);
        }
        self.past.values.push(value.or(expected.first().copied()).unwrap_or(0.0));
        let least = self.past.season.unwrap_or(0) + WINDOW + 1;
        if self.past.values.len() > 2 * least {
            let old = self.past.values.len() - least;
            self.past.values.drain(..old);
            self.past.gone += old;
        }
    }

    fn forecast(&self, horizon: usize, points: &mut Vec<f64>) {
        let (Some(network), Some(origin)) = (&self.network, self.past.values.len().checked_sub(1)) else { return };
        let Some(&base) = self.past.values.get(origin).filter(|_| origin >= WINDOW) else { return };
        let window = Tensor::from_vec(self.past.window(origin).collect(), (1, WINDOW, INPUTS), &Device::Cpu);
        let ahead = window.and_then(|window| network.forward(&window)?.squeeze(0)?.to_vec1::<f32>());
        // A network that can't answer says "as now".
        let ahead = ahead.unwrap_or_else(|_| vec![0.0; DISTANCES.len()]);
        for step in 1..=horizon {
            let at = |index: usize| f64::from(ahead.get(index).copied().unwrap_or(0.0)) * self.past.spread;
            let next = DISTANCES.partition_point(|distance| *distance < step);
            points.push(match (next.checked_sub(1).and_then(|at| DISTANCES.get(at)), DISTANCES.get(next)) {
                (Some(near), Some(far)) => {
                    let part = (step - near) as f64 / (far - near) as f64;
                    base + at(next - 1) * (1.0 - part) + at(next) * part
                }
                (None, _) => base + at(0),
                // Beyond the farthest, the season goes on from there.
                (_, None) => {
                    let season = self.past.season.unwrap_or(1);
                    let then = |step: usize| self.past.before(origin + (step - 1) % season + 1);
                    let moved = then(step).zip(then(FARTHEST)).map_or(0.0, |(then, farthest)| then - farthest);
                    base + at(DISTANCES.len() - 1) + moved
                }
            });
        }
    }
}
