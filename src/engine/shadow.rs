//! Shadow rules: they decide over pods that are only counted, are written down and scored, and never act.
//!
//! A shadow is a workload as the loop knows any other ([`Known`]); what it decides is done at once to [`Pods`] that take
//! as long to start as the real ones, and told to it as the cluster's word. It knows nothing of what others do with the
//! workload: counts asked for by hand, silences, routes, groups that share limits and the breaker are no matter of it.
//! Never here: an action.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use super::desk::context;
use super::keep::Remembered;
use super::patterns::Lore;
use super::twin::{self, Reality};
use super::view::{ShadowView, WorkloadView};
use super::workloads::Known;
use super::{Due, Effect, Engine, RuleId};
use crate::dispatch::{Outcome, Status};
use crate::rivals::{Pods, Track};
use crate::rule::{Answers, BoundScale, ScaleRule, WorkloadAnswer};
use crate::time::Timestamp;
use crate::workload::Workload;

/// A workload and the shadow rule's name.
pub(super) type ShadowId = (Workload, Arc<str>);

pub(super) type Shadows = BTreeMap<ShadowId, Shadow>;

/// One shadow rule of one workload.
#[derive(Debug)]
pub(super) struct Shadow {
    /// Decides; its status is what is counted.
    pub(super) known: Known,
    /// What the cluster says.
    status: Option<Status>,
    world: Option<World>,
}

/// What it lives in, from the first word of the cluster on.
#[derive(Debug)]
struct World {
    pods: Pods,
    track: Track,
    reality: Reality,
}

impl Shadow {
    fn new(workload: Workload, rule: Arc<ScaleRule>, named: String, kept: Remembered) -> Self {
        let mut known = Known::new(workload, rule, kept.memory);
        known.named = named;
        Self { known, status: None, world: None }
    }

    /// Takes note of what the cluster says.
    fn observe(&mut self, status: Status, now: Timestamp) {
        if let Some(world) = &mut self.world {
            world.reality.observe(&status, now);
        }
        self.status = Some(status);
    }

    /// Its pods live on; it begins with those that there are. `load` is the demand by the rule that acts, in replicas:
    /// what a replica takes is no matter of a shadow's plans.
    fn live(&mut self, startup: Duration, load: Option<f64>, now: Timestamp) {
        if self.world.as_ref().is_none_or(|world| world.reality.is_lost(now)) {
            let Some(reality) = Reality::new(self.status.as_ref(), now) else { return };
            let pods = Pods::new(reality.replicas(), startup);
            let track = Track::new(pods.since(now));
            self.world = Some(World { pods, track, reality });
            self.known.memory.state.resume();
        }
        let Some(World { pods, track, reality }) = &mut self.world else { return };
        pods.set_startup(startup);
        while let Some(change) = pods.advance(now) {
            track.note(change);
        }
        if reality.is_due(now) {
            let (span, live) = reality.close(load, now);
            let name = Arc::clone(&self.known.rule.name);
            twin::charge(&mut self.known.memory.ledgers, &name, span, track.close(span), live);
        }
        self.known.observe(Status::found(pods.requested(), pods.ready()), now);
    }

    /// Does to its pods what was decided.
    fn scale(&mut self, now: Timestamp) {
        let (Some(World { pods, track, .. }), Some(decision)) = (&mut self.world, &self.known.decision) else { return };
        let (from, to) = (decision.from, decision.to);
        pods.scale(now, to);
        track.note(pods.since(now));
        self.known.acted(from, to, &Outcome::Done, now);
    }

    /// When it has something to do though nothing new is heard.
    fn due(&self, now: Timestamp) -> Option<Timestamp> {
        let ready_at = self.world.as_ref().map(|world| world.pods.next_change());
        let due = self.known.revisit_at().into_iter().chain(ready_at).filter(|at| *at < Timestamp::MAX).min();
        due.map(|at| at.max(now + Duration::from_millis(1)))
    }

    fn view(&self) -> Option<ShadowView> {
        let pods = &self.world.as_ref()?.pods;
        let rule = &self.known.rule;
        Some(ShadowView {
            name: Arc::clone(&rule.name),
            rule: true,
            replicas: pods.requested(),
            ready: pods.ready(),
            ledger: self.known.memory.ledgers.get(&rule.name).copied().unwrap_or_default(),
            decision: self.known.decision.clone(),
        })
    }

