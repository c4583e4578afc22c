//! What must be remembered between two decisions on one workload.

use super::pace::Pace;
use super::policy::{Behavior, Direction};
use super::window::Window;
use crate::time::Timestamp;
use crate::workload::Replicas;
use serde::{Deserialize, Serialize};

/// What must be remembered between two decisions on one workload: recommendations, as long as a stabilization window
/// can ask for them, and changes of count, as long as a policy or the cooldown can.
///
/// It is bounded: at most 128 entries for each window and 128 changes, about 7 KiB, and a few dozen bytes for a
/// workload at rest, whatever the pace of evaluations. A policy that is reloaded with a longer window or period starts
/// with what the shorter one kept.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct State {
    /// Lowest first: what restrains moves up.
    up: Window,
    /// Highest first: what restrains moves down.
    down: Window,
    pace: Pace,
    /// Whether anything was recommended yet.
    begun: bool,
    /// When the last decision was.
    decided_at: Option<Timestamp>,
    /// When the count last changed.
    scaled_at: Option<Timestamp>,
}

impl Default for State {
    fn default() -> Self {
        Self {
            up: Window::new(Direction::Up),
            down: Window::new(Direction::Down),
            pace: Pace::default(),
            begun: false,
            decided_at: None,
            scaled_at: None,
        }
    }
}

impl State {
    /// Notes that the workload was scaled: policies and the cooldown account for it.
    pub fn scaled(&mut self, at: Timestamp, from: Replicas, to: Replicas) {
        if from != to {
            let at = self.scaled_at.map_or(at, |last| last.max(at));
            self.pace.record(at, from, to);
            self.scaled_at = Some(at);
        }
    }

    /// When the workload was last scaled, as far as is known here.
    #[must_use]
    pub fn scaled_at(&self) -> Option<Timestamp> {
        self.scaled_at
    }

    /// Forgets what can no longer matter at `now`.
    pub(super) fn expire(&mut self, behavior: &Behavior, now: Timestamp) {
        self.up.expire(behavior.scale_up.stabilization_window, now);
        self.down.expire(behavior.scale_down.stabilization_window, now);
        self.pace.expire(behavior.longest_period(), now);
    }

    /// Notes that a decision at `now` has nothing to recommend, for want of data. What restrains moves down does not
    /// age meanwhile: the window is to be full of data, not of silence, and the first values after an outage rest on
    /// ranges that have barely filled. So a gap costs its own length, not a whole window.
    pub(super) fn silent(&mut self, now: Timestamp) {
        if let Some(last) = self.decided_at {
            self.down.postpone(now.since(last));
        }
        self.decided(now);
    }

    /// Notes what is wanted at `now`. Before a first recommendation, the current count stands for what was wanted until
    /// now, as in HPA: a restart scales nothing down that a window would have held.
    pub(super) fn recommend(&mut self, from: Replicas, wanted: Replicas, now: Timestamp) {
        let at = self.decided(now);
        if !self.begun {
            self.up.record(from, at);
            self.down.record(from, at);
            self.begun = true;
        }
        self.up.record(wanted, at);
        self.down.record(wanted, at);
    }

    /// Notes that there is a decision at `now`; gives its time, which is never before the last one's.
    pub(super) fn decided(&mut self, now: Timestamp) -> Timestamp {
        let at = self.decided_at.map_or(now, |last| last.max(now));
        self.decided_at = Some(at);
        at
    }

    /// What restrains moves in this direction.
    pub(super) fn window(&self, direction: Direction) -> &Window {
        match direction {
            Direction::Up => &self.up,
            Direction::Down => &self.down,
        }
    }

    pub(super) fn pace(&self) -> &Pace {
        &self.pace
    }

    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.up.len() + self.down.len() + self.pace.len()
    }
}
