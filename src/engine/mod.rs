//! The loop: events → effects. All state of the loop lives here.
//!
//! In: the time, the windows, what was observed and what became of actions. Out: [`Effect`]s, which the caller
//! performs in order. Never here: a clock, a task, a door to the outside. The live service, the simulator and the
//! tests call the same [`Engine::step`].

mod adopt;
mod agenda;
mod alerts;
mod breaker;
mod command;
mod commands;
mod decide;
mod desk;
mod economy;
mod evaluate;
mod explain;
mod foresight;
mod history;
mod keep;
mod learned;
mod lending;
mod notable;
mod outlying;
mod past;
mod patterns;
mod posted;
mod recorded;
mod refit;
mod shadow;
#[cfg(test)]
mod tests;
mod twin;
mod verify;
mod view;
mod workloads;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;
use std::time::Duration;

pub use crate::journal::Entry;
pub use alerts::AlertKey;
pub use command::{Answer, Command, ManualScale, MetricForecast};
pub use explain::{LINES_MAX, explain};
pub use outlying::OddPod;
pub use past::Past;
pub use view::{AlertView, LimitGroupView, MetricView, RuleHealth, ShadowView, Terms, View, WorkloadView};

use agenda::Agenda;
use alerts::Alerts;
use breaker::Breaker;
use desk::Desk;
use economy::Groups;
use history::History;
use keep::Remembered;
use recorded::Recorded;
use refit::Turns;
use shadow::{ShadowId, Shadows};
use workloads::Known;

use crate::config::Settings;
use crate::demand::anomaly::episode::Episodes;
use crate::demand::patterns::Library;
use crate::dispatch::{Action, Alert, AlertGroup, End, Notification, Observation, Outcome, Silence, Status};
use crate::forecast::Predictor;
use crate::journal::Change;
use crate::rule::{AlertState, AlertStates, BoundRules, External};
use crate::schedule::Cached;
use crate::series::{Store, Subscription};
use crate::time::Timestamp;
use crate::workload::Workload;

/// How often windows that fell silent are looked for.
const EVICT_EVERY: Duration = Duration::from_secs(30);

/// What the loop hears.
#[derive(Debug)]
pub enum Event {
    /// New rules, bound to their subscriptions. State of what stays is kept.
    Rules(BoundRules),
    /// Other settings, and the rules compiled under them.
    Settings(Box<Settings>, BoundRules),
    Observed(Observation),
    Acted(Action, Outcome),
    /// So many samples were kept since the start of the service.
    Received(u64),
    /// A predictor has been fitted, which took so long.
    Refitted(Refit, Duration),
    /// What demand was before has been learned.
    Past(Past),
    /// A receiver could not be told.
    Untold(Notification),
    /// Somebody asks; [`Effect::Answer`] of the same number answers.
    Asked(u64, Command),
}

/// What the caller is to do, in order.
#[derive(Debug, PartialEq)]
pub enum Effect {
    /// Begin to observe a workload, in a context of the kubeconfig where its receiver names one; again where that is
    /// another by now.
    Watch(Workload, Option<Arc<str>>),
    /// It is of no interest any more.
    Forget(Workload),
    /// Write a decision down, before the action that it covers; and again with its outcome.
    Record(Arc<Entry>),
    Act(Action),
    /// Write something down, before this step's actions.
    Keep(Change),
    /// Tell the Alertmanagers of a receiver of these, or those that hear of everything.
    Alerts {
        receiver: Option<Arc<str>>,
        alerts: Vec<Alert>,
    },
    /// Tell a receiver.
    Notify(Notification),
    /// Fit a predictor anew ([`Predictor::refit`]), away from the loop, for it may take long; [`Event::Refitted`] brings
    /// it back. Until then what was foreseen last stands.
    Refit(Refit),
    /// Answers [`Event::Asked`].
    Answer(u64, Answer),
}

/// A predictor that is to be fitted anew, or has been.
#[derive(Debug)]
pub struct Refit {
    pub workload: Workload,
    /// The shadow rule that it foresees for; `None` is the rule that acts.
    pub shadow: Option<Arc<str>>,
    pub metric: Arc<str>,
    pub predictor: Box<Predictor>,
}

impl PartialEq for Refit {
    /// There is one of each workload's metric.
    fn eq(&self, other: &Self) -> bool {
        let key = |refit: &Self| (refit.workload.clone(), refit.shadow.clone(), Arc::clone(&refit.metric));
        key(self) == key(other)
    }
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
    Shadow(ShadowId),
    Eviction,
    Breaker,
    Dispatch,
    Keep,
    Refit,
    /// A workload's demand is to be looked through for patterns.
    Study(Workload),
}

