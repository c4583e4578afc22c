//! Parts of dates: a value is seconds since 1970, read in UTC and truncated.

use jiff::civil::DateTime;
use jiff::tz::TimeZone;

/// The date of a value; `None` outside of the years that a calendar has.
fn date(value: f64) -> Option<DateTime> {
    if !value.is_finite() {
        return None;
    }
    #[allow(clippy::cast_possible_truncation, reason = "truncation is meant; floats beyond are held at the ends")]
    let at = jiff::Timestamp::from_second(value as i64).ok()?;
    Some(TimeZone::UTC.to_datetime(at))
}

pub(super) fn minute(value: f64) -> Option<f64> {
    date(value).map(|date| f64::from(date.minute()))
}

pub(super) fn hour(value: f64) -> Option<f64> {
    date(value).map(|date| f64::from(date.hour()))
}

/// Sunday is 0.
pub(super) fn day_of_week(value: f64) -> Option<f64> {
    date(value).map(|date| f64::from(date.weekday().to_sunday_zero_offset()))
}

pub(super) fn day_of_month(value: f64) -> Option<f64> {
    date(value).map(|date| f64::from(date.day()))
}

pub(super) fn day_of_year(value: f64) -> Option<f64> {
    date(value).map(|date| f64::from(date.day_of_year()))
}

pub(super) fn days_in_month(value: f64) -> Option<f64> {
    date(value).map(|date| f64::from(date.days_in_month()))
}

pub(super) fn month(value: f64) -> Option<f64> {
    date(value).map(|date| f64::from(date.month()))
}

pub(super) fn year(value: f64) -> Option<f64> {
    date(value).map(|date| f64::from(date.year()))
}