    /// The workload as people see it where no rule acts on it.
    fn alone(&self, shadows: Vec<ShadowView>, now: Timestamp) -> WorkloadView {
        let (replicas, ready, problem) = match &self.status {
            Some(Status::Found { replicas, ready, .. }) => (Some(*replicas), Some(*ready), None),
            Some(Status::Unknown(reason)) => (None, None, Some(reason.clone())),
            None => (None, None, None),
        };
        // What it decides is about its own pods; nobody decides on the real ones.
        WorkloadView { replicas, ready, problem, decision: None, shadows, ..self.known.view(now) }
    }
}

/// How a shadow is named where workloads are told apart by text.
pub(super) fn named(workload: &Workload, rule: &str) -> String {
    format!("{workload} ({rule})")
}

/// The shadows of a workload.
fn of<'s>(shadows: &'s Shadows, workload: &Workload) -> impl Iterator<Item = (&'s ShadowId, &'s Shadow)> {
    let own = workload.clone();
    // Most rules have none: nothing is paid for them.
    let first = (!shadows.is_empty()).then(|| (workload.clone(), Arc::from("")));
    let from = first.into_iter().flat_map(|first| shadows.range(first..));
    from.take_while(move |((workload, _), _)| *workload == own)
}

/// What the cluster has said of a workload that shadows have had observed, in that context.
pub(super) fn watched(shadows: &Shadows, workload: &Workload) -> Option<(Option<Arc<str>>, Option<Status>)> {
    let (_, shadow) = of(shadows, workload).next()?;
    Some((shadow.known.context.clone(), shadow.status.clone()))
}

impl Engine {
    /// The shadows of a workload.
    fn shadows_of(&self, workload: &Workload) -> impl Iterator<Item = (&ShadowId, &Shadow)> {
        of(&self.shadows, workload)
    }

    /// Brings a shadow rule's inputs to its shadows.
    pub(super) fn evaluate_shadow(
        &mut self,
        id: RuleId,
        bound: &BoundScale,
        now: Timestamp,
        effects: &mut Vec<Effect>,
    ) -> Result<(), String> {
        let Answers { workloads: answers, failed } = bound.eval(now);
        let interval = self.rules.groups.get(id.0).map_or(Duration::ZERO, |group| group.interval);
        let mut missed = self.owned.remove(&id).unwrap_or_default();
        let mut owned = BTreeSet::new();
        for WorkloadAnswer { workload, metrics, objective } in answers {
            missed.remove(&workload);
            owned.insert(workload.clone());
            let key = (workload.clone(), Arc::clone(&bound.rule.name));
            if !self.shadows.contains_key(&key) {
                self.begin_shadow(&key, &bound.rule, effects);
            }
            let Some(shadow) = self.shadows.get_mut(&key) else { continue };
            let mut lore = Lore { foreseen: &mut self.foreseen, patterns: &self.patterns };
            shadow.known.hear(metrics, objective, interval, &mut lore, now);
            self.due_shadows.insert(key);
        }
        for workload in missed {
            let key = (workload, Arc::clone(&bound.rule.name));
            let Some(shadow) = self.shadows.get_mut(&key) else { continue };
            if matches!(shadow.status, Some(Status::Unknown(_))) || bound.rule.target.constant().is_some() {
                self.forget_shadow(&key, now, effects);
            } else {
                shadow.known.miss(now);
                owned.insert(key.0.clone());
                self.due_shadows.insert(key);
            }
        }
        self.owned.insert(id, owned);
        failed.map_or(Ok(()), Err)
    }

    fn begin_shadow(&mut self, key: &ShadowId, rule: &Arc<ScaleRule>, effects: &mut Vec<Effect>) {
        let (workload, name) = key;
        let named = named(workload, name);
        let kept = Self::remember(&mut self.remembered, &named);
        let mut shadow = Shadow::new(workload.clone(), Arc::clone(rule), named, kept);
        // It is watched already where another rule is about it: the one that acts says in which context.
        let acts = self.workloads.get(workload).map(|known| (known.context.clone(), known.status.clone()));
        if let Some((context, status)) = acts.or_else(|| watched(&self.shadows, workload)) {
            (shadow.known.context, shadow.status) = (context, status);
        } else {
            shadow.known.context = context(&shadow.known, &self.desk.routing);
            effects.push(Effect::Watch(workload.clone(), shadow.known.context.clone()));
        }
        self.shadows.insert(key.clone(), shadow);
    }

