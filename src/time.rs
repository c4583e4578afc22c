//! Time as the system knows it: milliseconds since the Unix epoch, and Prometheus durations (`1h30m`).
//!
//! Nothing here reads a clock: `now` arrives as an argument.

use serde::{Deserialize, Serialize};
use std::fmt::{self, Write as _};
use std::ops::{Add, Sub};
use std::sync::Arc;
use std::time::Duration;

/// A point in time: milliseconds since the Unix epoch, as in a remote-write sample.
///
/// Arithmetic saturates, so that any `i64` a sender may claim is safe to compare.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
pub struct Timestamp(i64);

impl Timestamp {
    /// The earliest time that can be told.
    pub const MIN: Self = Self(i64::MIN);
    /// The latest time that can be told.
    pub const MAX: Self = Self(i64::MAX);

    /// The time that is `ms` milliseconds after the Unix epoch.
    #[must_use]
    pub const fn from_millis(ms: i64) -> Self {
        Self(ms)
    }

    /// Milliseconds since the Unix epoch.
    #[must_use]
    pub const fn as_millis(self) -> i64 {
        self.0
    }

    /// Seconds since the Unix epoch, as PromQL's `time()` and the HTTP APIs give them.
    #[must_use]
    pub fn as_secs_f64(self) -> f64 {
        self.0 as f64 / 1000.0
    }

    /// How long after `earlier` this is; zero where it is not after it.
    #[must_use]
    pub fn since(self, earlier: Self) -> Duration {
        Duration::from_millis(self.0.saturating_sub(earlier.0).try_into().unwrap_or(0))
    }
}

/// Whoever must know the time is given this; only `app` makes one that reads the machine's clock.
pub type Clock = Arc<dyn Fn() -> Timestamp + Send + Sync>;

fn millis(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}

impl Add<Duration> for Timestamp {
    type Output = Self;

    fn add(self, duration: Duration) -> Self {
        Self(self.0.saturating_add(millis(duration)))
    }
}

impl Sub<Duration> for Timestamp {
    type Output = Self;

    fn sub(self, duration: Duration) -> Self {
        Self(self.0.saturating_sub(millis(duration)))
    }
}

impl fmt::Display for Timestamp {
    /// RFC 3339 with milliseconds, in UTC.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match jiff::Timestamp::from_millisecond(self.0) {
            Ok(at) => write!(f, "{at:.3}"),
            Err(_) => write!(f, "{}ms", self.0),
        }
    }
}

/// What a window selects: the samples with `start < at <= end` (left-open, as in Prometheus 3).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Range {
    /// Excluded.
    pub start: Timestamp,
    /// Included.
    pub end: Timestamp,
}

impl Range {
    /// The `length` that ends at `end`.
    #[must_use]
    pub fn ending_at(end: Timestamp, length: Duration) -> Self {
        Self { start: end - length, end }
    }

    /// Whether a sample at `at` is selected.
    #[must_use]
    pub fn contains(self, at: Timestamp) -> bool {
        self.start < at && at <= self.end
    }
}

/// Why a text is not a Prometheus duration.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DurationError {
    #[error("empty duration; write a number and a unit, as in 30s, 5m or 1h30m")]
    Empty,
    #[error(
        "\"{0}\" is not a duration; write numbers with units from largest to smallest out of y, w, d, h, m, s, ms, as in 1h30m"
    )]
    Malformed(String),
    #[error("duration \"{0}\" is too long")]
    TooLong(String),
}

/// Milliseconds of each unit, largest first, as Prometheus defines them (a year has 365 days).
const UNITS: [(&str, u64); 7] = [
    ("y", 31_536_000_000),
    ("w", 604_800_000),
    ("d", 86_400_000),
    ("h", 3_600_000),
    ("m", 60_000),
    ("s", 1_000),
    ("ms", 1),
];

