//! Plays one test: virtual time goes from one thing that happens to the next.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use super::cluster::Cluster;
use super::compare;
use super::compile::{Act, Case, Expected};
use super::notation::Values;
use super::report::{Failure, Report};
use super::timeline::{Timeline, is_same};
use crate::config::{Deed, Keep, Settings};
use crate::dispatch::{Alert, Silence};
use crate::engine::{Answer, Command, Effect, Engine, Event, ManualScale, View};
use crate::labels::Labels;
use crate::promql::{Plan, Query};
use crate::rule::RuleSet;
use crate::sample::Sample;
use crate::series::{Store, Touched};
use crate::time::Timestamp;
use crate::workload::Workload;

/// What follows at once takes this long in virtual time: an action, an observation, a decision anew.
const ROUND: Duration = Duration::from_millis(1);

/// Steps that may follow from one another before the next thing happens.
const ROUNDS_MAX: u32 = 64;

/// How long a test that failed is played on at most, to find out when its expectation holds after all.
const PLAYED_ON_MAX: Duration = Duration::from_hours(1);

/// How many workloads are named where one is not found.
const SHOWN_MAX: usize = 10;

/// Runs a test to the time of its last expectation.
pub(super) fn run(case: &Case, rules: &RuleSet, settings: &Settings, file: &Path) -> Report {
    let failures = World::new(case, rules, settings).play();
    let length = case.checks.last().map_or(Duration::ZERO, |check| check.at);
    Report { file: file.to_owned(), name: case.name.clone(), line: case.line, length, failures }
}

/// Everything that a test plays with.
struct World<'t> {
    case: &'t Case,
    engine: Engine,
    store: Store,
    touched: Touched,
    cluster: Cluster,
    timeline: Timeline,
    /// The time of the last step.
    now: Timestamp,
    /// What the next step hears.
    heard: Vec<Event>,
    /// How many things there were to ask of the loop, and the line of each.
    asked: Vec<usize>,
    series: Vec<Input<'t>>,
    /// Which value of each series comes next, and how many the longest has.
    column: u64,
    columns: u64,
    /// What has yet to happen.
    acts: &'t [Act],
    /// The expressions of the checks, by the check's place.
    queries: BTreeMap<usize, Query>,
    /// What went wrong though nobody expected anything of it: the line, and what.
    troubles: BTreeSet<(usize, String)>,
}

/// A series that arrives.
struct Input<'t> {
    labels: &'t Labels,
    values: Box<dyn Iterator<Item = Option<f64>> + 't>,
    /// Nothing reads it.
    unread: bool,
}

