//! Differences as text for a terminal, and for machines.

use std::fmt::Write as _;

use serde::Serialize;

use super::super::score::Score;
use super::super::table::{aligned, number};
use super::diff::{Difference, Differences, Moment, Side};

/// What stands at the top, so that a reader knows what it reads. It changes when a field goes or means something else.
const FORMAT: &str = "headroom-diff/1";

#[derive(Serialize)]
struct Document<'d> {
    format: &'static str,
    #[serde(flatten)]
    differences: &'d Differences,
    /// The gates that the change does not pass.
    tripped: &'d [String],
}

/// The differences as JSON, full precision.
#[must_use]
pub fn json(differences: &Differences, tripped: &[String]) -> String {
    let document = Document { format: FORMAT, differences, tripped };
    // Numbers, texts and lists always have a JSON.
    serde_json::to_string_pretty(&document).unwrap_or_default() + "\n"
}

/// How a row's change is told.
enum Unit {
    /// In percent of the old one.
    Relative,
    /// By how much, with so many digits behind the point.
    Points(usize),
}

/// A row: its head, its value, and how its change is told.
type Row = (&'static str, fn(&Side) -> Option<f64>, Unit);

fn score(of: &Side) -> &Score {
    &of.score
}

const ROWS: [Row; 10] = [
    ("replica-h", |side| Some(score(side).replica_hours), Unit::Relative),
    ("cost", |side| score(side).cost, Unit::Relative),
    ("missed%", |side| Some(score(side).missed_percent), Unit::Points(3)),
    ("lost%", |side| Some(score(side).lost_percent), Unit::Points(3)),
    ("under min", |side| Some(score(side).under_minutes), Unit::Points(1)),
    ("θO%", |side| Some(score(side).theta_o), Unit::Points(1)),
    ("flaps", |side| Some(score(side).flaps.into()), Unit::Points(0)),
    ("actions", |side| Some((score(side).scaled_up + score(side).scaled_down).into()), Unit::Points(0)),
    ("fewest", |side| Some(side.fewest.into()), Unit::Points(0)),
    ("most", |side| Some(side.most.into()), Unit::Points(0)),
];

/// The differences as text: a table for each workload that differs, a line for each that does not.
#[must_use]
pub fn table(differences: &Differences) -> String {
    let Differences { start, days, workloads, notes } = differences;
    let mut text = format!("{days:.1} days from {start}\n");
    let (same, changed): (Vec<&Difference>, Vec<&Difference>) = workloads.iter().partition(|one| one.is_none());
    for one in changed {
        text.push('\n');
        text += &workload(one);
    }
    if !same.is_empty() {
        text.push('\n');
    }
    for one in same {
        let _ = writeln!(text, "{}: the same at all times", one.workload);
    }
    for note in notes {
        let _ = writeln!(text, "{note}");
    }
    text
}

fn workload(one: &Difference) -> String {
    let Difference { workload, old, new, differs_percent, planned_ratio, moments, widest, partings } = one;
    let mut text = match (old, new) {
        (Some(_), Some(_)) => format!("{workload}: other counts {differs_percent:.1}% of the time\n"),
        (None, _) => format!("{workload}: only the new rules scale it\n"),
        (_, None) => format!("{workload}: only the old rules scale it\n"),
    };
    let rows = ROWS.iter().filter_map(|(head, value, unit)| {
        let (old, new) = (old.as_ref().and_then(value), new.as_ref().and_then(value));
        let cell = |value: Option<f64>| value.map_or_else(|| "-".to_owned(), |value| written(value, unit));
        let change = old.zip(new).map(|(old, new)| changed(old, new, unit)).unwrap_or_default();
        (old.is_some() || new.is_some()).then(|| vec![(*head).to_owned(), cell(old), cell(new), change])
    });
    for line in aligned(&["", "old", "new", "change"], &rows.collect::<Vec<_>>()).lines() {
        let _ = writeln!(text, "{}", line.trim_end());
    }
    if let Some(ratio) = planned_ratio.filter(|ratio| (ratio - 1.0).abs() > 0.005) {
        let _ = writeln!(text, "  the new rule plans {ratio:.2} times the replicas for the same time");
    }
    for moment in moments {
        text += &told(moment, "");
    }
    if *partings > moments.len() {
        let _ = writeln!(text, "  and {} times more", partings - moments.len());
    }
    if let Some(widest) = widest {
        text += &told(widest, ", farthest apart");
    }
    text
}

fn told(Moment { at, old, new, old_reason, new_reason }: &Moment, what: &str) -> String {
    format!("  {at}{what}\n    old {old}  {old_reason}\n    new {new}  {new_reason}\n")
}

fn written(value: f64, unit: &Unit) -> String {
    match unit {
        Unit::Relative => number(value),
        Unit::Points(digits) => format!("{value:.digits$}"),
    }
}

/// `+8.5%`, `-0.240`; empty where nothing changed.
fn changed(old: f64, new: f64, unit: &Unit) -> String {
    let text = match unit {
        Unit::Relative if old == 0.0 => return if new == 0.0 { String::new() } else { "new".to_owned() },
        Unit::Relative => format!("{:+.1}%", 100.0 * (new / old - 1.0)),
        Unit::Points(digits) => format!("{:+.digits$}", new - old),
    };
    let nothing = text.trim_start_matches(['+', '-']).chars().all(|sign| matches!(sign, '0' | '.' | '%'));
    if nothing { String::new() } else { text }
}
