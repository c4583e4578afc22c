use proptest::prelude::*;

use super::*;

const MINUTE: Duration = Duration::from_mins(1);
const HOUR: Duration = Duration::from_hours(1);

fn at(step: usize) -> Timestamp {
    Timestamp::from_millis(1_700_006_400_000 + i64::try_from(step).unwrap() * 60_000)
}

fn predictor() -> Predictor {
    Predictor::new(Options::default())
}

/// A predictor that has seen `values`, a minute each; NaN is a missing one.
fn fed(values: &[f64]) -> Predictor {
    let mut predictor = predictor();
    feed(&mut predictor, 0, values);
    predictor
}

fn feed(predictor: &mut Predictor, from: usize, values: &[f64]) {
    for (step, value) in values.iter().enumerate() {
        predictor.observe(at(from + step), Some(*value).filter(|value| !value.is_nan()));
    }
}

/// Numbers from -1 to 1 that look like chance and are always the same.
fn noise(seed: u64) -> impl FnMut() -> f64 {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    move || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 11) as f64 / (1_u64 << 52) as f64 - 1.0
    }
}

/// Days of a smooth daily wave around 100, ±60, with some noise.
fn days(count: usize, noisy: f64) -> Vec<f64> {
    let mut chance = noise(7);
    let wave = |minute: usize| 100.0 + 60.0 * (minute as f64 * std::f64::consts::TAU / 1_440.0).sin();
    (0..count * 1_440).map(|minute| wave(minute) + noisy * chance()).collect()
}

/// Everything that must hold of any forecast.
#[track_caller]
fn sound(predictor: &Predictor, negative: bool) {
    let trust = predictor.trust();
    assert!((0.0..=1.0).contains(&trust), "trust {trust}");
    let step = predictor.options().step;
    let Some(forecast) = predictor.forecast(step * 120) else { return };
    assert_eq!(forecast.points.len(), 120);
    let mut peak = f64::NEG_INFINITY;
    for point in &forecast.points {
        let Point { at: _, mean, p10, p50, p90, p95, peak90 } = *point;
        for value in [mean, p10, p50, p90, p95, peak90] {
            assert!(value.is_finite() && (negative || value >= 0.0), "{point:?}");
        }
        assert!(p10 <= p50 && p50 <= p90 && p90 <= p95 && p90 <= peak90 && peak <= peak90, "{point:?}");
        peak = peak90;
    }
    for quantile in [0.0, 0.5, 0.9, 1.0, f64::NAN] {
        let value = predictor.peak(step, step * 15, quantile).unwrap();
        assert!(value.is_finite() && (negative || value >= 0.0), "{quantile}: {value}");
    }
}

#[test]
fn nothing_is_said_before_the_third_sample() {
    let mut predictor = predictor();
    for step in 0..5 {
        assert_eq!(predictor.forecast(HOUR).is_some(), step >= 3, "after {step} samples");
        assert_eq!(predictor.peak(MINUTE, HOUR, 0.9).is_some(), step >= 3);
        predictor.observe(at(step), Some(10.0));
    }
    assert!(predictor.trust() < 0.1, "a newcomer has not earned trust");
}

#[test]
fn a_daily_wave_is_foreseen() {
    let values = days(4, 1.0);
    let split = 3 * 1_440 + 300;
    let predictor = fed(&values[..split]);
    let forecast = predictor.forecast(HOUR).unwrap();
    for (ahead, point) in forecast.points.iter().enumerate() {
        let wanted = values[split + ahead];
        assert!((point.mean - wanted).abs() < 4.0, "{} minutes ahead: {} for {wanted}", ahead + 1, point.mean);
    }
    assert_eq!(forecast.points[0].at, at(split));
    assert!(predictor.trust() > 0.5, "trust {}", predictor.trust());
}

