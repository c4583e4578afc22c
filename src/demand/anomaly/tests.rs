//! Series in, what is unusual in them out.

use std::iter::repeat_n;

use proptest::prelude::*;

use super::*;

/// A series of one point each 15 s. `_` is missing; `10x30` is thirty times ten; `10~2x30` swings between 8 and 12.
pub(super) fn series(text: &str) -> Vec<Option<f64>> {
    let mut values = Vec::new();
    for word in text.split_whitespace() {
        let (value, count) = word.split_once('x').unwrap_or((word, "1"));
        let count: usize = count.parse().unwrap();
        match value.split_once('~') {
            None => values.extend(repeat_n(value.parse().ok(), count)),
            Some((middle, swing)) => {
                let (middle, swing): (f64, f64) = (middle.parse().unwrap(), swing.parse().unwrap());
                values.extend((0..count).map(|at| Some(if at % 2 == 0 { middle + swing } else { middle - swing })));
            }
        }
    }
    values
}

fn run(detector: &mut Detector, values: &[Option<f64>]) -> Vec<Option<Anomaly>> {
    let start = Timestamp::from_millis(1_000_000);
    let times = (0..).map(|at| start + SPACING + Duration::from_secs(15 * at));
    values.iter().zip(times).map(|(value, now)| detector.observe(now, *value)).collect()
}

/// What the last value of a series is: its kind, and how many before it in a row were no usual ones.
#[track_caller]
fn check(text: &str, want: &str) {
    let last = run(&mut Detector::default(), &series(text)).pop().unwrap();
    assert_eq!(last.map_or("unknown", |anomaly| anomaly.kind.as_str()), want, "{last:?}");
}

/// After how many points of a new level it is usual.
#[track_caller]
fn calm_after(before: &str, level: &str, want: usize) {
    let mut detector = Detector::default();
    run(&mut detector, &series(before));
    let mut later = detector;
    later.learnt_at = Timestamp::default();
    let answers = run(&mut later, &series(level));
    let calm = answers.iter().rposition(|answer| answer.unwrap().kind != Kind::None).map_or(0, |at| at + 1);
    assert_eq!(calm, want);
    assert!(calm <= RUN_MAX as usize);
}

#[test]
fn a_score_needs_a_past() {
    check("10", "unknown");
    check("10x12", "unknown");
    check("10x13", "none");
    check("10x11 500", "unknown");
    check("10x12 500", "spike");
    check("10x12 _", "unknown");
    check("_x40 10x12", "unknown");
}

#[test]
fn what_is_far_from_usual_is_a_spike_or_a_drop() {
    check("100~10x40 125", "none");
    check("100~10x40 135", "spike");
    check("100~10x40 75", "none");
    check("100~10x40 65", "drop");
    check("100~10x40 0", "drop");
    check("-100~10x40 -135", "drop");
}

#[test]
fn a_series_that_never_moves_may_move_a_little() {
    check("100x40 114", "none");
    check("100x40 116", "spike");
    check("100x40 86", "none");
    check("100x40 84", "drop");
    check("0x40 0", "none");
    check("0x40 0.1", "spike");
}

#[test]
fn what_is_missing_teaches_nothing() {
    let (mut whole, mut holes) = (Detector::default(), Detector::default());
    run(&mut whole, &series("100~10x40"));
    run(&mut holes, &series("100~10x20 _x20 100~10x20"));
    assert_eq!((whole.mean, whole.variance), (holes.mean, holes.variance));
    for value in [f64::NAN, f64::INFINITY, f64::MIN, f64::MAX] {
        let before = whole;
        assert_eq!(whole.observe(Timestamp::from_millis(2_000_000), Some(value)), None);
        assert_eq!(whole, before);
    }
}

