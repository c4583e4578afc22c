//! What each step offers to the models: the combiner's row of features, and what each cheap expert expects.

use super::levels::{Levels, Origin};
use super::profile::Profile;
use super::regression::Row;
use crate::demand::History;

/// Whose forecasts are mixed.
pub(crate) const EXPERTS: [&str; 9] =
    ["combiner", "naive", "ewma_fast", "ewma", "damped_trend", "yesterday", "last_week", "profile", "slow"];
pub(crate) const COMBINER: usize = 0;
pub(crate) const SLOW: usize = 8;

/// The seasons in steps; zero where there is none.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Seasons {
    pub(crate) day: i64,
    pub(crate) week: i64,
}

/// What the past is read through. It never looks beyond the origin that it is asked about.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Lens<'a> {
    pub(crate) history: &'a History,
    pub(crate) profile: &'a Profile,
    pub(crate) seasons: Seasons,
}

/// What the seasons say of one step: NaN where they say nothing.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Seasonal {
    day_raw: f64,
    day: f64,
    week: f64,
    profile: f64,
}

impl Lens<'_> {
    /// The step's place in the last season that had ended by `origin`.
    fn back(season: i64, origin: i64, ahead: usize) -> i64 {
        let ahead = i64::try_from(ahead).unwrap_or(i64::MAX);
        let seasons = (ahead.saturating_sub(1) / season).saturating_add(1);
        origin.saturating_add(ahead).saturating_sub(season.saturating_mul(seasons))
    }

    /// What the seasons say of the step `ahead` after `origin`.
    pub(crate) fn seasonal(&self, origin: i64, ahead: usize) -> Seasonal {
        let history = self.history;
        let mut seasonal = Seasonal { day_raw: f64::NAN, day: f64::NAN, week: f64::NAN, profile: f64::NAN };
        if self.seasons.day > 0 {
            let number = Self::back(self.seasons.day, origin, ahead);
            seasonal.day = history.smooth(number);
            seasonal.day_raw = history.units(number);
            seasonal.profile = self.profile.at(number);
        }
        if self.seasons.week > 0 {
            seasonal.week = history.smooth(Self::back(self.seasons.week, origin, ahead));
        }
        seasonal
    }

    /// What the seasons said of the step `number` itself, to be averaged as demand is.
    pub(crate) fn now(&self, number: i64) -> [f64; 3] {
        let seasonal = self.seasonal(number.saturating_sub(1), 1);
        [seasonal.day, seasonal.week, seasonal.profile]
    }
}

/// `value`, or zero where it is not known.
fn known(value: f64) -> f64 {
    if value.is_finite() { value } else { 0.0 }
}

/// What rows are divided by, so that all series are alike.
pub(crate) fn size(origin: &Origin) -> f64 {
    f64::from(origin.size)
}

/// The row of features, all of them differences relative to the size of the series: with weights of zero the forecast is
/// the middle average.
pub(crate) fn row(origin: &Origin, seasonal: &Seasonal, ahead: usize) -> Row {
    let (fast, mid, slow) = (f64::from(origin.fast), f64::from(origin.mid), f64::from(origin.slow));
    let (day, week, profile) = (f64::from(origin.day), f64::from(origin.week), f64::from(origin.profile));
    let y = if origin.y.is_nan() { fast } else { f64::from(origin.y) };
    let row = [
        y - mid,
        fast - mid,
        mid - slow,
        f64::from(origin.slope) * Levels::reach(ahead),
        known(seasonal.profile - profile),
        known(profile - mid),
        known(seasonal.day - day),
        known(day - mid),
        known(seasonal.week - week),
        known(week - mid),
        known(seasonal.day_raw - seasonal.day),
        slow,
    ];
    let size = size(origin);
    row.map(|feature| (feature / size).clamp(-1e6, 1e6))
}

/// What each expert but the combiner and the slow lane expects; NaN where it can't say.
pub(crate) fn experts(origin: &Origin, seasonal: &Seasonal, ahead: usize) -> [f64; EXPERTS.len()] {
    let mid = f64::from(origin.mid);
    let y = if origin.y.is_nan() { f64::from(origin.fast) } else { f64::from(origin.y) };
    let profile = f64::from(origin.profile);
    let ratio = if profile > 0.0 && mid >= 0.0 { (mid / profile).clamp(0.0, 5.0) } else { f64::NAN };
    [
        f64::NAN,
        y,
        f64::from(origin.fast),
        mid,
        f64::from(origin.base) + f64::from(origin.slope) * Levels::reach(ahead),
        seasonal.day_raw + (mid - f64::from(origin.day)),
        seasonal.week + (mid - f64::from(origin.week)),
        seasonal.profile * ratio,
        f64::NAN,
    ]
}
