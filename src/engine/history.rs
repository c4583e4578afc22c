//! The newest decisions that changed something, with what came of each.

use std::collections::VecDeque;
use std::sync::Arc;

use super::view::Entry;
use crate::decision::Decision;
use crate::dispatch::Outcome;
use crate::workload::Workload;

/// Entries that are kept: about 1 KiB each.
const ENTRIES_MAX: usize = 1_000;

#[derive(Debug, Default)]
pub(super) struct History {
    entries: VecDeque<Arc<Entry>>,
    last_id: u64,
}

impl History {
    /// Oldest first.
    pub(super) fn entries(&self) -> &VecDeque<Arc<Entry>> {
        &self.entries
    }

    /// Notes a decision whose action is about to begin.
    pub(super) fn open(&mut self, workload: &Workload, rule: &Arc<str>, decision: Decision) -> Arc<Entry> {
        self.last_id += 1;
        let (workload, rule) = (workload.clone(), Arc::clone(rule));
        let entry = Arc::new(Entry { id: self.last_id, workload, rule, decision, outcome: None });
        if self.entries.len() == ENTRIES_MAX {
            self.entries.pop_front();
        }
        self.entries.push_back(Arc::clone(&entry));
        entry
    }

    /// Notes what became of the newest action on a workload.
    pub(super) fn close(&mut self, workload: &Workload, outcome: &Outcome) {
        let newest = self.entries.iter_mut().rev().find(|entry| entry.workload == *workload);
        if let Some(entry) = newest.filter(|entry| entry.outcome.is_none()) {
            Arc::make_mut(entry).outcome = Some(outcome.clone());
        }
    }
}
