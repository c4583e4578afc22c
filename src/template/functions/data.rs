//! Lists, maps and series.

use super::{argument, list_of, text_of};
use crate::template::value::{Bounded, Value};
use crate::template::{OUTPUT_BYTES_MAX, World};

/// Bytes of a text, items of the rest.
pub(super) fn len(_: &World<'_>, arguments: &[Value]) -> Result<Value, String> {
    let len = match argument(arguments, 0) {
        Value::String(text) => text.len(),
        Value::List(items) => items.len(),
        Value::Map(map) => map.len(),
        other => return Err(format!("{} has no length", other.kind())),
    };
    Ok(Value::Int(i64::try_from(len).unwrap_or(i64::MAX)))
}

/// `index x 1 "key"` is `x[1]["key"]`.
pub(super) fn index(_: &World<'_>, arguments: &[Value]) -> Result<Value, String> {
    let mut value = argument(arguments, 0).clone();
    for key in arguments.iter().skip(1) {
        value = match (&value, key) {
            (Value::List(items), Value::Int(at)) => {
                let item = usize::try_from(*at).ok().and_then(|at| items.get(at));
                item.cloned().ok_or_else(|| format!("index {at} is out of range: there are {} items", items.len()))?
            }
            (Value::String(text), Value::Int(at)) => {
                let byte = usize::try_from(*at).ok().and_then(|at| text.as_bytes().get(at));
                let byte = byte.ok_or_else(|| format!("index {at} is out of range: there are {} bytes", text.len()))?;
                Value::Int(i64::from(*byte))
            }
            (Value::Map(_), Value::String(name)) => value.field(name)?,
            (value, key) => return Err(format!("{} can't be indexed by {}", value.kind(), key.kind())),
        };
    }
    Ok(value)
}

/// `slice x 1 2` is `x[1:2]`.
pub(super) fn slice(_: &World<'_>, arguments: &[Value]) -> Result<Value, String> {
    let place = |at: usize, otherwise: usize| match arguments.get(at) {
        None => Ok(otherwise),
        Some(Value::Int(place)) => usize::try_from(*place).map_err(|_| format!("index {place} is out of range")),
        Some(other) => Err(format!("argument {} must be a whole number, not {}", at + 1, other.kind())),
    };
    let out_of_range = || "the indexes are out of range".to_owned();
    match argument(arguments, 0) {
        Value::String(text) => {
            let range = place(1, 0)?..place(2, text.len())?;
            text.get(range).map(Value::from).ok_or_else(out_of_range)
        }
        Value::List(items) => {
            let range = place(1, 0)?..place(2, items.len())?;
            items.get(range).map(|items| Value::from(items.to_vec())).ok_or_else(out_of_range)
        }
        other => Err(format!("{} can't be cut", other.kind())),
    }
}

/// A query's vector: a list of records with `Labels` and `Value`.
pub(super) fn query(world: &World<'_>, arguments: &[Value]) -> Result<Value, String> {
    let Some(query) = world.query else { return Err("queries are not answered here".to_owned()) };
    let vector = query(text_of(arguments, 0)?)?;
    Ok(vector.iter().map(|(labels, value)| Value::sample(labels, *value)).collect::<Vec<_>>().into())
}

pub(super) fn first(_: &World<'_>, arguments: &[Value]) -> Result<Value, String> {
    let first = list_of(arguments, 0)?.first();
    first.cloned().ok_or_else(|| "first() called on vector with no elements".to_owned())
}

pub(super) fn label(_: &World<'_>, arguments: &[Value]) -> Result<Value, String> {
    argument(arguments, 1).field("Labels")?.field(text_of(arguments, 0)?)
}

pub(super) fn value(_: &World<'_>, arguments: &[Value]) -> Result<Value, String> {
    argument(arguments, 0).field("Value")
}

/// What Prometheus's consoles keep beside a sample, in a label.
pub(super) fn strvalue(_: &World<'_>, arguments: &[Value]) -> Result<Value, String> {
    argument(arguments, 0).field("Labels")?.field("__value__")
}

pub(super) fn sort_by_label(_: &World<'_>, arguments: &[Value]) -> Result<Value, String> {
    let label = text_of(arguments, 0)?;
    let mut keyed = Vec::new();
    for item in list_of(arguments, 1)? {
        let Value::String(key) = item.field("Labels")?.field(label)? else {
            return Err(format!("the label {label} is no text"));
        };
        keyed.push((key, item.clone()));
    }
    keyed.sort_by(|(one, _), (other, _)| one.cmp(other));
    Ok(keyed.into_iter().map(|(_, item)| item).collect::<Vec<_>>().into())
}

/// A map of `arg0`, `arg1` and so on.
pub(super) fn args(_: &World<'_>, arguments: &[Value]) -> Result<Value, String> {
    // Maps of maps of maps would grow without a bound, in depth and when written.
    let nests = |value: &Value| match value {
        Value::Map(map) => map.values().any(|value| !matches!(value, Value::String(_))),
        Value::List(items) => items.iter().any(|item| matches!(item, Value::Map(_) | Value::List(_))),
        _ => false,
    };
    if arguments.iter().any(nests) {
        return Err("args can't hold what args made".to_owned());
    }
    Ok(Value::map(arguments.iter().enumerate().map(|(at, value)| (format!("arg{at}"), value.clone()))))
}

/// A list of texts.
pub(super) fn list(_: &World<'_>, arguments: &[Value]) -> Result<Value, String> {
    for at in 0..arguments.len() {
        text_of(arguments, at)?;
    }
    Ok(arguments.to_vec().into())
}

/// `join ", " list`
pub(super) fn join(_: &World<'_>, arguments: &[Value]) -> Result<Value, String> {
    let separator = text_of(arguments, 0)?;
    let mut text = Bounded::new(OUTPUT_BYTES_MAX);
    for (at, item) in list_of(arguments, 1)?.iter().enumerate() {
        let between = if at > 0 { separator } else { "" };
        let written = std::fmt::Write::write_str(&mut text, between).and_then(|()| item.write(&mut text));
        written.map_err(|_| too_long())?;
    }
    Ok(text.into_text().into())
}

/// A map's pairs, sorted by name: a list of records with `Name` and `Value`.
pub(super) fn sorted_pairs(_: &World<'_>, arguments: &[Value]) -> Result<Value, String> {
    let pair =
        |name: &String, value: &Value| Value::record(vec![("Name", name.as_str().into()), ("Value", value.clone())]);
    of_map(arguments, pair)
}

pub(super) fn names(_: &World<'_>, arguments: &[Value]) -> Result<Value, String> {
    of_map(arguments, |name, _| name.as_str().into())
}

pub(super) fn values(_: &World<'_>, arguments: &[Value]) -> Result<Value, String> {
    of_map(arguments, |_, value| value.clone())
}

fn of_map(arguments: &[Value], one: impl Fn(&String, &Value) -> Value) -> Result<Value, String> {
    match argument(arguments, 0) {
        Value::Map(map) => Ok(map.iter().map(|(name, value)| one(name, value)).collect::<Vec<_>>().into()),
        other => Err(format!("argument 1 must be a map, not {}", other.kind())),
    }
}

pub(super) fn too_long() -> String {
    format!("the text would be longer than {OUTPUT_BYTES_MAX} bytes")
}
