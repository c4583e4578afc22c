//! `route`, `receivers`, `inhibit_rules` and `time_intervals` as written: Alertmanager's shape, with the same meaning
//! for decisions as for alerts.
//!
//! Beyond Alertmanager, a receiver may scale (`kubernetes_configs`), the receiver `default` needs not be written, and
//! waits that are not written are those of scaling, which is not to wait (see `dispatch::Route`).

mod check;
mod receiver;
#[cfg(test)]
mod tests;

use std::path::Path;
use std::time::Duration;

use jiff::tz::TimeZone;

pub use receiver::{Receiver, Webhook, WebhookAddress};

use crate::config::finding::Span;
use crate::config::reader::{Fields, Reader};
use crate::config::scalar::{At, Read};
use crate::config::time_interval::{TimeInterval, Zone};
use crate::config::tree::{Kind, Node};
use crate::labels::{Matcher, parse_matchers};

/// Who carries out decisions and who is told of what, when, and what keeps both from happening.
#[derive(Debug, Clone, PartialEq)]
pub struct Routing {
    /// The root of the tree: it has a receiver, and neither matchers nor time intervals.
    pub route: Route,
    /// Each name once; `default` is always there.
    pub receivers: Vec<Receiver>,
    pub inhibit_rules: Vec<InhibitRule>,
    /// Each name once.
    pub time_intervals: Vec<NamedIntervals>,
}

/// One route. What is `None` is as in the route above it.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Route {
    pub receiver: Option<At<String>>,
    pub group_by: Option<GroupBy>,
    pub group_wait: Option<Duration>,
    pub group_interval: Option<Duration>,
    pub repeat_interval: Option<Duration>,
    /// All must match; none match everything.
    pub matchers: Vec<Matcher>,
    /// Whether routes after this one are tried though it matches.
    pub continues: bool,
    /// While one of these holds, nothing happens through this route.
    pub mute_time_intervals: Vec<At<String>>,
    /// Where there are any, something happens through this route only while one of these holds.
    pub active_time_intervals: Vec<At<String>>,
    pub routes: Vec<Route>,
}

/// What has the same values of which labels is a group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum GroupBy {
    /// Each label set is a group of its own: `...`.
    All,
    /// Without any, all is one group.
    Labels(Vec<String>),
}

/// While a source fires, targets with the same values of `equal` are held back.
#[derive(Debug, Clone, PartialEq)]
pub struct InhibitRule {
    pub name: Option<At<String>>,
    pub source_matchers: Vec<Matcher>,
    pub target_matchers: Vec<Matcher>,
    pub equal: Vec<String>,
}

/// Time intervals under a name; it holds while one of them does.
#[derive(Debug, Clone, PartialEq)]
pub struct NamedIntervals {
    pub name: At<String>,
    pub intervals: Vec<(TimeInterval, TimeZone)>,
}

/// The receiver of whoever names none.
pub(super) const DEFAULT: &str = "default";

impl Default for Routing {
    /// Each decision is carried out at once, by the receiver `default`.
    fn default() -> Self {
        Self {
            route: Route { receiver: Some(default_name()), ..Route::default() },
            receivers: vec![Receiver::scaling(default_name())],
            inhibit_rules: Vec::new(),
            time_intervals: Vec::new(),
        }
    }
}

fn default_name() -> At<String> {
    At { value: DEFAULT.to_owned(), span: Span::default() }
}

impl Routing {
    /// Takes its fields out of those of the settings.
    pub(super) fn take(fields: &mut Fields<'_, '_>) -> Self {
        let mut routing = Self { receivers: Vec::new(), ..Self::default() };
        if let Some(node) = fields.node("route")
            && let Some(root) = Route::read_as(fields.reader, node, true)
        {
            routing.route = root;
        }
        fields.set("receivers", &mut routing.receivers);
        fields.set("inhibit_rules", &mut routing.inhibit_rules);
        fields.set("time_intervals", &mut routing.time_intervals);
        fields.refuse("mute_time_intervals", "intervals are defined under time_intervals; routes name them");
        routing.route.receiver.get_or_insert_with(default_name);
        if !routing.receivers.iter().any(|receiver| receiver.name.value == DEFAULT) {
            routing.receivers.push(Receiver::scaling(default_name()));
        }
        check::check(fields.reader, &routing);
        routing
    }

    /// Lets files with relative paths begin at `folder`.
    pub fn files_below(&mut self, folder: &Path) {
        for receiver in &mut self.receivers {
            receiver.files_below(folder);
        }
    }
}

impl Read for Route {
    fn read(reader: &Reader<'_>, node: &Node) -> Option<Self> {
        Self::read_as(reader, node, false)
    }
}

