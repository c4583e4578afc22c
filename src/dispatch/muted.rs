//! What keeps a decision from being carried out.

use std::fmt;
use std::sync::Arc;

use super::inhibit::Inhibited;
use crate::time::Timestamp;
use crate::workload::Workload;

/// What keeps a decision from being carried out now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Muted {
    /// A silence, with the words of who made it.
    Silenced { id: String, by: String, comment: String },
    /// An alert fires that inhibits it.
    Inhibited(Inhibited),
    /// The route is muted by this time interval, or outside of its active ones.
    TimeInterval { name: Arc<str> },
    /// Its routes lead to receivers that are only told.
    NoActuator,
    /// The group waits for more members, or for its interval to pass.
    Group { until: Timestamp },
    /// Others of the group go first.
    Batch { after: Workload },
    /// One of the group failed before.
    BatchStopped { by: Workload },
    /// Somebody else changed what had been set; it is set again only then.
    Drift { until: Timestamp },
}

impl Muted {
    /// One word for APIs, metrics and tests.
    #[must_use]
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::Silenced { .. } => "silenced",
            Self::Inhibited(_) => "inhibited",
            Self::TimeInterval { .. } => "interval",
            Self::NoActuator => "no_actuator",
            Self::Group { .. } => "group",
            Self::Batch { .. } => "batch",
            Self::BatchStopped { .. } => "batch_stopped",
            Self::Drift { .. } => "drift",
        }
    }
}

impl fmt::Display for Muted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Silenced { id, by, comment } => write!(f, "silenced by {by}: {comment} (silence {id})"),
            Self::Inhibited(inhibited) => write!(f, "inhibited while {} fires", inhibited.alertname),
            Self::TimeInterval { name } => write!(f, "muted by the time interval {name}"),
            Self::NoActuator => f.write_str("its routes lead to no receiver that scales"),
            Self::Group { until } => write!(f, "waits for its group until {until}"),
            Self::Batch { after } => write!(f, "waits for {after} of its group"),
            Self::BatchStopped { by } => write!(f, "stopped: {by} of its group failed"),
            Self::Drift { until } => write!(f, "changed by somebody else; set again at {until}"),
        }
    }
}
