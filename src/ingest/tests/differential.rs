//! The walk over bytes against prost on the same bytes.

use proptest::prelude::*;
use prost::Message;

use super::oracle::{NOW, agree, packed, receiver};
use crate::ingest::{Limits, Protocol, Rejected};
use crate::labels::NAME;
use crate::proto::histogram::{Count, ZeroCount};
use crate::proto::{BucketSpan, Histogram, Label, WriteRequest};
use crate::sample::STALE_BITS;

pub(super) fn agreed(protocol: Protocol, message: &[u8]) -> Result<(), TestCaseError> {
    agree(protocol, message).map_err(|error| TestCaseError::fail(format!("{error:#}")))
}

pub(super) fn field(number: u8, message: &[u8]) -> Vec<u8> {
    let mut bytes = vec![number << 3 | 2];
    prost::encoding::encode_varint(message.len() as u64, &mut bytes);
    bytes.extend(message);
    bytes
}

/// Field 31 in each of the wire types, or nothing.
pub(super) fn unknown() -> impl Strategy<Value = Vec<u8>> {
    let forms: [&[u8]; 5] = [b"", b"\xf8\x01\x96\x01", b"\xf9\x0112345678", b"\xfa\x01\x03abc", b"\xfd\x011234"];
    prop::sample::select(forms.to_vec()).prop_map(<[u8]>::to_vec)
}

