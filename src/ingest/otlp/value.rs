//! Values of attributes as text: numbers and lists as JSON has them, and in the form that Go's libraries write, for that is
//! what the same attribute is called at a Prometheus.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt::Write as _;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::super::rejected::Fault;
use super::super::wire::Kind;
use super::shape::{bytes, each, fields};

/// How much longer a list may be on the wire than the longest text of a label: a small number takes up to 14 bytes there, and
/// three as text.
const PACKING: usize = 8;

/// An `AnyValue`.
#[derive(Debug, Clone, Copy)]
enum Value<'a> {
    Empty,
    Text(&'a [u8]),
    Bool(bool),
    Int(i64),
    Double(f64),
    Array(&'a [u8]),
    Map(&'a [u8]),
    Bytes(&'a [u8]),
}

fn read(message: &[u8]) -> Value<'_> {
    let mut value = Value::Empty;
    fields(message, |number, fields, kind| {
        value = match (number, kind) {
            (1, Kind::Bytes) => Value::Text(fields.bytes()?),
            (2, Kind::Varint) => Value::Bool(fields.varint()? != 0),
            (3, Kind::Varint) => Value::Int(fields.varint()?.cast_signed()),
            (4, Kind::Fixed64) => Value::Double(f64::from_bits(fields.fixed64()?)),
            (5, Kind::Bytes) => Value::Array(fields.bytes()?),
            (6, Kind::Bytes) => Value::Map(fields.bytes()?),
            (7, Kind::Bytes) => Value::Bytes(fields.bytes()?),
            _ => return fields.skip(kind),
        };
        Ok(())
    });
    value
}

/// An `AnyValue` as the value of a label.
pub(super) fn text(message: &[u8], bytes_max: usize) -> Result<Cow<'_, str>, Fault> {
    let value = read(message);
    match value {
        Value::Text(text) => std::str::from_utf8(text).map(Cow::Borrowed).map_err(|_| Fault::InvalidUtf8),
        Value::Empty => Ok(Cow::Borrowed("")),
        Value::Double(number) if number.is_nan() => Ok(Cow::Borrowed("NaN")),
        Value::Double(number) if number.is_infinite() => {
            Ok(Cow::Borrowed(if number > 0.0 { "Infinity" } else { "-Infinity" }))
        }
        Value::Bytes(bytes) if bytes.len() <= bytes_max => Ok(Cow::Owned(STANDARD.encode(bytes))),
        Value::Array(list) | Value::Map(list) if list.len() <= bytes_max.saturating_mul(PACKING) => {
            let mut json = String::new();
            // What JSON has no number for makes the whole nothing, as it does in Go.
            Ok(Cow::Owned(write_json(value, &mut json)?.map_or_else(String::new, |()| json)))
        }
        Value::Bytes(_) | Value::Array(_) | Value::Map(_) => Err(Fault::ValueTooLong(bytes_max)),
        Value::Bool(_) | Value::Int(_) | Value::Double(_) => {
            let mut text = String::new();
            write_json(value, &mut text)?;
            Ok(Cow::Owned(text))
        }
    }
}

/// Writes a value as JSON; `None` where it holds a number that JSON has not.
fn write_json(value: Value<'_>, json: &mut String) -> Result<Option<()>, Fault> {
    match value {
        Value::Empty => json.push_str("null"),
        Value::Text(text) => json.push_str(&quoted(std::str::from_utf8(text).map_err(|_| Fault::InvalidUtf8)?)),
        Value::Bool(is) => json.push_str(if is { "true" } else { "false" }),
        // Writing to a string can't fail.
        Value::Int(number) => _ = write!(json, "{number}"),
        Value::Double(number) if !number.is_finite() => return Ok(None),
        Value::Double(number) => json.push_str(&number_text(number)),
        Value::Bytes(bytes) => _ = write!(json, "\"{}\"", STANDARD.encode(bytes)),
        Value::Array(list) => {
            json.push('[');
            let mut values = Vec::new();
            each(list, 1, |message| values.push(message));
            for (at, message) in values.into_iter().enumerate() {
                json.push_str(if at > 0 { "," } else { "" });
                if write_json(read(message), json)?.is_none() {
                    return Ok(None);
                }
            }
            json.push(']');
        }
        Value::Map(list) => {
            json.push('{');
            let mut pairs = BTreeMap::new();
            each(list, 1, |pair| _ = pairs.insert(bytes(pair, 1), bytes(pair, 2)));
            for (at, (name, message)) in pairs.into_iter().enumerate() {
                json.push_str(if at > 0 { "," } else { "" });
                json.push_str(&quoted(std::str::from_utf8(name).map_err(|_| Fault::InvalidUtf8)?));
                json.push(':');
                if write_json(read(message), json)?.is_none() {
                    return Ok(None);
                }
            }
            json.push('}');
        }
    }
    Ok(Some(()))
}

fn quoted(text: &str) -> String {
    // Text can always be written; Go escapes two more signs, which end lines in JavaScript.
    let json = serde_json::to_string(text).unwrap_or_default();
    json.replace('\u{2028}', "\\u2028").replace('\u{2029}', "\\u2029")
}

/// A finite number as JavaScript writes it: with an exponent where it is very large or very small.
fn number_text(number: f64) -> String {
    let size = number.abs();
    if size == 0.0 || (1e-6..1e21).contains(&size) {
        return number.to_string();
    }
    let text = format!("{number:e}");
    if text.contains("e-") { text } else { text.replace('e', "e+") }
}

/// A number without an exponent, as bounds of buckets and quantiles are written.
pub(super) fn plain(number: f64) -> String {
    if number.is_infinite() {
        return if number > 0.0 { "+Inf" } else { "-Inf" }.to_owned();
    }
    number.to_string()
}
