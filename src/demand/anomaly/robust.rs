//! How unusual the newest value is by the median: a score that a burst of wild values can't bend.
//!
//! The z-score of [`Detector`](super::Detector) rests on a mean and a variance, and both grow with what they are to
//! judge: a few spikes close together hide the next one. The modified z-score stands on the median and the median absolute
//! deviation (B. Iglewicz and D. Hoaglin, "How to Detect and Handle Outliers", 1993), which stay where they are until
//! half of the values are wild. In return it knows nothing that is older than its window.
//!
//! The window is kept twice, by age and by size. A new value costs one search and a move of some of 41 numbers, and the
//! deviation one walk outwards from the median: some 100 ns, no allocation, 0.7 kB. It is not journalled: 41 numbers for
//! each of ten thousand workloads a minute would outweigh all that is, and three minutes after a start it is back.

use std::time::Duration;

use super::{FORGET, Kind, POINTS_MIN, RUN_MAX, SCORE_MAX, SPACING, SPREAD_MIN, VALUE_MAX};
use crate::time::Timestamp;

/// From how many robust standard deviations on a value is an anomaly: the authors' recommendation.
pub const SCORE_ANOMALOUS: f64 = 3.5;

/// Values that are looked at. A new level is the median once it has 21 of them: like [`RUN_MAX`], 5 minutes at 15 s.
const WINDOW: usize = 2 * RUN_MAX as usize + 1;

/// What makes a median absolute deviation the standard deviation of a normal distribution: 1 / Φ⁻¹(3/4).
const NORMAL: f64 = 1.482_602_218_505_602;

/// What the median says of a value.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Score {
    /// Distance from the median in robust standard deviations; negative below it. Within ±[`SCORE_MAX`].
    pub score: f64,
    /// The median: what was to be expected.
    pub expected: f64,
    pub kind: Kind,
}

/// The newest values of one series, by age and by size.
#[derive(Debug, Clone)]
pub struct Robust {
    /// A ring; `next` is the oldest once it is full.
    by_age: [f64; WINDOW],
    /// Ascending up to `count`.
    by_size: [f64; WINDOW],
    count: usize,
    next: usize,
    learnt_at: Timestamp,
}

impl Default for Robust {
    fn default() -> Self {
        Self { by_age: [0.0; WINDOW], by_size: [0.0; WINDOW], count: 0, next: 0, learnt_at: Timestamp::default() }
    }
}

impl Robust {
    /// Scores `value`, the newest one of its series, and learns from it. `None` where there is no value, or too little
    /// is known to judge it. Called alike to [`Detector::observe`](super::Detector::observe).
    pub fn observe(&mut self, now: Timestamp, value: Option<f64>) -> Option<Score> {
        let value = value.filter(|value| value.abs() <= VALUE_MAX)?;
        if self.count > 0 && now.since(self.learnt_at) >= FORGET {
            *self = Self::default();
        }
        let score = self.score(value);
        if self.count == 0 || now.since(self.learnt_at) >= SPACING {
            self.learn(value);
            self.learnt_at = now;
        }
        score
    }

    /// How old the oldest value may be at `spacing` between two: for documents and tests.
    #[must_use]
    pub fn reach(spacing: Duration) -> Duration {
        spacing.saturating_mul(u32::try_from(WINDOW).unwrap_or(u32::MAX))
    }

    fn score(&self, value: f64) -> Option<Score> {
        if self.count < POINTS_MIN as usize {
            return None;
        }
        let expected = self.median();
        let spread = (NORMAL * self.deviation(expected)).max(expected.abs() * SPREAD_MIN);
        let away = value - expected;
        let score = if away == 0.0 { 0.0 } else { (away / spread).clamp(-SCORE_MAX, SCORE_MAX) };
        Some(Score { score, expected, kind: Kind::beyond(score, SCORE_ANOMALOUS) })
    }

    fn sorted(&self) -> &[f64] {
        self.by_size.get(..self.count).unwrap_or_default()
    }

    fn median(&self) -> f64 {
        let sorted = self.sorted();
        let upper = sorted.get(self.count / 2).copied().unwrap_or_default();
        let lower = sorted.get(self.count.saturating_sub(1) / 2).copied().unwrap_or_default();
        f64::midpoint(lower, upper)
    }

