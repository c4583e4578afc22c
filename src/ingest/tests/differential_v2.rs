//! The walk over bytes of remote write 2.0 against prost on the same bytes, and against the walk of 1.0 on the same samples.

use proptest::prelude::*;
use prost::Message;

use super::differential::{
    Plain, any_histogram, any_sample, damage, damaged, field, histogram_is_sound, message, named, same,
};
use super::{NOW, held, packed, receiver};
use crate::ingest::{Limits, Malformed, Outcome, Protocol, Received, Receiver, Rejected};
use crate::labels::NAME;
use crate::proto::{Histogram, Label, Sample, TimeSeries, WriteRequest, v2};

/// `io.prometheus.write.v2.Request` with symbols as bytes, for one that is not UTF-8 costs its own series only.
#[derive(Clone, PartialEq, Message)]
struct Read {
    #[prost(bytes = "vec", repeated, tag = "4")]
    symbols: Vec<Vec<u8>>,
    #[prost(message, repeated, tag = "5")]
    timeseries: Vec<ReadSeries>,
}

#[derive(Clone, PartialEq, Message)]
struct ReadSeries {
    #[prost(uint32, repeated, tag = "1")]
    labels_refs: Vec<u32>,
    #[prost(message, repeated, tag = "2")]
    samples: Vec<Sample>,
    #[prost(message, repeated, tag = "3")]
    histograms: Vec<Histogram>,
    #[prost(message, repeated, tag = "4")]
    exemplars: Vec<v2::Exemplar>,
    #[prost(message, optional, tag = "5")]
    metadata: Option<v2::Metadata>,
}

fn receive(receiver: &Receiver, body: &[u8]) -> Result<Received, Rejected> {
    let Outcome { received, rejected } = receiver.receive(Protocol::V2, body, NOW);
    rejected.map_or(Ok(received), Err)
}

fn plain(series: &ReadSeries, symbols: &[Vec<u8>]) -> Plain {
    let text = |reference: u32| std::str::from_utf8(symbols.get(reference as usize)?).ok();
    let even = series.labels_refs.len().is_multiple_of(2);
    let pairs = series.labels_refs.as_chunks::<2>().0.iter().map(|[name, value]| Some((text(*name)?, text(*value)?)));
    let pairs: Option<Vec<_>> = pairs.collect();
    let described = series.metadata.as_ref().is_none_or(|said| {
        [said.help_ref, said.unit_ref].iter().all(|reference| *reference == 0 || (*reference as usize) < symbols.len())
    });
    let holds = !series.samples.is_empty() || !series.histograms.is_empty();
    let exemplar = |exemplar: &v2::Exemplar| {
        exemplar.labels_refs.len().is_multiple_of(2)
            && exemplar.labels_refs.iter().all(|reference| text(*reference).is_some())
            && exemplar.timestamp <= NOW.as_millis() + 600_000
    };
    Plain {
        labels: pairs.filter(|_| even && described && holds).and_then(|pairs| named(&pairs)),
        samples: series.samples.iter().map(|sample| (sample.timestamp, sample.value.to_bits())).collect(),
        sound: series.histograms.iter().all(histogram_is_sound) && series.exemplars.iter().all(exemplar),
    }
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
    let plain: Vec<Plain> = request.timeseries.iter().map(|series| plain(series, &request.symbols)).collect();
    match answer {
        Err(Rejected::OtherMessage(_)) => prop_assert_eq!(&request, &Read::default()),
        answer => same(&store, &plain, &answer)?,
    }
    Ok(())
}

const SYMBOLS: [&str; 9] = ["", NAME, "m", "pod", "a", "b", "x", "ü\n", "job"];

/// References: those of sound labels mostly, packed, unpacked or both.
fn any_refs() -> impl Strategy<Value = Vec<Vec<u8>>> {
    let pair = prop_oneof![4 => Just((1, 2)), 3 => (3_u32..4, 4_u32..8), 2 => (8_u32..9, 4_u32..7), 1 => (0_u32..10, 0_u32..10)];
    let odd = prop_oneof![9 => Just(None), 1 => (0_u32..12).prop_map(Some)];
    (prop::collection::vec(pair, 0..4), odd, 0_u8..4).prop_map(|(pairs, odd, form)| {
        let refs: Vec<u32> = pairs.into_iter().flat_map(|(name, value)| [name, value]).chain(odd).collect();
        let varint = |reference: &u32| {
            let mut bytes = Vec::new();
            prost::encoding::encode_varint(u64::from(*reference), &mut bytes);
            bytes
        };
        let packed = |refs: &[u32]| field(1, &refs.iter().flat_map(varint).collect::<Vec<u8>>());
        let unpacked = |reference: &u32| [vec![0x08], varint(reference)].concat();
        match form {
            0 => refs.iter().map(unpacked).collect(),
            1 => {
                let (one, other) = refs.split_at(refs.len() / 2);
                [packed(one)].into_iter().chain(other.iter().map(unpacked)).collect()
            }
            _ => vec![packed(&refs)],
        }
    })
}

