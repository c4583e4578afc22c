//! When a series has become another one: a two-sided cumulative sum of scaled residuals.
//!
//! What comes in is how far each value lay from what was expected, in standard deviations. Each side sums what exceeds
//! half of one, and falls back to zero but never below (E. S. Page, "Continuous inspection schemes", Biometrika 41, 1954).
//! A sum above the threshold says that the level has moved, and the count since the sum was last zero says since when
//! (Page's estimator). A residual counts three at most, so that it takes five points to say anything: a spike is an
//! anomaly and no change.
//!
//! With the slack k = 0.5 and the threshold h = 10, normal residuals without a change raise an alarm every
//! (exp(2k(h + 1.166)) - 2k(h + 1.166) - 1) / 2k² / 2 = 70,000 points or 49 days of minutes (D. Siegmund's approximation,
//! "Sequential Analysis", 1985, for both sides); a shift by one standard deviation is found after some 22 points, by two
//! after 8, by more after 5. An update is a handful of additions, and the whole takes 32 bytes.
//!
//! Residuals must come from a model that knows the season: against a plain mean each morning is a change.

use serde::{Deserialize, Serialize};

/// How far from nothing a residual may stay for ever: half of the shift that is to be found, which is one.
const SLACK: f64 = 0.5;

/// The sum that is an alarm.
const THRESHOLD: f64 = 10.0;

/// The most that one residual counts.
const RESIDUAL_MAX: f64 = 3.0;

/// The level has moved.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Shift {
    /// By how many standard deviations: the mean of the residuals since, each within ±3; negative downwards.
    pub size: f64,
    /// How many points ago it began, the newest being 1.
    pub points: u32,
}

/// One side's sum.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
struct Side {
    /// What exceeds the slack.
    excess: f64,
    /// Points since the sum was zero.
    points: u32,
}

impl Side {
    fn add(&mut self, residual: f64) -> Option<Shift> {
        self.excess += residual - SLACK;
        if self.excess <= 0.0 {
            *self = Self::default();
            return None;
        }
        self.points = self.points.saturating_add(1);
        let size = self.excess / f64::from(self.points) + SLACK;
        (self.excess > THRESHOLD).then_some(Shift { size, points: self.points })
    }
}

/// The detector of one series. It is state: it may be stored.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
pub struct Cusum {
    up: Side,
    down: Side,
}

impl Cusum {
    /// Takes the newest residual, in standard deviations; `None` or NaN where there is none. After an alarm it begins
    /// anew, so that the model has a chance to learn: as long as that does not, the alarm comes again.
    pub fn observe(&mut self, residual: Option<f64>) -> Option<Shift> {
        let residual = residual.filter(|residual| !residual.is_nan())?.clamp(-RESIDUAL_MAX, RESIDUAL_MAX);
        let down = self.down.add(-residual).map(|shift| Shift { size: -shift.size, ..shift });
        let shift = self.up.add(residual).or(down);
        if shift.is_some() {
            self.reset();
        }
        shift
    }

    /// Forgets: the model has been learnt anew.
    pub fn reset(&mut self) {
        *self = Self::default();
    }

    /// How near an alarm is: 0 is calm, 1 is the alarm.
    #[must_use]
    pub fn strain(&self) -> f64 {
        (self.up.excess.max(self.down.excess) / THRESHOLD).clamp(0.0, 1.0)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Noise that is nearly normal, of deviation 1: the sum of twelve uniform numbers, less 6.
    fn noise(seed: u64) -> impl FnMut() -> f64 {
        let mut state = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
        move || {
            let mut uniform = || {
                state ^= state << 13;
                state ^= state >> 7;
                state ^= state << 17;
                (state >> 11) as f64 / (1_u64 << 53) as f64
            };
            (0..12).map(|_| uniform()).sum::<f64>() - 6.0
        }
    }

    /// After how many points a shift is found, on average over 200 runs, and whether it is dated right within three.
    #[track_caller]
    fn check(shift: f64, after: std::ops::RangeInclusive<f64>) {
        let (mut total, mut dated) = (0.0, 0);
        for seed in 1..=200 {
            let (mut cusum, mut noise) = (Cusum::default(), noise(seed));
            (0..100).for_each(|_| {
                cusum.observe(Some(noise()));
            });
            let found = (1_u32..).find_map(|nth| cusum.observe(Some(noise() + shift)).map(|found| (nth, found)));
            let (nth, found) = found.unwrap();
            assert_eq!(found.size.signum(), shift.signum());
            total += f64::from(nth);
            dated += u32::from(found.points.abs_diff(nth) <= 3);
        }
        assert!(after.contains(&(total / 200.0)), "{}", total / 200.0);
        assert!(dated >= 120, "{dated} of 200 dated within three points");
    }

    #[test]
    fn a_shift_is_found_soon_and_dated() {
        check(1.0, 16.0..=24.0);
        check(-1.0, 16.0..=24.0);
        check(2.0, 6.0..=8.5);
        check(-5.0, 4.0..=5.0);
    }

    #[test]
    fn nothing_is_found_where_nothing_is() {
        let alarms = |points: u32| {
            let (mut cusum, mut noise) = (Cusum::default(), noise(7));
            (0..points).filter(|_| cusum.observe(Some(noise())).is_some()).count()
        };
        // The arithmetic promises one in 70,000.
        assert!((1..=12).contains(&alarms(400_000)), "{}", alarms(400_000));
    }

    #[test]
    fn a_spike_is_no_change() {
        let mut cusum = Cusum::default();
        for nth in 0..300 {
            let residual = if nth % 30 < 2 { 1e9 } else { 0.0 };
            assert_eq!(cusum.observe(Some(residual)), None);
        }
        assert_eq!(cusum.strain(), 0.0);
        let alarms: Vec<_> = (0..8).map(|_| cusum.observe(Some(f64::INFINITY)).map(|shift| shift.points)).collect();
        assert_eq!(alarms, [None, None, None, None, Some(5), None, None, None]);
    }

    #[test]
    fn what_is_missing_changes_nothing() {
        let mut cusum = Cusum::default();
        cusum.observe(Some(2.0));
        let before = cusum;
        assert_eq!((cusum.observe(None), cusum.observe(Some(f64::NAN))), (None, None));
        assert_eq!(cusum, before);
        assert!((cusum.strain() - 0.15).abs() < 1e-12);
        cusum.reset();
        assert_eq!(cusum, Cusum::default());
    }

    proptest! {
        #[test]
        fn whatever_comes_sums_stay_within_bounds(residuals in prop::collection::vec(any::<f64>(), 0..300)) {
            let mut cusum = Cusum::default();
            for residual in residuals {
                if let Some(shift) = cusum.observe(Some(residual)) {
                    prop_assert!(shift.size.abs() <= RESIDUAL_MAX && shift.points >= 4);
                }
                prop_assert!((0.0..=1.0).contains(&cusum.strain()));
            }
        }
    }
}
