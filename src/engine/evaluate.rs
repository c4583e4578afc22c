//! Evaluates the rules that are due, and brings what they say to their workloads.

use std::collections::BTreeSet;
use std::collections::btree_map::Entry as Slot;
use std::sync::Arc;
use std::time::Duration;

use super::desk::context;
use super::keep::Remembered;
use super::patterns::Lore;
use super::workloads::Known;
use super::{Due, Effect, Engine, RuleId, id};
use crate::demand::patterns;
use crate::rule::{Answers, BoundRule, BoundScale, WorkloadAnswer};
use crate::series::Store;
use crate::time::Timestamp;
use crate::workload::Workload;

/// When a newcomer's demand is looked at first: some steps of it are known by then.
const FIRST_STUDY: Duration = Duration::from_mins(5);

impl Engine {
    pub(super) fn group_is_due(&mut self, group: usize, now: Timestamp) {
        if let Some(present) = self.rules.groups.get(group) {
            self.due_rules.extend((0..present.rules.len()).map(|place| (group, place)));
            let (interval, last) = (present.interval, self.group_evaluated_at.insert(group, now));
            let late = last.map_or(Duration::ZERO, |last| now.since(last));
            // The interval that just ended is the one that is evaluated now.
            let missed = late.as_millis().checked_div(interval.as_millis()).unwrap_or(0).saturating_sub(1);
            self.counts.missed += u64::try_from(missed).unwrap_or(u64::MAX);
            self.agenda.set(Due::Group(group), Some(now + interval));
        }
    }

    /// Evaluates the rules that are due, in their order. What a record rule writes makes its readers due: later
    /// ones in this step, earlier ones in the next.
    pub(super) fn evaluate(
        &mut self,
        now: Timestamp,
        store: &Store,
        changed: &mut BTreeSet<Workload>,
        effects: &mut Vec<Effect>,
    ) {
        self.alerts.say_farewell(store, now);
        let mut done = BTreeSet::new();
        let mut next_step = BTreeSet::new();
        loop {
            while let Some(subscription) = store.take_due() {
                for id in self.readers.get(&id(&subscription)).into_iter().flatten() {
                    if done.contains(id) {
                        next_step.insert(*id)
                    } else {
                        self.due_rules.insert(*id)
                    };
                }
            }
            let Some(id) = self.due_rules.pop_first() else { break };
            done.insert(id);
            let failed = self.evaluate_rule(id, now, store, changed, effects).err();
            self.counts.rule_evaluations += 1;
            self.counts.rule_failures += u64::from(failed.is_some());
            if let Some(health) = self.health.get_mut(&id) {
                let health = Arc::make_mut(health);
                (health.last_error, health.evaluated_at) = (failed, Some(now));
            }
        }
        self.due_rules = next_step;
    }

    fn evaluate_rule(
        &mut self,
        (group, place): RuleId,
        now: Timestamp,
        store: &Store,
        changed: &mut BTreeSet<Workload>,
        effects: &mut Vec<Effect>,
    ) -> Result<(), String> {
        let rule = self.rules.groups.get(group).and_then(|group| group.rules.get(place));
        match rule {
            Some(BoundRule::Record(record)) => {
                let (vector, coverage) = record.eval(now).map_err(|error| error.to_string())?;
                let written = self.recorded.entry((group, place)).or_default();
                written.write(vector, coverage, now, store)
            }
            Some(BoundRule::Alert(bound)) => {
                self.desk.stale = true;
                self.alerts.evaluate((group, place), bound, now, store)
            }
            Some(BoundRule::Scale(bound)) => {
                let bound = Arc::clone(bound);
                self.evaluate_scale((group, place), &bound, now, changed, effects)
            }
            None => Ok(()),
        }
    }

    /// Brings a scale rule's inputs to its workloads. One that the rule no longer answers for has no demand, which
    /// is not a demand of zero; it is forgotten once the cluster does not know it either.
    fn evaluate_scale(
        &mut self,
        id: RuleId,
        bound: &BoundScale,
        now: Timestamp,
        changed: &mut BTreeSet<Workload>,
        effects: &mut Vec<Effect>,
    ) -> Result<(), String> {
        let Answers { workloads: answers, mut failed } = bound.eval(now);
        let interval = self.rules.groups.get(id.0).map_or(Duration::ZERO, |group| group.interval);
        let mut missed = self.owned.remove(&id).unwrap_or_default();
        let owned = self.owned.entry(id).or_default();
        for WorkloadAnswer { workload, metrics, objective } in answers {
            let known = match self.workloads.entry(workload.clone()) {
                Slot::Occupied(slot) => slot.into_mut(),
                Slot::Vacant(slot) => {
                    // One that is new is watched from now on. The first rule to name it owns it.
                    let Remembered { memory, set, .. } = Self::remember(&mut self.remembered, &workload);
                    if let Some(set) = set {
                        self.desk.dispatcher.was_set(set);
                    }
                    let mut known = Known::new(workload.clone(), Arc::clone(&bound.rule), memory);
                    known.context = context(&known, &self.desk.routing);
                    effects.push(Effect::Watch(workload.clone(), known.context.clone()));
                    slot.insert(known)
                }
            };
            if known.orphaned {
                known.adopt(&bound.rule);
            }
            if Arc::ptr_eq(&known.rule, &bound.rule) {
                let mut lore = Lore { foreseen: &mut self.foreseen, patterns: &self.patterns };
                for (metric, judged) in known.hear(metrics, objective, interval, &mut lore, now) {
                    self.episodes.note(&workload, &metric, &judged, now);
                }
                if known.studied.is_none() && !known.foresights.is_empty() {
                    known.studied = Some(0);
                    // One that is new does not wait for its turn: somebody may lend it a day.
                    let first = if known.is_new() { now + FIRST_STUDY } else { patterns::due_at(&workload, now) };
                    self.agenda.set(Due::Study(workload.clone()), Some(first));
                }
                missed.remove(&workload);
                changed.insert(workload.clone());
                owned.insert(workload);
            } else {
                failed = Some(format!("{workload} is scaled by rule \"{}\" already", known.rule.name));
            }
        }
        let mut gone = Vec::new();
        for workload in missed {
            let Some(known) = self.workloads.get_mut(&workload) else { continue };
            // A constant target is always answered for: what is missed was the target before a reload.
            let abandoned = known.is_unknown() || bound.rule.target.constant().is_some();
            if abandoned && known.in_flight {
                known.orphaned = true;
            } else if abandoned {
                gone.push(workload);
            } else {
                known.miss(now);
                changed.insert(workload.clone());
                owned.insert(workload);
            }
        }
        for workload in gone {
            self.forget(workload, effects);
        }
        failed.map_or(Ok(()), Err)
    }
}
