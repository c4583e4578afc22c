//! What a receiver is told.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::alert::Alert;
use crate::labels::Labels;
use crate::time::Timestamp;
use crate::workload::{Replicas, Workload};

/// One message to one receiver: the alerts and decisions of a group.
#[derive(Debug, Clone, PartialEq)]
pub struct Notification {
    /// The receiver's name in the settings.
    pub receiver: Arc<str>,
    /// Which group of which route, the same for each message about it.
    pub group_key: String,
    pub group_labels: Labels,
    pub at: Timestamp,
    /// Firing and resolved ones.
    pub alerts: Vec<Alert>,
    pub decisions: Vec<Notified>,
}

/// A decision, as a receiver is told of it.
#[derive(Debug, Clone, PartialEq)]
pub struct Notified {
    /// The journal's id.
    pub id: u64,
    pub workload: Workload,
    pub labels: Labels,
    /// Those of its rule, filled in.
    pub annotations: BTreeMap<String, String>,
    pub from: Replicas,
    pub to: Replicas,
    /// One line.
    pub reason: String,
    /// The whole chain of steps.
    pub explanation: String,
}
