//! A dozen situations, as whoever is on call reads them.

#![allow(clippy::needless_pass_by_value, reason = "expectations are made where they are checked")]

use std::sync::Arc;
use std::time::Duration;

use expect_test::{Expect, expect};

use crate::decision::{
    Behavior, Calendar, Change, Inputs, MetricInput, Pause, Policy, ScalingPolicy, SelectPolicy, State, decide,
};
use crate::demand::Presence;
use crate::dispatch::Outcome;
use crate::engine::{Entry, LINES_MAX, MetricView, Terms, WorkloadView, explain};
use crate::labels::Labels;
use crate::time::Timestamp;
use crate::workload::{ObjectRef, Replicas, Workload};

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
        let metric =
            |(name, demand, per_replica): &(&str, Presence, Presence)| MetricInput::new(*name, *demand, *per_replica);
        Inputs {
            metrics: self.metrics.iter().map(metric).collect(),
            replicas: self.replicas,
            ready: self.ready,
            ..Inputs::default()
        }
    }

    fn view(&self) -> WorkloadView {
        let inputs = self.inputs();
        let (decision, _) = decide(&self.policy, &inputs, &self.state, self.now);
        let metric = |metric: MetricInput| MetricView {
            name: metric.name,
            demand: metric.demand,
            per_replica: metric.per_replica,
            z_score: None,
            robust_score: None,
            odd_pods: None,
            paused: metric.paused,
            activation: metric.activation,
            carried: None,
            outlook: None,
            point: None,
        };
        WorkloadView {
            workload: checkout(),
            rule: Arc::from("checkout"),
            labels: Labels::default(),
            min: self.policy.min,
            max: self.policy.max,
            terms: Terms::of(&self.policy, &inputs.calendar),
            replicas: Some(self.replicas),
            ready: Some(self.ready),
            problem: None,
            metrics: inputs.metrics.into_iter().map(metric).collect(),
            decision: Some(decision),
            muted: None,
            drift: None,
            manual: None,
            rollback: None,
            startup: None,
            load: crate::demand::Load::Normal,
            cost: None,
            in_flight: false,
            failures: 0,
            last_error: None,
        }
    }
}

fn checkout() -> Workload {
    let (kind, namespace, name) = ("Deployment".to_owned(), "shop".to_owned(), "checkout".to_owned());
    Workload::from(ObjectRef { api_version: String::new(), kind, namespace, name })
}

#[track_caller]
fn check(situation: &Situation, want: Expect) {
    check_view(&situation.view(), None, situation.now, want);
}

#[track_caller]
fn check_view(view: &WorkloadView, last: Option<&Entry>, now: Timestamp, want: Expect) {
    let text = explain(view, last, now);
    assert!(text.lines().count() <= LINES_MAX, "{text}");
    want.assert_eq(&text);
}

