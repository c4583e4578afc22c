//! What must be remembered between two decisions on one workload.

use std::time::Duration;

use super::pace::Pace;
use super::policy::{Behavior, Direction, FlapBudget};
use super::window::Window;
use crate::time::Timestamp;
use crate::workload::Replicas;

use serde::{Deserialize, Serialize};

/// The turns of direction that are remembered: 64 of 8 bytes.
const TURNS_MAX: usize = 64;

/// After so long a scaling is to be seen in the cluster.
const OBSERVED_WITHIN: Duration = Duration::from_mins(1);

/// What must be remembered between two decisions on one workload: recommendations, as long as a stabilization window
/// can ask for them, changes of count, as long as a policy or the cooldown can, and a few moments.
///
/// It is bounded: at most 128 entries for each window, 128 changes and 64 turns, about 8 KiB, and some 200 bytes for a
/// workload at rest, whatever the pace of evaluations. A policy that is reloaded with a longer window or period starts
/// with what the shorter one kept. It outlives a restart in the journal.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct State {
    /// Lowest first: what restrains moves up.
    up: Window,
    /// Highest first: what restrains moves down.
    down: Window,
    pace: Pace,
    /// Whether anything was recommended yet.
    begun: bool,
    /// When the first decision was.
    begun_at: Option<Timestamp>,
    /// When the last decision was.
    decided_at: Option<Timestamp>,
    /// When the count last changed, and which way.
    scaled_at: Option<Timestamp>,
    scaled: Option<Direction>,
    /// When the direction of scaling changed, oldest first.
    turned_at: Vec<Timestamp>,
    /// The direction that is wanted without a break, and since when.
    wanting: Option<(Direction, Timestamp)>,
    /// When a metric was last above its activation.
    active_at: Option<Timestamp>,
    /// Evaluations in a row in which a metric could not be read, and when the last one counted.
    missing: u32,
    missing_at: Option<Timestamp>,
    /// What was wanted when a planned event came near, and when the event ends.
    before_event: Option<(Replicas, Timestamp)>,
    /// The last change of count that is known here was to zero.
    zeroed: bool,
}

impl Default for State {
    fn default() -> Self {
        Self {
            up: Window::new(Direction::Up),
            down: Window::new(Direction::Down),
            pace: Pace::default(),
            begun: false,
            begun_at: None,
            decided_at: None,
            scaled_at: None,
            scaled: None,
            turned_at: Vec::new(),
            wanting: None,
            active_at: None,
            missing: 0,
            missing_at: None,
            before_event: None,
            zeroed: false,
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
            let direction = Direction::of(from, to);
            if self.scaled.is_some() && self.scaled != direction {
                if self.turned_at.len() == TURNS_MAX {
                    self.turned_at.remove(0);
                }
                self.turned_at.push(at);
            }
            self.scaled = direction;
            self.zeroed = to == 0;
        }
    }

    /// When the workload was last scaled, as far as is known here.
    #[must_use]
    pub fn scaled_at(&self) -> Option<Timestamp> {
        self.scaled_at
    }

    /// Goes on after a break, such as a restart: the current count will stand for what was wanted until now, so that
    /// nothing is lowered on what was missed. The windows are empty, so what can't be read says nothing of its source.
    pub fn resume(&mut self) {
        (self.begun, self.wanting) = (false, None);
        (self.missing, self.missing_at) = (0, None);
    }

    /// Notes the first decision.
    pub(super) fn begin(&mut self, now: Timestamp) {
        self.begun_at.get_or_insert(now);
    }

    pub(super) fn begun_at(&self) -> Option<Timestamp> {
        self.begun_at
    }

    /// Notes an evaluation at `at`, and whether a metric could not be read in it. One counts in each `every`, however
    /// often samples make one, so that `n` of them take `n - 1` times as long at least; and the same one counts once.
    pub(super) fn evaluated(&mut self, at: Timestamp, unread: bool, every: Duration) {
        if !unread {
            (self.missing, self.missing_at) = (0, None);
            return;
        }
        let counted_at = match self.missing_at {
            Some(last) if at <= last || at.since(last) < every => return,
            // Samples that come a little early each time do not double the wait.
            Some(last) if at.since(last) < every.saturating_mul(2) => last + every,
            _ => at,
        };
        (self.missing, self.missing_at) = (self.missing.saturating_add(1), Some(counted_at));
    }

    pub(super) fn evaluations_missing(&self) -> u32 {
        self.missing
    }

    /// Notes that a metric is above its activation.
    pub(super) fn active(&mut self, now: Timestamp) {
        self.active_at = Some(now);
    }

    pub(super) fn active_at(&self) -> Option<Timestamp> {
        self.active_at
    }

    /// What was wanted when an event that lasts until `ends_at` came near: what is `wanted` now, if that is known, where
    /// it has only just come. Of events that overlap the first one's counts, for it has raised what is wanted since.
    pub(super) fn baseline(
        &mut self,
        wanted: Option<Replicas>,
        ends_at: Timestamp,
        now: Timestamp,
    ) -> Option<Replicas> {
        let (baseline, until) = match self.before_event {
            Some((baseline, until)) if now < until => (baseline, until.max(ends_at)),
            _ => (wanted?, ends_at),
        };
        self.before_event = Some((baseline, until));
        Some(baseline)
    }

    /// Takes note of the count. Zero that nobody here has set is somebody's way to switch a workload off.
    pub(super) fn seen(&mut self, replicas: Replicas, now: Timestamp) {
        // An observation may be older than the scaling to zero.
        if replicas > 0 && self.scaled_at.is_none_or(|at| now.since(at) >= OBSERVED_WITHIN) {
            self.zeroed = false;
        }
    }

    pub(super) fn zeroed(&self) -> bool {
        self.zeroed
    }

    /// Since when a direction is wanted without a break.
    pub(super) fn wanted_since(&self, direction: Direction) -> Option<Timestamp> {
        self.wanting.filter(|(wanted, _)| *wanted == direction).map(|(_, since)| since)
    }

    /// Which way the count went last.
    pub(super) fn last_direction(&self) -> Option<Direction> {
        self.scaled
    }

    /// How often the direction changed within the budget's time, and when there will be room in it again.
    pub(super) fn turns(&self, budget: FlapBudget, now: Timestamp) -> (u32, Option<Timestamp>) {
        let begin = self.turned_at.partition_point(|at| *at + budget.per <= now);
        let recent = self.turned_at.get(begin..).unwrap_or_default();
        let room = recent.len().checked_sub(budget.max.max(1) as usize).and_then(|at| recent.get(at));
        (u32::try_from(recent.len()).unwrap_or(u32::MAX), room.map(|at| *at + budget.per))
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
        self.wanting = None;
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
        let direction = Direction::of(from, wanted);
        if self.wanting.map(|(wanting, _)| wanting) != direction {
            self.wanting = direction.map(|direction| (direction, at));
        }
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
