//! How unusual the newest value of a demand is: a rolling z-score that costs a few additions and holds 48 bytes.
//!
//! Mean and variance are exponentially weighted (T. Finch, "Incremental calculation of weighted mean and variance",
//! 2009), over the first points plainly averaged. A value beyond three standard deviations is an anomaly, as on
//! Shewhart's control charts (1931). Three things are done to make that fit for demand:
//!
//! - An anomaly is learnt from only up to where it would have begun (it is winsorised), so that one wild value
//!   moves the mean by a tenth of a standard deviation and hides nothing that comes after it.
//! - A value that stays is no anomaly any more. After [`RUN_MAX`] learnt points on one side, what they say is the new
//!   normal; mostly sooner, because the variance grows meanwhile. At a scrape every 15 s these are 5 minutes.
//! - A series that hardly moves has hardly a variance. Less than [`SPREAD_MIN`] of its mean does not count as one, so
//!   that a change of up to 15 % is always usual.
//!
//! What is missing teaches nothing.
//!
//! [`robust::Robust`] judges by the median beside it, [`episode::judge`] by both, and [`episode::Episodes`] keeps what was
//! unusual lately.

pub mod episode;
pub mod robust;

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::time::Timestamp;

/// From how many standard deviations on a value is an anomaly.
pub const SCORE_ANOMALOUS: f64 = 3.0;

/// No score is larger: what comes from nothing would be infinitely unusual.
pub const SCORE_MAX: f64 = 1000.0;

/// How many points must be learnt before a score is given: 3 minutes at a scrape every 15 s. The standard deviation of
/// 12 points is right within 20 % in two of three cases (its relative error is 1 / sqrt(2 (n - 1))).
pub const POINTS_MIN: u32 = 12;

/// The weight of a new point: as much as the mean of the last 60 gives it (2 / (60 + 1)), 15 minutes at 15 s.
const WEIGHT: f64 = 2.0 / 61.0;

/// How many points are plainly averaged, and counted: of more, each would weigh less than [`WEIGHT`].
const POINTS_FULL: u32 = 31;

/// The least standard deviation, as a part of the mean.
pub const SPREAD_MIN: f64 = 0.05;

/// After how many learnt anomalies in a row, all on one side, their level is the new normal.
pub const RUN_MAX: u32 = 20;

/// Points nearer to the last one are scored, but not learnt: an expression is evaluated whenever one of its targets
/// reports, several times for each scrape, and 15 s is the shortest interval in wide use.
const SPACING: Duration = Duration::from_secs(10);

/// After such a silence nothing is known any more.
const FORGET: Duration = Duration::from_hours(1);

/// Larger values are not learnt: their squares would overflow.
const VALUE_MAX: f64 = 1e150;

/// What a value is in the light of those before it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Anomaly {
    /// Distance from the mean in standard deviations; negative below it. Within ±[`SCORE_MAX`].
    pub score: f64,
    pub kind: Kind,
}

/// Whether and how a value is unusual.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    None,
    /// Much more than usual.
    Spike,
    /// Much less than usual.
    Drop,
    /// It has been another than foreseen for so long that demand has changed its ways.
    Shift,
}

impl Kind {
    /// One word for logs, metrics and reasons.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Spike => "spike",
            Self::Drop => "drop",
            Self::Shift => "shift",
        }
    }

    fn of(score: f64) -> Self {
        Self::beyond(score, SCORE_ANOMALOUS)
    }

    fn beyond(score: f64, threshold: f64) -> Self {
        if score > threshold {
            Self::Spike
        } else if score < -threshold {
            Self::Drop
        } else {
            Self::None
        }
    }
}

/// What is known of one series. It is state: it belongs in the journal.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
pub struct Detector {
    mean: f64,
    variance: f64,
    /// How many points have been learnt, up to [`POINTS_FULL`].
    points: u32,
    /// Anomalies in a row: positive above the mean, negative below it.
    run: i32,
    /// The mean and the variance of that run.
    run_mean: f64,
    run_variance: f64,
    /// When the last point was learnt.
    learnt_at: Timestamp,
}

impl Detector {
    /// Scores `value`, the newest one of its series, and learns from it. `None` where there is no value, or too little
    /// is known to judge it.
    ///
    /// Pass `None` for a value that is missing, and for one that rests on holes: it is smaller than the truth.
    pub fn observe(&mut self, now: Timestamp, value: Option<f64>) -> Option<Anomaly> {
        let value = value.filter(|value| value.abs() <= VALUE_MAX)?;
        if self.points > 0 && now.since(self.learnt_at) >= FORGET {
            *self = Self::default();
        }
        let anomaly = self.score(value);
        if self.points == 0 || now.since(self.learnt_at) >= SPACING {
            self.learn(value, anomaly.map_or(Kind::None, |anomaly| anomaly.kind));
            self.learnt_at = now;
        }
        anomaly
    }

    fn score(&self, value: f64) -> Option<Anomaly> {
        if self.points < POINTS_MIN {
            return None;
        }
        let away = value - self.mean;
        let score = if away == 0.0 { 0.0 } else { (away / self.spread()).clamp(-SCORE_MAX, SCORE_MAX) };
        Some(Anomaly { score, kind: Kind::of(score) })
    }

    /// The standard deviation that counts.
    fn spread(&self) -> f64 {
        self.variance.sqrt().max(self.mean.abs() * SPREAD_MIN)
    }

    fn learn(&mut self, value: f64, kind: Kind) {
        let side = match kind {
            Kind::None | Kind::Shift => {
                self.run = 0;
                return self.weigh(value);
            }
            Kind::Spike => 1,
            Kind::Drop => -1,
        };
        if self.run.signum() != side {
            (self.run, self.run_mean, self.run_variance) = (0, 0.0, 0.0);
        }
        self.run += side;
        let weight = 1.0 / f64::from(self.run.unsigned_abs());
        average(&mut self.run_mean, &mut self.run_variance, value, weight);
        if self.run.unsigned_abs() >= RUN_MAX {
            (self.mean, self.variance, self.run) = (self.run_mean, self.run_variance, 0);
        } else {
            let reach = SCORE_ANOMALOUS * self.spread();
            self.weigh(value.clamp(self.mean - reach, self.mean + reach));
        }
    }

    fn weigh(&mut self, value: f64) {
        self.points = (self.points + 1).min(POINTS_FULL);
        let weight = (1.0 / f64::from(self.points)).max(WEIGHT);
        average(&mut self.mean, &mut self.variance, value, weight);
    }
}

/// Moves a mean and a variance towards `value`.
fn average(mean: &mut f64, variance: &mut f64, value: f64, weight: f64) {
    let away = value - *mean;
    let step = weight * away;
    *mean += step;
    *variance = (1.0 - weight) * (*variance + away * step);
}

#[cfg(test)]
mod tests;
