//! What the loop knows of each workload, and its decision.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::economy::{self, Member};
use super::foresight::Foresight;
use super::learned::{Carried, Startup};
use super::lending::is_young;
use super::notable::Notable;
use super::outlying::Replicated;
use super::patterns::{Lore, Under};
use super::verify::{Trial, Verdict, holds};
use super::view::{CostView, MetricView, Terms, WorkloadView};
use crate::decision::economy::Spend;
use crate::decision::{
    Calendar, Cap, Decision, Freeze, Inputs, Layer, Manual, MetricInput, Reason, Rollback, State, decide,
};
use crate::demand::Presence;
use crate::demand::anomaly::episode::{Judged, judge};
use crate::demand::anomaly::robust::Robust;
use crate::demand::anomaly::{self, Detector};
use crate::demand::load::{Load, utilisation};
use crate::dispatch::{Drift, Muted, Outcome, Status};
use crate::rule::ScaleRule;
use crate::schedule::Influence;
use crate::time::Timestamp;
use crate::workload::{Replicas, Workload};

/// The wait after the first failure; it doubles with each further one.
const RETRY_FIRST: Duration = Duration::from_secs(1);
const RETRY_MAX: Duration = Duration::from_mins(1);

/// How long an observation may be older than an action that has ended.
const RISING_MAX: Duration = Duration::from_secs(10);

/// Which start-up counts when something has to be ready in time.
const STARTUP_QUANTILE: f64 = 0.9;
/// Before the first scale-up was seen: pull an image, start a process, pass a probe.
const STARTUP_UNKNOWN: Duration = Duration::from_mins(1);

/// The wait before the next action.
#[derive(Debug, Clone, Copy)]
struct Wait {
    until: Timestamp,
    /// What is waited for is to be seen: an observation ends the wait.
    ends_when_observed: bool,
}

/// A count that an action has set.
#[derive(Debug, Clone, Copy)]
pub(super) struct Set {
    pub(super) from: Replicas,
    pub(super) to: Replicas,
    pub(super) at: Timestamp,
}

/// What of a workload outlives a restart, in the journal.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct Memory {
    pub(super) state: State,
    pub(super) manual: Option<Manual>,
    pub(super) rollback: Option<Rollback>,
    /// The scaling that is being watched.
    pub(super) trial: Option<Trial>,
    pub(super) startup: Startup,
    /// What one replica has carried while the objective held, by the metric's name.
    pub(super) carried: BTreeMap<Arc<str>, Carried>,
    /// The class of its load.
    pub(super) load: Load,
    /// What it has cost.
    pub(super) spend: Option<Spend>,
    /// How unusual each metric's demand is, by the metric's name.
    pub(super) detectors: BTreeMap<Arc<str>, Detector>,
    /// Whose day stands for its own, by the metric's name.
    pub(super) lent: BTreeMap<Arc<str>, Arc<str>>,
}

