//! Numbers, times and durations for people, as Prometheus writes them.

use super::{argument, text_of};
use crate::template::World;
use crate::template::number::significant;
use crate::template::value::Value;
use crate::time::{self, Timestamp};

/// An argument as a number; a text is read as one.
fn number(arguments: &[Value]) -> Result<f64, String> {
    match argument(arguments, 0) {
        Value::Float(value) | Value::Duration(value) => Ok(*value),
        Value::Int(value) => Ok(*value as f64),
        Value::String(text) => text.parse().map_err(|_| format!("\"{text}\" is no number")),
        other => Err(format!("{} is no number", other.kind())),
    }
}

const SMALL: [&str; 8] = ["m", "u", "n", "p", "f", "a", "z", "y"];

/// Multiplies by 1000 until there is a digit before the point; gives the prefix too.
fn enlarge(mut value: f64) -> (f64, &'static str) {
    let mut prefix = "";
    for next in SMALL {
        if value.abs() >= 1.0 {
            break;
        }
        prefix = next;
        value *= 1000.0;
    }
    (value, prefix)
}

/// Divides by `step` while that leaves a digit before the point.
fn shrink(mut value: f64, step: f64, prefixes: [&'static str; 8]) -> String {
    let mut prefix = "";
    for next in prefixes {
        if value.abs() < step {
            break;
        }
        prefix = next;
        value /= step;
    }
    format!("{}{prefix}", significant(value, 4))
}

/// `12345` is `12.35k`.
pub(super) fn humanize(_: &World<'_>, arguments: &[Value]) -> Result<Value, String> {
    let value = number(arguments)?;
    let text = if value == 0.0 || !value.is_finite() {
        significant(value, 4)
    } else if value.abs() >= 1.0 {
        shrink(value, 1000.0, ["k", "M", "G", "T", "P", "E", "Z", "Y"])
    } else {
        let (value, prefix) = enlarge(value);
        format!("{}{prefix}", significant(value, 4))
    };
    Ok(text.into())
}

/// `1048576` is `1Mi`.
pub(super) fn humanize1024(_: &World<'_>, arguments: &[Value]) -> Result<Value, String> {
    let value = number(arguments)?;
    let text = if value.abs() <= 1.0 || !value.is_finite() {
        significant(value, 4)
    } else {
        shrink(value, 1024.0, ["ki", "Mi", "Gi", "Ti", "Pi", "Ei", "Zi", "Yi"])
    };
    Ok(text.into())
}

/// Seconds: `3661` is `1h 1m 1s`.
pub(super) fn humanize_duration(_: &World<'_>, arguments: &[Value]) -> Result<Value, String> {
    let value = number(arguments)?;
    if !value.is_finite() {
        return Ok(significant(value, 4).into());
    }
    if value == 0.0 {
        return Ok(format!("{}s", significant(value, 4)).into());
    }
    if value.abs() < 1.0 {
        let (value, prefix) = enlarge(value);
        return Ok(format!("{}{prefix}s", significant(value, 4)).into());
    }
    let sign = if value < 0.0 { "-" } else { "" };
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a size of at least 1; saturates")]
    let whole = value.abs() as u64;
    let (seconds, minutes) = (whole % 60, whole / 60 % 60);
    let (hours, days) = (whole / 3600 % 24, whole / 86_400);
    let text = if days != 0 {
        format!("{sign}{days}d {hours}h {minutes}m {seconds}s")
    } else if hours != 0 {
        format!("{sign}{hours}h {minutes}m {seconds}s")
    } else if minutes != 0 {
        format!("{sign}{minutes}m {seconds}s")
    } else {
        format!("{sign}{}s", significant(value.abs(), 4))
    };
    Ok(text.into())
}

/// A share of one: `0.1234` is `12.34%`.
pub(super) fn humanize_percentage(_: &World<'_>, arguments: &[Value]) -> Result<Value, String> {
    number(arguments).map(|value| format!("{}%", significant(value * 100.0, 4)).into())
}

/// Seconds since the epoch, as Go writes a time.
pub(super) fn humanize_timestamp(_: &World<'_>, arguments: &[Value]) -> Result<Value, String> {
    let value = number(arguments)?;
    if !value.is_finite() {
        return Ok(significant(value, 4).into());
    }
    moment(value).map(|at| crate::template::number::time(at).into())
}

pub(super) fn to_time(_: &World<'_>, arguments: &[Value]) -> Result<Value, String> {
    moment(number(arguments)?).map(Value::Time)
}

/// Go counts nanoseconds in 64 bits, and so do we not go beyond.
fn moment(seconds: f64) -> Result<Timestamp, String> {
    if !seconds.is_finite() {
        return Err("value is NaN or Inf".to_owned());
    }
    if (seconds * 1e9).abs() > 9_223_372_036_854_775_807.0 {
        return Err(format!("{seconds} seconds since 1970 is no time"));
    }
    #[allow(clippy::cast_possible_truncation, reason = "bounded above")]
    let nanos = (seconds * 1e9) as i64;
    Ok(Timestamp::from_millis(nanos / 1_000_000))
}

/// A number of seconds as a duration, which is written as `1m30s`.
pub(super) fn to_duration(_: &World<'_>, arguments: &[Value]) -> Result<Value, String> {
    number(arguments).map(Value::Duration)
}

/// `1h30m` in seconds; `-` before it is allowed.
pub(super) fn parse_duration(_: &World<'_>, arguments: &[Value]) -> Result<Value, String> {
    let text = text_of(arguments, 0)?;
    let (sign, bare) = text.strip_prefix('-').map_or((1.0, text), |bare| (-1.0, bare));
    let duration = time::parse_duration(bare).map_err(|error| error.to_string())?;
    Ok(Value::Float(sign * duration.as_secs_f64()))
}

/// Seconds since the epoch.
pub(super) fn now(world: &World<'_>, _: &[Value]) -> Result<Value, String> {
    Ok(Value::Float(world.now.as_secs_f64()))
}
