//! Whether a scaling did good: pods became ready, and the objective that held before still holds. Where it did not, the
//! last good count comes back.
//!
//! Only a rule with an `objective` is watched so. A scale-down is judged at every evaluation, for each moment of harm is
//! one too many; a scale-up at its deadline, for pods take time. What was broken before the scaling is not its fault.
//!
//! A scale-up has failed for its pods where in all that time they were never ready together; it is taken back to as many
//! as were, and to no fewer. Pods that were all ready once have shown that they start: one that falls ill later is not
//! the scaling's fault. A scale-down has failed for its pods where they were ready, and then some were not for the
//! second half of the time. In a ramp each step goes on from what was ready by then, so that its end can't undo its
//! beginning.

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
    /// The most pods that were ready at the same time; `to` at most.
    #[serde(default)]
    most_ready: Replicas,
    /// Since when some are not ready.
    #[serde(default)]
    short_since: Option<Timestamp>,
    /// The cluster has shown the count that was set. Before that it may still show an older one.
    #[serde(default)]
    seen: bool,
}

/// What is to be said of a trial by now.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Verdict {
    /// Not yet.
    Open,
    /// Somebody else has changed the count: there is nothing left to judge.
    Void,
    Good,
    /// What went wrong, and the count to go back to.
    Bad {
        good: Replicas,
        why: String,
    },
}

impl Trial {
    /// Begins to watch a scaling at `now`, when so many pods are `ready` and the objective's condition is this. `before`
    /// is the scaling that was watched until now.
    pub(super) fn new(
        before: Option<&Self>,
        (from, to): (Replicas, Replicas),
        ready: Replicas,
        (objective, condition): (&Objective, Presence),
        now: Timestamp,
    ) -> Self {
        let good = match before {
            // A further step up: what is ready by now is good.
            Some(before) if before.to == from && before.is_up() && to > from => before.proved(),
            // A further step down, before the last one was found harmless.
            Some(before) if before.to == from && !before.is_up() && to < from => before.good,
            _ => from,
        };
        Self {
            good,
            to,
            acted_at: now,
            within: objective.within,
            held_before: holds(condition) == Some(true),
            most_ready: ready.min(to),
            short_since: (ready < to).then_some(now),
            seen: false,
        }
    }

    fn is_up(&self) -> bool {
        self.to > self.good
    }

    /// The highest count of a scale-up that was ready.
    fn proved(&self) -> Replicas {
        self.most_ready.max(self.good)
    }

    /// Takes note of how many pods are ready.
    pub(super) fn observe(&mut self, replicas: Replicas, ready: Replicas, now: Timestamp) {
        if replicas != self.to {
            return;
        }
        self.seen = true;
        self.most_ready = self.most_ready.max(ready.min(self.to));
        self.short_since = (ready < self.to).then(|| self.short_since.unwrap_or(now));
    }

    /// Looks at the workload, when it has so many replicas and the objective's condition is this.
    pub(super) fn judge(&self, replicas: Replicas, condition: Presence, now: Timestamp) -> Verdict {
        let over = now >= self.deadline();
        if replicas != self.to && (self.seen || over) {
            return Verdict::Void;
        }
        let broken = self.held_before && holds(condition) == Some(false);
        if broken && (!self.is_up() || over) {
            return Verdict::Bad { good: self.good, why: "the objective does not hold any more".to_owned() };
        }
        // The objective has until the deadline to break.
        if !over {
            return Verdict::Open;
        }
        let Self { to, most_ready, .. } = *self;
        let after = format_duration(self.within);
        let fell_ill = self.short_since.is_some_and(|since| now.since(since) >= self.within / 2);
        match (self.is_up(), most_ready >= to) {
            (true, false) => Verdict::Bad {
                good: self.proved(),
                why: format!("never more than {most_ready} of {to} pods ready in {after}"),
            },
            (false, true) if fell_ill => {
                Verdict::Bad { good: self.good, why: format!("not all of {to} pods ready after {after}") }
            }
            _ => Verdict::Good,
        }
    }

    pub(super) fn deadline(&self) -> Timestamp {
        self.acted_at + self.within
    }
}

