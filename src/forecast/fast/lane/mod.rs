//! The fast lane itself: one series's models, records and calibration, brought forward step by step.

mod learning;
mod outlook;
mod waiting;

pub(crate) use outlook::bounds;

use super::calibration::{Adaptation, Histogram};
use super::hours::Hours;
use super::levels::{Levels, Origin};
use super::mixing::Record;
use super::profile::Profile;
use super::regression::{Regression, Row};
use super::rows::{COMBINER, EXPERTS, Lens, PROFILE, Seasonal, Seasons};
use super::{ANCHORS, REACH};
use crate::demand::History;
use crate::demand::packed::packed;
use crate::forecast::Holidays;
use crate::forecast::slow::Slow;
use waiting::{Targets, Waiting};

const COUNT: usize = ANCHORS.len();
/// Steps that can be looked back at as origins: all that an anchor reaches, and the newest one.
const ORIGINS: usize = 64;
/// What is left of what was learned before demand changed its ways, and before a season was known: with a feature that
/// was not there, the others had other weights.
const CHANGED: f32 = 0.25;
const NEW_SEASON: f32 = 0.1;
/// What a day that was lent weighs where nobody has a record yet.
const LENT: f32 = 0.6;
/// The anchor that trust is measured at: five steps ahead.
const JUDGED: usize = 3;

/// All that the fast lane keeps of one series.
#[derive(Debug, Clone)]
pub(crate) struct Lane {
    pub(crate) seasons: Seasons,
    pub(crate) levels: Levels,
    pub(crate) profile: Profile,
    /// Steps in a day, and after how many an anchor draws its conclusions.
    day_steps: f64,
    settling: i64,
    /// Days that are not like the others.
    pub(crate) holidays: Holidays,
    origins: Vec<Origin>,
    /// The seasons, averaged as the middle average is.
    seasonal: [f64; 3],
    hours: Hours,
    targets: Targets,
    anchors: Vec<Anchor>,
    /// Forecasts by the combiners, by the slow lane, by all of them mixed, and the largest of these on the way.
    combined: Waiting,
    logged: Waiting,
    slow: Waiting,
    mixed: Waiting,
    crests: Waiting,
}
packed!(Lane: levels, profile, origins, seasonal, hours, targets, anchors, combined, logged, slow, mixed, crests);

/// What is learned of forecasts so many steps ahead.
#[derive(Debug, Clone)]
struct Anchor {
    /// The combiner, of values and of their logarithms.
    plain: Regression,
    log: Regression,
    record: Record,
    /// The experts' weights by the record.
    weights: [f32; EXPERTS.len()],
    /// Scaled errors of single steps, and of the largest step from the first to this one.
    steps: Histogram,
    peaks: Histogram,
    steps_level: Adaptation,
    peaks_level: Adaptation,
    /// The quantiles that are watched: p10 and p90 of steps, p90 of peaks.
    watched: [f32; 3],
}
packed!(Anchor: plain, log, record, weights, steps, peaks, steps_level, peaks_level, watched);

impl Anchor {
    fn new(ahead: usize) -> Self {
        let prior = prior(ahead);
        let width = 1.2 * (ahead as f64).sqrt();
        let mut anchor = Self {
            plain: Regression::new(&prior),
            log: Regression::new(&prior),
            record: Record::NEW,
            weights: [0.0; EXPERTS.len()],
            steps: Histogram::new(width),
            peaks: Histogram::new(width),
            steps_level: Adaptation::NEW,
            peaks_level: Adaptation::NEW,
            watched: [0.0; 3],
        };
        anchor.weigh(false);
        anchor.settle(ahead);
        anchor
    }

    /// Says anew who is believed. Before there is a record, a day that was lent, if one is `borrowed`, is believed more than
    /// averages.
    fn weigh(&mut self, borrowed: bool) {
        self.weights = self.record.weights().map(|weight| weight as f32);
        if borrowed && self.record.is_empty() {
            self.weights.iter_mut().for_each(|weight| *weight *= 1.0 - LENT);
            self.weights[PROFILE] += LENT;
        }
    }

    /// Draws the conclusions that take longer: weights of features, quantiles.
    fn settle(&mut self, ahead: usize) {
        self.plain.solve(&prior(ahead));
        self.log.solve(&prior(ahead));
        self.watched = [
            self.steps.quantile(self.steps_level.level(0.1)) as f32,
            self.steps.quantile(self.steps_level.level(0.9)) as f32,
            self.peaks.quantile(self.peaks_level.level(0.9)) as f32,
        ];
    }
}

