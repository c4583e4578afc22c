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
        expect![[r#"
            shop/checkout: 0.1 days, scraped each 15s; rule web of 2 to 40, 50 a replica of at most 62.5, ready after 1m
              policy          replica-h  /oracle  missed%  lost%  under min   θU%   θO%   τU%    τO%   k%  k'%   υ%     ε  flaps  actions  adapt p95    p99
              headroom             25.1     1.20    0.000  0.000        0.0  0.00  21.1  0.00   86.6  2.5  2.7  5.2  0.99      2       19         0s  552ms
              hpa                  25.1     1.20    0.000  0.000        0.0  0.00  21.0  0.00   85.2  2.5  2.7  5.2  1.00      2       19         0s  561ms
              keda                 25.1     1.20    0.000  0.000        0.0  0.00  20.9  0.00   83.0  2.4  2.5  4.9  1.01      2       19         0s  578ms
              predictive_hpa       27.3     1.31    0.000  0.000        0.0  0.00  29.9  0.00   94.7  3.2  2.8  6.0  0.89      4       29         0s  503ms
              static               35.8     1.71    0.000  0.000        0.0  0.00  94.3  0.00  100.0  0.8  1.7  2.5  0.66      0        0         0s  469ms
              oracle               20.9     1.00    0.000  0.000        0.0  0.00   0.0  0.00    0.0  0.0  0.0  0.0  6.50      2       18         0s   3.9s
              headroom against hpa: 1.00 x the time under-provisioned, 1.00 x the replica-hours, 2 flaps against 2; 1.20 x the oracle's replica-hours

            shop/search: 0.1 days, scraped each 15s; rule web of 2 to 40, 50 a replica of at most 62.5, ready after 1m
              policy          replica-h  /oracle  missed%  lost%  under min   θU%   θO%   τU%    τO%   k%  k'%   υ%     ε  flaps  actions  adapt p95    p99
              headroom             26.1     1.26    0.000  0.000        0.0  0.00  27.1  0.00   93.3  2.5  2.8  5.3  1.00      2       20         0s  518ms
              hpa                  26.1     1.26    0.000  0.000        0.0  0.00  27.3  0.00   92.6  2.5  2.8  5.3  1.00      2       20         0s  523ms
              keda                 26.2     1.26    0.000  0.000        0.0  0.00  27.7  0.00   91.5  2.2  2.5  4.8  1.00      2       20         0s  532ms
              predictive_hpa       27.5     1.33    0.000  0.000        0.0  0.00  32.7  0.00   97.4  2.9  3.1  6.0  0.94      4       27         0s  489ms
              static               35.8     1.73    0.000  0.000        0.0  0.00  95.0  0.00  100.0  1.7  0.8  2.5  0.72      0        0         0s  468ms
              oracle               20.7     1.00    0.000  0.000        0.0  0.00   0.0  0.00    0.0  0.0  0.0  0.0  7.09      2       18         0s   4.0s
              headroom against hpa: 1.00 x the time under-provisioned, 1.00 x the replica-hours, 2 flaps against 2; 1.26 x the oracle's replica-hours

            shop/workers: 0.1 days, scraped each 15s; rule workers of 1 to 20, 100 a replica of at most 125, ready after 1m
              policy          replica-h  /oracle  cost  missed%  lost%  under min   θU%    θO%   τU%    τO%   k%  k'%   υ%     ε  flaps  actions  adapt p95    p99
              headroom             10.0     1.37   5.0    4.513  4.090        2.9  1.28   84.5  1.64   28.2  0.8  0.6  1.4  0.90      3        6        88s  10.2s
              hpa                   8.9     1.22   4.4    5.364  4.961        3.4  1.52   48.7  1.90   23.5  0.8  0.6  1.4  1.00      3        6       102s  10.2s
              keda                  8.9     1.22   4.5    6.264  5.833        4.4  1.80   52.5  2.46   23.7  1.1  0.8  2.0  0.88      3       10       132s  10.2s
              predictive_hpa       10.8     1.49   5.4    5.364  4.961        3.4  1.52   65.1  1.90   24.6  2.5  3.1  5.6  0.92      7       36       102s  10.2s
              static               26.9     3.68  13.4    0.000  0.000        0.0  0.00  646.0  0.00  100.0  0.3  0.3  0.6  0.48      0        0         0s  494ms
              oracle                7.3     1.00   3.6    0.000  0.000        0.0  0.00    0.0  0.00    0.0  0.0  0.0  0.0  7.58      3        4         0s   1.2s
              headroom against hpa: 0.86 x the time under-provisioned, 1.13 x the replica-hours, 3 flaps against 3; 1.37 x the oracle's replica-hours

        "#]].assert_eq(&table(&report));
        assert!(json(&report).contains("\"name\": \"shop/workers\""));
    });
}

