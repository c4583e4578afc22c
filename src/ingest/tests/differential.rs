//! The walk over bytes against prost on the same bytes.

use std::collections::BTreeMap;

use proptest::prelude::*;
use prost::Message;

use super::{NOW, held, packed, receiver};
use crate::ingest::{Limits, Malformed, Rejected};
use crate::labels::{Labels, NAME};
use crate::proto::{Label, Sample, WriteRequest};

/// `prometheus.WriteRequest` as far as it is read: texts as bytes, for one that is not UTF-8 costs its own series only,
/// and what is passed over (metadata, exemplars, histograms) not looked into.
#[derive(Clone, PartialEq, Message)]
struct Read {
    #[prost(message, repeated, tag = "1")]
    timeseries: Vec<ReadSeries>,
    #[prost(bytes = "vec", repeated, tag = "3")]
    metadata: Vec<Vec<u8>>,
}

#[derive(Clone, PartialEq, Message)]
struct ReadSeries {
    #[prost(message, repeated, tag = "1")]
    labels: Vec<ReadLabel>,
    #[prost(message, repeated, tag = "2")]
    samples: Vec<Sample>,
    #[prost(bytes = "vec", repeated, tag = "3")]
    exemplars: Vec<Vec<u8>>,
    #[prost(bytes = "vec", repeated, tag = "4")]
    histograms: Vec<Vec<u8>>,
}

#[derive(Clone, PartialEq, Message)]
struct ReadLabel {
    #[prost(bytes = "vec", tag = "1")]
    name: Vec<u8>,
    #[prost(bytes = "vec", tag = "2")]
    value: Vec<u8>,
}

fn labels(series: &ReadSeries) -> Option<Labels> {
    let text = |bytes| std::str::from_utf8(bytes).ok();
    let pairs = series.labels.iter().map(|label| Some((text(&label.name)?, text(&label.value)?)));
    let labels = Labels::from_pairs(pairs.collect::<Option<Vec<_>>>()?).ok()?;
    labels.name().is_some().then_some(labels)
}

/// What plain code makes of a request: the lines that a store should hold, and whether all of it could be taken.
fn expected(request: &Read) -> (Vec<String>, bool) {
    let mut first: BTreeMap<(String, i64), u64> = BTreeMap::new();
    let mut sound = true;
    for series in &request.timeseries {
        let Some(labels) = labels(series) else {
            sound = false;
            continue;
        };
        for Sample { timestamp, value } in &series.samples {
            if *timestamp > NOW.as_millis() + 600_000 {
                sound = false;
                continue;
            }
            sound &= *first.entry((labels.to_string(), *timestamp)).or_insert(value.to_bits()) == value.to_bits();
        }
    }
    let mut lines: Vec<String> =
        first.into_iter().map(|((labels, at), bits)| format!("{labels} {at} {bits:x}")).collect();
    lines.sort();
    (lines, sound)
}

/// Both read the same, or both refuse and nothing is left behind.
fn agree(message: &[u8]) -> Result<(), TestCaseError> {
    let (store, receiver) = receiver(Limits::default());
    let answer = receiver.receive(&packed(message), NOW);
    // Groups are no longer in use, and we don't read them; prost passes over those that are balanced.
    if let Err(Rejected::Malformed { fault: Malformed::WireType(3 | 4), .. }) = answer {
        prop_assert_eq!(store.stats().series, 0);
        return Ok(());
    }
    let Ok(request) = Read::decode(message) else {
        prop_assert!(matches!(answer, Err(Rejected::Malformed { .. })), "prost refuses: {answer:?}");
        prop_assert_eq!(store.stats().series, 0, "a broken body changes nothing");
        return Ok(());
    };
    let (lines, sound) = expected(&request);
    prop_assert_eq!(held(&store), lines);
    match answer {
        Ok(_) => prop_assert!(sound),
        Err(Rejected::Partial(_)) => prop_assert!(!sound),
        Err(Rejected::OtherMessage) => prop_assert_eq!(&request, &Read::default()),
        Err(rejected) => prop_assert!(false, "prost reads it: {rejected}"),
    }
    Ok(())
}

fn field(number: u8, message: &[u8]) -> Vec<u8> {
    let mut bytes = vec![number << 3 | 2];
    prost::encoding::encode_varint(message.len() as u64, &mut bytes);
    bytes.extend(message);
    bytes
}

/// Field 31 in each of the wire types, or nothing.
fn unknown() -> impl Strategy<Value = Vec<u8>> {
    let forms: [&[u8]; 5] = [b"", b"\xf8\x01\x96\x01", b"\xf9\x0112345678", b"\xfa\x01\x03abc", b"\xfd\x011234"];
    prop::sample::select(forms.to_vec()).prop_map(<[u8]>::to_vec)
}

/// The fields of a message in any order, unknown ones among them.
fn message(fields: impl Strategy<Value = Vec<Vec<u8>>>) -> impl Strategy<Value = Vec<u8>> {
    (fields.prop_shuffle(), unknown()).prop_map(|(fields, unknown)| {
        let between = fields.into_iter().flat_map(|field| [field, unknown.clone()]);
        [unknown.clone()].into_iter().chain(between).flatten().collect()
    })
}

