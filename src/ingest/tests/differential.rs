//! The walk over bytes against prost on the same bytes.

use std::collections::BTreeMap;

use proptest::prelude::*;
use prost::Message;

use super::{NOW, held, packed, receive, receiver};
use crate::ingest::{Limits, Malformed, Received, Rejected};
use crate::labels::{Labels, NAME};
use crate::proto::histogram::{Count, ZeroCount};
use crate::proto::{BucketSpan, Histogram, Label, Sample, WriteRequest};
use crate::sample::STALE_BITS;
use crate::series::Store;

/// `prometheus.WriteRequest` with texts as bytes, for one that is not UTF-8 costs its own series only.
#[derive(Clone, PartialEq, Message)]
struct Read {
    #[prost(message, repeated, tag = "1")]
    timeseries: Vec<ReadSeries>,
    #[prost(message, repeated, tag = "3")]
    metadata: Vec<ReadMetadata>,
}

#[derive(Clone, PartialEq, Message)]
struct ReadSeries {
    #[prost(message, repeated, tag = "1")]
    labels: Vec<ReadLabel>,
    #[prost(message, repeated, tag = "2")]
    samples: Vec<Sample>,
    #[prost(message, repeated, tag = "3")]
    exemplars: Vec<ReadExemplar>,
    #[prost(message, repeated, tag = "4")]
    histograms: Vec<Histogram>,
}

#[derive(Clone, PartialEq, Message)]
struct ReadLabel {
    #[prost(bytes = "vec", tag = "1")]
    name: Vec<u8>,
    #[prost(bytes = "vec", tag = "2")]
    value: Vec<u8>,
}

#[derive(Clone, PartialEq, Message)]
struct ReadExemplar {
    #[prost(message, repeated, tag = "1")]
    labels: Vec<ReadLabel>,
    #[prost(double, tag = "2")]
    value: f64,
    #[prost(int64, tag = "3")]
    timestamp: i64,
}

#[derive(Clone, PartialEq, Message)]
struct ReadMetadata {
    #[prost(int64, tag = "1")]
    kind: i64,
    #[prost(bytes = "vec", tag = "2")]
    name: Vec<u8>,
    #[prost(bytes = "vec", tag = "4")]
    help: Vec<u8>,
    #[prost(bytes = "vec", tag = "5")]
    unit: Vec<u8>,
}

/// A request of either version, read: labels, samples, and how many histograms and exemplars are sound or not.
pub(super) struct Plain {
    pub(super) labels: Option<Labels>,
    pub(super) samples: Vec<(i64, u64)>,
    pub(super) sound: bool,
}

fn plain(series: &ReadSeries) -> Plain {
    fn text(bytes: &[u8]) -> Option<&str> {
        std::str::from_utf8(bytes).ok()
    }
    let pairs = series.labels.iter().map(|label| Some((text(&label.name)?, text(&label.value)?)));
    let pairs: Option<Vec<_>> = pairs.collect();
    let exemplar = |exemplar: &ReadExemplar| {
        let labels = exemplar.labels.iter();
        labels.flat_map(|label| [&label.name, &label.value]).all(|bytes| text(bytes).is_some())
            && exemplar.timestamp <= NOW.as_millis() + 600_000
    };
    Plain {
        labels: pairs.and_then(|pairs| named(&pairs)),
        samples: series.samples.iter().map(|sample| (sample.timestamp, sample.value.to_bits())).collect(),
        sound: series.histograms.iter().all(histogram_is_sound) && series.exemplars.iter().all(exemplar),
    }
}

pub(super) fn named(pairs: &[(&str, &str)]) -> Option<Labels> {
    let named = pairs.iter().all(|(name, _)| !name.is_empty());
    Labels::from_pairs(pairs.iter().copied()).ok().filter(|labels| named && labels.name().is_some())
}

