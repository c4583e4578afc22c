//! One demand series: its history, its models, its calibration, and how far it is to be trusted.

use std::time::Duration;

use super::fast::hours::Hours;
use super::fast::lane::{Lane, bounds};
use super::fast::lerp;
use super::fast::levels::Origin;
use super::fast::profile::Shape;
use super::fast::rows::{EXPERTS, Seasons};
use super::slow::{Kept, Slow};
use super::trust::Trust;
use super::{Forecast, Holidays, ModelName, Options, Point};
use crate::demand::History;
use crate::demand::packed::{Cursor, Packed};
use crate::time::Timestamp;

/// Samples before anything is forecast.
const SAMPLES_MIN: f64 = 3.0;
/// Steps of a gap that are walked through one by one, at most.
const GAP_MAX: i64 = 2_880;
/// Steps ahead that can be asked for: two weeks of minutes.
pub const HORIZON_MAX: usize = 20_160;
/// What of a whole past is taken in step by step, and of how many older steps one is learned from. It is for steps of
/// a minute: of longer ones there are few.
const RECENT: Duration = Duration::from_hours(12);
const STRIDE: i64 = 11;
const MANY: f64 = 1_000.0;
/// How many times the week's largest step is believed at once, and how long what is more has to last first: so long, and
/// so many steps.
const WILD: f64 = 2.0;
const WILD_FOR: Duration = Duration::from_mins(3);
const WILD_STEPS: u128 = 3;
/// What is nothing in the history's unit, which is about the size of demand.
const SLIGHT: f64 = 1e-9;
/// The first byte of a snapshot. Another one means that state has another shape by now, and all begins anew.
const VERSION: u8 = 3;

/// Forecasts one demand series.
///
/// A step closes when time leaves it, or when its last sample is there, going by how far samples are apart. What is
/// learned, is learned then; a forecast starts from the newest value, be its step closed or still open.
#[derive(Debug)]
pub struct Predictor {
    options: Options,
    day_steps: f64,
    history: History,
    lane: Lane,
    slow: Slow,
    trust: Trust,
    /// The newest step that has closed.
    closed: Option<i64>,
    /// The step at which demand was last found to have changed its ways, since the start.
    changed: Option<i64>,
    /// Since which step demand is far beyond what has been.
    wild: Option<i64>,
    /// When the newest sample was, and how far apart samples are, in milliseconds.
    last_at: Option<i64>,
    cadence: i64,
    /// Of how many steps one is learned from.
    stride: i64,
}

/// Where a forecast starts from.
struct Standing {
    number: i64,
    origin: Origin,
}

impl Standing {
    /// The step `ahead` of it.
    fn ahead(&self, ahead: usize) -> i64 {
        self.number.saturating_add(i64::try_from(ahead).unwrap_or(i64::MAX))
    }
}

impl Predictor {
    /// A predictor that knows nothing yet.
    #[must_use]
    pub fn new(options: Options) -> Self {
        let history = History::new(options.step);
        let day_steps = (86_400_000.0 / history.step().as_millis() as f64).max(1.0);
        let lane = Lane::new(seasons(&options), history.ratio(), day_steps);
        let name = match &options.model {
            ModelName::Auto => None,
            ModelName::Named(name) => Some(name.as_str()),
        };
        let slow = Slow::new(name);
        Self {
            options,
            day_steps,
            history,
            lane,
            slow,
            trust: Trust::NEW,
            closed: None,
            changed: None,
            wild: None,
            last_at: None,
            cadence: i64::MAX,
            stride: 1,
        }
    }

    /// Takes in a whole past, oldest first, at a fraction of the cost: of what is older than the last half day, only every
    /// eleventh step is forecast from and learned by. (A number that has no part in an hour, so that all minutes of it
    /// get their turn.) The rest is as if each were observed.
    pub fn observe_all(&mut self, mut past: impl DoubleEndedIterator<Item = (Timestamp, Option<f64>)>) {
        let Some((newest, value)) = past.next_back() else { return };
        let recent = if self.day_steps >= MANY { newest - RECENT } else { Timestamp::MIN };
        for (at, value) in past {
            self.stride = if at < recent { STRIDE } else { 1 };
            self.observe(at, value);
        }
        self.stride = 1;
        self.observe(newest, value);
    }