#[test]
fn the_same_rules_do_the_same() {
    check_diff(
        RULES,
        &expect![[r#"
        0.1 days from 2025-10-09T08:53:20.000Z

        shop/checkout: the same at all times
        shop/search: the same at all times
        shop/workers: the same at all times
    "#]],
    );
    let twice = [difference(RULES, RULES), difference(RULES, RULES)];
    assert_eq!(twice[0], twice[1]);
    assert!(tripped(&twice[0], &Gate::ALL, Tolerances::default()).is_empty());
}

#[test]
fn another_capacity_shows_what_it_costs_and_why() {
    check_diff(
        &RULES.replace("per_replica: 50", "per_replica: 65"),
        &expect![[r#"
            0.1 days from 2025-10-09T08:53:20.000Z

            shop/checkout: other counts 97.2% of the time
                           old    new  change
              replica-h   25.1   19.4  -22.8%
              missed%    0.000  4.684  +4.684
              lost%      0.000  4.379  +4.379
              under min    0.0  100.2  +100.2
              θO%         21.1    2.4   -18.7
              flaps          2      3      +1
              actions       19     16      -3
              fewest         5      4      -1
              most          12      9      -3
              the new rule plans 0.77 times the replicas for the same time
              2025-10-09T08:59:47.000Z
                old 5  requests 209.8 / 50 = 5
                new 4  requests 209.8 / 65 = 4
              2025-10-09T09:39:56.001Z, farthest apart
                old 12  requests 550.4 / 50 = 12
                new 8  requests 550.4 / 65 = 8.467, within 10% of 8

            shop/search: other counts 97.2% of the time
                           old    new  change
              replica-h   26.1   20.4  -21.7%
              missed%    0.000  2.567  +2.567
              lost%      0.000  2.414  +2.414
              under min    0.0   56.2   +56.2
              θO%         27.1    4.0   -23.2
              flaps          2      2
              actions       20     17      -3
              fewest         5      4      -1
              most          12     12
              the new rule plans 0.77 times the replicas for the same time
              2025-10-09T08:59:47.000Z
                old 12  requests 590.2 / 50 = 12
                new 10  requests 590.2 / 65 = 10
              2025-10-09T10:39:56.001Z, farthest apart
                old 12  requests 550.4 / 50 = 12
                new 8  requests 550.4 / 65 = 8.467, within 10% of 8

            shop/workers: the same at all times
        "#]],
    );
}

#[test]
fn a_rule_that_is_gone_and_one_that_is_new_are_told() {
    let mut new = RULES.replace("- scale: workers", "- scale: others");
    new = new.replace("name: workers", "name: others");
    check_diff(
        &new,
        &expect![[r#"
            0.1 days from 2025-10-09T08:53:20.000Z

            shop/others: only the new rules scale it
                         old    new  change
              replica-h    -   10.0
              cost         -    5.0
              missed%      -  4.513
              lost%        -  4.090
              under min    -    2.9
              θO%          -   84.5
              flaps        -      3
              actions      -      6
              fewest       -      1
              most         -      9

            shop/workers: only the old rules scale it
                           old  new  change
              replica-h   10.0    -
              cost         5.0    -
              missed%    4.513    -
              lost%      4.090    -
              under min    2.9    -
              θO%         84.5    -
              flaps          3    -
              actions        6    -
              fewest         1    -
              most           9    -

            shop/checkout: the same at all times
            shop/search: the same at all times
        "#]],
    );
}

#[test]
fn gates_tell_what_is_worse() {
    #[track_caller]
    fn check(new: &str, gates: &[Gate], want: &Expect) {
        want.assert_eq(&tripped(&difference(RULES, new), gates, Tolerances::default()).join("\n"));
    }
    let less = RULES.replace("per_replica: 50", "per_replica: 80");
    check(&less, &[Gate::Cost], &expect![[r#""#]]);
    // What is left alone is no saving.
    let other = RULES.replace("name: workers}", "name: other}");
    assert_ne!(other, RULES);
    check(
        &other,
        &[Gate::Missed, Gate::Cost, Gate::Flaps],
        &expect![[r#"
        missed: shop/workers is no longer scaled
        cost: 61.2 replica-hours, 51.2 before"#]],
    );
    check(
        &less,
        &[Gate::Missed, Gate::Change],
        &expect![[r#"
            missed: shop/checkout misses 19.387% of its demand, 0.000% before
            missed: shop/search misses 14.120% of its demand, 0.000% before
            change: shop/checkout is scaled differently
            change: shop/search is scaled differently"#]],
    );
    check(
        &RULES.replace("per_replica: 50", "per_replica: 30"),
        &[Gate::Missed, Gate::Cost],
        &expect!["cost: 93.3 replica-hours, 61.2 before"],
    );
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
        expect!["shop/workers: left out: no value of the trace is above zero"].assert_eq(&told);
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
    expect![[r#"
        0.1 days from 2025-10-09T08:53:20.000Z

        shop/checkout: other counts 31.7% of the time
                       old    new  change
          replica-h   20.3   15.7  -22.4%
          missed%    0.245  0.865  +0.620
          lost%      0.103  0.431  +0.328
          under min    3.2   12.8    +9.5
          θO%         89.6   20.7   -68.9
          flaps          4      4
          actions       15     30     +15
          fewest         2      2
          most           8      8
          the new rule plans 0.98 times the replicas for the same time
          2025-10-09T09:23:40.001Z
            old 4  requests 200 / 50 = 4
            new 3  requests 115.8 / 50 = 3
          2025-10-09T09:59:10.001Z
            old 8  stability: 8 within 5m
            new 7  stability: 7 within 5m
          2025-10-09T10:23:40.001Z
            old 4  requests 200 / 50 = 4
            new 3  requests 115.8 / 50 = 3
          2025-10-09T10:59:10.001Z
            old 8  stability: 8 within 5m
            new 7  stability: 7 within 5m
          2025-10-09T11:23:40.001Z
            old 4  requests 200 / 50 = 4
            new 3  requests 115.8 / 50 = 3
          2025-10-09T10:02:55.001Z, farthest apart
            old 8  stability: 8 within 5m
            new 2  requests 100 / 50 = 2
        old: shop/workers: left out: no value of the trace is above zero
        new: shop/workers: left out: no value of the trace is above zero
    "#]]
    .assert_eq(&diff_table(&differences));
    let parsed: serde_json::Value = serde_json::from_str(&diff_json(&differences, &[])).unwrap();
    assert_eq!(parsed["format"], "headroom-diff/1");
    assert_eq!(parsed["workloads"][0]["workload"], "shop/checkout");
    assert!(parsed["workloads"][0]["new"]["missed_percent"].is_number());
}
