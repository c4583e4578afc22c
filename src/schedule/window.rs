//! When a schedule holds, however it is written.

use std::time::Duration;

use croner::Cron;
use jiff::tz::TimeZone;
use jiff::{ToSpan as _, Zoned};

use super::Interval;
use crate::config::When;
use crate::time::Timestamp;

/// Whether something holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Phase {
    pub(super) active: bool,
    /// The next time when this may change.
    pub(super) until: Option<Timestamp>,
}

impl Phase {
    pub(super) fn active(until: Option<Timestamp>) -> Self {
        Self { active: true, until }
    }

    pub(super) fn inactive(until: Option<Timestamp>) -> Self {
        Self { active: false, until }
    }
}

/// The times at which a schedule holds.
#[derive(Debug, Clone)]
pub(super) enum Window {
    Cron { start: Occurrences, lasts: Duration },
    Between { start: Occurrences, end: Occurrences },
    Interval(Interval),
}

impl Window {
    pub(super) fn compile(when: &When, zone: &TimeZone) -> Self {
        let occurrences = |cron: &Cron| Occurrences { cron: Box::new(cron.clone()), zone: zone.clone() };
        match when {
            When::Cron { start, lasts } => Self::Cron { start: occurrences(start), lasts: *lasts },
            When::Between { start, end } => Self::Between { start: occurrences(start), end: occurrences(end) },
            When::Interval(interval) => Self::Interval(Interval::new(interval.clone(), zone.clone())),
        }
    }

    pub(super) fn at(&self, now: Timestamp) -> Phase {
        match self {
            // The latest start ends latest, for all last equally long.
            Self::Cron { start, lasts } => match start.last(now).map(|start| start + *lasts) {
                Some(end) if now < end => Phase::active(Some(end)),
                _ => Phase::inactive(start.next(now)),
            },
            // What came last decides, and not what comes next (as in KEDA): a start that is on fewer days than the end
            // must not reach over the days between. Where both come at once, one ends and the next begins.
            Self::Between { start, end } => {
                let started = start.last(now).is_some_and(|start| end.last(now).is_none_or(|end| end <= start));
                if started { Phase::active(end.next(now)) } else { Phase::inactive(start.next(now)) }
            }
            Self::Interval(interval) => Phase { active: interval.contains(now), until: interval.next_change(now) },
        }
    }
}

/// The occurrences of a cron expression in a time zone.
///
/// The search of the library gives up where the clock jumps by more than two hours, as where a zone moves over the date
/// line; then it is sent on from behind the jump.
#[derive(Debug, Clone)]
pub(super) struct Occurrences {
    cron: Box<Cron>,
    zone: TimeZone,
}

impl Occurrences {
    /// The latest one that is not after `now`.
    fn last(&self, now: Timestamp) -> Option<Timestamp> {
        let now = self.local(now)?;
        let last = self.cron.find_previous_occurrence(&now, true).ok().or_else(|| {
            let jump = self.zone.preceding(now.timestamp()).next()?.timestamp();
            let before = jump.checked_sub(1.second()).ok()?.to_zoned(self.zone.clone());
            self.cron.find_previous_occurrence(&before, true).ok()
        });
        last.map(|at| instant(&at))
    }

    /// The first one after `now`.
    fn next(&self, now: Timestamp) -> Option<Timestamp> {
        let now = self.local(now)?;
        let next = self.cron.find_next_occurrence(&now, false).ok().or_else(|| {
            let jump = self.zone.following(now.timestamp()).next()?.timestamp();
            self.cron.find_next_occurrence(&jump.to_zoned(self.zone.clone()), true).ok()
        });
        next.map(|at| instant(&at))
    }

    /// The second that `now` is in.
    fn local(&self, now: Timestamp) -> Option<Zoned> {
        let second = jiff::Timestamp::from_second(now.as_millis().div_euclid(1000)).ok()?;
        Some(second.to_zoned(self.zone.clone()))
    }
}

fn instant(at: &Zoned) -> Timestamp {
    Timestamp::from_millis(at.timestamp().as_millisecond())
}
