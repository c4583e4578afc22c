//! The decision on a workload, from all that is known of it.

use std::time::Duration;

use super::Known;
use crate::decision::{Calendar, Cap, Decision, Freeze, Inputs, Layer, Manual, Reason, Rollback, State, decide};
use crate::demand::load::utilisation;
use crate::dispatch::Status;
use crate::engine::economy::{self, Member};
use crate::engine::verify::{Trial, Verdict};
use crate::engine::view::Terms;
use crate::schedule::Influence;
use crate::time::Timestamp;
use crate::workload::Replicas;

/// How long an observation may be older than an action that has ended.
const RISING_MAX: Duration = Duration::from_secs(10);

impl Known {
    /// Judges the scaling that is being watched; one that went wrong is taken back.
    fn verify(&mut self, replicas: Replicas, now: Timestamp) {
        // The count may be that of an action whose end is not heard yet.
        let Some(trial) = self.memory.trial.as_ref().filter(|_| !self.in_flight) else { return };
        match trial.judge(replicas, self.objective, now) {
            Verdict::Open => return,
            Verdict::Good | Verdict::Void => {}
            Verdict::Bad { good, why } => {
                let hold = self.rule.objective.as_ref().map_or(Duration::ZERO, |objective| objective.hold);
                let bad = trial.to;
                self.memory.rollback = Some(Rollback { good, bad, until: now + hold, why: why.into() });
            }
        }
        self.memory.trial = None;
        self.unkept = true;
    }

    /// What would be decided now, and the state after it. Without an observation of the cluster there is nothing to
    /// decide from.
    pub(in crate::engine) fn consider(
        &mut self,
        influence: Option<Influence>,
        share: Option<Cap>,
        freeze: Option<Freeze>,
        now: Timestamp,
    ) -> Option<(Decision, State)> {
        let Some(Status::Found { replicas, ready, trouble }) = self.status else { return None };
        if self.orphaned || self.metrics.is_empty() {
            return None;
        }
        self.verify(replicas, now);
        self.class(ready);
        self.memory.manual.take_if(|manual| manual.until <= now);
        self.memory.rollback.take_if(|rollback| rollback.until <= now);
        let calendar = self.calendar(influence);
        self.terms = Terms::of(&self.rule.policy, &calendar);
        let inputs = Inputs {
            // Lent, not copied: a fleet is decided many times a second.
            metrics: std::mem::take(&mut self.metrics),
            evaluated_at: self.evaluated_at,
            replicas,
            ready,
            trouble,
            calendar,
            caps: self.affords(replicas, now).into_iter().chain(share).collect(),
            freeze,
            manual: self.memory.manual.clone(),
            rollback: self.memory.rollback.clone(),
        };
        let considered = decide(&self.rule.policy, &inputs, &self.memory.state, now);
        self.metrics = inputs.metrics;
        Some(considered)
    }

    /// What would be decided now if this were asked for by hand; leaves everything as it is.
    pub(in crate::engine) fn suppose(
        &mut self,
        manual: Option<Manual>,
        influence: Option<Influence>,
        share: Option<Cap>,
        now: Timestamp,
    ) -> Option<Decision> {
        let before = (self.memory.clone(), self.calendar_until, self.unkept);
        self.memory.manual = manual;
        let considered = self.consider(influence, share, None, now);
        (self.memory, self.calendar_until, self.unkept) = before;
        considered.map(|(decision, _)| decision)
    }

    /// What schedules and events say, and when they may say something else.
    fn calendar(&mut self, influence: Option<Influence>) -> Calendar {
        let Influence { floor, ceiling, multiplier, event, until, .. } = influence.unwrap_or_default();
        self.calendar_until = until;
        Calendar { floor, ceiling, multiplier, event }
    }

    /// Counts what it has cost up to now; gives what its budget affords.
    fn affords(&mut self, replicas: Replicas, now: Timestamp) -> Option<Cap> {
        let cost = self.rule.economy.cost.as_ref()?;
        economy::count(&mut self.memory.spend, cost, replicas, now);
        economy::affords(self.memory.spend.as_ref(), cost, self.rule.policy.min, now)
    }

    /// What it asks of its group, by a decision where there is one.
    pub(in crate::engine) fn member(&self, decision: Option<&Decision>, now: Timestamp) -> Member {
        let has = match self.status {
            Some(Status::Found { replicas, .. }) => Some(replicas),
            Some(Status::Unknown(_)) => Some(0),
            None => None,
        };
        let rising = self.rising.filter(|(_, at)| self.in_flight || now.since(*at) < RISING_MAX);
        let wants = decision.and_then(|decision| {
            let [guards, bounds] = [Layer::Guards, Layer::Bounds].map(|layer| {
                decision.steps.iter().find(|step| step.layer == layer).map(|step| (step.wants, &step.reason))
            });
            let (wants, _) = guards?;
            // What nobody would let it have takes nothing from others.
            let Terms { min, max, .. } = self.terms;
            let bounded = bounds.is_none_or(|(_, reason)| !matches!(reason, Reason::Direct));
            Some(if bounded { wants.max(min).min(max) } else { wants })
        });
        Member {
            wants: wants.or(has).unwrap_or_default(),
            min: self.terms.min,
            holds: has.map(|has| rising.map_or(has, |(to, _)| has.max(to))),
            economy: self.rule.economy.clone(),
        }
    }

    /// The class of load of the metric that weighs most.
    fn class(&mut self, ready: Replicas) {
        let read = self.metrics.iter().filter(|metric| !metric.paused && !metric.absolute).filter_map(|metric| {
            let used = utilisation(metric.demand.value(), metric.per_replica.value(), ready)?;
            Some((used, metric.z_score))
        });
        if let Some((used, z_score)) = read.max_by(|one, other| one.0.total_cmp(&other.0)) {
            self.memory.load = self.memory.load.next(Some(used), z_score);
        }
    }

    /// Makes a decision the present one, and tells whether something is to be done now.
    pub(in crate::engine) fn settle(&mut self, decision: Decision, state: State, now: Timestamp) -> bool {
        self.memory.state = state;
        self.unkept = true;
        let change = (decision.from, decision.to);
        if !decision.changes() {
            self.recommended = None;
        }
        let ready_to_act = !self.in_flight && self.wait.is_none_or(|wait| wait.until <= now);
        let acts = decision.changes() && ready_to_act && self.recommended != Some(change);
        self.decision = Some(decision);
        acts
    }

    /// When the decision has to be made again though nothing new is heard. Never at once: it has just been made, and what
    /// else keeps it from being carried out ends by an event.
    pub(in crate::engine) fn revisit_at(&self) -> Option<Timestamp> {
        let decision = self.decision.as_ref()?;
        let judged_at = self.memory.trial.as_ref().map(Trial::deadline);
        let waits = decision.to != decision.from && !self.in_flight;
        let retry_at = self.wait.map(|wait| wait.until).filter(|_| waits);
        let moments = [decision.revisit_at, retry_at, judged_at, self.calendar_until];
        moments.into_iter().flatten().filter(|at| *at > decision.at).min()
    }
}