    /// The shadows of a workload hear what the cluster says of it.
    pub(super) fn observe_shadows(&mut self, workload: &Workload, status: &Status, now: Timestamp) {
        let keys: Vec<ShadowId> = self.shadows_of(workload).map(|(key, _)| key.clone()).collect();
        for key in keys {
            if let Some(shadow) = self.shadows.get_mut(&key) {
                shadow.observe(status.clone(), now);
                // Else it waits for its evaluation: what the cluster does is no reason for it.
                if shadow.world.is_none() {
                    self.due_shadows.insert(key);
                }
            }
        }
    }

    /// Lets the shadows decide of which something is new, and writes down what they would have done.
    pub(super) fn decide_shadows(&mut self, now: Timestamp, effects: &mut Vec<Effect>) {
        let mut shown = BTreeSet::new();
        for key in std::mem::take(&mut self.due_shadows) {
            let Some(shadow) = self.shadows.get_mut(&key) else { continue };
            let judge = self.workloads.get(&key.0).unwrap_or(&shadow.known);
            let (startup, load) = (judge.startup(), twin::load(&judge.metrics).0);
            shadow.live(startup, load, now);
            let calendar = self.calendars.get_mut(&shadow.known.rule.name);
            let influence = calendar.map(|calendar| calendar.at(now, shadow.known.startup()).clone());
            let mut due = shadow.due(now);
            if let Some((decision, state)) = shadow.known.consider(influence, None, None, now) {
                let moves = shadow.known.settle(decision.clone(), state, now);
                due = shadow.due(now);
                if moves {
                    let entry = self.history.open(&key.0, &key.1, decision);
                    effects.extend(self.history.close(entry.id, Outcome::Simulated, now).map(Effect::Record));
                    shadow.scale(now);
                    // It decides anew once it has scaled, as any workload does.
                    due = Some(now + Duration::from_millis(1));
                }
            }
            self.agenda.set(Due::Shadow(key.clone()), due);
            shown.insert(key.0);
        }
        for workload in shown {
            self.show_shadows(&workload, now);
        }
    }

    /// Shows a workload with its shadows.
    fn show_shadows(&mut self, workload: &Workload, now: Timestamp) {
        let shadows: Vec<ShadowView> = self.shadows_of(workload).filter_map(|(_, shadow)| shadow.view()).collect();
        let view = match self.workloads.get_mut(workload) {
            Some(known) => {
                known.shadows = shadows;
                Some(known.view(now))
            }
            None => self.shadows_of(workload).next().map(|(_, shadow)| shadow.alone(shadows, now)),
        };
        match view {
            Some(view) => _ = self.views.insert(workload.clone(), Arc::new(view)),
            None => _ = self.views.remove(workload),
        }
    }

    /// Goes on with the shadows whose rules are there still.
    pub(super) fn adopt_shadows(&mut self, now: Timestamp, effects: &mut Vec<Effect>) {
        let mut rules = Vec::new();
        for (at, group) in self.rules.groups.iter().enumerate() {
            for (place, rule) in group.rules.iter().enumerate() {
                if let crate::rule::BoundRule::Scale(bound) = rule
                    && bound.rule.shadow
                {
                    rules.push(((at, place), Arc::clone(&bound.rule)));
                }
            }
        }
        let mut gone = Vec::new();
        for (key, shadow) in &mut self.shadows {
            if let Some((id, rule)) = rules.iter().find(|(_, rule)| rule.name == key.1) {
                shadow.known.adopt(rule);
                self.owned.entry(*id).or_default().insert(key.0.clone());
            } else {
                gone.push(key.clone());
            }
        }
        for key in gone {
            self.forget_shadow(&key, now, effects);
        }
    }

    fn forget_shadow(&mut self, key: &ShadowId, now: Timestamp, effects: &mut Vec<Effect>) {
        let Some(shadow) = self.shadows.remove(key) else { return };
        self.lay_aside(shadow.known, effects);
        self.agenda.set(Due::Shadow(key.clone()), None);
        self.due_shadows.remove(key);
        if !self.workloads.contains_key(&key.0) && self.shadows_of(&key.0).next().is_none() {
            effects.push(Effect::Forget(key.0.clone()));
        }
        self.show_shadows(&key.0, now);
    }

    /// Shows what is left of a workload on which no rule acts any more; tells whether it is to be observed still.
    pub(super) fn left_to_shadows(&mut self, workload: &Workload, now: Timestamp) -> bool {
        self.show_shadows(workload, now);
        self.shadows_of(workload).next().is_some()
    }
}
