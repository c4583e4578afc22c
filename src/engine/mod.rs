//! The loop: events → effects. All state of the loop lives here.
//!
//! In: the time, the windows, what was observed and what became of actions. Out: [`Effect`]s, which the caller
//! performs in order. Never here: a clock, a task, a door to the outside. The live service, the simulator and the
//! tests call the same [`Engine::step`].

mod agenda;
mod command;
mod explain;
mod history;
#[cfg(test)]
mod tests;
mod view;
mod workloads;

use std::cmp::Ordering;
use std::collections::btree_map::Entry as Slot;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;
use std::time::Duration;

pub use command::{Answer, Command, ManualScale};
pub use explain::{Background, LINES_MAX, explain, explain_with};
pub use view::{AlertView, Entry, MetricView, RuleHealth, View, WorkloadView};

use agenda::Agenda;
use history::History;
use workloads::Known;

use crate::dispatch::{Action, Observation, Outcome};
use crate::rule::{Answers, BoundRule, BoundRules, BoundScale, ScaleRule};
use crate::sample::Sample;
use crate::series::{Store, Subscription, Touched};
use crate::time::Timestamp;
use crate::workload::Workload;

/// How often windows that fell silent are looked for.
const EVICT_EVERY: Duration = Duration::from_secs(30);

/// What the loop hears.
#[derive(Debug)]
pub enum Event {
    /// New rules, bound to their subscriptions. State of what stays is kept.
    Rules(BoundRules),
    Observed(Observation),
    Acted(Action, Outcome),
    /// Somebody asks; [`Effect::Answer`] of the same number answers.
    Asked(u64, Command),
}

/// What the caller is to do, in order.
#[derive(Debug, PartialEq)]
pub enum Effect {
    /// Begin to observe a workload.
    Watch(Workload),
    /// It is of no interest any more.
    Forget(Workload),
    /// Write a decision down, before the action that it covers.
    Record(Arc<Entry>),
    Act(Action),
    /// Answers [`Event::Asked`].
    Answer(u64, Answer),
}

/// A rule by its place: group, then rule within it. Rules are evaluated in this order.
type RuleId = (usize, usize);

/// A subscription by its address, which is its own as long as the rules hold it.
type SubscriptionId = usize;

fn id(subscription: &Arc<Subscription>) -> SubscriptionId {
    Arc::as_ptr(subscription).addr()
}

/// What comes due by time alone.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
enum Due {
    Group(usize),
    Workload(Workload),
    Eviction,
}

/// The state of the loop.
#[derive(Debug)]
pub struct Engine {
    rules: BoundRules,
    /// Which rules read a subscription.
    readers: HashMap<SubscriptionId, Vec<RuleId>>,
    health: BTreeMap<RuleId, Arc<RuleHealth>>,
    workloads: BTreeMap<Workload, Known>,
    /// The workloads that each scale rule answered for.
    owned: BTreeMap<RuleId, BTreeSet<Workload>>,
    views: BTreeMap<Workload, Arc<WorkloadView>>,
    /// Rules that read new samples.
    due_rules: BTreeSet<RuleId>,
    agenda: Agenda<Due>,
    group_evaluated_at: HashMap<usize, Timestamp>,
    history: History,
    counts: Counts,
    last_step_at: Timestamp,
}

/// What the loop has done since the start.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    pub rule_evaluations: u64,
    pub rule_failures: u64,
    /// Intervals of groups that passed without an evaluation.
    pub missed: u64,
    /// Decisions, by the direction in which they move the workload.
    pub up: u64,
    pub down: u64,
    pub unchanged: u64,
}

