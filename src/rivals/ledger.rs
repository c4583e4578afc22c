//! What a shadow would have cost and missed, beside what there really was.

use serde::{Deserialize, Serialize};

use super::Change;
use crate::time::Timestamp;
use crate::workload::Replicas;

/// What a replica can do at most, as a multiple of what the rule plans for it, where nobody says: HPA's usual target of
/// 80 % utilisation leaves 1.25.
pub const SLACK: f64 = 1.25;

/// Changes that are held until their span is closed: a workload that changes more often in ten seconds is not told
/// apart further.
const CHANGES_MAX: usize = 32;

/// What one side has run up.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Side {
    /// Requested replicas times seconds: what is paid.
    pub replica_seconds: f64,
    /// Demand that the ready replicas could not take, times seconds.
    pub missed: f64,
}

/// Two sides over the same time. Demand is in replicas: what so many of them are planned to take.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Ledger {
    /// Since when it is kept.
    pub since: Timestamp,
    /// Seconds in which the demand was known.
    pub seconds: f64,
    /// The demand, times seconds.
    pub offered: f64,
    pub shadow: Side,
    pub live: Side,
}

impl Ledger {
    /// Adds a span that [`Track::close`] gave.
    pub fn add(&mut self, span: Span, shadow: Side, live: Side) {
        self.seconds += span.load.map_or(0.0, |_| span.seconds());
        self.offered += span.load.unwrap_or_default() * span.seconds();
        for (sum, more) in [(&mut self.shadow, shadow), (&mut self.live, live)] {
            sum.replica_seconds += more.replica_seconds;
            sum.missed += more.missed;
        }
    }

    /// The part of the demand that one side has missed, 0 to 1.
    #[must_use]
    pub fn missed_ratio(&self, side: Side) -> f64 {
        if self.offered > 0.0 { side.missed / self.offered } else { 0.0 }
    }
}

/// A time with one demand.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Span {
    pub from: Timestamp,
    pub until: Timestamp,
    /// In replicas; `None` where it is not known, and nobody is judged.
    pub load: Option<f64>,
}

impl Span {
    fn seconds(self) -> f64 {
        self.until.since(self.from).as_secs_f64()
    }
}

/// The pods of one side since the last span was closed.
#[derive(Debug, Clone)]
pub struct Track {
    /// What there was as the span began.
    start: Change,
    /// In the order of time.
    changes: Vec<Change>,
}

impl Track {
    #[must_use]
    pub fn new(start: Change) -> Self {
        Self { start, changes: Vec::new() }
    }

    /// What there is now.
    #[must_use]
    pub fn newest(&self) -> Change {
        self.changes.last().copied().unwrap_or(self.start)
    }

    /// The pods have changed. Times do not go back.
    pub fn note(&mut self, change: Change) {
        if self.changes.len() >= CHANGES_MAX {
            self.changes.pop();
        }
        self.changes.push(change);
    }

    /// What a span has cost and missed. The next one begins where it ends.
    pub fn close(&mut self, span: Span) -> Side {
        let mut side = Side::default();
        let mut now = Change { at: span.from, ..self.start };
        let end = Change { at: span.until, ..self.newest() };
        for next in self.changes.drain(..).chain([end]) {
            let at = next.at.clamp(now.at, span.until);
            let seconds = at.since(now.at).as_secs_f64();
            side.replica_seconds += f64::from(now.requested) * seconds;
            side.missed += span.load.map_or(0.0, |load| missed(load, now.ready)) * seconds;
            now = Change { at, ..next };
        }
        self.start = end;
        side
    }
}

/// Demand in replicas that the ready ones can't take, each doing [`SLACK`] times what is planned.
fn missed(load: f64, ready: Replicas) -> f64 {
    (load - f64::from(ready) * SLACK).max(0.0)
}
