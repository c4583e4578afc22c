//! Drives the loop: gathers what happened, steps the engine, performs its effects.
//!
//! Samples wake it. It waits a moment for those that come with them (the debounce), takes one step with all that
//! is there, and then rests as long as the step took, so that evaluation never takes more than half of a core however
//! many samples come.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::sync::{Notify, mpsc, oneshot, watch};
use tokio::task::{self, JoinSet};
use tokio::time::{Instant, sleep, sleep_until};
use tokio_util::sync::CancellationToken;
use tracing::{error, info, warn};

use super::messenger::Messenger;
use super::recorder::Recorder;
use crate::actuate::Actuator;
use crate::config::Settings;
use crate::dispatch::{Action, Notification, Observation, Outcome};
use crate::engine::{Answer, Counts, Effect, Engine, Entry, Event, Refit, View};
use crate::journal::{Change, Recovered};
use crate::series::Store;
use crate::telemetry::{ActionResult, Direction, Telemetry};
use crate::time::{Clock, Timestamp};
use crate::web::Ask;

/// Events that wait for the next step: an observation for each of ten thousand workloads, and some.
const EVENTS_MAX: usize = 16_384;

/// Questions of people that wait for the next step.
const QUESTIONS_MAX: usize = 64;

/// Messages about decisions that wait for the journal: some 10 MiB. Further ones are given up.
const UNTOLD_MAX: usize = 1_000;

/// The longest sleep, so that a step of the machine's clock is noticed.
const SLEEP_MAX: Duration = Duration::from_secs(1);

/// How long an action that is on its way may take once the service is told to stop.
const LAST_ACTIONS: Duration = Duration::from_secs(10);

/// How fast the loop goes.
#[derive(Debug, Clone, Copy)]
pub(super) struct Pace {
    /// Real time between the first sample and the step that reads it.
    pub(super) debounce: Duration,
    /// Seconds of the clock in a real second.
    pub(super) speed: u32,
}

/// Rung when samples have made a rule due.
#[derive(Debug)]
pub(super) struct Wake {
    notify: Notify,
    origin: Instant,
    /// When the first of them came, in microseconds since the origin; zero when none waits.
    since_us: AtomicU64,
}

impl Wake {
    fn new() -> Self {
        Self { notify: Notify::new(), origin: Instant::now(), since_us: AtomicU64::new(0) }
    }

    pub(super) fn ring(&self) {
        let now = self.elapsed_us().max(1);
        // Only the first one counts.
        let _ = self.since_us.compare_exchange(0, now, Ordering::Relaxed, Ordering::Relaxed);
        self.notify.notify_one();
    }

    /// Takes the note of the first ring, if there was one.
    fn take(&self) -> Option<u64> {
        Some(self.since_us.swap(0, Ordering::Relaxed)).filter(|since| *since > 0)
    }

    /// Real time from a ring until now.
    fn since(&self, ring_us: u64) -> Duration {
        Duration::from_micros(self.elapsed_us().saturating_sub(ring_us))
    }

    fn elapsed_us(&self) -> u64 {
        u64::try_from(self.origin.elapsed().as_micros()).unwrap_or(u64::MAX)
    }
}

/// The ends by which the rest of the service reaches the loop.
#[derive(Debug, Clone)]
pub(super) struct Pulse {
    pub(super) events: mpsc::Sender<Event>,
    pub(super) commands: mpsc::Sender<Ask>,
    pub(super) wake: Arc<Wake>,
}

/// The loop, not yet running.
#[derive(Debug)]
pub(super) struct Heart {
    engine: Engine,
    recorder: Recorder,
    messenger: Arc<Messenger>,
    store: Arc<Store>,
    telemetry: Arc<Telemetry>,
    events: mpsc::Receiver<Event>,
    /// Where messages that did not arrive are heard of.
    untold: mpsc::Sender<Event>,
    observations: mpsc::Receiver<Observation>,
    commands: mpsc::Receiver<Ask>,
    /// Who waits for which answer.
    askers: HashMap<u64, oneshot::Sender<Answer>>,
    asked: u64,
    wake: Arc<Wake>,
    view: watch::Sender<Arc<View>>,
    /// Actions on their way.
    actions: JoinSet<Outcome>,
    on_their_way: HashMap<task::Id, Action>,
    /// Models that are being fitted.
    fits: JoinSet<(Refit, Duration)>,
    /// What receivers are to be told of decisions once those are written down.
    untold_yet: Vec<Notification>,
    /// What the metrics know already.
    counts: Counts,
}

