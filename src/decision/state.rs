//! What must be remembered between two decisions on one workload.

use std::collections::VecDeque;
use std::time::Duration;

use super::policy::Policy;
use crate::time::Timestamp;
use crate::workload::Replicas;

/// Recommendations and scale events, as far back as the policy looks.
///
/// It stays small however often a workload is looked at: of the recommendations only those are kept that can still
/// be the highest or the lowest of their window, and there are no more of them than different replica counts.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct State {
    /// The highest of the scale-down window comes first.
    pub(super) highest: Extreme,
    /// The lowest of the scale-up window comes first.
    pub(super) lowest: Extreme,
    /// Oldest first.
    pub(super) events: VecDeque<Event>,
}

/// A scaling that the cluster accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Event {
    pub(super) at: Timestamp,
    pub(super) from: Replicas,
    pub(super) to: Replicas,
}

impl State {
    /// Notes that the workload was scaled: policies and the cooldown account for it.
    pub fn scaled(&mut self, at: Timestamp, from: Replicas, to: Replicas) {
        self.events.push_back(Event { at, from, to });
    }

    /// The number of recommendations and events that are kept.
    #[must_use]
    pub fn len(&self) -> usize {
        self.highest.0.len() + self.lowest.0.len() + self.events.len()
    }

    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Notes a recommendation.
    pub(super) fn recommended(&mut self, at: Timestamp, replicas: Replicas) {
        self.highest.push(at, replicas, |kept, new| kept <= new);
        self.lowest.push(at, replicas, |kept, new| kept >= new);
    }

    /// Lets go of what no window or period reaches any more.
    pub(super) fn forget(&mut self, policy: &Policy, now: Timestamp) {
        let rules = [&policy.behavior.scale_up, &policy.behavior.scale_down];
        let periods = rules.iter().flat_map(|rules| &rules.policies).map(|policy| policy.period);
        let reach = periods.chain([policy.cooldown]).max().unwrap_or_default();
        while self.events.front().is_some_and(|event| !within(event.at, reach, now)) {
            self.events.pop_front();
        }
        self.lowest.forget(policy.behavior.scale_up.stabilization_window, now);
        self.highest.forget(policy.behavior.scale_down.stabilization_window, now);
    }
}

/// Whether a point in time still counts: it lies less than `reach` ago.
pub(super) fn within(at: Timestamp, reach: Duration, now: Timestamp) -> bool {
    at > now - reach
}

/// The extreme value of a sliding window, as a monotone queue: what a newer value outdoes is dropped at once.
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) struct Extreme(VecDeque<(Timestamp, Replicas)>);

impl Extreme {
    fn push(&mut self, at: Timestamp, replicas: Replicas, outdone: impl Fn(Replicas, Replicas) -> bool) {
        while self.0.back().is_some_and(|(_, kept)| outdone(*kept, replicas)) {
            self.0.pop_back();
        }
        self.0.push_back((at, replicas));
    }

    fn forget(&mut self, window: Duration, now: Timestamp) {
        // The newest stays: it is the present recommendation, also where there is no window.
        while self.0.len() > 1 && self.0.front().is_some_and(|(at, _)| !within(*at, window, now)) {
            self.0.pop_front();
        }
    }

    /// The extreme and when it was recommended.
    pub(super) fn get(&self) -> Option<(Timestamp, Replicas)> {
        self.0.front().copied()
    }

    /// When the present extreme leaves the window.
    pub(super) fn ends_at(&self, window: Duration) -> Option<Timestamp> {
        (self.0.len() > 1).then(|| self.0.front().map(|(at, _)| *at + window))?
    }
}
