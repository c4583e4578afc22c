mod differential;
mod differential_v2;
mod hostile;
mod oracle;
mod otlp;

use std::sync::Arc;

use http::{HeaderMap, HeaderName, HeaderValue};
use prost::Message as _;

use oracle::{NOW, held, packed, receiver};

use super::*;
use crate::labels::{MatchOp, Matcher, NAME};
use crate::proto::{Label, Sample, TimeSeries, WriteRequest};
use crate::recording::Taken;
use crate::sample::STALE_BITS;
use crate::series::{self, Selector, Store};

/// What becomes of a body of remote write 1.0.
fn receive(receiver: &Receiver, body: &[u8]) -> Result<Received, Rejected> {
    let Outcome { received, rejected, .. } = receiver.receive(Protocol::V1, body, NOW);
    rejected.map_or(Ok(received), Err)
}

fn series(labels: &[(&str, &str)], samples: &[(i64, f64)]) -> TimeSeries {
    TimeSeries {
        labels: labels.iter().map(|(name, value)| Label { name: (*name).into(), value: (*value).into() }).collect(),
        samples: samples.iter().map(|&(ago_ms, value)| Sample { value, timestamp: NOW.as_millis() - ago_ms }).collect(),
        exemplars: Vec::new(),
        histograms: Vec::new(),
    }
}

fn body(timeseries: Vec<TimeSeries>) -> Vec<u8> {
    packed(&WriteRequest { timeseries, metadata: Vec::new() }.encode_to_vec())
}

#[track_caller]
fn check_headers(headers: &[(&'static str, &'static str)], want: Result<Protocol, u16>) {
    let (_, receiver) = receiver(Limits { body_bytes_max: 100, ..Limits::default() });
    let named =
        |(name, value): &(&'static str, &'static str)| (HeaderName::from_static(name), HeaderValue::from_static(value));
    let mut map = HeaderMap::new();
    headers.iter().map(named).for_each(|(name, value)| _ = map.append(name, value));
    let headers = map;
    let got = receiver.negotiate(&headers).map_err(|rejected| rejected.status().as_u16());
    assert_eq!(got, want, "{headers:?}");
}

#[test]
fn headers_are_read_as_the_specification_has_them() {
    use Protocol::{V1, V2};
    const V2_TYPE: &str = "application/x-protobuf;proto=io.prometheus.write.v2.Request";
    check_headers(&[], Ok(V1));
    check_headers(&[("content-type", "application/x-protobuf"), ("content-encoding", "snappy")], Ok(V1));
    check_headers(&[("content-type", "Application/X-Protobuf; charset=utf-8")], Ok(V1));
    check_headers(&[("content-type", "application/x-protobuf; Proto=\"prometheus.WriteRequest\"")], Ok(V1));
    check_headers(&[("content-encoding", "Snappy")], Ok(V1));
    check_headers(&[("x-prometheus-remote-write-version", "9.9")], Ok(V1));
    check_headers(&[("content-type", V2_TYPE)], Ok(V2));
    let spelled = "APPLICATION/X-PROTOBUF ; charset=utf-8; Proto = \"io.prometheus.write.v2.Request\"";
    check_headers(&[("content-type", spelled)], Ok(V2));
    check_headers(&[("content-type", V2_TYPE), ("content-type", "application/x-protobuf")], Err(415));
    check_headers(&[("content-type", "application/x-protobuf;proto=io.prometheus.write.v3.Request")], Err(415));
    check_headers(&[("content-type", "application/json")], Err(415));
    check_headers(&[("content-encoding", "zstd")], Err(415));
    check_headers(&[("content-encoding", "snappy, gzip")], Err(415));
    check_headers(&[("content-encoding", "gzip")], Err(415));
    check_headers(&[("content-encoding", "snappy"), ("content-encoding", "gzip")], Err(415));
    check_headers(&[("content-type", "application/x-protobuf;proto=")], Err(415));
    check_headers(&[("content-length", "100")], Ok(V1));
    check_headers(&[("content-length", "101")], Err(413));
}

#[test]
fn requests_without_samples_are_welcome() {
    let (store, receiver) = receiver(Limits::default());
    assert_eq!(receive(&receiver, &packed(b"")), Ok(Received::default()));
    assert_eq!(receive(&receiver, &body(vec![series(&[(NAME, "up")], &[])])), Ok(Received::default()));
    assert!(held(&store).is_empty());
    // Metadata alone, as Prometheus sends it every minute.
    assert_eq!(receive(&receiver, &packed(b"\x1a\x02\x08\x01")), Ok(Received::default()));
}

