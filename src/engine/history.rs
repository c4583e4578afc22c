//! The newest decisions that changed something, with what came of each.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use crate::decision::Decision;
use crate::dispatch::Outcome;
use crate::journal::{Entry, RECOVERED_MAX};
use crate::time::Timestamp;
use crate::workload::{Replicas, Workload};

/// Entries that are kept: about 1 KiB each.
const ENTRIES_MAX: usize = RECOVERED_MAX;

#[derive(Debug, Default)]
pub(super) struct History {
    entries: VecDeque<Arc<Entry>>,
    /// Those without an outcome, by id. They may be older than what is kept.
    open: BTreeMap<u64, Arc<Entry>>,
    /// Of each workload, the entry whose outcome the end of the former process hid.
    interrupted: BTreeMap<Workload, Vec<u64>>,
    last_id: u64,
}

impl History {
    /// Goes on from what the journal gave back.
    pub(super) fn recover(&mut self, last_id: u64, entries: Vec<Arc<Entry>>, unsettled: Vec<Arc<Entry>>) {
        self.last_id = self.last_id.max(last_id);
        let skipped = entries.len().saturating_sub(ENTRIES_MAX);
        self.entries = entries.into_iter().skip(skipped).collect();
        for entry in unsettled {
            self.interrupted.entry(entry.workload.clone()).or_default().push(entry.id);
            self.open.insert(entry.id, entry);
        }
    }

    /// Oldest first.
    pub(super) fn entries(&self) -> &VecDeque<Arc<Entry>> {
        &self.entries
    }

    /// Notes a decision whose action is about to begin.
    pub(super) fn open(&mut self, workload: &Workload, rule: &Arc<str>, decision: Decision) -> Arc<Entry> {
        self.last_id += 1;
        let entry = Arc::new(Entry::new(self.last_id, workload.clone(), Arc::clone(rule), decision));
        if self.entries.len() == ENTRIES_MAX {
            self.entries.pop_front();
        }
        self.entries.push_back(Arc::clone(&entry));
        self.open.insert(entry.id, Arc::clone(&entry));
        entry
    }

    /// Puts an entry in the place of the one with its id.
    pub(super) fn amend(&mut self, entry: &Arc<Entry>) {
        self.open.insert(entry.id, Arc::clone(entry));
        if let Some(kept) = self.entries.iter_mut().rev().find(|kept| kept.id == entry.id) {
            *kept = Arc::clone(entry);
        }
    }

    /// Notes what became of an entry's action; gives the entry as it is to be written down.
    pub(super) fn close(&mut self, id: u64, outcome: Outcome, now: Timestamp) -> Option<Arc<Entry>> {
        let mut entry = self.open.remove(&id)?;
        let (ended, ended_at) = (Arc::make_mut(&mut entry), Some(now));
        (ended.outcome, ended.ended_at) = (Some(outcome), ended_at);
        if let Some(kept) = self.entries.iter_mut().rev().find(|kept| kept.id == id) {
            *kept = Arc::clone(&entry);
        }
        Some(entry)
    }

    /// Settles what was in flight when the former process ended, by what the cluster says now.
    pub(super) fn settle(&mut self, workload: &Workload, replicas: Replicas, now: Timestamp) -> Vec<Arc<Entry>> {
        let ids = self.interrupted.remove(workload).unwrap_or_default();
        let outcome = |entry: &Entry| {
            if entry.decision.to == replicas {
                Outcome::Done
            } else {
                Outcome::Failed(format!("the service ended in between; the cluster has {replicas} replicas"))
            }
        };
        let known = ids.into_iter().filter_map(|id| Some((id, outcome(self.open.get(&id)?))));
        let outcomes: Vec<_> = known.collect();
        outcomes.into_iter().filter_map(|(id, outcome)| self.close(id, outcome, now)).collect()
    }
}
