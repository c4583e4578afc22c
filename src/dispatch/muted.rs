//! What keeps a decision from being carried out.

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::time::Timestamp;
use crate::workload::{Replicas, Workload};

/// What keeps a decision from being carried out now. It is shown next to the decision.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "code", rename_all = "snake_case")]
pub enum Muted {
    /// Somebody wants it so.
    Silenced { id: String, author: String, comment: String, until: Timestamp },
    /// An alert fires that holds it back.
    Inhibited { fingerprint: u64, alertname: String },
    /// Its route is closed: the interval holds and mutes, or does not hold though the route is active only then.
    TimeInterval { name: Arc<str>, holds: bool },
    /// Somebody else changed what was set, and it is not yet time to set it again.
    RepeatInterval { set: Replicas, found: Replicas, until: Timestamp },
    /// Its group waits for others to join.
    GroupWait { until: Timestamp },
    /// Its group has acted a short while ago.
    GroupInterval { until: Timestamp },
    /// Another of its group is being scaled first.
    Batch { waits_for: Workload },
    /// Another of its group could not be scaled.
    BatchStopped { by: Workload },
    /// Its routes lead only to receivers that tell.
    NoActuator { receiver: Arc<str> },
}

impl Muted {
    /// One word for log fields, metrics and tests.
    #[must_use]
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::Silenced { .. } => "silenced",
            Self::Inhibited { .. } => "inhibited",
            Self::TimeInterval { .. } => "time_interval",
            Self::RepeatInterval { .. } => "repeat_interval",
            Self::GroupWait { .. } => "group_wait",
            Self::GroupInterval { .. } => "group_interval",
            Self::Batch { .. } => "batch",
            Self::BatchStopped { .. } => "batch_stopped",
            Self::NoActuator { .. } => "no_actuator",
        }
    }
}

impl fmt::Display for Muted {
    /// One line that says what holds the decision back, and what ends that.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Silenced { id, author, comment, until } => {
                write!(f, "silenced by {author} until {until}: {comment} (silence {id})")
            }
            Self::Inhibited { fingerprint, alertname } => {
                write!(f, "inhibited while the alert {alertname} fires ({fingerprint:016x})")
            }
            Self::TimeInterval { name, holds: true } => write!(f, "muted during the time interval {name}"),
            Self::TimeInterval { name, holds: false } => write!(f, "muted outside the time interval {name}"),
            Self::RepeatInterval { set, found, until } => {
                write!(f, "set to {set}, changed to {found} by somebody else; set again at {until} (repeat_interval)")
            }
            Self::GroupWait { until } => write!(f, "waits for others of its group until {until} (group_wait)"),
            Self::GroupInterval { until } => write!(f, "its group acts again at {until} (group_interval)"),
            Self::Batch { waits_for } => write!(f, "waits for {waits_for}, which its group scales first"),
            Self::BatchStopped { by } => write!(f, "stopped with its group, for {by} could not be scaled"),
            Self::NoActuator { receiver } => write!(f, "only told: receiver {receiver} has no kubernetes_configs"),
        }
    }
}
