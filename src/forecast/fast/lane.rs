//! The fast lane itself: one series's models, records and calibration, brought forward step by step.

use super::calibration::{Adaptation, Histogram};
use super::levels::{Levels, Origin};
use super::mixing::{Record, mix};
use super::profile::Profile;
use super::regression::{Regression, Row};
use super::rows::{self, COMBINER, EXPERTS, LOG, Lens, PROFILE, SLOW, Seasonal, Seasons};
use super::{ANCHORS, REACH, between, decay, lerp};
use crate::demand::History;
use crate::demand::packed::{Cursor, Packed, packed};
use crate::forecast::Holidays;
use crate::forecast::slow::Slow;
use crate::forecast::trust::Outcome;

const COUNT: usize = ANCHORS.len();
const ORIGINS: usize = 64;
/// Half-life of the combiner's memory, in days' worth of steps.
const LEARNING_DAYS: f64 = 3.0;
/// The anchor that trust is measured at: five steps ahead.
const SIZE: f64 = 1.0;
const JUDGED: usize = 3;
/// What a day that was lent weighs where nobody has a record yet.
const LENT: f64 = 0.6;
/// Half-life of the histograms.
const CALIBRATION_DAYS: f64 = 2.0;

/// A quantile of scaled errors at each anchor.
pub(crate) type Errors = [f64; COUNT];

/// Forecasts that wait for what came of them: at each anchor as many as it is steps ahead.
#[derive(Debug, Clone)]
struct Waiting(Vec<f32>);

impl Waiting {
    fn new() -> Self {
        Self(vec![f32::NAN; ANCHORS.iter().sum()])
    }

    fn slot(anchor: usize, number: i64) -> usize {
        let before: usize = ANCHORS.iter().take(anchor).sum();
        let length = i64::try_from(ANCHORS[anchor]).unwrap_or(1);
        before + usize::try_from(number.rem_euclid(length)).unwrap_or(0)
    }

    fn get(&self, anchor: usize, number: i64) -> f64 {
        f64::from(self.0[Self::slot(anchor, number)])
    }

    #[allow(clippy::cast_possible_truncation)]
    fn put(&mut self, anchor: usize, number: i64, value: f64) {
        self.0[Self::slot(anchor, number)] = value as f32;
    }
}

/// All that the fast lane keeps of one series.
#[derive(Debug, Clone)]
pub(crate) struct Lane {
    pub(crate) seasons: Seasons,
    pub(crate) levels: Levels,
    pub(crate) profile: Profile,
    origins: Vec<Origin>,
    seasonal: [f64; 3],
    regressions: Vec<Regression>,
    logs: Vec<Regression>,
    records: Vec<Record>,
    steps: Vec<Histogram>,
    peaks: Vec<Histogram>,
    adaptations: Vec<Adaptation>,
    peak_adaptations: Vec<Adaptation>,
    combined: Waiting,
    logged: Waiting,
    mixed: Waiting,
    crests: Waiting,
    slow: Waiting,
    day_steps: f64,
    /// Days that are not like the others.
    pub(crate) holidays: Holidays,
}

packed!(Lane: levels, profile, origins, seasonal, regressions, logs, logged, records, steps, peaks, adaptations, peak_adaptations,
    combined, mixed, crests, slow);

impl Packed for Waiting {
    fn pack(&self, bytes: &mut Vec<u8>) {
        self.0.pack(bytes);
    }

    fn unpack(&mut self, bytes: &mut Cursor<'_>) -> Option<()> {
        self.0.unpack(bytes)
    }
}

/// What comes before any learning: the naive forecast bends towards the averages and what the seasons say.
fn prior(ahead: usize) -> Row {
    let h = ahead as f64;
    let y = 0.9 / (1.0 + h / 6.0);
    let season = 0.7;
    [y, 0.0, 0.0, 0.3, season * 0.4, 0.0, season * 0.3, 0.0, season * 0.3, 0.0, 0.0, 0.0]
}

fn slot(number: i64) -> usize {
    usize::try_from(number.rem_euclid(ORIGINS as i64)).unwrap_or(0)
}

