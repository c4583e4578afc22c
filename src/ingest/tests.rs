use std::sync::Arc;

use http::{HeaderMap, HeaderName, HeaderValue};
use proptest::prelude::*;
use prost::Message as _;

use super::*;
use crate::labels::{MatchOp, Matcher, NAME};
use crate::proto::{Label, Sample, TimeSeries, WriteRequest};
use crate::sample::STALE_BITS;
use crate::series::{self, Selector, Store};
use crate::time::{Range, Timestamp};

const NOW: Timestamp = Timestamp::from_millis(1_760_000_000_000);

fn receiver(limits: Limits) -> (Arc<Store>, Receiver) {
    let store = Arc::new(Store::new(series::Limits { keep_all: true, ..series::Limits::default() }));
    (Arc::clone(&store), Receiver::new(store, limits, 7, || {}))
}

fn packed(message: &[u8]) -> Vec<u8> {
    snap::raw::Encoder::new().compress_vec(message).unwrap()
}

fn series(labels: &[(&str, &str)], samples: &[(i64, f64)]) -> TimeSeries {
    TimeSeries {
        labels: labels.iter().map(|(name, value)| Label { name: (*name).into(), value: (*value).into() }).collect(),
        samples: samples.iter().map(|&(ago_ms, value)| Sample { value, timestamp: NOW.as_millis() - ago_ms }).collect(),
        exemplars: Vec::new(),
    }
}

fn body(timeseries: Vec<TimeSeries>) -> Vec<u8> {
    packed(&WriteRequest { timeseries, metadata: Vec::new() }.encode_to_vec())
}

/// All that the store holds: a line for each sample, `series @ms-before-now bits`, sorted.
fn held(store: &Store) -> Vec<String> {
    let any = Matcher::new(NAME, MatchOp::Regex, ".+").unwrap();
    let found = store.search(&Selector { matchers: vec![any], span: std::time::Duration::ZERO });
    let mut lines = Vec::new();
    for window in found.windows().iter() {
        let mut samples = Vec::new();
        window.read(Range { start: Timestamp::MIN, end: Timestamp::MAX }, &mut samples);
        for sample in samples {
            lines.push(format!("{} {} {:x}", window.labels(), sample.at.as_millis(), sample.value.to_bits()));
        }
    }
    lines.sort();
    lines
}

#[track_caller]
fn check_headers(headers: &[(&'static str, &'static str)], want: Result<(), u16>) {
    let (_, receiver) = receiver(Limits { body_bytes_max: 100, ..Limits::default() });
    let named =
        |(name, value): &(&'static str, &'static str)| (HeaderName::from_static(name), HeaderValue::from_static(value));
    let headers: HeaderMap = headers.iter().map(named).collect();
    let got = receiver.negotiate(&headers).map_err(|rejected| rejected.status().as_u16());
    assert_eq!(got, want, "{headers:?}");
}

#[test]
fn headers_are_read_as_the_specification_has_them() {
    check_headers(&[], Ok(()));
    check_headers(&[("content-type", "application/x-protobuf"), ("content-encoding", "snappy")], Ok(()));
    check_headers(&[("content-type", "Application/X-Protobuf; charset=utf-8")], Ok(()));
    check_headers(&[("content-type", "application/x-protobuf; Proto=\"prometheus.WriteRequest\"")], Ok(()));
    check_headers(&[("content-encoding", "Snappy")], Ok(()));
    check_headers(&[("x-prometheus-remote-write-version", "9.9")], Ok(()));
    check_headers(&[("content-type", "application/x-protobuf;proto=io.prometheus.write.v2.Request")], Err(415));
    check_headers(&[("content-type", "application/json")], Err(415));
    check_headers(&[("content-encoding", "zstd")], Err(415));
    check_headers(&[("content-encoding", "snappy, gzip")], Err(415));
    check_headers(&[("content-length", "100")], Ok(()));
    check_headers(&[("content-length", "101")], Err(413));
}

/// What is said of a body, and that it leaves nothing behind.
#[track_caller]
fn check_refused(body: &[u8], says: &str) {
    let (store, receiver) = receiver(Limits { decompressed_bytes_max: 1 << 20, ..Limits::default() });
    let rejected = receiver.receive(body, NOW).unwrap_err();
    assert_eq!(rejected.status(), 400);
    assert!(rejected.to_string().contains(says), "want \"{says}\": {rejected}");
    assert_eq!(held(&store), Vec::<String>::new(), "a broken body changes nothing");
}