    /// The median of the distances from `middle`: the two ends that lie next to it are taken in turn, the nearer first.
    fn deviation(&self, middle: f64) -> f64 {
        let (below, above) = self.sorted().split_at(self.sorted().partition_point(|value| *value < middle));
        let (mut below, mut above) = (below.iter().rev().peekable(), above.iter().peekable());
        let mut away = 0.0;
        // Of an even count the upper of the two in the middle: the spread rather too large than too small.
        for _ in 0..=self.count / 2 {
            let (low, high) = (below.peek().map(|value| middle - **value), above.peek().map(|value| **value - middle));
            away = match (low, high) {
                (Some(low), Some(high)) if low < high => low,
                (Some(low), None) => low,
                (_, Some(high)) => {
                    above.next();
                    away = high;
                    continue;
                }
                (None, None) => break,
            };
            below.next();
        }
        away
    }

    fn learn(&mut self, value: f64) {
        if self.count == WINDOW {
            let oldest = self.by_age[self.next];
            let at = self.sorted().partition_point(|other| *other < oldest);
            self.by_size.copy_within((at + 1).min(WINDOW).., at.min(WINDOW - 1));
            self.count -= 1;
        }
        let at = self.sorted().partition_point(|other| *other < value);
        self.by_size.copy_within(at..self.count, at + 1);
        self.by_size[at] = value;
        self.count += 1;
        self.by_age[self.next] = value;
        self.next = (self.next + 1) % WINDOW;
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn at(nth: usize) -> Timestamp {
        Timestamp::from_millis(1_000_000) + SPACING * u32::try_from(nth).unwrap()
    }

    /// The last score of a series of one point each 10 s; `10~2x30` swings between 8 and 12.
    #[track_caller]
    fn check(text: &str, want: Option<(&str, f64)>) {
        let mut robust = Robust::default();
        let values = super::super::tests::series(text);
        let scores: Vec<_> = values.iter().enumerate().map(|(nth, value)| robust.observe(at(nth), *value)).collect();
        let last = scores.last().unwrap().map(|score| (score.kind.as_str(), (score.score * 100.0).round() / 100.0));
        assert_eq!(last, want);
    }

    #[test]
    fn a_score_needs_a_past_and_a_value() {
        check("10", None);
        check("10x11 500", None);
        check("10x12 500", Some(("spike", 980.0)));
        check("10x12 _", None);
        check("10x12 NaN", None);
    }

    #[test]
    fn what_is_far_from_the_median_is_a_spike_or_a_drop() {
        check("100~10x40 125", Some(("none", 1.69)));
        check("100~10x40 160", Some(("spike", 4.05)));
        check("100~10x40 40", Some(("drop", -4.05)));
        check("100x40 116", Some(("none", 3.2)));
        check("100x40 118", Some(("spike", 3.6)));
        check("0x40 0", Some(("none", 0.0)));
        check("0x40 0.1", Some(("spike", SCORE_MAX)));
        check("0x40 -1e-300", Some(("drop", -SCORE_MAX)));
    }

    #[test]
    fn wild_values_do_not_hide_each_other() {
        // The mean's score of the last is 1.6 by then.
        check("100x41 1000x10 1000", Some(("spike", 180.0)));
        check("100x41 1000x20 1000", Some(("spike", 180.0)));
        check("100x41 1000x21 1000", Some(("none", 0.0)));
    }

    #[test]
    fn silence_forgets() {
        let mut robust = Robust::default();
        for nth in 0..WINDOW {
            robust.observe(at(nth), Some(100.0));
        }
        assert!(robust.observe(at(WINDOW), Some(100.0)).is_some());
        assert!(robust.observe(at(WINDOW) + FORGET, Some(100.0)).is_none());
    }

    proptest! {
        #[test]
        fn it_says_what_sorting_everything_says(
            values in prop::collection::vec(prop_oneof![-1e3..1e3_f64, Just(5.0), any::<f64>(), Just(1e150)], 1..200),
        ) {
            let mut robust = Robust::default();
            let mut known: Vec<f64> = Vec::new();
            for (nth, value) in values.iter().enumerate() {
                let score = robust.observe(at(nth), Some(*value));
                let mut window: Vec<f64> = known.iter().rev().take(WINDOW).copied().collect();
                window.sort_by(f64::total_cmp);
                if let Some(score) = score {
                    let expected = f64::midpoint(window[(window.len() - 1) / 2], window[window.len() / 2]);
                    prop_assert_eq!(score.expected, expected);
                    let mut away: Vec<f64> = window.iter().map(|value| (value - expected).abs()).collect();
                    away.sort_by(f64::total_cmp);
                    prop_assert_eq!(robust_deviation(&window), away[away.len() / 2]);
                    prop_assert!(score.score.abs() <= SCORE_MAX);
                }
                if value.abs() <= VALUE_MAX {
                    known.push(*value);
                }
            }
        }
    }

    fn robust_deviation(window: &[f64]) -> f64 {
        let mut robust = Robust::default();
        for value in window {
            robust.learn(*value);
        }
        robust.deviation(robust.median())
    }
}
