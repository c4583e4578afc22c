//! Alerts that wait for one Alertmanager.

use std::collections::{HashMap, VecDeque};

use crate::dispatch::Alert;
use crate::labels::Labels;

/// A bounded queue in which each alert waits once: a newer word on it takes the older one's place in the line.
#[derive(Debug)]
pub(super) struct Queue {
    /// The oldest first; each is a key of `alerts`.
    line: VecDeque<Labels>,
    alerts: HashMap<Labels, Alert>,
    max: usize,
}

impl Queue {
    pub(super) fn new(max: usize) -> Self {
        Self { line: VecDeque::new(), alerts: HashMap::new(), max }
    }

    pub(super) fn len(&self) -> usize {
        self.line.len()
    }

    /// Appends alerts and gives how many older ones had to go.
    pub(super) fn add(&mut self, alerts: &[Alert]) -> usize {
        for alert in alerts {
            if self.alerts.insert(alert.labels.clone(), alert.clone()).is_none() {
                self.line.push_back(alert.labels.clone());
            }
        }
        self.shorten()
    }

    /// Takes up to `max` of the oldest.
    pub(super) fn take(&mut self, max: usize) -> Vec<Alert> {
        let taken = self.line.drain(..max.min(self.line.len()));
        taken.filter_map(|labels| self.alerts.remove(&labels)).collect()
    }

    /// Puts what was taken back to the front, but for alerts of which there is newer word. Gives how many had to go.
    pub(super) fn restore(&mut self, alerts: Vec<Alert>) -> usize {
        for alert in alerts.into_iter().rev() {
            if !self.alerts.contains_key(&alert.labels) {
                self.line.push_front(alert.labels.clone());
                self.alerts.insert(alert.labels.clone(), alert);
            }
        }
        self.shorten()
    }

    /// Drops the oldest until the bound is held.
    fn shorten(&mut self) -> usize {
        let excess = self.line.len().saturating_sub(self.max);
        self.take(excess).len()
    }
}
