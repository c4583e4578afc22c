//! Traces of the loop: real rules over a real store in virtual time, an actuator that answers as the test says.

mod alerts;
mod commands;
mod explain;
mod knowledge;
mod patterns;
mod properties;
mod recovery;
mod reload;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::path::PathBuf;
use std::time::Duration;

use expect_test::{Expect, expect};

use super::*;
use crate::config::Settings;
use crate::dispatch::Status;
use crate::journal::{self, Directory, Durability, Journal, Recovered};
use crate::labels::{Labels, NAME};
use crate::rule;
use crate::sample::STALE;
use crate::sample::Sample;
use crate::series::Touched;
use crate::series::{Limits, Pushed};
use crate::telemetry::JournalMetrics;
use crate::workload::ObjectRef;

const START_MS: i64 = 1_760_000_000_000;

/// One workload at 50 a replica, quick to move both ways.
const CHECKOUT: &str = "
groups:
  - name: shop
    interval: 15s
    rules:
      - scale: checkout
        target: {kind: Deployment, namespace: shop, name: checkout}
        replicas: {min: 1, max: 20}
        metrics: [{name: requests, demand: sum(load), per_replica: 50}]
        behavior:
          scale_up: {policies: [{type: Pods, value: 20, period: 1s}]}
          scale_down: {stabilization_window: 0s, policies: [{type: Pods, value: 20, period: 1s}]}
";

struct World {
    engine: Engine,
    store: Store,
    now: Timestamp,
    log: String,
    watched: BTreeSet<Workload>,
    in_flight: BTreeMap<Workload, Action>,
    /// Alerts that Alertmanagers were told of since this was looked at.
    alerts_told: usize,
    settings: Settings,
    /// What was written down, in order.
    written: Vec<Change>,
    /// Predictors that are to be fitted, and wait for it.
    refits: Vec<Refit>,
}

impl World {
    fn new(rules: &str) -> Self {
        Self::with(&Settings::default(), rules)
    }

    fn with(settings: &Settings, rules: &str) -> Self {
        let store = Store::new(Limits::default());
        let now = Timestamp::from_millis(START_MS);
        let mut world = Self {
            engine: Engine::new(settings),
            store,
            now,
            log: String::new(),
            watched: BTreeSet::new(),
            in_flight: BTreeMap::new(),
            alerts_told: 0,
            settings: settings.clone(),
            written: Vec::new(),
            refits: Vec::new(),
        };
        world.load(rules);
        world
    }

    fn load(&mut self, rules: &str) {
        let rules = self.compiled(rules);
        self.step(vec![Event::Rules(rules)]);
    }

    fn configure(&mut self, settings: Settings, rules: &str) {
        self.settings = settings;
        let (rules, settings) = (self.compiled(rules), Box::new(self.settings.clone()));
        self.step(vec![Event::Settings(settings, rules)]);
    }

    fn compiled(&self, rules: &str) -> BoundRules {
        let files = [(PathBuf::from("rules.yaml"), rules.to_owned())];
        let rules = rule::compile(&files, &self.settings).unwrap_or_else(|findings| panic!("{findings:?}"));
        let subscriptions = self.store.subscribe(&rules.selectors());
        rules.bind(subscriptions)
    }