    /// Notes what demand was at `at`, or that time has come this far with nothing known (`None`). Samples of one step are
    /// averaged, steps without one are missing, late samples amend the history.
    pub fn observe(&mut self, at: Timestamp, value: Option<f64>) {
        let number = self.history.number(at);
        if let Some(open) = self.history.open() {
            self.close_before(open, number);
        }
        let unit = self.history.unit();
        let value = value.filter(|value| self.is_credible(number, *value));
        self.history.observe(at, value);
        if self.history.unit() != unit {
            let factor = unit / self.history.unit();
            self.lane.rescale(factor);
            self.slow.rescale(factor);
            self.trust.rescale(factor);
        }
        let Some(open) = self.history.open() else { return };
        if value.is_some_and(f64::is_finite) && number == open {
            let ms = at.as_millis();
            if let Some(last) = self.last_at
                && ms > last
            {
                let apart = ms.saturating_sub(last);
                let slower = self.cadence.saturating_add(apart.saturating_sub(self.cadence) / 8);
                self.cadence = if apart < self.cadence { apart } else { slower };
            }
            self.last_at = Some(ms);
            // The next sample would fall in the next step: this one is complete.
            let end = self.history.start_of(number.saturating_add(1)).as_millis();
            if self.cadence < i64::MAX && ms.saturating_add(self.cadence) >= end {
                self.close(number);
            }
        }
    }

    /// Whether a value is believed. One far beyond all that the week has seen is not until it has lasted: a spike is no news
    /// about the hours to come, and would else be in their quantiles for days. Until then its step is missing.
    fn is_credible(&mut self, number: i64, value: f64) -> bool {
        let greatest = self.history.greatest().unwrap_or(0.0) * self.history.unit();
        let known = self.history.known() as f64 >= self.day_steps && greatest > 0.0;
        if !known || value <= WILD * greatest || value.is_nan() {
            self.wild = None;
            return true;
        }
        let since = *self.wild.get_or_insert(number);
        let lasts = i64::try_from(self.steps(WILD_FOR).max(WILD_STEPS)).unwrap_or(i64::MAX);
        number.saturating_sub(since) >= lasts
    }

    /// Closes the steps from the one that is open to the one before `number`.
    fn close_before(&mut self, open: i64, number: i64) {
        if number <= open {
            return;
        }
        if self.closed != Some(open) {
            self.close(open);
        }
        let from = open.max(number.saturating_sub(GAP_MAX)).saturating_add(1);
        for missing in from..number {
            self.close(missing);
        }
    }

    fn close(&mut self, number: i64) {
        if self.closed.is_some_and(|closed| number <= closed) {
            return;
        }
        let y =
            if self.history.open().is_some_and(|open| number <= open) { self.history.units(number) } else { f64::NAN };
        self.slow.close(number, y, self.history.unit());
        self.trust.step(!y.is_nan());
        if let Some(outcome) = self.lane.close(&self.history, number, y, &self.slow, self.stride)
            && self.trust.note(&outcome, self.day_steps)
        {
            self.lane.change();
            self.changed = Some(number);
        }
        self.closed = Some(number);
    }

    fn standing(&self) -> Option<Standing> {
        let number = self.history.open()?;
        let (origin, count) = if self.closed == Some(number) {
            (self.lane.closed(number), self.lane.levels.count)
        } else {
            let (origin, levels) = self.lane.provisional(&self.history, number, self.history.units(number));
            (origin, levels.count)
        };
        (count >= SAMPLES_MIN).then_some(Standing { number, origin })
    }

    /// Expected demand of the next `steps` steps, in units.
    fn means(&self, standing: &Standing, steps: usize) -> Vec<f64> {
        self.lane.means(&self.history, standing.number, &standing.origin, &self.slow, steps)
    }

    fn steps(&self, length: Duration) -> u128 {
        length.as_millis().div_ceil(self.history.step().as_millis().max(1))
    }