#[test]
fn one_wild_value_hides_nothing_after_it() {
    check("100~10x40 100000 100", "none");
    check("100~10x40 100000 160", "spike");
    check("100~10x40 100000 40", "drop");
    check("100~10x40 0 100", "none");
    check("100~10x40 0 0", "drop");
}

#[test]
fn a_drop_lasts_for_minutes_and_no_longer() {
    calm_after("100~10x40", "0x60", 10);
    calm_after("100x40", "0x60", 19);
    calm_after("100~10x40", "50x60", 4);
}

#[test]
fn a_new_level_is_usual_after_twenty_points_at_the_most() {
    calm_after("100~10x40", "200x60", 10);
    calm_after("100~10x40", "1000~100x60", 20);
    calm_after("100x40", "1000000x60", 20);
    calm_after("100x40", "1e140x60", 20);
    calm_after("0x40", "5x60", 20);
}

#[test]
fn a_steady_climb_is_usual() {
    let climb: Vec<Option<f64>> = (0..200).map(|at| Some(100.0 + f64::from(at) * 3.0)).collect();
    let answers = run(&mut Detector::default(), &climb);
    assert!(answers.iter().flatten().skip(20).all(|answer| answer.kind == Kind::None), "{answers:?}");
}

#[test]
fn points_between_two_scrapes_are_scored_and_not_learnt() {
    let mut detector = Detector::default();
    run(&mut detector, &series("100~10x40"));
    let before = detector;
    let soon = detector.learnt_at + Duration::from_secs(2);
    assert_eq!(detector.observe(soon, Some(500.0)).unwrap().kind, Kind::Spike);
    assert_eq!(detector, before);
    assert!(detector.observe(before.learnt_at + SPACING, Some(500.0)).is_some());
    assert_ne!(detector, before);
}

#[test]
fn a_long_silence_is_a_new_beginning() {
    let mut detector = Detector::default();
    run(&mut detector, &series("100~10x40"));
    assert_eq!(detector.observe(detector.learnt_at + FORGET, Some(500.0)), None);
}

#[test]
fn a_clock_that_goes_back_teaches_nothing() {
    let mut detector = Detector::default();
    run(&mut detector, &series("100~10x40"));
    let before = detector;
    assert!(detector.observe(Timestamp::from_millis(0), Some(500.0)).is_some());
    assert_eq!(detector, before);
}

#[test]
fn the_state_is_small_and_survives_a_restart() {
    let mut detector = Detector::default();
    run(&mut detector, &series("100~10x40 0.1 0.2"));
    let text = serde_json::to_string(&detector).unwrap();
    assert_eq!(serde_json::from_str::<Detector>(&text).unwrap(), detector);
    assert!(text.len() < 200, "{text}");
    assert_eq!(size_of::<Detector>(), 48);
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn scores_are_finite_whatever_comes(values in prop::collection::vec(prop::option::of(any::<f64>()), 0..200)) {
        let mut detector = Detector::default();
        for answer in run(&mut detector, &values).into_iter().flatten() {
            prop_assert!(answer.score.abs() <= SCORE_MAX);
        }
        prop_assert!(detector.mean.is_finite() && detector.variance.is_finite() && detector.variance >= 0.0);
    }

    #[test]
    fn any_new_level_is_usual_in_time(
        before in prop::collection::vec(0.0..1e6_f64, 12..80),
        level in 0.0..1e6_f64,
        noise in prop::collection::vec(-1.0..1.0_f64, 60),
    ) {
        let mut values: Vec<Option<f64>> = before.into_iter().map(Some).collect();
        let from = values.len();
        values.extend(noise.iter().map(|noise| Some(level * (1.0 + 0.1 * noise))));
        let answers = run(&mut Detector::default(), &values);
        // Its own noise of a uniform tenth never reaches 15 %.
        let calm = answers.get(from + 2 * RUN_MAX as usize..).unwrap();
        prop_assert!(calm.iter().flatten().all(|answer| answer.kind == Kind::None), "{:?}", calm);
    }
}
