//! The workloads that act together.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use super::member::Rank;
use crate::time::Timestamp;
use crate::workload::Workload;

/// How long the others of a group wait for one that fails to end well, from its first failure on; as long as the loop
/// waits between two tries at most. After that they go on without it.
const STOPPED_WAIT: Duration = Duration::from_mins(1);

#[derive(Debug, Default)]
pub(super) struct Group {
    /// Those that are wished to change and in no batch.
    pub(super) pending: BTreeSet<Workload>,
    pub(super) batch: Option<Batch>,
    /// When its last batch began.
    pub(super) flushed_at: Option<Timestamp>,
    /// Those that could not be scaled when last tried, and until when the others wait for them.
    failing: BTreeMap<Workload, Timestamp>,
    /// When it is to be looked at again.
    pub(super) due: Option<Timestamp>,
}

/// Those that act in one go, in order.
#[derive(Debug, Default)]
pub(super) struct Batch {
    pub(super) in_flight: BTreeSet<Workload>,
    pub(super) waiting: BTreeMap<Rank, BTreeSet<Workload>>,
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
        if let Some(batch) = &mut self.batch {
            batch.in_flight.remove(workload);
        }
        if ok {
            self.resume(workload);
            return Vec::new();
        }
        let until = now + interval.max(STOPPED_WAIT);
        // Failing again does not prolong it: one that never ends well would hold the others for ever.
        let until = *self.failing.entry(workload.clone()).or_insert(until);
        let waiting = self.batch.as_mut().filter(|_| until > now).map(|batch| std::mem::take(&mut batch.waiting));
        waiting.unwrap_or_default().into_values().flatten().collect()
    }

    /// Its own business with a workload is over: nobody waits for it any longer.
    pub(super) fn resume(&mut self, workload: &Workload) {
        self.failing.remove(workload);
    }

    /// Whether a workload could not be scaled when last tried.
    pub(super) fn is_failing(&self, workload: &Workload) -> bool {
        self.failing.contains_key(workload)
    }

    /// For whom a workload waits, and until when at most. One that fails itself waits for nobody.
    pub(super) fn waits_for(&self, workload: &Workload, now: Timestamp) -> Option<(&Workload, Timestamp)> {
        let failing = self.failing.iter().map(|(by, until)| (by, *until)).filter(|(_, until)| *until > now);
        failing.max_by_key(|(_, until)| *until).filter(|_| !self.is_failing(workload))
    }

    /// Whether it has anything to remember of its members.
    pub(super) fn has_failing(&self) -> bool {
        !self.failing.is_empty()
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
