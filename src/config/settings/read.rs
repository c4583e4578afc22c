//! How settings are read: a field that is given takes the place of its default.

use std::num::NonZeroU32;
use std::time::Duration;

use super::web::unreadable;
use super::{
    Conflicts, Enabled, Evaluation, Ha, Ingest, Keep, Kubernetes, Log, LogFormat, LogLevel, Routing, Settings, TooOld,
    Validate, Windows,
};
use crate::config::finding::{Finding, Source};
use crate::config::reader::{Fields, Reader};
use crate::config::scalar::{At, Bytes, Read, word};
use crate::config::tree::{self, Kind, Node};
use crate::labels::{MatchOp, Matcher, NAME, parse_matchers};

impl Settings {
    /// Reads a settings file; all findings together where there are any.
    pub fn parse(source: Source<'_>) -> Result<Self, Vec<Finding>> {
        let root = tree::parse(source).map_err(|(span, message)| unreadable(source, span, message))?;
        let reader = Reader::new(source);
        let settings = Self::read(&reader, &root);
        let findings = reader.into_findings().into_vec();
        match settings {
            Some(settings) if findings.is_empty() => Ok(settings),
            _ => Err(findings),
        }
    }
}

/// Reads a mapping into a value that begins as its default; `fill` sets what is given.
pub(super) fn filled<T: Default>(
    reader: &Reader<'_>,
    node: &Node,
    what: &'static str,
    fill: impl FnOnce(&mut T, &mut Fields<'_, '_>),
) -> Option<T> {
    let mut value = T::default();
    // A heading with every field under it commented out.
    if !matches!(node.kind, Kind::Null) {
        let mut fields = reader.fields(node, what)?;
        fill(&mut value, &mut fields);
        fields.finish();
    }
    Some(value)
}

impl Read for Settings {
    fn read(reader: &Reader<'_>, node: &Node) -> Option<Self> {
        filled(reader, node, "the settings", |settings: &mut Self, fields| {
            fields.set("listen", &mut settings.listen);
            if let Some(url) = external_url(fields) {
                settings.external_url = url;
            }
            fields.set("rules", &mut settings.rules);
            fields.set("web", &mut settings.web);
            fields.set("ingest", &mut settings.ingest);
            fields.set("otlp", &mut settings.otlp);
            fields.set("windows", &mut settings.windows);
            fields.set("evaluation", &mut settings.evaluation);
            fields.set("guards", &mut settings.guards);
            fields.set("journal", &mut settings.journal);
            fields.set("recording", &mut settings.recording);
            settings.warm_start = fields.optional("warm_start");
            fields.set("economy", &mut settings.economy);
            fields.set("kubernetes", &mut settings.kubernetes);
            fields.set("alerting", &mut settings.alerting);
            settings.routing = Routing::take(fields);
            fields.set("log", &mut settings.log);
        })
    }
}

/// An address that people open, without its final slashes.
fn external_url(fields: &mut Fields<'_, '_>) -> Option<String> {
    let At { value, span }: At<String> = fields.optional("external_url")?;
    if value.is_empty() {
        return None;
    }
    let uri: Option<http::Uri> = value.parse().ok();
    let right = uri.is_some_and(|uri| {
        matches!(uri.scheme_str(), Some("http" | "https"))
            && uri.host().is_some_and(|host| !host.is_empty())
            && uri.query().is_none()
    });
    if !right {
        fields
            .reader
            .report(span, "expected the address where people reach Headroom, as in https://headroom.example.com");
    }
    right.then(|| value.trim_end_matches('/').to_owned())
}

impl Read for Ingest {
    fn read(reader: &Reader<'_>, node: &Node) -> Option<Self> {
        filled(reader, node, "ingest", |ingest: &mut Self, fields| {
            fields.set("keep", &mut ingest.keep);
            fields.set("relabel_configs", &mut ingest.relabel_configs);
            set_bytes(fields, "body_bytes_max", &mut ingest.body_bytes_max);
            set_bytes(fields, "decompressed_bytes_max", &mut ingest.decompressed_bytes_max);
            set_bytes(fields, "in_flight_bytes_max", &mut ingest.in_flight_bytes_max);
            set_count(fields, "connections_max", &mut ingest.connections_max);
            ingest.sender_samples_per_second_max =
                fields.optional("sender_samples_per_second_max").and_then(NonZeroU32::new);
            set_count(fields, "labels_max", &mut ingest.labels_max);
            set_bytes(fields, "label_name_bytes_max", &mut ingest.label_name_bytes_max);
            set_bytes(fields, "label_value_bytes_max", &mut ingest.label_value_bytes_max);
            set_bytes(fields, "labels_bytes_max", &mut ingest.labels_bytes_max);
            set_count(fields, "request_series_max", &mut ingest.request_series_max);
            fields.set("validate", &mut ingest.validate);
            fields.set("too_old", &mut ingest.too_old);
            ingest.ha = fields.optional("ha");
        })
    }
}

impl Read for Windows {
    fn read(reader: &Reader<'_>, node: &Node) -> Option<Self> {
        filled(reader, node, "windows", |windows: &mut Self, fields| {
            set_time(fields, "retention", &mut windows.retention);
            set_count(fields, "series_max", &mut windows.series_max);
            set_count(fields, "samples_max", &mut windows.samples_max);
            set_bytes(fields, "memory_bytes_max", &mut windows.memory_bytes_max);
        })
    }
}

impl Read for Evaluation {
    fn read(reader: &Reader<'_>, node: &Node) -> Option<Self> {
        filled(reader, node, "evaluation", |evaluation: &mut Self, fields| {
            set_time(fields, "interval", &mut evaluation.interval);
            fields.set("debounce", &mut evaluation.debounce);
        })
    }
}

