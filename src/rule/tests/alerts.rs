//! Alerts minute by minute over a real store, and over a restart.

use std::fmt::Write as _;
use std::time::Duration;

use expect_test::{Expect, expect};
use proptest::prelude::*;

use super::*;
use crate::labels::NAME;
use crate::promql::Vector;
use crate::sample::Sample;
use crate::series::{Limits, Store, Touched};

const START: Timestamp = Timestamp::from_millis(1_760_000_000_000);

/// One alert rule over a store.
struct World {
    store: Store,
    bound: Arc<BoundAlert>,
    states: AlertStates,
    now: Timestamp,
}

impl World {
    /// The rule `Load`, with these further fields.
    fn new(fields: &str) -> Self {
        Self::of(&format!("- alert: Load\n  expr: load > 0\n{}", indented(fields, 2)))
    }

    fn of(text: &str) -> Self {
        let store = Store::new(Limits::default());
        let bound = Self::bind(&store, text);
        Self { store, bound, states: AlertStates::default(), now: START }
    }

    fn bind(store: &Store, text: &str) -> Arc<BoundAlert> {
        let rules = rule(text).unwrap_or_else(|findings| panic!("{}", shown(&findings)));
        let subscriptions = store.subscribe(&rules.selectors());
        match rules.bind(subscriptions).groups.first().and_then(|group| group.rules.first()) {
            Some(BoundRule::Alert(bound)) => Arc::clone(bound),
            other => panic!("{other:?}"),
        }
    }

    fn load(&self, pod: &str, value: f64) {
        let labels = Labels::from_pairs([(NAME, "load"), ("pod", pod)]).unwrap();
        self.store.batch(&mut Touched::default()).write(&labels, Sample::new(self.now, value)).unwrap();
    }

    fn eval(&mut self) -> Result<Vector, AlertError> {
        let url = "http://headroom".into();
        let external = External { url, labels: Labels::from_pairs([("region", "eu")]).unwrap() };
        self.bound.eval(self.now, &external, &mut self.states)
    }

    /// A minute for each word: `1` the series is there, `.` it is not, `!` the evaluation fails.
    /// Gives where the alert stands after each.
    fn run(&mut self, words: &str) -> String {
        let mut phases = Vec::new();
        for word in words.split(' ') {
            self.load("a", if word == "1" { 1.0 } else { 0.0 });
            // Two that differ in the pod only, which the rule removes.
            self.load("b", if word == "!" { 1.0 } else { 0.0 });
            if word == "!" {
                self.load("a", 1.0);
                self.load("c", 1.0);
            } else {
                self.load("c", 0.0);
            }
            let failed = self.eval().is_err();
            assert_eq!(failed, word == "!");
            let phase = self.states.iter().next().map_or("-", |alert| match alert.phase() {
                AlertPhase::Pending => "pending",
                AlertPhase::Firing => "firing",
                AlertPhase::Resolved => "resolved",
            });
            phases.push(phase);
            self.now = self.now + Duration::from_mins(1);
        }
        phases.join(" ")
    }
}

/// Where the alert stands, minute by minute.
#[track_caller]
fn check(fields: &str, words: &str, want: &str) {
    let text = format!("labels: {{pod: ''}}\n{fields}");
    assert_eq!(World::new(&text).run(words), want);
}

#[test]
fn an_alert_is_pending_then_fires_then_is_resolved() {
    check("", ". 1 1 . .", "- firing firing resolved resolved");
    check("for: 2m", "1 1 1 1 .", "pending pending firing firing resolved");
    check("for: 2m", "1 1 . 1 1 1", "pending pending - pending pending firing");
    check("for: 1m", "1 1 . 1 1", "pending firing resolved pending firing");
}

#[test]
fn keep_firing_for_bridges_gaps_of_one_that_fires() {
    check("keep_firing_for: 2m", "1 . . . .", "firing firing firing resolved resolved");
    check("keep_firing_for: 2m", "1 . 1 . . .", "firing firing firing firing firing resolved");
    check("for: 2m\nkeep_firing_for: 2m", "1 1 . 1 1 1 . 1", "pending pending - pending pending firing firing firing");
}

#[test]
fn a_failed_evaluation_leaves_alerts_as_they_are() {
    check("for: 2m", "1 ! ! 1 ! ! .", "pending pending pending firing firing firing resolved");
    check("", ". ! .", "- - -");
}

#[test]
fn a_resolved_alert_is_remembered_for_a_quarter_of_an_hour() {
    let mut world = World::new("");
    let gone = ". ".repeat(16);
    assert_eq!(world.run(&format!("1 {}", gone.trim())), format!("firing {}", "resolved ".repeat(16).trim()));
    assert_eq!(world.run("."), "-");
}

#[test]
fn a_longer_for_makes_a_firing_alert_pending_again() {
    let mut world = World::new("");
    assert_eq!(world.run("1 1"), "firing firing");
    world.bound = World::bind(&world.store, "- {alert: Load, expr: load > 0, for: 4m}");
    assert_eq!(world.run("1 1 1"), "pending pending firing");
}

