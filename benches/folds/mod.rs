//! Traces, and the folds that forecasts of them are scored on.
//!
//! Rolling origins over the last 40 % of each trace, as many again as are wanted, of which every other one is taken, from
//! the first to where the longest horizon just fits. A model is given at most the 14 days before an origin and
//! is asked for 5, 15 and 60 minutes (1, 2 and 8 steps where a step is half an hour). Every known step up to the horizon is
//! scored. Errors are divided by the in-sample error of the day-seasonal naive forecast over those 14 days (MASE).

#![allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "steps are few")]

pub(crate) mod peers;

use std::time::Duration;

use headroom::forecast::{Forecast, Predictor};
use headroom::time::Timestamp;

/// All traces, and whether each was kept out while the forecaster was developed.
pub(crate) const TRACES: [(&str, bool); 12] = [
    ("alibaba2018", false),
    ("aws-elb", false),
    ("crane-burst", false),
    ("crane-daily", false),
    ("crane-noisy", true),
    ("crane-qps", false),
    ("crane-step", false),
    ("google2019", true),
    ("nasa-aug95", true),
    ("nasa-jul95", false),
    ("nyc-taxi", false),
    ("worldcup98", false),
];

fn path(name: &str) -> String {
    format!("{}/benches/traces/{name}.csv", env!("CARGO_MANIFEST_DIR"))
}

/// A measured workload: NaN where a sample is missing.
pub(crate) struct Trace {
    pub(crate) name: &'static str,
    pub(crate) held_out: bool,
    start: i64,
    pub(crate) step: i64,
    pub(crate) values: Vec<f64>,
}

