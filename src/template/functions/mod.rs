//! The functions of templates: Go's own, Prometheus's, and a few of Alertmanager's.

#![allow(clippy::unnecessary_wraps, reason = "every function has the shape of a `Call`")]

mod compare;
mod data;
mod human;
mod json;
mod text;

use std::ops::RangeInclusive;

use super::World;
use super::value::Value;

/// A function: its name, how many arguments it takes, and what it does.
#[derive(Debug)]
pub(super) struct Function {
    pub(super) name: &'static str,
    pub(super) takes: RangeInclusive<usize>,
    pub(super) call: Call,
}

/// The last argument is what was piped, where something was.
pub(super) type Call = fn(&World<'_>, &[Value]) -> Result<Value, String>;

impl PartialEq for Function {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name
    }
}

/// The function of this name.
pub(super) fn find(name: &str) -> Option<&'static Function> {
    TABLE.iter().find(|function| function.name == name)
}

const fn function(name: &'static str, takes: RangeInclusive<usize>, call: Call) -> Function {
    Function { name, takes, call }
}

const ANY: usize = usize::MAX;

static TABLE: [Function; 54] = [
    // Go's.
    function("and", 1..=ANY, compare::and),
    function("or", 1..=ANY, compare::or),
    function("not", 1..=1, compare::not),
    function("eq", 2..=ANY, compare::eq),
    function("ne", 2..=2, compare::ne),
    function("lt", 2..=2, compare::lt),
    function("le", 2..=2, compare::le),
    function("gt", 2..=2, compare::gt),
    function("ge", 2..=2, compare::ge),
    function("len", 1..=1, data::len),
    function("index", 1..=ANY, data::index),
    function("slice", 1..=3, data::slice),
    function("print", 0..=ANY, text::print),
    function("println", 0..=ANY, text::println),
    function("printf", 1..=ANY, text::printf),
    function("html", 0..=ANY, text::html),
    function("urlquery", 0..=ANY, text::urlquery),
    // Prometheus's: series.
    function("query", 1..=1, data::query),
    function("first", 1..=1, data::first),
    function("label", 2..=2, data::label),
    function("value", 1..=1, data::value),
    function("strvalue", 1..=1, data::strvalue),
    function("sortByLabel", 2..=2, data::sort_by_label),
    function("args", 0..=ANY, data::args),
    // Prometheus's: numbers and times.
    function("humanize", 1..=1, human::humanize),
    function("humanize1024", 1..=1, human::humanize1024),
    function("humanizeDuration", 1..=1, human::humanize_duration),
    function("humanizePercentage", 1..=1, human::humanize_percentage),
    function("humanizeTimestamp", 1..=1, human::humanize_timestamp),
    function("toTime", 1..=1, human::to_time),
    function("toDuration", 1..=1, human::to_duration),
    function("parseDuration", 1..=1, human::parse_duration),
    function("now", 0..=0, human::now),
    // Prometheus's: texts.
    function("title", 1..=1, text::title),
    function("toUpper", 1..=1, text::to_upper),
    function("toLower", 1..=1, text::to_lower),
    function("match", 2..=2, text::matches),
    function("reReplaceAll", 3..=3, text::replace_all),
    function("stripPort", 1..=1, text::strip_port),
    function("stripDomain", 1..=1, text::strip_domain),
    function("graphLink", 1..=1, text::graph_link),
    function("tableLink", 1..=1, text::table_link),
    function("safeHtml", 1..=1, text::safe),
    function("urlQueryEscape", 1..=1, text::url_query_escape),
    function("externalURL", 0..=0, text::external_url),
    function("pathPrefix", 0..=0, text::path_prefix),
    // Alertmanager's, for bodies of webhooks; its methods are functions here.
    function("join", 2..=2, data::join),
    function("trimSpace", 1..=1, text::trim_space),
    function("stringSlice", 0..=ANY, data::list),
    function("sortedPairs", 1..=1, data::sorted_pairs),
    function("names", 1..=1, data::names),
    function("values", 1..=1, data::values),
    function("toJson", 1..=1, json::to_json),
    function("safeUrl", 1..=1, text::safe),
];

/// The path under which an expression is shown as a table, as Prometheus writes it.
#[must_use]
pub fn table_link(expr: &str) -> String {
    let expr = text::query_escaped(expr).unwrap_or_default();
    format!("/graph?g0.expr={expr}&g0.tab=1")
}

/// An argument by its place. That there are enough of them was seen to when the template was compiled.
fn argument(arguments: &[Value], at: usize) -> &Value {
    arguments.get(at).unwrap_or(&Value::Null)
}

/// An argument that must be a text.
fn text_of(arguments: &[Value], at: usize) -> Result<&str, String> {
    match argument(arguments, at) {
        Value::String(text) => Ok(text),
        other => Err(format!("argument {} must be a text, not {}", at + 1, other.kind())),
    }
}

/// An argument that must be a list, as a query's result is.
fn list_of(arguments: &[Value], at: usize) -> Result<&[Value], String> {
    match argument(arguments, at) {
        Value::List(items) => Ok(items),
        other => Err(format!("argument {} must be a list, not {}", at + 1, other.kind())),
    }
}

/// The tables of `TABLE` and of the tests agree on what there is.
#[cfg(test)]
pub(super) fn all() -> impl Iterator<Item = &'static str> {
    TABLE.iter().map(|function| function.name)
}
