//! Exponential smoothing with a damped trend, as a state that follows a series.

/// A level and a slope that learn from each error. In error-correction form, where additive and multiplicative errors
/// have the same expected values (R. Hyndman, A. Koehler, J. Ord and R. Snyder, "Forecasting with Exponential Smoothing:
/// The State Space Approach", Springer 2008, table 2.2).
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(super) struct Smooth {
    pub level: f64,
    pub slope: f64,
    /// How much of an error goes into the level, and into the slope.
    pub alpha: f64,
    pub beta: f64,
    /// What remains of the slope after a step.
    pub phi: f64,
}

impl Smooth {
    /// What the next step is expected to be.
    pub(super) fn next(&self) -> f64 {
        self.level + self.phi * self.slope
    }

    /// Takes the next step; a missing one passes as expected.
    pub(super) fn update(&mut self, value: Option<f64>) -> f64 {
        let expected = self.next();
        let error = value.map_or(0.0, |value| value - expected);
        self.level = expected + self.alpha * error;
        self.slope = self.phi * self.slope + self.beta * error;
        error
    }

    pub(super) fn forecast(&self, horizon: usize, points: &mut Vec<f64>) {
        let (mut ahead, mut damping) = (0.0, self.phi);
        for _ in 0..horizon {
            ahead += damping;
            damping *= self.phi;
            points.push(self.level + ahead * self.slope);
        }
    }

    /// The state of a fitted model that tells only what it expected of each of its `values`, and three steps `ahead`.
    ///
    /// The steps ahead give φ, level and slope. As each expectation is the one before plus α times its error and the
    /// slope, which itself takes β of it, α and β follow from the expectations by least squares.
    pub(super) fn recovered(values: &[f64], expected: &[f64], ahead: [f64; 3]) -> Option<Self> {
        let (rise, next_rise) = (ahead[1] - ahead[0], ahead[2] - ahead[1]);
        let size = values.iter().fold(0.0_f64, |size, value| size.max(value.abs()));
        let trended = rise.abs() > size * 1e-9;
        let phi = if trended { (next_rise / rise).clamp(0.5, 1.0) } else { 0.0 };
        let slope = if trended { rise / (phi * phi) } else { 0.0 };
        // z = a·e + b·e₋, with a = α + φβ and b = -φα; without a trend z is the plain difference and a = α.
        let errors: Vec<f64> = values.iter().zip(expected).map(|(value, expected)| value - expected).collect();
        let [mut ee, mut eb, mut bb, mut ze, mut zb] = [0.0; 5];
        for (expected, errors) in expected.windows(3).zip(errors.windows(2)) {
            let z = (expected[2] - expected[1]) - phi * (expected[1] - expected[0]);
            let (e, before) = (errors[1], errors[0]);
            ee += e * e;
            eb += e * before;
            bb += before * before;
            ze += z * e;
            zb += z * before;
        }
        let (alpha, beta) = if trended {
            let determinant = ee * bb - eb * eb;
            let (a, b) = ((ze * bb - zb * eb) / determinant, (zb * ee - ze * eb) / determinant);
            (-b / phi, (a + b / phi) / phi)
        } else {
            (ze / ee, 0.0)
        };
        let all = [alpha, beta, slope, ahead[0]];
        if !all.iter().all(|number| number.is_finite()) {
            return None;
        }
        let (alpha, phi) = (alpha.clamp(0.0, 1.0), if trended { phi } else { 1.0 });
        Some(Self { level: ahead[0] - phi * slope, slope, alpha, beta: beta.clamp(0.0, alpha), phi })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(state: Smooth) {
        let mut walked = state;
        let mut values = Vec::new();
        let mut expected = Vec::new();
        for step in 0..200_u32 {
            let value = 5.0 + f64::from(step * step * 7919 % 101) / 50.0;
            expected.push(walked.next());
            values.push(value);
            walked.update(Some(value));
        }
        let mut ahead = Vec::new();
        walked.forecast(3, &mut ahead);
        let found = Smooth::recovered(&values, &expected, [ahead[0], ahead[1], ahead[2]]).unwrap();
        let near = |a: f64, b: f64| (a - b).abs() < 1e-6;
        assert!(near(found.alpha, state.alpha) && near(found.beta, state.beta), "{found:?}");
        assert!(near(found.level, walked.level) && near(found.slope, walked.slope), "{found:?} {walked:?}");
    }

    #[test]
    fn a_state_is_recovered_from_what_it_expected() {
        check(Smooth { level: 5.0, slope: 0.1, alpha: 0.4, beta: 0.1, phi: 0.9 });
        check(Smooth { level: 5.0, slope: 0.0, alpha: 0.7, beta: 0.0, phi: 1.0 });
        assert_eq!(Smooth::recovered(&[1.0; 9], &[1.0; 9], [1.0; 3]), None, "without an error nothing is known");
    }
}