    /// One step, a millisecond on; its effects go into the log.
    fn step(&mut self, events: Vec<Event>) {
        self.now = self.now + Duration::from_millis(1);
        let at = self.now.since(Timestamp::from_millis(START_MS)).as_secs();
        for effect in self.engine.step(self.now, &self.store, events) {
            match &effect {
                Effect::Record(entry) => self.written.push(Change::Entry(Arc::clone(entry))),
                Effect::Keep(change) => self.written.push(change.clone()),
                _ => {}
            }
            let line = match effect {
                Effect::Watch(workload, _) => {
                    let line = format!("watch {workload}");
                    assert!(self.watched.insert(workload), "watched once");
                    line
                }
                Effect::Forget(workload) => {
                    assert!(self.watched.remove(&workload), "what is forgotten was watched");
                    assert!(!self.in_flight.contains_key(&workload), "an action ends before its workload is forgotten");
                    format!("forget {workload}")
                }
                Effect::Record(entry) if entry.outcome.is_some() => continue,
                Effect::Record(entry) => {
                    let decision = &entry.decision;
                    format!("{}: {}", decision.headline(&entry.workload), decision.summary())
                }
                Effect::Alerts { alerts, .. } => {
                    self.alerts_told += alerts.len();
                    continue;
                }
                Effect::Keep(_) | Effect::Notify(_) => continue,
                Effect::Refit(refit) => {
                    let line = format!("refit {} of {}", refit.metric, refit.workload);
                    self.refits.push(refit);
                    line
                }
                Effect::Answer(number, answer) => format!("answer {number}: {answer:?}"),
                Effect::Act(action) => {
                    assert!(self.watched.contains(&action.workload), "what is scaled is watched");
                    let before = self.in_flight.insert(action.workload.clone(), action);
                    assert!(before.is_none(), "one action in flight per workload");
                    continue;
                }
            };
            writeln!(self.log, "{at:03}s {line}").unwrap();
        }
        assert!(self.engine.next_due() > self.now, "the loop rests until something happens");
    }

    /// The process is killed, and another goes on with what was written down. What was on its way is gone.
    fn restart(&mut self, rules: &str) {
        let recovered = journalled(&self.written, self.now);
        (self.engine, self.store) = (Engine::new(&self.settings), Store::new(Limits::default()));
        self.engine.recover(&recovered);
        self.watched.clear();
        self.in_flight.clear();
        writeln!(self.log, "restart").unwrap();
        self.load(rules);
    }

    /// The process is stopped in peace; what comes next is [`restart`](Self::restart).
    fn stop(&mut self, acted: Vec<Event>) {
        self.now = self.now + Duration::from_millis(1);
        self.written.extend(self.engine.stop(self.now, acted));
    }

    /// Time passes, with steps where the loop asks for them.
    fn wait(&mut self, length: Duration) {
        let end = self.now + length;
        while self.engine.next_due() < end {
            self.now = self.now.max(self.engine.next_due());
            self.step(Vec::new());
        }
        self.now = end;
    }

    fn load_is(&mut self, name: &str, app: &str, value: f64) {
        let labels = Labels::from_pairs([(NAME, name), ("app", app)]).unwrap();
        let mut touched = Touched::default();
        let pushed = self.store.batch(&mut touched).write(&labels, Sample::new(self.now, value)).unwrap();
        assert_ne!(pushed, Pushed::Conflicting);
        self.step(Vec::new());
    }

    fn cluster_says(&mut self, name: &str, status: Status) {
        let observation = Observation { workload: workload(name), status };
        self.step(vec![Event::Observed(observation)]);
    }

    fn has(&mut self, name: &str, replicas: u32) {
        self.cluster_says(name, Status::found(replicas, replicas));
    }

    /// The action on its way ends.
    fn acted(&mut self, name: &str, outcome: Outcome) {
        let action = self.in_flight.remove(&workload(name)).expect("an action is on its way");
        self.step(vec![Event::Acted(action, outcome)]);
    }

    #[track_caller]
    fn check(&self, want: &Expect) {
        want.assert_eq(&self.log);
    }

    fn health(&self, rule: &str) -> Option<String> {
        let view = self.engine.view();
        view.rules.iter().find(|health| &*health.rule == rule).and_then(|health| health.last_error.clone())
    }
}

/// What a journal with these changes gives back after a restart.
fn journalled(changes: &[Change], now: Timestamp) -> Recovered {
    let folder = tempfile::tempdir().unwrap();
    let open = || {
        let storage = Directory::new(folder.path(), Durability::Eventual);
        Journal::open(storage, journal::Limits::default(), JournalMetrics::default(), now).unwrap()
    };
    open().0.write(changes, now).unwrap();
    open().1
}

fn workload(name: &str) -> Workload {
    let (kind, namespace) = ("Deployment".to_owned(), "shop".to_owned());
    Workload::from(ObjectRef { api_version: String::new(), kind, namespace, name: name.to_owned() })
}

