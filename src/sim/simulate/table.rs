//! The report as text for a terminal.

use std::fmt::Write as _;

use super::{Policy, PolicyReport, Report, Score, TraceReport};
use crate::rivals::Kind;
use crate::time::format_duration;

/// A column: its head, and what stands in it.
type Column = (&'static str, fn(&Score) -> Option<String>);

/// The columns, in order. One that is empty for all policies is left out.
const COLUMNS: [Column; 18] = [
    ("replica-h", |score| Some(number(score.replica_hours))),
    ("/oracle", |score| score.replica_hours_by_oracle.map(|times| format!("{times:.2}"))),
    ("cost", |score| score.cost.map(number)),
    ("missed%", |score| Some(format!("{:.3}", score.missed_percent))),
    ("lost%", |score| Some(format!("{:.3}", score.lost_percent))),
    ("under min", |score| Some(number(score.under_minutes))),
    ("θU%", |score| Some(format!("{:.2}", score.theta_u))),
    ("θO%", |score| Some(format!("{:.1}", score.theta_o))),
    ("τU%", |score| Some(format!("{:.2}", score.tau_u))),
    ("τO%", |score| Some(format!("{:.1}", score.tau_o))),
    ("k%", |score| Some(format!("{:.1}", score.k))),
    ("k'%", |score| Some(format!("{:.1}", score.k_prime))),
    ("υ%", |score| Some(format!("{:.1}", score.upsilon))),
    ("ε", |score| score.speedup.map(|speedup| format!("{speedup:.2}"))),
    ("flaps", |score| Some(score.flaps.to_string())),
    ("actions", |score| Some((score.scaled_up + score.scaled_down).to_string())),
    ("adapt p95", |score| Some(format!("{:.0}s", score.adaptation_p95))),
    ("p99", |score| Some(latency(score.latency_p99))),
];

/// A number with three digits that matter, and no more than one behind the point.
pub(super) fn number(value: f64) -> String {
    if value.abs() < 100.0 { format!("{value:.1}") } else { format!("{value:.0}") }
}

fn latency(seconds: f64) -> String {
    if seconds < 1.0 { format!("{:.0}ms", seconds * 1000.0) } else { format!("{seconds:.1}s") }
}

/// The heads of the columns that say something, and a row for each policy: its name first.
pub(super) fn cells(results: &[PolicyReport]) -> (Vec<&'static str>, Vec<Vec<String>>) {
    let used: Vec<&Column> =
        COLUMNS.iter().filter(|(_, cell)| results.iter().any(|result| cell(&result.score).is_some())).collect();
    let heads = std::iter::once("policy").chain(used.iter().map(|(head, _)| *head)).collect();
    let row = |result: &PolicyReport| {
        let cells = used.iter().map(|(_, cell)| cell(&result.score).unwrap_or_default());
        std::iter::once(result.policy.as_str().to_owned()).chain(cells).collect()
    };
    (heads, results.iter().map(row).collect())
}

/// What a trace is and how it was played, in one line.
pub(super) fn headline(trace: &TraceReport, report: &Report) -> String {
    let TraceReport { load, rule, per_replica, capacity, .. } = trace;
    format!(
        "{}: {:.1} days, scraped each {}; rule {rule}, {} a replica of at most {}, ready after {}",
        load.name,
        load.days(),
        format_duration(load.step()),
        short(*per_replica),
        short(*capacity),
        format_duration(report.options.startup),
    )
}

/// Four digits that matter.
fn short(value: f64) -> String {
    if value == 0.0 || !value.is_finite() {
        return value.to_string();
    }
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "an exponent, from 0 to 12")]
    let digits = (3.0 - value.abs().log10().floor()).clamp(0.0, 12.0) as usize;
    let text = format!("{value:.digits$}");
    if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.').to_owned() } else { text }
}

/// The whole report: a table for each trace.
#[must_use]
pub fn table(report: &Report) -> String {
    let mut text = String::new();
    for trace in &report.traces {
        let (heads, rows) = cells(&trace.results);
        let _ = writeln!(text, "{}", headline(trace, report));
        text += &aligned(&heads, &rows);
        if let Some(line) = against(trace) {
            let _ = writeln!(text, "{line}");
        }
        text.push('\n');
    }
    text
}