impl Engine {
    /// A loop without rules; [`Event::Rules`] brings them.
    #[must_use]
    pub fn new() -> Self {
        let mut agenda = Agenda::new();
        agenda.set(Due::Eviction, Some(Timestamp::MIN));
        Self {
            rules: BoundRules::default(),
            readers: HashMap::new(),
            health: BTreeMap::new(),
            workloads: BTreeMap::new(),
            owned: BTreeMap::new(),
            views: BTreeMap::new(),
            due_rules: BTreeSet::new(),
            agenda,
            group_evaluated_at: HashMap::new(),
            history: History::default(),
            counts: Counts::default(),
            last_step_at: Timestamp::MIN,
        }
    }

    /// Advances the loop to `now`, having seen `events`; the caller performs the effects, in order.
    pub fn step(&mut self, now: Timestamp, store: &Store, events: Vec<Event>) -> Vec<Effect> {
        assert!(now > self.last_step_at, "time runs forwards from step to step");
        self.last_step_at = now;
        let mut effects = Vec::new();
        let mut changed = BTreeSet::new();
        for event in events {
            self.hear(event, now, &mut changed, &mut effects);
        }
        while let Some(due) = self.agenda.take(now) {
            match due {
                Due::Group(group) => self.group_is_due(group, now),
                Due::Workload(workload) => {
                    changed.insert(workload);
                }
                Due::Eviction => {
                    store.evict(now);
                    self.agenda.set(Due::Eviction, Some(now + EVICT_EVERY));
                }
            }
        }
        self.evaluate(now, store, &mut changed, &mut effects);
        for workload in changed {
            self.decide(&workload, now, &mut effects);
        }
        effects
    }

    /// When the next step is due though nothing happens before.
    #[must_use]
    pub fn next_due(&self) -> Timestamp {
        self.agenda.next().unwrap_or(Timestamp::MAX)
    }

    /// What the loop has done since the start.
    #[must_use]
    pub fn counts(&self) -> Counts {
        self.counts
    }

    /// What the outside may see. Costs a reference count for each workload.
    #[must_use]
    pub fn view(&self) -> View {
        View {
            at: self.last_step_at,
            workloads: self.views.values().cloned().collect(),
            decisions: self.history.entries().clone(),
            rules: self.health.values().cloned().collect(),
            counts: self.counts,
            silences: Vec::new(),
            alerts: Vec::new(),
        }
    }

    fn hear(&mut self, event: Event, now: Timestamp, changed: &mut BTreeSet<Workload>, effects: &mut Vec<Effect>) {
        match event {
            Event::Rules(rules) => self.adopt(rules, effects),
            Event::Observed(Observation { workload, status }) => {
                if let Some(known) = self.workloads.get_mut(&workload) {
                    known.observe(status, now);
                    changed.insert(workload);
                }
            }
            Event::Asked(number, _) => {
                let answer = Answer::Refused("not supported yet".to_owned());
                effects.push(Effect::Answer(number, answer));
            }
            Event::Acted(action, outcome) => {
                self.history.close(&action.workload, &outcome);
                let Some(known) = self.workloads.get_mut(&action.workload) else { return };
                known.acted(action.from, action.to, &outcome, now);
                if known.orphaned {
                    self.forget(action.workload, effects);
                } else {
                    changed.insert(action.workload);
                }
            }
        }
    }

    /// Puts new rules in place of the present ones. A workload goes on with its state where a rule of the same
    /// name still scales it; it is watched already. One whose action is on its way stays until that has ended.
    fn adopt(&mut self, rules: BoundRules, effects: &mut Vec<Effect>) {
        for group in 0..self.rules.groups.len() {
            self.agenda.set(Due::Group(group), None);
        }
        self.rules = rules;
        self.readers.clear();
        self.owned.clear();
        self.group_evaluated_at.clear();
        self.health.clear();
        self.due_rules.clear();
        let mut scales = HashMap::new();
        for (at, group) in self.rules.groups.iter().enumerate() {
            self.agenda.set(Due::Group(at), Some(Timestamp::MIN));
            for (place, rule) in group.rules.iter().enumerate() {
                for subscription in rule.subscriptions() {
                    self.readers.entry(id(subscription)).or_default().push((at, place));
                }
                self.health.insert((at, place), Arc::new(RuleHealth::new(&group.name, rule.name())));
                if let BoundRule::Scale(bound) = rule {
                    scales.insert(Arc::clone(&bound.rule.name), ((at, place), Arc::clone(&bound.rule)));
                }
            }
        }
        let mut gone = Vec::new();
        for (workload, known) in &mut self.workloads {
            if let Some((id, rule)) = scales.get(&known.rule.name) {
                known.adopt(rule);
                self.owned.entry(*id).or_default().insert(workload.clone());
            } else if known.in_flight {
                known.orphaned = true;
            } else {
                gone.push(workload.clone());
            }
        }
        for workload in gone {
            self.forget(workload, effects);
        }
    }

