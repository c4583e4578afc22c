use std::time::Duration;

use proptest::prelude::*;

use super::{NAMES, by_name};
use crate::forecast::{Series, Unfit};
use crate::time::Timestamp;

/// Airline passengers by month, 1949 to 1960: series G of G. Box and G. Jenkins, "Time Series Analysis", 1976, which
/// every package of the field shows its forecasts of.
#[rustfmt::skip]
const PASSENGERS: [f64; 144] = [
    112.0, 118.0, 132.0, 129.0, 121.0, 135.0, 148.0, 148.0, 136.0, 119.0, 104.0, 118.0,
    115.0, 126.0, 141.0, 135.0, 125.0, 149.0, 170.0, 170.0, 158.0, 133.0, 114.0, 140.0,
    145.0, 150.0, 178.0, 163.0, 172.0, 178.0, 199.0, 199.0, 184.0, 162.0, 146.0, 166.0,
    171.0, 180.0, 193.0, 181.0, 183.0, 218.0, 230.0, 242.0, 209.0, 191.0, 172.0, 194.0,
    196.0, 196.0, 236.0, 235.0, 229.0, 243.0, 264.0, 272.0, 237.0, 211.0, 180.0, 201.0,
    204.0, 188.0, 235.0, 227.0, 234.0, 264.0, 302.0, 293.0, 259.0, 229.0, 203.0, 229.0,
    242.0, 233.0, 267.0, 269.0, 270.0, 315.0, 364.0, 347.0, 312.0, 274.0, 237.0, 278.0,
    284.0, 277.0, 317.0, 313.0, 318.0, 374.0, 413.0, 405.0, 355.0, 306.0, 271.0, 306.0,
    315.0, 301.0, 356.0, 348.0, 355.0, 422.0, 465.0, 467.0, 404.0, 347.0, 305.0, 336.0,
    340.0, 318.0, 362.0, 348.0, 363.0, 435.0, 491.0, 505.0, 404.0, 359.0, 310.0, 337.0,
    360.0, 342.0, 406.0, 396.0, 420.0, 472.0, 548.0, 559.0, 463.0, 407.0, 362.0, 405.0,
    417.0, 391.0, 419.0, 461.0, 472.0, 535.0, 622.0, 606.0, 508.0, 461.0, 390.0, 432.0,
];

const MINUTE: Duration = Duration::from_mins(1);

fn series<'a>(values: &'a [f64], seasons: &'a [usize]) -> Series<'a> {
    Series { start: Timestamp::from_millis(1_600_000_000_000), step: MINUTE, values, seasons }
}

/// The forecast of `horizon` steps, or why there is none.
fn forecast(name: &str, values: &[f64], seasons: &[usize], horizon: usize) -> Result<Vec<f64>, Unfit> {
    let mut model = by_name(name).unwrap();
    model.fit(&series(values, seasons))?;
    let mut points = Vec::new();
    model.forecast(horizon, &mut points);
    Ok(points)
}

#[track_caller]
fn check(name: &str, seasons: &[usize], want: &[f64], tolerance: f64) {
    let found = forecast(name, &PASSENGERS, seasons, want.len()).unwrap();
    let far = found.iter().zip(want).map(|(found, want)| ((found - want) / want).abs()).fold(0.0, f64::max);
    assert!(far <= tolerance, "{name}: {far} off\nfound {found:?}\nwant  {want:?}");
}

#[test]
fn every_name_is_a_model_of_that_name() {
    for name in NAMES {
        assert_eq!(by_name(name).map(|model| model.name()), Some(*name));
    }
    assert!(by_name("oracle").is_none());
}

/// Figures of statsforecast 2.1.1 (`Naive`, `SeasonalNaive`, `RandomWalkWithDrift`).
#[test]
fn the_naive_ones_are_exact() {
    check("naive", &[12], &[432.0; 4], 0.0);
    check("seasonal_naive", &[12], &[417.0, 391.0, 419.0, 461.0, 472.0, 535.0, 622.0, 606.0], 0.0);
    check("drift", &[12], &[434.237_762, 436.475_524, 438.713_287], 1e-8);
}

/// Figures of statsforecast 2.1.1: `AutoETS(model="AAN", damped=True)`, which seeks the first level and slope too.
#[test]
fn holt_is_as_elsewhere() {
    check("holt", &[], &[432.228_29, 432.460_755, 432.688_57, 432.911_827, 433.130_617, 433.345_03], 2e-3);
}

/// Figures of R 4: `predict(HoltWinters(AirPassengers, seasonal = "additive"), 6)`, which begins with two seasons.
#[test]
fn holt_winters_is_as_in_r() {
    check("holt_winters", &[12], &[453.4977, 429.3906, 467.0361, 503.2574, 512.3395, 571.8880], 1e-2);
}

