//! Headroom itself on a simulated workload: the real loop, the real windows, the rule as it stands.

use std::time::Duration;

use super::Options;
use super::fleet::{Course, Fleet};
use super::load::Load;
use super::subject::Subject;
use crate::config::Settings;
use crate::decision::{Layer, Reason};
use crate::dispatch::{Observation, Outcome, Status};
use crate::engine::{Effect, Engine, Event};
use crate::sample::Sample;
use crate::series::{Limits, Store, Touched};
use crate::time::Timestamp;
use crate::workload::{Replicas, Workload};

/// What follows at once takes this long: an action, an observation, a decision anew.
const ROUND: Duration = Duration::from_millis(1);

/// Steps that may follow from one another before the next thing happens.
const ROUNDS_MAX: u32 = 16;

/// The loop is stepped this often at least, as a live one looks at what time alone may have changed.
const BEAT: Duration = Duration::from_secs(15);

/// How long a fit of a forecast's slow models is taken to last.
const FIT: Duration = Duration::from_millis(250);

/// How often what is foreseen is noted for the report.
const NOTE_EVERY: Duration = Duration::from_mins(10);

/// Why the loop could not scale.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum OursError {
    #[error("{0}")]
    Refused(String),
    #[error(
        "the rule named no workload for the series {0}; give one with the labels that its target needs, by --series"
    )]
    NoWorkload(String),
}

/// Runs a rule over a load, from so many ready replicas on.
pub(super) fn run(subject: &Subject, load: &Load, options: &Options, replicas: Replicas) -> Result<Course, OursError> {
    World::new(subject, load, options, replicas).play(load, options)
}

/// All that the loop lives with.
struct World<'s> {
    engine: Engine,
    store: Store,
    touched: Touched,
    fleet: Fleet,
    /// The one workload that the rule scales.
    workload: Option<Workload>,
    /// What was last told of it.
    told: Option<(Replicas, Replicas)>,
    now: Timestamp,
    heard: Vec<Event>,
    subject: &'s Subject,
    /// What the counters have counted.
    counted: f64,
    noted_at: Timestamp,
}

impl<'s> World<'s> {
    fn new(subject: &'s Subject, load: &Load, options: &Options, replicas: Replicas) -> Self {
        let store = Store::new(Limits::default());
        let subscriptions = store.subscribe(&subject.rules.selectors());
        let rules = subject.rules.clone().bind(subscriptions);
        let mut engine = Engine::new(&Settings::default());
        engine.keep_nothing();
        Self {
            engine,
            store,
            touched: Touched::default(),
            fleet: Fleet::new(load.start(), replicas, options.startup),
            workload: None,
            told: None,
            now: load.start(),
            heard: vec![Event::Rules(rules)],
            subject,
            counted: 0.0,
            noted_at: load.start(),
        }
    }

    fn play(mut self, load: &Load, options: &Options) -> Result<Course, OursError> {
        for cell in 0..load.cells() {
            let sampled_at = load.begins(cell + 1);
            let arrives_at = sampled_at + options.delay;
            self.pass(arrives_at);
            self.arrive(load, cell, sampled_at)?;
            self.instant(arrives_at);
            if cell == 0 && self.workload.is_none() && load.measured(0).is_some() {
                // A rate needs a second sample, but a target that names no workload by then never will.
                continue;
            }
            self.note();
        }
        if self.workload.is_none() {
            let names: Vec<String> = self.subject.series.iter().map(|(labels, _)| labels.to_string()).collect();
            return Err(OursError::NoWorkload(names.join(", ")));
        }
        self.fleet.advance(load.end());
        Ok(self.fleet.into_course())
    }

    /// What happens between two arrivals: pods become ready, and a live loop looks at its due times.
    fn pass(&mut self, until: Timestamp) {
        loop {
            let at = self.fleet.next_change().min(self.now + BEAT);
            if at >= until {
                return;
            }
            self.instant(at);
        }
    }

    /// The trace's series arrive.
    fn arrive(&mut self, load: &Load, cell: usize, at: Timestamp) -> Result<(), OursError> {
        // A counter counts on while nobody reads it.
        self.counted += load.offered(cell) * load.step().as_secs_f64();
        let Some(value) = load.measured(cell) else { return Ok(()) };
        let batch = self.store.batch(&mut self.touched);
        for (labels, counter) in &self.subject.series {
            let value = if *counter { self.counted } else { value };
            batch.write(labels, Sample::new(at, value)).map_err(|refused| OursError::Refused(refused.to_string()))?;
        }
        batch.finish();
        Ok(())
    }

    /// A step of the loop, and what follows from it at once.
    fn instant(&mut self, at: Timestamp) {
        self.now = at.max(self.now + ROUND);
        for _ in 0..ROUNDS_MAX {
            self.fleet.advance(self.now);
            self.tell();
            let effects = self.engine.step(self.now, &self.store, std::mem::take(&mut self.heard));
            for effect in effects {
                self.perform(effect);
            }
            if self.heard.is_empty() {
                return;
            }
            self.now = self.now + ROUND;
        }
    }

    fn perform(&mut self, effect: Effect) {
        match effect {
            // A rule for a whole fleet may name more: the trace is the demand of one.
            Effect::Watch(workload, _) if self.workload.is_none() => {
                self.workload = Some(workload);
                self.tell();
            }
            Effect::Act(action) => {
                let outcome = if action.from == self.fleet.requested() { Outcome::Done } else { Outcome::Conflict };
                if outcome == Outcome::Done {
                    self.fleet.scale(self.now, action.to, &action.reason);
                }
                self.heard.push(Event::Acted(action, outcome));
                self.tell();
            }
            // A fit is done at once: what it would take a live loop is no matter of a played one's time.
            Effect::Refit(mut refit) => {
                refit.predictor.refit();
                self.heard.push(Event::Refitted(refit, FIT));
            }
            _ => {}
        }
    }

    /// Tells of the workload where it changed.
    fn tell(&mut self) {
        let (Some(workload), counts) = (&self.workload, (self.fleet.requested(), self.fleet.ready())) else { return };
        if self.told.replace(counts) != Some(counts) {
            let status = Status::found(counts.0, counts.1);
            self.heard.push(Event::Observed(Observation { workload: workload.clone(), status }));
        }
    }

    /// Notes what is foreseen, now and then.
    fn note(&mut self) {
        if self.now.since(self.noted_at) < NOTE_EVERY {
            return;
        }
        self.noted_at = self.now;
        let view = self.engine.view();
        let Some(seen) = view.workloads.iter().find(|seen| Some(&seen.workload) == self.workload.as_ref()) else {
            return;
        };
        let mut steps = seen.decision.iter().flat_map(|decision| &decision.steps);
        let foreseen = steps.find(|step| step.layer == Layer::Predictive).and_then(|step| match &step.reason {
            Reason::Forecast { demand, .. }
            | Reason::Foreseen { demand, .. }
            | Reason::Keeps { demand, .. }
            | Reason::Matched { demand, .. } => Some(*demand),
            _ => None,
        });
        self.fleet.foresee(self.now, foreseen);
    }
}