    fn group_is_due(&mut self, group: usize, now: Timestamp) {
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
    fn evaluate(&mut self, now: Timestamp, store: &Store, changed: &mut BTreeSet<Workload>, effects: &mut Vec<Effect>) {
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
                let mut touched = Touched::default();
                let batch = store.batch(&mut touched);
                for (labels, value) in record.eval(now).map_err(|error| error.to_string())? {
                    batch.record(&labels, Sample::new(now, value)).map_err(|refused| refused.to_string())?;
                }
                batch.finish();
                Ok(())
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
        let mut missed = self.owned.remove(&id).unwrap_or_default();
        let owned = self.owned.entry(id).or_default();
        for (workload, metrics) in answers {
            let known = meet(&mut self.workloads, &workload, &bound.rule, effects);
            if known.orphaned {
                known.adopt(&bound.rule);
            }
            if Arc::ptr_eq(&known.rule, &bound.rule) {
                known.metrics = metrics;
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
                known.miss();
                changed.insert(workload.clone());
                owned.insert(workload);
            }
        }
        for workload in gone {
            self.forget(workload, effects);
        }
        failed.map_or(Ok(()), Err)
    }

    fn forget(&mut self, workload: Workload, effects: &mut Vec<Effect>) {
        self.workloads.remove(&workload);
        self.views.remove(&workload);
        self.agenda.set(Due::Workload(workload.clone()), None);
        effects.push(Effect::Forget(workload));
    }

    fn decide(&mut self, workload: &Workload, now: Timestamp, effects: &mut Vec<Effect>) {
        let Some(known) = self.workloads.get_mut(workload) else { return };
        let acts = known.decide(now);
        if let (Some(acts), Some(decision)) = (acts, &known.decision) {
            match decision.to.cmp(&decision.from) {
                Ordering::Greater => self.counts.up += 1,
                Ordering::Less => self.counts.down += 1,
                Ordering::Equal => self.counts.unchanged += 1,
            }
            if acts {
                let (from, to, reason) = (decision.from, decision.to, decision.summary());
                known.in_flight = true;
                effects.push(Effect::Record(self.history.open(workload, &known.rule.name, decision.clone())));
                effects.push(Effect::Act(Action { workload: workload.clone(), from, to, reason }));
            }
        }
        // Where there was nothing to decide from, an observation or an answer has to come first.
        self.agenda.set(Due::Workload(workload.clone()), acts.and_then(|_| known.revisit_at()));
        self.views.insert(workload.clone(), Arc::new(known.view()));
    }
}

impl Default for Engine {
    fn default() -> Self {
        Self::new()
    }
}

/// A workload that a rule scales; one that is new is watched from now on. The first rule to name it owns it.
fn meet<'w>(
    workloads: &'w mut BTreeMap<Workload, Known>,
    workload: &Workload,
    rule: &Arc<ScaleRule>,
    effects: &mut Vec<Effect>,
) -> &'w mut Known {
    match workloads.entry(workload.clone()) {
        Slot::Occupied(slot) => slot.into_mut(),
        Slot::Vacant(slot) => {
            effects.push(Effect::Watch(workload.clone()));
            slot.insert(Known::new(workload.clone(), Arc::clone(rule)))
        }
    }
}
