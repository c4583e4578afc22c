use proptest::prelude::*;

use super::*;

/// Values of all sorts: absurd ones, missing ones, and stretches that repeat.
fn values() -> impl Strategy<Value = Vec<f64>> {
    let some = prop_oneof![
        4 => 0.0..1000.0_f64,
        1 => Just(f64::NAN),
        1 => any::<f64>(),
        1 => Just(0.0),
        1 => Just(1e-300),
    ];
    let base = prop::collection::vec(some, 0..300);
    (base, 1..30_usize, -300..300_i32).prop_map(|(base, times, power)| {
        let scale = 10_f64.powi(power);
        (0..times * base.len()).map(|nth| base[nth % base.len()] * scale).collect()
    })
}

fn steps() -> impl Strategy<Value = Duration> {
    prop_oneof![
        Just(STEP),
        Just(Duration::from_hours(1)),
        Just(Duration::from_mins(7)),
        (0..u64::MAX).prop_map(Duration::from_millis),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn whatever_comes_is_looked_through(values in values(), step in steps(), start in any::<i64>(), ahead in 0..200_usize) {
        let start = Timestamp::from_millis(start);
        let stretch = Stretch { start, step, values: &values };
        let mut library = Library::default();
        let learned = library.learn(&workload(), &metric(), &stretch, stretch.end());
        prop_assert!(learned.new <= PATTERNS_OF_ONE);
        let positive = values.iter().all(|value| value.is_nan() || *value >= 0.0);
        for pattern in library.all().iter() {
            prop_assert!(pattern.is_sound(), "{pattern:?}");
            prop_assert!((0.0..=1.0).contains(&pattern.validity));
            let row: Pattern = serde_json::from_str(&serde_json::to_string(&**pattern).unwrap()).unwrap();
            prop_assert!(row.is_sound());
        }
        for found in library.matches(&workload(), "requests", &stretch) {
            prop_assert!((0.0..=DISTANCE_MAX).contains(&found.distance));
            for value in continuation(&found, step, ahead) {
                prop_assert!(value.is_finite() && (!positive || value >= 0.0), "{value}");
            }
        }
        library.learn(&workload(), &metric(), &Stretch { start: stretch.end(), ..stretch }, stretch.end() + step);
        library.expire(Timestamp::MAX);
    }

    #[test]
    fn scale_changes_nothing_but_the_scale(power in -280..280_i32) {
        let values = days(16, |day, minute| wave(minute) + batch(day, minute));
        let scale = 10_f64.powi(power);
        let scaled: Vec<f64> = values.iter().map(|value| value * scale).collect();
        let (plain, scaled) = (find(&stretch(&values)), find(&stretch(&scaled)));
        prop_assert_eq!(plain.len(), scaled.len());
        for (one, other) in plain.iter().zip(&scaled) {
            prop_assert_eq!((one.kind, one.anchor, one.seen), (other.kind, other.anchor, other.seen));
            prop_assert!((other.scale / scale / one.scale - 1.0).abs() < 1e-6);
        }
    }

    #[test]
    fn an_anchor_comes_on_its_days(minute in 0..1440_u16, weekdays in 0..=EVERY_DAY, now in 0..4_000_000_000_000_i64) {
        let (anchor, now) = (Anchor { minute, weekdays }, Timestamp::from_millis(now));
        let (last, next) = (anchor.last(now), anchor.next(now));
        prop_assert_eq!(last.is_some(), weekdays != 0);
        prop_assert_eq!(next.is_some(), weekdays != 0);
        if let (Some(last), Some(next)) = (last, next) {
            prop_assert!(last <= now && now < next);
            prop_assert_eq!(anchor.last(next - Duration::from_millis(1)), Some(last));
            for at in [last, next] {
                prop_assert_eq!(at.as_millis().rem_euclid(DAY_MS) / 60_000, i64::from(minute));
                prop_assert!(anchor.is_on(at.as_millis().div_euclid(DAY_MS)));
            }
        }
    }
}