impl Trace {
    pub(crate) fn load((name, held_out): (&'static str, bool)) -> Self {
        let path = path(name);
        let text = std::fs::read_to_string(&path).expect("the traces stand beside the bench");
        let (head, values) = text.split_once("\nvalue\n").expect("a head, a title, a value a line");
        let field = |name: &str| -> i64 {
            let field = head.split_whitespace().find_map(|word| word.strip_prefix(name)).expect("start= and step=");
            field.parse().expect("seconds")
        };
        let value = |line: &str| if line.is_empty() { f64::NAN } else { line.parse().expect("a number") };
        Self {
            name,
            held_out,
            start: field("start="),
            step: field("step="),
            values: values.lines().map(value).collect(),
        }
    }

    pub(crate) fn path(&self) -> String {
        path(self.name)
    }

    pub(crate) fn step(&self) -> Duration {
        Duration::from_secs(self.step.unsigned_abs())
    }

    fn day(&self) -> usize {
        (86_400 / self.step) as usize
    }

    /// Steps of 5, 15 and 60 minutes.
    pub(crate) fn horizons(&self) -> [usize; 3] {
        if self.step >= 1_800 {
            [1, 2, 8]
        } else {
            [300, 900, 3_600].map(|length| ((length / self.step) as usize).max(1))
        }
    }

    /// `count` origins: the index of the first step that is not known yet.
    pub(crate) fn origins(&self, count: usize) -> Vec<usize> {
        let first = self.values.len() * 3 / 5;
        let last = self.values.len() - self.horizons()[2] - 1;
        (0..count).map(|fold| first + 2 * fold * (last - first) / (2 * count - 1)).collect()
    }

    /// Where the history that a model is given begins.
    pub(crate) fn begin(&self, origin: usize) -> usize {
        origin.saturating_sub(14 * self.day())
    }

    /// What errors are divided by.
    fn scale(&self, origin: usize) -> f64 {
        let (day, values) = (self.day(), &self.values);
        let differences = (self.begin(origin) + day..origin).map(|step| (values[step] - values[step - day]).abs());
        mean(differences.filter(|difference| !difference.is_nan()))
    }

    fn sample(&self, step: usize) -> (Timestamp, Option<f64>) {
        let at = Timestamp::from_millis(self.start * 1_000) + self.step() * u32::try_from(step).expect("steps");
        (at, Some(self.values[step]).filter(|value| !value.is_nan()))
    }

    /// Step by step, as a running system does.
    pub(crate) fn feed(&self, predictor: &mut Predictor, steps: std::ops::Range<usize>) {
        for (at, value) in steps.map(|step| self.sample(step)) {
            predictor.observe(at, value);
        }
    }

    /// All at once, as a file is read.
    pub(crate) fn feed_all(&self, predictor: &mut Predictor, steps: std::ops::Range<usize>) {
        predictor.observe_all(steps.map(|step| self.sample(step)));
    }

    /// Scores a forecast made at `origin`, by horizon.
    pub(crate) fn score(&self, origin: usize, forecast: &Forecast) -> [Score; 3] {
        let scale = self.scale(origin);
        self.horizons().map(|horizon| {
            let ahead = self.values[origin..origin + horizon].iter().zip(&forecast.points);
            let known: Vec<_> = ahead.filter(|(value, _)| !value.is_nan()).collect();
            if known.is_empty() {
                return Score::default();
            }
            let mae = mean(known.iter().map(|(value, point)| (*value - point.p50).abs()));
            let pinball = mean(known.iter().map(|(value, point)| {
                let over = *value - point.p90;
                if over > 0.0 { 0.9 * over } else { -0.1 * over }
            }));
            let peak = known.iter().map(|(value, _)| **value).fold(f64::NEG_INFINITY, f64::max);
            let foreseen = forecast.points[horizon - 1].peak90;
            Score {
                count: 1.0,
                mase: mae / scale,
                error: mae,
                demand: mean(known.iter().map(|(value, _)| value.abs())),
                pinball: pinball / scale,
                covered: mean(known.iter().map(|(value, point)| f64::from(u8::from(**value <= point.p90)))),
                peak_covered: f64::from(u8::from(peak <= foreseen)),
                over: if peak > 0.0 { (foreseen - peak).max(0.0) / peak } else { 0.0 },
            }
        })
    }
}

fn mean(values: impl Iterator<Item = f64>) -> f64 {
    let (sum, count) = values.fold((0.0, 0.0), |(sum, count), value| (sum + value, count + 1.0));
    sum / count
}

/// Sums over folds, of which the means are shown.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Score {
    pub(crate) count: f64,
    mase: f64,
    error: f64,
    demand: f64,
    pinball: f64,
    covered: f64,
    peak_covered: f64,
    over: f64,
}

/// The figures of one method on one trace, or their means over traces.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Figures {
    pub(crate) mase: f64,
    pub(crate) wape: f64,
    pub(crate) pinball: f64,
    pub(crate) covered: f64,
    pub(crate) peak_covered: f64,
    pub(crate) over: f64,
}

impl Score {
    pub(crate) fn add(&mut self, other: &Self) {
        self.count += other.count;
        self.mase += other.mase;
        self.error += other.error;
        self.demand += other.demand;
        self.pinball += other.pinball;
        self.covered += other.covered;
        self.peak_covered += other.peak_covered;
        self.over += other.over;
    }

    pub(crate) fn figures(&self) -> Figures {
        let share = |sum: f64| sum / self.count;
        Figures {
            mase: share(self.mase),
            wape: self.error / self.demand,
            pinball: share(self.pinball),
            covered: share(self.covered),
            peak_covered: share(self.peak_covered),
            over: share(self.over),
        }
    }
}

/// The mean over traces.
pub(crate) fn average(all: &[[Figures; 3]]) -> [Figures; 3] {
    let of = |horizon: usize, field: fn(&Figures) -> f64| mean(all.iter().map(|figures| field(&figures[horizon])));
    [0, 1, 2].map(|horizon| Figures {
        mase: of(horizon, |figures| figures.mase),
        wape: of(horizon, |figures| figures.wape),
        pinball: of(horizon, |figures| figures.pinball),
        covered: of(horizon, |figures| figures.covered),
        peak_covered: of(horizon, |figures| figures.peak_covered),
        over: of(horizon, |figures| figures.over),
    })
}