impl Heart {
    pub(super) fn new(
        store: &Arc<Store>,
        telemetry: &Arc<Telemetry>,
        observations: mpsc::Receiver<Observation>,
        settings: &Settings,
        recorder: Recorder,
        messenger: Arc<Messenger>,
        recovered: &Recovered,
    ) -> (Self, Pulse) {
        let (sender, events) = mpsc::channel(EVENTS_MAX);
        let (command_sender, commands) = mpsc::channel(QUESTIONS_MAX);
        let wake = Arc::new(Wake::new());
        let mut engine = Engine::new(settings);
        engine.recover(recovered);
        let heart = Self {
            engine,
            recorder,
            messenger,
            store: Arc::clone(store),
            telemetry: Arc::clone(telemetry),
            events,
            untold: sender.clone(),
            observations,
            commands,
            askers: HashMap::new(),
            asked: 0,
            wake: Arc::clone(&wake),
            view: watch::Sender::new(Arc::default()),
            actions: JoinSet::new(),
            fits: JoinSet::new(),
            on_their_way: HashMap::new(),
            untold_yet: Vec::new(),
            counts: Counts::default(),
        };
        (heart, Pulse { events: sender, commands: command_sender, wake })
    }

    /// Where the loop's snapshots appear.
    pub(super) fn view(&self) -> watch::Receiver<Arc<View>> {
        self.view.subscribe()
    }

    /// Runs until the service stops; then lets actions on their way end.
    pub(super) async fn beat(mut self, actuator: Arc<dyn Actuator>, clock: Clock, pace: Pace, stop: CancellationToken) {
        let mut heard = Vec::new();
        let mut last = Timestamp::MIN;
        loop {
            tokio::select! {
                () = stop.cancelled() => break,
                woken = self.wait(&clock, pace, &mut heard) => if woken { sleep(pace.debounce).await },
            }
            self.gather(&mut heard);
            // Strictly forwards, also where the machine's clock is set back.
            let now = clock().max(last + Duration::from_millis(1));
            last = now;
            let began = Instant::now();
            let rung = self.wake.take();
            heard.push(Event::Received(self.telemetry.ingest.kept.get()));
            let events = std::mem::take(&mut heard);
            let effects = task::block_in_place(|| self.engine.step(now, &self.store, events));
            let took = began.elapsed();
            self.tell(rung, took);
            let answers = self.perform(effects, &actuator, now);
            // Who has an answer finds it in the view.
            self.view.send_replace(Arc::new(self.engine.view()));
            for (number, answer) in answers {
                if let Some(asker) = self.askers.remove(&number) {
                    // Who asked may be gone.
                    let _ = asker.send(answer);
                }
            }
            // Waiting for the disk took nothing of a core.
            sleep(took).await;
        }
        let rest = async {
            while let Some(acted) = self.actions.join_next_with_id().await {
                self.hear_acted(acted, &mut heard);
            }
        };
        if tokio::time::timeout(LAST_ACTIONS, rest).await.is_err() {
            warn!("actions were cut off at shutdown; the cluster may or may not have taken them");
        }
        self.record_last(heard, clock().max(last + Duration::from_millis(1)));
    }

    /// Writes down what became of the last actions, and all that is remembered.
    fn record_last(&mut self, heard: Vec<Event>, now: Timestamp) {
        let acted = heard.into_iter().filter(|event| matches!(event, Event::Acted(..))).collect();
        let last = self.engine.stop(now, acted);
        // The recorder has told; the next start settles by observation what is not written.
        let _ = self.recorder.record(last, now);
    }

