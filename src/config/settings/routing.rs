//! `route`, `receivers`, `inhibit_rules` and `time_intervals` as written: Alertmanager's shape.

use std::collections::HashSet;
use std::path::PathBuf;
use std::time::Duration;

use jiff::tz::TimeZone;

use super::alerting::{Access, Alertmanager, Url};
use crate::config::reader::{Fields, Reader};
use crate::config::scalar::{At, Read};
use crate::config::time_interval::{TimeInterval, Zone};
use crate::config::tree::Node;
use crate::labels::{Matcher, parse_matchers};

/// Where decisions and alerts go, and what keeps them from it.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Routing {
    /// The root of the tree; without one, everything is carried out at once.
    pub route: Option<Route>,
    pub receivers: Vec<Receiver>,
    pub inhibit_rules: Vec<InhibitRule>,
    pub time_intervals: Vec<NamedIntervals>,
}

/// One node of the tree. What is left out is the parent's.
#[derive(Debug, Clone, PartialEq)]
pub struct Route {
    pub receiver: Option<At<String>>,
    pub group_by: Option<Vec<At<String>>>,
    pub group_wait: Option<Duration>,
    pub group_interval: Option<Duration>,
    pub repeat_interval: Option<Duration>,
    pub matchers: Vec<Matcher>,
    pub continues: bool,
    pub mute_time_intervals: Vec<At<String>>,
    pub active_time_intervals: Vec<At<String>>,
    pub routes: Vec<Route>,
}

/// Who carries out, or is told.
#[derive(Debug, Clone, PartialEq)]
pub struct Receiver {
    pub name: At<String>,
    /// Scales for real.
    pub kubernetes: bool,
    pub webhooks: Vec<Webhook>,
    pub alertmanagers: Vec<Alertmanager>,
    /// A line in the log.
    pub log: bool,
}

/// A webhook.
#[derive(Debug, Clone, PartialEq)]
pub struct Webhook {
    pub url: Option<String>,
    pub url_file: Option<PathBuf>,
    /// The key that messages are signed with.
    pub secret_file: Option<PathBuf>,
    pub timeout: Option<Duration>,
    /// Alerts in one message; 0 for all.
    pub max_alerts: usize,
    pub send_resolved: bool,
    pub access: Access,
}

/// While a source fires, targets are held that have the same values of the labels `equal`.
#[derive(Debug, Clone, PartialEq)]
pub struct InhibitRule {
    pub source_matchers: Vec<Matcher>,
    pub target_matchers: Vec<Matcher>,
    pub equal: Vec<String>,
}

/// Time intervals under one name.
#[derive(Debug, Clone, PartialEq)]
pub struct NamedIntervals {
    pub name: At<String>,
    pub intervals: Vec<Zoned>,
}

/// A time interval in a zone.
#[derive(Debug, Clone, PartialEq)]
pub struct Zoned {
    pub interval: TimeInterval,
    pub zone: TimeZone,
}

impl Routing {
    /// Takes these fields out of those of the settings, and checks that their names fit together.
    pub(super) fn take(fields: &mut Fields<'_, '_>) -> Self {
        let root = fields.node("route");
        let routing = Self {
            route: fields.optional("route"),
            receivers: fields.optional("receivers").unwrap_or_default(),
            inhibit_rules: fields.optional("inhibit_rules").unwrap_or_default(),
            time_intervals: fields.optional("time_intervals").unwrap_or_default(),
        };
        routing.check(fields.reader, root);
        routing
    }

    fn check(&self, reader: &Reader<'_>, root: Option<&Node>) {
        unique(reader, "receiver", self.receivers.iter().map(|receiver| &receiver.name));
        unique(reader, "time interval", self.time_intervals.iter().map(|named| &named.name));
        let (Some(route), Some(node)) = (&self.route, root) else { return };
        if route.receiver.is_none() {
            reader.report(node.token(), "the root route needs a receiver");
        }
        if !route.matchers.is_empty() {
            reader.report(node.token(), "the root route takes everything; remove its matchers");
        }
        if !route.mute_time_intervals.is_empty() || !route.active_time_intervals.is_empty() {
            reader.report(node.token(), "the root route has no time intervals; put them on a route below it");
        }
        self.check_names(reader, route);
    }

    fn check_names(&self, reader: &Reader<'_>, route: &Route) {
        let receivers: Vec<&str> = self.receivers.iter().map(|receiver| receiver.name.value.as_str()).collect();
        let intervals: Vec<&str> = self.time_intervals.iter().map(|named| named.name.value.as_str()).collect();
        let known = |name: &At<String>, what: &str, known: &[&str]| {
            if !known.contains(&name.value.as_str()) {
                let names = if known.is_empty() { "none".to_owned() } else { known.join(", ") };
                reader.report(name.span, format!("unknown {what} \"{}\"; known: {names}", name.value));
            }
        };
        route.receiver.iter().for_each(|name| known(name, "receiver", &receivers));
        let named = route.mute_time_intervals.iter().chain(&route.active_time_intervals);
        named.for_each(|name| known(name, "time interval", &intervals));
        route.routes.iter().for_each(|route| self.check_names(reader, route));
    }
}

