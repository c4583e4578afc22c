//! A dozen situations, as whoever is on call reads them.

use std::sync::Arc;
use std::time::Duration;

use expect_test::{Expect, expect};

use crate::decision::{Change, Inputs, MetricInput, Policy, ScalingPolicy, SelectPolicy, State, decide};
use crate::demand::Presence;
use crate::dispatch::Outcome;
use crate::engine::{Background, Entry, LINES_MAX, MetricView, WorkloadView, explain_with};
use crate::labels::Labels;
use crate::time::Timestamp;
use crate::workload::{Replicas, Workload};

/// 2026-01-01T00:00:00Z.
const NEW_YEAR: Timestamp = Timestamp::from_millis(1_767_225_600_000);

/// A workload and what its decisions rest on.
struct Situation {
    policy: Policy,
    state: State,
    metrics: Vec<(&'static str, Presence, Presence)>,
    replicas: Replicas,
    ready: Replicas,
    now: Timestamp,
}

/// Four replicas, 2 to 10, and 190 requests at 50 each.
fn four() -> Situation {
    Situation {
        policy: Policy::new(2, 10),
        state: State::default(),
        metrics: vec![requests(190.0)],
        replicas: 4,
        ready: 4,
        now: NEW_YEAR,
    }
}

fn requests(demand: f64) -> (&'static str, Presence, Presence) {
    ("requests", Presence::of(demand), Presence::Present(50.0))
}

impl Situation {
    fn with(mut self, change: impl FnOnce(&mut Self)) -> Self {
        change(&mut self);
        self
    }

    /// Decides as of now, and goes on by `later`.
    fn decided(&mut self, later: Duration) {
        let inputs = self.inputs();
        self.state = decide(&self.policy, &inputs, &self.state, self.now).1;
        self.now = self.now + later;
    }

    fn inputs(&self) -> Inputs {
        let metric = |(name, demand, per_replica): &(&str, Presence, Presence)| MetricInput {
            name: Arc::from(*name),
            demand: *demand,
            per_replica: *per_replica,
        };
        Inputs { metrics: self.metrics.iter().map(metric).collect(), replicas: self.replicas, ready: self.ready }
    }

