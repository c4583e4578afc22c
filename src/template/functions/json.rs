//! Data as JSON, for bodies of webhooks.

use serde_json::{Map, Number, Value as Json};

use super::argument;
use super::data::too_long;
use crate::template::value::Value;
use crate::template::{OUTPUT_BYTES_MAX, World};

/// A value as JSON. What JSON has no number for is a text.
pub(super) fn to_json(_: &World<'_>, arguments: &[Value]) -> Result<Value, String> {
    let text = json(argument(arguments, 0)).to_string();
    if text.len() > OUTPUT_BYTES_MAX { Err(too_long()) } else { Ok(text.into()) }
}

fn json(value: &Value) -> Json {
    let written = |value: &Value| {
        let mut text = String::new();
        let _ = value.write(&mut text);
        Json::String(text)
    };
    match value {
        Value::Null => Json::Null,
        Value::Bool(value) => Json::Bool(*value),
        Value::Int(value) => Json::Number((*value).into()),
        // A whole number without its point, as Go writes it.
        #[allow(clippy::cast_possible_truncation, reason = "below 2^53")]
        Value::Float(value) if value.fract() == 0.0 && value.abs() < 9e15 => Json::Number((*value as i64).into()),
        Value::Float(float) => Number::from_f64(*float).map_or_else(|| written(value), Json::Number),
        Value::String(text) => Json::String((**text).to_owned()),
        Value::List(items) => Json::Array(items.iter().map(json).collect()),
        Value::Map(map) => Json::Object(map.iter().map(|(name, value)| (name.clone(), json(value))).collect()),
        Value::Record(record) => {
            let fields: Map<String, Json> =
                record.0.iter().map(|(name, value)| ((*name).to_owned(), json(value))).collect();
            Json::Object(fields)
        }
        Value::Time(at) => Json::String(at.to_string()),
        Value::Duration(_) => written(value),
    }
}
