//! Where an axis begins and ends, what stands at it, and where a value lies on it.

use crate::time::Timestamp;

/// Values beyond this are drawn at it, so that differences of values stay finite.
const LARGEST: f64 = 1e300;

/// Distances between the labels of a time axis, in seconds, up to four weeks.
const TIME_STEPS: [i64; 20] = [
    1, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10_800, 21_600, 43_200, 86_400, 172_800, 604_800,
    2_419_200,
];

/// An axis of values.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Values {
    low: f64,
    high: f64,
    /// Labelled values with their label, the lowest first.
    pub ticks: Vec<(f64, String)>,
}

impl Values {
    /// An axis that holds all `values`, with about `count` labels. It begins at zero, unless the values are far from it.
    pub(super) fn holding(values: impl Iterator<Item = f64>, count: usize) -> Self {
        let values = values.map(|value| value.clamp(-LARGEST, LARGEST));
        let (low, high) = values.fold((f64::MAX, f64::MIN), |(low, high), value| (low.min(value), high.max(value)));
        let (mut low, mut high) = if low <= high { (low, high) } else { (0.0, 1.0) };
        if low > 0.0 && low < 0.6 * high {
            low = 0.0;
        }
        if high < 0.0 && high > 0.6 * low {
            high = 0.0;
        }
        // Wide enough that neighbouring floats are not what is labelled.
        let least = (low.abs().max(high.abs()) * 1e-9).max(f64::MIN_POSITIVE * 1e20);
        if high - low < least {
            (low, high) = (low.min(0.0), high.max(0.0));
            if high - low < least {
                high = 1.0;
            }
        }
        let step = round_step((high - low) / count.max(1) as f64);
        // A little air above and below, unless zero is the end.
        let air = (high - low) * 0.04;
        (low, high) = (if low == 0.0 { low } else { low - air }, if high == 0.0 { high } else { high + air });
        let mut ticks = Vec::new();
        let mut at = (low / step).ceil();
        // Bounded, however rounding went: twice the labels asked for and the two ends.
        while at * step <= high && ticks.len() <= 2 * count + 2 {
            ticks.push((at * step, label(at * step, step)));
            at += 1.0;
        }
        Self { low, high, ticks }
    }

    /// Where a value lies: 0 at the lower end, 1 at the upper.
    pub(super) fn share(&self, value: f64) -> f64 {
        ((value.clamp(-LARGEST, LARGEST) - self.low) / (self.high - self.low)).clamp(0.0, 1.0)
    }
}

/// The next of 1, 2, 2.5 or 5 times a power of ten.
fn round_step(rough: f64) -> f64 {
    let power = 10_f64.powf(rough.log10().floor());
    let step = [1.0, 2.0, 2.5, 5.0, 10.0].map(|times| times * power).into_iter().find(|step| *step >= rough * 0.999);
    step.filter(|step| step.is_finite() && *step > 0.0).unwrap_or(rough)
}

/// A number of an axis whose labels are `step` apart: `1.5`, `20k`, `3M`, `2e-9`.
pub(super) fn label(value: f64, step: f64) -> String {
    let largest = value.abs().max(step.abs());
    if value == 0.0 || value.abs() < step.abs() * 1e-6 {
        return "0".to_owned();
    }
    let (divisor, sign) = match largest {
        size if !(1e-4..1e15).contains(&size) => return format!("{value:.1e}"),
        size if size >= 1e12 => (1e12, "T"),
        size if size >= 1e9 => (1e9, "G"),
        size if size >= 1e6 => (1e6, "M"),
        size if size >= 1e4 => (1e3, "k"),
        _ => (1.0, ""),
    };
    // As many decimals as tell two labels apart.
    let fine = step / divisor;
    let decimals = (0..7).find(|&places| {
        let unit = fine * 10_f64.powi(places);
        (unit - unit.round()).abs() < 1e-6 * unit.max(1.0)
    });
    let places = usize::try_from(decimals.unwrap_or(7)).unwrap_or(0);
    format!("{:.places$}{sign}", value / divisor)
}

/// An axis of time.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Times {
    first: i64,
    last: i64,
    /// Labelled moments, the earliest first.
    pub ticks: Vec<Moment>,
}

/// A labelled moment of a time axis, in UTC.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Moment {
    pub at: Timestamp,
    /// `14:30`, or `30 Jun` where labels are days apart.
    pub label: String,
    /// The day, where it is another than that of the label before.
    pub day: Option<String>,
}

impl Times {
    /// An axis from the first to the last moment, with at most `count` labels.
    pub(super) fn between(first: Timestamp, last: Timestamp, count: usize) -> Self {
        let (first, last) = (first.as_millis(), last.as_millis());
        let axis = |ticks| Self { first, last, ticks };
        let span = last.saturating_sub(first) / 1000;
        let fits = |step: &&i64| usize::try_from(span / **step).is_ok_and(|labels| labels < count.max(1));
        let Some(&step) = TIME_STEPS.iter().find(fits) else { return axis(years(first, last, count)) };
        let (step_ms, mut ticks) = (step * 1000, Vec::new());
        let mut at = first.div_euclid(step_ms).saturating_mul(step_ms);
        let mut day_before = None;
        while at <= last && ticks.len() <= count {
            if at >= first
                && let Ok(moment) = jiff::Timestamp::from_millisecond(at)
            {
                let moment = moment.to_zoned(jiff::tz::TimeZone::UTC);
                let shape = if step >= 86_400 { "%-d %b" } else { ["%H:%M", "%H:%M:%S"][usize::from(step < 60)] };
                let day = moment.strftime(if step >= 86_400 { "%Y" } else { "%-d %b %Y" }).to_string();
                let is_new = day_before.as_ref() != Some(&day);
                ticks.push(Moment {
                    at: Timestamp::from_millis(at),
                    label: moment.strftime(shape).to_string(),
                    day: is_new.then(|| day.clone()),
                });
                day_before = Some(day);
            }
            at = at.saturating_add(step_ms);
        }
        axis(ticks)
    }

    /// Where a moment lies: 0 at the first, 1 at the last.
    pub(super) fn share(&self, at: Timestamp) -> f64 {
        let span = self.last as f64 - self.first as f64;
        if span <= 0.0 { 0.5 } else { ((at.as_millis() as f64 - self.first as f64) / span).clamp(0.0, 1.0) }
    }
}

/// The ends alone, for a span of years.
fn years(first: i64, last: i64, count: usize) -> Vec<Moment> {
    let ends = [first, last].into_iter().take(count);
    let moments = ends.filter_map(|at| {
        let moment = jiff::Timestamp::from_millisecond(at).ok()?.to_zoned(jiff::tz::TimeZone::UTC);
        let label = moment.strftime("%b %Y").to_string();
        Some(Moment { at: Timestamp::from_millis(at), label, day: None })
    });
    moments.collect()
}