/// One workload.
#[derive(Debug)]
pub(super) struct Known {
    pub(super) workload: Workload,
    pub(super) rule: Arc<ScaleRule>,
    /// No rule scales it any more; it is forgotten when its action has ended.
    pub(super) orphaned: bool,
    /// The context of the kubeconfig that its receiver names.
    pub(super) context: Option<Arc<str>>,
    pub(super) metrics: Vec<MetricInput>,
    /// Of the metrics whose demand is foreseen.
    pub(super) foresights: BTreeMap<Arc<str>, Foresight>,
    /// Which of these is looked through for patterns next; `None` where none is to be.
    pub(super) studied: Option<usize>,
    /// The event that each metric's demand looks like now.
    under: BTreeMap<Arc<str>, Under>,
    /// The values of single pods, of the metrics that have such.
    replicated: BTreeMap<Arc<str>, Replicated>,
    /// The newest values of each metric, and what they say of the last one.
    robust: BTreeMap<Arc<str>, (Robust, Option<f64>)>,
    /// The value of the objective's condition.
    objective: Presence,
    evaluated_at: Timestamp,
    status: Option<Status>,
    pub(super) memory: Memory,
    /// The memory is newer than what the journal has of it.
    pub(super) unkept: bool,
    /// When its schedules may say something else.
    calendar_until: Option<Timestamp>,
    /// When that was written down.
    pub(super) kept_at: Timestamp,
    pub(super) notable: Option<Notable>,
    /// What keeps the decision from being carried out.
    pub(super) muted: Option<Muted>,
    /// Somebody else changed what we had set.
    pub(super) drift: Option<Drift>,
    /// The workload as text.
    pub(super) named: String,
    pub(super) decision: Option<Decision>,
    pub(super) in_flight: bool,
    /// What the last action set, and when it began: what the cluster shows may be older.
    rising: Option<(Replicas, Timestamp)>,
    terms: Terms,
    failures: u32,
    last_error: Option<String>,
    /// No action before it has ended.
    wait: Option<Wait>,
    /// What a dry run was last told: from and to. It is told again when the decision is another.
    recommended: Option<(Replicas, Replicas)>,
    /// The last action failed, but its request may have been heard though its answer was not.
    unsure: Option<Set>,
}

/// The journal's key of what is known of a metric's demand.
pub(super) fn foreseen_key(workload: &str, metric: &str) -> String {
    format!("{workload}|{metric}")
}

impl Known {
    pub(super) fn new(workload: Workload, rule: Arc<ScaleRule>, memory: Memory) -> Self {
        let terms = Terms::of(&rule.policy, &Calendar::default());
        Self {
            named: workload.to_string(),
            workload,
            rule,
            orphaned: false,
            context: None,
            metrics: Vec::new(),
            foresights: BTreeMap::new(),
            studied: None,
            under: BTreeMap::new(),
            replicated: BTreeMap::new(),
            robust: BTreeMap::new(),
            objective: Presence::Absent,
            evaluated_at: Timestamp::MIN,
            status: None,
            memory,
            unkept: false,
            calendar_until: None,
            kept_at: Timestamp::MIN,
            notable: None,
            muted: None,
            drift: None,
            decision: None,
            in_flight: false,
            rising: None,
            terms,
            failures: 0,
            last_error: None,
            wait: None,
            recommended: None,
            unsure: None,
        }
    }

    /// Goes on under a rule.
    pub(super) fn adopt(&mut self, rule: &Arc<ScaleRule>) {
        let options = |rule: &ScaleRule| rule.forecast.as_ref().map(|forecast| forecast.options.clone());
        if options(rule) != options(&self.rule) {
            self.foresights.clear();
        }
        self.rule = Arc::clone(rule);
        self.orphaned = false;
    }

    /// Takes note of what the cluster says.
    pub(super) fn observe(&mut self, status: Status, now: Timestamp) {
        if let (Some((from, to)), Status::Found { replicas, .. }) = (self.recommended, &status)
            && *replicas == to
        {
            // Somebody followed the recommendation: it counts as scaled.
            self.memory.state.scaled(now, from, to);
            self.recommended = None;
        }
        if let Status::Found { replicas, ready, .. } = &status {
            self.memory.startup.observe(*replicas, *ready, now);
            if let Some(trial) = &mut self.memory.trial {
                trial.observe(*replicas, *ready, now);
            }
        }
        if self.wait.is_some_and(|wait| wait.ends_when_observed) {
            self.wait = None;
        }
        self.status = Some(status);
    }

    /// What an action has set whose answer was lost on its way, as soon as the cluster shows it. It counts as scaled.
    pub(super) fn take_effect(&mut self) -> Option<Set> {
        let Some(Status::Found { replicas, .. }) = self.status else { return None };
        let set = self.unsure.take_if(|unsure| unsure.from != replicas)?;
        let done = set.to == replicas;
        if done {
            self.scaled(set);
        }
        done.then_some(set)
    }