#[test]
fn settled() {
    check(
        &four(),
        expect![[r#"
            shop/checkout has 4 replicas (rule checkout, 2 to 10)
              wants    4, as it has (reactive: requests 190 / 50 = 4)
              up       to 5 or more when requests > 220 (now 190)
              down     to 3 or fewer when requests <= 150 (now 190)
        "#]],
    );
}

#[test]
fn within_tolerance() {
    check(
        &four().with(|it| it.metrics = vec![requests(210.0)]),
        expect![[r#"
            shop/checkout has 4 replicas (rule checkout, 2 to 10)
              wants    4, as it has (reactive: requests 210 / 50 = 4.2, within 10% of 4)
              up       to 5 or more when requests > 220 (now 210)
              down     to 3 or fewer when requests <= 150 (now 210)
        "#]],
    );
}

#[test]
fn on_the_way_up() {
    let situation = four().with(|it| it.metrics = vec![requests(290.0)]);
    let view = WorkloadView {
        muted: None,
        drift: None,
        manual: None,
        rollback: None,
        startup: None,
        load: crate::demand::Load::Normal,
        cost: None,
        in_flight: true,
        ..situation.view()
    };
    check_view(
        &view,
        None,
        NEW_YEAR,
        expect![[r#"
            shop/checkout has 4 replicas (rule checkout, 2 to 10)
              wants    6, up by 2 (reactive: requests 290 / 50 = 6)
              action   4 -> 6 is on its way to the cluster
              down     to 3 or fewer when requests <= 150 (now 290)
        "#]],
    );
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
    check(
        &situation,
        expect![[r#"
            shop/checkout has 4 replicas (rule checkout, 2 to 10)
              wants    4, as it has (stability: the policy of 1 pod per 1m is used up); the load asks for 9: requests 440 / 50 = 9
              next     in 40s, when the policy of 1 pod per 1m has room again
              down     to 3 or fewer when requests <= 150 (now 440)
        "#]],
    );
}

#[test]
fn held_by_the_stabilization_window() {
    let situation = four().with(|it| {
        it.decided(Duration::from_secs(170));
        it.metrics = vec![requests(90.0)];
    });
    check(
        &situation,
        expect![[r#"
            shop/checkout has 4 replicas (rule checkout, 2 to 10)
              wants    4, as it has (stability: 4 were wanted within the last 5m); the load asks for 2: requests 90 / 50 = 2
              next     in 2m10s, when the stabilization window of 5m moves on
              up       to 5 or more when requests > 220 (now 90)
              down     to 3 or fewer while requests <= 150 (now 90)
        "#]],
    );
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
    check(
        &situation,
        expect![[r#"
            shop/checkout has 4 replicas (rule checkout, 2 to 10)
              wants    4, as it has (stability: cooldown 10m, scaled 1m1s ago); the load asks for 2: requests 90 / 50 = 2
              next     in 8m59s, when the cooldown of 10m ends
              up       to 5 or more when requests > 220 (now 90)
              down     to 3 or fewer while requests <= 150 (now 90)
        "#]],
    );
}

#[test]
fn at_the_maximum() {
    check(
        &four().with(|it| (it.replicas, it.ready, it.metrics) = (10, 9, vec![requests(900.0)])),
        expect![[r#"
            shop/checkout has 10 replicas, 9 ready (rule checkout, 2 to 10)
              wants    10, as it has (bounds: 18 is above the maximum 10); the load asks for 18: requests 900 / 50 = 18
              up       never above the maximum of 10; raise replicas.max if the load is real
              down     to 9 or fewer when requests <= 450 (now 900)
        "#]],
    );
}

#[test]
fn at_the_minimum() {
    check(
        &four().with(|it| (it.replicas, it.ready, it.metrics) = (2, 2, vec![requests(3.5)])),
        expect![[r#"
            shop/checkout has 2 replicas (rule checkout, 2 to 10)
              wants    2, as it has (bounds: 1 is below the minimum 2); the load asks for 1: requests 3.5 / 50 = 1
              up       to 3 or more when requests > 110 (now 3.5)
              down     never below the minimum of 2
        "#]],
    );
}

#[test]
fn data_is_missing() {
    let situation = four().with(|it| {
        it.metrics = vec![requests(90.0), ("cpu", Presence::Stale, Presence::Present(0.7))];
    });
    check(
        &situation,
        expect![[r#"
            shop/checkout has 4 replicas (rule checkout, 2 to 10)
              wants    4, as it has (guards: cpu demand stale); the load asks for 2: requests 90 / 50 = 2
              up       to 5 or more when requests > 220 (now 90), or when another metric asks for more
              missing  cpu demand is stale: repair its source; the count may rise, and does not fall until the data is back
        "#]],
    );
    check(
        &four().with(|it| it.metrics = vec![requests(f64::NAN)]),
        expect![[r#"
            shop/checkout has 4 replicas (rule checkout, 2 to 10)
              wants    4, as it has (guards: requests demand invalid)
              missing  requests demand is invalid: repair its source; the count stays as it is until the data is back
        "#]],
    );
}

#[test]
fn down_is_disabled() {
    let situation = four().with(|it| {
        it.policy.behavior.scale_down.stabilization_window = Duration::ZERO;
        it.policy.behavior.scale_down.select = SelectPolicy::Disabled;
        it.metrics = vec![requests(90.0)];
    });
    check(
        &situation,
        expect![[r#"
            shop/checkout has 4 replicas (rule checkout, 2 to 10)
              wants    4, as it has (stability: scaling down is disabled); the load asks for 2: requests 90 / 50 = 2
              held     select_policy: Disabled in the rule's behavior
              up       to 5 or more when requests > 220 (now 90)
              down     to 3 or fewer while requests <= 150 (now 90)
        "#]],
    );
}

#[test]
fn the_cluster_refuses() {
    let situation = four().with(|it| it.metrics = vec![requests(290.0)]);
    let error =
        "HorizontalPodAutoscaler shop/checkout scales it already; delete it, or set kubernetes.conflicts: ignore";
    let view = WorkloadView { failures: 3, last_error: Some(error.to_owned()), ..situation.view() };
    check_view(
        &view,
        None,
        NEW_YEAR,
        expect![[r#"
            shop/checkout has 4 replicas (rule checkout, 2 to 10)
              wants    6, up by 2 (reactive: requests 290 / 50 = 6)
              action   failed 3 times in a row, and is tried again: HorizontalPodAutoscaler shop/checkout scales it already; delete it, or set kubernetes.conflicts: ignore
              down     to 3 or fewer when requests <= 150 (now 290)
        "#]],
    );
}

#[test]
fn not_in_the_cluster() {
    let (replicas, ready, decision) = (None, None, None);
    let problem = Some("Deployment shop/checkout does not exist; create it, or correct the rule's target".to_owned());
    let view = WorkloadView { replicas, ready, problem, decision, ..four().view() };
    check_view(
        &view,
        None,
        NEW_YEAR,
        expect![[r#"
        shop/checkout can't be seen in the cluster: Deployment shop/checkout does not exist; create it, or correct the rule's target (rule checkout, 2 to 10)
          wants    nothing yet: without its count in the cluster there is nothing to decide from
    "#]],
    );
}

#[test]
fn asleep() {
    let situation = four().with(|it| {
        (it.policy.min, it.replicas, it.ready, it.metrics) = (0, 0, 0, vec![requests(0.0)]);
    });
    check(
        &situation,
        expect![[r#"
            shop/checkout has 0 replicas (rule checkout, 0 to 10)
              wants    0, as it has (reactive: idle: requests 0 is not above 0)
              up       to 1 or more when requests > 0 (now 0)
        "#]],
    );
}

fn tolerate(behavior: &mut Behavior, up: f64, down: f64) {
    (behavior.scale_up.tolerance, behavior.scale_down.tolerance) = (up, down);
}

#[test]
fn who_made_the_count() {
    let before = four().with(|it| it.metrics = vec![requests(190.0)]).with(|it| it.replicas = 3);
    let decision = before.view().decision.unwrap();
    let (workload, rule, outcome) = (checkout(), Arc::from("checkout"), Some(Outcome::Done));
    let last = Entry { outcome, ..Entry::new(7, workload, rule, decision) };
    let last = Some(&last);
    let now = NEW_YEAR + Duration::from_millis(754_321);
    check_view(
        &four().with(|it| tolerate(&mut it.policy.behavior, 0.0, 0.5)).view(),
        last,
        now,
        expect![[r#"
            shop/checkout has 4 replicas (rule checkout, 2 to 10)
              since    2026-01-01T00:00:00.000Z, 12m34s ago, when Headroom scaled it 3 -> 4: requests 190 / 50 = 4
              wants    4, as it has (reactive: requests 190 / 50 = 4)
              up       to 5 or more when requests > 200 (now 190)
              down     to 2 or fewer when requests < 100 (now 190)
        "#]],
    );
    let seven = four().with(|it| (it.replicas, it.ready) = (7, 7));
    check_view(
        &seven.view(),
        last,
        now,
        expect![[r#"
            shop/checkout has 7 replicas (rule checkout, 2 to 10)
              since    somebody else changed it after Headroom scaled it 3 -> 4 at 2026-01-01T00:00:00.000Z, 12m34s ago
              wants    7, as it has (stability: 7 were wanted within the last 5m); the load asks for 4: requests 190 / 50 = 4
              next     at once, when the stabilization window of 5m moves on
              up       to 8 or more when requests > 385 (now 190)
              down     to 6 or fewer while requests <= 300 (now 190)
        "#]],
    );
}

#[test]
fn where_somebodys_word_counts_demand_moves_nothing() {
    let why = |it: &mut Situation| it.policy.pause = Some(Pause { at: None, reason: "migration".into() });
    check(
        &four().with(why).with(|it| it.metrics = vec![("requests", Presence::Absent, Presence::Present(50.0))]),
        expect![[r#"
            shop/checkout has 4 replicas (rule checkout, 2 to 10)
              wants    4, as it has (guards: paused (migration))
              missing  requests demand is absent: repair its source; nothing follows from it now
        "#]],
    );
    let inputs = Inputs { replicas: 0, ready: 0, ..four().inputs() };
    let off = four().with(|it| (it.replicas, it.ready) = (inputs.replicas, inputs.ready));
    check(
        &off,
        expect![[r#"
            shop/checkout has 0 replicas (rule checkout, 2 to 10)
              wants    0, as it has (guards: somebody scaled it to 0, and it stays so until somebody gives it a replica); the load asks for 4: requests 190 / 50 = 4
        "#]],
    );
}

#[test]
fn a_paused_metric_is_no_hole_and_leads_nothing() {
    let mut view = four().with(|it| it.metrics.push(("cpu", Presence::Absent, Presence::Present(1.0)))).view();
    view.metrics[1].paused = true;
    view.decision = four().view().decision;
    check_view(
        &view,
        None,
        NEW_YEAR,
        expect![[r#"
        shop/checkout has 4 replicas (rule checkout, 2 to 10)
          wants    4, as it has (reactive: requests 190 / 50 = 4)
          up       to 5 or more when requests > 220 (now 190)
          down     to 3 or fewer when requests <= 150 (now 190)
    "#]],
    );
}

#[test]
fn schedules_multipliers_and_activation_are_told() {
    let calendar = Calendar {
        multiplier: 2.0,
        ceiling: Some((6, "night".into())),
        floor: Some((4, "day".into())),
        ..Calendar::default()
    };
    let situation = four();
    let mut view = situation.view();
    view.terms = Terms::of(&situation.policy, &calendar);
    check_view(
        &view,
        None,
        NEW_YEAR,
        expect![[r#"
        shop/checkout has 4 replicas (rule checkout, 2 to 10)
          wants    4, as it has (reactive: requests 190 / 50 = 4)
          down     never below 4 while a schedule says so
    "#]],
    );
    view.replicas = Some(6);
    check_view(
        &view,
        None,
        NEW_YEAR,
        expect![[r#"
        shop/checkout has 6 replicas, 4 ready (rule checkout, 2 to 10)
          wants    4, as it has (reactive: requests 190 / 50 = 4)
          up       never above 6 while a schedule says so
          down     to 5 or fewer when requests <= 125 (now 190)
    "#]],
    );
    let asleep = four()
        .with(|it| (it.policy.min, it.replicas, it.ready) = (0, 0, 0))
        .with(|it| it.metrics = vec![requests(3.0)]);
    let mut view = asleep.view();
    view.metrics[0].activation = 5.0;
    check_view(
        &view,
        None,
        NEW_YEAR,
        expect![[r#"
        shop/checkout has 0 replicas (rule checkout, 0 to 10)
          wants    1, up by 1 (reactive: requests 3 / 50 = 1)
          up       to 1 or more when requests > 5 (now 3)
    "#]],
    );
}

#[test]
fn errors_from_elsewhere_stay_in_their_line() {
    let error = Some(format!("first\nsecond\u{1b}[31m {}", "x".repeat(1000)));
    let view = WorkloadView { failures: 1, last_error: error, ..four().view() };
    let text = explain(&view, None, NEW_YEAR);
    let line = text.lines().find(|line| line.contains("action")).unwrap();
    assert!(line.contains("first second [31m") && line.len() < 400, "{line}");
}