/// Columns under their heads: the first to the left, the others to the right.
pub(super) fn aligned(heads: &[&str], rows: &[Vec<String>]) -> String {
    let width = |column: usize| {
        let cells = rows.iter().filter_map(|row| row.get(column)).map(|cell| cell.chars().count());
        cells.chain(heads.get(column).map(|head| head.chars().count())).max().unwrap_or(0)
    };
    let widths: Vec<usize> = (0..heads.len()).map(width).collect();
    let mut text = String::new();
    let mut line = |cells: &mut dyn Iterator<Item = &str>| {
        for (column, (cell, width)) in cells.zip(&widths).enumerate() {
            let _ = if column == 0 { write!(text, "  {cell:<width$}") } else { write!(text, "  {cell:>width$}") };
        }
        text.push('\n');
    };
    line(&mut heads.iter().copied());
    for row in rows {
        line(&mut row.iter().map(String::as_str));
    }
    text
}

/// How the rule fares against HPA and the oracle, in one line.
pub(super) fn against(trace: &TraceReport) -> Option<String> {
    let (ours, hpa) = (&trace.of(Policy::Headroom)?.score, &trace.of(Policy::Rival(Kind::Hpa))?.score);
    let mut line = format!(
        "  headroom against hpa: {} the time under-provisioned, {} the replica-hours, {} flaps against {}",
        times(ours.tau_u, hpa.tau_u),
        times(ours.replica_hours, hpa.replica_hours),
        ours.flaps,
        hpa.flaps
    );
    if let Some(oracle) = ours.replica_hours_by_oracle {
        let _ = write!(line, "; {oracle:.2} x the oracle's replica-hours");
    }
    Some(line)
}

/// `0.42 x`; a quotient of nothing and nothing is 1.
fn times(ours: f64, theirs: f64) -> String {
    match (ours, theirs) {
        (0.0, 0.0) => "1.00 x".to_owned(),
        (_, 0.0) => "all of".to_owned(),
        _ => format!("{:.2} x", ours / theirs),
    }
}

/// The policies over all traces: means of what is relative, sums of what is counted. Empty where there is one trace.
#[must_use]
pub fn summary(report: &Report) -> String {
    if report.traces.len() < 2 {
        return String::new();
    }
    let policies: Vec<Policy> =
        report.traces.first().into_iter().flat_map(|trace| &trace.results).map(|result| result.policy).collect();
    let mut rows = Vec::new();
    for policy in policies {
        let scores: Vec<&Score> = report.traces.iter().filter_map(|trace| Some(&trace.of(policy)?.score)).collect();
        let mean = |value: &dyn Fn(&Score) -> Option<f64>| {
            let values: Vec<f64> = scores.iter().filter_map(|score| value(score)).collect();
            if values.is_empty() {
                String::new()
            } else {
                format!("{:.3}", values.iter().sum::<f64>() / values.len() as f64)
            }
        };
        let sum = |value: &dyn Fn(&Score) -> f64| number(scores.iter().map(|score| value(score)).sum());
        rows.push(vec![
            policy.as_str().to_owned(),
            mean(&|score| score.replica_hours_by_oracle),
            mean(&|score| Some(score.missed_percent)),
            mean(&|score| Some(score.theta_u)),
            mean(&|score| Some(score.theta_o)),
            mean(&|score| Some(score.tau_u)),
            mean(&|score| Some(score.tau_o)),
            sum(&|score| score.under_minutes),
            sum(&|score| f64::from(score.flaps)),
            sum(&|score| f64::from(score.scaled_up + score.scaled_down)),
        ]);
    }
    let heads = ["policy", "/oracle", "missed%", "θU%", "θO%", "τU%", "τO%", "under min", "flaps", "actions"];
    format!("all {} traces (means; sums of minutes, flaps, actions)\n{}", report.traces.len(), aligned(&heads, &rows))
}
