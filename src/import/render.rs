//! Drafts → the text of a rule file, for people to read and to keep in git.

use std::fmt::Write as _;
use std::time::Duration;

use super::draft::{Behavior, Direction, Draft, Metric, PodTarget, Wants};
use crate::time::format_duration;

/// How every file begins.
pub(super) const HEAD: &str = "\
# Written by `headroom import`. Try it beside what you have: `headroom serve --dry-run` decides and scales nothing.
# Before Headroom scales a workload in earnest, delete the autoscaler that its rule came from.
groups:
";

/// One group with the rules of one namespace.
pub(super) fn group(namespace: &str, drafts: &[&Draft]) -> String {
    let mut out = Out::default();
    out.line(1, &format!("- name: {}", scalar(namespace)));
    out.line(2, "rules:");
    for (index, draft) in drafts.iter().enumerate() {
        if index > 0 {
            out.text.push('\n');
        }
        rule(&mut out, draft);
    }
    out.text
}

/// Collects lines.
#[derive(Debug, Default)]
struct Out {
    text: String,
}

impl Out {
    /// A line, two spaces in for each level.
    fn line(&mut self, level: usize, line: &str) {
        let _ = writeln!(self.text, "{:indent$}{line}", "", indent = level * 2);
    }

    fn comments(&mut self, level: usize, comments: &[String]) {
        for comment in comments.iter().flat_map(|comment| wrapped(comment)) {
            self.line(level, &format!("# {comment}"));
        }
    }

    fn field(&mut self, level: usize, name: &str, value: &str) {
        self.line(level, &format!("{name}: {value}"));
    }
}

fn rule(out: &mut Out, draft: &Draft) {
    out.comments(3, &[format!("From {}.", draft.origin)]);
    out.comments(3, &draft.comments);
    out.line(3, &format!("- scale: {}", scalar(&draft.name)));
    let target = &draft.target;
    let mut fields = vec![("kind", &target.kind), ("namespace", &target.namespace), ("name", &target.name)];
    if !target.api_version.is_empty() {
        fields.insert(0, ("api_version", &target.api_version));
    }
    let fields: Vec<String> = fields.into_iter().map(|(name, value)| format!("{name}: {}", inline(value))).collect();
    out.field(4, "target", &format!("{{{}}}", fields.join(", ")));
    out.field(4, "replicas", &format!("{{min: {}, max: {}}}", draft.min, draft.max));
    if let Some(pause) = &draft.pause {
        let at = pause.at.map(|at| format!("at: {at}, ")).unwrap_or_default();
        out.field(4, "pause", &format!("{{{at}reason: {}}}", inline(&pause.reason)));
    }
    out.line(4, "metrics:");
    for metric in &draft.metrics {
        write_metric(out, metric);
    }
    if !draft.schedules.is_empty() {
        out.line(4, "schedules:");
    }
    for schedule in &draft.schedules {
        out.line(5, &format!("- name: {}", scalar(&schedule.name)));
        out.field(6, "start", &quoted(&schedule.start));
        out.field(6, "end", &quoted(&schedule.end));
        out.field(6, "timezone", &scalar(&schedule.timezone));
        out.field(6, "min", &schedule.min.to_string());
    }
    behavior(out, &draft.behavior);
    let times = [("cooldown", draft.cooldown), ("initial_cooldown", draft.initial_cooldown)];
    for (name, time) in times {
        if let Some(time) = time {
            out.field(4, name, &format_duration(time));
        }
    }
    if let Some(fallback) = &draft.fallback {
        let (after, replicas, behavior) = (fallback.after, fallback.replicas, fallback.behavior);
        out.field(4, "fallback", &format!("{{after: {after}, replicas: {replicas}, behavior: {behavior}}}"));
    }
    if !draft.labels.is_empty() {
        let labels: Vec<String> =
            draft.labels.iter().map(|(name, value)| format!("{}: {}", inline(name), inline(value))).collect();
        out.field(4, "labels", &format!("{{{}}}", labels.join(", ")));
    }
}

