//! `headroom.yaml` as written. Every field has a default, so an empty file or none is right too.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use super::finding::{Finding, Source};
use super::reader::{Fields, Reader};
use super::scalar::{At, Bytes, Read, word};
use super::tree::{self, Kind, Node};

/// The service's settings. A change needs a restart; rule files reload.
#[derive(Debug, Clone, PartialEq)]
pub struct Settings {
    /// Where everything is served: remote write, the APIs, the page and `/metrics`.
    pub listen: SocketAddr,
    /// Globs of rule files, relative to the folder of the settings file.
    pub rules: Vec<String>,
    pub ingest: Ingest,
    pub windows: Windows,
    pub evaluation: Evaluation,
    pub kubernetes: Kubernetes,
    pub log: Log,
}

/// What is taken in, and how much of it at once.
#[derive(Debug, Clone, PartialEq)]
pub struct Ingest {
    pub keep: Keep,
    /// The largest body of a request as sent.
    pub body_bytes_max: usize,
    /// The largest body of a request unpacked.
    pub decompressed_bytes_max: usize,
    /// Bodies of all requests that are being read or unpacked, together.
    pub in_flight_bytes_max: usize,
    /// Open connections.
    pub connections_max: usize,
    /// Labels of one series.
    pub labels_max: usize,
    pub label_name_bytes_max: usize,
    pub label_value_bytes_max: usize,
}

/// Which series are kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Keep {
    /// Those that a rule reads.
    Rules,
    /// All, for queries that no rule asks.
    All,
}

/// What windows may cost, and how far they reach.
#[derive(Debug, Clone, PartialEq)]
pub struct Windows {
    /// How far back a window reaches at least, counted from its newest sample; rules lengthen it.
    pub retention: Duration,
    /// Series that are kept at once.
    pub series_max: usize,
    /// Samples that one window holds.
    pub samples_max: usize,
    /// Bytes of all windows together, labels included.
    pub memory_bytes_max: usize,
}

/// When rules are evaluated.
#[derive(Debug, Clone, PartialEq)]
pub struct Evaluation {
    /// The longest wait between two evaluations of a group that names none.
    pub interval: Duration,
    /// How long an evaluation waits for further samples once the first has come.
    pub debounce: Duration,
}

/// The cluster whose workloads are scaled.
#[derive(Debug, Clone, PartialEq)]
pub struct Kubernetes {
    pub enabled: Enabled,
    /// A kubeconfig file; without one, the usual places.
    pub kubeconfig: Option<PathBuf>,
    /// A context of the kubeconfig; without one, its current context.
    pub context: Option<String>,
    /// The longest that one request to the API server may take.
    pub timeout: Duration,
    /// Whether each change is told in a Kubernetes Event on the object.
    pub events: bool,
}

/// Whether something is used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Enabled {
    /// Where it can be had.
    Auto,
    Always,
    Never,
}

/// How the service speaks.
#[derive(Debug, Clone, PartialEq)]
pub struct Log {
    pub format: LogFormat,
    pub level: LogLevel,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogFormat {
    Text,
    Json,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogLevel {
    Error,
    Warn,
    Info,
    Debug,
    Trace,
}

impl LogLevel {
    /// As the settings write it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warn => "warn",
            Self::Info => "info",
            Self::Debug => "debug",
            Self::Trace => "trace",
        }
    }
}

/// Where remote write, the APIs, the page and the metrics are served.
const PORT: u16 = 9595;

impl Default for Settings {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from((Ipv4Addr::UNSPECIFIED, PORT)),
            rules: vec!["rules/*.yaml".to_owned()],
            ingest: Ingest::default(),
            windows: Windows::default(),
            evaluation: Evaluation::default(),
            kubernetes: Kubernetes::default(),
            log: Log::default(),
        }
    }
}

impl Default for Ingest {
    fn default() -> Self {
        Self {
            keep: Keep::Rules,
            // As Prometheus's own receiver takes it.
            body_bytes_max: 32 << 20,
            decompressed_bytes_max: 32 << 20,
            // Four of the largest bodies, or a hundred of the usual ones of up to 1 MiB.
            in_flight_bytes_max: 128 << 20,
            // A Prometheus opens up to 50 for a queue.
            connections_max: 512,
            labels_max: 64,
            label_name_bytes_max: 1 << 10,
            label_value_bytes_max: 4 << 10,
        }
    }
}