    fn view(&self) -> WorkloadView {
        let inputs = self.inputs();
        let (decision, _) = decide(&self.policy, &inputs, &self.state, self.now);
        let metric = |metric: MetricInput| MetricView {
            name: metric.name,
            demand: metric.demand,
            per_replica: metric.per_replica,
        };
        WorkloadView {
            workload: checkout(),
            rule: Arc::from("checkout"),
            labels: Labels::default(),
            min: self.policy.min,
            max: self.policy.max,
            replicas: Some(self.replicas),
            ready: Some(self.ready),
            problem: None,
            metrics: inputs.metrics.into_iter().map(metric).collect(),
            decision: Some(decision),
            in_flight: false,
            failures: 0,
            last_error: None,
        }
    }
}

fn checkout() -> Workload {
    let (kind, namespace, name) = ("Deployment".to_owned(), "shop".to_owned(), "checkout".to_owned());
    Workload { api_version: String::new(), kind, namespace, name }
}

#[track_caller]
fn check(situation: &Situation, want: Expect) {
    check_view(&situation.view(), &Background::default(), situation.now, want);
}

#[track_caller]
fn check_view(view: &WorkloadView, background: &Background<'_>, now: Timestamp, want: Expect) {
    let text = explain_with(view, background, now);
    assert!(text.lines().count() <= LINES_MAX, "{text}");
    want.assert_eq(&text);
}

#[test]
fn settled() {
    check(&four(), expect![[""]]);
}

#[test]
fn within_tolerance() {
    check(&four().with(|it| it.metrics = vec![requests(210.0)]), expect![[""]]);
}

#[test]
fn on_the_way_up() {
    let situation = four().with(|it| it.metrics = vec![requests(290.0)]);
    let view = WorkloadView { in_flight: true, ..situation.view() };
    check_view(&view, &Background::default(), NEW_YEAR, expect![[""]]);
}

#[test]
fn paced_by_a_policy() {
    let situation = four().with(|it| {
        it.metrics = vec![requests(440.0)];
        let one = ScalingPolicy { change: Change::Pods(1), period: Duration::from_mins(1) };
        it.policy.behavior.scale_up.policies = vec![one];
        it.state.scaled(it.now, 3, 4);
        it.now = it.now + Duration::from_secs(20);
    });
    check(&situation, expect![[""]]);
}

#[test]
fn held_by_the_stabilization_window() {
    let situation = four().with(|it| {
        it.decided(Duration::from_secs(170));
        it.metrics = vec![requests(90.0)];
    });
    check(&situation, expect![[""]]);
}

#[test]
fn held_by_the_cooldown() {
    let situation = four().with(|it| {
        it.policy.behavior.scale_down.stabilization_window = Duration::ZERO;
        it.policy.cooldown = Duration::from_mins(10);
        it.state.scaled(it.now, 3, 4);
        it.now = it.now + Duration::from_secs(61);
        it.metrics = vec![requests(90.0)];
    });
    check(&situation, expect![[""]]);
}

#[test]
fn at_the_maximum() {
    check(&four().with(|it| (it.replicas, it.ready, it.metrics) = (10, 9, vec![requests(900.0)])), expect![[""]]);
}

#[test]
fn at_the_minimum() {
    check(&four().with(|it| (it.replicas, it.ready, it.metrics) = (2, 2, vec![requests(3.5)])), expect![[""]]);
}

#[test]
fn data_is_missing() {
    let situation = four().with(|it| {
        it.metrics = vec![requests(90.0), ("cpu", Presence::Stale, Presence::Present(0.7))];
    });
    check(&situation, expect![[""]]);
    check(&four().with(|it| it.metrics = vec![requests(f64::NAN)]), expect![[""]]);
}

#[test]
fn down_is_disabled() {
    let situation = four().with(|it| {
        it.policy.behavior.scale_down.stabilization_window = Duration::ZERO;
        it.policy.behavior.scale_down.select = SelectPolicy::Disabled;
        it.metrics = vec![requests(90.0)];
    });
    check(&situation, expect![[""]]);
}

#[test]
fn the_cluster_refuses() {
    let situation = four().with(|it| it.metrics = vec![requests(290.0)]);
    let error = "HorizontalPodAutoscaler shop/checkout scales it already; delete it, or set kubernetes.conflicts: ignore";
    let view = WorkloadView { failures: 3, last_error: Some(error.to_owned()), ..situation.view() };
    check_view(&view, &Background::default(), NEW_YEAR, expect![[""]]);
}

#[test]
fn not_in_the_cluster() {
    let (replicas, ready, decision) = (None, None, None);
    let problem = Some("Deployment shop/checkout does not exist; create it, or correct the rule's target".to_owned());
    let view = WorkloadView { replicas, ready, decision, problem, ..four().view() };
    check_view(&view, &Background::default(), NEW_YEAR, expect![[""]]);
}

#[test]
fn asleep() {
    let situation = four().with(|it| {
        (it.policy.min, it.replicas, it.ready, it.metrics) = (0, 0, 0, vec![requests(0.0)]);
    });
    check(&situation, expect![[""]]);
}

#[test]
fn who_made_the_count() {
    let before = four().with(|it| it.metrics = vec![requests(190.0)]).with(|it| it.replicas = 3);
    let decision = before.view().decision.unwrap();
    let (workload, rule, outcome) = (checkout(), Arc::from("checkout"), Some(Outcome::Done));
    let last = Entry { id: 7, workload, rule, decision, outcome };
    let background = Background { last: Some(&last), tolerance_up: 0.0, tolerance_down: 0.5 };
    let now = NEW_YEAR + Duration::from_millis(754_321);
    check_view(&four().view(), &background, now, expect![[""]]);
    let seven = four().with(|it| (it.replicas, it.ready) = (7, 7));
    check_view(&seven.view(), &background, now, expect![[""]]);
}

#[test]
fn errors_from_elsewhere_stay_in_their_line() {
    let error = Some(format!("first\nsecond\u{1b}[31m {}", "x".repeat(1000)));
    let view = WorkloadView { failures: 1, last_error: error, ..four().view() };
    let text = explain_with(&view, &Background::default(), NEW_YEAR);
    let line = text.lines().find(|line| line.contains("action")).unwrap();
    assert!(line.contains("first second [31m") && line.len() < 400, "{line}");
}