impl<'t> World<'t> {
    fn new(case: &'t Case, rules: &RuleSet, settings: &Settings) -> Self {
        let store = Store::new(settings.window_limits());
        let plans: Vec<(usize, &Arc<Plan>)> =
            case.checks.iter().enumerate().filter_map(|(at, check)| Some((at, check.plan()?))).collect();
        let mut selectors = rules.selectors();
        let of_rules = selectors.len();
        selectors.extend(plans.iter().flat_map(|(_, plan)| plan.selectors().iter().cloned()));
        let read = |labels: &Labels| selectors.iter().any(|selector| selector.matches(labels));
        let kept = |labels: &Labels| match &settings.ingest.keep {
            Keep::Rules => false,
            Keep::Matching(selectors) => selectors.iter().any(|of| of.iter().all(|matcher| matcher.matches(labels))),
            Keep::All => true,
        };
        let input = |(labels, values): &'t (Labels, Values)| Input {
            labels,
            values: Box::new(values.iter()),
            unread: !kept(labels) && !read(labels),
        };
        let series = case.series.iter().map(input).collect();
        let mut subscriptions = store.subscribe(&selectors);
        let mut of_checks = subscriptions.split_off(of_rules).into_iter();
        let mut queries = BTreeMap::new();
        for (at, plan) in plans {
            let inputs = of_checks.by_ref().take(plan.selectors().len()).collect();
            queries.insert(at, Query::new(Arc::clone(plan), inputs));
        }
        let mut world = Self {
            case,
            engine: Engine::new(settings),
            store,
            touched: Touched::default(),
            cluster: Cluster::default(),
            timeline: Timeline::of(compare::workloads(case)),
            now: case.start - ROUND,
            heard: vec![Event::Rules(rules.clone().bind(subscriptions))],
            asked: Vec::new(),
            series,
            column: 0,
            columns: case.series.iter().map(|(_, values)| values.len()).max().unwrap_or(0),
            acts: &case.actions,
            queries,
            troubles: BTreeSet::new(),
        };
        for beginning in &case.workloads {
            if let Some(replicas) = beginning.replicas {
                world.cluster.prepare(&beginning.workload.value, replicas, beginning.startup);
            }
        }
        world
    }

    fn play(mut self) -> Vec<Failure> {
        let case = self.case;
        let mut failures = Vec::new();
        let mut at = case.start;
        for (place, check) in case.checks.iter().enumerate() {
            let due = case.start + check.at;
            while at <= due {
                self.instant(at);
                at = self.next();
            }
            match &check.expected {
                Expected::Samples { expr, samples, .. } => {
                    let value = self.queries.get(&place).map(|query| query.eval(due));
                    failures.extend(value.and_then(|value| compare::samples(check, expr, samples, value)));
                }
                Expected::Alerts(expected) => {
                    failures.extend(compare::alerts(check, expected, &self.engine.view(), due));
                }
                Expected::Scale(_) => {}
            }
        }
        let end = self.now;
        let troubles = self.troubles.iter().map(|(line, trouble)| Failure::plain(*line, trouble.clone()));
        failures.extend(troubles.collect::<Vec<_>>());
        if compare::scales(case, &self.timeline).next().is_some() {
            // What comes later tells whether it is a matter of time.
            let until = end + end.since(case.start).min(PLAYED_ON_MAX);
            while at <= until {
                self.instant(at);
                at = self.next();
            }
        }
        failures.extend(compare::scales(case, &self.timeline));
        failures.sort_by_key(|failure| failure.line);
        failures.extend(self.strangers());
        if !failures.is_empty() {
            let unread = self.series.iter().filter(|input| input.unread);
            failures.extend(unread.map(|input| Failure::plain(case.line, format!("no rule reads {}", input.labels))));
        }
        failures
    }

    /// Workloads of which something is expected though no rule ever scaled them. To find there what the test itself put
    /// there proves nothing.
    fn strangers(&self) -> Option<Failure> {
        let strangers: Vec<&str> = self.timeline.strangers().collect();
        if strangers.is_empty() {
            return None;
        }
        let view = self.engine.view();
        let names: Vec<String> = view.workloads.iter().take(SHOWN_MAX).map(|seen| seen.workload.to_string()).collect();
        let names = if names.is_empty() { "none".to_owned() } else { names.join(", ") };
        let what = format!("no rule scales {}; scaled at the end: {names}", strangers.join(", "));
        Some(Failure::plain(self.case.line, what))
    }

    /// When the next thing happens.
    fn next(&self) -> Timestamp {
        let act = self.acts.first().map_or(Timestamp::MAX, |act| self.case.start + act.happening.at);
        let sample = if self.column < self.columns { self.column_at() } else { Timestamp::MAX };
        let due = self.engine.next_due().min(self.cluster.next_change());
        act.min(sample).min(due).max(self.now + ROUND)
    }

    /// When the next values of the series arrive.
    fn column_at(&self) -> Timestamp {
        let times = u32::try_from(self.column).unwrap_or(u32::MAX);
        self.case.start + self.case.interval.saturating_mul(times)
    }

    /// All that happens at a time, and what follows from it at once.
    fn instant(&mut self, at: Timestamp) {
        self.now = at.max(self.now + ROUND);
        self.cluster.advance(self.now);
        while let Some((act, rest)) = self.acts.split_first()
            && self.case.start + act.happening.at <= self.now
        {
            self.acts = rest;
            self.act(act);
        }
        while self.column < self.columns && self.column_at() <= self.now {
            self.arrive(self.column_at());
            self.column += 1;
        }
        for _ in 0..ROUNDS_MAX {
            self.step(at);
            if self.heard.is_empty() {
                break;
            }
            self.now = self.now + ROUND;
            self.cluster.advance(self.now);
        }
    }

    /// The series' next values arrive.
    fn arrive(&mut self, at: Timestamp) {
        let batch = self.store.batch(&mut self.touched);
        for input in &mut self.series {
            let Some(Some(value)) = input.values.next() else { continue };
            if let Err(refused) = batch.write(input.labels, Sample::new(at, value)) {
                self.troubles.insert((self.case.line, format!("{}: {refused}", input.labels)));
            }
        }
        batch.finish();
    }

    /// One step of the loop, and what it asks for is done.
    fn step(&mut self, at: Timestamp) {
        self.heard.extend(self.cluster.observe().into_iter().map(Event::Observed));
        let effects = self.engine.step(self.now, &self.store, std::mem::take(&mut self.heard));
        let view = self.engine.view();
        for effect in effects {
            match effect {
                Effect::Watch(workload, _) => self.watch(workload, &view),
                Effect::Forget(workload) => self.cluster.forget(&workload),
                Effect::Refit(mut refit) => {
                    refit.predictor.refit();
                    self.heard.push(Event::Refitted(refit, Duration::ZERO));
                }
                Effect::Act(action) => {
                    let outcome = self.cluster.apply(&action);
                    self.heard.push(Event::Acted(action, outcome));
                }
                Effect::Answer(number, Answer::Refused(why) | Answer::NotFound(why)) => {
                    let line = usize::try_from(number).ok().and_then(|number| self.asked.get(number)).copied();
                    self.troubles.insert((line.unwrap_or(self.case.line), why));
                }
                // What the loop keeps and tells is to be seen in its view.
                Effect::Record(_)
                | Effect::Keep(_)
                | Effect::Alerts { .. }
                | Effect::Notify(_)
                | Effect::Answer(..) => {}
            }
        }
        self.heard.extend(self.cluster.observe().into_iter().map(Event::Observed));
        let cluster = &self.cluster;
        self.timeline.record(at, &view, |name| cluster.counts(name));
    }

    /// A workload of which the test says nothing begins with its rule's minimum.
    fn watch(&mut self, workload: Workload, view: &View) {
        if !self.cluster.knows(&workload) {
            let seen = view.workloads.iter().find(|seen| seen.workload == workload);
            let written = self.case.workloads.iter().find(|written| is_same(&written.workload.value, &workload));
            let startup = written.map_or(Duration::ZERO, |written| written.startup);
            self.cluster.prepare(&workload, seen.map_or(1, |seen| seen.min), startup);
        }
        self.cluster.watch(workload);
    }

    fn act(&mut self, act: &Act) {
        let now = self.now;
        let command = match &act.happening.deed {
            Deed::Silence { length, author, comment, .. } => {
                let number = self.asked.len();
                let silence = Silence {
                    id: silence_id(2 * number),
                    matchers: act.matchers.clone(),
                    starts_at: now,
                    ends_at: now + *length,
                    updated_at: now,
                    created_by: author.clone(),
                    comment: comment.clone(),
                };
                Command::Silence { silence, spare_id: silence_id(2 * number + 1) }
            }
            Deed::Alert { annotations, length, .. } => Command::Alerts(vec![Alert {
                labels: act.labels.clone(),
                annotations: annotations.iter().map(|pair| (pair.name.value.clone(), pair.value.clone())).collect(),
                starts_at: now,
                ends_at: length.map_or(Timestamp::MAX, |length| now + length),
                updated_at: now,
                generator_url: String::new(),
            }]),
            Deed::Manual { workload, replicas, length, author, reason } => Command::Scale(ManualScale {
                workload: self.known(workload),
                replicas: *replicas,
                author: author.clone(),
                reason: reason.clone(),
                ttl: *length,
                dry_run: false,
            }),
            of_cluster => return self.cluster.suffer(of_cluster),
        };
        let number = self.asked.len();
        self.asked.push(act.line);
        self.heard.push(Event::Asked(number as u64, command));
    }

    /// A workload as the loop knows it, with its version.
    fn known(&self, workload: &Workload) -> Workload {
        let view = self.engine.view();
        let known = view.workloads.iter().find(|seen| is_same(&seen.workload, workload));
        known.map_or_else(|| workload.clone(), |seen| seen.workload.clone())
    }
}

/// The id of a silence, in the form that the API gives it.
fn silence_id(number: usize) -> String {
    format!("00000000-0000-4000-8000-{number:012x}")
}