impl Lane {
    pub(crate) fn new(seasons: Seasons, ratio: i64, day_steps: f64) -> Self {
        let width = |ahead: &usize| 1.2 * (*ahead as f64).sqrt();
        Self {
            seasons,
            levels: Levels::NONE,
            profile: Profile::new(seasons.day, ratio),
            origins: vec![Origin::NONE; ORIGINS],
            seasonal: [f64::NAN; 3],
            regressions: ANCHORS.iter().map(|ahead| Regression::new(&prior(*ahead))).collect(),
            logs: ANCHORS.iter().map(|ahead| Regression::new(&prior(*ahead))).collect(),
            logged: Waiting::new(),
            records: vec![Record::NEW; COUNT],
            steps: ANCHORS.iter().map(|ahead| Histogram::new(width(ahead))).collect(),
            peaks: ANCHORS.iter().map(|ahead| Histogram::new(width(ahead))).collect(),
            adaptations: vec![Adaptation::NEW; COUNT],
            peak_adaptations: vec![Adaptation::NEW; COUNT],
            combined: Waiting::new(),
            mixed: Waiting::new(),
            crests: Waiting::new(),
            slow: Waiting::new(),
            day_steps,
            holidays: Holidays::default(),
        }
    }

    fn lens<'a>(&'a self, history: &'a History) -> Lens<'a> {
        Lens { history, profile: &self.profile, seasons: self.seasons, holidays: &self.holidays }
    }

    /// Learns from the step `number`, which has closed with `y` (NaN: nothing is known of it); `slow` knows it.
    /// Gives what came of the forecast that trust is measured by.
    pub(crate) fn close(&mut self, history: &History, number: i64, y: f64, slow: &Slow) -> Option<Outcome> {
        let outcome = if y.is_nan() { None } else { self.learn(history, number, y, slow.is_named()) };
        if !y.is_nan() && self.levels.count >= 3.0 {
            self.profile.settle(number, self.levels.mid);
        }
        self.profile.advance(history, &self.holidays, number, REACH as i64 + 1);
        let seasonal = self.lens(history).now(number);
        Self::forward(&mut self.levels, &mut self.seasonal, y, seasonal);
        let origin = self.origin(y);
        self.origins[slot(number)] = origin;
        for anchor in 0..COUNT {
            if (number.rem_euclid(4) as usize) == anchor % 4 || self.levels.count < 200.0 {
                self.regressions[anchor].solve(&prior(ANCHORS[anchor]));
                self.logs[anchor].solve(&prior(ANCHORS[anchor]));
            }
        }
        if y.is_nan() {
            for anchor in 0..COUNT {
                self.mixed.put(anchor, number, f64::NAN);
            }
            return outcome;
        }
        let mut path = Vec::with_capacity(REACH);
        self.path(history, number, &origin, slow, REACH, &mut path);
        let mut crest = f64::NEG_INFINITY;
        let mut from = 0;
        for (anchor, ahead) in ANCHORS.iter().enumerate() {
            crest = path[from..*ahead].iter().copied().fold(crest, f64::max);
            from = *ahead;
            let seasonal = self.lens(history).seasonal(number, *ahead);
            let row = rows::row(&origin, &seasonal, *ahead);
            let logged = self.combine_logs(anchor, anchor, 0.0, &origin, rows::log_row(&origin, &seasonal, *ahead));
            self.logged.put(anchor, number, logged);
            let combined = self.combine(anchor, anchor, 0.0, &origin, &row);
            self.combined.put(anchor, number, combined);
            self.mixed.put(anchor, number, path[*ahead - 1]);
            self.crests.put(anchor, number, crest);
            let slow = self.slow_at(slow, history, number.saturating_add(*ahead as i64));
            self.slow.put(anchor, number, slow);
        }
        outcome
    }

    /// What the slow lane says of a step. Its own choice knows no holidays; a model that a rule names is heard always.
    fn slow_at(&self, slow: &Slow, history: &History, number: i64) -> f64 {
        if !slow.is_named() && self.holidays.is_like(history, number) { f64::NAN } else { slow.at(number) }
    }