#[test]
fn broken_bodies_are_refused_whole_with_the_reason() {
    check_refused(b"", "no snappy block");
    check_refused(b"\x30", "claims to unpack to 48 bytes");
    check_refused(b"\xff", "no snappy block");
    check_refused(b"\xff\x06\x00\x00sNaPpY", "framed snappy");
    check_refused(b"\xff\xff\xff\xff\x0f\x00", "unpacks to 4294967295 bytes, limit is 1048576");
    check_refused(b"\x80\x80\x20\x00\x00", "claims to unpack to 524288 bytes");
    let good = body(vec![series(&[(NAME, "up")], &[(0, 1.0)])]);
    check_refused(&good[..good.len() - 1], "no snappy block");
    let mut message =
        WriteRequest { timeseries: vec![series(&[(NAME, "up")], &[(0, 1.0)])], metadata: Vec::new() }.encode_to_vec();
    message.extend(b"\x0a\x05\x0a\x09");
    check_refused(&packed(&message), "a field is cut short, in time series 1");
    check_refused(&packed(b"\x08\x01"), "field 1 of WriteRequest has the wrong type");
    check_refused(&packed(b"\x0b"), "wire type 3 is not in use");
    check_refused(&packed(b"\x00\x00"), "a field number is out of range");
    check_refused(&packed(&[0xff; 12]), "longer than ten bytes");
    check_refused(&packed(b"\x22\x00\x2a\x00"), "io.prometheus.write.v2.Request");
}

#[test]
fn requests_without_samples_are_welcome() {
    let (_, receiver) = receiver(Limits::default());
    assert_eq!(receiver.receive(&packed(b""), NOW), Ok(Received::default()));
    // Metadata alone, as Prometheus sends it every minute.
    assert_eq!(receiver.receive(&packed(b"\x1a\x02\x08\x01"), NOW), Ok(Received::default()));
}

/// What one series is answered, beside a good one that is kept in any case.
#[track_caller]
fn check_series(labels: &[(&str, &str)], samples: &[(i64, f64)], want: Result<u64, &str>) {
    let limits = Limits { labels_max: 4, label_name_bytes_max: 10, label_value_bytes_max: 200, ..Limits::default() };
    let (store, receiver) = receiver(limits);
    let answer = receiver.receive(&body(vec![series(labels, samples), series(&[(NAME, "good")], &[(0, 1.0)])]), NOW);
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
    check_series(&[(NAME, "a")], &[(i64::MAX, 1.0)], Ok(1));
}

#[test]
fn invalid_utf_8_costs_its_own_series_only() {
    let (store, receiver) = receiver(Limits::default());
    let request = WriteRequest { timeseries: vec![series(&[(NAME, "good")], &[(0, 1.0)])], metadata: Vec::new() };
    // { labels { name: "__name__", value: "\xff" }, samples { value: 0, timestamp: 0 } }
    let bad = b"\x0a\x11\x0a\x0d\x0a\x08__name__\x12\x01\xff\x12\x00";
    let rejected = receiver.receive(&packed(&[&request.encode_to_vec(), &bad[..]].concat()), NOW).unwrap_err();
    assert!(rejected.to_string().contains("invalid UTF-8"), "{rejected}");
    assert_eq!(held(&store).len(), 1);
}

#[test]
fn a_request_sent_again_changes_nothing() {
    let (store, receiver) = receiver(Limits::default());
    let request = body(vec![series(&[(NAME, "a")], &[(30_000, 1.0), (15_000, 2.0), (0, f64::from_bits(STALE_BITS))])]);
    assert_eq!(receiver.receive(&request, NOW).unwrap().kept, 3);
    let before = held(&store);
    let again = receiver.receive(&request, NOW).unwrap();
    assert_eq!((again.kept, again.duplicate), (0, 3));
    assert_eq!(held(&store), before);
}

#[test]
fn a_series_is_the_same_in_any_order_of_labels() {
    let (store, receiver) = receiver(Limits::default());
    let one = series(&[(NAME, "a"), ("b", "1"), ("c", "2")], &[(15_000, 1.0)]);
    let other = series(&[("c", "2"), ("d", ""), ("b", "1"), (NAME, "a")], &[(0, 2.0)]);
    receiver.receive(&body(vec![one, other]), NOW).unwrap();
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
        let received = receiver.receive(&request, NOW).unwrap();
        assert_eq!((received.kept, received.duplicate, received.unread), (kept, duplicate, 5));
    }
}