    /// The next steps, as many as it takes to reach `horizon`: one at least, two weeks of minutes at most. `None` before
    /// the third sample.
    #[must_use]
    pub fn forecast(&self, horizon: Duration) -> Option<Forecast> {
        let standing = self.standing()?;
        let steps = usize::try_from(self.steps(horizon)).unwrap_or(usize::MAX).clamp(1, HORIZON_MAX);
        let (floor, cap) = bounds(&self.history);
        let unit = self.history.unit();
        let (lane, origin) = (&self.lane, &standing.origin);
        let fan = [0.1, 0.5, 0.9, 0.95].map(|level| lane.errors(level, 1..=steps));
        let peaks = lane.peak_errors(0.9, 1..=steps);
        // A trend that the mixture lags behind is in the errors' quantiles, and its mean is not beyond them. A model that was
        // named says what it says.
        let named = self.slow.is_named();
        let mut crest = f64::NEG_INFINITY;
        let mut peak = f64::NEG_INFINITY;
        let mut loudest = 0.0_f64;
        let point = |(index, mean): (usize, &f64)| {
            let ahead = index + 1;
            crest = crest.max(*mean);
            let loud = lane.loudness(standing.ahead(ahead));
            loudest = loudest.max(loud);
            let quantile = |errors| (mean + Lane::offset(errors, origin, ahead, loud)).clamp(floor, cap);
            let [p10, p50, p90, p95] = fan.each_ref().map(quantile);
            // The largest of more steps is no smaller, and no smaller than the newest of them.
            peak = (crest + Lane::offset(&peaks, origin, ahead, Hours::of_largest(loudest)))
                .clamp(floor, cap)
                .max(p90)
                .max(peak);
            Point {
                at: self.history.start_of(standing.ahead(ahead)),
                mean: if named { *mean } else { mean.clamp(p10 - SLIGHT, p90 + SLIGHT) } * unit,
                p10: p10 * unit,
                p50: p50 * unit,
                p90: p90 * unit,
                p95: p95 * unit,
                peak90: peak * unit,
            }
        };
        let points = self.means(&standing, steps).iter().enumerate().map(point).collect();
        Some(Forecast { from: self.history.start_of(standing.number), step: self.history.step(), points })
    }

    /// The quantile (0..1) of the largest step between `from` and `to` from now, where now is the newest step. `None` before
    /// the third sample.
    ///
    /// It is calibrated on what came of such windows: those that begin at once and, for a window that begins later, of its
    /// last step alone, in the proportion of their lengths' logarithms.
    #[must_use]
    pub fn peak(&self, from: Duration, to: Duration, quantile: f64) -> Option<f64> {
        let standing = self.standing()?;
        let steps = |length| usize::try_from(self.steps(length)).unwrap_or(usize::MAX).clamp(1, HORIZON_MAX);
        let step = self.history.step().as_millis().max(1);
        let first = usize::try_from(from.as_millis() / step).unwrap_or(usize::MAX).clamp(1, HORIZON_MAX);
        let last = steps(to).max(first);
        let level = if quantile.is_nan() { 0.5 } else { quantile.clamp(0.0, 1.0) };
        let (floor, cap) = bounds(&self.history);
        let means = self.means(&standing, last);
        let crest = means.get(first - 1..).unwrap_or_default().iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let origin = &standing.origin;
        let loud = |ahead: usize| self.lane.loudness(standing.ahead(ahead));
        let loudest = (first..=last).map(loud).fold(0.0, f64::max);
        let single = Lane::offset(&self.lane.errors(level, last..=last), origin, last, loud(last));
        let peaks = self.lane.peak_errors(level, last..=last);
        let whole = Lane::offset(&peaks, origin, last, Hours::of_largest(loudest));
        let length = (last - first + 1) as f64;
        let share = if last > 1 { length.ln() / (last as f64).ln() } else { 0.0 };
        Some((crest + lerp(single, whole, share)).clamp(floor, cap) * self.history.unit())
    }

    /// How far the forecast is to be trusted, 0..1: what the recent record has earned against the naive forecast and in
    /// coverage, less what a change of ways or missing data takes away.
    #[must_use]
    pub fn trust(&self) -> f64 {
        self.trust.value(self.day_steps)
    }

    /// When demand was last found to have changed its ways (a changepoint), since the start.
    #[must_use]
    pub fn changed_at(&self) -> Option<Timestamp> {
        self.changed.map(|number| self.history.start_of(number))
    }

    /// Who leads now: the named model, or the expert that weighs most.
    #[must_use]
    pub fn model(&self) -> &str {
        self.slow.name().unwrap_or(EXPERTS[self.lane.leader()])
    }

