//! Where the rule does better than HPA's documented algorithm with its defaults, and where not: a row for each trace.

use super::table::aligned;
use super::{Policy, Report, Score, TraceReport};
use crate::rivals::Kind;

/// What is asked of the rule, against HPA: a part of the time under-provisioned, and of the oracle's replica-hours.
const UNDER_MAX: f64 = 0.5;
const ORACLE_MAX: f64 = 1.25;
/// Replica-hours that differ by less are the same.
const SAME: f64 = 0.0005;
/// Under-provisioned minutes that nobody would notice.
const NOTHING: f64 = 0.5;

/// A row for each trace, their means, and what does not hold. Empty where HPA or the rule did not run.
#[must_use]
pub fn verdicts(report: &Report) -> String {
    let pairs: Vec<(&TraceReport, &Score, &Score)> = report.traces.iter().filter_map(pair).collect();
    if pairs.is_empty() {
        return String::new();
    }
    let heads = ["headroom / hpa", "under min", "ratio", "replica-h", "flaps", "/oracle", "hpa's", "does not hold"];
    let mut rows: Vec<Vec<String>> = pairs.iter().map(|(trace, ours, hpa)| row(&trace.load.name, ours, hpa)).collect();
    let count = pairs.len() as f64;
    let mean =
        |of: &dyn Fn(&Score, &Score) -> f64| pairs.iter().map(|(_, ours, hpa)| of(ours, hpa)).sum::<f64>() / count;
    rows.push(vec![
        "mean".to_owned(),
        String::new(),
        format!("{:.2}", mean(&|ours, hpa| under(ours, hpa))),
        format!("{:.3}", mean(&|ours, hpa| hours(ours, hpa))),
        format!("{:.2}", mean(&|ours, hpa| flaps(ours, hpa))),
        format!("{:.2}", mean(&|ours, _| ours.replica_hours_by_oracle.unwrap_or_default())),
        format!("{:.2}", mean(&|_, hpa| hpa.replica_hours_by_oracle.unwrap_or_default())),
        String::new(),
    ]);
    aligned(&heads, &rows)
}

fn pair(trace: &TraceReport) -> Option<(&TraceReport, &Score, &Score)> {
    Some((trace, &trace.of(Policy::Headroom)?.score, &trace.of(Policy::Rival(Kind::Hpa))?.score))
}

fn under(ours: &Score, hpa: &Score) -> f64 {
    if ours.under_minutes <= NOTHING { 0.0 } else { ours.under_minutes / hpa.under_minutes.max(NOTHING) }
}

fn hours(ours: &Score, hpa: &Score) -> f64 {
    if hpa.replica_hours > 0.0 { ours.replica_hours / hpa.replica_hours } else { 1.0 }
}

fn flaps(ours: &Score, hpa: &Score) -> f64 {
    f64::from(ours.flaps) / f64::from(hpa.flaps.max(1))
}

fn row(name: &str, ours: &Score, hpa: &Score) -> Vec<String> {
    let oracle = |score: &Score| score.replica_hours_by_oracle.map_or_else(String::new, |by| format!("{by:.2}"));
    let fails = [
        (under(ours, hpa) > UNDER_MAX, "under"),
        (hours(ours, hpa) > 1.0 + SAME, "replica-h"),
        (ours.flaps > hpa.flaps, "flaps"),
        (ours.replica_hours_by_oracle.is_some_and(|by| by > ORACLE_MAX), "/oracle"),
    ];
    let fails: Vec<&str> = fails.into_iter().filter(|(fails, _)| *fails).map(|(_, what)| what).collect();
    vec![
        name.to_owned(),
        format!("{:.1} / {:.1}", ours.under_minutes, hpa.under_minutes),
        format!("{:.2}", under(ours, hpa)),
        format!("{:.3}", hours(ours, hpa)),
        format!("{} / {}", ours.flaps, hpa.flaps),
        oracle(ours),
        oracle(hpa),
        fails.join(", "),
    ]
}