/// Whether a condition holds; `None` where it can't be read.
pub(super) fn holds(condition: Presence) -> Option<bool> {
    condition.value().map(|value| value != 0.0)
}

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_millis(seconds * 1000)
    }

    const OBJECTIVE: Objective =
        Objective { plan: None, within: Duration::from_mins(1), hold: Duration::from_mins(10) };

    /// A trial of one minute, begun at 0 with the objective as given and all pods ready.
    #[track_caller]
    fn check(good: Replicas, to: Replicas, before: Presence, looks: &[(i64, Replicas, Presence, Verdict)]) {
        let mut trial = Trial::new(None, (good, to), good, (&OBJECTIVE, before), at(0));
        for (seconds, ready, condition, want) in looks {
            trial.observe(to, *ready, at(*seconds));
            assert_eq!(trial.judge(to, *condition, at(*seconds)), *want, "at {seconds}s with {ready} ready");
        }
    }

    fn bad(good: Replicas, why: &str) -> Verdict {
        Verdict::Bad { good, why: why.to_owned() }
    }

    const BROKE: &str = "the objective does not hold any more";
    const HELD: Presence = Presence::Present(1.0);
    const BROKEN: Presence = Presence::Present(0.0);

    #[test]
    fn pods_have_until_the_deadline_and_those_that_are_ready_stay() {
        let late = bad(5, "never more than 5 of 6 pods ready in 1m");
        check(4, 6, Presence::Absent, &[(1, 4, HELD, Verdict::Open), (60, 6, HELD, Verdict::Good)]);
        check(4, 6, Presence::Absent, &[(59, 5, HELD, Verdict::Open), (60, 3, HELD, late)]);
    }

    #[test]
    fn pods_that_were_all_ready_have_proved_a_scale_up() {
        check(
            4,
            6,
            Presence::Absent,
            &[(20, 6, HELD, Verdict::Open), (59, 5, HELD, Verdict::Open), (60, 5, HELD, Verdict::Good)],
        );
    }

    #[test]
    fn after_a_scale_down_pods_that_stay_ill_call_the_others_back_and_a_moment_does_not() {
        let ill = bad(6, "not all of 4 pods ready after 1m");
        check(6, 4, Presence::Absent, &[(1, 4, HELD, Verdict::Open), (30, 3, HELD, Verdict::Open), (60, 3, HELD, ill)]);
        check(
            6,
            4,
            Presence::Absent,
            &[(1, 4, HELD, Verdict::Open), (59, 3, HELD, Verdict::Open), (60, 3, HELD, Verdict::Good)],
        );
    }

    #[test]
    fn a_scale_down_is_judged_at_once_and_a_scale_up_at_its_end() {
        check(6, 4, HELD, &[(1, 4, HELD, Verdict::Open), (2, 4, BROKEN, bad(6, BROKE))]);
        check(4, 6, HELD, &[(2, 6, BROKEN, Verdict::Open), (60, 6, BROKEN, bad(4, BROKE))]);
    }

    #[test]
    fn what_was_broken_before_or_cannot_be_read_is_not_its_fault() {
        check(4, 6, BROKEN, &[(60, 6, BROKEN, Verdict::Good)]);
        check(6, 4, Presence::Absent, &[(2, 4, BROKEN, Verdict::Open), (60, 4, BROKEN, Verdict::Good)]);
        check(6, 4, HELD, &[(60, 4, Presence::Stale, Verdict::Good)]);
    }

    #[test]
    fn a_count_that_somebody_else_has_changed_is_not_judged() {
        let mut trial = Trial::new(None, (4, 12), 4, (&OBJECTIVE, HELD), at(0));
        assert_eq!(trial.judge(4, HELD, at(1)), Verdict::Open, "an observation may be older than the scaling");
        trial.observe(12, 9, at(10));
        assert_eq!(trial.judge(11, BROKEN, at(60)), Verdict::Void);
    }

    #[test]
    fn a_ramp_goes_back_to_what_was_ready_and_steps_down_to_where_they_began() {
        let step = |before: Option<&Trial>, from, to, ready| {
            Trial::new(before, (from, to), ready, (&OBJECTIVE, Presence::Absent), at(0))
        };
        let mut ramp = step(None, 4, 8, 4);
        ramp.observe(8, 8, at(10));
        let mut ramp = step(Some(&ramp), 8, 16, 8);
        assert_eq!(ramp.good, 8);
        ramp.observe(16, 13, at(20));
        let ramp = step(Some(&ramp), 16, 32, 13);
        assert_eq!(ramp.good, 13);
        assert_eq!(step(Some(&ramp), 32, 30, 13).good, 32, "a turn down begins anew");
        let down = step(None, 10, 8, 10);
        assert_eq!(step(Some(&down), 8, 6, 8).good, 10);
        assert_eq!(step(Some(&down), 7, 9, 7).good, 7, "somebody else was there in between");
    }

    proptest! {
        #[test]
        fn a_scale_up_without_an_objective_never_goes_back_below_what_was_ready(
            steps in vec((1..20u32, vec((0..90u32, 1..20i64), 0..6)), 1..6),
        ) {
            let (mut from, mut ready, mut seconds) = (4, 4, 0);
            let (mut trial, mut most) = (None::<Trial>, 4);
            for (more, looks) in steps {
                let to = from + more;
                let mut next = Trial::new(trial.as_ref(), (from, to), ready, (&OBJECTIVE, Presence::Absent), at(seconds));
                for (one, after) in looks {
                    (ready, seconds) = (one.min(to), seconds + after);
                    most = most.max(ready);
                    next.observe(to, ready, at(seconds));
                    if let Verdict::Bad { good, .. } = next.judge(to, Presence::Absent, at(seconds)) {
                        prop_assert!(good >= most && good < to, "{} of {} after {} were ready", good, to, most);
                    }
                }
                (trial, from) = (Some(next), to);
            }
        }
    }
}