impl Read for Kubernetes {
    fn read(reader: &Reader<'_>, node: &Node) -> Option<Self> {
        filled(reader, node, "kubernetes", |kubernetes: &mut Self, fields| {
            fields.set("enabled", &mut kubernetes.enabled);
            kubernetes.kubeconfig = fields.optional("kubeconfig");
            kubernetes.context = fields.optional("context");
            set_time(fields, "timeout", &mut kubernetes.timeout);
            fields.set("events", &mut kubernetes.events);
            fields.set("conflicts", &mut kubernetes.conflicts);
        })
    }
}

impl Read for Log {
    fn read(reader: &Reader<'_>, node: &Node) -> Option<Self> {
        filled(reader, node, "log", |log: &mut Self, fields| {
            fields.set("format", &mut log.format);
            fields.set("level", &mut log.level);
        })
    }
}

impl Read for Keep {
    fn read(reader: &Reader<'_>, node: &Node) -> Option<Self> {
        let Kind::List(_) = &node.kind else {
            let all = word(reader, node, "choice of series", &[("rules", false), ("all", true)]);
            return all.map(|all| if all { Self::All } else { Self::Rules });
        };
        let texts: Vec<At<String>> = Vec::read(reader, node)?;
        let selectors = texts.iter().map(|At { value, span }| {
            let found = selector(value);
            found.map_err(|reason| reader.report(*span, format!("{reason}, as in up{{job=\"api\"}}"))).ok()
        });
        selectors.collect::<Vec<_>>().into_iter().collect::<Option<_>>().map(Self::Matching)
    }
}

/// The matchers of a series selector: a metric's name, matchers in braces, or both.
fn selector(text: &str) -> Result<Vec<Matcher>, String> {
    let (name, braces) = text.split_at(text.find('{').unwrap_or(text.len()));
    let mut matchers = parse_matchers(braces).map_err(|error| error.to_string())?;
    let name = name.trim();
    if !name.is_empty() {
        matchers.push(Matcher::new(NAME, MatchOp::Equal, name).map_err(|error| error.to_string())?);
    }
    if matchers.is_empty() {
        return Err("expected a metric's name or matchers".to_owned());
    }
    Ok(matchers)
}

impl Read for Validate {
    fn read(reader: &Reader<'_>, node: &Node) -> Option<Self> {
        word(reader, node, "choice of series", &[("read", Self::Read), ("all", Self::All)])
    }
}

impl Read for TooOld {
    fn read(reader: &Reader<'_>, node: &Node) -> Option<Self> {
        word(reader, node, "choice", &[("drop", Self::Drop), ("reject", Self::Reject)])
    }
}

impl Read for Ha {
    fn read(reader: &Reader<'_>, node: &Node) -> Option<Self> {
        let ha = filled(reader, node, "ha", |ha: &mut Self, fields| {
            fields.set("cluster_label", &mut ha.cluster_label);
            fields.set("replica_label", &mut ha.replica_label);
            set_time(fields, "failover", &mut ha.failover);
            set_count(fields, "clusters_max", &mut ha.clusters_max);
        })?;
        let names = [&ha.cluster_label, &ha.replica_label];
        if names[0] == names[1] || names.iter().any(|name| name.is_empty() || *name == NAME) {
            reader.report(node.span, "expected two different labels, cluster_label and replica_label");
            return None;
        }
        Some(ha)
    }
}

impl Read for Enabled {
    fn read(reader: &Reader<'_>, node: &Node) -> Option<Self> {
        word(reader, node, "choice", &[("auto", Self::Auto), ("true", Self::Always), ("false", Self::Never)])
    }
}

impl Read for Conflicts {
    fn read(reader: &Reader<'_>, node: &Node) -> Option<Self> {
        word(reader, node, "choice", &[("refuse", Self::Refuse), ("ignore", Self::Ignore)])
    }
}

impl Read for LogFormat {
    fn read(reader: &Reader<'_>, node: &Node) -> Option<Self> {
        word(reader, node, "log format", &[("text", Self::Text), ("json", Self::Json)])
    }
}

impl Read for LogLevel {
    fn read(reader: &Reader<'_>, node: &Node) -> Option<Self> {
        let all = [Self::Error, Self::Warn, Self::Info, Self::Debug, Self::Trace];
        word(reader, node, "log level", &all.map(|level| (level.as_str(), level)))
    }
}

/// A limit in bytes.
pub(super) fn set_bytes(fields: &mut Fields<'_, '_>, name: &'static str, value: &mut usize) {
    if let Some(Bytes(bytes)) = positive(fields, name, &Bytes(0)) {
        *value = bytes;
    }
}

/// A limit in whole things.
pub(super) fn set_count(fields: &mut Fields<'_, '_>, name: &'static str, value: &mut usize) {
    if let Some(count) = positive(fields, name, &0) {
        *value = count;
    }
}

/// A length of time that must pass.
pub(super) fn set_time(fields: &mut Fields<'_, '_>, name: &'static str, value: &mut Duration) {
    if let Some(time) = positive(fields, name, &Duration::ZERO) {
        *value = time;
    }
}

/// A value that may be anything but `zero`.
pub(super) fn positive<T: Read + PartialEq>(fields: &mut Fields<'_, '_>, name: &'static str, zero: &T) -> Option<T> {
    let At { value, span } = fields.optional(name)?;
    if value == *zero {
        fields.reader.report(span, format!("{name} must be more than zero"));
        return None;
    }
    Some(value)
}
