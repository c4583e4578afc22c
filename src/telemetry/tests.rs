use std::collections::BTreeSet;
use std::time::Duration;

use expect_test::expect;

use super::names::TABLE;
use super::*;

#[test]
fn names_follow_the_naming_rules_of_prometheus() {
    let mut seen = BTreeSet::new();
    for metric in TABLE {
        let Metric { name, kind, unit, labels, help } = metric;
        assert!(seen.insert(name), "{name} is in the table twice");
        assert!(name.starts_with("headroom_") || name.starts_with("process_"), "{name} has a known prefix");
        assert!(name.bytes().all(|byte| matches!(byte, b'a'..=b'z' | b'_')), "{name} is snake case");
        assert_eq!(name.ends_with("_total"), *kind == Kind::Counter, "{name}: counters alone end in _total");
        let stem = name.strip_suffix("_total").unwrap_or(name);
        assert!(stem.ends_with(unit.suffix()), "{name} ends with its unit {unit:?}");
        assert!(!help.is_empty() && help.ends_with('.'), "{name} has a sentence of help");
        let le = ["le", "quantile", "job", "instance"];
        assert!(labels.iter().all(|label| !le.contains(label)), "{name} has no label that Prometheus sets");
    }
}

#[test]
fn every_series_is_there_at_zero_from_the_start() {
    let text = Telemetry::new().render();
    for line in [
        "headroom_ingest_requests_total{outcome=\"accepted\"} 0",
        "headroom_ingest_requests_total{outcome=\"overloaded\"} 0",
        "headroom_ingest_samples_not_kept_total{reason=\"unread\"} 0",
        "headroom_decisions_total{direction=\"up\"} 0",
        "headroom_actions_total{result=\"failed\"} 0",
        "headroom_window_bytes 0",
        "headroom_sample_to_decision_duration_seconds_bucket{le=\"0.01\"} 0",
        "headroom_sample_to_decision_duration_seconds_count 0",
    ] {
        assert!(text.lines().any(|own| own == line), "{line} is missing in\n{text}");
    }
}

#[test]
fn counts_reach_the_text_and_can_be_read_back() {
    let telemetry = Telemetry::new();
    let ingest = telemetry.ingest.clone();
    ingest.kept.add(7);
    ingest.not_kept.add(NotKept::Old, 2);
    ingest.in_flight_bytes.add(1024.0);
    ingest.in_flight_bytes.add(-24.0);
    assert_eq!((ingest.not_kept.get(NotKept::Old), ingest.not_kept.total()), (2, 2));
    let text = telemetry.render();
    for line in [
        "headroom_ingest_samples_kept_total 7",
        "headroom_ingest_samples_not_kept_total{reason=\"old\"} 2",
        "headroom_ingest_in_flight_bytes 1000",
    ] {
        assert!(text.lines().any(|own| own == line), "{line} is missing in\n{text}");
    }
}

#[test]
fn two_registries_do_not_know_of_each_other() {
    let (one, other) = (Telemetry::new(), Telemetry::new());
    one.ingest.kept.add(1);
    assert!(other.render().contains("headroom_ingest_samples_kept_total 0"));
}

#[test]
fn latencies_become_cumulative_buckets() {
    let latency = Latency::default();
    for millis in [1, 3, 3, 40, 90_000] {
        latency.record(Duration::from_millis(millis));
    }
    let snapshot = latency.snapshot();
    let buckets: Vec<u64> = snapshot.buckets().map(|(_, count)| count).collect();
    assert_eq!(buckets, [0, 0, 0, 0, 0, 0, 1, 1, 3, 3, 3, 4, 4, 4, 4, 4, 4, 4, 4]);
    assert_eq!(snapshot.count(), 5, "what is longer than the longest is counted too");
    assert_eq!(snapshot.sum(), Duration::from_millis(1 + 3 + 3 + 40 + 60_000));
    let p50 = snapshot.quantile(0.5).as_secs_f64();
    assert!((p50 - 0.003).abs() < 0.000_03, "{p50}");
}

#[test]
fn threads_record_at_the_same_time_and_nothing_is_lost() {
    let latency = Latency::default();
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| (0..1000).for_each(|_| latency.record(Duration::from_micros(250))));
        }
    });
    assert_eq!(latency.snapshot().count(), 8000);
}

#[test]
fn the_writer_escapes_what_the_format_asks_for() {
    let mut text = Exposition::default();
    let mut family = text.family(&names::DEMAND);
    family.sample(&["shop/\"a\"\\b", "line\nbreak"], 0.1 + 0.2);
    family.sample(&["shop/b", "m"], f64::INFINITY);
    family.maybe(&["shop/c", "m"], None);
    expect![[r#"
        # HELP headroom_workload_demand Work arriving, in the metric's own unit; absent where the data is.
        # TYPE headroom_workload_demand gauge
        headroom_workload_demand{workload="shop/\"a\"\\b",metric="line\nbreak"} 0.30000000000000004
        headroom_workload_demand{workload="shop/b",metric="m"} +Inf
    "#]]
    .assert_eq(&text.into_text());
}

#[test]
fn a_log_that_cannot_be_set_up_says_why() {
    assert_eq!("xml".parse::<LogFormat>().unwrap_err().to_string(), "unknown log format \"xml\"; known: text, json");
    let text = init_log(LogFormat::Text, "headroom=loud").unwrap_err().to_string();
    assert!(text.starts_with("log filter \"headroom=loud\" can't be read"), "{text}");
}
