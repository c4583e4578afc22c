//! The pods of one workload, counted.

use std::collections::VecDeque;
use std::time::Duration;

use super::View;
use crate::time::Timestamp;
use crate::workload::Replicas;

/// What there is from a moment on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Change {
    pub at: Timestamp,
    /// What the scale subresource asks for: what is paid.
    pub requested: Replicas,
    /// What takes work.
    pub ready: Replicas,
}

/// Pods that are ready a start-up time after they were asked for, and gone as soon as they are not.
#[derive(Debug, Clone)]
pub struct Pods {
    startup: Duration,
    requested: Replicas,
    ready: Replicas,
    /// When they will be ready, and how many; oldest first.
    starting: VecDeque<(Timestamp, Replicas)>,
}

impl Pods {
    /// Begins with ready pods.
    #[must_use]
    pub fn new(replicas: Replicas, startup: Duration) -> Self {
        Self { startup, requested: replicas, ready: replicas, starting: VecDeque::new() }
    }

    #[must_use]
    pub fn requested(&self) -> Replicas {
        self.requested
    }

    #[must_use]
    pub fn ready(&self) -> Replicas {
        self.ready
    }

    /// What a scaler is told of them.
    #[must_use]
    pub fn view(&self) -> View {
        View { replicas: self.requested, ready: self.ready }
    }

    /// What there is from `at` on.
    #[must_use]
    pub fn since(&self, at: Timestamp) -> Change {
        Change { at, requested: self.requested, ready: self.ready }
    }

    /// How long the next ones take to start.
    pub fn set_startup(&mut self, startup: Duration) {
        self.startup = startup;
    }

    /// When a pod becomes ready.
    #[must_use]
    pub fn next_change(&self) -> Timestamp {
        self.starting.front().map_or(Timestamp::MAX, |(ready_at, _)| *ready_at)
    }

    /// Lives on to the next moment up to `now` at which pods become ready; `None` where there is none.
    pub fn advance(&mut self, now: Timestamp) -> Option<Change> {
        let (ready_at, pods) = self.starting.front().copied().filter(|(ready_at, _)| *ready_at <= now)?;
        self.starting.pop_front();
        self.ready += pods;
        Some(self.since(ready_at))
    }

    /// Asks for another count: pods that are still starting go first, the youngest before the others.
    pub fn scale(&mut self, now: Timestamp, to: Replicas) {
        let from = self.requested;
        self.requested = to;
        if to > from {
            // With a start-up time that has become shorter, the young do not overtake the old.
            let ready_at = self.starting.back().map_or(now + self.startup, |(last, _)| (now + self.startup).max(*last));
            self.starting.push_back((ready_at, to - from));
            return;
        }
        let mut left = from - to;
        while let Some((ready_at, pods)) = self.starting.pop_back() {
            let gone = pods.min(left);
            left -= gone;
            if pods > gone {
                self.starting.push_back((ready_at, pods - gone));
                break;
            }
        }
        self.ready -= left.min(self.ready);
    }
}
