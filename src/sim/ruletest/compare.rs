//! What was expected against what is.

use std::time::Duration;

use super::compile::{Case, Check, Expected};
use super::report::Failure;
use super::timeline::{Moment, Timeline};
use crate::config::{AlertExpectation, ExpectedAlert, Muted, Pair, ScaleExpectation};
use crate::decision::{Decision, Layer};
use crate::dispatch::AlertStatus;
use crate::engine::{AlertView, View};
use crate::labels::Labels;
use crate::promql::{EvalError, Value};
use crate::time::{Timestamp, format_duration};
use crate::workload::Workload;

/// Values that differ by less than this share of them are equal: sums of floats depend on their order.
const ROUNDING: f64 = 1e-9;

/// The workloads of which something is expected.
pub(super) fn workloads(case: &Case) -> impl Iterator<Item = &Workload> {
    case.checks.iter().filter_map(|check| match &check.expected {
        Expected::Scale(expected) => Some(&expected.workload),
        Expected::Alerts(_) | Expected::Samples { .. } => None,
    })
}

/// The expectations of workloads that did not come true.
pub(super) fn scales<'c>(case: &'c Case, timeline: &'c Timeline) -> impl Iterator<Item = Failure> + 'c {
    case.checks.iter().filter_map(|check| match &check.expected {
        Expected::Scale(expected) => scale(case, check, expected, timeline),
        Expected::Alerts(_) | Expected::Samples { .. } => None,
    })
}

fn scale(case: &Case, check: &Check, expected: &ScaleExpectation, timeline: &Timeline) -> Option<Failure> {
    let name = expected.workload.to_string();
    let due = case.start + check.at;
    let moments = timeline.of_workload(&name);
    let until = moments.partition_point(|moment| moment.at <= due);
    let moments_then = moments.get(..until).unwrap_or_default();
    let last = moments_then.last()?;
    // The decision of that time; where several were made at once, each counts.
    let at_once = moments_then.iter().rev().take_while(|moment| moment.at == due);
    let mut missed = counts_missed(expected, last);
    let decided = at_once.chain([last]).map(|moment| (moment, decision_missed(expected, moment)));
    let decided: Vec<(&Moment, Vec<Miss>)> = decided.collect();
    let mut shown = last;
    if decided.iter().all(|(_, missed)| !missed.is_empty()) {
        let changes = |moment: &Moment| {
            moment.decision(expected).is_some_and(|decision| decision.at >= due && decision.changes())
        };
        let told = decided.into_iter().min_by_key(|(moment, missed)| (!changes(moment), missed.len()));
        if let Some((moment, told)) = told {
            shown = moment;
            missed.extend(told);
        }
    }
    if missed.is_empty() {
        return None;
    }
    let mut notes = Vec::new();
    if let Some(decision) = shown.decision(expected) {
        let when = whole(decision.at.since(case.start));
        notes.push(format!("decided at {when}"));
        notes.push(format!("  {}", decision.headline(&expected.workload)));
        notes.extend(decision.to_string().lines().map(|line| format!("  {line}")));
    }
    notes.extend(last.problems().map(|problem| format!("problem: {problem}")));
    notes.push(nearest(case.start, due, expected, moments));
    let shadow = expected.shadow.as_ref().map(|shadow| format!(" ({shadow})")).unwrap_or_default();
    let what = format!("{name}{shadow} at {}", format_duration(check.at));
    let (expected, got) = missed.into_iter().map(|miss| (miss.expected, miss.got)).unzip();
    Some(Failure { line: check.line, what, expected, got, notes })
}

/// One thing that is not as expected.
struct Miss {
    expected: String,
    got: String,
}

impl Miss {
    /// A miss, where something is expected and it is another.
    fn of<T: PartialEq + ToString>(what: &str, expected: Option<&T>, got: Option<T>) -> Option<Self> {
        let expected = expected?;
        if got.as_ref() == Some(expected) {
            return None;
        }
        let got = got.map_or_else(|| "unknown".to_owned(), |got| got.to_string());
        Some(Self { expected: format!("{what} {}", expected.to_string()), got: format!("{what} {got}") })
    }
}

