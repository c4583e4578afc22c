//! The workloads that act together.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use super::member::Rank;
use crate::time::Timestamp;
use crate::workload::Workload;

/// How long the others of a stopped batch wait for the one that failed to be tried again; as long as the loop waits
/// between two tries at most. After that they go on without it.
const STOPPED_WAIT: Duration = Duration::from_mins(1);

#[derive(Debug, Default)]
pub(super) struct Group {
    /// Those that are wished to change and in no batch.
    pub(super) pending: BTreeSet<Workload>,
    pub(super) batch: Option<Batch>,
    /// When its last batch began.
    pub(super) flushed_at: Option<Timestamp>,
    /// Its last batch was stopped.
    pub(super) stopped: Option<Stopped>,
    /// When it is to be looked at again.
    pub(super) due: Option<Timestamp>,
}

/// Those that act in one go, in order.
#[derive(Debug, Default)]
pub(super) struct Batch {
    pub(super) in_flight: BTreeSet<Workload>,
    pub(super) waiting: BTreeMap<Rank, BTreeSet<Workload>>,
}

#[derive(Debug, Clone, PartialEq)]
pub(super) struct Stopped {
    pub(super) by: Workload,
    pub(super) until: Timestamp,
}

impl Batch {
    /// Takes a workload out that has not been released.
    pub(super) fn remove(&mut self, workload: &Workload) {
        self.waiting.retain(|_, workloads| {
            workloads.remove(workload);
            !workloads.is_empty()
        });
    }
}

impl Group {
    /// Takes a workload out that has not been released.
    pub(super) fn remove(&mut self, workload: &Workload) {
        self.pending.remove(workload);
        if let Some(batch) = &mut self.batch {
            batch.remove(workload);
        }
    }

    /// A release of the batch has ended. Where it did not end well, gives those that are stopped with it.
    pub(super) fn ended(&mut self, workload: &Workload, ok: bool, interval: Duration, now: Timestamp) -> Vec<Workload> {
        let Some(batch) = &mut self.batch else { return Vec::new() };
        batch.in_flight.remove(workload);
        if ok {
            return Vec::new();
        }
        let stopped: Vec<Workload> = std::mem::take(&mut batch.waiting).into_values().flatten().collect();
        if !stopped.is_empty() {
            self.stopped = Some(Stopped { by: workload.clone(), until: now + interval.max(STOPPED_WAIT) });
        }
        stopped
    }

    /// Its own business with a workload is over: nobody waits for it any longer.
    pub(super) fn resume(&mut self, workload: &Workload) {
        if self.is_stopped_by(workload) {
            self.stopped = None;
        }
    }

    /// Whether the others wait for a workload to be tried again.
    pub(super) fn is_stopped_by(&self, workload: &Workload) -> bool {
        self.stopped.as_ref().is_some_and(|stopped| stopped.by == *workload)
    }
}

impl Batch {
    /// Whether a workload has not been released yet.
    pub(super) fn waits(&self, workload: &Workload) -> bool {
        self.waiting.values().any(|workloads| workloads.contains(workload))
    }

    /// Whether a workload is part of it.
    pub(super) fn holds(&self, workload: &Workload) -> bool {
        self.in_flight.contains(workload) || self.waits(workload)
    }
}

impl Group {
    /// Whether a workload's wish is known here.
    pub(super) fn knows(&self, workload: &Workload) -> bool {
        self.pending.contains(workload) || self.batch.as_ref().is_some_and(|batch| batch.waits(workload))
    }

    /// Whether nobody waits for anything here.
    pub(super) fn is_idle(&self) -> bool {
        self.pending.is_empty() && self.batch.is_none()
    }
}