/// The fields of a message in any order, unknown ones among them.
pub(super) fn message(fields: impl Strategy<Value = Vec<Vec<u8>>>) -> impl Strategy<Value = Vec<u8>> {
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

/// A sample of around `then`, a time in milliseconds.
pub(super) fn any_sample(then: i64) -> impl Strategy<Value = Vec<u8>> {
    let ago =
        prop_oneof![8 => 0_i64..9_000, 1 => Just(-700_000), 1 => any::<i32>().prop_map(|ms| i64::from(ms).abs() / 2)];
    let value = prop_oneof![any::<f64>(), Just(0.0), (0_u8..3).prop_map(f64::from)];
    let fields = (ago, value).prop_map(move |(ago, number): (i64, f64)| {
        let timestamp = then - ago;
        let mut at = vec![0x10];
        prost::encoding::encode_varint(timestamp.cast_unsigned(), &mut at);
        let value = [&[0x09][..], &number.to_bits().to_le_bytes()].concat();
        // What is zero may be left out.
        let zero = |field: Vec<u8>, is_zero| if is_zero { Vec::new() } else { field };
        vec![zero(value, ago % 2 == 0 && number.to_bits() == 0), zero(at, timestamp == 0)]
    });
    message(fields).prop_map(|sample| field(2, &sample))
}

fn any_exemplar() -> impl Strategy<Value = Vec<u8>> {
    let at = prop_oneof![4 => Just(NOW.as_millis()), 1 => Just(NOW.as_millis() + 600_001), 1 => any::<i64>()];
    let fields = (prop::collection::vec(any_label(), 0..3), at).prop_map(|(mut fields, at)| {
        let mut time = vec![0x18];
        prost::encoding::encode_varint(at.cast_unsigned(), &mut time);
        fields.push(time);
        fields
    });
    message(fields).prop_map(|exemplar| field(3, &exemplar))
}

fn any_spans() -> impl Strategy<Value = Vec<BucketSpan>> {
    let span = |(offset, length)| BucketSpan { offset, length };
    prop::collection::vec((-1_i32..3, 0_u32..3).prop_map(span), 0..3)
}

/// A histogram of few buckets, sound as often as not.
pub(super) fn any_histogram() -> impl Strategy<Value = Vec<u8>> {
    let sides = (any_spans(), any_spans(), prop::collection::vec(-1_i64..4, 6), any::<bool>());
    let rest = (
        prop_oneof![4 => 0_i32..3, 2 => Just(-53), 1 => Just(53), 1 => Just(52), 1 => Just(-5)],
        prop_oneof![3 => Just(0_u64), 1 => 0_u64..3],
        prop_oneof![4 => Just(0.0), 1 => Just(f64::NAN), 1 => Just(f64::from_bits(STALE_BITS))],
        prop::collection::vec(prop_oneof![6 => (0_i8..9).prop_map(f64::from), 1 => Just(f64::INFINITY)], 0..4),
        (any::<bool>(), any::<bool>(), -1_i8..2),
    );
    (sides, rest).prop_map(
        |((positive, negative, deltas, float), (schema, zero, sum, bounds, (exact, custom, off)))| {
            let mut histogram = Histogram { schema, sum, timestamp: NOW.as_millis(), ..Histogram::default() };
            let places = |spans: &[BucketSpan]| spans.iter().map(|span| span.length as usize).sum::<usize>();
            let wanted = if exact { places(&positive) } else { 2 };
            (histogram.positive_spans, histogram.positive_deltas) = (positive, deltas[..wanted.min(6)].to_vec());
            if !custom {
                let wanted = places(&negative);
                (histogram.negative_spans, histogram.negative_deltas) = (negative, deltas[..wanted.min(6)].to_vec());
            }
            if custom || schema == -53 {
                histogram.custom_values = bounds;
                histogram.custom_values.sort_by(f64::total_cmp);
            }
            let sum_of = |deltas: &[i64]| {
                let counts = deltas.iter().scan(0, |last, delta| {
                    *last += delta;
                    Some(*last)
                });
                counts.sum::<i64>()
            };
            let count = sum_of(&histogram.positive_deltas)
                + sum_of(&histogram.negative_deltas)
                + zero.cast_signed()
                + i64::from(off) * i64::from(!exact);
            if float {
                let counts = |deltas: &[i64]| deltas.iter().map(|delta| *delta as f64).collect();
                histogram.positive_counts = counts(&histogram.positive_deltas);
                histogram.negative_counts = counts(&histogram.negative_deltas);
                histogram.count = Some(Count::CountFloat(count as f64));
                histogram.zero_count = Some(ZeroCount::ZeroCountFloat(zero as f64));
            } else {
                histogram.count = Some(Count::CountInt(count.max(0).cast_unsigned()));
                histogram.zero_count = Some(ZeroCount::ZeroCountInt(zero));
            }
            field(4, &histogram.encode_to_vec())
        },
    )
}

fn any_series(then: i64) -> impl Strategy<Value = Vec<u8>> {
    let named = Label { name: NAME.into(), value: "m".into() }.encode_to_vec();
    let any_field = prop_oneof![6 => any_label(), 6 => any_sample(then), 1 => any_exemplar(), 2 => any_histogram()];
    let fields = (prop::collection::vec(any_field, 0..6), any::<bool>()).prop_map(move |(mut fields, name)| {
        fields.extend(name.then(|| field(1, &named)));
        fields
    });
    message(fields).prop_map(|series| field(1, &series))
}

fn any_metadata() -> impl Strategy<Value = Vec<u8>> {
    let fields = prop::collection::vec(
        prop_oneof![
            (0_u8..12).prop_map(|kind| vec![0x08, kind]),
            "[a-c]{0,3}".prop_map(|name| field(2, name.as_bytes())),
            "[a-c]{0,3}".prop_map(|help| field(4, help.as_bytes())),
            "[a-c]{0,3}".prop_map(|unit| field(5, unit.as_bytes())),
        ],
        0..4,
    );
    message(fields).prop_map(|metadata| field(3, &metadata))
}

fn any_request() -> impl Strategy<Value = Vec<u8>> {
    // A window tells 49 days, so that one request is of today or of 1970.
    let of = |then| message(prop::collection::vec(prop_oneof![4 => any_series(then), 1 => any_metadata()], 0..5));
    prop_oneof![2 => of(NOW.as_millis()), 1 => of(0)]
}

/// A request in the order in which Prometheus writes it.
fn usual_request() -> impl Strategy<Value = Vec<u8>> {
    let pod = ("[a-d]", 0_i64..4, any::<f64>())
        .prop_map(|(pod, ago, value)| super::series(&[(NAME, "m"), ("pod", pod.as_str())], &[(ago * 15_000, value)]));
    prop::collection::vec(pod, 1..5)
        .prop_map(|timeseries| WriteRequest { timeseries, metadata: Vec::new() }.encode_to_vec())
}

/// Changes that damage a message: a byte set, put in or taken out, or the end cut off.
pub(super) fn damage() -> impl Strategy<Value = (u8, prop::sample::Index, u8)> {
    (0_u8..7, any::<prop::sample::Index>(), prop_oneof![any::<u8>(), 0_u8..0x30, Just(0xff), Just(0x80)])
}

pub(super) fn damaged(mut bytes: Vec<u8>, changes: &[(u8, prop::sample::Index, u8)]) -> Vec<u8> {
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
        agreed(Protocol::V1, &message)?;
    }

    #[test]
    fn usual_requests_are_read_as_prost_reads_them(message in usual_request()) {
        agreed(Protocol::V1, &message)?;
    }

    #[test]
    fn damaged_requests_are_judged_as_prost_judges_them(
        message in prop_oneof![any_request(), usual_request()],
        changes in prop::collection::vec(damage(), 1..4),
    ) {
        agreed(Protocol::V1, &damaged(message, &changes))?;
    }

    #[test]
    fn arbitrary_messages_are_judged_as_prost_judges_them(
        message in prop::collection::vec(prop_oneof![any::<u8>(), 0_u8..0x30], 0..60),
    ) {
        agreed(Protocol::V1, &message)?;
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
        let answer = super::receive(&receiver, &damaged(body, &changes));
        let broken = !matches!(answer, Ok(_) | Err(Rejected::Partial(_)));
        prop_assert!(!broken || store.stats().series == 0);
    }
}