fn counts_missed(expected: &ScaleExpectation, moment: &Moment) -> Vec<Miss> {
    let counts = moment.counts(expected);
    let (replicas, ready) = (counts.map(|(replicas, _)| replicas), counts.map(|(_, ready)| ready));
    let muted = expected.muted.map(|muted| muted.as_str().to_owned());
    let misses = [
        Miss::of("replicas", expected.replicas.as_ref(), replicas),
        Miss::of("ready", expected.ready.as_ref(), ready),
        Miss::of("muted", muted.as_ref(), Some(moment.muted.as_str().to_owned())),
    ];
    misses.into_iter().flatten().collect()
}

fn decision_missed(expected: &ScaleExpectation, moment: &Moment) -> Vec<Miss> {
    let decision = moment.decision(expected);
    let layer = decision.map(|decision| decision.layer.as_str().to_owned());
    let mut misses: Vec<Miss> = [
        Miss::of("wants", expected.wants.as_ref(), decision.map(wants)),
        Miss::of("layer", expected.layer.as_ref(), layer),
    ]
    .into_iter()
    .flatten()
    .collect();
    if let Some(reason) = &expected.reason
        && !decision.is_some_and(|decision| says(decision, reason))
    {
        let got =
            decision.map_or_else(|| "no decision".to_owned(), |decision| format!("reason \"{}\"", decision.summary()));
        misses.push(Miss { expected: format!("reason \"{reason}\""), got });
    }
    misses
}

/// The count that would be had if nothing slowed the way there.
fn wants(decision: &Decision) -> u32 {
    let stability = decision.steps.iter().find(|step| step.layer == Layer::Stability);
    stability.map_or(decision.to, |step| step.given)
}

/// Whether a decision gives a reason: a part of its text, or a reason's code.
fn says(decision: &Decision, reason: &str) -> bool {
    let in_step = decision.steps.iter().any(|step| {
        let text = step.reason.to_string();
        step.reason.code() == reason || !step.reason.is_quiet() && format!("{}: {text}", step.layer).contains(reason)
    });
    in_step || decision.summary().contains(reason)
}

/// The time next to the expected one at which all that is expected was so.
fn nearest(start: Timestamp, due: Timestamp, expected: &ScaleExpectation, moments: &[Moment]) -> String {
    let mut spans: Vec<(Timestamp, Timestamp)> = Vec::new();
    let ends = moments.iter().skip(1).map(|next| next.at).chain([Timestamp::MAX]);
    for (moment, end) in moments.iter().zip(ends) {
        if !counts_missed(expected, moment).is_empty() || !decision_missed(expected, moment).is_empty() {
            continue;
        }
        match spans.last_mut() {
            Some((_, before)) if *before == moment.at => *before = end,
            _ => spans.push((moment.at, end)),
        }
    }
    let distance = |(from, to): &(Timestamp, Timestamp)| if *to <= due { due.since(*to) } else { from.since(due) };
    let since = |at: Timestamp| whole(at.since(start));
    match spans.into_iter().min_by_key(distance) {
        None => "it never was so".to_owned(),
        Some((from, Timestamp::MAX)) => format!("it was so from {} on", since(from)),
        Some((from, to)) if from == to => format!("it was so at {}", since(from)),
        Some((from, to)) => format!("it was so from {} to {}", since(from), since(to)),
    }
}

/// A time as it is told: what follows at once takes some milliseconds, which say nothing.
fn whole(since_start: Duration) -> String {
    let ms = since_start.subsec_millis();
    let told = if ms < 100 { since_start.saturating_sub(Duration::from_millis(ms.into())) } else { since_start };
    format_duration(told)
}

