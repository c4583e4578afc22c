//! Why a workload has the count that it has, and what would change it: for whoever is on call.
//!
//! At most [`LINES_MAX`] lines. What is new among reasons and layers is told by its own words, so this stays right
//! when one is added; only what time changes is told apart by reason.

mod course;

use std::fmt::Write as _;
use std::time::Duration;

use super::view::{MetricView, WorkloadView};
use crate::decision::{Decision, Direction, Layer, Reason, Step};
use crate::dispatch::Outcome;
use crate::journal::Entry;
use crate::time::{Timestamp, format_duration};
use crate::workload::Replicas;
use course::Course;

/// The most lines that an explanation has.
pub const LINES_MAX: usize = 9;

/// The longest error that is told in full, in bytes. The log has it whole.
const ERROR_BYTES_MAX: usize = 300;

/// Explains a workload at `now`: what it has and since when, what it wants and why, what holds it, and what would
/// change it. `last` is its newest decision that was carried out, where that is known. At most [`LINES_MAX`] lines, the
/// last one with its line break.
#[must_use]
pub fn explain(view: &WorkloadView, last: Option<&Entry>, now: Timestamp) -> String {
    let mut lines = Lines::default();
    lines.headline(&headline(view));
    lines.line("since", since(view, last, now));
    if let Some(decision) = &view.decision {
        lines.line("wants", Some(wants(decision)));
        lines.line("held", held(decision));
        lines.line("muted", view.muted.as_ref().map(ToString::to_string));
        lines.line("action", action(view, decision));
        lines.line("next", next(decision, now));
    } else {
        lines.line("wants", Some(undecided(view)));
        lines.line("action", action_failed(view));
    }
    if let Some(course) = Course::of(view) {
        lines.line("up", course.up());
        lines.line("down", course.down());
    }
    lines.line("missing", missing(view));
    lines.text
}

/// The text as it grows.
#[derive(Debug, Default)]
struct Lines {
    text: String,
}

impl Lines {
    fn headline(&mut self, text: &str) {
        self.text.push_str(text);
        self.text.push('\n');
    }

    /// A line with its heading. What would break the line, as in an error from elsewhere, does not.
    fn line(&mut self, heading: &str, text: Option<String>) {
        let Some(text) = text else { return };
        let text = text.replace(char::is_control, " ");
        let _ = writeln!(self.text, "  {heading:<7}  {text}");
    }
}

fn headline(view: &WorkloadView) -> String {
    let WorkloadView { workload, rule, min, max, .. } = view;
    let has = match (view.replicas, view.ready) {
        (Some(replicas), Some(ready)) if ready < replicas => format!("has {}, {ready} ready", counted(replicas)),
        (Some(replicas), _) => format!("has {}", counted(replicas)),
        (None, _) => match &view.problem {
            Some(problem) => format!("can't be seen in the cluster: {}", cut(problem)),
            None => "has not been seen in the cluster yet".to_owned(),
        },
    };
    format!("{workload} {has} (rule {rule}, {min} to {max})")
}

/// Who made the count what it is.
fn since(view: &WorkloadView, last: Option<&Entry>, now: Timestamp) -> Option<String> {
    let Entry { decision, .. } = last.filter(|entry| matches!(entry.outcome, Some(Outcome::Done)))?;
    let (at, from, to) = (decision.at, decision.from, decision.to);
    let ago = format!("{at}, {} ago", rounded(now.since(at)));
    Some(if view.replicas.is_none_or(|replicas| replicas == to) {
        format!("{ago}, when Headroom scaled it {from} -> {to}: {}", decision.summary())
    } else {
        format!("somebody else changed it after Headroom scaled it {from} -> {to} at {ago}")
    })
}

/// What is wanted, and by which layer.
fn wants(decision: &Decision) -> String {
    let Decision { to, .. } = decision;
    let layer = decision.layer.as_str();
    let change = match Direction::of(decision.from, *to) {
        Some(direction) => format!("{to}, {} by {}", direction.as_str(), decision.from.abs_diff(*to)),
        None => format!("{to}, as it has"),
    };
    let Some(decisive) = decision.decisive() else { return change };
    let mut text = format!("{change} ({layer}: {})", plain(&decisive.reason));
    // What the load asks for, where another layer had the last word.
    if decision.layer != Layer::Reactive
        && let Some(first) = step(decision, Layer::Reactive)
        && !matches!(first.reason, Reason::NoDemand)
    {
        let _ = write!(text, "; the load asks for {}: {}", first.wants, first.reason);
    }
    text
}

/// A reason in a whole phrase, where its own words are terse; what is new has its own words.
fn plain(reason: &Reason) -> String {
    match reason {
        Reason::Window { replicas, window } => {
            format!("{replicas} were wanted within the last {}", format_duration(*window))
        }
        Reason::Rate { policy, from, allows } if from == allows => format!("the policy of {policy} is used up"),
        Reason::Rate { policy, allows, .. } => format!("the policy of {policy} allows {allows}"),
        other => other.to_string(),
    }
}

/// What keeps the count from going all the way that the layers before wanted.
fn held(decision: &Decision) -> Option<String> {
    let holds = |step: &&Step| {
        Direction::of(decision.from, step.given).is_some() && step.wants != step.given && step.layer != Layer::Reactive
    };
    let holding: Vec<&Step> = decision.steps.iter().filter(holds).collect();
    // The decisive one is told already.
    let others = holding.iter().filter(|step| step.layer != decision.layer);
    let others: Vec<String> = others
        .map(|step| format!("{}: {} -> {}: {}", step.layer.as_str(), step.given, step.wants, plain(&step.reason)))
        .collect();
    let last = holding.last().filter(|step| step.layer == decision.layer);
    let advice = last.and_then(|step| advice(&step.reason)).map(str::to_owned);
    let text: Vec<String> = others.into_iter().chain(advice).collect();
    (!text.is_empty()).then(|| text.join("; "))
}

