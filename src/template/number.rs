//! Numbers, times and durations as Go's `fmt` and `strconv` write them.

use std::fmt::Write as _;

use crate::time::Timestamp;

/// From which power of ten on the shortest form has an exponent: `strconv` decides as if six digits were asked for.
const SHORTEST_EXPONENT: i32 = 6;

/// A float as Go's `%v`: the fewest digits that give it back; a million is `1e+06`.
pub(super) fn shortest(value: f64) -> String {
    match decimal(value, None) {
        Some((digits, exponent)) => general(value, &digits, exponent, SHORTEST_EXPONENT),
        None => special(value),
    }
}

/// `%.{precision}g`: so many digits that count, no zeros at the end.
pub(super) fn significant(value: f64, precision: usize) -> String {
    let precision = precision.max(1);
    match decimal(value, Some(precision - 1)) {
        Some((digits, exponent)) => general(value, &digits, exponent, i32::try_from(precision).unwrap_or(i32::MAX)),
        None => special(value),
    }
}

/// `%.{precision}f`
pub(super) fn fixed(value: f64, precision: usize) -> String {
    if value.is_finite() { format!("{value:.precision$}") } else { special(value) }
}

/// `%.{precision}e`
pub(super) fn scientific(value: f64, precision: usize) -> String {
    if !value.is_finite() {
        return special(value);
    }
    let text = format!("{value:.precision$e}");
    let (mantissa, exponent) = text.split_once('e').unwrap_or((&text, "0"));
    with_exponent(mantissa, exponent.parse().unwrap_or(0))
}

fn special(value: f64) -> String {
    let text = if value.is_nan() {
        "NaN"
    } else if value > 0.0 {
        "+Inf"
    } else {
        "-Inf"
    };
    text.to_owned()
}

/// The digits of a finite number without zeros at the end (at least one), and the power of ten of the first.
fn decimal(value: f64, precision: Option<usize>) -> Option<(String, i32)> {
    if !value.is_finite() {
        return None;
    }
    let text = match precision {
        Some(precision) => format!("{:.precision$e}", value.abs()),
        None => format!("{:e}", value.abs()),
    };
    let (mantissa, exponent) = text.split_once('e')?;
    let digits: String = mantissa.chars().filter(char::is_ascii_digit).collect();
    let kept = digits.trim_end_matches('0');
    Some((if kept.is_empty() { "0" } else { kept }.to_owned(), exponent.parse().ok()?))
}

/// Digits with a point, or with an exponent where that is below -4 or from `limit` on.
fn general(value: f64, digits: &str, exponent: i32, limit: i32) -> String {
    let sign = if value.is_sign_negative() { "-" } else { "" };
    if exponent < -4 || exponent >= limit {
        let (first, rest) = digits.split_at(1);
        let point = if rest.is_empty() { "" } else { "." };
        return format!("{sign}{}", with_exponent(&format!("{first}{point}{rest}"), exponent));
    }
    let places = usize::try_from(exponent.unsigned_abs()).unwrap_or(0);
    if exponent < 0 {
        return format!("{sign}0.{}{digits}", "0".repeat(places - 1));
    }
    let whole = places + 1;
    match digits.split_at_checked(whole) {
        Some((whole, "")) => format!("{sign}{whole}"),
        Some((whole, rest)) => format!("{sign}{whole}.{rest}"),
        None => format!("{sign}{digits}{}", "0".repeat(whole - digits.len())),
    }
}

/// Go writes at least two digits of an exponent, and its sign.
fn with_exponent(mantissa: &str, exponent: i32) -> String {
    let sign = if exponent < 0 { '-' } else { '+' };
    format!("{mantissa}e{sign}{:02}", exponent.unsigned_abs())
}

/// A time as Go prints one in UTC: `2025-10-09 08:53:20.5 +0000 UTC`.
pub(super) fn time(at: Timestamp) -> String {
    let ms = at.as_millis().rem_euclid(1000);
    let fraction = format!("{ms:03}");
    let fraction = fraction.trim_end_matches('0');
    let point = if fraction.is_empty() { "" } else { "." };
    match jiff::Timestamp::from_millisecond(at.as_millis()) {
        Ok(moment) => format!("{}{point}{fraction} +0000 UTC", moment.strftime("%Y-%m-%d %H:%M:%S")),
        Err(_) => at.to_string(),
    }
}

/// A duration as Go prints one: `1h2m3.5s`, `1.5ms`, `0s`.
pub(super) fn duration(seconds: f64) -> String {
    // Nanoseconds, as Go counts; a cast saturates, and NaN is 0.
    #[allow(clippy::cast_possible_truncation, reason = "saturates")]
    let nanos = (seconds * 1e9) as i64;
    let size = nanos.unsigned_abs();
    let mut text = String::from(if nanos < 0 { "-" } else { "" });
    let (unit, per_unit) = match size {
        0 => return "0s".to_owned(),
        1..1_000 => ("ns", 1),
        1_000..1_000_000 => ("µs", 1_000),
        1_000_000..1_000_000_000 => ("ms", 1_000_000),
        _ => ("s", 1_000_000_000),
    };
    let mut whole = size / per_unit;
    if unit == "s" {
        let (hours, minutes) = (whole / 3600, whole / 60 % 60);
        if hours > 0 {
            let _ = write!(text, "{hours}h");
        }
        if whole >= 60 {
            let _ = write!(text, "{minutes}m");
        }
        whole %= 60;
    }
    let width = per_unit.ilog10() as usize;
    let fraction = if width == 0 { String::new() } else { format!("{:0width$}", size % per_unit) };
    let fraction = fraction.trim_end_matches('0');
    let point = if fraction.is_empty() { "" } else { "." };
    let _ = write!(text, "{whole}{point}{fraction}{unit}");
    text
}