impl Default for Windows {
    fn default() -> Self {
        Self {
            retention: Duration::from_mins(10),
            // 10 minutes at 15 s are 40 samples of 16 bytes, and labels take some 500 bytes: 1.2 GiB for a million.
            series_max: 1_000_000,
            // More than an hour at one second.
            samples_max: 4_096,
            memory_bytes_max: 2 << 30,
        }
    }
}

impl Default for Evaluation {
    fn default() -> Self {
        Self { interval: Duration::from_secs(15), debounce: Duration::from_millis(2) }
    }
}

impl Default for Kubernetes {
    fn default() -> Self {
        Self { enabled: Enabled::Auto, kubeconfig: None, context: None, timeout: Duration::from_secs(10), events: true }
    }
}

impl Default for Log {
    fn default() -> Self {
        Self { format: LogFormat::Text, level: LogLevel::Info }
    }
}

impl Settings {
    /// Reads a settings file; all findings together where there are any.
    pub fn parse(source: Source<'_>) -> Result<Self, Vec<Finding>> {
        let root = tree::parse(source).map_err(|finding| vec![finding])?;
        let reader = Reader::new(source);
        let settings = Self::read(&reader, &root);
        let findings = reader.into_findings();
        match settings {
            Some(settings) if findings.is_empty() => Ok(settings),
            _ => Err(findings),
        }
    }
}

/// Reads a mapping into a value that begins as its default; `fill` sets what is given.
fn filled<T: Default>(
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
            fields.set("rules", &mut settings.rules);
            fields.set("ingest", &mut settings.ingest);
            fields.set("windows", &mut settings.windows);
            fields.set("evaluation", &mut settings.evaluation);
            fields.set("kubernetes", &mut settings.kubernetes);
            fields.set("log", &mut settings.log);
        })
    }
}

impl Read for Ingest {
    fn read(reader: &Reader<'_>, node: &Node) -> Option<Self> {
        filled(reader, node, "ingest", |ingest: &mut Self, fields| {
            fields.set("keep", &mut ingest.keep);
            set_bytes(fields, "body_bytes_max", &mut ingest.body_bytes_max);
            set_bytes(fields, "decompressed_bytes_max", &mut ingest.decompressed_bytes_max);
            set_bytes(fields, "in_flight_bytes_max", &mut ingest.in_flight_bytes_max);
            set_count(fields, "connections_max", &mut ingest.connections_max);
            set_count(fields, "labels_max", &mut ingest.labels_max);
            set_bytes(fields, "label_name_bytes_max", &mut ingest.label_name_bytes_max);
            set_bytes(fields, "label_value_bytes_max", &mut ingest.label_value_bytes_max);
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
        word(reader, node, "choice of series", &[("rules", Self::Rules), ("all", Self::All)])
    }
}

impl Read for Enabled {
    fn read(reader: &Reader<'_>, node: &Node) -> Option<Self> {
        let words = [
            ("auto", Self::Auto),
            ("always", Self::Always),
            ("never", Self::Never),
            ("true", Self::Always),
            ("false", Self::Never),
        ];
        word(reader, node, "choice", &words)
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
fn set_bytes(fields: &mut Fields<'_, '_>, name: &'static str, value: &mut usize) {
    if let Some(Bytes(bytes)) = positive(fields, name, Bytes(0)) {
        *value = bytes;
    }
}

/// A limit in whole things.
fn set_count(fields: &mut Fields<'_, '_>, name: &'static str, value: &mut usize) {
    if let Some(count) = positive(fields, name, 0) {
        *value = count;
    }
}

/// A length of time that must pass.
fn set_time(fields: &mut Fields<'_, '_>, name: &'static str, value: &mut Duration) {
    if let Some(time) = positive(fields, name, Duration::ZERO) {
        *value = time;
    }
}

/// A value that may be anything but `zero`.
fn positive<T: Read + PartialEq>(fields: &mut Fields<'_, '_>, name: &'static str, zero: T) -> Option<T> {
    let At { value, span } = fields.optional(name)?;
    if value == zero {
        fields.reader.report(span, format!("{name} must be more than zero"));
        return None;
    }
    Some(value)
}