/// The state of the loop.
#[derive(Debug)]
pub struct Engine {
    rules: BoundRules,
    /// Which rules read a subscription.
    readers: HashMap<SubscriptionId, Vec<RuleId>>,
    health: BTreeMap<RuleId, Arc<RuleHealth>>,
    workloads: BTreeMap<Workload, Known>,
    shadows: Shadows,
    /// Shadows that decide in this step.
    due_shadows: BTreeSet<ShadowId>,
    /// The workloads that each scale rule answered for.
    owned: BTreeMap<RuleId, BTreeSet<Workload>>,
    views: BTreeMap<Workload, Arc<WorkloadView>>,
    /// What each record rule has written.
    recorded: HashMap<RuleId, Recorded>,
    /// Rules that read new samples.
    due_rules: BTreeSet<RuleId>,
    agenda: Agenda<Due>,
    group_evaluated_at: HashMap<usize, Timestamp>,
    history: History,
    breaker: Breaker,
    desk: Desk,
    /// Of workloads that are not scaled now, by workload: from the journal, until they are met, and of rules that are
    /// gone.
    remembered: HashMap<String, Remembered>,
    /// Workloads to be written down with this step.
    kept: BTreeSet<Workload>,
    /// Silences to be written down with this step.
    kept_silences: Vec<Arc<Silence>>,
    /// Snapshots of predictors from before a restart, by workload and metric.
    foreseen: HashMap<String, Vec<u8>>,
    turns: Turns,
    keep_due: bool,
    /// Nothing is written down: nobody will take it up again.
    fleeting: bool,
    kept_at: Timestamp,
    alert_views: Vec<Arc<AlertView>>,
    alert_groups: Vec<Arc<AlertGroup>>,
    groups: Groups,
    /// The calendars of rules that have one, by the rule's name.
    calendars: HashMap<Arc<str>, Cached>,
    /// Shapes of demand that come again.
    patterns: Library,
    /// Rows of patterns to be written down with this step.
    kept_patterns: Vec<patterns::Row>,
    /// When a workload's demand was looked through last: there is one in a step.
    studied_at: Option<Timestamp>,
    /// What was unusual lately.
    episodes: Episodes,
    /// Whether scale-downs were frozen at the last look.
    frozen: bool,
    alerts: Alerts,
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
    pub fn new(settings: &Settings) -> Self {
        let mut agenda = Agenda::new();
        agenda.set(Due::Eviction, Some(Timestamp::MIN));
        for due in [Due::Breaker, Due::Keep, Due::Refit] {
            agenda.set(due, Some(Timestamp::MIN));
        }
        Self {
            rules: BoundRules::default(),
            readers: HashMap::new(),
            health: BTreeMap::new(),
            workloads: BTreeMap::new(),
            shadows: Shadows::new(),
            due_shadows: BTreeSet::new(),
            owned: BTreeMap::new(),
            views: BTreeMap::new(),
            recorded: HashMap::new(),
            due_rules: BTreeSet::new(),
            agenda,
            group_evaluated_at: HashMap::new(),
            history: History::default(),
            desk: Desk::new(settings),
            remembered: HashMap::new(),
            kept: BTreeSet::new(),
            kept_silences: Vec::new(),
            foreseen: HashMap::new(),
            turns: Turns::default(),
            keep_due: false,
            fleeting: false,
            kept_at: Timestamp::MIN,
            alert_views: Vec::new(),
            alert_groups: Vec::new(),
            breaker: Breaker::new(settings.guards.clone()),
            groups: Groups::new(&settings.economy.groups),
            calendars: HashMap::new(),
            patterns: Library::default(),
            kept_patterns: Vec::new(),
            studied_at: None,
            episodes: Episodes::default(),
            frozen: false,
            alerts: Alerts::new(External::of(settings)),
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
        let mut asked = Vec::new();
        self.desk.take_up(now);
        for event in events {
            match event {
                Event::Asked(number, command) => asked.push((number, command)),
                event => self.hear(event, now, &mut changed, &mut effects),
            }
        }
        while let Some(due) = self.agenda.take(now) {
            match due {
                Due::Group(group) => self.group_is_due(group, now),
                Due::Workload(workload) => {
                    changed.insert(workload);
                }
                Due::Shadow(shadow) => _ = self.due_shadows.insert(shadow),
                Due::Dispatch => {}
                Due::Refit => self.turns.due = true,
                Due::Study(workload) => self.study_due(workload, now),
                Due::Keep => self.keep_due = true,
                Due::Breaker => self.agenda.set(Due::Breaker, Some(Breaker::next_look(now))),
                Due::Eviction => {
                    store.evict(now);
                    self.agenda.set(Due::Eviction, Some(now + EVICT_EVERY));
                }
            }
        }
        self.evaluate(now, store, &mut changed, &mut effects);
        let answers = self.command(asked, now, &mut changed);
        self.decide(changed, now);
        self.decide_shadows(now, &mut effects);
        self.dispatch(now, &mut effects);
        self.refit(now, &mut effects);
        self.keep(now, &mut effects);
        self.answer(answers, &mut effects);
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

    /// Takes in the alerts that were stored, each rule's at its time. Comes before the first rules.
    pub fn restore_alerts(&mut self, stored: impl IntoIterator<Item = (AlertKey, Vec<AlertState>, Timestamp)>) {
        self.alerts.store(stored);
    }

    /// All alerts as they stand, pending ones too, to be stored.
    pub fn alert_states(&self) -> impl Iterator<Item = (&AlertKey, &AlertStates)> {
        self.alerts.states()
    }

    /// Shows the alerts as they stand.
    fn show_alerts(&mut self, now: Timestamp) {
        let Desk { alerts, silences, .. } = &self.desk;
        let view = |(fingerprint, alert): (u64, &Arc<Alert>)| {
            let status = alerts.status(fingerprint, now, silences)?;
            Some(Arc::new(AlertView { alert: Alert::clone(alert), status }))
        };
        self.alert_views = alerts.iter().filter_map(view).collect();
        self.alert_groups = alerts.groups(now).into_iter().map(Arc::new).collect();
    }

    /// The workloads as [`Engine::view`] shows them, without the cost of all else that it shows.
    pub fn workload_views(&self) -> impl Iterator<Item = &Arc<WorkloadView>> {
        self.views.values()
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
            silences: self.desk.silences.iter().cloned().collect(),
            alerts: self.alert_views.clone(),
            alert_groups: self.alert_groups.clone(),
            limit_groups: self.groups.views(),
            patterns: self.patterns.all(),
            anomalies: self.episodes.all(),
        }
    }

    fn hear(&mut self, event: Event, now: Timestamp, changed: &mut BTreeSet<Workload>, effects: &mut Vec<Effect>) {
        match event {
            Event::Rules(rules) => self.adopt(rules, effects),
            Event::Settings(settings, rules) => {
                self.configure(&settings, now);
                self.adopt(rules, effects);
            }
            Event::Observed(Observation { workload, status }) => {
                if let Status::Found { replicas, .. } = status {
                    self.settle_interrupted(&workload, replicas, now, effects);
                }
                self.observe_shadows(&workload, &status, now);
                if let Some(known) = self.workloads.get_mut(&workload) {
                    known.observe(status, now);
                    if let Some(set) = known.take_effect() {
                        self.desk.took_effect(known, set);
                        self.kept.insert(workload.clone());
                    }
                    changed.insert(workload);
                }
            }
            Event::Received(samples) => self.breaker.samples(samples, now),
            Event::Refitted(refit, took) => self.refitted(refit, took, now),
            Event::Past(past) => self.learn_past(past),
            Event::Untold(notification) => self.desk.alerts.failed(&notification),
            Event::Asked(..) => {}
            Event::Acted(action, outcome) => {
                effects.extend(self.history.close(action.entry, outcome.clone(), now).map(Effect::Record));
                let Some(known) = self.workloads.get_mut(&action.workload) else { return };
                known.acted(action.from, action.to, &outcome, now);
                if let Some(set) = known.take_effect() {
                    self.desk.took_effect(known, set);
                }
                self.kept.insert(action.workload.clone());
                self.desk.dispatcher.ended(&action.workload, End::from(&outcome), now);
                if known.orphaned {
                    self.forget(action.workload, effects);
                } else {
                    changed.insert(action.workload);
                }
            }
        }
    }

    fn forget(&mut self, workload: Workload, effects: &mut Vec<Effect>) {
        if let Some(known) = self.workloads.remove(&workload) {
            self.lay_aside(known, effects);
        }
        self.views.remove(&workload);
        self.breaker.forget(&workload);
        self.groups.forget(&workload);
        self.desk.dispatcher.forget(&workload);
        self.agenda.set(Due::Workload(workload.clone()), None);
        self.agenda.set(Due::Study(workload.clone()), None);
        if !self.left_to_shadows(&workload, self.last_step_at) {
            effects.push(Effect::Forget(workload));
        }
    }
}

impl Default for Engine {
    fn default() -> Self {
        Self::new(&Settings::default())
    }
}