    /// Brings averages forward.
    fn forward(levels: &mut Levels, seasonal: &mut [f64; 3], y: f64, now: [f64; 3]) {
        levels.update(y);
        if y.is_nan() {
            return;
        }
        let gain = (1.0 - decay(8.0)).max(1.0 / levels.count);
        for (kept, value) in seasonal.iter_mut().zip(now) {
            if value.is_nan() {
                continue;
            }
            *kept = if kept.is_nan() { value } else { *kept + gain * (value - *kept) };
        }
    }

    #[allow(clippy::cast_possible_truncation)]
    fn origin(&self, y: f64) -> Origin {
        Self::origin_of(&self.levels, &self.seasonal, y)
    }

    #[allow(clippy::cast_possible_truncation)]
    fn origin_of(levels: &Levels, seasonal: &[f64; 3], y: f64) -> Origin {
        Origin {
            y: y as f32,
            fast: levels.fast as f32,
            mid: levels.mid as f32,
            slow: levels.slow as f32,
            slope: levels.slope as f32,
            base: levels.base as f32,
            noise: levels.noise as f32,
            scale: (levels.noise * levels.noise_long).sqrt() as f32,
            day: seasonal[0] as f32,
            week: seasonal[1] as f32,
            profile: seasonal[2] as f32,
            size: ((levels.slow.abs() + levels.noise).powf(SIZE)
                * (levels.long.abs() + levels.noise_long).powf(1.0 - SIZE)
                + 1e-9) as f32,
        }
    }

    /// What errors at this origin are divided by, for a forecast of `mean`.
    fn scale(&self, origin: &Origin, mean: f64) -> f64 {
        let long = self.levels.long.abs();
        let level = mean.abs().max(0.05 * long).max(1e-12);
        let relative = if long > 0.0 { (level / long).powf(0.25) } else { 1.0 };
        f64::from(origin.scale) * relative + 1e-4 * long + 1e-12
    }

    fn learn(&mut self, history: &History, number: i64, y: f64, _named: bool) -> Option<Outcome> {
        let mut outcome = None;
        let forget = decay((LEARNING_DAYS * self.day_steps).max(1_000.0));
        let keep = decay((CALIBRATION_DAYS * self.day_steps).max(300.0));
        let mut crest = y;
        let mut seen = 1;
        for (anchor, ahead) in ANCHORS.iter().enumerate() {
            let from = number.saturating_sub(*ahead as i64);
            // The largest step of the window: unknown ones can't have been seen.
            while seen < *ahead {
                let value = history.units(number.saturating_sub(seen as i64));
                if value > crest {
                    crest = value;
                }
                seen += 1;
            }
            let mixed = self.mixed.get(anchor, from);
            if self.levels.count < *ahead as f64 || !mixed.is_finite() {
                continue;
            }
            let origin = self.origins[slot(from)];
            if origin.y.is_nan() {
                continue;
            }
            let seasonal = self.lens(history).seasonal(from, *ahead);
            let mut experts = rows::experts(&origin, &seasonal, *ahead);
            experts[COMBINER] = self.combined.get(anchor, from);
            experts[SLOW] = self.slow.get(anchor, from);
            experts[LOG] = self.logged.get(anchor, from);
            if let Some(row) = rows::log_row(&origin, &seasonal, *ahead)
                && experts[LOG].is_finite()
                && y >= 0.0
            {
                let target = rows::log_target(&origin, y);
                let residual = target - rows::log_target(&origin, experts[LOG]);
                self.logs[anchor].learn(&row, target, residual, forget);
            }
            self.records[anchor].score(&experts, y);

            let row = rows::row(&origin, &seasonal, *ahead);
            let size = rows::size(&origin);
            let target = (y - f64::from(origin.mid)) / size;
            let residual = (y - experts[COMBINER]) / size;
            if target.abs() < 1e6 && residual.is_finite() {
                self.regressions[anchor].learn(&row, target, residual, forget);
            }

            let scale = self.scale(&origin, mixed);
            let error = (y - mixed) / scale;
            let adaptation = &mut self.adaptations[anchor];
            let above = error > self.steps[anchor].quantile(adaptation.level(0.9));
            let below = error < self.steps[anchor].quantile(adaptation.level(0.1));
            adaptation.note(above, below);
            if anchor == JUDGED {
                let naive = (y - f64::from(origin.y)).abs();
                let usual = self.steps[anchor].mean().max(1e-12);
                outcome = Some(Outcome { error: (y - mixed).abs(), naive, scaled: error / usual, above });
            }
            self.steps[anchor].add(error, keep);
            let error = (crest - self.crests.get(anchor, from)) / scale;
            let adaptation = &mut self.peak_adaptations[anchor];
            let above = error > self.peaks[anchor].quantile(adaptation.level(0.9));
            adaptation.note(above, false);
            self.peaks[anchor].add(error, keep);
        }
        outcome
    }

