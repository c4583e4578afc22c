//! A decision that changed something, or would have, and what became of it.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::decision::Decision;
use crate::dispatch::Outcome;
use crate::time::Timestamp;
use crate::workload::Workload;

/// A decision that changed something, or would have: what the journal keeps, and what the page, the API and
/// `headroom decisions` show.
///
/// It is written twice: before the action that it covers, without an outcome, and once the outcome is known. On disk
/// it is JSON; a decision of four steps takes some 700 bytes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Entry {
    /// Counts up for ever, across restarts; no two decisions have the same.
    pub id: u64,
    pub workload: Workload,
    /// The scale rule's name.
    pub rule: Arc<str>,
    pub decision: Decision,
    /// What became of it; `None` while it is in flight.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub outcome: Option<Outcome>,
    /// When the outcome was known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended_at: Option<Timestamp>,
    /// Who asked for it, where a person did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub author: Option<String>,
    /// The reason that the person gave.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
}

impl Entry {
    /// A decision whose action is about to begin.
    #[must_use]
    pub fn new(id: u64, workload: Workload, rule: Arc<str>, decision: Decision) -> Self {
        Self { id, workload, rule, decision, outcome: None, ended_at: None, author: None, note: None }
    }

    /// The outcome in one word, as filters name it: `in_flight`, `done`, `simulated`, `conflict`, `failed` or
    /// `refused`.
    #[must_use]
    pub fn outcome_code(&self) -> &'static str {
        match &self.outcome {
            None => "in_flight",
            Some(Outcome::Done) => "done",
            Some(Outcome::Simulated) => "simulated",
            Some(Outcome::Conflict) => "conflict",
            Some(Outcome::Failed(_)) => "failed",
            Some(Outcome::Refused(_)) => "refused",
        }
    }

    /// The name of the reason that decided; empty for a decision without steps.
    #[must_use]
    pub fn reason_code(&self) -> &'static str {
        self.decision.decisive().map_or("", |step| step.reason.code())
    }
}
