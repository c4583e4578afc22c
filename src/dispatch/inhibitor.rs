//! Inhibition: while a source alert fires, targets with the same values of some labels are held back.
//!
//! As in Alertmanager: a label that is missing on either side counts as empty; what matches both sides of a rule is
//! not held back by an alert that does so too, so no alert holds itself back. A source counts though it is silenced or
//! held back itself.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use super::alert::Alert;
use super::routing::Routing;
use crate::labels::{Labels, Matcher};

/// The firing alerts that hold others back.
#[derive(Debug)]
pub(super) struct Inhibitor {
    routing: Arc<Routing>,
    /// For each rule, the sources by their values of its labels `equal`.
    sources: Vec<HashMap<Labels, BTreeMap<u64, Source>>>,
    version: u64,
}

#[derive(Debug)]
struct Source {
    alert: Arc<Alert>,
    /// It matches the rule's target side too.
    both_sides: bool,
}

impl Inhibitor {
    pub(super) fn new(routing: Arc<Routing>) -> Self {
        Self::after(routing, 0)
    }

    /// One that takes the place of another, whose version was smaller.
    pub(super) fn after(routing: Arc<Routing>, version: u64) -> Self {
        let sources = routing.inhibit_rules().iter().map(|_| HashMap::new()).collect();
        Self { routing, sources, version }
    }

    /// Grows when an alert begins or ends to hold others back.
    pub(super) fn version(&self) -> u64 {
        self.version
    }

    /// An alert fires.
    pub(super) fn fires(&mut self, fingerprint: u64, alert: &Arc<Alert>) {
        for (rule, sources) in self.routing.inhibit_rules().iter().zip(&mut self.sources) {
            if all_match(&rule.source_matchers, &alert.labels) {
                let both_sides = all_match(&rule.target_matchers, &alert.labels);
                let source = Source { alert: Arc::clone(alert), both_sides };
                let before = sources.entry(alert.labels.only(&rule.equal)).or_default().insert(fingerprint, source);
                self.version += u64::from(before.is_none());
            }
        }
    }

    /// An alert has ended.
    pub(super) fn ends(&mut self, fingerprint: u64, labels: &Labels) {
        for (rule, sources) in self.routing.inhibit_rules().iter().zip(&mut self.sources) {
            let equal = labels.only(&rule.equal);
            let Some(same) = sources.get_mut(&equal) else { continue };
            self.version += u64::from(same.remove(&fingerprint).is_some());
            if same.is_empty() {
                sources.remove(&equal);
            }
        }
    }

    /// Whether an alert with these labels may hold others back.
    pub(super) fn is_source(&self, labels: &Labels) -> bool {
        self.routing.inhibit_rules().iter().any(|rule| all_match(&rule.source_matchers, labels))
    }

    /// The first alert that holds back what has these labels.
    pub(super) fn inhibits(&self, labels: &Labels) -> Option<&Arc<Alert>> {
        let mut rules = self.routing.inhibit_rules().iter().zip(&self.sources);
        rules.find_map(|(rule, sources)| {
            if sources.is_empty() || !all_match(&rule.target_matchers, labels) {
                return None;
            }
            let both_sides = all_match(&rule.source_matchers, labels);
            let same = sources.get(&labels.only(&rule.equal))?;
            same.values().find(|source| !(both_sides && source.both_sides)).map(|source| &source.alert)
        })
    }
}

fn all_match(matchers: &[Matcher], labels: &Labels) -> bool {
    matchers.iter().all(|matcher| matcher.matches(labels))
}
