//! What the loop asks of the world, and what the world says.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::workload::{Replicas, Trouble, Workload};

/// A change of one workload's scale.
#[derive(Debug, Clone, PartialEq)]
pub struct Action {
    /// The id of the journal's entry that covers it.
    pub entry: u64,
    pub workload: Workload,
    /// What the decision was made from: the change is refused where the cluster says otherwise by now.
    pub from: Replicas,
    pub to: Replicas,
    /// The decision's reason in one line, for Kubernetes Events.
    pub reason: String,
}

/// What became of an action.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// The cluster accepted it.
    Done,
    /// Nothing is really scaled here (dry run).
    Simulated,
    /// The object changed in between, its scale or only its status; a fresh observation brings a fresh decision.
    Conflict,
    /// It failed, and may succeed later.
    Failed(String),
    /// It can't succeed until somebody changes something: not found, forbidden, no scale subresource.
    Refused(String),
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Done => f.write_str("scaled"),
            Self::Simulated => f.write_str("simulated"),
            Self::Conflict => f.write_str("conflict: the scale was changed by somebody else in between"),
            Self::Failed(reason) => write!(f, "failed: {reason}"),
            Self::Refused(reason) => write!(f, "refused: {reason}"),
        }
    }
}

/// What is known of one workload in the cluster.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Observation {
    pub workload: Workload,
    pub status: Status,
}

/// A workload's scale in the cluster.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Status {
    /// `replicas` is what the scale subresource asks for, `ready` the pods that are ready, `trouble` the pods that will
    /// not become ready by waiting.
    Found { replicas: Replicas, ready: Replicas, trouble: Trouble },
    /// It doesn't exist, or can't be read: the reason says which, and what to do.
    Unknown(String),
}

impl Status {
    /// A workload without pods in trouble.
    #[must_use]
    pub fn found(replicas: Replicas, ready: Replicas) -> Self {
        Self::Found { replicas, ready, trouble: Trouble::default() }
    }
}
