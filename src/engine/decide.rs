//! Decides for the workloads of which something is new.
//!
//! Twice where many want down at once: first to learn who does, then under the breaker's freeze.

use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::{Due, Engine};
use crate::decision::{Decision, Freeze, Manual, State};
use crate::time::Timestamp;
use crate::workload::Workload;

impl Engine {
    /// Decides for these workloads, and wishes what has to be done.
    pub(super) fn decide(&mut self, changed: BTreeSet<Workload>, now: Timestamp) {
        let mut considered: BTreeMap<Workload, (Decision, State)> = BTreeMap::new();
        for workload in changed {
            let one = self.consider(&workload, None, now);
            self.claim(&workload, one.as_ref().map(|(decision, _)| decision), now);
            if let Some(one) = one {
                considered.insert(workload, one);
            } else if let Some(known) = self.workloads.get(&workload) {
                // Without an observation there is nothing to decide from; the decision before stays to be seen, but what
                // it wished may be wrong by now.
                self.desk.dispatcher.withdraw(&workload);
                self.breaker.wish(&workload, false);
                self.agenda.set(Due::Workload(workload.clone()), None);
                self.views.insert(workload, Arc::new(known.view(now)));
            }
        }
        // What one member of a group wants may change what another gets.
        for workload in self.groups.divide(now) {
            if let Some(one) = self.consider(&workload, None, now) {
                considered.insert(workload, one);
            }
        }
        for (workload, (decision, _)) in &considered {
            self.breaker.wish(workload, decision.to < decision.from);
        }
        let freeze = self.freeze(now);
        for (workload, (decision, state)) in considered {
            let frozen = freeze.filter(|_| decision.to < decision.from);
            let reconsidered = frozen.and_then(|freeze| self.consider(&workload, Some(freeze), now));
            let (decision, state) = reconsidered.unwrap_or((decision, state));
            self.settle(&workload, decision, state, now);
        }
    }

    /// What would be decided now; `None` without an observation of the cluster.
    pub(super) fn consider(
        &mut self,
        workload: &Workload,
        freeze: Option<Freeze>,
        now: Timestamp,
    ) -> Option<(Decision, State)> {
        let known = self.workloads.get_mut(workload)?;
        let calendar = self.calendars.get_mut(&known.rule.name);
        let influence = calendar.map(|calendar| calendar.at(now, known.startup()).clone());
        known.consider(influence, self.groups.share(workload).cloned(), freeze, now)
    }

    /// Says what a workload asks of its group, by a decision where there is one.
    fn claim(&mut self, workload: &Workload, decision: Option<&Decision>, now: Timestamp) {
        let Some(known) = self.workloads.get(workload) else { return };
        // Out of sight it still holds what it had.
        let lost = known.is_unknown() && self.groups.holds(workload).is_some();
        if known.rule.economy.group.is_none() {
            self.groups.forget(workload);
        } else if !lost {
            self.groups.claim(workload, known.member(decision, now));
        }
    }

    /// What would be decided if this were asked for by hand. Nothing changes: neither what is remembered of the workload
    /// nor what it claims of its group.
    pub(super) fn suppose(&mut self, workload: &Workload, manual: Option<Manual>, now: Timestamp) -> Option<Decision> {
        let known = self.workloads.get_mut(workload)?;
        let calendar = self.calendars.get_mut(&known.rule.name);
        let influence = calendar.map(|calendar| calendar.at(now, known.startup()).clone());
        let share = self.groups.share(workload).cloned();
        let decision = known.suppose(manual.clone(), influence.clone(), share, now)?;
        if known.rule.economy.group.is_none() {
            return Some(decision);
        }
        // What it would claim may be granted in part only.
        let share = self.groups.suppose(workload, known.member(Some(&decision), now), now);
        known.suppose(manual, influence, share, now)
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

    fn settle(&mut self, workload: &Workload, decision: Decision, state: State, now: Timestamp) {
        let Some(known) = self.workloads.get_mut(workload) else { return };
        match decision.to.cmp(&decision.from) {
            Ordering::Greater => self.counts.up += 1,
            Ordering::Less => self.counts.down += 1,
            Ordering::Equal => self.counts.unchanged += 1,
        }
        let acts = known.settle(decision, state, now);
        let freeze_ends_at = if self.frozen { self.breaker.ends_at() } else { None };
        let revisit_at = known.revisit_at().into_iter().chain(freeze_ends_at).filter(|at| *at > now).min();
        self.agenda.set(Due::Workload(workload.clone()), revisit_at);
        self.views.insert(workload.clone(), Arc::new(known.view(now)));
        self.note(workload, now);
        self.wish(workload, acts, now);
    }
}
