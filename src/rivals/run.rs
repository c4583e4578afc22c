//! A rival over pods of its own.

use std::time::Duration;

use super::{Change, Pods, Rival};
use crate::time::Timestamp;
use crate::workload::Replicas;

/// A rival, and the pods that it would have had. The simulator and the live loop let it live the same way.
#[derive(Debug, Clone)]
pub struct Run {
    rival: Rival,
    pods: Pods,
}

impl Run {
    /// Begins with ready pods.
    #[must_use]
    pub fn new(rival: Rival, replicas: Replicas, startup: Duration) -> Self {
        Self { rival, pods: Pods::new(replicas, startup) }
    }

    #[must_use]
    pub fn pods(&self) -> &Pods {
        &self.pods
    }

    /// How long its next pods take to start.
    pub fn set_startup(&mut self, startup: Duration) {
        self.pods.set_startup(startup);
    }

    /// Lives on to the next moment before `until` at which its pods change, because some become ready or because the
    /// rival asks for another count; `None` where nothing changes before.
    pub fn next(&mut self, until: Timestamp) -> Option<Change> {
        loop {
            let due = self.rival.due();
            if let Some(change) = self.pods.advance(due.min(until)) {
                return Some(change);
            }
            if due >= until {
                return None;
            }
            let to = self.rival.decide(due, self.pods.view());
            if to != self.pods.requested() {
                self.pods.scale(due, to);
                return Some(self.pods.since(due));
            }
        }
    }

    /// Hands over a sample, as [`Rival::observe`] takes it, once all before it has been lived.
    pub fn observe(&mut self, at: Timestamp, demand: Option<f64>) {
        self.rival.observe(at, demand);
    }
}