fn any_metadata() -> impl Strategy<Value = Vec<u8>> {
    let refs = (0_i32..10, 0_u32..11, prop_oneof![4 => Just(0_u32), 1 => 0_u32..11]);
    refs.prop_map(|(r#type, help_ref, unit_ref)| field(5, &v2::Metadata { r#type, help_ref, unit_ref }.encode_to_vec()))
}

fn any_exemplar() -> impl Strategy<Value = Vec<u8>> {
    let refs = prop::collection::vec(0_u32..10, 0..4);
    let at = prop_oneof![4 => Just(NOW.as_millis()), 1 => Just(NOW.as_millis() + 600_001), 1 => any::<i64>()];
    (refs, at).prop_map(|(labels_refs, timestamp)| {
        field(4, &v2::Exemplar { labels_refs, value: 1.0, timestamp }.encode_to_vec())
    })
}

/// A series whose references stand first, as they do everywhere, or anywhere.
fn any_series(then: i64) -> impl Strategy<Value = Vec<u8>> {
    let histogram = any_histogram().prop_map(|mut bytes| {
        bytes[0] = 3 << 3 | 2;
        bytes
    });
    let part = prop_oneof![
        8 => any_sample(then),
        2 => any_metadata(),
        1 => any_exemplar(),
        2 => histogram,
        // When the series began, as a draft of the specification had it.
        1 => Just(vec![0x30, 0x07]),
    ];
    let parts = prop::collection::vec(part, 0..4);
    let ordered = (any_refs(), parts).prop_map(|(refs, parts)| refs.into_iter().chain(parts).flatten().collect());
    let part = prop_oneof![3 => any_sample(then), 1 => any_metadata()];
    let shuffled = message((any_refs(), prop::collection::vec(part, 0..3)).prop_map(|(refs, parts)| {
        // Unpacked references keep their order only among themselves; one field holds all.
        let whole: Vec<u8> = refs.into_iter().flatten().collect();
        [whole].into_iter().chain(parts).collect()
    }));
    prop_oneof![3 => ordered, 1 => shuffled].prop_map(|series: Vec<u8>| field(5, &series))
}

/// A request whose symbols stand before, behind or between the series.
fn any_request() -> impl Strategy<Value = Vec<u8>> {
    let symbols: Vec<u8> = SYMBOLS.iter().flat_map(|symbol| field(4, symbol.as_bytes())).collect();
    let of = move |then| {
        let symbols = symbols.clone();
        let series = prop::collection::vec(any_series(then), 0..5);
        (series, any::<prop::sample::Index>(), 0_u8..12).prop_map(move |(mut series, at, odd)| {
            let symbols = if odd == 0 { Vec::new() } else { symbols.clone() };
            series.insert(at.index(series.len() + 1), symbols);
            series.concat()
        })
    };
    // A window tells 49 days, so that one request is of today or of 1970.
    prop_oneof![2 => of(NOW.as_millis()), 1 => of(0)]
}

proptest! {
    #[test]
    fn requests_in_any_order_of_fields_are_read_as_prost_reads_them(message in any_request()) {
        agree(&message)?;
    }

    #[test]
    fn damaged_requests_are_judged_as_prost_judges_them(
        message in any_request(),
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

    /// The same samples in either version are the same series, whoever sends them first.
    #[test]
    fn both_versions_come_to_the_same_windows(
        rounds in prop::collection::vec(prop::collection::vec((0_u8..20, -2_i64..3), 1..12), 1..6),
    ) {
        let (one, receiver_of_one) = receiver(Limits::default());
        let (both, receiver_of_both) = receiver(Limits::default());
        for (number, round) in rounds.iter().enumerate() {
            let at = NOW.as_millis() - 100_000 + i64::try_from(number).unwrap() * 1_000;
            let series: Vec<TimeSeries> = round.iter().map(|&(pod, value)| TimeSeries {
                labels: [(NAME, "m".to_owned()), ("pod", format!("p{pod}"))]
                    .map(|(name, value)| Label { name: name.to_owned(), value }).to_vec(),
                samples: vec![Sample { value: value as f64, timestamp: at }],
                ..TimeSeries::default()
            }).collect();
            let in_one = packed(&WriteRequest { timeseries: series.clone(), metadata: Vec::new() }.encode_to_vec());
            let in_two = packed(&second(&series).encode_to_vec());
            let first = receiver_of_one.receive(Protocol::V1, &in_one, NOW);
            let second = if number % 2 == 0 {
                receiver_of_both.receive(Protocol::V2, &in_two, NOW)
            } else {
                receiver_of_both.receive(Protocol::V1, &in_one, NOW)
            };
            prop_assert_eq!((first.received, first.written()), (second.received, second.written()));
            prop_assert_eq!(first.rejected.is_some(), second.rejected.is_some());
        }
        prop_assert_eq!(held(&one), held(&both));
        prop_assert_eq!(one.stats().series, both.stats().series);
    }
}

/// A request of 1.0 in 2.0.
fn second(series: &[TimeSeries]) -> v2::Request {
    let mut symbols = vec![String::new()];
    let mut reference = |text: &str| {
        let known = symbols.iter().position(|symbol| symbol == text);
        let place = known.unwrap_or_else(|| {
            symbols.push(text.to_owned());
            symbols.len() - 1
        });
        u32::try_from(place).unwrap()
    };
    let timeseries = series
        .iter()
        .map(|series| v2::TimeSeries {
            labels_refs: series
                .labels
                .iter()
                .flat_map(|label| [&label.name, &label.value])
                .map(|text| reference(text))
                .collect(),
            samples: series
                .samples
                .iter()
                .map(|sample| v2::Sample { value: sample.value, timestamp: sample.timestamp, start_timestamp: 0 })
                .collect(),
            ..v2::TimeSeries::default()
        })
        .collect();
    v2::Request { symbols, timeseries }
}
