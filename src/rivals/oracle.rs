//! The oracle: it knows the demand, and asks for the fewest replicas with which none is ever missed.
//!
//! A replica that is needed at `t` must have been asked for a start-up time before, so at each moment the oracle asks
//! for the most that is needed from now until a start-up time later. No policy that misses nothing can ask for less at
//! any moment, whatever it does otherwise.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use super::View;
use crate::time::Timestamp;
use crate::workload::Replicas;

/// What the oracle asks for, at each step from `start` on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan {
    start: Timestamp,
    step: Duration,
    counts: Vec<Replicas>,
}

impl Plan {
    /// From the replicas that are needed within each step from `start` on, with pods that take `startup` to be ready.
    #[must_use]
    pub fn new(start: Timestamp, step: Duration, needed: &[Replicas], startup: Duration) -> Self {
        let step = step.max(Duration::from_millis(1));
        let ahead = usize::try_from(startup.as_millis().div_ceil(step.as_millis())).unwrap_or(usize::MAX);
        // The largest of needed[at..=at + ahead], by a queue of candidates that falls from front to back.
        let mut counts = vec![0; needed.len()];
        let mut candidates: VecDeque<(usize, Replicas)> = VecDeque::new();
        for (at, count) in counts.iter_mut().enumerate().rev() {
            let now = needed.get(at).copied().unwrap_or_default();
            while candidates.front().is_some_and(|(_, needed)| *needed <= now) {
                candidates.pop_front();
            }
            candidates.push_front((at, now));
            while candidates.back().is_some_and(|(last, _)| *last > at.saturating_add(ahead)) {
                candidates.pop_back();
            }
            *count = candidates.back().map_or(now, |(_, needed)| *needed);
        }
        Self { start, step, counts }
    }

    /// What is asked for at a time; the last count after the end.
    #[must_use]
    pub fn at(&self, now: Timestamp) -> Replicas {
        let step = now.since(self.start).as_millis() / self.step.as_millis();
        let step = usize::try_from(step).unwrap_or(usize::MAX);
        self.counts.get(step).or(self.counts.last()).copied().unwrap_or_default()
    }
}

/// Follows a [`Plan`].
#[derive(Debug, Clone)]
pub struct Oracle {
    plan: Arc<Plan>,
    next: Timestamp,
}

impl Oracle {
    #[must_use]
    pub fn new(plan: Arc<Plan>) -> Self {
        let next = plan.start;
        Self { plan, next }
    }

    pub(super) fn due(&self) -> Timestamp {
        self.next
    }

    pub(super) fn decide(&mut self, now: Timestamp, _view: View) -> Replicas {
        while self.next <= now {
            self.next = self.next + self.plan.step;
        }
        self.plan.at(now)
    }
}
