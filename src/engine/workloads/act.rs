//! What becomes of actions: what counts as scaled, how long the next try waits, what is watched afterwards.

use std::time::Duration;

use super::Known;
use crate::dispatch::{Outcome, Status};
use crate::engine::verify::Trial;
use crate::time::Timestamp;
use crate::workload::Replicas;

/// The wait after the first failure; it doubles with each further one.
const RETRY_FIRST: Duration = Duration::from_secs(1);
const RETRY_MAX: Duration = Duration::from_mins(1);

/// The wait before the next action.
#[derive(Debug, Clone, Copy)]
pub(super) struct Wait {
    pub(super) until: Timestamp,
    /// What is waited for is to be seen: an observation ends the wait.
    pub(super) ends_when_observed: bool,
}

/// A count that an action has set.
#[derive(Debug, Clone, Copy)]
pub(in crate::engine) struct Set {
    pub(in crate::engine) from: Replicas,
    pub(in crate::engine) to: Replicas,
    pub(in crate::engine) at: Timestamp,
}

impl Known {
    /// What an action has set whose answer was lost on its way, as soon as the cluster shows it. It counts as scaled.
    pub(in crate::engine) fn take_effect(&mut self) -> Option<Set> {
        let Some(Status::Found { replicas, .. }) = self.status else { return None };
        let set = self.unsure.take_if(|unsure| unsure.from != replicas)?;
        let done = set.to == replicas;
        if done {
            self.scaled(set);
        }
        done.then_some(set)
    }

    /// An action to this count is on its way.
    pub(in crate::engine) fn begin(&mut self, to: Replicas, now: Timestamp) {
        self.in_flight = true;
        self.rising = Some((to, now));
    }

    /// Takes note of what became of an action.
    pub(in crate::engine) fn acted(&mut self, from: Replicas, to: Replicas, outcome: &Outcome, now: Timestamp) {
        self.in_flight = false;
        self.unsure = None;
        // A failure may have taken effect all the same.
        if !matches!(outcome, Outcome::Done | Outcome::Failed(_)) {
            self.rising = None;
        }
        match outcome {
            // What is watched stays as it is, or follows by itself: either way an observation tells, and may have done so
            // already.
            Outcome::Simulated => {
                if matches!(self.status, Some(Status::Found { replicas, .. }) if replicas == to) {
                    self.memory.state.scaled(now, from, to);
                } else {
                    self.recommended = Some((from, to));
                }
                self.succeeded();
            }
            Outcome::Done => {
                self.scaled(Set { from, to, at: now });
                // Until the watch says the same; an older observation is refused by the actuator's `from`.
                if let Some(Status::Found { replicas, .. }) = &mut self.status {
                    *replicas = to;
                }
                self.succeeded();
            }
            // No failure: the cluster has moved on, and an observation of it is on its way.
            Outcome::Conflict => self.wait = Some(Wait { until: now + RETRY_FIRST, ends_when_observed: true }),
            Outcome::Failed(reason) => {
                let wait = RETRY_FIRST.saturating_mul(2_u32.saturating_pow(self.failures)).min(RETRY_MAX);
                self.unsure = Some(Set { from, to, at: now });
                self.failed(reason, now + wait);
            }
            Outcome::Refused(reason) => self.failed(reason, now + RETRY_MAX),
        }
    }

    /// The workload was scaled: policies, the cooldown and the flap budget account for it, and what it does is watched
    /// from then on.
    pub(in crate::engine) fn scaled(&mut self, Set { from, to, at }: Set) {
        self.memory.state.scaled(at, from, to);
        self.watch(from, to, at);
        self.unkept = true;
    }

    /// Begins to watch what a scaling does.
    fn watch(&mut self, from: Replicas, to: Replicas, now: Timestamp) {
        if to > from {
            self.memory.startup.began(now, to);
        }
        let Some(objective) = &self.rule.objective else { return };
        // What takes a scaling back is not put to the test: there would be nothing to go back to.
        if self.memory.rollback.is_some() {
            return;
        }
        let ready = match self.status {
            Some(Status::Found { ready, .. }) => ready,
            _ => from,
        };
        let before = self.memory.trial.as_ref();
        let trial = Trial::new(before, (from, to), ready, (objective, self.objective), now);
        self.memory.trial = Some(trial);
    }

    fn succeeded(&mut self) {
        (self.failures, self.last_error, self.wait) = (0, None, None);
    }

    fn failed(&mut self, reason: &str, until: Timestamp) {
        self.failures = self.failures.saturating_add(1);
        self.last_error = Some(reason.to_owned());
        self.wait = Some(Wait { until, ends_when_observed: false });
    }
}
