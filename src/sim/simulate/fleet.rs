//! The pods of one simulated workload, counted, and the course that they took.

use std::collections::VecDeque;
use std::time::Duration;

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

/// A scaling and its reason.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Move {
    pub at: Timestamp,
    pub from: Replicas,
    pub to: Replicas,
    /// In one line; empty where the scaler gives none.
    pub reason: String,
}

/// What a workload had over time.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Course {
    /// In the order of time, the first at the beginning; several may be at one time, and the last counts.
    pub changes: Vec<Change>,
    pub moves: Vec<Move>,
    /// What was foreseen, in the demand's unit, as seen every few minutes.
    pub foreseen: Vec<(Timestamp, f64)>,
}

/// The pods of one workload: each is ready a start-up time after it was asked for, and gone as soon as it is not.
#[derive(Debug)]
pub(super) struct Fleet {
    startup: Duration,
    requested: Replicas,
    ready: Replicas,
    /// When they will be ready, and how many; oldest first.
    starting: VecDeque<(Timestamp, Replicas)>,
    course: Course,
}

impl Fleet {
    /// Begins with ready pods.
    pub(super) fn new(start: Timestamp, replicas: Replicas, startup: Duration) -> Self {
        let first = Change { at: start, requested: replicas, ready: replicas };
        let course = Course { changes: vec![first], ..Course::default() };
        Self { startup, requested: replicas, ready: replicas, starting: VecDeque::new(), course }
    }

    pub(super) fn requested(&self) -> Replicas {
        self.requested
    }

    pub(super) fn ready(&self) -> Replicas {
        self.ready
    }

    /// When a pod becomes ready.
    pub(super) fn next_change(&self) -> Timestamp {
        self.starting.front().map_or(Timestamp::MAX, |(ready_at, _)| *ready_at)
    }

    /// Lives on until `now`.
    pub(super) fn advance(&mut self, now: Timestamp) {
        while let Some((ready_at, pods)) = self.starting.front().copied()
            && ready_at <= now
        {
            self.starting.pop_front();
            self.ready += pods;
            self.note(ready_at);
        }
    }

    /// Asks for another count: pods that are still starting go first, the youngest before the others.
    pub(super) fn scale(&mut self, now: Timestamp, to: Replicas, reason: String) {
        let from = self.requested;
        if from == to {
            return;
        }
        self.course.moves.push(Move { at: now, from, to, reason });
        self.requested = to;
        if to > from {
            self.starting.push_back((now + self.startup, to - from));
        } else {
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
        self.note(now);
        self.advance(now);
    }

    /// Notes what is foreseen.
    pub(super) fn foresee(&mut self, at: Timestamp, demand: f64) {
        self.course.foreseen.push((at, demand));
    }

    pub(super) fn into_course(self) -> Course {
        self.course
    }

    fn note(&mut self, at: Timestamp) {
        self.course.changes.push(Change { at, requested: self.requested, ready: self.ready });
    }
}