/// What one series is answered, beside a good one that is kept in any case.
#[track_caller]
fn check_series(labels: &[(&str, &str)], samples: &[(i64, f64)], want: Result<u64, &str>) {
    let limits = Limits { labels_max: 4, label_name_bytes_max: 10, label_value_bytes_max: 200, ..Limits::default() };
    let (store, receiver) = receiver(limits);
    let answer = receive(&receiver, &body(vec![series(labels, samples), series(&[(NAME, "good")], &[(0, 1.0)])]));
    match (want, answer) {
        (Ok(kept), Ok(received)) => assert_eq!(received.kept, kept + 1),
        (Err(says), Err(rejected)) => {
            assert_eq!(rejected.status(), 400);
            let text = rejected.to_string();
            assert!(text.contains(says), "want \"{says}\": {text}");
            assert!(text.len() <= 1_024, "Prometheus reads no more than 1 KiB");
        }
        (want, answer) => panic!("want {want:?}, got {answer:?}"),
    }
    assert!(held(&store).iter().any(|line| line.starts_with("good ")), "the rest is taken");
}

#[test]
fn series_are_judged_one_by_one() {
    check_series(&[(NAME, "a")], &[(0, 1.0)], Ok(1));
    check_series(&[("z", "1"), (NAME, "a"), ("b", "2")], &[(0, 1.0)], Ok(1));
    check_series(&[(NAME, "a"), ("empty", "")], &[(0, 1.0)], Ok(1));
    check_series(&[(NAME, "metric.with dots"), ("é", "ü\n")], &[(0, 1.0)], Ok(1));
    check_series(&[(NAME, "a"), ("long", &"x".repeat(200))], &[(0, 1.0)], Ok(1));
    check_series(&[("b", "2")], &[(0, 1.0)], Err("1 with no metric name"));
    check_series(&[(NAME, "")], &[(0, 1.0), (1, 1.0)], Err("2 with no metric name"));
    check_series(&[], &[(0, 1.0)], Err("no metric name"));
    check_series(&[], &[], Err("no metric name"));
    check_series(&[(NAME, "a"), ("ten__bytes", "1"), ("__x__", "1"), ("d", "\u{1f600}")], &[(0, 1.0)], Ok(1));
    check_series(
        &[(NAME, "a"), ("b", "1"), ("c", "2"), ("b", "3")],
        &[(0, 1.0)],
        Err("label name \"b\" appears twice"),
    );
    check_series(&[(NAME, "a"), ("", "1")], &[(0, 1.0)], Err("empty name"));
    check_series(
        &[(NAME, "a"), ("b", "1"), ("c", "2"), ("d", "3"), ("e", "4")],
        &[(0, 1.0)],
        Err("more than 4 labels"),
    );
    check_series(&[(NAME, "a"), ("elevenbytes", "1")], &[(0, 1.0)], Err("name longer than 10 bytes"));
    check_series(&[(NAME, "a"), ("b", &"x".repeat(201))], &[(0, 1.0)], Err("value longer than 200 bytes"));
}

#[test]
fn samples_are_judged_one_by_one() {
    const MINUTE: i64 = 60_000;
    check_series(&[(NAME, "a")], &[(0, f64::NAN), (1, f64::INFINITY), (2, -0.0)], Ok(3));
    check_series(&[(NAME, "a")], &[(2, 1.0), (0, 1.0), (1, 1.0)], Ok(3));
    check_series(&[(NAME, "a")], &[(0, 1.0), (0, 1.0)], Ok(1));
    check_series(&[(NAME, "a")], &[(0, 1.0), (0, 2.0)], Err("1 with another value at the same timestamp"));
    check_series(&[(NAME, "a")], &[(-9 * MINUTE, 1.0)], Ok(1));
    check_series(&[(NAME, "a")], &[(-11 * MINUTE, 1.0)], Err("more than 10 minutes in the future"));
    check_series(&[(NAME, "a")], &[(NOW.as_millis() - i64::MAX, 1.0)], Err("in the future"));
    // A window tells 49 days; what is farther from its newest sample is accepted and not kept.
    check_series(&[(NAME, "a")], &[(NOW.as_millis() + 1, 1.0), (NOW.as_millis(), 0.0), (i64::MAX, 1.0)], Ok(2));
    check_series(&[(NAME, "a")], &[(i64::MAX, 1.0), (NOW.as_millis() + 1, 1.0), (0, 1.0)], Ok(3));
}

