//! What one part of the routing says of another: names that must be there, and names that must be there once.

use std::collections::HashMap;

use super::{Route, Routing};
use crate::config::reader::Reader;
use crate::config::scalar::At;
use crate::config::suggest::known;

/// Reports every name that is given twice, and every one that is used and not given.
pub(super) fn check(reader: &Reader<'_>, routing: &Routing) {
    let receivers = names(reader, "receiver", routing.receivers.iter().map(|receiver| &receiver.name));
    let intervals = names(reader, "time interval", routing.time_intervals.iter().map(|interval| &interval.name));
    names(reader, "inhibit rule", routing.inhibit_rules.iter().filter_map(|rule| rule.name.as_ref()));
    route(reader, &routing.route, &receivers, &intervals);
}

/// The names in order; one that is given twice is reported.
fn names<'n>(reader: &Reader<'_>, what: &str, given: impl Iterator<Item = &'n At<String>>) -> Vec<&'n str> {
    let mut seen = HashMap::new();
    let mut names = Vec::new();
    for name in given {
        if name.value.is_empty() {
            reader.report(name.span, format!("a {what}'s name can't be empty"));
        } else if let Some(first) = seen.insert(name.value.as_str(), name.span) {
            let line = reader.line(first);
            let message = format!("{what} \"{}\" is given twice, first in line {line}; rename one", name.value);
            reader.report(name.span, message);
        } else {
            names.push(name.value.as_str());
        }
    }
    names
}

fn route(reader: &Reader<'_>, one: &Route, receivers: &[&str], intervals: &[&str]) {
    if let Some(name) = &one.receiver {
        must_be_known(reader, "receiver", name, receivers, "receivers");
    }
    for name in one.mute_time_intervals.iter().chain(&one.active_time_intervals) {
        must_be_known(reader, "time interval", name, intervals, "time_intervals");
    }
    for below in &one.routes {
        route(reader, below, receivers, intervals);
    }
}

fn must_be_known(reader: &Reader<'_>, what: &str, name: &At<String>, all: &[&str], section: &str) {
    if all.contains(&name.value.as_str()) {
        return;
    }
    let hint = if all.is_empty() { format!("define it under {section}") } else { known(&name.value, all) };
    reader.report(name.span, format!("unknown {what} \"{}\"; {hint}", name.value));
}
