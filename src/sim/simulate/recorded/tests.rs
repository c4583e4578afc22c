use std::path::{Path, PathBuf};
use std::time::Duration;

use expect_test::{Expect, expect};

use super::*;
use crate::labels::{Labels, NAME};
use crate::recording::{self, Recording, Taken, Writer};
use crate::sample::Sample;
use crate::sim::simulate::{Policy, json, table};

const START: i64 = 1_760_000_000_000;
const SCRAPED: i64 = 15_000;

/// Two workloads by the labels of their pods, and one that gives a queue's length.
const RULES: &str = r#"
groups:
  - name: shop
    interval: 15s
    rules:
      - scale: web
        target: {kind: Deployment, namespace: shop, name: "{{ $labels.app }}"}
        replicas: {min: 2, max: 40}
        metrics:
          - name: requests
            demand: sum by (app) (rate(http_requests_total[1m]))
            per_replica: 50
      - scale: workers
        target: {kind: Deployment, namespace: shop, name: workers}
        replicas: {min: 1, max: 20}
        cost: {per_replica_hour: 0.5}
        metrics:
          - name: queue
            demand: max(queue_length)
            per_replica: 100
"#;

fn at(ms: i64) -> Timestamp {
    Timestamp::from_millis(START + ms)
}

fn labels(pairs: &[(&str, &str)]) -> Labels {
    Labels::from_pairs(pairs.iter().copied()).unwrap()
}

/// Records hours of two applications of two pods each and a queue: a wave each two hours, apps half a wave apart.
fn recorded(hours: i64) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let limits = recording::Limits { max_bytes: 1 << 30, max_age: Duration::from_hours(1000) };
    let mut writer = Writer::open(folder.path(), limits, at(0)).unwrap();
    let mut counted = [0.0; 4];
    for tick in 0..hours * 3_600_000 / SCRAPED {
        let turn = std::f64::consts::TAU * tick as f64 * SCRAPED as f64 / 7_200_000.0;
        let now = at(tick * SCRAPED);
        let mut add = |labels: Labels, into: i64, value: f64| {
            writer.add(&Taken { labels, sample: Sample::new(at(tick * SCRAPED + into), value) }, now).unwrap();
        };
        for (pod, counted) in counted.iter_mut().enumerate() {
            let (app, phase) = if pod < 2 { ("checkout", 0.0) } else { ("search", std::f64::consts::PI) };
            // 200 to 600 requests a second for both pods of an application together.
            *counted += (200.0 - 100.0 * (turn + phase).cos()) * SCRAPED as f64 / 1000.0;
            let pod = format!("{app}-{pod}");
            add(labels(&[(NAME, "http_requests_total"), ("app", app), ("pod", &pod)]), 1000, counted.round());
        }
        add(labels(&[(NAME, "queue_length")]), 7000, if turn.sin() > 0.9 { 900.0 } else { 90.0 });
        add(labels(&[(NAME, "nobody_reads_it")]), 0, 1.0);
        writer.tick(now).unwrap();
    }
    writer.flush(at(hours * 3_600_000)).unwrap();
    folder
}

fn rules(text: &str) -> RuleSet {
    crate::rule::compile(&[(PathBuf::from("web.yaml"), text.to_owned())], &Settings::default()).unwrap()
}