#[test]
fn invalid_utf_8_costs_its_own_series_only() {
    let (store, receiver) = receiver(Limits::default());
    let request = WriteRequest { timeseries: vec![series(&[(NAME, "good")], &[(0, 1.0)])], metadata: Vec::new() };
    // { labels { name: "__name__", value: "\xff" }, samples { value: 0, timestamp: 0 } }
    let bad = b"\x0a\x11\x0a\x0d\x0a\x08__name__\x12\x01\xff\x12\x00";
    let rejected = receive(&receiver, &packed(&[&request.encode_to_vec(), &bad[..]].concat())).unwrap_err();
    assert!(rejected.to_string().contains("invalid UTF-8"), "{rejected}");
    assert_eq!(held(&store).len(), 1);
}

#[test]
fn a_request_sent_again_changes_nothing() {
    let (store, receiver) = receiver(Limits::default());
    let request = body(vec![series(&[(NAME, "a")], &[(30_000, 1.0), (15_000, 2.0), (0, f64::from_bits(STALE_BITS))])]);
    assert_eq!(receive(&receiver, &request).unwrap().kept, 3);
    let before = held(&store);
    let again = receive(&receiver, &request).unwrap();
    assert_eq!((again.kept, again.duplicate), (0, 3));
    assert_eq!(held(&store), before);
}

#[test]
fn a_sample_of_now_is_kept_though_an_old_one_follows_it() {
    let store = Arc::new(Store::new(series::Limits { keep: series::Keep::All, ..series::Limits::default() }));
    let receiver = Receiver::new(store, Limits::default(), 7, || {});
    let mixed = series(&[(NAME, "a")], &[(0, 1.0), (7_200_000, 2.0)]);
    for (kept, duplicate) in [(1, 0), (0, 1)] {
        let received = receive(&receiver, &body(vec![mixed.clone()])).unwrap();
        assert_eq!((received.kept, received.duplicate, received.too_old), (kept, duplicate, 1));
    }
    let old = series(&[(NAME, "a")], &[(7_300_000, 1.0), (7_200_000, 2.0)]);
    assert_eq!(receive(&receiver, &body(vec![old])).unwrap().too_old, 2);
}

#[test]
fn a_series_is_the_same_in_any_order_of_labels() {
    let (store, receiver) = receiver(Limits::default());
    let one = series(&[(NAME, "a"), ("b", "1"), ("c", "2")], &[(15_000, 1.0)]);
    let other = series(&[("c", "2"), ("d", ""), ("b", "1"), (NAME, "a")], &[(0, 2.0)]);
    receive(&receiver, &body(vec![one, other])).unwrap();
    assert_eq!(store.stats().series, 1);
}

#[test]
fn what_no_rule_reads_is_counted_and_not_kept() {
    let store = Arc::new(Store::new(series::Limits::default()));
    let named = Matcher::new(NAME, MatchOp::Equal, "read").unwrap();
    let pod = Matcher::new("pod", MatchOp::Equal, "a").unwrap();
    store.subscribe(&[Selector { matchers: vec![named, pod], span: std::time::Duration::from_mins(5) }]);
    let receiver = Receiver::new(Arc::clone(&store), Limits::default(), 7, || {});
    let request = body(vec![
        series(&[(NAME, "read"), ("pod", "a")], &[(0, 1.0)]),
        series(&[(NAME, "read"), ("pod", "b")], &[(0, 1.0)]),
        series(&[(NAME, "other"), ("pod", "a")], &[(0, 1.0)]),
        series(&[(NAME, "other"), ("pod", "a")], &[(0, 1.0), (1, 1.0), (2, 1.0)]),
    ]);
    for (kept, duplicate) in [(1, 0), (0, 1)] {
        let received = receive(&receiver, &request).unwrap();
        assert_eq!((received.kept, received.duplicate, received.unread), (kept, duplicate, 5));
    }
}

#[test]
fn a_name_that_is_empty_is_told_though_no_rule_reads_it() {
    let store = Arc::new(Store::new(series::Limits::default()));
    let receiver = Receiver::new(store, Limits::default(), 7, || {});
    let rejected = receive(&receiver, &body(vec![series(&[(NAME, ""), ("a", "b")], &[(0, 1.0)])])).unwrap_err();
    assert!(rejected.to_string().contains("no metric name, the first in {__name__=\"\",a=\"b\"}"), "{rejected}");
}

