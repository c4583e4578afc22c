//! Whether a scaling did good: pods became ready, and the objective that held before still holds. Where it did not, the
//! last good count comes back.
//!
//! Only a rule with an `objective` is watched so. A scale-down is judged at every evaluation, for each moment of harm is
//! one too many; a scale-up at its deadline, for pods take time. What was broken before the scaling is not its fault.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::demand::Presence;
use crate::rule::Objective;
use crate::time::{Timestamp, format_duration};
use crate::workload::Replicas;

/// A scaling that is being watched.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Trial {
    /// The last count that proved good.
    pub(super) good: Replicas,
    pub(super) to: Replicas,
    pub(super) acted_at: Timestamp,
    within: Duration,
    /// The objective held when the scaling was done. One that can't be read counts as held by nobody.
    held_before: bool,
}

/// What is to be said of a trial by now.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Verdict {
    /// Not yet.
    Open,
    Good,
    /// What went wrong.
    Bad(String),
}

impl Trial {
    pub(super) fn new(
        good: Replicas,
        to: Replicas,
        acted_at: Timestamp,
        objective: &Objective,
        condition: Presence,
    ) -> Self {
        Self { good, to, acted_at, within: objective.within, held_before: holds(condition) == Some(true) }
    }

    /// Looks at the workload: how many of its pods are ready, and the objective's condition.
    pub(super) fn judge(&self, ready: Replicas, condition: Presence, now: Timestamp) -> Verdict {
        let over = now >= self.deadline();
        let all_ready = ready >= self.to;
        let broken = self.held_before && holds(condition) == Some(false);
        let down = self.to < self.good;
        let after = format_duration(self.within);
        if broken && (down || over) {
            return Verdict::Bad("the objective does not hold any more".to_owned());
        }
        match (over, all_ready) {
            (true, true) => Verdict::Good,
            (true, false) => Verdict::Bad(format!("{ready} of {} pods ready after {after}", self.to)),
            // The objective has until the deadline to break.
            (false, _) => Verdict::Open,
        }
    }

    pub(super) fn deadline(&self) -> Timestamp {
        self.acted_at + self.within
    }
}

/// Whether a condition holds; `None` where it can't be read.
fn holds(condition: Presence) -> Option<bool> {
    condition.value().map(|value| value != 0.0)
}

/// How long this workload's pods take to become ready, learned from its scale-ups.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub(super) struct Startup {
    /// The scale-up that is being timed: since when, and to which count.
    timing: Option<(Timestamp, Replicas)>,
    /// The newest last, in milliseconds.
    recent_ms: Vec<u64>,
}

/// Start-ups that are remembered. Of 32, the third longest is the 90 % quantile.
const STARTUPS_MAX: usize = 32;

/// A start-up that takes longer teaches nothing: something stands in its way.
const STARTUP_MAX: Duration = Duration::from_mins(30);

impl Startup {
    /// Begins to time a scale-up.
    pub(super) fn began(&mut self, now: Timestamp, to: Replicas) {
        self.timing = Some((now, to));
    }

    /// What was observed may end it.
    pub(super) fn observe(&mut self, replicas: Replicas, ready: Replicas, now: Timestamp) {
        let Some((began_at, to)) = self.timing else { return };
        let took = now.since(began_at);
        if replicas < to || took > STARTUP_MAX {
            self.timing = None;
        } else if ready >= to {
            self.timing = None;
            if self.recent_ms.len() == STARTUPS_MAX {
                self.recent_ms.remove(0);
            }
            self.recent_ms.push(u64::try_from(took.as_millis()).unwrap_or(u64::MAX));
        }
    }

    /// The quantile of the remembered start-ups, by the nearest-rank method; `None` before the first.
    pub(super) fn quantile(&self, quantile: f64) -> Option<Duration> {
        let mut sorted = self.recent_ms.clone();
        sorted.sort_unstable();
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a rank of at most 32")]
        let rank = (quantile * sorted.len() as f64).ceil() as usize;
        sorted.get(rank.saturating_sub(1)).map(|ms| Duration::from_millis(*ms))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_millis(seconds * 1000)
    }

    /// A trial of one minute, begun at 0 with the objective as given.
    #[track_caller]
    fn check(good: Replicas, to: Replicas, before: Presence, looks: &[(i64, Replicas, Presence, Verdict)]) {
        let objective = Objective { plan: None, within: Duration::from_mins(1), hold: Duration::from_mins(10) };
        let trial = Trial::new(good, to, at(0), &objective, before);
        for (seconds, ready, condition, want) in looks {
            assert_eq!(trial.judge(*ready, *condition, at(*seconds)), *want, "at {seconds}s with {ready} ready");
        }
    }

    const HELD: Presence = Presence::Present(1.0);
    const BROKEN: Presence = Presence::Present(0.0);

    #[test]
    fn pods_have_until_the_deadline() {
        let late = || Verdict::Bad("5 of 6 pods ready after 1m".to_owned());
        check(4, 6, Presence::Absent, &[(1, 4, HELD, Verdict::Open), (60, 6, HELD, Verdict::Good)]);
        check(4, 6, Presence::Absent, &[(59, 5, HELD, Verdict::Open), (60, 5, HELD, late())]);
    }

    #[test]
    fn a_scale_down_is_judged_at_once_and_a_scale_up_at_its_end() {
        let broken = || Verdict::Bad("the objective does not hold any more".to_owned());
        check(6, 4, HELD, &[(1, 4, HELD, Verdict::Open), (2, 4, BROKEN, broken())]);
        check(4, 6, HELD, &[(2, 6, BROKEN, Verdict::Open), (60, 6, BROKEN, broken())]);
    }

    #[test]
    fn what_was_broken_before_or_cannot_be_read_is_not_its_fault() {
        check(4, 6, BROKEN, &[(60, 6, BROKEN, Verdict::Good)]);
        check(6, 4, Presence::Absent, &[(2, 4, BROKEN, Verdict::Open), (60, 4, BROKEN, Verdict::Good)]);
        check(6, 4, HELD, &[(60, 4, Presence::Stale, Verdict::Good)]);
    }

    #[test]
    fn startups_are_learned_from_scale_ups_that_end() {
        let mut startup = Startup::default();
        assert_eq!(startup.quantile(0.9), None);
        for (began, ready) in [(0, 30), (100, 110), (200, 245)] {
            startup.began(at(began), 6);
            startup.observe(6, 4, at(began + 1));
            startup.observe(6, 6, at(ready));
            startup.observe(6, 6, at(ready + 1));
        }
        assert_eq!(startup.quantile(0.9), Some(Duration::from_secs(45)));
        assert_eq!(startup.quantile(0.5), Some(Duration::from_secs(30)));
        // Taken back before it ended, or for ever on its way: nothing is learned.
        startup.began(at(300), 8);
        startup.observe(7, 7, at(301));
        startup.began(at(400), 8);
        startup.observe(8, 8, at(9_999));
        assert_eq!(startup.recent_ms.len(), 3);
    }
}