fn with<R>(folder: &Path, then: impl FnOnce(&Replay<'_>) -> R) -> R {
    let recording = Recording::open(folder).unwrap();
    let tape = Tape::Recording { recording: &recording, range: Timestamp::MIN..Timestamp::MAX };
    let (settings, options) = (Settings::default(), Options::default());
    then(&Replay { tape: &tape, settings: &settings, options: &options, step: Duration::from_secs(15) })
}

fn difference(old: &str, new: &str) -> Differences {
    let folder = recorded(3);
    with(folder.path(), |replay| diff(replay, &rules(old), &rules(new), Judge::Old, &|_| ()).unwrap())
}

#[track_caller]
fn check_diff(new: &str, want: &Expect) {
    want.assert_eq(&diff_table(&difference(RULES, new)));
}

#[test]
fn every_workload_of_the_rules_is_replayed_and_scored_beside_the_others() {
    let folder = recorded(3);
    with(folder.path(), |replay| {
        let (report, notes) = super::replay(replay, &rules(RULES), &Policy::ALL, 2, &|_| (), &|_| ()).unwrap();
        assert_eq!(notes, Vec::<String>::new());
        expect![[r#""#]].assert_eq(&table(&report));
        assert!(json(&report).contains("\"name\": \"shop/workers\""));
    });
}

#[test]
fn the_same_rules_do_the_same() {
    check_diff(RULES, &expect![[r#""#]]);
    let twice = [difference(RULES, RULES), difference(RULES, RULES)];
    assert_eq!(twice[0], twice[1]);
    assert!(tripped(&twice[0], &Gate::ALL, Tolerances::default()).is_empty());
}

#[test]
fn another_capacity_shows_what_it_costs_and_why() {
    check_diff(&RULES.replace("per_replica: 50", "per_replica: 65"), &expect![[r#""#]]);
}

#[test]
fn a_rule_that_is_gone_and_one_that_is_new_are_told() {
    let mut new = RULES.replace("- scale: workers", "- scale: others");
    new = new.replace("name: workers", "name: others");
    check_diff(&new, &expect![[r#""#]]);
}

#[test]
fn gates_tell_what_is_worse() {
    #[track_caller]
    fn check(new: &str, gates: &[Gate], want: &Expect) {
        want.assert_eq(&tripped(&difference(RULES, new), gates, Tolerances::default()).join("\n"));
    }
    let less = RULES.replace("per_replica: 50", "per_replica: 80");
    check(&less, &[Gate::Cost], &expect![[r#""#]]);
    check(&less, &[Gate::Missed, Gate::Change], &expect![[r#""#]]);
    check(&RULES.replace("per_replica: 50", "per_replica: 30"), &[Gate::Missed, Gate::Cost], &expect![[r#""#]]);
}

#[test]
fn what_happens_later_changes_no_decision_before() {
    let (long, short) = (recorded(4), recorded(2));
    let moves = |folder: &tempfile::TempDir| {
        let played = with(folder.path(), |replay| replay.play(&rules(RULES), &|_| ()).unwrap());
        let before = |moved: &&super::super::Move| moved.at < at(2 * 3_600_000);
        let moves = played.workloads.iter().map(|played| {
            (played.workload.clone(), played.course.moves.iter().filter(before).cloned().collect::<Vec<_>>())
        });
        moves.collect::<Vec<_>>()
    };
    assert_eq!(moves(&long), moves(&short));
    assert!(moves(&short).iter().all(|(_, moves)| !moves.is_empty()));
}

#[test]
fn rules_that_read_nothing_of_it_are_told() {
    let folder = recorded(1);
    let other = RULES.replace("http_requests_total", "requests_total").replace("queue_length", "length");
    with(folder.path(), |replay| {
        let error = replay.play(&rules(&other), &|_| ());
        let told = match error {
            Ok(played) => played.notes.join("\n"),
            Err(error) => error.to_string(),
        };
        expect![[r#""#]].assert_eq(&told);
    });
}

#[test]
fn a_trace_is_played_as_the_series_that_rules_read() {
    let values: Vec<Option<f64>> = (0..720).map(|n| Some(if n % 240 < 120 { 100.0 } else { 400.0 })).collect();
    let load = Load::from_values("waves", at(0), Duration::from_secs(15), &values).unwrap();
    let counter = labels(&[(NAME, "http_requests_total"), ("app", "checkout")]);
    let tape = Tape::of_trace(&load, [(counter.clone(), true), (counter, true)]);
    let (settings, options) = (Settings::default(), Options::default());
    let replay = Replay { tape: &tape, settings: &settings, options: &options, step: Duration::from_secs(15) };
    let new = RULES.replace("rate(http_requests_total[1m])", "rate(http_requests_total[5m])");
    let differences = diff(&replay, &rules(RULES), &rules(&new), Judge::New, &|_| ()).unwrap();
    expect![[r#""#]].assert_eq(&diff_table(&differences));
    let parsed: serde_json::Value = serde_json::from_str(&diff_json(&differences, &[])).unwrap();
    assert_eq!(parsed["format"], "headroom-diff/1");
    assert_eq!(parsed["workloads"][0]["workload"], "shop/checkout");
    assert!(parsed["workloads"][0]["new"]["missed_percent"].is_number());
}