/// What a person may do about a reason that holds.
fn advice(reason: &Reason) -> Option<&'static str> {
    match reason {
        Reason::Disabled { .. } => Some("select_policy: Disabled in the rule's behavior"),
        // What waits, ends by itself; the line "next" says when.
        _ => None,
    }
}

/// What became of the wish in the cluster.
fn action(view: &WorkloadView, decision: &Decision) -> Option<String> {
    if view.in_flight {
        return Some(format!("{} -> {} is on its way to the cluster", decision.from, decision.to));
    }
    action_failed(view)
}

fn action_failed(view: &WorkloadView) -> Option<String> {
    let error = view.last_error.as_deref().unwrap_or("no reason was given");
    match view.failures {
        0 => None,
        1 => Some(format!("failed, and is tried again: {}", cut(error))),
        failures => Some(format!("failed {failures} times in a row, and is tried again: {}", cut(error))),
    }
}

/// When time alone may change the answer.
fn next(decision: &Decision, now: Timestamp) -> Option<String> {
    let at = decision.revisit_at?;
    let when = match at.since(now) {
        Duration::ZERO => "at once".to_owned(),
        wait => format!("in {}", rounded(wait)),
    };
    let reason = step(decision, Layer::Stability).map(|step| &step.reason);
    Some(match reason {
        Some(Reason::Window { window, .. }) => {
            format!("{when}, when the stabilization window of {} moves on", format_duration(*window))
        }
        Some(Reason::Cooldown { cooldown, .. }) => {
            format!("{when}, when the cooldown of {} ends", format_duration(*cooldown))
        }
        Some(Reason::Rate { policy, .. } | Reason::Fits { policy, .. }) => {
            format!("{when}, when the policy of {policy} has room again")
        }
        _ => format!("{when} it is decided anew, also if nothing else changes"),
    })
}

/// Why there is no decision yet.
fn undecided(view: &WorkloadView) -> String {
    if view.replicas.is_none() {
        "nothing yet: without its count in the cluster there is nothing to decide from".to_owned()
    } else if view.metrics.is_empty() {
        "nothing yet: its rule has not been evaluated".to_owned()
    } else {
        "nothing yet: the first decision is about to be made".to_owned()
    }
}

/// The metrics that can't be read.
fn missing(view: &WorkloadView) -> Option<String> {
    let holes = metrics(view).filter_map(|metric| {
        let (part, presence) = hole(metric)?;
        Some(format!("{} {part} is {}", metric.name, presence))
    });
    let holes: Vec<String> = holes.collect();
    let (first, rest) = holes.split_first()?;
    let more = if rest.is_empty() { String::new() } else { format!(", and {} more", rest.len()) };
    let readable = |metric: &MetricView| metric.demand.value().is_some() && metric.per_replica.value().is_some();
    let guard = view.decision.as_ref().and_then(|decision| step(decision, Layer::Guards));
    let until = match guard.map(|step| &step.reason) {
        Some(Reason::Fallback { .. }) => "the fallback counts until the data is back",
        Some(Reason::Paused { .. } | Reason::Manual { .. } | Reason::SwitchedOff) => "nothing follows from it now",
        _ if metrics(view).any(readable) => "the count may rise, and does not fall until the data is back",
        _ => "the count stays as it is until the data is back",
    };
    Some(format!("{first}{more}: repair its source; {until}"))
}

/// The metrics that count.
fn metrics(view: &WorkloadView) -> impl Iterator<Item = &MetricView> {
    view.metrics.iter().filter(|metric| !metric.paused)
}

fn step(decision: &Decision, layer: Layer) -> Option<&Step> {
    decision.steps.iter().find(|step| step.layer == layer)
}

fn hole(metric: &MetricView) -> Option<(&'static str, &'static str)> {
    let parts = [("demand", metric.demand), ("per_replica", metric.per_replica)];
    parts.into_iter().find(|(_, value)| value.as_str() != "present").map(|(part, value)| (part, value.as_str()))
}

/// `1 replica`, `2 replicas`.
fn counted(replicas: Replicas) -> String {
    format!("{replicas} replica{}", if replicas == 1 { "" } else { "s" })
}

/// Seconds are what a person reads.
fn rounded(time: Duration) -> String {
    match time.as_secs() {
        0 if !time.is_zero() => format_duration(time),
        seconds => format_duration(Duration::from_secs(seconds)),
    }
}

/// A number with four digits that matter.
fn number(value: f64) -> String {
    let size = value.abs();
    if size >= 1e15 || (size < 1e-4 && size > 0.0) {
        return format!("{value:.3e}");
    }
    let decimals = if size >= 1000.0 {
        0
    } else if size >= 100.0 {
        1
    } else if size >= 1.0 {
        3
    } else {
        6
    };
    let text = format!("{value:.decimals$}");
    if decimals == 0 { text } else { text.trim_end_matches('0').trim_end_matches('.').to_owned() }
}

/// A text from elsewhere, at a length that can be read.
fn cut(text: &str) -> &str {
    let end = text.floor_char_boundary(ERROR_BYTES_MAX);
    text.get(..end).unwrap_or(text)
}