impl Route {
    fn read_as(reader: &Reader<'_>, node: &Node, root: bool) -> Option<Self> {
        let mut fields = reader.fields(node, if root { "the root route" } else { "a route" })?;
        let mut route = Self {
            receiver: fields.optional("receiver"),
            group_by: fields.optional("group_by"),
            group_wait: fields.optional("group_wait"),
            group_interval: fields.optional("group_interval"),
            repeat_interval: repeat_interval(&mut fields),
            ..Self::default()
        };
        if root {
            for name in ["matchers", "mute_time_intervals", "active_time_intervals", "continue"] {
                fields.refuse(name, "the root route takes everything, always; put this into a route below it");
            }
        } else {
            route.matchers = matchers(&mut fields, "matchers").unwrap_or_default();
            fields.set("continue", &mut route.continues);
            fields.set("mute_time_intervals", &mut route.mute_time_intervals);
            fields.set("active_time_intervals", &mut route.active_time_intervals);
        }
        fields.refuse("match", "write matchers: ['name=\"value\"']");
        fields.refuse("match_re", "write matchers: ['name=~\"pattern\"']");
        fields.set("routes", &mut route.routes);
        fields.finish();
        Some(route)
    }
}

fn repeat_interval(fields: &mut Fields<'_, '_>) -> Option<Duration> {
    let At { value, span } = fields.optional("repeat_interval")?;
    if value == Duration::ZERO {
        fields.reader.report(span, "repeat_interval must be more than zero; leave it out to repeat as by default");
        return None;
    }
    Some(value)
}

/// A list of matchers, of which an item may hold several.
fn matchers(fields: &mut Fields<'_, '_>, name: &'static str) -> Option<Vec<Matcher>> {
    let items: Vec<At<String>> = fields.optional(name)?;
    let mut matchers = Vec::new();
    for At { value, span } in items {
        match parse_matchers(&value) {
            Ok(parsed) => matchers.extend(parsed),
            Err(error) => fields.reader.report(span, format!("not a matcher as in tier=\"web\": {error}")),
        }
    }
    Some(matchers)
}

impl Read for GroupBy {
    fn read(reader: &Reader<'_>, node: &Node) -> Option<Self> {
        let written: Vec<At<String>> = Vec::read(reader, node)?;
        let mut names = Vec::new();
        for At { value, span } in &written {
            if value == "..." && written.len() > 1 {
                reader.report(*span, "\"...\" means every label, so it stands alone");
                return None;
            }
            if names.contains(value) {
                reader.report(*span, format!("label \"{value}\" is given twice; remove one"));
            } else if value.is_empty() {
                reader.report(*span, "a label's name can't be empty");
            } else {
                names.push(value.clone());
            }
        }
        Some(if names == ["..."] { Self::All } else { Self::Labels(names) })
    }
}

impl Read for InhibitRule {
    fn read(reader: &Reader<'_>, node: &Node) -> Option<Self> {
        let mut fields = reader.fields(node, "an inhibit rule")?;
        for (name, instead) in [
            ("source_match", "write source_matchers: ['name=\"value\"']"),
            ("source_match_re", "write source_matchers: ['name=~\"pattern\"']"),
            ("target_match", "write target_matchers: ['name=\"value\"']"),
            ("target_match_re", "write target_matchers: ['name=~\"pattern\"']"),
        ] {
            fields.refuse(name, instead);
        }
        let rule = Self {
            name: fields.optional("name"),
            source_matchers: some_matchers(&mut fields, "source_matchers"),
            target_matchers: some_matchers(&mut fields, "target_matchers"),
            equal: fields.optional("equal").unwrap_or_default(),
        };
        fields.finish();
        Some(rule)
    }
}

/// Matchers that must be there: without them every alert would hold everything back.
fn some_matchers(fields: &mut Fields<'_, '_>, name: &'static str) -> Vec<Matcher> {
    if fields.has(name) { matchers(fields, name) } else { fields.required::<Vec<String>>(name).map(|_| Vec::new()) }
        .unwrap_or_default()
}

impl Read for NamedIntervals {
    fn read(reader: &Reader<'_>, node: &Node) -> Option<Self> {
        let mut fields = reader.fields(node, "a named time interval")?;
        let name = fields.required("name");
        let intervals: Option<Vec<InZone>> = fields.required("time_intervals");
        fields.finish();
        let intervals = intervals?.into_iter().map(|InZone(when, zone)| (when, zone)).collect();
        Some(Self { name: name?, intervals })
    }
}

struct InZone(TimeInterval, TimeZone);

impl Read for InZone {
    fn read(reader: &Reader<'_>, node: &Node) -> Option<Self> {
        if matches!(&node.kind, Kind::Map(entries) if entries.is_empty()) {
            reader
                .report(node.token(), "the interval is empty; give it times, weekdays, days_of_month, months or years");
            return None;
        }
        let mut fields = reader.fields(node, "a time interval")?;
        let when = TimeInterval::take(&mut fields);
        let zone: Option<Zone> = fields.optional("location");
        fields.finish();
        Some(Self(when?, zone.map_or(TimeZone::UTC, |Zone(zone)| zone)))
    }
}
