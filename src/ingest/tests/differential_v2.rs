//! The walk over bytes of remote write 2.0 against prost on the same bytes, and against the walk of 1.0 on the same samples.

use proptest::prelude::*;
use prost::Message;

use super::differential::{agreed, any_histogram, any_sample, damage, damaged, field, message};
use super::oracle::{NOW, held, packed, receiver};
use crate::ingest::{Limits, Protocol};
use crate::labels::NAME;
use crate::proto::{Label, Sample, TimeSeries, WriteRequest, v2};

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
        agreed(Protocol::V2, &message)?;
    }

    #[test]
    fn damaged_requests_are_judged_as_prost_judges_them(
        message in any_request(),
        changes in prop::collection::vec(damage(), 1..4),
    ) {
        agreed(Protocol::V2, &damaged(message, &changes))?;
    }

    #[test]
    fn arbitrary_messages_are_judged_as_prost_judges_them(
        message in prop::collection::vec(prop_oneof![any::<u8>(), 0_u8..0x30], 0..60),
    ) {
        agreed(Protocol::V2, &message)?;
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
