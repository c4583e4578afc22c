//! What the parser crate refuses, in our words and with a place.
//!
//! Once the order of tokens is right, these are errors of type and use. The crate's texts are known; one that is not
//! comes through as it is.

use super::ParseError;
use super::token::{Kind, Token};

/// One thing that the crate refuses.
struct Rule {
    /// What its message contains.
    message: &'static str,
    /// The first of these words or signs is its place.
    place: &'static [&'static str],
    text: &'static str,
}

const RULES: [Rule; 12] = [
    Rule {
        message: "comparisons between scalars",
        place: &["==", "!=", "<=", ">=", "<", ">"],
        text: "a comparison of two scalars needs bool, as in 1 < bool 2",
    },
    Rule { message: "bool modifier", place: &["bool"], text: "bool belongs to comparisons only" },
    Rule {
        message: "ON and GROUP",
        place: &["group_left", "group_right"],
        text: "a label can't stand in on (…) and in group_left or group_right at once",
    },
    Rule {
        message: "set operator",
        place: &["and", "or", "unless"],
        text: "and, or and unless stand between instant vectors, not scalars",
    },
    Rule {
        message: "no grouping allowed",
        place: &["group_left", "group_right"],
        text: "and, or and unless match many to many; they take no group_left or group_right",
    },
    Rule {
        message: "vector matching only allowed",
        place: &["on", "ignoring"],
        text: "on and ignoring match two instant vectors; one side here is a scalar",
    },
    Rule { message: "only scalar and instant vector", place: &["["], text: NO_OPERAND },
    Rule { message: "unary expression only", place: &["["], text: NO_OPERAND },
    Rule {
        message: "non-empty matcher",
        place: &["{"],
        text: "a selector needs a metric name or a matcher that does not match the empty string, \
               or it would select every series",
    },
    Rule { message: "set twice", place: &["{"], text: "this selector names its metric twice" },
    Rule { message: "offset may not be set", place: &["offset"], text: "this selector has two offsets" },
    Rule {
        message: "before range",
        place: &["offset"],
        text: "the offset belongs behind the range, as in x[5m] offset 1h",
    },
];

const NO_OPERAND: &str = "operators work on scalars and instant vectors, not on range vectors or strings";

/// Explains a message of the crate about these tokens, the smallest piece that it refuses.
pub(super) fn explain(message: &str, tokens: &[Token<'_>]) -> ParseError {
    let first = tokens.first().map_or(0, |token| token.at);
    let Some(rule) = RULES.iter().find(|rule| message.contains(rule.message)) else {
        return ParseError::new(first, call(message).unwrap_or_else(|| unknown(message)));
    };
    let is_place = |token: &&Token<'_>| rule.place.iter().any(|text| token.is(text) || token.is_word(text));
    // Where there is no range, it is a string that is no operand.
    let text = || tokens.iter().find(|token| token.kind == Kind::Text);
    let place = tokens.iter().find(is_place).or_else(text);
    ParseError::new(place.map_or(first, |token| token.at), rule.text)
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