#[test]
fn quantiles_cover_what_they_say() {
    let values = days(6, 10.0);
    let mut predictor = predictor();
    let (mut below, mut peaks, mut windows, mut later) = (0, 0, 0, 0);
    for (step, value) in values.iter().enumerate() {
        if step >= 3 * 1_440 && step % 17 == 0 && step + 30 < values.len() {
            let forecast = predictor.forecast(MINUTE * 30).unwrap();
            below += usize::from(values[step + 14] <= forecast.points[14].p90);
            let peak = values[step..step + 30].iter().copied().fold(0.0, f64::max);
            peaks += usize::from(peak <= forecast.points[29].peak90);
            let peak = values[step + 9..step + 30].iter().copied().fold(0.0, f64::max);
            later += usize::from(peak <= predictor.peak(MINUTE * 10, MINUTE * 30, 0.9).unwrap());
            windows += 1;
        }
        predictor.observe(at(step), Some(*value));
    }
    for (what, hits) in [("p90", below), ("peak90", peaks), ("a later window's peak", later)] {
        let share = f64::from(u32::try_from(hits).unwrap()) / f64::from(windows);
        assert!((0.84..=0.96).contains(&share), "{what} covers {share}");
    }
}

#[test]
fn a_gap_is_no_zero_and_takes_trust_away() {
    let mut values = days(3, 1.0);
    let end = values.len();
    values.extend([f64::NAN; 8]);
    let mut predictor = fed(&values);
    let mean = predictor.forecast(MINUTE * 5).unwrap().points[4].mean;
    assert!((80.0..130.0).contains(&mean), "{mean}");
    feed(&mut predictor, end + 8, &[f64::NAN; 5]);
    assert_eq!(predictor.trust(), 0.0);
    feed(&mut predictor, end + 13, &[105.0, 105.0]);
    sound(&predictor, false);
    assert!(predictor.trust() > 0.0);
}

#[test]
fn a_spike_does_not_enter_the_profile_alone() {
    let mut values = days(6, 1.0);
    let spike = 4 * 1_440 + 600;
    values[spike..spike + 20].iter_mut().for_each(|value| *value += 2_000.0);
    let predictor = fed(&values[..5 * 1_440 + 570]);
    let forecast = predictor.forecast(HOUR).unwrap();
    let most = forecast.points.iter().map(|point| point.mean).fold(0.0, f64::max);
    assert!(most < 300.0, "a day after a spike of 2,100 it is expected to be {most}");
}

#[test]
fn a_change_of_ways_takes_trust_away_until_it_is_learned() {
    let mut values = days(4, 1.0);
    let before = fed(&values).trust();
    let mut chance = noise(3);
    values.extend((0..60).map(|minute| 100.0 + 12.0 * f64::from(minute) * (1.5 + chance())));
    let after = fed(&values).trust();
    assert!(before > 0.8 && after < 0.5 * before, "{before} before, {after} after");
}

#[test]
fn samples_may_come_at_any_cadence() {
    let values = days(3, 1.0);
    let mut predictor = predictor();
    for (minute, value) in values.iter().enumerate() {
        for quarter in 0..4 {
            predictor.observe(at(minute) + Duration::from_secs(7 + 15 * quarter), Some(*value));
        }
    }
    let one = fed(&values).forecast(MINUTE * 10).unwrap();
    let four = predictor.forecast(MINUTE * 10).unwrap();
    for (one, four) in one.points.iter().zip(&four.points) {
        assert_eq!(one.at, four.at);
        assert!((one.mean - four.mean).abs() < 1.0, "{} and {}", one.mean, four.mean);
    }
}

#[test]
fn a_past_taken_in_at_once_is_known_as_well() {
    let values = days(8, 5.0);
    let (past, future) = values.split_at(7 * 1_440 + 300);
    let mut at_once = predictor();
    at_once.observe_all(past.iter().enumerate().map(|(step, value)| (at(step), Some(*value))));
    let error = |predictor: &Predictor| {
        let points = predictor.forecast(HOUR).unwrap().points;
        points.iter().zip(future).map(|(point, value)| (point.mean - value).abs()).sum::<f64>()
    };
    let (ours, theirs) = (error(&at_once), error(&fed(past)));
    assert!(ours < 1.1 * theirs, "{ours} at once, {theirs} step by step");
    assert!(at_once.trust() > 0.5, "trust {}", at_once.trust());
    sound(&at_once, false);
    predictor().observe_all(std::iter::empty());
}

