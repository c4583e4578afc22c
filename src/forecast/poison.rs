//! What is wild does not poison the models: an hour after spikes of a hundred times the usual, forecasts are what they
//! would be without.

use std::time::Duration;

use proptest::prelude::*;

use super::*;
use crate::time::Timestamp;

const DAY: usize = 1_440;

fn at(minute: usize) -> Timestamp {
    Timestamp::from_millis(1_700_006_400_000 + i64::try_from(minute).unwrap() * 60_000)
}

/// Between 40 and 160, with some noise.
fn demand(minute: usize) -> f64 {
    let wave = (minute as f64 * std::f64::consts::TAU / DAY as f64).sin();
    100.0 + 60.0 * wave + (minute * 7_919 % 101) as f64 / 20.0
}

/// The predictor an hour after the last of some spikes, each of which lasts a minute or two.
fn fed(spikes: &[(usize, usize, f64)], end: usize) -> Predictor {
    let mut predictor = Predictor::new(Options::default());
    for minute in 0..end {
        let spike = spikes.iter().find(|(at, length, _)| (*at..at + length).contains(&minute));
        predictor.observe(at(minute), Some(demand(minute) * spike.map_or(1.0, |(_, _, times)| *times)));
    }
    predictor
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 12, ..ProptestConfig::default() })]

    #[test]
    fn an_hour_after_spikes_forecasts_are_what_they_were(
        spikes in prop::collection::vec((2 * DAY..3 * DAY, 1..=2_usize, 20.0..100.0_f64), 1..4),
    ) {
        let end = spikes.iter().map(|(at, length, _)| at + length).max().unwrap_or(0) + 60;
        let (wild, clean) = (fed(&spikes, end), fed(&[], end));
        let hour = Duration::from_hours(1);
        let (wild_points, clean_points) = (wild.forecast(hour).unwrap().points, clean.forecast(hour).unwrap().points);
        for (one, other) in wild_points.iter().zip(&clean_points) {
            prop_assert!((one.mean - other.mean).abs() < 0.15 * other.mean, "{one:?} for {other:?}, after {spikes:?}");
            prop_assert!(one.p90 < 1.5 * other.p90, "{one:?} for {other:?}, after {spikes:?}");
        }
    }
}