/// What comes before any learning: the naive forecast bends towards the averages and what the seasons say.
fn prior(ahead: usize) -> Row {
    let h = ahead as f32;
    let y = 0.9 / (1.0 + h / 6.0);
    let season = 0.7;
    [y, 0.0, 0.0, 0.3, season * 0.4, 0.0, season * 0.3, 0.0, season * 0.3, 0.0, 0.0, 0.0]
}

fn slot(number: i64) -> usize {
    number.rem_euclid(ORIGINS as i64) as usize
}

impl Lane {
    pub(crate) fn new(seasons: Seasons, ratio: i64, day_steps: f64) -> Self {
        Self {
            seasons,
            levels: Levels::NONE,
            profile: Profile::new(seasons.day, ratio),
            day_steps,
            settling: ((day_steps / 180.0) as i64).clamp(1, 8),
            origins: vec![Origin::NONE; ORIGINS],
            seasonal: [f64::NAN; 3],
            hours: Hours::new(seasons.day),
            targets: Targets::new(),
            holidays: Holidays::default(),
            anchors: ANCHORS.iter().map(|ahead| Anchor::new(*ahead)).collect(),
            combined: Waiting::new(),
            logged: Waiting::new(),
            slow: Waiting::new(),
            mixed: Waiting::new(),
            crests: Waiting::new(),
        }
    }

    fn lens<'a>(&'a self, history: &'a History) -> Lens<'a> {
        Lens { history, profile: &self.profile, seasons: self.seasons, holidays: &self.holidays }
    }

    /// What the seasons say, at `origin`, of the step `ahead`, which is an anchor's.
    fn seasonal(&self, history: &History, origin: i64, ahead: usize) -> Seasonal {
        let short = [self.seasons.day, self.seasons.week].iter().any(|season| (1..REACH as i64).contains(season));
        if short || !self.holidays.is_empty() {
            self.lens(history).seasonal(origin, ahead)
        } else {
            self.targets.get(origin.saturating_add(ahead as i64))
        }
    }

    /// What the slow lane says of a step. Its own choice knows no holidays; a model that a rule names is heard always.
    fn slow_at(&self, slow: &Slow, history: &History, number: i64) -> f64 {
        if !slow.is_named() && self.holidays.is_like(history, number) { f64::NAN } else { slow.at(number) }
    }

    /// Demand has changed its ways: what was learned before counts less.
    pub(crate) fn change(&mut self) {
        self.doubt(CHANGED);
        self.anchors.iter_mut().for_each(|anchor| anchor.record.doubt());
    }

    fn doubt(&mut self, share: f32) {
        for anchor in &mut self.anchors {
            anchor.plain.doubt(share);
            anchor.log.doubt(share);
        }
    }

    /// Values that were of one unit are of another now, of which the old one is `factor`.
    pub(crate) fn rescale(&mut self, factor: f64) {
        self.levels.rescale(factor);
        self.origins.iter_mut().for_each(|origin| origin.rescale(factor));
        self.seasonal.iter_mut().for_each(|value| *value *= factor);
        self.anchors.iter_mut().for_each(|anchor| anchor.record.rescale(factor));
        let waiting = [&mut self.combined, &mut self.logged, &mut self.slow, &mut self.mixed, &mut self.crests];
        let values = waiting.into_iter().flat_map(|waiting| &mut waiting.0);
        let values = values.chain(&mut self.profile.slots).chain(self.targets.values());
        values.for_each(|value| *value = (f64::from(*value) * factor) as f32);
    }

    /// What it takes in memory, in bytes.
    pub(crate) fn size(&self) -> usize {
        size_of::<Self>()
            + self.profile.slots.capacity() * size_of::<f32>()
            + self.origins.capacity() * size_of::<Origin>()
            + self.anchors.capacity() * size_of::<Anchor>()
            + self.hours.size()
            + self.targets.size()
            + 5 * self.mixed.0.capacity() * size_of::<f32>()
    }

    /// How many times as large as usual errors are expected to be at the step `number`.
    pub(crate) fn loudness(&self, number: i64) -> f64 {
        self.targets.loudness(number).unwrap_or_else(|| self.hours.at(number))
    }

    /// The origin of the step `number`, which has closed.
    pub(crate) fn closed(&self, number: i64) -> Origin {
        self.origins[slot(number)]
    }

    pub(crate) fn leader(&self) -> usize {
        let weights = self.weights();
        (0..EXPERTS.len()).max_by(|a, b| weights[*a].total_cmp(&weights[*b])).unwrap_or(COMBINER)
    }

    /// The experts' weights at the horizon that trust is measured at.
    pub(crate) fn weights(&self) -> [f64; EXPERTS.len()] {
        self.anchors[JUDGED].record.weights()
    }
}