    /// Every metric is absent: the rule's vector no longer has this workload.
    pub(super) fn miss(&mut self, now: Timestamp) {
        self.evaluated_at = now;
        for metric in &mut self.metrics {
            metric.demand = Presence::Absent;
        }
    }

    /// Takes what the rule says of it; gives what is unusual. `interval` is the longest wait between two evaluations,
    /// and `lore` what is known besides.
    pub(super) fn hear(
        &mut self,
        mut metrics: Vec<MetricInput>,
        objective: Presence,
        interval: Duration,
        lore: &mut Lore<'_>,
        now: Timestamp,
    ) -> Vec<(Arc<str>, Judged)> {
        let startup = self.startup();
        let mut unusual = Vec::new();
        for metric in &mut metrics {
            // A value that rests on holes teaches nothing, nor does a count that a rule makes.
            let value = match metric.demand {
                Presence::Present(value) if !metric.absolute && !metric.paused => Some(value),
                _ => None,
            };
            let detector = self.memory.detectors.entry(Arc::clone(&metric.name)).or_default();
            let (robust, score) = self.robust.entry(Arc::clone(&metric.name)).or_default();
            let judged = judge(detector, robust, now, value);
            metric.z_score = judged.and_then(|judged| judged.z_score);
            *score = judged.and_then(|judged| judged.robust_score);
            let odd = judged.filter(|judged| judged.kind != anomaly::Kind::None);
            unusual.extend(odd.map(|judged| (Arc::clone(&metric.name), judged)));
            if let Some(pods) = &metric.pods {
                let replicated = self.replicated.entry(Arc::clone(&metric.name)).or_default();
                replicated.observe(pods, now);
                metric.outlying = replicated.note();
            }
            let Some(forecasting) = self.rule.forecast.as_ref().filter(|_| !metric.absolute) else { continue };
            let foresight = self.foresights.entry(Arc::clone(&metric.name)).or_insert_with(|| {
                let snapshot = lore.foreseen.remove(&foreseen_key(&self.named, &metric.name));
                Foresight::new(&forecasting.options, snapshot.as_deref(), now)
            });
            foresight.keep_holidays(&forecasting.holidays);
            foresight.observe(now, value);
            if let Some(judged) = judged.filter(|_| foresight.has_changed()) {
                unusual.push((Arc::clone(&metric.name), Judged { kind: anomaly::Kind::Shift, ..judged }));
            }
            let hold = self.rule.policy.behavior.scale_down.stabilization_window;
            metric.outlook = foresight.outlook(forecasting, startup, interval, hold, now);
            let under = self.under.entry(Arc::clone(&metric.name)).or_default();
            let demand = (lore.patterns, &self.workload, &*metric.name);
            metric.matched = under.voice(demand, foresight, value, now);
        }
        (self.metrics, self.objective, self.evaluated_at) = (metrics, objective, now);
        self.learn_capacity(now);
        unusual
    }

    /// What a replica carries, where the rule says when it carries too much.
    fn learn_capacity(&mut self, now: Timestamp) {
        let Some(Status::Found { ready, .. }) = self.status else { return };
        if self.rule.objective.as_ref().is_none_or(|objective| objective.plan.is_none()) {
            return;
        }
        let held = holds(self.objective) == Some(true);
        for metric in self.metrics.iter().filter(|metric| !metric.absolute && !metric.paused) {
            let carried = self.memory.carried.entry(Arc::clone(&metric.name)).or_default();
            carried.observe(metric.demand, ready, held, now);
        }
    }

    /// Whether any of its demands is known for less than a day.
    pub(super) fn is_new(&self) -> bool {
        self.foresights.values().filter_map(Foresight::history).any(is_young)
    }

