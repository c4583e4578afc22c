//! Named time intervals, and which of them hold now.

use std::sync::Arc;

use super::routing::{Route, Routing};
use crate::config::NamedIntervals;
use crate::schedule::Interval;
use crate::time::Timestamp;

/// Time intervals under a name; it holds while one of them does.
#[derive(Debug, Clone)]
pub struct NamedInterval {
    pub name: Arc<str>,
    intervals: Vec<Interval>,
}

impl NamedInterval {
    #[must_use]
    pub fn compile(written: &NamedIntervals) -> Self {
        let intervals = written.intervals.iter().map(|(when, zone)| Interval::new(when.clone(), zone.clone()));
        Self { name: written.name.value.as_str().into(), intervals: intervals.collect() }
    }

    /// Whether it holds at `now`.
    #[must_use]
    pub fn contains(&self, now: Timestamp) -> bool {
        self.intervals.iter().any(|interval| interval.contains(now))
    }

    /// A time after `now` until which nothing changes: the next change, or an earlier time where that is far or where
    /// two of its intervals meet. `None` where nothing changes any more.
    #[must_use]
    pub fn next_change(&self, now: Timestamp) -> Option<Timestamp> {
        self.intervals.iter().filter_map(|interval| interval.next_change(now)).min()
    }
}

/// Which intervals hold, and until when that is so.
#[derive(Debug)]
pub(super) struct Hours {
    hold: Vec<bool>,
    until: Timestamp,
}

impl Hours {
    /// To be refreshed before it is asked.
    pub(super) fn new() -> Self {
        Self { hold: Vec::new(), until: Timestamp::MIN }
    }

    /// Looks at the intervals again where one may have changed; whether one has.
    pub(super) fn refresh(&mut self, routing: &Routing, now: Timestamp) -> bool {
        let intervals = routing.intervals();
        if now < self.until && self.hold.len() == intervals.len() {
            return false;
        }
        let hold: Vec<bool> = intervals.iter().map(|interval| interval.contains(now)).collect();
        let changes = intervals.iter().filter_map(|interval| interval.next_change(now));
        self.until = changes.min().unwrap_or(Timestamp::MAX);
        let changed = hold != self.hold;
        self.hold = hold;
        changed
    }

    /// Looks at all again at the next refresh.
    pub(super) fn reset(&mut self) {
        *self = Self::new();
    }

    /// When one may change.
    pub(super) fn until(&self) -> Timestamp {
        self.until
    }

    /// The intervals that close a route now, and whether they do so by holding or by not holding. Alertmanager looks
    /// at the active ones first, and so do we.
    pub(super) fn closed_by(&self, routing: &Routing, route: &Route) -> Option<(Vec<Arc<str>>, bool)> {
        let holds = |place: &usize| self.hold.get(*place).copied().unwrap_or(false);
        let names = |places: Vec<usize>| {
            places.iter().filter_map(|place| routing.intervals().get(*place)).map(|one| Arc::clone(&one.name)).collect()
        };
        if !route.active.is_empty() && !route.active.iter().any(holds) {
            return Some((names(route.active.clone()), false));
        }
        let mute: Vec<usize> = route.mute.iter().copied().filter(holds).collect();
        (!mute.is_empty()).then(|| (names(mute), true))
    }
}
