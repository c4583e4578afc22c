use super::*;

const MINUTE: Duration = Duration::from_mins(1);

fn at(minute: i64) -> Timestamp {
    Timestamp::from_millis(minute * 60_000)
}

/// Observes `minute:value` words (`_`: nothing known), then says what the steps from 0 on are.
#[track_caller]
fn check(observed: &str, steps: &str) {
    let mut history = History::new(MINUTE);
    for word in observed.split_whitespace() {
        let (minute, value) = word.split_once(':').unwrap();
        let minute: f64 = minute.parse().unwrap();
        #[allow(clippy::cast_possible_truncation)]
        let time = Timestamp::from_millis((minute * 60_000.0) as i64);
        history.observe(time, value.parse().ok());
    }
    let count = steps.split_whitespace().count() as i64;
    let got: Vec<String> =
        (0..count).map(|step| history.value(step).map_or("_".to_owned(), |value| value.to_string())).collect();
    assert_eq!(got.join(" "), steps);
}

#[test]
fn steps_hold_the_mean_of_their_samples() {
    check("0:1 1:2 2:3", "1 2 3 _");
    check("0:1 0.25:2 0.5:3 1:5", "2 5");
}

#[test]
fn a_gap_is_not_a_zero() {
    check("0:4 3:5", "4 _ _ 5");
    check("0:4 1:_ 2:_ 3:5", "4 _ _ 5");
    check("0:4 1:NaN 2:inf 3:5", "4 _ _ 5");
}

#[test]
fn late_samples_amend() {
    check("0:4 3:5 1:6", "4 6 _ 5");
    check("0:4 0.5:6 3:5 0.7:2", "4 _ _ 5");
}

#[test]
fn nothing_known_is_nothing_remembered() {
    let mut history = History::new(MINUTE);
    history.observe(at(5), None);
    assert_eq!(history.open(), None);
    assert_eq!(history.value(5), None);
}

#[test]
fn two_days_of_minutes_and_four_weeks_of_means_are_remembered() {
    let mut history = History::new(MINUTE);
    let now = 40 * 1_440;
    for minute in 0..=now {
        history.observe(at(minute), Some((minute % 100) as f64));
    }
    assert_eq!(history.value(now - 2_879), Some(((now - 2_879) % 100) as f64));
    assert!((history.mean(now - 28 * 1_440 + 10) - 0.0).is_finite());
    assert!(history.mean(now - 29 * 1_440).is_nan());
    assert_eq!(history.mean(now - 100 - now % 100), 2.0, "the mean of 0..=4");
    let (start, step, means) = history.means();
    assert_eq!((step, means.len()), (Duration::from_mins(5), 8_063));
    assert_eq!(start, at(now - now % 5 - 8_063 * 5));
    assert!(history.size() < 30_000, "{} bytes", history.size());
}

#[test]
fn digits_survive_any_scale() {
    for scale in [1e-300, 1e-12, 1.0, 1e9, 1e298] {
        let mut history = History::new(MINUTE);
        for minute in 0..20 {
            history.observe(at(minute), Some(scale * (minute as f64 + 1.0)));
        }
        for minute in 0..20 {
            let value = history.value(minute).unwrap() / scale;
            assert!((value - (minute as f64 + 1.0)).abs() < 1e-5, "{scale}: {value}");
        }
    }
}

#[test]
fn the_unit_follows_growth() {
    let mut history = History::new(MINUTE);
    history.observe(at(0), Some(1.0));
    history.observe(at(1), Some(1e6));
    assert_eq!((history.value(0), history.value(1)), (Some(1.0), Some(1e6)));
}

#[test]
fn a_snapshot_brings_it_back() {
    let mut history = History::new(MINUTE);
    for minute in 0..5_000 {
        history.observe(at(minute), (minute % 7 != 0).then_some((minute % 97) as f64));
    }
    let bytes = history.snapshot();
    let back = History::restore(MINUTE, &bytes).unwrap();
    for step in 0..5_001 {
        assert_eq!(back.value(step), history.value(step), "step {step}");
    }
    assert!(History::restore(Duration::from_mins(5), &bytes).is_none());
    assert!(History::restore(MINUTE, &bytes[..bytes.len() - 1]).is_none());
    assert!(History::restore(MINUTE, &[]).is_none());
}

#[test]
fn leaps_in_time_are_survived() {
    let mut history = History::new(MINUTE);
    for ms in [0, i64::MAX, i64::MIN, -1, i64::MAX - 1, 60_000] {
        history.observe(Timestamp::from_millis(ms), Some(1.0));
        let _ = (history.means(), history.steps(), history.greatest(), history.units(0), history.smooth(i64::MIN));
    }
}