fn second() -> Duration {
    Duration::from_secs(1)
}

#[test]
fn a_sample_scales_at_once_and_the_next_action_waits_for_the_first() {
    let mut world = World::new(CHECKOUT);
    world.load_is("load", "a", 190.0);
    world.has("checkout", 2);
    world.wait(second());
    world.load_is("load", "a", 600.0);
    world.wait(second());
    world.acted("checkout", Outcome::Done);
    world.check(&expect![[r#"
        000s watch shop/checkout
        000s shop/checkout 2 -> 4: requests 190 / 50 = 4
        002s shop/checkout 4 -> 12: requests 600 / 50 = 12
    "#]]);
}

#[test]
fn without_an_observation_or_without_data_nothing_is_done() {
    let mut world = World::new(CHECKOUT);
    world.load_is("load", "a", 190.0);
    world.cluster_says("checkout", Status::Unknown("not found".to_owned()));
    world.wait(Duration::from_mins(1));
    world.load_is("load", "a", STALE);
    world.has("checkout", 9);
    world.wait(Duration::from_mins(10));
    world.check(&expect![[r#"
        000s watch shop/checkout
    "#]]);
}

#[test]
fn failures_wait_twice_as_long_each_time_and_a_refusal_a_minute() {
    let mut world = World::new(CHECKOUT);
    world.load_is("load", "a", 190.0);
    world.has("checkout", 2);
    for _ in 0..3 {
        world.acted("checkout", Outcome::Failed("no route to host".to_owned()));
        world.wait(Duration::from_secs(9));
    }
    let view = world.engine.view();
    assert_eq!((view.workloads[0].failures, view.workloads[0].last_error.as_deref()), (3, Some("no route to host")));
    world.acted("checkout", Outcome::Refused("forbidden".to_owned()));
    world.wait(Duration::from_secs(59));
    world.load_is("load", "a", 200.0);
    world.wait(second());
    world.load_is("load", "a", 200.0);
    world.acted("checkout", Outcome::Done);
    assert_eq!(world.engine.view().workloads[0].failures, 0);
    world.check(&expect![[r#"
        000s watch shop/checkout
        000s shop/checkout 2 -> 4: requests 190 / 50 = 4
        001s shop/checkout 2 -> 4: requests 190 / 50 = 4
        011s shop/checkout 2 -> 4: requests 190 / 50 = 4
        022s shop/checkout 2 -> 4: requests 190 / 50 = 4
        087s shop/checkout 2 -> 4: requests 200 / 50 = 4
    "#]]);
}

#[test]
fn after_a_conflict_the_fresh_count_decides() {
    let mut world = World::new(CHECKOUT);
    world.load_is("load", "a", 190.0);
    world.has("checkout", 2);
    world.acted("checkout", Outcome::Conflict);
    world.has("checkout", 3);
    assert_eq!(world.engine.view().workloads[0].failures, 0);
    world.check(&expect![[r#"
        000s watch shop/checkout
        000s shop/checkout 2 -> 4: requests 190 / 50 = 4
        000s shop/checkout 3 -> 4: requests 190 / 50 = 4
    "#]]);
}

#[test]
fn a_dry_run_says_each_thing_once() {
    let mut world = World::new(CHECKOUT);
    world.load_is("load", "a", 190.0);
    world.has("checkout", 2);
    world.acted("checkout", Outcome::Simulated);
    for _ in 0..5 {
        world.wait(second());
        world.load_is("load", "a", 195.0);
    }
    world.wait(second());
    world.load_is("load", "a", 290.0);
    world.check(&expect![[r#"
        000s watch shop/checkout
        000s shop/checkout 2 -> 4: requests 190 / 50 = 4
        006s shop/checkout 2 -> 6: requests 290 / 50 = 6
    "#]]);
}

#[test]
fn what_is_recorded_is_read_in_the_same_step() {
    let rules = CHECKOUT.replace("    rules:\n", "    rules:\n      - {record: app:load, expr: sum by (app) (load)}\n");
    let mut world = World::new(&rules.replace("sum(load)", "sum(app:load)"));
    world.has("checkout", 2);
    world.load_is("load", "a", 190.0);
    world.check(&expect![[r#"
        000s watch shop/checkout
        000s shop/checkout 2 -> 4: requests 190 / 50 = 4
    "#]]);
}

#[test]
fn a_fleet_follows_its_series_and_one_that_vanishes_holds() {
    let fleet =
        CHECKOUT.replace("name: checkout}", "name: \"{{ $labels.app }}\"}").replace("sum(load)", "sum by (app) (load)");
    let mut world = World::new(&fleet);
    world.load_is("load", "web", 190.0);
    world.load_is("load", "api", 90.0);
    world.has("web", 2);
    world.has("api", 5);
    world.acted("web", Outcome::Done);
    world.acted("api", Outcome::Done);
    world.wait(second());
    // The series ends: the workload keeps what it has, and is forgotten when the cluster forgets it.
    world.load_is("load", "api", STALE);
    world.has("api", 7);
    world.wait(Duration::from_mins(1));
    world.cluster_says("api", Status::Unknown("deleted".to_owned()));
    world.wait(Duration::from_mins(1));
    world.check(&expect![[r#"
        000s watch shop/web
        000s watch shop/api
        000s shop/web 2 -> 4: requests 190 / 50 = 4
        000s shop/api 5 -> 2: requests 90 / 50 = 2
        075s forget shop/api
    "#]]);
}

#[test]
fn a_reload_keeps_what_is_remembered_of_a_workload() {
    let calm = CHECKOUT.replace("stabilization_window: 0s", "stabilization_window: 5m");
    let mut world = World::new(&calm);
    world.load_is("load", "a", 390.0);
    world.has("checkout", 8);
    world.wait(Duration::from_mins(1));
    world.load(&calm.replace("max: 20", "max: 19"));
    world.load_is("load", "a", 90.0);
    let view = world.engine.view();
    assert_eq!((view.workloads[0].max, view.workloads[0].replicas), (19, Some(8)));
    for _ in 0..6 {
        world.wait(Duration::from_mins(1));
        world.load_is("load", "a", 90.0);
    }
    world.check(&expect![[r#"
        000s watch shop/checkout
        360s shop/checkout 8 -> 2: requests 90 / 50 = 2
    "#]]);
}

#[test]
fn two_rules_on_one_workload_are_told_apart() {
    let second = CHECKOUT.split_once("    rules:\n").map(|(_, rule)| {
        rule.replace("scale: checkout", "scale: other").replace("name: checkout}", "name: \"{{ $labels.app }}\"}")
    });
    let rules = format!("{CHECKOUT}{}", second.unwrap().replace("sum(load)", "sum by (app) (load)"));
    let mut world = World::new(&rules);
    world.load_is("load", "checkout", 190.0);
    world.has("checkout", 2);
    assert_eq!(world.health("other").as_deref(), Some("shop/checkout is scaled by rule \"checkout\" already"));
    assert_eq!(world.health("checkout"), None);
}

#[test]
fn intervals_that_pass_without_an_evaluation_are_counted() {
    let mut world = World::new(CHECKOUT);
    world.now = world.now + Duration::from_secs(50);
    world.step(Vec::new());
    assert_eq!(world.engine.counts().missed, 2);
}

#[test]
fn failures_in_a_row_wait_up_to_a_minute_and_no_sample_or_observation_ends_the_wait() {
    let mut world = World::new(CHECKOUT);
    world.load_is("load", "a", 190.0);
    world.has("checkout", 2);
    for _ in 0..9 {
        world.acted("checkout", Outcome::Failed("no route to host".to_owned()));
        let tried = world.log.clone();
        world.has("checkout", 2);
        world.load_is("load", "a", 190.0);
        assert_eq!(world.log, tried);
        while world.in_flight.is_empty() {
            world.wait(second());
        }
    }
    world.check(&expect![[r#"
        000s watch shop/checkout
        000s shop/checkout 2 -> 4: requests 190 / 50 = 4
        001s shop/checkout 2 -> 4: requests 190 / 50 = 4
        003s shop/checkout 2 -> 4: requests 190 / 50 = 4
        007s shop/checkout 2 -> 4: requests 190 / 50 = 4
        015s shop/checkout 2 -> 4: requests 190 / 50 = 4
        031s shop/checkout 2 -> 4: requests 190 / 50 = 4
        063s shop/checkout 2 -> 4: requests 190 / 50 = 4
        123s shop/checkout 2 -> 4: requests 190 / 50 = 4
        183s shop/checkout 2 -> 4: requests 190 / 50 = 4
        243s shop/checkout 2 -> 4: requests 190 / 50 = 4
    "#]]);
}

#[test]
fn a_failure_after_a_conflict_waits_though_there_is_an_observation() {
    let mut world = World::new(CHECKOUT);
    world.load_is("load", "a", 190.0);
    world.has("checkout", 2);
    world.acted("checkout", Outcome::Conflict);
    // No observation comes; it is tried again.
    world.wait(Duration::from_secs(2));
    world.acted("checkout", Outcome::Refused("forbidden".to_owned()));
    world.has("checkout", 2);
    world.wait(Duration::from_secs(65));
    world.check(&expect![[r#"
        000s watch shop/checkout
        000s shop/checkout 2 -> 4: requests 190 / 50 = 4
        001s shop/checkout 2 -> 4: requests 190 / 50 = 4
        062s shop/checkout 2 -> 4: requests 190 / 50 = 4
    "#]]);
}

#[test]
fn a_recommendation_that_is_followed_counts_as_scaled() {
    let mut world = World::new(&CHECKOUT.replace("        behavior:", "        cooldown: 1m\n        behavior:"));
    world.load_is("load", "a", 190.0);
    world.has("checkout", 2);
    world.acted("checkout", Outcome::Simulated);
    world.wait(Duration::from_secs(20));
    // Somebody scales as it was recommended: from here on the cooldown runs.
    world.has("checkout", 4);
    world.load_is("load", "a", 90.0);
    world.wait(Duration::from_secs(90));
    world.check(&expect![[r#"
        000s watch shop/checkout
        000s shop/checkout 2 -> 4: requests 190 / 50 = 4
        080s shop/checkout 4 -> 2: requests 90 / 50 = 2
    "#]]);
}

#[test]
fn a_recommendation_that_is_followed_before_its_outcome_is_heard_counts_too() {
    let mut world = World::new(&CHECKOUT.replace("        behavior:", "        cooldown: 1m\n        behavior:"));
    world.load_is("load", "a", 190.0);
    world.has("checkout", 2);
    world.has("checkout", 4);
    world.acted("checkout", Outcome::Simulated);
    world.load_is("load", "a", 90.0);
    world.wait(Duration::from_secs(90));
    world.check(&expect![[r#"
        000s watch shop/checkout
        000s shop/checkout 2 -> 4: requests 190 / 50 = 4
        060s shop/checkout 4 -> 2: requests 90 / 50 = 2
    "#]]);
}

#[test]
fn what_is_not_known_of_the_cluster_is_not_decided() {
    let mut world = World::new(CHECKOUT);
    world.load_is("load", "a", 190.0);
    world.has("checkout", 2);
    world.acted("checkout", Outcome::Failed("gone".to_owned()));
    world.cluster_says("checkout", Status::Unknown("gone".to_owned()));
    let before = world.engine.counts();
    for _ in 0..10 {
        world.load_is("load", "a", 500.0);
        world.wait(second());
    }
    let Counts { up, down, unchanged, .. } = world.engine.counts();
    assert_eq!((up, down, unchanged), (before.up, before.down, before.unchanged));
    let view = world.engine.view();
    assert_eq!((view.workloads[0].replicas, view.workloads[0].problem.as_deref()), (None, Some("gone")));
}

#[test]
fn a_dry_run_sets_nothing_that_could_drift() {
    let mut world = World::new(CHECKOUT);
    world.load_is("load", "a", 190.0);
    world.has("checkout", 2);
    world.acted("checkout", Outcome::Simulated);
    world.wait(second());
    world.load_is("load", "a", 290.0);
    assert_eq!(world.engine.view().workloads[0].drift, None);
}