fn write_metric(out: &mut Out, metric: &Metric) {
    out.comments(5, &metric.comments);
    out.line(5, &format!("- name: {}", scalar(&metric.name)));
    match &metric.wants {
        Wants::Work { demand, per_replica } => {
            out.field(6, "demand", &scalar(demand));
            out.field(6, "per_replica", &per_replica.to_string());
        }
        Wants::Pods { per_pod, ready, target } => {
            out.field(6, "per_pod", &scalar(per_pod));
            match target {
                PodTarget::Average(value) => out.field(6, "per_replica", &value.to_string()),
                PodTarget::Utilization(fraction) => out.field(6, "utilization", &fraction.to_string()),
            }
            if let Some(ready) = ready {
                out.field(6, "ready", &scalar(ready));
            }
        }
        Wants::Replicas(expr) => out.field(6, "replicas", &scalar(expr)),
    }
    if let Some(activation) = metric.activation {
        out.field(6, "activation", &activation.to_string());
    }
}

fn behavior(out: &mut Out, behavior: &Behavior) {
    let directions = [("scale_up", &behavior.up), ("scale_down", &behavior.down)];
    let mut given = directions.iter().filter(|(_, direction)| !direction.is_default()).peekable();
    if given.peek().is_some() {
        out.line(4, "behavior:");
    }
    for (name, direction) in given {
        out.line(5, &format!("{name}:"));
        if let Some(window) = direction.stabilization_window {
            out.field(6, "stabilization_window", &duration(window));
        }
        if let Some(select) = &direction.select_policy {
            out.field(6, "select_policy", &scalar(select));
        }
        if !direction.policies.is_empty() {
            out.line(6, "policies:");
        }
        for policy in &direction.policies {
            let (unit, value, period) = (inline(&policy.unit), policy.value, duration(policy.period));
            out.line(7, &format!("- {{type: {unit}, value: {value}, period: {period}}}"));
        }
        if let Some(tolerance) = direction.tolerance {
            out.field(6, "tolerance", &tolerance.to_string());
        }
    }
}

impl Direction {
    fn is_default(&self) -> bool {
        self.stabilization_window.is_none()
            && self.select_policy.is_none()
            && self.policies.is_empty()
            && self.tolerance.is_none()
    }
}

fn duration(duration: Duration) -> String {
    format_duration(duration)
}

/// A text as a YAML scalar that stands for itself: plain where nothing in it means anything to YAML.
fn scalar(text: &str) -> String {
    let starts_plain = text.starts_with(|first: char| first.is_ascii_alphabetic() || matches!(first, '(' | '_' | '/'));
    let plain = starts_plain
        && !text.ends_with([' ', ':'])
        && !text.contains(": ")
        && !text.contains(" #")
        && !text.contains(char::is_control)
        && !means_something(text);
    if plain { text.to_owned() } else { quoted(text) }
}

/// Within braces, where commas and brackets mean something too.
fn inline(text: &str) -> String {
    let plain = text.chars().all(|sign| sign.is_ascii_alphanumeric() || matches!(sign, '-' | '_' | '.' | '/'))
        && text.starts_with(|first: char| first.is_ascii_alphabetic())
        && !means_something(text);
    if plain { text.to_owned() } else { quoted(text) }
}

/// Words that YAML takes for something else than a text.
fn means_something(text: &str) -> bool {
    let words = ["null", "true", "false", "yes", "no", "on", "off", "y", "n"];
    words.contains(&text.to_ascii_lowercase().as_str()) || text.parse::<f64>().is_ok()
}

/// A text in quotes: single ones, which change nothing within, or JSON's where there are line breaks and the like.
fn quoted(text: &str) -> String {
    if text.contains(char::is_control) {
        // A text always has a JSON form.
        return serde_json::to_string(text).unwrap_or_default();
    }
    format!("'{}'", text.replace('\'', "''"))
}

/// A comment in lines that fit beside the rule.
fn wrapped(text: &str) -> Vec<String> {
    const WIDTH: usize = 100;
    let mut lines = vec![String::new()];
    // A line break would end the comment and begin YAML.
    for word in text.split(|sign: char| sign.is_whitespace() || sign.is_control()).filter(|word| !word.is_empty()) {
        if lines.last().is_some_and(|line| !line.is_empty() && line.chars().count() + word.chars().count() >= WIDTH) {
            lines.push(String::new());
        }
        let Some(line) = lines.last_mut() else { continue };
        if !line.is_empty() {
            line.push(' ');
        }
        line.push_str(word);
    }
    lines
}
