//! Decides for the workloads of which something is new.
//!
//! Twice where many want down at once: first to learn who does, then under the breaker's freeze.

use std::cmp::Ordering;
use std::collections::BTreeSet;
use std::sync::Arc;

use super::{Due, Effect, Engine};
use crate::decision::{Decision, Freeze, State};
use crate::dispatch::Action;
use crate::time::Timestamp;
use crate::workload::Workload;

/// A decision that is not settled yet.
type Considered = (Workload, Decision, State);

impl Engine {
    /// Decides for these workloads, and asks for what has to be done.
    pub(super) fn decide(&mut self, changed: BTreeSet<Workload>, now: Timestamp, effects: &mut Vec<Effect>) {
        let mut considered: Vec<Considered> = Vec::with_capacity(changed.len());
        for workload in changed {
            let Some(known) = self.workloads.get_mut(&workload) else { continue };
            let Some((decision, state)) = known.consider(None, now) else {
                // Without an observation there is nothing to decide from; the decision before stays to be seen.
                self.agenda.set(Due::Workload(workload.clone()), None);
                self.views.insert(workload, Arc::new(known.view(now)));
                continue;
            };
            self.breaker.wish(&workload, decision.to < decision.from);
            considered.push((workload, decision, state));
        }
        let freeze = self.freeze(now);
        for (workload, decision, state) in considered {
            let frozen = freeze.filter(|_| decision.to < decision.from);
            let reconsidered = frozen.and_then(|_| self.workloads.get_mut(&workload)?.consider(frozen, now));
            let (decision, state) = reconsidered.unwrap_or((decision, state));
            self.settle(&workload, decision, state, now, effects);
        }
    }

    /// Whether scale-downs are frozen; who wants down is asked again when that changes.
    fn freeze(&mut self, now: Timestamp) -> Option<Freeze> {
        let freeze = self.breaker.freeze(self.workloads.len(), now);
        if freeze.is_some() != self.frozen {
            self.frozen = freeze.is_some();
            for workload in self.breaker.wants_down() {
                self.agenda.set(Due::Workload(workload.clone()), Some(now));
            }
        }
        freeze
    }

    fn settle(
        &mut self,
        workload: &Workload,
        decision: Decision,
        state: State,
        now: Timestamp,
        effects: &mut Vec<Effect>,
    ) {
        let Some(known) = self.workloads.get_mut(workload) else { return };
        match decision.to.cmp(&decision.from) {
            Ordering::Greater => self.counts.up += 1,
            Ordering::Less => self.counts.down += 1,
            Ordering::Equal => self.counts.unchanged += 1,
        }
        let acts = known.settle(decision, state, now);
        if let (true, Some(decision)) = (acts, &known.decision) {
            let (from, to, reason) = (decision.from, decision.to, decision.summary());
            known.in_flight = true;
            let entry = self.history.open(workload, &known.rule.name, decision.clone());
            let action = Action { entry: entry.id, workload: workload.clone(), from, to, reason };
            effects.extend([Effect::Record(entry), Effect::Act(action)]);
        }
        let freeze_ends_at = if self.frozen { self.breaker.ends_at() } else { None };
        let revisit_at = known.revisit_at().into_iter().chain(freeze_ends_at).filter(|at| *at > now).min();
        self.agenda.set(Due::Workload(workload.clone()), revisit_at);
        self.views.insert(workload.clone(), Arc::new(known.view(now)));
    }
}
