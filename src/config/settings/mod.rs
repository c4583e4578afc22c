//! `headroom.yaml` as written. Every field has a default, so an empty file or none is right too.

mod alerting;
mod economy;
mod guards;
mod journal;
mod otlp;
mod read;
mod recording;
mod relabel;
mod routing;
mod warm_start;
mod web;

pub use guards::Guards;
pub use routing::{GroupBy, InhibitRule, NamedIntervals, Receiver, Route, Routing, Webhook, WebhookAddress};

use std::net::{Ipv4Addr, SocketAddr};
use std::num::NonZeroU32;
use std::path::PathBuf;
use std::time::Duration;

use crate::series;

pub use alerting::{Access, Alerting, Alertmanager, Credentials};
pub use economy::{Economy, LimitGroup, SharedLimits};
pub use journal::{Durability, Journal};
pub use otlp::{Otlp, TranslationStrategy};
pub use recording::Recording;
pub use warm_start::WarmStart;
pub use web::{AllowedSan, ClientAuth, HttpServer, PasswordHash, TlsServer, TlsVersion, Web};

use crate::labels::Relabel;
pub use crate::series::Keep;

/// The service's settings. A change needs a restart; rule files reload.
#[derive(Debug, Clone, PartialEq)]
pub struct Settings {
    /// Where everything is served: remote write, the APIs, the page and `/metrics`.
    pub listen: SocketAddr,
    /// Where people reach that, without a final slash, for links in alerts and messages; empty where nobody said.
    pub external_url: String,
    /// Globs of rule files, relative to the folder of the settings file.
    pub rules: Vec<String>,
    pub web: Web,
    pub ingest: Ingest,
    pub otlp: Otlp,
    pub windows: Windows,
    pub evaluation: Evaluation,
    pub guards: Guards,
    pub journal: Journal,
    pub recording: Recording,
    pub warm_start: Option<WarmStart>,
    pub economy: Economy,
    pub routing: Routing,
    pub kubernetes: Kubernetes,
    pub alerting: Alerting,
    pub log: Log,
}

/// What is taken in, and how much of it at once.
#[derive(Debug, Clone, PartialEq)]
pub struct Ingest {
    pub keep: Keep,
    /// What becomes of the labels of each series that comes in, before rules look for it.
    pub relabel_configs: Relabel,
    /// The largest body of a request as sent.
    pub body_bytes_max: usize,
    /// The largest body of a request unpacked.
    pub decompressed_bytes_max: usize,
    /// Bodies of all requests that are being read or unpacked, together.
    pub in_flight_bytes_max: usize,
    /// Open connections.
    pub connections_max: usize,
    /// Samples that one address may send in a second, over half a minute; none is no limit.
    pub sender_samples_per_second_max: Option<NonZeroU32>,
    /// Labels of one series.
    pub labels_max: usize,
    pub label_name_bytes_max: usize,
    pub label_value_bytes_max: usize,
    /// Names and values of one series' labels, together.
    pub labels_bytes_max: usize,
    /// Time series in one request.
    pub request_series_max: usize,
    /// Whether the labels of series that no rule reads are looked at, too.
    pub validate: Validate,
    pub too_old: TooOld,
    pub ha: Option<Ha>,
}

/// Which series' labels are looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Validate {
    /// Those whose metric a rule may read.
    Read,
    All,
}

/// What is done about samples that are older than any rule looks back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TooOld {
    /// They are accepted and not kept: after an outage a sender replays hours of them, and would log an error for each.
    Drop,
    /// They are answered 400.
    Reject,
}

/// Pairs of replicas that send the same, of which one is taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ha {
    /// The label that a pair has in common, and the one that tells its replicas apart.
    pub cluster_label: String,
    pub replica_label: String,
    /// Another replica takes over when the one that is taken has sent nothing for this long.
    pub failover: Duration,
    pub clusters_max: usize,
}

impl Default for Ha {
    fn default() -> Self {
        Self {
            cluster_label: "cluster".to_owned(),
            replica_label: "__replica__".to_owned(),
            failover: Duration::from_secs(30),
            clusters_max: 100,
        }
    }
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
    /// What to do about a workload that another autoscaler scales.
    pub conflicts: Conflicts,
}

/// What to do about a workload that another autoscaler scales.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Conflicts {
    /// Leave it alone, and say who scales it.
    Refuse,
    /// Scale it all the same.
    Ignore,
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

/// HEAD on a telephone's keys. Prometheus's exporters have taken all of 9100–9999.
const PORT: u16 = 4323;

impl Settings {
    /// What the store may keep.
    #[must_use]
    pub fn window_limits(&self) -> series::Limits {
        let Windows { retention, series_max, samples_max, memory_bytes_max } = self.windows;
        series::Limits { series_max, samples_max, memory_bytes_max, retention, keep: self.ingest.keep.clone() }
    }
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from((Ipv4Addr::UNSPECIFIED, PORT)),
            external_url: String::new(),
            rules: vec!["rules/*.yaml".to_owned()],
            web: Web::default(),
            ingest: Ingest::default(),
            otlp: Otlp::default(),
            windows: Windows::default(),
            evaluation: Evaluation::default(),
            guards: Guards::default(),
            journal: Journal::default(),
            recording: Recording::default(),
            warm_start: None,
            economy: Economy::default(),
            routing: Routing::default(),
            kubernetes: Kubernetes::default(),
            alerting: Alerting::default(),
            log: Log::default(),
        }
    }
}

impl Default for Ingest {
    fn default() -> Self {
        Self {
            keep: Keep::Rules,
            relabel_configs: Relabel::default(),
            // As Prometheus's own receiver takes it.
            body_bytes_max: 32 << 20,
            decompressed_bytes_max: 32 << 20,
            // Four of the largest bodies, or a hundred of the usual ones of up to 1 MiB.
            in_flight_bytes_max: 128 << 20,
            // A Prometheus opens up to 50 for a queue.
            connections_max: 512,
            sender_samples_per_second_max: None,
            labels_max: 64,
            label_name_bytes_max: 1 << 10,
            label_value_bytes_max: 4 << 10,
            labels_bytes_max: 16 << 10,
            request_series_max: 500_000,
            validate: Validate::Read,
            too_old: TooOld::Drop,
            ha: None,
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
        Self {
            enabled: Enabled::Auto,
            kubeconfig: None,
            context: None,
            timeout: Duration::from_secs(10),
            events: true,
            conflicts: Conflicts::Refuse,
        }
    }
}

impl Default for Log {
    fn default() -> Self {
        Self { format: LogFormat::Text, level: LogLevel::Info }
    }
}
