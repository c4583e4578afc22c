//! Alerts in the loop: what other rules read of them, and what stays over a reload and a restart.

#![allow(clippy::needless_pass_by_value, reason = "expectations are made where they are checked")]

use std::time::Duration;

use expect_test::{Expect, expect};

use super::*;
use crate::rule::AlertPhase;

const RULES: &str = r#"
groups:
  - name: shop
    interval: 15s
    rules:
      - alert: Hot
        expr: load > 100
        for: 1m
        labels: {severity: page}
        annotations: {summary: "{{ $labels.app }} has {{ $value }}"}
      - record: firing
        expr: count(ALERTS{alertstate="firing"}) or vector(0)
"#;

impl World {
    fn alerts(&self) -> String {
        let since = |at: Timestamp| at.as_millis().div_euclid(1000) - START_MS / 1000;
        self.engine.alerts.current(&self.engine.rules, self.now).iter().fold(String::new(), |text, alert| {
            let (starts, ends) = (since(alert.starts_at), since(alert.ends_at));
            format!("{text}{} {:?} {starts}s..{ends}s {}\n", alert.labels, alert.annotations, alert.generator_url)
        })
    }

    fn phases(&self) -> Vec<AlertPhase> {
        self.engine.alert_states().flat_map(|(_, states)| states.iter().map(AlertState::phase)).collect()
    }

    /// The value of a series by the name `name`.
    fn value(&self, name: &str) -> Vec<f64> {
        let plan = Arc::new(crate::promql::Plan::compile(name).unwrap());
        let inputs = plan.selectors().iter().map(|selector| self.store.search(selector)).collect();
        match crate::promql::Query::new(plan, inputs).eval(self.now).unwrap() {
            crate::promql::Value::Vector(vector) => vector.into_iter().map(|(_, value)| value).collect(),
            other => panic!("{other:?}"),
        }
    }

    #[track_caller]
    fn check_alerts(&self, want: Expect) {
        want.assert_eq(&self.alerts());
    }
}

#[test]
fn an_alert_is_handed_on_when_it_fires_and_when_it_is_resolved() {
    let mut world = World::with(&Settings { external_url: "http://headroom".to_owned(), ..Settings::default() }, RULES);
    world.load_is("load", "a", 190.0);
    assert_eq!(world.phases(), [AlertPhase::Pending]);
    world.check_alerts(expect![""]);
    world.wait(Duration::from_secs(76));
    assert_eq!(world.value("firing"), [1.0]);
    world.check_alerts(expect![[r#"
        {alertname="Hot",app="a",severity="page"} {"summary": "a has 190"} 60s..316s http://headroom/graph?g0.expr=load+%3E+100&g0.tab=1
    "#]]);
    world.load_is("load", "a", 10.0);
    assert_eq!(world.value("firing"), [0.0]);
    world.check_alerts(expect![[r#"
        {alertname="Hot",app="a",severity="page"} {"summary": "a has 190"} 60s..76s http://headroom/graph?g0.expr=load+%3E+100&g0.tab=1
    "#]]);
    world.wait(Duration::from_mins(16));
    world.check_alerts(expect![""]);
}

#[test]
fn alertmanagers_are_told_at_once_and_then_each_minute() {
    let mut world = World::new(&RULES.replace("for: 1m", "for: 0s"));
    world.load_is("load", "a", 190.0);
    let mut told = Vec::new();
    for _ in 0..13 {
        told.push(std::mem::take(&mut world.alerts_told));
        world.wait(Duration::from_secs(15));
    }
    assert_eq!(told, [1, 0, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0]);
    world.alerts_told = 0;
    world.load_is("load", "a", 10.0);
    assert_eq!(std::mem::take(&mut world.alerts_told), 1);
    assert_eq!(std::mem::take(&mut world.alerts_told), 0);
}

#[test]
fn a_reload_keeps_the_alerts_of_rules_that_stay() {
    let mut world = World::new(RULES);
    world.load_is("load", "a", 190.0);
    world.wait(Duration::from_secs(45));
    world.load(&RULES.replace("annotations", "annotations: {}\n        keep_firing_for: 1m #"));
    world.wait(Duration::from_secs(16));
    assert_eq!(world.phases(), [AlertPhase::Firing]);
    assert_eq!(world.value("firing"), [1.0]);
    // Other labels make another rule.
    world.load(&RULES.replace("severity: page", "severity: ticket"));
    assert_eq!(world.phases(), [AlertPhase::Pending]);
    assert_eq!(world.value("firing"), [0.0]);
    world.load("groups: []");
    world.step(Vec::new());
    assert_eq!(world.phases(), []);
    assert_eq!(world.value("ALERTS"), Vec::<f64>::new());
}

#[test]
fn a_restart_keeps_what_was_stored() {
    let mut world = World::new(RULES);
    world.load_is("load", "a", 190.0);
    world.wait(Duration::from_mins(2));
    let stored = world.engine.alert_states();
    let stored: Vec<_> =
        stored.map(|(key, states)| (key.clone(), states.iter().cloned().collect::<Vec<_>>())).collect();
    let json = serde_json::to_string(&stored).unwrap();
    let stopped_at = world.now;

    let mut world = World::new("groups: []");
    world.wait(Duration::from_mins(5));
    let stored: Vec<(AlertKey, Vec<AlertState>)> = serde_json::from_str(&json).unwrap();
    world.engine.restore_alerts(stored, stopped_at);
    world.load(RULES);
    assert_eq!(world.phases(), [AlertPhase::Firing], "no sample has come yet");
    assert_eq!(world.value("firing"), [1.0]);
    world.load_is("load", "a", 10.0);
    assert_eq!(world.phases(), [AlertPhase::Firing], "nor has it been seen since");
    world.load_is("load", "a", 150.0);
    world.load_is("load", "a", 10.0);
    assert_eq!(world.phases(), [AlertPhase::Resolved]);
}

#[test]
fn a_failed_evaluation_is_told_and_changes_nothing() {
    let mut world = World::new(&RULES.replace("severity: page", "app: same"));
    world.load_is("load", "a", 190.0);
    world.load_is("load", "b", 190.0);
    world.wait(Duration::from_secs(90));
    assert_eq!(world.phases(), [AlertPhase::Pending]);
    assert!(world.health("Hot").unwrap().starts_with("vector contains metrics with the same labelset"));
    world.load_is("load", "b", 1.0);
    assert_eq!(world.phases(), [AlertPhase::Firing]);
    assert_eq!(world.health("Hot"), None);
}

#[test]
fn an_alert_that_ends_or_is_forgotten_keeps_nobody_awake() {
    let mut world = World::new(RULES);
    world.load_is("load", "a", 190.0);
    // Not at a time at which something happens anyway.
    world.wait(Duration::from_millis(122_345));
    world.load_is("load", "a", 90.0);
    let (end, mut steps) = (world.now + Duration::from_mins(20), 0);
    while world.engine.next_due() < end {
        world.now = world.now.max(world.engine.next_due());
        world.step(Vec::new());
        steps += 1;
    }
    assert!(steps < 500, "{steps} steps, where one in 5 s and an evaluation in 15 s are 320");
}
