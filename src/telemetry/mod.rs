//! How Headroom speaks of itself: the table of metrics, the handles that rooms count with, latencies and the log.
//!
//! In: counts and durations from every room. Out: the text of `/metrics`, log lines.
//! Never here: a global registry. Each [`Telemetry`] stands alone, so tests make as many as they like, and a room's
//! handles work without one (`IngestMetrics::default()` counts into nothing but itself).

mod groups;
mod handles;
mod latency;
mod log;
pub mod names;
mod notifications;
mod registry;
mod text;

#[cfg(test)]
mod tests;

pub use groups::{
    ActionResult, ActuateMetrics, ConnectionRefused, Direction, EngineMetrics, HandshakeFailure, IngestMetrics,
    JournalMetrics, Message, NotKept, NotRecorded, RecordingMetrics, RejectedSample, RequestOutcome, RequestRefused,
    RuleMetrics, SeriesMetrics, Violation, WarmStartMetrics, WarmStartResult, WebMetrics,
};
pub use handles::{Counter, Counters, Gauge, LabelValue};
pub use latency::{BOUNDS, Latencies, Latency, Snapshot};
pub use log::{LogError, LogFormat, init as init_log};
pub use names::{Kind, Metric, Unit};
pub use notifications::{AddresseeMetrics, NotifyMetrics};
pub use registry::Telemetry;
pub use text::{Exposition, Family};
