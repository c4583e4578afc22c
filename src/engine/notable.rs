//! Decisions that people want to hear of, as alerts: they begin, they last, they end.

use std::collections::BTreeMap;

use crate::decision::{Decision, Reason};
use crate::dispatch::Alert;
use crate::labels::Labels;
use crate::time::Timestamp;
use crate::workload::Workload;

/// What is notable of one workload now.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Notable {
    pub(super) alertname: &'static str,
    pub(super) since: Timestamp,
    pub(super) summary: String,
}

/// The alert that a decision stands for, if it does, and a line that says why.
pub(super) fn of(decision: &Decision) -> Option<(&'static str, String)> {
    decision.steps.iter().find_map(|step| Some((alertname(&step.reason)?, step.reason.to_string())))
}

fn alertname(reason: &Reason) -> Option<&'static str> {
    Some(match reason {
        Reason::Budget { .. } => "HeadroomBudgetReached",
        Reason::RolledBack { .. } => "HeadroomRolledBack",
        Reason::Frozen { .. } => "HeadroomFrozen",
        Reason::Fallback { .. } => "HeadroomFallback",
        Reason::Drop { .. } => "HeadroomDemandDropped",
        Reason::Trouble { .. } => "HeadroomPodsInTrouble",
        Reason::AboveMax { .. } => "HeadroomMaxReached",
        _ => return None,
    })
}

impl Notable {
    /// As an alert at `now`, which counts as firing until `ends_at`.
    pub(super) fn alert(&self, workload: &Workload, rule: &Labels, ends_at: Timestamp, now: Timestamp) -> Alert {
        let name = workload.to_string();
        let labels = rule.with(&[
            ("alertname", self.alertname),
            ("kind", &workload.kind),
            ("name", &workload.name),
            ("namespace", &workload.namespace),
            ("workload", &name),
        ]);
        Alert {
            labels,
            annotations: BTreeMap::from([("summary".to_owned(), format!("{name}: {}", self.summary))]),
            starts_at: self.since,
            ends_at,
            updated_at: now,
            generator_url: String::new(),
        }
    }
}