/// Reads a Prometheus duration: `0`, or numbers with units from the largest to the smallest, each at most once.
pub fn parse_duration(text: &str) -> Result<Duration, DurationError> {
    match text {
        "" => return Err(DurationError::Empty),
        "0" => return Ok(Duration::ZERO),
        _ => {}
    }
    let malformed = || DurationError::Malformed(text.to_owned());
    let too_long = || DurationError::TooLong(text.to_owned());
    let mut total: u64 = 0;
    let mut units = UNITS.iter();
    let mut rest = text;
    while !rest.is_empty() {
        let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
        let (number, after) = rest.split_at(digits);
        let letters = after.bytes().take_while(u8::is_ascii_alphabetic).count();
        let (unit, after) = after.split_at(letters);
        if number.is_empty() {
            return Err(malformed());
        }
        // Taking from the iterator is what refuses a unit twice or out of order.
        let &(_, unit_ms) = units.find(|(name, _)| *name == unit).ok_or_else(malformed)?;
        let number: u64 = number.parse().map_err(|_| too_long())?;
        total = number.checked_mul(unit_ms).and_then(|ms| total.checked_add(ms)).ok_or_else(too_long)?;
        rest = after;
    }
    if i64::try_from(total).is_err() {
        return Err(too_long());
    }
    Ok(Duration::from_millis(total))
}

/// Writes a duration as Prometheus does: `90s` is `1m30s`, nothing is `0s`. Parts below a millisecond are cut.
#[must_use]
pub fn format_duration(duration: Duration) -> String {
    let mut ms = u64::try_from(duration.as_millis()).unwrap_or(u64::MAX);
    if ms == 0 {
        return "0s".to_owned();
    }
    let mut text = String::new();
    for (name, unit_ms) in UNITS {
        // Prometheus writes years and weeks only where they come out even.
        if matches!(name, "y" | "w") && !ms.is_multiple_of(unit_ms) {
            continue;
        }
        let count = ms / unit_ms;
        if count > 0 {
            let _ = write!(text, "{count}{name}");
            ms %= unit_ms;
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, ms: u64, written: &str) {
        let duration = parse_duration(text).unwrap();
        assert_eq!(duration, Duration::from_millis(ms));
        assert_eq!(format_duration(duration), written);
    }

    #[test]
    fn durations_read_and_write_as_in_prometheus() {
        check("0", 0, "0s");
        check("5m", 300_000, "5m");
        check("90s", 90_000, "1m30s");
        check("1h30m", 5_400_000, "1h30m");
        check("1500ms", 1_500, "1s500ms");
        check("1w", 604_800_000, "1w");
        check("8d", 691_200_000, "8d");
        check("1y", 31_536_000_000, "1y");
    }

    #[test]
    fn what_is_no_duration_is_refused_with_the_way_out() {
        for text in ["5", "m", "5m5m", "5s1m", "1.5h", "-5m", "5 m", "5min"] {
            assert!(matches!(parse_duration(text), Err(DurationError::Malformed(_))), "{text}");
        }
        assert!(matches!(parse_duration("99999999999999999999s"), Err(DurationError::TooLong(_))));
        assert!(matches!(parse_duration("400000000y"), Err(DurationError::TooLong(_))));
    }

    #[test]
    fn extreme_times_saturate() {
        assert_eq!(Timestamp::MIN - Duration::from_secs(1), Timestamp::MIN);
        assert_eq!(Timestamp::MAX + Duration::from_secs(1), Timestamp::MAX);
        assert_eq!(Timestamp::MIN.since(Timestamp::MAX), Duration::ZERO);
        assert!(Timestamp::MAX.to_string().ends_with("ms"));
    }

    #[test]
    fn a_range_is_open_on_the_left() {
        let range = Range::ending_at(Timestamp::from_millis(60_000), Duration::from_mins(1));
        assert!(!range.contains(Timestamp::from_millis(0)));
        assert!(range.contains(Timestamp::from_millis(1)));
        assert!(range.contains(Timestamp::from_millis(60_000)));
    }
}