fn unique<'a>(reader: &Reader<'_>, what: &str, names: impl Iterator<Item = &'a At<String>>) {
    let mut seen = HashSet::new();
    for name in names {
        if !seen.insert(&name.value) {
            reader.report(name.span, format!("{what} \"{}\" is there already", name.value));
        }
    }
}

/// A list of texts, each of one or several matchers.
struct Matchers(Vec<Matcher>);

impl Read for Matchers {
    fn read(reader: &Reader<'_>, node: &Node) -> Option<Self> {
        let texts: Vec<At<String>> = Vec::read(reader, node)?;
        let mut matchers = Vec::new();
        for text in texts {
            match parse_matchers(&text.value) {
                Ok(parsed) => matchers.extend(parsed),
                Err(error) => {
                    reader.report(text.span, format!("not a matcher, as in team=\"shop\": {error}"));
                    return None;
                }
            }
        }
        Some(Self(matchers))
    }
}

fn matchers(fields: &mut Fields<'_, '_>, name: &'static str) -> Vec<Matcher> {
    fields.optional(name).map(|Matchers(matchers)| matchers).unwrap_or_default()
}

impl Read for Route {
    fn read(reader: &Reader<'_>, node: &Node) -> Option<Self> {
        let mut fields = reader.fields(node, "a route")?;
        let route = Self {
            receiver: fields.optional("receiver"),
            group_by: fields.optional("group_by"),
            group_wait: fields.optional("group_wait"),
            group_interval: fields.optional("group_interval"),
            repeat_interval: fields.optional("repeat_interval"),
            matchers: matchers(&mut fields, "matchers"),
            continues: fields.optional("continue").unwrap_or_default(),
            mute_time_intervals: fields.optional("mute_time_intervals").unwrap_or_default(),
            active_time_intervals: fields.optional("active_time_intervals").unwrap_or_default(),
            routes: fields.optional("routes").unwrap_or_default(),
        };
        for old in ["match", "match_re"] {
            fields.refuse(old, &format!("\"{old}\" is the old form; write matchers: [name=\"value\"]"));
        }
        fields.finish();
        Some(route)
    }
}

/// An entry of which only its presence counts: `kubernetes_configs: [{}]`.
struct Empty;

impl Read for Empty {
    fn read(reader: &Reader<'_>, node: &Node) -> Option<Self> {
        let mut fields = reader.fields(node, "this receiver")?;
        fields.refuse("context", "the context is that of the settings, kubernetes.context; remove it here");
        fields.finish();
        Some(Self)
    }
}

impl Read for Receiver {
    fn read(reader: &Reader<'_>, node: &Node) -> Option<Self> {
        let mut fields = reader.fields(node, "a receiver")?;
        let name = fields.required("name");
        let any = |given: Option<Vec<Empty>>| given.is_some_and(|given| !given.is_empty());
        let kubernetes = any(fields.optional("kubernetes_configs"));
        let webhooks = fields.optional("webhook_configs").unwrap_or_default();
        let alertmanagers = fields.optional("alertmanager_configs").unwrap_or_default();
        let log = any(fields.optional("log_configs"));
        fields.finish();
        Some(Self { name: name?, kubernetes, webhooks, alertmanagers, log })
    }
}

impl Read for Webhook {
    fn read(reader: &Reader<'_>, node: &Node) -> Option<Self> {
        let mut fields = reader.fields(node, "a webhook")?;
        let webhook = Self {
            url: fields.optional::<Url>("url").map(|url| url.0),
            url_file: fields.optional("url_file"),
            secret_file: fields.optional("secret_file"),
            timeout: fields.optional("timeout"),
            max_alerts: fields.optional("max_alerts").unwrap_or_default(),
            send_resolved: fields.optional("send_resolved").unwrap_or(true),
            access: Access::take(&mut fields),
        };
        fields.finish();
        if webhook.url.is_some() == webhook.url_file.is_some() {
            reader.report(node.token(), "a webhook needs one of url and url_file");
            return None;
        }
        Some(webhook)
    }
}

impl Read for InhibitRule {
    fn read(reader: &Reader<'_>, node: &Node) -> Option<Self> {
        let mut fields = reader.fields(node, "an inhibition rule")?;
        fields.optional::<String>("name");
        let rule = Self {
            source_matchers: matchers(&mut fields, "source_matchers"),
            target_matchers: matchers(&mut fields, "target_matchers"),
            equal: fields.optional("equal").unwrap_or_default(),
        };
        fields.finish();
        if rule.source_matchers.is_empty() || rule.target_matchers.is_empty() {
            reader.report(node.token(), "an inhibition rule needs source_matchers and target_matchers");
            return None;
        }
        Some(rule)
    }
}

impl Read for NamedIntervals {
    fn read(reader: &Reader<'_>, node: &Node) -> Option<Self> {
        let mut fields = reader.fields(node, "a time interval")?;
        let name = fields.required("name");
        let intervals = fields.required("time_intervals");
        fields.finish();
        Some(Self { name: name?, intervals: intervals? })
    }
}

impl Read for Zoned {
    fn read(reader: &Reader<'_>, node: &Node) -> Option<Self> {
        let mut fields = reader.fields(node, "a time interval")?;
        let interval = TimeInterval::take(&mut fields);
        let zone = fields.optional("location").map_or(TimeZone::UTC, |Zone(zone)| zone);
        fields.finish();
        Some(Self { interval: interval?, zone })
    }
}
