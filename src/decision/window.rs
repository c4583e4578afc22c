//! The most cautious recommendation of a window, in a few entries however often one is recorded.
//!
//! A recommendation can only matter while no later one is at least as cautious: it ends sooner and holds less. What is
//! kept is therefore ordered twice, older and more cautious first, and the answer is the first entry (a monotone
//! queue). A settled workload keeps one entry, at a thousand evaluations a second for an hour too; recording costs
//! amortized O(1). Should demand fall in more distinct steps than [`KEPT_MAX`], the two that lie closest in time become
//! one, which holds what the older wanted for as long as the newer lives: a little too cautious, never too bold.

use serde::{Deserialize, Serialize};
use std::time::Duration;

use super::policy::Direction;
use crate::time::Timestamp;
use crate::workload::Replicas;

/// The most entries kept: 128 of 16 bytes are 2 KiB for each direction of a workload in the worst case.
pub(super) const KEPT_MAX: usize = 128;

/// What was wanted at a time.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
struct Recommendation {
    at: Timestamp,
    replicas: Replicas,
}

/// The recommendations that may still restrain moves in one direction.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Window {
    restrains: Direction,
    /// Oldest first, most cautious first.
    kept: Vec<Recommendation>,
}

impl Window {
    /// For moves in the direction `restrains`: the highest recommendation for moves down, the lowest for moves up.
    pub(super) fn new(restrains: Direction) -> Self {
        Self { restrains, kept: Vec::new() }
    }

    /// Forgets what is `length` old or older at `now`.
    pub(super) fn expire(&mut self, length: Duration, now: Timestamp) {
        let expired = self.kept.partition_point(|one| one.at + length <= now);
        self.kept.drain(..expired);
    }

    /// The most cautious recommendation, and when it leaves a window of this `length`.
    pub(super) fn most_cautious(&self, length: Duration) -> Option<(Replicas, Timestamp)> {
        self.kept.first().map(|one| (one.replicas, one.at + length))
    }

    /// Notes what was wanted at `at`, which is not before what was noted last.
    pub(super) fn record(&mut self, replicas: Replicas, at: Timestamp) {
        while self.kept.last().is_some_and(|last| self.restrains.nearer(last.replicas, replicas) == replicas) {
            self.kept.pop();
        }
        self.kept.push(Recommendation { at, replicas });
        if self.kept.len() > KEPT_MAX {
            self.merge_closest();
        }
    }

    /// Makes everything younger by so much, as if the time had not passed.
    pub(super) fn postpone(&mut self, by: Duration) {
        for one in &mut self.kept {
            one.at = one.at + by;
        }
    }

    fn merge_closest(&mut self) {
        let gap = |pair: &[Recommendation]| match pair {
            [older, newer] => newer.at.since(older.at),
            _ => Duration::MAX,
        };
        let closest = self.kept.windows(2).enumerate().min_by_key(|(_, pair)| gap(pair)).map(|(at, _)| at);
        if let Some(older) = closest {
            let newer = self.kept.remove(older + 1);
            if let Some(older) = self.kept.get_mut(older) {
                older.at = newer.at;
            }
        }
    }

    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.kept.len()
    }
}