/// The alerts of a name that fire, where they are not those that are expected.
pub(super) fn alerts(check: &Check, expected: &AlertExpectation, view: &View, due: Timestamp) -> Option<Failure> {
    let name = &expected.alertname;
    let fires = |seen: &&AlertView| {
        let alert = &seen.alert;
        alert.labels.get("alertname") == Some(name) && alert.starts_at <= due && !alert.is_resolved(due)
    };
    let mut firing: Vec<&AlertView> = view.alerts.iter().map(AsRef::as_ref).filter(fires).collect();
    let mut missing = Vec::new();
    for wanted in &expected.exp_alerts {
        match firing.iter().position(|seen| is_alert(wanted, name, seen)) {
            Some(found) => _ = firing.swap_remove(found),
            None => missing.push(format!(
                "{}{}",
                texts(&wanted.labels, &wanted.annotations),
                wanted.muted.map(|muted| format!(" {}", muted.as_str())).unwrap_or_default()
            )),
        }
    }
    if missing.is_empty() && firing.is_empty() {
        return None;
    }
    let unexpected = firing.into_iter().map(|seen| {
        let annotations: Vec<String> =
            seen.alert.annotations.iter().map(|(name, value)| format!("{name}={value:?}")).collect();
        let labels = seen.alert.labels.without(&["alertname".to_owned()]);
        format!("{labels} {} {}", annotations.join(", "), muted_as(&seen.status).as_str())
    });
    let what = format!("alert {name} at {}", format_duration(check.at));
    Some(Failure { line: check.line, what, expected: missing, got: unexpected.collect(), notes: Vec::new() })
}

fn is_alert(wanted: &ExpectedAlert, name: &str, seen: &AlertView) -> bool {
    let pairs = wanted.labels.iter().map(|pair| (pair.name.value.as_str(), pair.value.as_str()));
    let labels = Labels::from_pairs(pairs.chain([("alertname", name)]).collect::<std::collections::BTreeMap<_, _>>());
    let annotations = wanted.annotations.iter().map(|pair| (&pair.name.value, &pair.value));
    labels.is_ok_and(|labels| labels == seen.alert.labels)
        && annotations.eq(seen.alert.annotations.iter())
        && wanted.muted.is_none_or(|muted| muted == muted_as(&seen.status))
}

/// What keeps an alert from being sent.
fn muted_as(status: &AlertStatus) -> Muted {
    if !status.silenced_by.is_empty() {
        Muted::Silenced
    } else if !status.inhibited_by.is_empty() {
        Muted::Inhibited
    } else if !status.muted_by.is_empty() {
        Muted::Interval
    } else {
        Muted::No
    }
}

fn texts(labels: &[Pair], annotations: &[Pair]) -> String {
    let list = |pairs: &[Pair]| {
        let texts: Vec<String> = pairs.iter().map(|pair| format!("{}={:?}", pair.name.value, pair.value)).collect();
        texts.join(", ")
    };
    format!("{{{}}} {}", list(labels), list(annotations)).trim_end().to_owned()
}

/// The value of an expression, where it is not the one that is expected.
pub(super) fn samples(
    check: &Check,
    expr: &str,
    expected: &[(Labels, f64)],
    value: Result<Value, EvalError>,
) -> Option<Failure> {
    let what = format!("{} at {}", expr.trim(), format_duration(check.at));
    let mut got = match value {
        Ok(Value::Scalar(value)) => vec![(Labels::empty(), value)],
        Ok(Value::Vector(vector)) => vector,
        Ok(Value::Matrix(_) | Value::String(_)) => {
            let notes = vec!["the expression gives no instant vector and no scalar".to_owned()];
            return Some(Failure { line: check.line, what, expected: Vec::new(), got: Vec::new(), notes });
        }
        Err(error) => {
            let notes = vec![error.to_string()];
            return Some(Failure { line: check.line, what, expected: Vec::new(), got: Vec::new(), notes });
        }
    };
    let mut missing = Vec::new();
    for (labels, value) in expected {
        match got.iter().position(|(seen, found)| seen == labels && equal(*found, *value)) {
            Some(found) => _ = got.remove(found),
            None => missing.push(format!("{labels} {value}")),
        }
    }
    let got: Vec<String> = got.iter().map(|(labels, value)| format!("{labels} {value}")).collect();
    let right = missing.is_empty() && got.is_empty();
    (!right).then_some(Failure { line: check.line, what, expected: missing, got, notes: Vec::new() })
}

fn equal(one: f64, other: f64) -> bool {
    one == other || one.is_nan() && other.is_nan() || (one - other).abs() <= ROUNDING * one.abs().max(other.abs())
}
