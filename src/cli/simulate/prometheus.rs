//! Demand from a Prometheus: `query_range`, in parts that it answers.

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::{Context as _, anyhow, bail};
use serde_json::Value;

use super::super::client::{Target, escaped};
use super::input::Span;
use crate::sim::Trace;
use crate::time::Timestamp;

/// Points of one part: Prometheus answers 11,000 at most.
const POINTS_MAX: u32 = 10_000;

/// Traces that one question may bring.
const SERIES_MAX: usize = 1_000;

/// Values that one trace may have: forty years of minutes, or one of 1.5 s.
const VALUES_MAX: u128 = 21_000_000;

/// Asks for the demand; gives a trace for each series, in the order of their names. What is not answered is missing.
pub(super) async fn fetch(url: &str, query: &str, span: &Span) -> anyhow::Result<Vec<(String, Trace)>> {
    let server = Target::at(url).prometheus()?;
    let steps = span.end.since(span.start).as_millis() / span.step.as_millis().max(1);
    if steps >= VALUES_MAX {
        bail!("{steps} steps between --start and --end are too many; give a longer --step");
    }
    let mut gathered: BTreeMap<String, Vec<Option<f64>>> = BTreeMap::new();
    let mut start = span.start;
    while start <= span.end {
        let end = (start + span.step.saturating_mul(POINTS_MAX)).min(span.end);
        let path = format!(
            "/api/v1/query_range?query={}&start={}&end={}&step={}",
            escaped(query),
            start.as_secs_f64(),
            end.as_secs_f64(),
            span.step.as_secs_f64()
        );
        let answer = server.get(&path, "application/json").await?;
        let answer = answer.json().with_context(|| format!("asking {url} for {query}"))?;
        for (name, points) in matrix(&answer)? {
            if gathered.len() >= SERIES_MAX && !gathered.contains_key(&name) {
                bail!("more than {SERIES_MAX} series answer; aggregate them, as in sum({query})");
            }
            place(gathered.entry(name).or_default(), &points, span);
        }
        start = end + span.step;
    }
    if gathered.is_empty() {
        bail!("nothing answers {query} between {} and {}", span.start, span.end);
    }
    let trace = |(name, values): (String, Vec<Option<f64>>)| {
        let trace = Trace::from_values(span.start, span.step, values).with_context(|| name.clone())?;
        Ok((name, trace))
    };
    gathered.into_iter().map(trace).collect()
}

/// Times with values.
type Points = Vec<(Timestamp, f64)>;

/// The series of an answer, by name.
fn matrix(answer: &Value) -> anyhow::Result<Vec<(String, Points)>> {
    let wrong = || anyhow!("the answer is not that of a range query; is that URL a Prometheus's?");
    let result = answer.pointer("/data/result").and_then(Value::as_array).ok_or_else(wrong)?;
    result
        .iter()
        .map(|series| {
            let labels = series.get("metric").and_then(Value::as_object).ok_or_else(wrong)?;
            let values = series.get("values").and_then(Value::as_array).ok_or_else(wrong)?;
            let points = values.iter().map(|pair| point(pair).ok_or_else(wrong)).collect::<Result<_, _>>()?;
            Ok((named(labels), points))
        })
        .collect()
}

/// `[1435781430.781, "1"]`.
fn point(pair: &Value) -> Option<(Timestamp, f64)> {
    let (at, value) = (pair.get(0)?.as_f64()?, pair.get(1)?.as_str()?.parse().ok()?);
    #[expect(clippy::cast_possible_truncation, reason = "`as` saturates")]
    Some((Timestamp::from_millis((at * 1000.0).round() as i64), value))
}

/// A series as Prometheus writes it; "demand" where it has no labels.
fn named(labels: &serde_json::Map<String, Value>) -> String {
    let name = labels.get("__name__").and_then(Value::as_str).unwrap_or_default();
    let rest = labels.iter().filter(|(label, _)| *label != "__name__");
    let rest: Vec<String> = rest.map(|(label, value)| format!("{label}={value}")).collect();
    match (name, rest.is_empty()) {
        ("", true) => "demand".to_owned(),
        (name, true) => name.to_owned(),
        (name, false) => format!("{name}{{{}}}", rest.join(", ")),
    }
}

/// Puts points where they belong on the steps of the span. What is no number, or less than nothing, is missing.
fn place(values: &mut Vec<Option<f64>>, points: &[(Timestamp, f64)], span: &Span) {
    let step = span.step.max(Duration::from_millis(1));
    let length = span.end.since(span.start).as_millis() / step.as_millis() + 1;
    values.resize(usize::try_from(length).unwrap_or(0), None);
    for (at, value) in points {
        let step = usize::try_from(at.since(span.start).as_millis() / step.as_millis()).unwrap_or(usize::MAX);
        if let Some(slot) = values.get_mut(step) {
            *slot = Some(*value).filter(|value| value.is_finite() && *value >= 0.0);
        }
    }
}