/// Figures of statsforecast 2.1.1: `DynamicOptimizedTheta`, its decomposition additive.
#[test]
fn theta_is_as_elsewhere() {
    // All values of θ are nearly alike here: the errors of 1 and 2 differ by a thousandth.
    check("theta", &[], &[432.260_928, 432.925_046, 433.586_247, 434.244_513, 434.899_827, 435.552_173], 1e-2);
    let want = [435.704_762, 424.265_368, 458.212_338, 452.416_883, 455.947_186, 495.856_277, 524.284_308, 523.276_732];
    check("theta", &[12], &want, 2e-2);
}

/// Figures of statsforecast 2.1.1: `AutoETS(model="ZZN")`, and `MSTL` whose trend is that.
#[test]
fn ets_and_mstl_are_near_what_they_are_elsewhere() {
    check("ets", &[], &[436.156_682, 440.317_148, 444.477_614, 448.638_08, 452.798_546, 456.959_012], 2e-2);
    check("mstl", &[12], &[446.539_236, 430.122_947, 473.190_919, 472.869_575, 482.094_169, 536.325_95], 3e-2);
}

/// y = 0.7·y₋ + e + 0.4·e₋ and a level of 20, with errors of a linear congruential generator.
fn arma(count: usize) -> Vec<f64> {
    let mut state = 7_u64;
    let (mut value, mut error) = (0.0, 0.0);
    let steps = (0..count).map(|_| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let next = (state >> 40) as f64 / f64::from(1 << 24) - 0.5;
        value = 0.7 * value + next + 0.4 * error;
        error = next;
        20.0 + value
    });
    steps.collect()
}

#[test]
fn arima_finds_the_process_that_made_the_series() {
    let values = arma(2000);
    let found = forecast("arima", &values, &[], 60).unwrap();
    // Two steps on, the distance to the level shrinks by 0.7 with every step.
    for (now, next) in found.iter().zip(found.iter().skip(1)).take(4) {
        assert!(((next - 20.0) - 0.7 * (now - 20.0)).abs() < 0.05, "{found:?}");
    }
    assert!((found[59] - 20.0).abs() < 0.1, "{found:?}");
}

/// A day of 96 steps with two humps, growing, a weekend in each seven days, and a little noise.
fn days(count: usize) -> Vec<f64> {
    let noise = arma(count * 96);
    let steps = noise.iter().enumerate().map(|(at, noise)| {
        let hour = (at % 96) as f64 / 4.0;
        let hump = |middle: f64| (-(hour - middle).powi(2) / 8.0).exp();
        let weekend = if (at / 96) % 7 >= 5 { 0.5 } else { 1.0 };
        weekend * (100.0 + 80.0 * hump(10.0) + 120.0 * hump(19.0)) + noise - 20.0
    });
    steps.collect()
}

/// The mean error of the forecasts of a day, made step by step by one model that only follows.
#[track_caller]
fn followed(name: &str, seasons: &[usize]) -> f64 {
    // The last day is a Wednesday, where the first is a Monday.
    let values = days(24);
    let (past, coming) = values.split_at(23 * 96);
    let mut model = by_name(name).unwrap();
    model.fit(&series(past, seasons)).unwrap();
    let mut points = Vec::new();
    let mut errors = Vec::new();
    for at in 0..coming.len() - 4 {
        model.forecast(4, &mut points);
        errors.push((points[3] - coming[at + 3]).abs());
        model.update(Some(coming[at]));
    }
    errors.iter().sum::<f64>() / errors.len() as f64
}

#[test]
fn models_with_a_season_see_the_humps_come() {
    let naive = followed("naive", &[]);
    let mut seasonal = vec!["seasonal_naive", "holt_winters", "theta", "mstl", "ridge"];
    // Those behind features.
    seasonal.extend(NAMES.iter().filter(|name| ["prophet", "lstm"].contains(name)));
    for name in seasonal {
        let error = followed(name, &[96, 672]);
        assert!(error < naive * 0.5, "{name}: {error} where naive has {naive}");
    }
    for name in ["holt", "arima", "ets"] {
        let error = followed(name, &[96, 672]);
        assert!(error < naive * 1.1, "{name}: {error} where naive has {naive}");
    }
}

/// Following a series gives nearly what a fit at its end gives.
#[test]
fn an_update_keeps_step_with_a_fit() {
    let values = days(19);
    let known = values.len() - 200;
    for name in NAMES {
        let fitted = forecast(name, &values, &[96, 672], 8).unwrap();
        let mut model = by_name(name).unwrap();
        model.fit(&series(&values[..known], &[96, 672])).unwrap();
        for value in &values[known..] {
            model.update(Some(*value));
        }
        let mut points = Vec::new();
        model.forecast(8, &mut points);
        let far = fitted.iter().zip(&points).map(|(fitted, point)| (fitted - point).abs()).sum::<f64>() / 8.0;
        assert!(far < 10.0, "{name}: {far} apart\nfitted {fitted:?}\nfollowed {points:?}");
    }
}