    /// The combiner's forecast, with weights on the way between two anchors.
    fn combine(&self, lower: usize, upper: usize, way: f64, origin: &Origin, row: &Row) -> f64 {
        let (a, b) = (&self.regressions[lower], &self.regressions[upper]);
        let scaled = if lower == upper { a.predict(row) } else { lerp(a.predict(row), b.predict(row), way) };
        f64::from(origin.mid) + scaled * rows::size(origin)
    }

    fn combine_logs(&self, lower: usize, upper: usize, way: f64, origin: &Origin, row: Option<Row>) -> f64 {
        let Some(row) = row else { return f64::NAN };
        let (a, b) = (&self.logs[lower], &self.logs[upper]);
        let log = if lower == upper { a.predict(&row) } else { lerp(a.predict(&row), b.predict(&row), way) };
        rows::from_log(origin, log)
    }

    /// Who is believed by a record. Before there is one, a day that was lent is believed more than averages.
    fn weights_by(&self, record: &Record) -> [f64; EXPERTS.len()] {
        let mut weights = record.weights();
        if self.profile.borrowed && record.is_empty() {
            weights = weights.map(|weight| weight * (1.0 - LENT));
            weights[PROFILE] += LENT;
        }
        weights
    }

    /// Writes the means of the next `horizon` steps over `path`.
    fn path(&self, history: &History, number: i64, origin: &Origin, slow: &Slow, horizon: usize, path: &mut Vec<f64>) {
        path.clear();
        let weights: Vec<_> = self.records.iter().map(|record| self.weights_by(record)).collect();
        let lens = self.lens(history);
        let (floor, cap) = bounds(history);
        for ahead in 1..=horizon {
            let (lower, upper, way) = between(ahead);
            let reach = ahead.min(REACH);
            let seasonal: Seasonal = lens.seasonal(number, ahead);
            let mut experts = rows::experts(origin, &seasonal, reach);
            experts[COMBINER] = self.combine(lower, upper, way, origin, &rows::row(origin, &seasonal, reach));
            experts[SLOW] = self.slow_at(slow, history, number.saturating_add(ahead as i64));
            experts[LOG] = self.combine_logs(lower, upper, way, origin, rows::log_row(origin, &seasonal, reach));
            let mut mixed = mix(&weights[lower], &experts);
            if lower != upper {
                mixed = lerp(mixed, mix(&weights[upper], &experts), way);
            }
            if slow.is_named() && experts[SLOW].is_finite() {
                mixed = experts[SLOW];
            }
            if !mixed.is_finite() {
                mixed = f64::from(origin.fast);
            }
            path.push(mixed.max(floor).min(cap));
        }
    }

    /// What the newest step looks like as an origin: `y` may be that of a step still open.
    pub(crate) fn provisional(&self, history: &History, number: i64, y: f64) -> (Origin, Levels) {
        let (mut levels, mut seasonal) = (self.levels, self.seasonal);
        let now = self.lens(history).now(number);
        Self::forward(&mut levels, &mut seasonal, y, now);
        (Self::origin_of(&levels, &seasonal, y), levels)
    }