#[test]
fn other_steps_have_their_day() {
    for minutes in [5, 30] {
        let step = MINUTE * minutes;
        let mut predictor = Predictor::new(Options { step, ..Options::default() });
        let values = days(8, 0.0);
        let every = usize::try_from(minutes).unwrap();
        let steps: Vec<f64> = values.iter().step_by(every).copied().collect();
        let split = steps.len() - 10;
        for (index, value) in steps[..split].iter().enumerate() {
            predictor.observe(at(index * every), Some(*value));
        }
        for (point, wanted) in predictor.forecast(step * 10).unwrap().points.iter().zip(&steps[split..]) {
            assert!((point.mean - wanted).abs() < 8.0, "{minutes} min: {} for {wanted}", point.mean);
        }
        assert!(predictor.size() < 60_000);
    }
}

#[test]
fn a_snapshot_goes_on_as_if_nothing_had_happened() {
    let values = days(4, 5.0);
    let mut one = fed(&values[..4_000]);
    let bytes = one.snapshot();
    let mut other = Predictor::restore(Options::default(), &bytes).unwrap();
    feed(&mut one, 4_000, &values[4_000..5_000]);
    feed(&mut other, 4_000, &values[4_000..5_000]);
    assert_eq!(one.forecast(HOUR), other.forecast(HOUR));
    assert_eq!(one.trust(), other.trust());
    assert!(bytes.len() < 60_000 && one.size() < 60_000, "{} and {} bytes", bytes.len(), one.size());
    let five = Options { step: MINUTE * 5, ..Options::default() };
    assert!(Predictor::restore(five, &bytes).is_none());
    for end in [0, 1, 100, bytes.len() - 1] {
        assert!(Predictor::restore(Options::default(), &bytes[..end]).is_none());
    }
}

#[test]
fn a_named_model_is_heard_alone() {
    let mut predictor = Predictor::new(Options { model: "naive".into(), ..Options::default() });
    for step in 0..50 {
        predictor.observe(at(step), Some((step % 5) as f64 + 1.0));
        if predictor.refit_due() {
            predictor.refit();
        }
    }
    assert_eq!(predictor.model(), "naive");
    let forecast = predictor.forecast(HOUR).unwrap();
    assert!(forecast.points.iter().all(|point| (point.mean - 5.0).abs() < 1e-6), "{:?}", forecast.points[0]);
    sound(&predictor, false);
}

#[test]
fn a_named_model_is_heard_as_far_as_is_asked_and_while_a_step_is_open() {
    let mut predictor = Predictor::new(Options { model: "naive".into(), ..Options::default() });
    for step in 0..50 {
        predictor.observe(at(step), Some((step % 5) as f64 + 1.0));
        if predictor.refit_due() {
            predictor.refit();
        }
    }
    // Nothing is known of the next step yet.
    for open in [false, true] {
        if open {
            predictor.observe(at(50), None);
        }
        let forecast = predictor.forecast(3 * HOUR).unwrap();
        assert_eq!(forecast.points.len(), 180);
        assert!(forecast.points.iter().all(|point| (point.mean - 5.0).abs() < 1e-6), "{open}: {forecast:?}");
    }
}

#[test]
fn a_model_that_could_not_be_fitted_is_not_said_to_lead() {
    let mut predictor = Predictor::new(Options { model: "holt_winters".into(), ..Options::default() });
    feed(&mut predictor, 0, &[1.0, 2.0, 3.0, 4.0, 5.0]);
    predictor.refit();
    assert_ne!(predictor.model(), "holt_winters");
}

#[test]
fn what_grows_is_expected_within_its_quantiles() {
    let ramp: Vec<f64> = (0..100).map(f64::from).collect();
    for point in fed(&ramp).forecast(HOUR).unwrap().points {
        assert!(point.p10 <= point.mean + 1e-6 && point.mean <= point.p90 + 1e-6, "{point:?}");
    }
}

#[test]
fn a_newcomer_is_lent_a_shape() {
    let values = days(4, 1.0);
    let shape = fed(&values).shape().unwrap();
    let young: Vec<f64> = values[..120].iter().map(|value| value * 10.0).collect();
    let mut lent = predictor();
    lent.lend(&shape);
    feed(&mut lent, 0, &young);
    let alone = fed(&young);
    let error = |predictor: &Predictor| {
        let points = predictor.forecast(HOUR).unwrap().points;
        points.iter().zip(&values[120..]).map(|(point, value)| (point.mean - value * 10.0).abs()).sum::<f64>()
    };
    assert!(error(&lent) < error(&alone), "{} lent, {} alone", error(&lent), error(&alone));
}