/// A field of a label or sample may come twice: the last one counts.
fn any_label() -> impl Strategy<Value = Vec<u8>> {
    let name = prop_oneof![4 => "[a-c]{1,2}", 3 => Just(NAME.to_owned()), 1 => Just(String::new())];
    let value = prop_oneof![6 => "[x-z]{0,2}", 1 => "y{130}", 1 => "ü\n"];
    let fields = (name, prop::collection::vec(value, 0..3)).prop_map(|(name, values)| {
        let values = values.iter().map(|value| field(2, value.as_bytes()));
        [field(1, name.as_bytes())].into_iter().chain(values).collect()
    });
    message(fields).prop_map(|label| field(1, &label))
}

fn any_sample() -> impl Strategy<Value = Vec<u8>> {
    let ago = prop_oneof![8 => 0_i64..9_000, 1 => Just(-700_000), 1 => any::<u32>().prop_map(|ms| NOW.as_millis() + 1 + i64::from(ms)), 1 => Just(NOW.as_millis())];
    let value = prop_oneof![any::<f64>(), Just(0.0), (0_u8..3).prop_map(f64::from)];
    let fields = (ago, value).prop_map(|(ago, number): (i64, f64)| {
        let timestamp = NOW.as_millis() - ago;
        let mut at = vec![0x10];
        prost::encoding::encode_varint(timestamp.cast_unsigned(), &mut at);
        let value = [&[0x09][..], &number.to_bits().to_le_bytes()].concat();
        // What is zero may be left out.
        let zero = |field: Vec<u8>, is_zero| if is_zero { Vec::new() } else { field };
        vec![zero(value, ago % 2 == 0 && number.to_bits() == 0), zero(at, timestamp == 0)]
    });
    message(fields).prop_map(|sample| field(2, &sample))
}

fn any_series() -> impl Strategy<Value = Vec<u8>> {
    let passed_over = (3_u8..5, prop::collection::vec(any::<u8>(), 0..4)).prop_map(|(number, any)| field(number, &any));
    let named = Label { name: NAME.into(), value: "m".into() }.encode_to_vec();
    let any_field = prop_oneof![3 => any_label(), 3 => any_sample(), 1 => passed_over];
    let fields = (prop::collection::vec(any_field, 0..6), any::<bool>()).prop_map(move |(mut fields, name)| {
        fields.extend(name.then(|| field(1, &named)));
        fields
    });
    message(fields).prop_map(|series| field(1, &series))
}

fn any_request() -> impl Strategy<Value = Vec<u8>> {
    let metadata = prop::collection::vec(any::<u8>(), 0..4).prop_map(|any| field(3, &any));
    message(prop::collection::vec(prop_oneof![4 => any_series(), 1 => metadata], 0..5))
}

/// A request in the order in which Prometheus writes it.
fn usual_request() -> impl Strategy<Value = Vec<u8>> {
    let pod = ("[a-d]", 0_i64..4, any::<f64>())
        .prop_map(|(pod, ago, value)| super::series(&[(NAME, "m"), ("pod", pod.as_str())], &[(ago * 15_000, value)]));
    prop::collection::vec(pod, 1..5)
        .prop_map(|timeseries| WriteRequest { timeseries, metadata: Vec::new() }.encode_to_vec())
}

/// Changes that damage a message: a byte set, put in or taken out, or the end cut off.
fn damage() -> impl Strategy<Value = (u8, prop::sample::Index, u8)> {
    (0_u8..7, any::<prop::sample::Index>(), prop_oneof![any::<u8>(), 0_u8..0x30, Just(0xff), Just(0x80)])
}

fn damaged(mut bytes: Vec<u8>, changes: &[(u8, prop::sample::Index, u8)]) -> Vec<u8> {
    for (kind, at, byte) in changes {
        if bytes.is_empty() {
            break;
        }
        let at = at.index(bytes.len());
        match kind {
            0 => bytes.truncate(at),
            1 => bytes.insert(at, *byte),
            2 => _ = bytes.remove(at),
            _ => bytes[at] = *byte,
        }
    }
    bytes
}

proptest! {
    #[test]
    fn requests_in_any_order_of_fields_are_read_as_prost_reads_them(message in any_request()) {
        agree(&message)?;
    }

    #[test]
    fn usual_requests_are_read_as_prost_reads_them(message in usual_request()) {
        agree(&message)?;
    }

    #[test]
    fn damaged_requests_are_judged_as_prost_judges_them(
        message in prop_oneof![any_request(), usual_request()],
        changes in prop::collection::vec(damage(), 1..4),
    ) {
        agree(&damaged(message, &changes))?;
    }

    #[test]
    fn arbitrary_messages_are_judged_as_prost_judges_them(
        message in prop::collection::vec(prop_oneof![any::<u8>(), 0_u8..0x30], 0..60),
    ) {
        agree(&message)?;
    }

    #[test]
    fn arbitrary_and_damaged_bodies_are_answered(
        body in prop_oneof![
            prop::collection::vec(any::<u8>(), 0..60),
            usual_request().prop_map(|message| packed(&message)),
        ],
        changes in prop::collection::vec(damage(), 0..4),
    ) {
        let (store, receiver) = receiver(Limits::default());
        let answer = receiver.receive(&damaged(body, &changes), NOW);
        let broken = !matches!(answer, Ok(_) | Err(Rejected::Partial(_)));
        prop_assert!(!broken || store.stats().series == 0);
    }
}