/// Whether a histogram is sound, spelled out over the message.
pub(super) fn histogram_is_sound(histogram: &Histogram) -> bool {
    if histogram.sum.to_bits() == STALE_BITS {
        return histogram.timestamp <= NOW.as_millis() + 600_000;
    }
    let float = matches!(histogram.count, Some(Count::CountFloat(_)));
    let places = |spans: &[BucketSpan]| spans.iter().map(|span| u64::from(span.length)).sum::<u64>();
    let side = |spans: &[BucketSpan], deltas: &[i64], counts: &[f64]| {
        let forwards = spans.iter().skip(1).all(|span| span.offset >= 0);
        if float {
            return (forwards && places(spans) == counts.len() as u64 && !counts.iter().any(|count| *count < 0.0))
                .then_some(0_u128);
        }
        let mut last = 0_i128;
        let buckets: Option<Vec<u128>> = deltas
            .iter()
            .map(|delta| {
                last += i128::from(*delta);
                u64::try_from(last).ok().filter(|count| i64::try_from(*count).is_ok()).map(u128::from)
            })
            .collect();
        let sum = buckets?.iter().sum();
        (forwards && places(spans) == deltas.len() as u64).then_some(sum)
    };
    let negative = side(&histogram.negative_spans, &histogram.negative_deltas, &histogram.negative_counts);
    let positive = side(&histogram.positive_spans, &histogram.positive_deltas, &histogram.positive_counts);
    let (Some(negative), Some(positive)) = (negative, positive) else { return false };
    let zero_whole = if let Some(ZeroCount::ZeroCountInt(zero)) = histogram.zero_count { zero } else { 0 };
    let zero_float = if let Some(ZeroCount::ZeroCountFloat(zero)) = histogram.zero_count { zero } else { 0.0 };
    let counts = match histogram.count {
        Some(Count::CountFloat(count)) => ![count, zero_float].iter().any(|count| *count < 0.0),
        count => {
            let count = if let Some(Count::CountInt(count)) = count { count } else { 0 };
            let buckets = negative + positive + u128::from(zero_whole);
            if histogram.sum.is_nan() { buckets <= u128::from(count) } else { buckets == u128::from(count) }
        }
    };
    let schema = match histogram.schema {
        -4..=52 => histogram.custom_values.is_empty(),
        -53 => {
            let bounds = &histogram.custom_values;
            let reach: i128 =
                histogram.positive_spans.iter().map(|span| i128::from(span.offset) + i128::from(span.length)).sum();
            zero_whole == 0
                && zero_float == 0.0
                && histogram.zero_threshold == 0.0
                && histogram.negative_spans.is_empty()
                && histogram.negative_deltas.is_empty()
                && histogram.negative_counts.is_empty()
                && histogram.positive_spans.first().is_none_or(|span| span.offset >= 0)
                && bounds.iter().all(|bound| !bound.is_nan() && *bound != f64::INFINITY)
                && bounds.is_sorted_by(|one, next| one < next)
                && reach <= bounds.len() as i128 + 1
        }
        _ => false,
    };
    counts && schema && histogram.timestamp <= NOW.as_millis() + 600_000
}

/// What plain code makes of a request: the lines that a store should hold, and whether all of it could be taken.
pub(super) fn expected(request: &[Plain]) -> (Vec<String>, bool) {
    let mut first: BTreeMap<(String, i64), u64> = BTreeMap::new();
    let mut all_sound = true;
    for Plain { labels, samples, sound } in request {
        let Some(labels) = labels else {
            all_sound = false;
            continue;
        };
        all_sound &= sound;
        for (at, bits) in samples {
            if *at > NOW.as_millis() + 600_000 {
                all_sound = false;
                continue;
            }
            all_sound &= *first.entry((labels.to_string(), *at)).or_insert(*bits) == *bits;
        }
    }
    let mut lines: Vec<String> =
        first.into_iter().map(|((labels, at), bits)| format!("{labels} {at} {bits:x}")).collect();
    lines.sort();
    (lines, all_sound)
}

/// Both read the same, or both refuse and nothing is left behind.
fn agree(message: &[u8]) -> Result<(), TestCaseError> {
    let (store, receiver) = receiver(Limits::default());
    let answer = receive(&receiver, &packed(message));
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
    let plain: Vec<Plain> = request.timeseries.iter().map(plain).collect();
    match answer {
        Err(Rejected::OtherMessage(_)) => prop_assert_eq!(&request, &Read::default()),
        answer => same(&store, &plain, &answer)?,
    }
    Ok(())
}

/// The store holds what plain code expects of a request, and the answer says so.
pub(super) fn same(store: &Store, plain: &[Plain], answer: &Result<Received, Rejected>) -> Result<(), TestCaseError> {
    let (lines, sound) = expected(plain);
    // A window tells 49 days; what is farther apart is not all there.
    let times = || plain.iter().flat_map(|series| series.samples.iter().map(|(at, _)| i128::from(*at)));
    let apart = times().max().zip(times().min()).map_or(0, |(newest, oldest)| newest - oldest);
    if apart < 1 << 31 {
        prop_assert_eq!(held(store), lines);
    }
    match answer {
        Ok(received) => {
            prop_assert!(sound || apart >= 1 << 31);
            prop_assert_eq!(received.samples, received.kept + received.duplicate + received.too_old);
        }
        Err(Rejected::Partial(_)) => prop_assert!(!sound),
        Err(rejected) => prop_assert!(false, "prost reads it: {rejected}"),
    }
    Ok(())
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
        let answer = receive(&receiver, &damaged(body, &changes));
        let broken = !matches!(answer, Ok(_) | Err(Rejected::Partial(_)));
        prop_assert!(!broken || store.stats().series == 0);
    }
}