/// Bytes of a field that no message here has, of each wire type.
fn unknown_fields() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        Just(Vec::new()),
        Just(b"\xf8\x01\x96\x01".to_vec()),
        Just(b"\xf9\x01\x01\x02\x03\x04\x05\x06\x07\x08".to_vec()),
        Just(b"\xfa\x01\x03abc".to_vec()),
        Just(b"\xfd\x01\x01\x02\x03\x04".to_vec()),
    ]
}

/// One `TimeSeries` with its fields in any order, unknown ones among them.
fn any_series() -> impl Strategy<Value = Vec<u8>> {
    let label =
        ("[a-c]{1,2}", "[x-z]{0,2}|y{130}").prop_map(|(name, value)| (1_u8, Label { name, value }.encode_to_vec()));
    let name = Just((1_u8, Label { name: NAME.into(), value: "m".into() }.encode_to_vec()));
    let sample = (0_i64..9, any::<f64>())
        .prop_map(|(ago, value)| (2_u8, Sample { value, timestamp: NOW.as_millis() - ago * 1_000 }.encode_to_vec()));
    let fields = prop::collection::vec(prop_oneof![4 => label, 1 => name.clone(), 3 => sample], 0..6);
    (fields, name, any::<bool>(), unknown_fields()).prop_flat_map(|(mut fields, name, named, unknown)| {
        if named {
            fields.push(name);
        }
        Just(fields).prop_shuffle().prop_map(move |fields| {
            let mut bytes = unknown.clone();
            for (number, message) in fields {
                bytes.push(number << 3 | 2);
                prost::encoding::encode_varint(message.len() as u64, &mut bytes);
                bytes.extend(message);
                bytes.extend(&unknown);
            }
            bytes
        })
    })
}

/// What prost and plain code make of a request: the lines that the store should hold.
fn expected(message: &[u8]) -> Option<Vec<String>> {
    let request = WriteRequest::decode(message).ok()?;
    let mut first: std::collections::BTreeMap<(String, i64), u64> = std::collections::BTreeMap::new();
    for series in request.timeseries {
        let pairs = series.labels.iter().map(|label| (label.name.as_str(), label.value.as_str()));
        let Ok(labels) = crate::labels::Labels::from_pairs(pairs) else { continue };
        if labels.name().is_none() {
            continue;
        }
        for sample in series.samples {
            first.entry((labels.to_string(), sample.timestamp)).or_insert(sample.value.to_bits());
        }
    }
    Some(first.into_iter().map(|((labels, at), bits)| format!("{labels} {at} {bits:x}")).collect())
}

proptest! {
    /// The walk over bytes agrees with prost, whatever the order of fields and whoever added some.
    #[test]
    fn the_walk_reads_what_prost_reads(all in prop::collection::vec(any_series(), 0..4), unknown in unknown_fields()) {
        let mut message = unknown.clone();
        for series in all {
            message.push(0x0a);
            prost::encoding::encode_varint(series.len() as u64, &mut message);
            message.extend(series);
            message.extend(&unknown);
        }
        let (store, receiver) = receiver(Limits::default());
        let answer = receiver.receive(&packed(&message), NOW);
        prop_assert!(matches!(answer, Ok(_) | Err(Rejected::Partial(_))), "{answer:?}");
        let mut want = expected(&message).unwrap();
        want.sort();
        prop_assert_eq!(held(&store), want);
    }

    /// Whatever comes, nothing panics; and what prost can't read is refused.
    #[test]
    fn arbitrary_bytes_are_answered(message in prop::collection::vec(any::<u8>(), 0..60), raw in any::<bool>()) {
        let (_, receiver) = receiver(Limits::default());
        if raw {
            let _ = receiver.receive(&message, NOW);
        } else {
            let answer = receiver.receive(&packed(&message), NOW);
            let broken = WriteRequest::decode(&*message).is_err();
            // Strings of unread fields and nested metadata are prost's business alone.
            prop_assert!(answer.is_err() || !broken || message.contains(&0x1a) || message.contains(&0x0a));
        }
    }

    /// A good body with one byte changed, cut off or put in.
    #[test]
    fn mutated_bodies_are_answered(at in any::<prop::sample::Index>(), byte in any::<u8>(), kind in 0..3) {
        let mut bytes = body(vec![series(&[(NAME, "a"), ("pod", "b")], &[(0, 1.0)]), series(&[(NAME, "b")], &[(1, 2.0)])]);
        let at = at.index(bytes.len());
        match kind {
            0 => bytes[at] = byte,
            1 => bytes.truncate(at),
            _ => bytes.insert(at, byte),
        }
        let (_, receiver) = receiver(Limits::default());
        let _ = receiver.receive(&bytes, NOW);
    }
}