#[test]
fn holes_are_never_zeros() {
    let mut values = days(21);
    // Half of the steps are missing, and four hours of each day, and the end.
    for (at, value) in values.iter_mut().enumerate() {
        if at * 7919 % 13 < 6 || (at % 96) / 16 == 3 {
            *value = f64::NAN;
        }
    }
    values.extend([f64::NAN; 10]);
    for name in NAMES {
        let points = forecast(name, &values, &[96, 672], 96).unwrap();
        let least = points.iter().copied().fold(f64::MAX, f64::min);
        assert!(least > 25.0, "{name}: {least} where nothing below 45 was seen");
        let mut model = by_name(name).unwrap();
        model.fit(&series(&values, &[96, 672])).unwrap();
        for _ in 0..96 {
            model.update(None);
        }
        let mut points = Vec::new();
        model.forecast(4, &mut points);
        assert!(points.iter().all(|point| *point > 25.0), "{name}: {points:?} after a day of silence");
    }
}

#[test]
fn one_to_three_points_are_forecast_or_refused_with_numbers() {
    for name in NAMES {
        for count in 0..=3 {
            match forecast(name, &[5.0; 3][..count], &[96], 10) {
                Ok(points) => assert_eq!(points, [5.0; 10], "{name} of {count}"),
                Err(error) => assert!(matches!(error, Unfit::TooShort { .. }), "{name} of {count}: {error}"),
            }
        }
    }
    let error = forecast("holt", &[1.0, f64::NAN, 3.0], &[], 1).unwrap_err();
    assert_eq!(error.to_string(), "needs 4 known steps, has 2");
}

#[test]
fn a_model_that_could_not_be_fitted_says_nothing() {
    for name in NAMES {
        let mut model = by_name(name).unwrap();
        let mut points = vec![1.0];
        model.update(Some(1.0));
        model.forecast(5, &mut points);
        assert!(points.is_empty(), "{name}: {points:?}");
        model.fit(&series(&days(21), &[96])).unwrap();
        model.fit(&series(&[], &[96])).unwrap_err();
        model.forecast(5, &mut points);
        assert!(points.is_empty(), "{name}: {points:?}");
    }
}

#[test]
fn constants_stay_constant() {
    for name in NAMES {
        for constant in [0.0, 1.0, -3.0, 1e-300, 1e300] {
            let points = forecast(name, &[constant; 400], &[96], 200).unwrap();
            let near = points.iter().all(|point| (point - constant).abs() <= constant.abs() * 1e-6);
            assert!(near, "{name} of {constant}: {points:?}");
        }
    }
}

fn any_series() -> impl Strategy<Value = Vec<f64>> {
    let scale = prop_oneof![Just(1e-300), Just(1e-12), Just(1.0), Just(1e9), Just(1e300)];
    let value = prop_oneof![
        6 => 0.0..1.0,
        1 => Just(0.0),
        1 => Just(f64::NAN),
        1 => prop_oneof![Just(f64::INFINITY), Just(1e-9), Just(40.0)],
    ];
    let shapes = prop_oneof![
        proptest::collection::vec(value, 0..90),
        (0_usize..300, 0.0..9.0).prop_map(|(count, level)| vec![level; count]),
        (0_usize..300, 1.0..30.0)
            .prop_map(|(count, wave)| { (0..count).map(|at| 1.0 + f64::sin(at as f64 / wave)).collect() }),
        (0_usize..300).prop_map(|count| (0..count).map(|at| if at % 37 == 9 { 900.0 } else { 0.0 }).collect()),
        (0_usize..300).prop_map(|count| (0..count).map(|at| (at as f64 / 20.0).exp()).collect()),
    ];
    let sign = prop_oneof![4 => Just(1.0), 1 => Just(-1.0)];
    (shapes, scale, sign).prop_map(|(values, scale, sign): (Vec<f64>, f64, f64)| {
        values.into_iter().map(|value| value * scale * sign).collect()
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn no_series_makes_a_model_say_what_nobody_could_use(
        values in any_series(), later in any_series(), season in 0_usize..30,
    ) {
        let seasons = [season, season * 7];
        let seen = values.iter().chain(&later).filter(|value| value.is_finite());
        let may_be_negative = seen.clone().any(|value| *value < 0.0);
        for name in NAMES {
            let mut model = by_name(name).unwrap();
            if model.fit(&series(&values, &seasons)).is_err() {
                continue;
            }
            let mut points = Vec::new();
            for step in 0..=later.len() {
                if step % 16 == 0 || step == later.len() {
                    model.forecast(70, &mut points);
                    prop_assert_eq!(points.len(), 70, "{}", name);
                    prop_assert!(points.iter().all(|point| point.is_finite()), "{}: {:?}", name, points);
                    prop_assert!(may_be_negative || points.iter().all(|point| *point >= 0.0), "{}: {:?}", name, points);
                }
                if let Some(value) = later.get(step) {
                    model.update(Some(*value));
                }
            }
        }
    }
}