    /// Waits for samples (`true`), for something heard, or for the next due time.
    async fn wait(&mut self, clock: &Clock, pace: Pace, heard: &mut Vec<Event>) -> bool {
        let due_in = self.engine.next_due().since(clock()) / pace.speed.max(1);
        let due_at = Instant::now() + due_in.min(SLEEP_MAX);
        tokio::select! {
            () = self.wake.notify.notified() => return true,
            Some(event) = self.events.recv() => heard.push(event),
            Some(observation) = self.observations.recv() => heard.push(Event::Observed(observation)),
            Some(acted) = self.actions.join_next_with_id() => self.hear_acted(acted, heard),
            Some(ask) = self.commands.recv() => self.hear_asked(ask, heard),
            // A fit that panics is a bug of ours; after a while the engine gives its series another predictor.
            Some(Ok((refit, took))) = self.fits.join_next() => heard.push(Event::Refitted(refit, took)),
            () = sleep_until(due_at) => {}
        }
        false
    }

    /// Takes all that is there, so that one step sees it as one.
    fn gather(&mut self, heard: &mut Vec<Event>) {
        while let Ok(event) = self.events.try_recv() {
            heard.push(event);
        }
        while let Ok(observation) = self.observations.try_recv() {
            heard.push(Event::Observed(observation));
        }
        while let Ok(ask) = self.commands.try_recv() {
            self.hear_asked(ask, heard);
        }
        while let Some(acted) = self.actions.try_join_next_with_id() {
            self.hear_acted(acted, heard);
        }
    }

    fn hear_asked(&mut self, (command, asker): Ask, heard: &mut Vec<Event>) {
        self.asked += 1;
        self.askers.insert(self.asked, asker);
        heard.push(Event::Asked(self.asked, command));
    }

    fn hear_acted(&mut self, acted: Result<(task::Id, Outcome), task::JoinError>, heard: &mut Vec<Event>) {
        let (id, outcome) = acted.unwrap_or_else(|broken| {
            // A bug of ours. What became of the action is not known; it is tried again from what the cluster says.
            error!(reason = %broken, "an actuator broke down");
            (broken.id(), Outcome::Failed(format!("the actuator broke down, which is a bug: {broken}")))
        });
        let Some(action) = self.on_their_way.remove(&id) else { return };
        let Action { workload, from, to, .. } = &action;
        let result = match &outcome {
            Outcome::Done => {
                info!(%workload, from, to, "scaled");
                ActionResult::Done
            }
            Outcome::Simulated => {
                info!(%workload, from, to, "would scale (dry run)");
                ActionResult::Simulated
            }
            Outcome::Conflict => {
                info!(%workload, from, to, "not scaled: the scale was changed by somebody else in between");
                ActionResult::Conflict
            }
            Outcome::Failed(reason) => {
                warn!(%workload, from, to, reason, "scaling failed, will be tried again");
                ActionResult::Failed
            }
            Outcome::Refused(reason) => {
                warn!(%workload, from, to, reason, "scaling is refused");
                ActionResult::Refused
            }
        };
        self.telemetry.actuate.actions.add(result, 1);
        heard.push(Event::Acted(action, outcome));
    }