    /// Whose day stands for its own, which is not known yet.
    pub(super) fn lent_by(&self, metric: &Arc<str>) -> Option<Arc<str>> {
        let young = self.foresights.get(metric).and_then(Foresight::history).is_some_and(is_young);
        self.memory.lent.get(metric).filter(|_| young).cloned()
    }

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
    pub(super) fn consider(
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
    pub(super) fn suppose(
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
    pub(super) fn member(&self, decision: Option<&Decision>, now: Timestamp) -> Member {
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

    /// An action to this count is on its way.
    pub(super) fn begin(&mut self, to: Replicas, now: Timestamp) {
        self.in_flight = true;
        self.rising = Some((to, now));
    }

    fn cost(&self, replicas: Option<Replicas>) -> Option<CostView> {
        let cost = self.rule.economy.cost.as_ref()?;
        Some(CostView {
            rate: cost.rate(replicas?).as_f64(),
            spent: self.memory.spend.as_ref().map_or(0.0, |spend| spend.spent().as_f64()),
            budget: cost.budget.as_ref().map(|budget| budget.amount.as_f64()),
        })
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

    /// How long its pods take to become ready: the 90 % quantile, or a minute as long as none is known.
    pub(super) fn startup(&self) -> Duration {
        self.memory.startup.quantile(STARTUP_QUANTILE).unwrap_or(STARTUP_UNKNOWN)
    }

    /// Makes a decision the present one, and tells whether something is to be done now.
    pub(super) fn settle(&mut self, decision: Decision, state: State, now: Timestamp) -> bool {
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
    pub(super) fn revisit_at(&self) -> Option<Timestamp> {
        let decision = self.decision.as_ref()?;
        let judged_at = self.memory.trial.as_ref().map(Trial::deadline);
        let waits = decision.to != decision.from && !self.in_flight;
        let retry_at = self.wait.map(|wait| wait.until).filter(|_| waits);
        let moments = [decision.revisit_at, retry_at, judged_at, self.calendar_until];
        moments.into_iter().flatten().filter(|at| *at > decision.at).min()
    }

    /// Takes note of what became of an action.
    pub(super) fn acted(&mut self, from: Replicas, to: Replicas, outcome: &Outcome, now: Timestamp) {
        self.in_flight = false;
        self.unsure = None;
        // A failure may have taken effect all the same.
        if !matches!(outcome, Outcome::Done | Outcome::Failed(_)) {
            self.rising = None;
        }
        match outcome {
            // What is watched stays as it is, or follows by itself: either way an observation tells, and may have done so
            // already.
            Outcome::Simulated => {
                if matches!(self.status, Some(Status::Found { replicas, .. }) if replicas == to) {
                    self.memory.state.scaled(now, from, to);
                } else {
                    self.recommended = Some((from, to));
                }
                self.succeeded();
            }
            Outcome::Done => {
                self.scaled(Set { from, to, at: now });
                // Until the watch says the same; an older observation is refused by the actuator's `from`.
                if let Some(Status::Found { replicas, .. }) = &mut self.status {
                    *replicas = to;
                }
                self.succeeded();
            }
            // No failure: the cluster has moved on, and an observation of it is on its way.
            Outcome::Conflict => self.wait = Some(Wait { until: now + RETRY_FIRST, ends_when_observed: true }),
            Outcome::Failed(reason) => {
                let wait = RETRY_FIRST.saturating_mul(2_u32.saturating_pow(self.failures)).min(RETRY_MAX);
                self.unsure = Some(Set { from, to, at: now });
                self.failed(reason, now + wait);
            }
            Outcome::Refused(reason) => self.failed(reason, now + RETRY_MAX),
        }
    }

    /// The workload was scaled: policies, the cooldown and the flap budget account for it, and what it does is watched
    /// from then on.
    pub(super) fn scaled(&mut self, Set { from, to, at }: Set) {
        self.memory.state.scaled(at, from, to);
        self.watch(from, to, at);
        self.unkept = true;
    }

    /// Begins to watch what a scaling does.
    fn watch(&mut self, from: Replicas, to: Replicas, now: Timestamp) {
        if to > from {
            self.memory.startup.began(now, to);
        }
        let Some(objective) = &self.rule.objective else { return };
        // What takes a scaling back is not put to the test: there would be nothing to go back to.
        if self.memory.rollback.is_some() {
            return;
        }
        let ready = match self.status {
            Some(Status::Found { ready, .. }) => ready,
            _ => from,
        };
        let before = self.memory.trial.as_ref();
        let trial = Trial::new(before, (from, to), ready, (objective, self.objective), now);
        self.memory.trial = Some(trial);
    }

    fn succeeded(&mut self) {
        (self.failures, self.last_error, self.wait) = (0, None, None);
    }

    fn failed(&mut self, reason: &str, until: Timestamp) {
        self.failures = self.failures.saturating_add(1);
        self.last_error = Some(reason.to_owned());
        self.wait = Some(Wait { until, ends_when_observed: false });
    }

    /// The cluster doesn't know it, or does not let us look.
    pub(super) fn is_unknown(&self) -> bool {
        matches!(self.status, Some(Status::Unknown(_)))
    }

    /// What somebody who scales by hand is told at `now`: the decision, and what keeps it from being carried out.
    pub(super) fn answer(&self, now: Timestamp) -> String {
        let Some(decision) = self.decision.as_ref().filter(|decision| decision.at == now) else {
            return match &self.memory.manual {
                Some(Manual { replicas, until, .. }) => format!(
                    "{} is to have {replicas} until {until}; nothing is known of it yet, so nothing is decided",
                    self.named
                ),
                None => format!("nothing is asked of {} by hand any more", self.named),
            };
        };
        let text = format!("{}\n{decision}", decision.headline(&self.workload));
        match &self.muted {
            Some(muted) if decision.changes() => format!("{}\nnot carried out yet: {muted}", text.trim_end()),
            _ => text,
        }
    }

    pub(super) fn view(&self, now: Timestamp) -> WorkloadView {
        let (replicas, ready, problem) = match &self.status {
            Some(Status::Found { replicas, ready, .. }) => (Some(*replicas), Some(*ready), None),
            Some(Status::Unknown(reason)) => (None, None, Some(reason.clone())),
            None => (None, None, None),
        };
        let metric = |metric: &MetricInput| MetricView {
            name: Arc::clone(&metric.name),
            demand: metric.demand,
            per_replica: metric.per_replica,
            z_score: metric.z_score,
            robust_score: self.robust.get(&metric.name).and_then(|(_, score)| *score),
            paused: metric.paused,
            activation: metric.activation,
            carried: self.memory.carried.get(&metric.name).and_then(|carried| carried.per_replica(now)),
            outlook: metric.outlook.clone(),
            point: self.foresights.get(&metric.name).and_then(Foresight::point),
            odd_pods: self.replicated.get(&metric.name).and_then(Replicated::odd),
        };
        WorkloadView {
            workload: self.workload.clone(),
            rule: Arc::clone(&self.rule.name),
            labels: self.rule.labels.clone(),
            min: self.rule.policy.min,
            max: self.rule.policy.max,
            terms: self.terms,
            replicas,
            ready,
            problem,
            metrics: self.metrics.iter().map(metric).collect(),
            decision: self.decision.clone(),
            muted: self.muted.clone(),
            drift: self.drift,
            manual: self.memory.manual.clone().filter(|manual| manual.until > now),
            rollback: self.memory.rollback.clone().filter(|rollback| rollback.until > now),
            startup: self.memory.startup.quantile(STARTUP_QUANTILE),
            load: self.memory.load,
            cost: self.cost(replicas),
            in_flight: self.in_flight,
            failures: self.failures,
            last_error: self.last_error.clone(),
        }
    }
}
