//! What each step offers to the models: the combiner's row of features, and what each cheap expert expects.

use super::levels::{Levels, Origin};
use super::profile::Profile;
use super::regression::Row;
use crate::demand::History;
use crate::forecast::Holidays;

/// Whose forecasts are mixed.
pub(crate) const EXPERTS: [&str; 10] = [
    "combiner",
    "naive",
    "ewma_fast",
    "ewma",
    "damped_trend",
    "yesterday",
    "last_week",
    "profile",
    "slow",
    "log_combiner",
];
pub(crate) const COMBINER: usize = 0;
pub(crate) const PROFILE: usize = 7;
pub(crate) const SLOW: usize = 8;
pub(crate) const LOG: usize = 9;

/// How many times of what is usual yesterday may count.
const PRECEDENT: f64 = 3.0;

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
    pub(crate) holidays: &'a Holidays,
}

/// What the seasons say of one step: NaN where they say nothing.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Seasonal {
    day_raw: f64,
    day: f64,
    week: f64,
    profile: f64,
}

impl Seasonal {
    pub(crate) const NONE: Self = Self { day_raw: f64::NAN, day: f64::NAN, week: f64::NAN, profile: f64::NAN };

    pub(crate) fn to_array(self) -> [f64; 4] {
        [self.day_raw, self.day, self.week, self.profile]
    }

    pub(crate) fn from_array([day_raw, day, week, profile]: [f64; 4]) -> Self {
        Self { day_raw, day, week, profile }
    }

    /// What is averaged as demand is.
    pub(crate) fn averaged(&self) -> [f64; 3] {
        [self.day, self.week, self.profile]
    }
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
        let mut seasonal = Seasonal::NONE;
        let target = origin.saturating_add(i64::try_from(ahead).unwrap_or(i64::MAX));
        let back = |season: i64| {
            let plain = Self::back(season, origin, ahead);
            self.holidays.reference(history, (target, origin), plain, season)
        };
        if self.seasons.day > 0 {
            let number = back(self.seasons.day);
            seasonal.day = history.smooth(number);
            seasonal.day_raw = history.units(number);
            let usual = self.holidays.usual(history, target, origin);
            seasonal.profile = usual.unwrap_or_else(|| self.profile.at(number));
        }
        if self.seasons.week > 0 {
            seasonal.week = history.smooth(back(self.seasons.week));
        }
        // What yesterday had and neither the profile nor last week knows of is not expected to come again in full.
        let most = PRECEDENT * seasonal.profile.max(seasonal.week);
        if most > 0.0 {
            if seasonal.day > most {
                seasonal.day = most;
            }
            if seasonal.day_raw > most {
                seasonal.day_raw = most;
            }
        }
        seasonal
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
    let unit = 1.0 / size;
    row.map(|feature| (feature * unit).clamp(-1e6, 1e6) as f32)
}

/// The natural logarithm of a positive normal number, within 10⁻⁸. Rows are full of them, and this is several times as
/// fast as the exact one.
fn ln(x: f64) -> f64 {
    let bits = x.to_bits();
    // The mantissa is brought to 0.75..1.5, so that the series is short.
    let shift = bits.wrapping_sub(0x3fe8_0000_0000_0000) & 0xfff0_0000_0000_0000;
    let mantissa = f64::from_bits(bits.wrapping_sub(shift));
    let exponent = (shift as i64 >> 52) as f64;
    let s = (mantissa - 1.0) / (mantissa + 1.0);
    let square = s * s;
    let series = 1.0 + square * (1.0 / 3.0 + square * (0.2 + square * (1.0 / 7.0 + square / 9.0)));
    exponent * std::f64::consts::LN_2 + 2.0 * s * series
}

/// What is added before logarithms are taken, so that zero has one.
fn ground(origin: &Origin) -> f64 {
    0.02 * size(origin)
}

/// The same row in logarithms, where seasons multiply; `None` where something is negative.
pub(crate) fn log_row(origin: &Origin, seasonal: &Seasonal, ahead: usize) -> Option<Row> {
    let ground = ground(origin);
    let log = |value: f64| if value.is_nan() { value } else { ln(value.max(0.0) + ground) };
    let (fast, mid, slow) = (f64::from(origin.fast), f64::from(origin.mid), f64::from(origin.slow));
    if mid < 0.0 || slow < 0.0 || fast < 0.0 || ground <= 0.0 {
        return None;
    }
    let (day, week, profile) = (f64::from(origin.day), f64::from(origin.week), f64::from(origin.profile));
    let y = if origin.y.is_nan() { fast } else { f64::from(origin.y) };
    let base = log(mid);
    let row = [
        log(y) - base,
        log(fast) - base,
        base - log(slow),
        log(mid + f64::from(origin.slope) * Levels::reach(ahead)) - base,
        known(log(seasonal.profile) - log(profile)),
        known(log(profile) - base),
        known(log(seasonal.day) - log(day)),
        known(log(day) - base),
        known(log(seasonal.week) - log(week)),
        known(log(week) - base),
        known(log(seasonal.day_raw) - log(seasonal.day)),
        1.0,
    ];
    row.iter().all(|value| value.is_finite()).then_some(row.map(|value| value as f32))
}

/// The logarithm that the log row is to lead to.
pub(crate) fn log_target(origin: &Origin, y: f64) -> f64 {
    let ground = ground(origin);
    ln(y.max(0.0) + ground) - ln(f64::from(origin.mid).max(0.0) + ground)
}

/// The demand that a logarithm stands for.
pub(crate) fn from_log(origin: &Origin, log: f64) -> f64 {
    let ground = ground(origin);
    (log.clamp(-4.0, 4.0).exp() * (f64::from(origin.mid).max(0.0) + ground) - ground).max(0.0)
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
        f64::NAN,
    ]
}

#[cfg(test)]
mod tests {
    use super::ln;

    #[test]
    fn the_logarithm_is_near_the_exact_one() {
        for x in [1e-300, 1e-9, 0.1, 0.74, 0.75, 0.76, 1.0, 1.499, 1.5, 2.0, 12_345.6, 1e300_f64] {
            assert!((ln(x) - x.ln()).abs() < 1e-7, "{x}: {}", ln(x));
        }
    }
}
