//! The words that PromQL keeps for itself. They may be written in any case.

use super::token::Token;

const AGGREGATORS: [&str; 14] = [
    "avg",
    "bottomk",
    "count",
    "count_values",
    "group",
    "limit_ratio",
    "limitk",
    "max",
    "min",
    "quantile",
    "stddev",
    "stdvar",
    "sum",
    "topk",
];

const OPERATORS: [&str; 4] = ["and", "or", "unless", "atan2"];

/// Words that may stand before a parenthesis without being a function's name.
const MODIFIERS: [&str; 11] = [
    "by",
    "without",
    "on",
    "ignoring",
    "group_left",
    "group_right",
    "bool",
    "offset",
    "fill",
    "fill_left",
    "fill_right",
];

/// Whether a word is an aggregation, an operator or a modifier.
pub(super) fn is_keyword(token: &Token<'_>) -> bool {
    is_aggregator(token) || is_operator(token) || MODIFIERS.iter().any(|word| token.is_word(word))
}

/// Whether a word is an operator.
pub(super) fn is_operator(token: &Token<'_>) -> bool {
    OPERATORS.iter().any(|word| token.is_word(word))
}

/// Whether a word is an aggregation.
pub(super) fn is_aggregator(token: &Token<'_>) -> bool {
    AGGREGATORS.iter().any(|word| token.is_word(word))
}