    /// Writes all records of the step, then does the rest in order. Where they can't be written, what rests on them is
    /// not done: actions fail, to be decided anew, nobody is told of them, and who asked hears that what they asked for
    /// is in effect but not on disk.
    fn perform(&mut self, effects: Vec<Effect>, actuator: &Arc<dyn Actuator>, now: Timestamp) -> Vec<(u64, Answer)> {
        let mut answers = Vec::new();
        let records = effects.iter().filter_map(|effect| match effect {
            Effect::Record(entry) => Some(Change::Entry(Arc::clone(entry))),
            Effect::Keep(change) => Some(change.clone()),
            _ => None,
        });
        let recorded = self.recorder.record(records.collect(), now);
        if recorded.is_ok() {
            for notification in std::mem::take(&mut self.untold_yet) {
                self.messenger.notify(&notification, &self.untold);
            }
        }
        let undone: Vec<u64> = match recorded {
            Ok(()) => Vec::new(),
            Err(_) => effects
                .iter()
                .filter_map(|effect| if let Effect::Act(action) = effect { Some(action.entry) } else { None })
                .collect(),
        };
        for effect in effects {
            match (effect, &recorded) {
                (Effect::Watch(workload, context), _) => actuator.watch(&workload, context.as_deref()),
                (Effect::Forget(workload), _) => actuator.forget(&workload),
                (Effect::Record(entry), _) => tell(&entry),
                (Effect::Keep(_), _) => {}
                (Effect::Alerts { receiver, alerts }, _) => self.messenger.alerts(receiver.as_deref(), alerts),
                // Alerts are no decisions: nothing has to be written down before they are told.
                (Effect::Notify(notification), Err(_)) if !notification.decisions.is_empty() => {
                    let is_undone = notification.decisions.iter().any(|decision| undone.contains(&decision.id));
                    if !is_undone && self.untold_yet.len() < UNTOLD_MAX {
                        self.untold_yet.push(notification);
                    }
                }
                (Effect::Refit(refit), _) => {
                    self.fits.spawn_blocking(move || fitted(refit));
                }
                (Effect::Notify(notification), _) => self.messenger.notify(&notification, &self.untold),
                (Effect::Answer(number, answer), Err(reason)) if answer.promises() => {
                    let text = format!(
                        "it is in effect, but not on disk yet, so a restart would forget it: {reason}; it is written as \
                         soon as the journal can be"
                    );
                    answers.push((number, Answer::Unwritten(text)));
                }
                (Effect::Answer(number, answer), _) => answers.push((number, answer)),
                (Effect::Act(action), Err(reason)) => {
                    let outcome = Outcome::Failed(format!("not done, for it can't be written down: {reason}"));
                    let id = self.actions.spawn(std::future::ready(outcome)).id();
                    self.on_their_way.insert(id, action);
                }
                (Effect::Act(action), Ok(())) => {
                    let (actuator, telemetry) = (Arc::clone(actuator), Arc::clone(&self.telemetry));
                    let asked = action.clone();
                    let task = self.actions.spawn(async move {
                        let began = Instant::now();
                        let outcome = actuator.apply(&asked).await;
                        telemetry.latency.action.record(began.elapsed());
                        outcome
                    });
                    self.on_their_way.insert(task.id(), action);
                }
            }
        }
        answers
    }

    /// Counts a step, and how long its samples waited for it.
    fn tell(&mut self, rung: Option<u64>, step: Duration) {
        self.telemetry.latency.evaluation.record(step);
        if let Some(rung) = rung {
            self.telemetry.latency.sample_to_decision.record(self.wake.since(rung));
        }
        let (counts, before) = (self.engine.counts(), std::mem::replace(&mut self.counts, self.engine.counts()));
        let engine = &self.telemetry.engine;
        engine.evaluations.add(counts.rule_evaluations - before.rule_evaluations);
        engine.failures.add(counts.rule_failures - before.rule_failures);
        engine.missed.add(counts.missed - before.missed);
        engine.decisions.add(Direction::Up, counts.up - before.up);
        engine.decisions.add(Direction::Down, counts.down - before.down);
        engine.decisions.add(Direction::None, counts.unchanged - before.unchanged);
        let (stats, series) = (self.store.stats(), &self.telemetry.series);
        series.kept.set(stats.series as f64);
        series.created.add(stats.created - series.created.get());
        series.evicted.add(stats.evicted - series.evicted.get());
        series.window_bytes.set(stats.bytes as f64);
        series.window_bytes_limit.set(stats.bytes_max as f64);
        series.index_bytes.set(stats.index_bytes as f64);
        series.unread.set(stats.unread as f64);
    }
}

/// Fits a model anew.
fn fitted(mut refit: Refit) -> (Refit, Duration) {
    let began = Instant::now();
    refit.predictor.refit();
    (refit, began.elapsed())
}

/// The log line of a decision, in the form that the API and the page show too. What became of it has its own.
fn tell(entry: &Entry) {
    if entry.outcome.is_some() {
        return;
    }
    let decision = &entry.decision;
    info!(
        workload = %entry.workload,
        rule = %entry.rule,
        from = decision.from,
        to = decision.to,
        reason = decision.summary(),
        "decided"
    );
}
