//! The pods of one simulated workload, counted, and the course that they took.

use std::time::Duration;

pub use crate::rivals::Change;
use crate::rivals::Pods;
use crate::time::Timestamp;
use crate::workload::Replicas;

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
    /// What was foreseen, in the demand's unit, as seen every few minutes; `None` where nothing was, or nobody trusted it.
    pub foreseen: Vec<(Timestamp, Option<f64>)>,
}

/// Writes a course down.
#[derive(Debug)]
pub(super) struct Recorder {
    requested: Replicas,
    course: Course,
}

impl Recorder {
    pub(super) fn new(first: Change) -> Self {
        Self { requested: first.requested, course: Course { changes: vec![first], ..Course::default() } }
    }

    /// The pods have changed; where another count is asked for, for this reason.
    pub(super) fn note(&mut self, change: Change, reason: &str) {
        let from = std::mem::replace(&mut self.requested, change.requested);
        if from != change.requested {
            let (at, to) = (change.at, change.requested);
            self.course.moves.push(Move { at, from, to, reason: reason.to_owned() });
        }
        self.course.changes.push(change);
    }

    pub(super) fn into_course(self) -> Course {
        self.course
    }
}

/// The pods of one workload and their course.
#[derive(Debug)]
pub(super) struct Fleet {
    pods: Pods,
    recorder: Recorder,
}

impl Fleet {
    /// Begins with ready pods.
    pub(super) fn new(start: Timestamp, replicas: Replicas, startup: Duration) -> Self {
        let pods = Pods::new(replicas, startup);
        Self { recorder: Recorder::new(pods.since(start)), pods }
    }

    pub(super) fn requested(&self) -> Replicas {
        self.pods.requested()
    }

    pub(super) fn ready(&self) -> Replicas {
        self.pods.ready()
    }

    /// When a pod becomes ready.
    pub(super) fn next_change(&self) -> Timestamp {
        self.pods.next_change()
    }

    /// Lives on until `now`.
    pub(super) fn advance(&mut self, now: Timestamp) {
        while let Some(change) = self.pods.advance(now) {
            self.recorder.note(change, "");
        }
    }

    /// Asks for another count.
    pub(super) fn scale(&mut self, now: Timestamp, to: Replicas, reason: &str) {
        if to == self.pods.requested() {
            return;
        }
        self.pods.scale(now, to);
        self.recorder.note(self.pods.since(now), reason);
        self.advance(now);
    }

    /// Notes what is foreseen.
    pub(super) fn foresee(&mut self, at: Timestamp, demand: Option<f64>) {
        self.recorder.course.foreseen.push((at, demand));
    }

    pub(super) fn into_course(self) -> Course {
        self.recorder.into_course()
    }
}
