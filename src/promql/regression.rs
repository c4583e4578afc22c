//! Straight lines through the samples of a range: `deriv` and `predict_linear`.

use super::stretch::{Stretch, seconds};
use super::sums::Sum;
use crate::time::Timestamp;

/// Per-second slope of the line through the samples.
pub(super) fn deriv(stretch: &mut Stretch<'_>, _: &[f64]) -> Option<f64> {
    let [first, _, ..] = stretch.samples else { return None };
    Some(Line::through(stretch, first.at).slope)
}

/// The value of the line so many seconds after the evaluation.
pub(super) fn predict_linear(stretch: &mut Stretch<'_>, args: &[f64]) -> Option<f64> {
    let [_, _, ..] = stretch.samples else { return None };
    let line = Line::through(stretch, stretch.at);
    Some(line.slope * args.first()? + line.at_origin)
}

struct Line {
    /// Per second.
    slope: f64,
    /// Value at the time that x is counted from.
    at_origin: f64,
}

impl Line {
    /// Least squares, with x in seconds from `origin` and every sum compensated.
    fn through(stretch: &Stretch<'_>, origin: Timestamp) -> Self {
        let level = stretch.samples[0].value;
        if stretch.values().all(|value| value == level) {
            let finite = |value: f64| if level.is_infinite() { f64::NAN } else { value };
            return Self { slope: finite(0.0), at_origin: finite(level) };
        }
        let count = stretch.samples.len() as f64;
        let [mut x_sum, mut y_sum, mut xy_sum, mut xx_sum] = [Sum::default(); 4];
        for sample in stretch.samples {
            let x = seconds(origin, sample.at);
            x_sum.add(x);
            y_sum.add(sample.value);
            xy_sum.add(x * sample.value);
            xx_sum.add(x * x);
        }
        let [x, y, xy, xx] = [x_sum, y_sum, xy_sum, xx_sum].map(Sum::total);
        let slope = (xy - x * y / count) / (xx - x * x / count);
        Self { slope, at_origin: y / count - slope * x / count }
    }
}