#[test]
fn constants_and_zeros_are_foreseen_as_such() {
    for value in [0.0, 1.0, 1e-300, 1e300, 0.1] {
        let predictor = fed(&[value; 2_000]);
        sound(&predictor, false);
        let mean = predictor.forecast(HOUR).unwrap().points[59].mean;
        assert!((mean - value).abs() <= value * 1e-3, "{mean} for {value}");
    }
}

/// A series of any kind: constants, noise, jumps, gaps, spikes, at any scale.
fn series() -> impl Strategy<Value = Vec<f64>> {
    let value = prop_oneof![
        6 => 0.0..100.0_f64,
        1 => Just(f64::NAN),
        1 => Just(0.0),
        1 => Just(f64::INFINITY),
        1 => (-300.0..300.0_f64).prop_map(|power| 10.0_f64.powf(power)),
    ];
    let run = (value, 1..200_usize).prop_map(|(value, count)| vec![value; count]);
    let mix = prop::collection::vec(prop_oneof![0.0..1e3_f64, Just(f64::NAN)], 1..100);
    prop::collection::vec(prop_oneof![run, mix], 1..20).prop_map(|runs| runs.concat())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]

    #[test]
    fn whatever_comes_forecasts_are_sound(values in series(), minutes in prop::sample::select(vec![1_u32, 5, 30])) {
        let mut predictor = Predictor::new(Options { step: MINUTE * minutes, ..Options::default() });
        for (step, value) in values.iter().enumerate() {
            predictor.observe(at(step * minutes as usize), Some(*value));
            if step % 97 == 0 {
                sound(&predictor, false);
            }
        }
        predictor.refit();
        sound(&predictor, false);
    }

    #[test]
    fn negative_values_are_taken_too(values in prop::collection::vec(-1e6..1e6_f64, 0..400)) {
        sound(&fed(&values), true);
    }

    #[test]
    fn the_unit_does_not_matter(values in prop::collection::vec(0.5..100.0_f64, 5..600), power in -250..250_i32) {
        let scale = 2.0_f64.powi(power);
        let scaled: Vec<f64> = values.iter().map(|value| value * scale).collect();
        let (one, other) = (fed(&values).forecast(HOUR).unwrap(), fed(&scaled).forecast(HOUR).unwrap());
        for (one, other) in one.points.iter().zip(&other.points) {
            prop_assert!((one.p90 - other.p90 / scale).abs() <= 1e-6 * one.p90, "{} and {}", one.p90, other.p90 / scale);
        }
    }

    #[test]
    fn the_future_does_not_reach_back(
        past in prop::collection::vec(0.0..100.0_f64, 3..400),
        future in prop::collection::vec(prop_oneof![0.0..1e6_f64, Just(f64::NAN)], 0..50),
        other in prop::collection::vec(prop_oneof![0.0..1e6_f64, Just(f64::NAN)], 0..50),
    ) {
        // What was forecast at each step of the past is the same, whatever came after; and a past that was heard of
        // step by step is the same as one read from a snapshot.
        let forecasts = |future: &[f64]| {
            let mut predictor = predictor();
            let mut told = Vec::new();
            for (step, value) in past.iter().chain(future).enumerate() {
                if step >= past.len() - 2 && step <= past.len() {
                    told.push((predictor.forecast(HOUR), predictor.trust().to_bits()));
                }
                predictor.observe(at(step), Some(*value).filter(|value| !value.is_nan()));
            }
            told.truncate(2);
            told
        };
        prop_assert_eq!(forecasts(&future), forecasts(&other));
    }

    #[test]
    fn more_certainty_is_never_less_demand(values in prop::collection::vec(0.0..100.0_f64, 3..400)) {
        let predictor = fed(&values);
        let peaks: Vec<f64> =
            [0.1, 0.5, 0.8, 0.9, 0.99].iter().map(|level| predictor.peak(MINUTE, HOUR, *level).unwrap()).collect();
        prop_assert!(peaks.windows(2).all(|pair| pair[0] <= pair[1]), "{:?}", peaks);
    }
}