#[test]
fn what_is_not_read_is_counted_to_the_sample() {
    let store = Arc::new(Store::new(series::Limits::default()));
    let receiver = Receiver::new(store, Limits::default(), 7, || {});
    for values in [&[1.0][..], &[0.0], &[0.0, 1.0], &[1.0, 0.0], &[0.0, 1.0, 2.0], &[]] {
        let samples: Vec<(i64, f64)> = values.iter().zip(0..).map(|(value, ago)| (ago, *value)).collect();
        let received = receive(&receiver, &body(vec![series(&[(NAME, "a")], &samples)])).unwrap();
        assert_eq!(received.unread, values.len() as u64, "{values:?}");
    }
}

#[test]
fn a_late_sample_is_sorted_in_and_one_that_reaches_too_far_back_is_accepted_and_not_kept() {
    let limits = series::Limits { keep: series::Keep::All, samples_max: 7, ..series::Limits::default() };
    let store = Arc::new(Store::new(limits));
    let receiver = Receiver::new(Arc::clone(&store), Limits::default(), 7, || {});
    let sent: Vec<(i64, f64)> = [7, 6, 5, 4, 3, 1, 2].map(|ago| (ago * 15_000, 1.0)).to_vec();
    receive(&receiver, &body(vec![series(&[(NAME, "a")], &sent)])).unwrap();
    let before = held(&store);
    assert!(before.is_sorted() && before.len() == 7);
    let received = receive(&receiver, &body(vec![series(&[(NAME, "a")], &[(7_200_000, 1.0)])])).unwrap();
    assert_eq!((received.kept, received.too_old), (0, 1));
    assert_eq!(held(&store), before);
}

#[test]
fn a_full_store_refuses_new_series_and_takes_the_known_ones() {
    let store =
        Arc::new(Store::new(series::Limits { keep: series::Keep::All, series_max: 10, ..series::Limits::default() }));
    let receiver = Receiver::new(Arc::clone(&store), Limits::default(), 7, || {});
    let pods: Vec<String> = (0..12).map(|pod| pod.to_string()).collect();
    let send = |ago| {
        let all = pods.iter().map(|pod| series(&[(NAME, "a"), ("pod", pod)], &[(ago, 1.0)]));
        receive(&receiver, &body(all.collect())).unwrap_err().to_string()
    };
    let says = r#"2 samples rejected, the rest was taken; 2 with the limit of 10 series is reached (windows.series_max), the first in a{pod="10"}"#;
    assert_eq!(send(15_000), says);
    assert_eq!(send(0), says);
    assert_eq!(held(&store).len(), 20);
}

#[test]
fn what_is_kept_is_recorded_and_nothing_else() {
    let store = Arc::new(Store::new(series::Limits::default()));
    let wanted = Matcher::new(NAME, MatchOp::Equal, "wanted").unwrap();
    let _subscriptions =
        store.subscribe(&[Selector { matchers: vec![wanted], span: std::time::Duration::from_mins(5) }]);
    let taken: Arc<std::sync::Mutex<Vec<String>>> = Arc::default();
    let record = {
        let taken = Arc::clone(&taken);
        move |samples: Vec<Taken>| {
            let line = |one: Taken| format!("{} {}", one.labels, NOW.as_millis() - one.sample.at.as_millis());
            taken.lock().unwrap().extend(samples.into_iter().map(line));
        }
    };
    let receiver = Receiver::new(store, Limits::default(), 7, || {}).recording(record);
    let request = || {
        body(vec![
            series(&[(NAME, "wanted"), ("pod", "a")], &[(30_000, 1.0), (15_000, 2.0), (15_000, 2.0), (20_000, 9.0)]),
            series(&[(NAME, "other")], &[(0, 1.0)]),
            series(&[(NAME, "wanted"), ("pod", "b")], &[(-3_600_000, 1.0), (0, 3.0)]),
        ])
    };
    // Once as new series, once as known ones whose samples are all there.
    drop(receive(&receiver, &request()));
    drop(receive(&receiver, &request()));
    let want =
        [r#"wanted{pod="a"} 30000"#, r#"wanted{pod="a"} 15000"#, r#"wanted{pod="a"} 20000"#, r#"wanted{pod="b"} 0"#];
    assert_eq!(*taken.lock().unwrap(), want);
}