    /// The experts with their weights at the horizon that trust is measured at; they sum to one.
    #[must_use]
    pub fn weights(&self) -> Vec<(&'static str, f64)> {
        EXPERTS.iter().copied().zip(self.lane.weights()).collect()
    }

    /// Whether [`Predictor::refit`] would pay now.
    #[must_use]
    pub fn refit_due(&self) -> bool {
        self.slow.is_due(&self.history, self.day_steps)
    }

    /// The slow lane: fits the model that takes long. To be called seldom (see [`Predictor::refit_due`]), staggered, and
    /// not on the way of a decision.
    pub fn refit(&mut self) {
        let Some(closed) = self.closed else { return };
        let step = self.options.step.as_millis().max(1);
        let mut seasons: Vec<i64> =
            self.options.seasons.iter().filter_map(|season| i64::try_from(season.as_millis() / step).ok()).collect();
        seasons.retain(|steps| *steps > 1);
        seasons.sort_unstable();
        self.slow.refit(&self.history, closed, &seasons, self.day_steps);
    }

    /// What is remembered of the demand.
    #[must_use]
    pub fn history(&self) -> &History {
        &self.history
    }

    /// What the series was set up with.
    #[must_use]
    pub fn options(&self) -> &Options {
        &self.options
    }

    /// The usual shape of its day, for a newcomer that looks alike; `None` while not all of the day is known.
    #[must_use]
    pub fn shape(&self) -> Option<Shape> {
        self.lane.profile.shape()
    }

    /// Lends a newcomer the shape of another's day, at its own level. Each stretch of the day that it comes to know itself
    /// replaces what was lent.
    pub fn lend(&mut self, shape: &Shape) {
        self.lane.profile.lend(shape);
    }

    /// Says which days are not like the others. What was learned stays; so past ones may be named late, and are to be named
    /// as long as four weeks after.
    pub fn keep_holidays(&mut self, holidays: Holidays) {
        self.lane.holidays = holidays;
    }

    /// All of it as bytes (some 60 kB), but for a named model, which is to be fitted anew.
    #[must_use]
    pub fn snapshot(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(self.size());
        VERSION.pack(&mut bytes);
        self.history.pack(&mut bytes);
        self.lane.pack(&mut bytes);
        self.trust.pack(&mut bytes);
        self.closed.pack(&mut bytes);
        self.last_at.pack(&mut bytes);
        self.cadence.pack(&mut bytes);
        let (kept, path) = self.slow.keep();
        kept.pack(&mut bytes);
        for value in path {
            value.pack(&mut bytes);
        }
        bytes
    }

    /// What [`Predictor::snapshot`] wrote; `None` where the bytes are no such thing, or were written under another step,
    /// other seasons or by another version. The way out is to begin anew.
    #[must_use]
    pub fn restore(options: Options, bytes: &[u8]) -> Option<Self> {
        let mut predictor = Self::new(options);
        let step = predictor.history.step();
        let mut cursor = Cursor(bytes);
        let mut version = 0_u8;
        version.unpack(&mut cursor)?;
        if version != VERSION {
            return None;
        }
        predictor.history.unpack(&mut cursor)?;
        predictor.lane.unpack(&mut cursor)?;
        predictor.trust.unpack(&mut cursor)?;
        predictor.closed.unpack(&mut cursor)?;
        predictor.last_at.unpack(&mut cursor)?;
        predictor.cadence.unpack(&mut cursor)?;
        let mut kept = Kept::default();
        kept.unpack(&mut cursor)?;
        if cursor.0.len() as u64 != kept.length.checked_mul(4)? {
            return None;
        }
        let mut path = vec![0.0_f32; usize::try_from(kept.length).ok()?];
        path.iter_mut().try_for_each(|value| value.unpack(&mut cursor))?;
        predictor.slow.put_back(&kept, path);
        (predictor.history.step() == step).then_some(predictor)
    }

    /// What it takes in memory, in bytes, but for a named model.
    #[must_use]
    pub fn size(&self) -> usize {
        size_of::<Self>() - size_of::<History>() - size_of::<Lane>() - size_of::<Slow>()
            + self.history.size()
            + self.lane.size()
            + self.slow.size()
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
