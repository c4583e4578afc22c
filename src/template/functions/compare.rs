//! Truth and comparison. As in Go, a whole number and a float can't be compared: `gt $value 5.0`.

use super::argument;
use crate::template::World;
use crate::template::value::Value;

/// The first argument that is false, or the last. (The renderer stops at it without working out the rest.)
pub(super) fn and(_: &World<'_>, arguments: &[Value]) -> Result<Value, String> {
    let found = arguments.iter().find(|value| !value.is_true());
    Ok(found.or(arguments.last()).cloned().unwrap_or(Value::Null))
}

/// The first argument that is true, or the last.
pub(super) fn or(_: &World<'_>, arguments: &[Value]) -> Result<Value, String> {
    let found = arguments.iter().find(|value| value.is_true());
    Ok(found.or(arguments.last()).cloned().unwrap_or(Value::Null))
}

pub(super) fn not(_: &World<'_>, arguments: &[Value]) -> Result<Value, String> {
    Ok(Value::Bool(!argument(arguments, 0).is_true()))
}

/// Whether the first argument equals one of the others.
pub(super) fn eq(_: &World<'_>, arguments: &[Value]) -> Result<Value, String> {
    let first = argument(arguments, 0);
    for other in arguments.iter().skip(1) {
        if equal(first, other)? {
            return Ok(Value::Bool(true));
        }
    }
    Ok(Value::Bool(false))
}

pub(super) fn ne(_: &World<'_>, arguments: &[Value]) -> Result<Value, String> {
    equal(argument(arguments, 0), argument(arguments, 1)).map(|equal| Value::Bool(!equal))
}

pub(super) fn lt(_: &World<'_>, arguments: &[Value]) -> Result<Value, String> {
    less(arguments).map(Value::Bool)
}

pub(super) fn le(_: &World<'_>, arguments: &[Value]) -> Result<Value, String> {
    less_or_equal(arguments).map(Value::Bool)
}

/// As in Go, not less or equal: true where one is not a number.
pub(super) fn gt(_: &World<'_>, arguments: &[Value]) -> Result<Value, String> {
    less_or_equal(arguments).map(|less| Value::Bool(!less))
}

/// As in Go, not less.
pub(super) fn ge(_: &World<'_>, arguments: &[Value]) -> Result<Value, String> {
    less(arguments).map(|less| Value::Bool(!less))
}

fn equal(one: &Value, other: &Value) -> Result<bool, String> {
    match (one, other) {
        (Value::Null, Value::Null) => Ok(true),
        (Value::Null, _) | (_, Value::Null) => Ok(false),
        (Value::Bool(one), Value::Bool(other)) => Ok(one == other),
        (Value::Int(one), Value::Int(other)) => Ok(one == other),
        (Value::Float(one), Value::Float(other)) | (Value::Duration(one), Value::Duration(other)) => Ok(one == other),
        (Value::String(one), Value::String(other)) => Ok(one == other),
        (Value::Time(one), Value::Time(other)) => Ok(one == other),
        _ => Err(unlike(one, other)),
    }
}

fn less(arguments: &[Value]) -> Result<bool, String> {
    match (argument(arguments, 0), argument(arguments, 1)) {
        (Value::Int(one), Value::Int(other)) => Ok(one < other),
        (Value::Float(one), Value::Float(other)) | (Value::Duration(one), Value::Duration(other)) => Ok(one < other),
        (Value::String(one), Value::String(other)) => Ok(one < other),
        (one, other) => Err(unlike(one, other)),
    }
}

fn less_or_equal(arguments: &[Value]) -> Result<bool, String> {
    Ok(less(arguments)? || equal(argument(arguments, 0), argument(arguments, 1))?)
}

fn unlike(one: &Value, other: &Value) -> String {
    let hint = match (one, other) {
        (Value::Float(_), Value::Int(_)) | (Value::Int(_), Value::Float(_)) => "; write a constant with a point: 5.0",
        _ => "",
    };
    format!("{} can't be compared with {}{hint}", one.kind(), other.kind())
}