/// What one evaluation writes, and the annotations of its alerts.
#[track_caller]
fn check_text(text: &str, want: Expect) {
    let mut world = World::of(text);
    world.load("a", 7.0);
    world.load("b", 0.5);
    let mut log = String::new();
    match world.eval() {
        Ok(samples) => {
            for (labels, value) in samples {
                let _ = writeln!(log, "{labels} {value}");
            }
            for alert in world.states.iter() {
                let _ = writeln!(log, "{} {:?} {:?}", alert.value, alert.labels, alert.annotations);
            }
        }
        Err(error) => _ = writeln!(log, "failed: {error}"),
    }
    want.assert_eq(&log);
}

#[test]
fn templates_fill_labels_and_annotations() {
    check_text(
        r#"
- alert: Load
  expr: load > 0
  for: 1m
  labels:
    pod: "{{ $labels.pod | toUpper }}"
    size: '{{ if gt $value 1.0 }}big{{ end }}'
    region: '{{ $externalLabels.region }}'
  annotations:
    summary: '{{ $labels.pod }} has {{ $value }} of {{ with query "sum(load)" }}{{ . | first | value }}{{ end }}'
    link: '{{ $externalURL }}{{ tableLink "load" }}'
    wrong: '{{ query (print "a") }}'
"#,
        expect![[r#"
            ALERTS{alertname="Load",alertstate="pending",pod="A",region="eu",size="big"} 1
            ALERTS_FOR_STATE{alertname="Load",pod="A",region="eu",size="big"} 1760000000
            ALERTS{alertname="Load",alertstate="pending",pod="B",region="eu"} 1
            ALERTS_FOR_STATE{alertname="Load",pod="B",region="eu"} 1760000000
            7 {alertname="Load",pod="A",region="eu",size="big"} {"link": "http://headroom/graph?g0.expr=load&g0.tab=1", "summary": "a has 7 of 7.5", "wrong": "<error expanding template: 1:4: query(\"a\") is not answered: only constant texts are, for the samples must be kept beforehand>"}
            0.5 {alertname="Load",pod="B",region="eu"} {"link": "http://headroom/graph?g0.expr=load&g0.tab=1", "summary": "b has 0.5 of 7.5", "wrong": "<error expanding template: 1:4: query(\"a\") is not answered: only constant texts are, for the samples must be kept beforehand>"}
        "#]],
    );
    check_text(
        "- {alert: Always, expr: '42'}",
        expect![[r#"
            ALERTS{alertname="Always",alertstate="firing"} 1
            ALERTS_FOR_STATE{alertname="Always"} 1760000000
            42 {alertname="Always"} {}
        "#]],
    );
}

#[test]
fn two_alerts_with_the_same_labels_are_an_error() {
    check_text(
        "- {alert: Load, expr: load > 0, labels: {pod: x}}",
        expect![[r#"
            failed: vector contains metrics with the same labelset after applying alert labels: {alertname="Load",pod="x"} comes twice
        "#]],
    );
    check_text(
        "- {alert: Load, expr: 'load[5m]'}",
        expect![[r#"
            failed: an alert's expression must give an instant vector or a scalar
        "#]],
    );
}

#[test]
fn a_series_of_alerts_that_ends_is_marked_stale() {
    let mut world = World::new("for: 1m");
    let written = |world: &mut World| {
        let samples = world.eval().unwrap();
        let line = |(labels, value): &(Labels, f64)| {
            let state = labels.get("alertstate").unwrap_or("for_state");
            let stale = crate::sample::is_stale(*value);
            format!("{state}{}", if stale { " ends" } else { "" })
        };
        world.now = world.now + Duration::from_mins(1);
        samples.iter().map(line).collect::<Vec<_>>().join(", ")
    };
    world.load("a", 1.0);
    assert_eq!(written(&mut world), "pending, for_state");
    assert_eq!(written(&mut world), "firing, for_state, pending ends");
    world.load("a", 0.0);
    assert_eq!(written(&mut world), "firing ends, for_state ends");
    assert_eq!(written(&mut world), "");
}

/// Stops the service `stopped` minutes after the alert became active, for `away` minutes; where the alert stands in
/// the minutes after.
#[track_caller]
fn check_restart(fields: &str, stopped: u64, away: u64, words: &str, want: &str) {
    let mut world = World::new(fields);
    let ones = vec!["1"; usize::try_from(stopped).unwrap() + 1].join(" ");
    world.run(&ones);
    let stopped_at = START + Duration::from_mins(stopped);
    let json = serde_json::to_string(&world.states.iter().collect::<Vec<_>>()).unwrap();
    let stored: Vec<AlertState> = serde_json::from_str(&json).unwrap();
    let mut world = World::new(fields);
    world.now = stopped_at + Duration::from_mins(away);
    world.states = world.bound.rule.restore(stored, stopped_at, world.now);
    assert_eq!(world.run(words), want);
}

fn times(phase: &str, times: usize) -> String {
    vec![phase; times].join(" ")
}

#[test]
fn a_wait_goes_on_after_a_restart() {
    // 20 of 30 minutes were waited; the 10 that are left are still to come.
    let want = format!("{} firing", times("pending", 10));
    check_restart("for: 30m", 20, 5, &times("1", 11), &want);
    // 28 were waited: the grace period of 10 makes it 38 at least.
    check_restart("for: 30m", 28, 5, &times("1", 11), &want);
    // A short wait begins anew.
    check_restart("for: 2m", 1, 5, "1 1 1", "pending pending firing");
    // After more than an hour, every wait does.
    check_restart("for: 20m", 10, 61, &times("1", 21), &format!("{} firing", times("pending", 20)));
}

#[test]
fn a_firing_alert_fires_on_after_a_restart() {
    check_restart("for: 2m", 5, 5, "1 1 .", "firing firing resolved");
    check_restart("", 5, 61, ".", "-");
    check_restart("", 5, 61, "1", "firing");
}

#[test]
fn a_missing_series_says_nothing_until_senders_are_back() {
    check_restart("", 5, 1, ". . . . . . .", "firing firing firing firing firing resolved resolved");
    check_restart("for: 30m", 20, 1, ". . . . . . 1", "pending pending pending pending pending - pending");
    // Once it was seen, its end counts at once.
    check_restart("", 5, 1, ". 1 .", "firing firing resolved");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn states_keep_their_promises(
        words in proptest::collection::vec(proptest::sample::select(vec!["1", ".", "!"]), 1..40),
        holds in 0_u64..5,
        keeps in 0_u64..4,
    ) {
        let mut world = World::new(&format!("labels: {{pod: ''}}\nfor: {holds}m\nkeep_firing_for: {keeps}m"));
        for word in words {
            let (before, at) = (world.states.clone(), world.now);
            world.run(word);
            if word == "!" {
                prop_assert_eq!(&world.states, &before, "a failure changes nothing");
                continue;
            }
            for alert in world.states.iter() {
                let active = at.since(alert.active_at);
                if let Some(fired_at) = alert.fired_at {
                    prop_assert!(fired_at.since(alert.active_at) >= Duration::from_mins(holds), "it waits its `for`");
                } else {
                    prop_assert!(word == "1" && active < Duration::from_mins(holds), "it waits no longer");
                }
                prop_assert!(alert.resolved_at.is_none_or(|_| word == "."), "what is there is not resolved");
                let kept = alert.keep_firing_since.filter(|_| alert.phase() == AlertPhase::Firing);
                prop_assert!(kept.is_none_or(|since| at.since(since) < Duration::from_mins(keeps)), "it is let go");
            }
        }
    }
}

#[track_caller]
fn check_findings(text: &str, want: Expect) {
    want.assert_eq(&shown(&rule(text).err().unwrap_or_default()));
}

#[test]
fn what_is_wrong_with_an_alert_rule_is_told_at_its_place() {
    check_findings(
        r#"
- alert: Load
  expr: load >
  for: soon
  labels: {1st: a, __name__: b, severity: "{{ $lable.x }}"}
  annotations:
    summary: |
      The load of {{ $labels.pod }}
      is {{ humanise $value }}
    more: '{{ query "sum(" }}'
  annotation: 5
"#,
        expect![[r#"
            web.yaml:6:21: expression ends too early; expected an expression
                6 |         expr: load >
                  |                     ^
            web.yaml:7:14: "soon" is not a duration; write numbers with units from largest to smallest out of y, w, d, h, m, s, ms, as in 1h30m
                7 |         for: soon
                  |              ^^^^
            web.yaml:8:18: "1st" is no label name: letters, digits and "_", no digit first
                8 |         labels: {1st: a, __name__: b, severity: "{{ $lable.x }}"}
                  |                  ^^^
            web.yaml:8:26: "__name__" is no label name: letters, digits and "_", no digit first
                8 |         labels: {1st: a, __name__: b, severity: "{{ $lable.x }}"}
                  |                          ^^^^^^^^
            web.yaml:8:53: there is no variable $lable here
                8 |         labels: {1st: a, __name__: b, severity: "{{ $lable.x }}"}
                  |                                                     ^
            web.yaml:12:19: there is no function "humanise"
               12 |             is {{ humanise $value }}
                  |                   ^^^^^^^^
            web.yaml:13:17: in query("sum("): expression ends too early; expected an expression
               13 |           more: '{{ query "sum(" }}'
                  |                 ^^^^^^^^^^^^^^^^^^^^
            web.yaml:14:9: unknown field "annotation" in an alert rule; did you mean "annotations"?
               14 |         annotation: 5
                  |         ^^^^^^^^^^
        "#]],
    );
}
