//! What is written comes back bit by bit.

use proptest::prelude::*;

use super::super::block::{decode_labels, decode_samples, encode_labels, encode_samples};
use super::super::bytes::{Cursor, put, unzigzag, zigzag};
use super::super::{times, values};
use super::{START, series};
use crate::labels::Labels;
use crate::sample::{STALE, Sample};
use crate::time::Timestamp;

#[track_caller]
fn values_in(values: &[f64], bytes: usize) {
    let mut out = Vec::new();
    values::encode(values, &mut out);
    let mut cursor = Cursor(&out);
    let mut back = Vec::new();
    values::decode(&mut cursor, values.len(), |value| back.push(value.to_bits())).unwrap();
    assert_eq!(back, values.iter().map(|value| value.to_bits()).collect::<Vec<u64>>());
    assert_eq!((cursor.0.len(), out.len()), (0, bytes), "{values:?}");
}

#[test]
fn values_take_the_shortest_of_three_ways() {
    values_in(&[], 0);
    values_in(&[0.0], 3);
    values_in(&[1.0; 40], 3);
    values_in(&[STALE; 40], 10);
    values_in(&[-0.0; 40], 10);
    values_in(&[f64::INFINITY, f64::NEG_INFINITY], 11);
    // A steady counter: a byte for its differences.
    values_in(&[1e6, 1e6 + 150.0, 1e6 + 301.0, 1e6 + 450.0, 1e6 + 602.0], 8);
    // Hundredths.
    values_in(&[0.25, 0.5, 0.75, 1.0, 0.99], 7);
    // A series that ends.
    values_in(&[1.0, 2.0, STALE], 22);
    values_in(&[0.1 + 0.2, 0.3, f64::NAN, f64::MIN_POSITIVE], 33);
}

#[test]
fn regular_times_take_a_bit() {
    #[track_caller]
    fn check(times: &[i64], bytes: usize) {
        let mut out = Vec::new();
        times::encode(times, &mut out);
        assert_eq!(out.len(), bytes);
        assert_eq!(times::decode(&mut Cursor(&out), times.len()).unwrap(), times);
    }
    check(&[], 1);
    check(&[START], 7);
    // The first distance takes 24 bits, each further one a bit.
    let scraped: Vec<i64> = (0..41).map(|n| START + n * 15_000).collect();
    check(&scraped, 1 + 6 + 3 + 5);
    // Some milliseconds early or late: nine bits.
    let late: Vec<i64> = (0..41).map(|n| START + n * 15_000 + n % 2 * 20).collect();
    check(&late, 7 + 3 + 44);
    check(&[i64::MAX, i64::MIN, 0, -1], 30);
}

/// Values as they come: counters, gauges, decimals, ends of series, anything.
fn any_value() -> impl Strategy<Value = f64> {
    prop_oneof![
        (0_u32..1_000_000).prop_map(f64::from),
        (-1_000_000_i32..1_000_000).prop_map(|n| f64::from(n) / 1000.0),
        Just(STALE),
        Just(f64::NAN),
        Just(f64::INFINITY),
        Just(f64::NEG_INFINITY),
        Just(-0.0),
        any::<u64>().prop_map(f64::from_bits),
    ]
}

fn any_time() -> impl Strategy<Value = i64> {
    prop_oneof![
        (0_i64..1000).prop_map(|n| START + n * 15_000),
        (0_i64..100_000_000).prop_map(|ms| START + ms),
        any::<i64>(),
    ]
}

proptest! {
    #[test]
    fn numbers_come_back(number in any::<u64>(), signed in any::<i64>()) {
        let mut out = Vec::new();
        put(&mut out, number);
        put(&mut out, zigzag(signed));
        let mut cursor = Cursor(&out);
        prop_assert_eq!((cursor.number().unwrap(), cursor.signed().unwrap(), cursor.0.len()), (number, signed, 0));
        prop_assert_eq!(unzigzag(zigzag(signed)), signed);
    }

    #[test]
    fn samples_come_back(of in prop::collection::vec((0_u32..20, any_time(), any_value()), 0..300)) {
        let mut samples: Vec<(u32, Sample)> =
            of.iter().map(|(series, at, value)| (*series, Sample::new(Timestamp::from_millis(*at), *value))).collect();
        let body = encode_samples(&mut samples);
        let mut back = Vec::new();
        decode_samples(&body, samples.len(), &mut back).unwrap();
        let bits = |(series, sample): &(u32, Sample)| (*series, sample.at, sample.value.to_bits());
        // The encoder has sorted them by series, and left each one's order as it was.
        let mut want = of;
        want.sort_by_key(|(series, ..)| *series);
        let want: Vec<_> =
            want.iter().map(|(series, at, value)| (*series, Timestamp::from_millis(*at), value.to_bits())).collect();
        prop_assert_eq!(back.iter().map(bits).collect::<Vec<_>>(), want);
    }

    #[test]
    fn any_bytes_are_samples_or_damage(body in prop::collection::vec(any::<u8>(), 0..300), expected in 0_usize..5000) {
        let mut back = Vec::new();
        let _ = decode_samples(&body, expected, &mut back);
        prop_assert!(back.len() <= expected);
        let _ = decode_labels(&body);
    }

    #[test]
    fn a_changed_byte_is_no_panic(place in 0_usize..10_000, byte in any::<u8>()) {
        let mut samples: Vec<(u32, Sample)> = (0..200_u32)
            .map(|n| (n % 7, Sample::new(Timestamp::from_millis(START + i64::from(n / 7) * 15_000), f64::from(n).sqrt())))
            .collect();
        let mut body = encode_samples(&mut samples);
        let place = place % body.len();
        body[place] = byte;
        let _ = decode_samples(&body, samples.len(), &mut Vec::new());
    }

    #[test]
    fn labels_come_back(of in prop::collection::vec(prop::collection::btree_map("[a-z_]{1,8}", "\\PC{1,8}", 0..5), 0..20), first in any::<u32>()) {
        let series: Vec<Labels> = of.into_iter().map(|pairs| Labels::from_pairs(pairs).unwrap()).collect();
        prop_assert_eq!(decode_labels(&encode_labels(first, &series)).unwrap(), (first, series));
    }
}

#[test]
fn what_is_scraped_together_has_its_times_once() {
    let mut one: Vec<(u32, Sample)> =
        (0..8).map(|n| (0, Sample::new(Timestamp::from_millis(START + n * 15_000), 7.0))).collect();
    let mut hundred: Vec<(u32, Sample)> =
        (0..100).flat_map(|series| one.iter().map(move |(_, sample)| (series, *sample)).collect::<Vec<_>>()).collect();
    let (one, hundred) = (encode_samples(&mut one).len(), encode_samples(&mut hundred).len());
    // A series more is five bytes: its number, its list, and how its values are written.
    assert_eq!(hundred, one + 99 * 5);
    assert_eq!(series("up", 3).to_string(), "up{pod=\"checkout-3\"}");
}
