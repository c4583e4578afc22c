//! What the parser crate refuses, in our words and with a place.
//!
//! Once the order of tokens is right, these are errors of type and use. The crate's texts are known; one that is not
//! comes through as it is.

use super::token::{Kind, Token};
use super::{ParseError, syntax};

/// Explains a message of the crate about these tokens, the smallest piece that it refuses.
pub(super) fn explain(message: &str, tokens: &[Token<'_>]) -> ParseError {
    let first = tokens.first().map_or(0, |token| token.at);
    let place =
        |wanted: &dyn Fn(&Token<'_>) -> bool| tokens.iter().find(|token| wanted(token)).map_or(first, |token| token.at);
    let comparison = |token: &Token<'_>| ["==", "!=", "<=", ">=", "<", ">"].iter().any(|sign| token.is(sign));
    let word = |words: &'static [&'static str]| move |token: &Token<'_>| words.iter().any(|word| token.is_word(word));
    let (at, text) = if message.contains("comparisons between scalars") {
        (place(&comparison), "a comparison of two scalars needs bool, as in 1 < bool 2".to_owned())
    } else if message.contains("bool modifier") {
        (place(&word(&["bool"])), "bool belongs to comparisons only".to_owned())
    } else if message.contains("ON and GROUP") {
        (
            place(&word(&["group_left", "group_right"])),
            "a label can't stand in on (…) and in group_left or group_right at once".to_owned(),
        )
    } else if message.contains("set operator") {
        (place(&syntax::is_operator), "and, or and unless stand between instant vectors, not scalars".to_owned())
    } else if message.contains("no grouping allowed") {
        (
            place(&word(&["group_left", "group_right"])),
            "and, or and unless match many to many; they take no group_left or group_right".to_owned(),
        )
    } else if message.contains("vector matching only allowed") {
        (
            place(&word(&["on", "ignoring"])),
            "on and ignoring match two instant vectors; one side here is a scalar".to_owned(),
        )
    } else if message.contains("only scalar and instant vector") || message.contains("unary expression only") {
        let text = "operators work on scalars and instant vectors, not on range vectors or strings";
        (place(&|token| token.is("[") || token.kind == Kind::Text), text.to_owned())
    } else if message.contains("non-empty matcher") {
        let text = "a selector needs a metric name or a matcher that does not match the empty string, or it would select every series";
        (place(&|token| token.is("{")), text.to_owned())
    } else if message.contains("set twice") {
        (place(&|token| token.is("{")), "this selector names its metric twice".to_owned())
    } else if message.contains("offset may not be set") {
        (place(&word(&["offset"])), "this selector has two offsets".to_owned())
    } else if message.contains("before range") {
        (place(&word(&["offset"])), "the offset belongs behind the range, as in x[5m] offset 1h".to_owned())
    } else {
        (first, call(message).unwrap_or_else(|| unknown(message)))
    };
    ParseError::new(at, text)
}

/// Wrong types and numbers of arguments.
fn call(message: &str) -> Option<String> {
    if let Some(rest) = message.strip_prefix("expected type ") {
        let (expected, rest) = rest.split_once(" in ")?;
        let (place, got) = rest.rsplit_once(", got ")?;
        let place = place.strip_prefix("call to function ").map_or("an aggregation", |name| name.trim_matches('\''));
        let hint = match (expected, got) {
            ("matrix", "vector") => "; add a range, as in x[5m]",
            ("vector", "matrix") => "; apply a function such as rate or avg_over_time to the range first",
            ("vector", "scalar") => "; vector(…) makes one of it",
            ("scalar", "vector") => "; scalar(…) makes one of it",
            _ => "",
        };
        return Some(format!(
            "{place} takes a value of type {}, this is of type {}{hint}",
            named(expected),
            named(got)
        ));
    }
    if let Some(rest) = message.strip_prefix("expected ") {
        let (count, rest) = rest.split_once(" argument(s) in call to '")?;
        let (name, got) = rest.split_once("', got ")?;
        return Some(format!("{name} takes {count} argument(s), here are {got}"));
    }
    if let Some(rest) = message.strip_prefix("wrong number of arguments for aggregate expression provided, expected ") {
        let (count, got) = rest.split_once(", got ")?;
        return Some(format!("this aggregation takes {count} argument(s), here are {got}"));
    }
    message.starts_with("no arguments for aggregate").then(|| "an aggregation needs a vector to aggregate".to_owned())
}

/// Types as the documentation of Prometheus calls them.
fn named(kind: &str) -> &str {
    match kind {
        "matrix" => "range vector",
        "vector" => "instant vector",
        other => other,
    }
}

fn unknown(message: &str) -> String {
    if message.is_empty() || message == "invalid promql query" {
        return "this is no PromQL expression".to_owned();
    }
    message.to_owned()
}
