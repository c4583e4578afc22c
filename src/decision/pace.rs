//! How much has changed lately, and how much more the policies of HPA's `behavior` allow.
//!
//! A policy limits a count against the count at its period's start, which follows from the current one by taking back
//! the changes since: `start = current - added + removed`. Moving up, the limit is `start + pods` or
//! `ceil(start * (100 + percent) / 100)`; moving down, `start - pods` or `floor(start * (100 - percent) / 100)`. `select`
//! chooses among the limits of several policies, and a limit never forces a move: what lies behind the current count
//! means "no further now". Percentages are taken in whole numbers, without the rounding errors of floats.
//!
//! One difference to HPA: a percentage lets a workload leave zero by one replica, for any percentage of zero is zero
//! and the workload would stay there for ever.

use serde::{Deserialize, Serialize};
use std::time::Duration;

use super::policy::{Change, Direction, ScalingPolicy, ScalingRules, SelectPolicy};
use crate::time::Timestamp;
use crate::workload::Replicas;

/// The most entries kept: 128 of 24 bytes are 3 KiB for a workload in the worst case.
pub(super) const KEPT_MAX: usize = 128;

/// A change of count, or several that lie close together.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
struct Burst {
    first_at: Timestamp,
    last_at: Timestamp,
    added: Replicas,
    removed: Replicas,
}

/// The changes of count within the longest period of any policy, oldest first.
///
/// Beyond [`KEPT_MAX`], the two that lie closest in time become one [`Burst`]. Its changes in the direction of a move
/// count until the last of them has left the period, those against it only until the first has: the limit may be a
/// little too tight then, never too wide.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub(super) struct Pace {
    bursts: Vec<Burst>,
}

/// How far a move may go now.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Limit {
    /// No policy limits this direction.
    None,
    /// `selectPolicy: Disabled`.
    Disabled,
    /// The selected policy allows a count no further than this.
    At(Replicas, ScalingPolicy),
}

impl Pace {
    /// Notes a change of count at `at`, which is not before what was noted last.
    pub(super) fn record(&mut self, at: Timestamp, from: Replicas, to: Replicas) {
        let (added, removed) = (to.saturating_sub(from), from.saturating_sub(to));
        self.bursts.push(Burst { first_at: at, last_at: at, added, removed });
        if self.bursts.len() > KEPT_MAX {
            self.merge_closest();
        }
    }

    /// Forgets what lies `longest_period` back or more at `now`.
    pub(super) fn expire(&mut self, longest_period: Duration, now: Timestamp) {
        let expired = self.bursts.partition_point(|burst| burst.last_at + longest_period <= now);
        self.bursts.drain(..expired);
    }

    /// How far from `from` the rules allow a move at `now`.
    pub(super) fn limit(&self, rules: &ScalingRules, direction: Direction, from: Replicas, now: Timestamp) -> Limit {
        let limits = rules.policies.iter().map(|policy| {
            let start = self.start(direction, from, policy.period, now);
            (reach(direction, start, policy.change), *policy)
        });
        // Of equal limits, the one that is written first.
        let selected = match rules.select {
            SelectPolicy::Disabled => return Limit::Disabled,
            SelectPolicy::Max => {
                limits.reduce(|best, next| if direction.further(best.0, next.0) == best.0 { best } else { next })
            }
            SelectPolicy::Min => {
                limits.reduce(|best, next| if direction.nearer(best.0, next.0) == best.0 { best } else { next })
            }
        };
        selected.map_or(Limit::None, |(reach, policy)| Limit::At(direction.further(count(reach), from), policy))
    }

    /// When the next change leaves a period of the rules, and limits may become others.
    pub(super) fn next_change(&self, rules: &ScalingRules, now: Timestamp) -> Option<Timestamp> {
        let times = self.bursts.iter().flat_map(|burst| [burst.first_at, burst.last_at]);
        let ends = times.flat_map(|at| rules.policies.iter().map(move |policy| at + policy.period));
        ends.filter(|end| *end > now).min()
    }

    /// The count at the start of the period that ends `now`. A count below zero means that others changed it, too.
    fn start(&self, direction: Direction, from: Replicas, period: Duration, now: Timestamp) -> i64 {
        let counts = |at: Timestamp, change: Replicas| if at + period > now { i64::from(change) } else { 0 };
        self.bursts.iter().fold(i64::from(from), |start, burst| {
            let (added_at, removed_at) = match direction {
                Direction::Up => (burst.last_at, burst.first_at),
                Direction::Down => (burst.first_at, burst.last_at),
            };
            start - counts(added_at, burst.added) + counts(removed_at, burst.removed)
        })
    }

    fn merge_closest(&mut self) {
        let span = |pair: &[Burst]| match pair {
            [older, newer] => newer.last_at.since(older.first_at),
            _ => Duration::MAX,
        };
        let closest = self.bursts.windows(2).enumerate().min_by_key(|(_, pair)| span(pair)).map(|(at, _)| at);
        if let Some(older) = closest {
            let newer = self.bursts.remove(older + 1);
            if let Some(older) = self.bursts.get_mut(older) {
                older.last_at = newer.last_at;
                older.added = older.added.saturating_add(newer.added);
                older.removed = older.removed.saturating_add(newer.removed);
            }
        }
    }

    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.bursts.len()
    }
}

/// How far one change reaches from the count at the period's start.
fn reach(direction: Direction, start: i64, change: Change) -> i128 {
    let start = i128::from(start);
    match (direction, change) {
        (Direction::Up, Change::Pods(pods)) => start + i128::from(pods),
        (Direction::Down, Change::Pods(pods)) => start - i128::from(pods),
        (Direction::Up, Change::Percent(percent)) => {
            let reach = -(-start * (100 + i128::from(percent))).div_euclid(100);
            if start == 0 && percent > 0 { 1 } else { reach }
        }
        (Direction::Down, Change::Percent(percent)) => (start * (100 - i128::from(percent))).div_euclid(100),
    }
}

fn count(reach: i128) -> Replicas {
    Replicas::try_from(reach.max(0)).unwrap_or(Replicas::MAX)
}
