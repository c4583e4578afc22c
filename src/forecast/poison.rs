//! What is wild does not poison the models: an hour after spikes of a hundred times the usual, forecasts are what they
//! would be without.

use std::time::Duration;

use proptest::prelude::*;

use super::*;
use crate::time::Timestamp;

const MINUTE: Duration = Duration::from_mins(1);

/// A step of `step` since the start, three days long.
fn at(step: Duration, nth: usize) -> Timestamp {
    Timestamp::from_millis(1_700_006_400_000) + step * u32::try_from(nth).unwrap()
}

/// Between 40 and 160, with some noise.
fn demand(step: Duration, nth: usize) -> f64 {
    let days = nth as f64 * step.as_secs_f64() / 86_400.0;
    100.0 + 60.0 * (days * std::f64::consts::TAU).sin() + (nth * 7_919 % 101) as f64 / 20.0
}

/// A predictor after so many steps, with spikes: where, how many steps, how many times the usual.
fn fed(step: Duration, spikes: &[(usize, usize, f64)], end: usize) -> Predictor {
    let mut predictor = Predictor::new(Options { step, ..Options::default() });
    for nth in 0..end {
        let spike = spikes.iter().find(|(at, length, _)| (*at..at + length).contains(&nth));
        predictor.observe(at(step, nth), Some(demand(step, nth) * spike.map_or(1.0, |(_, _, times)| *times)));
    }
    predictor
}

/// Compares what is foreseen an hour after the last spike with what would be without.
#[track_caller]
fn check(step: Duration, spikes: &[(usize, usize, f64)]) {
    let hour = Duration::from_hours(1);
    let steps = usize::try_from(hour.as_millis() / step.as_millis()).unwrap();
    let end = spikes.iter().map(|(at, length, _)| at + length).max().unwrap_or(0) + steps;
    let (wild, clean) = (fed(step, spikes, end), fed(step, &[], end));
    for (one, other) in wild.forecast(hour).unwrap().points.iter().zip(&clean.forecast(hour).unwrap().points) {
        assert!((one.mean - other.mean).abs() < 0.15 * other.mean, "{one:?} for {other:?}, after {spikes:?}");
        assert!(one.p90 < 1.4 * other.p90, "{one:?} for {other:?}, after {spikes:?}");
        assert!(one.peak90 < 1.6 * other.peak90, "{one:?} for {other:?}, after {spikes:?}");
    }
}

#[test]
fn a_spike_of_minutes_is_forgotten_within_the_hour() {
    check(MINUTE, &[(2 * 1_440 + 145, 2, 100.0)]);
    check(MINUTE, &[(2 * 1_440 + 700, 1, 30.0), (2 * 1_440 + 720, 2, 100.0)]);
}

#[test]
fn a_spike_of_two_long_steps_is_forgotten_too() {
    check(5 * MINUTE, &[(708, 2, 20.0)]);
}

#[test]
fn what_lasts_is_believed() {
    let mut predictor = fed(MINUTE, &[], 2 * 1_440);
    for nth in 2 * 1_440..2 * 1_440 + 8 {
        predictor.observe(at(MINUTE, nth), Some(5_000.0));
    }
    let forecast = predictor.forecast(MINUTE * 5).unwrap();
    assert!(forecast.points[0].mean > 3_000.0, "{forecast:?}");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 12, ..ProptestConfig::default() })]

    #[test]
    fn an_hour_after_spikes_forecasts_are_what_they_were(
        spikes in prop::collection::vec((2 * 288..3 * 288_usize, Just(1_usize), 20.0..100.0_f64), 1..4),
    ) {
        check(5 * MINUTE, &spikes);
    }
}