    pub(crate) fn means(
        &self,
        history: &History,
        number: i64,
        origin: &Origin,
        slow: &Slow,
        horizon: usize,
    ) -> Vec<f64> {
        let mut path = Vec::with_capacity(horizon);
        self.path(history, number, origin, slow, horizon, &mut path);
        path
    }

    /// The quantile `level` of scaled errors at each anchor.
    pub(crate) fn errors(&self, level: f64) -> Errors {
        std::array::from_fn(|anchor| self.steps[anchor].quantile(self.adaptations[anchor].level(level)))
    }

    /// The same of the largest step from the first to the anchor.
    pub(crate) fn peak_errors(&self, level: f64) -> Errors {
        std::array::from_fn(|anchor| self.peaks[anchor].quantile(self.peak_adaptations[anchor].level(level)))
    }

    /// How far a quantile, whose errors at the anchors are given, lies from the `mean` of the step `ahead`.
    pub(crate) fn offset(&self, errors: &Errors, origin: &Origin, mean: f64, ahead: usize) -> f64 {
        let (lower, upper, way) = between(ahead);
        lerp(errors[lower], errors[upper], way) * self.scale(origin, mean) * beyond(ahead)
    }

    /// Demand has changed its ways: what was learned before counts less.
    pub(crate) fn change(&mut self) {
        self.regressions.iter_mut().chain(&mut self.logs).for_each(Regression::doubt);
        self.records.iter_mut().for_each(Record::doubt);
    }

    /// Values that were of one unit are of another now, of which the old one is `factor`.
    #[allow(clippy::cast_possible_truncation)]
    pub(crate) fn rescale(&mut self, factor: f64) {
        self.levels.rescale(factor);
        self.origins.iter_mut().for_each(|origin| origin.rescale(factor));
        self.seasonal.iter_mut().for_each(|value| *value *= factor);
        self.records.iter_mut().for_each(|record| record.rescale(factor));
        let waiting = [&mut self.combined, &mut self.logged, &mut self.mixed, &mut self.crests, &mut self.slow];
        let values = waiting.into_iter().flat_map(|waiting| &mut waiting.0).chain(&mut self.profile.slots);
        values.for_each(|value| *value = (f64::from(*value) * factor) as f32);
    }

    /// What it takes in memory, in bytes.
    pub(crate) fn size(&self) -> usize {
        size_of::<Self>()
            + self.profile.slots.capacity() * size_of::<f32>()
            + self.origins.capacity() * size_of::<Origin>()
            + COUNT * (2 * size_of::<Regression>() + size_of::<Record>())
            + COUNT * 2 * (size_of::<Histogram>() + size_of::<Adaptation>())
            + 5 * self.mixed.0.capacity() * size_of::<f32>()
    }

    /// The origin of the step `number`, which has closed.
    pub(crate) fn closed(&self, number: i64) -> Origin {
        self.origins[slot(number)]
    }

    pub(crate) fn leader(&self) -> usize {
        let weights = self.weights();
        (0..EXPERTS.len()).max_by(|a, b| weights[*a].total_cmp(&weights[*b])).unwrap_or(COMBINER)
    }

    pub(crate) fn weights(&self) -> [f64; EXPERTS.len()] {
        self.records[JUDGED].weights()
    }
}

/// Errors beyond the farthest anchor grow with the root of time.
fn beyond(ahead: usize) -> f64 {
    (ahead.max(REACH) as f64 / REACH as f64).sqrt().min(4.0)
}

/// No forecast leaves these: below zero only where demand has been, and never far above what the week has seen.
pub(crate) fn bounds(history: &History) -> (f64, f64) {
    let floor = match history.least() {
        Some(least) if least < 0.0 => f64::NEG_INFINITY,
        _ => 0.0,
    };
    let cap = history
        .greatest()
        .map_or(f64::INFINITY, |greatest| if greatest > 0.0 { 1.5 * greatest } else { f64::INFINITY });
    (floor, cap)
}
