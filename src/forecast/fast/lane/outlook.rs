//! What is expected of the steps to come, and how far off it may be.

use std::ops::RangeInclusive;

use super::super::levels::Origin;
use super::super::mixing::mix;
use super::super::rows::{self, COMBINER, EXPERTS, LOG, SLOW, Seasonal};
use super::super::{REACH, between, lerp};
use super::{Anchor, COUNT, Lane};
use crate::demand::History;
use crate::forecast::slow::Slow;

/// A quantile of scaled errors at each anchor.
pub(crate) type Errors = [f64; COUNT];

/// Two anchors and how far it is from the first to the second.
type Between = (usize, usize, f64);

impl Lane {
    /// What each expert expects; `slow` is what the slow lane does.
    pub(super) fn experts(
        &self,
        origin: &Origin,
        seasonal: &Seasonal,
        ahead: usize,
        (lower, upper, way): Between,
        slow: f64,
    ) -> [f64; EXPERTS.len()] {
        let (from, to) = (&self.anchors[lower], &self.anchors[upper]);
        // Weights on the way between two anchors' are as good as those of an anchor there.
        let blend = |from: f64, to: &dyn Fn() -> f64| if lower == upper { from } else { lerp(from, to(), way) };
        let mut experts = rows::experts(origin, seasonal, ahead);
        let row = rows::row(origin, seasonal, ahead);
        let scaled = blend(from.plain.predict(&row), &|| to.plain.predict(&row));
        experts[COMBINER] = f64::from(origin.mid) + scaled * rows::size(origin);
        if let Some(row) = rows::log_row(origin, seasonal, ahead) {
            experts[LOG] = rows::from_log(origin, blend(from.log.predict(&row), &|| to.log.predict(&row)));
        }
        experts[SLOW] = slow;
        experts
    }

    /// The experts' mixture within `bounds`; if the slow lane's model is `named`, that one alone where it says anything.
    pub(super) fn mixed(
        &self,
        origin: &Origin,
        experts: &[f64; EXPERTS.len()],
        (lower, upper, way): Between,
        named: bool,
        (floor, cap): (f64, f64),
    ) -> f64 {
        let mut mixed = if named { experts[SLOW] } else { f64::NAN };
        if !mixed.is_finite() {
            mixed = mix(&self.anchors[lower].weights, experts);
            if lower != upper {
                mixed = lerp(mixed, mix(&self.anchors[upper].weights, experts), way);
            }
        }
        if !mixed.is_finite() {
            mixed = f64::from(origin.fast);
        }
        mixed.max(floor).min(cap)
    }

    /// Expected demand of the `horizon` steps after the step `number`.
    pub(crate) fn means(
        &self,
        history: &History,
        number: i64,
        origin: &Origin,
        slow: &Slow,
        horizon: usize,
    ) -> Vec<f64> {
        let (lens, bounds) = (self.lens(history), bounds(history));
        let last = number.saturating_add(i64::try_from(horizon).unwrap_or(i64::MAX));
        let far = if slow.at(last).is_nan() { slow.far(number, horizon, history.unit()) } else { Vec::new() };
        let step = |ahead: usize| {
            let between = between(ahead);
            let expected = far.get(ahead - 1).copied();
            let expected = expected.unwrap_or_else(|| self.slow_at(slow, history, number.saturating_add(ahead as i64)));
            let experts = self.experts(origin, &lens.seasonal(number, ahead), ahead.min(REACH), between, expected);
            self.mixed(origin, &experts, between, slow.is_named(), bounds)
        };
        (1..=horizon).map(step).collect()
    }

    /// The quantile `level` of scaled errors at each anchor around these `steps`; others are not worked out (NaN).
    pub(crate) fn errors(&self, level: f64, steps: RangeInclusive<usize>) -> Errors {
        self.around(steps, |anchor| anchor.steps.quantile(anchor.steps_level.level(level)))
    }

    /// The same of the largest step from the first to the anchor.
    pub(crate) fn peak_errors(&self, level: f64, steps: RangeInclusive<usize>) -> Errors {
        self.around(steps, |anchor| anchor.peaks.quantile(anchor.peaks_level.level(level)))
    }

    fn around(&self, steps: RangeInclusive<usize>, error: impl Fn(&Anchor) -> f64) -> Errors {
        let (first, _, _) = between(*steps.start());
        let (_, last, _) = between(*steps.end());
        let mut errors = [f64::NAN; COUNT];
        for (known, anchor) in errors.iter_mut().zip(&self.anchors).take(last + 1).skip(first) {
            *known = error(anchor);
        }
        errors
    }

    /// How far a quantile, whose errors at the anchors are given, lies from what is expected of the step `ahead`, which
    /// is so `loud`.
    pub(crate) fn offset(errors: &Errors, origin: &Origin, ahead: usize, loud: f64) -> f64 {
        let (lower, upper, way) = between(ahead);
        lerp(errors[lower], errors[upper], way) * f64::from(origin.scale) * loud * beyond(ahead)
    }
}

/// Errors beyond the farthest anchor grow with the root of time.
fn beyond(ahead: usize) -> f64 {
    (ahead.max(REACH) as f64 / REACH as f64).sqrt().min(4.0)
}

/// No forecast leaves these: below zero only where demand has been, and never far above what the week has seen.
pub(crate) fn bounds(history: &History) -> (f64, f64) {
    let floor = match history.least() {
        Some(least) if least < 0.0 => f64::NEG_INFINITY,
        _ => 0.0,
    };
    let cap = history
        .greatest()
        .map_or(f64::INFINITY, |greatest| if greatest > 0.0 { 1.5 * greatest } else { f64::INFINITY });
    (floor, cap)
}
