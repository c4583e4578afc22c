//! A time interval: while the clock on the wall and the calendar beside it show certain times.

use jiff::ToSpan as _;
use jiff::civil::{Date, DateTime};
use jiff::tz::{AmbiguousOffset, Offset, TimeZone};

use crate::config::{DayTime, TimeInterval};
use crate::time::Timestamp;

/// A time interval in a zone.
#[derive(Debug, Clone)]
pub struct Interval {
    when: TimeInterval,
    zone: TimeZone,
    /// The minutes of the day at which anything may begin or end.
    boundaries: Vec<i16>,
}

const DAY_MINUTES: i16 = 24 * 60;

/// How many weeks ahead a change is looked for: a year. Later ones are looked for then.
const WEEKS: usize = 53;

impl Interval {
    #[must_use]
    pub fn new(when: TimeInterval, zone: TimeZone) -> Self {
        let times = when.times.iter().flat_map(|DayTime { start, end }| [*start, *end % DAY_MINUTES]);
        let mut boundaries: Vec<i16> = times.chain([0]).collect();
        boundaries.sort_unstable();
        boundaries.dedup();
        Self { when, zone, boundaries }
    }

    /// Whether `now` is in it.
    #[must_use]
    pub fn contains(&self, now: Timestamp) -> bool {
        jiff::Timestamp::from_millisecond(now.as_millis()).is_ok_and(|now| self.shows(self.zone.to_datetime(now)))
    }

    /// The next time after `now` when this begins or ends. Where that is more than a year ahead, a time before it;
    /// `None` at the end of all calendars.
    #[must_use]
    pub fn next_change(&self, now: Timestamp) -> Option<Timestamp> {
        let moment = jiff::Timestamp::from_millisecond(now.as_millis()).ok()?;
        let inside = self.contains(now);
        let mut first = self.zone.to_datetime(moment).date();
        for _ in 0..WEEKS {
            let next = first.checked_add(1.week()).ok()?;
            // A clock that goes back around midnight mixes two days, so a day more on either side is looked at, and
            // what lies beyond noon of the last day is left to the next week.
            let last = self.first_instant(next.at(12, 0, 0, 0))?;
            let mut changes = self.boundaries_between(first.checked_sub(1.day()).ok()?, next.tomorrow().ok()?);
            changes.extend(self.zone.following(moment).map(|change| change.timestamp()).take_while(|at| *at <= last));
            changes.retain(|at| *at > moment && *at <= last);
            changes.sort_unstable();
            let change = changes.into_iter().find(|at| self.shows(self.zone.to_datetime(*at)) != inside);
            if let Some(at) = change {
                return Some(Timestamp::from_millis(at.as_millisecond()));
            }
            first = next;
        }
        self.first_instant(first.at(12, 0, 0, 0)).map(|at| Timestamp::from_millis(at.as_millisecond()))
    }

    fn boundaries_between(&self, first: Date, last: Date) -> Vec<jiff::Timestamp> {
        let days = first.series(1.day()).take_while(|day| *day <= last);
        let local = days.flat_map(|day| self.boundaries.iter().map(move |minute| (day, *minute)));
        local.filter_map(|(day, minute)| minute_of(day, minute)).flat_map(|at| self.instants(at)).collect()
    }

    /// When the clock on the wall shows a time: once, twice, or never, which is as if it did when it jumps.
    fn instants(&self, local: DateTime) -> Vec<jiff::Timestamp> {
        let at = |offset: Offset| offset.to_timestamp(local).ok();
        match self.zone.to_ambiguous_timestamp(local).offset() {
            AmbiguousOffset::Unambiguous { offset } => at(offset).into_iter().collect(),
            AmbiguousOffset::Fold { before, after } => [at(before), at(after)].into_iter().flatten().collect(),
            // The jump itself is looked at anyway.
            AmbiguousOffset::Gap { .. } => Vec::new(),
        }
    }

    fn first_instant(&self, local: DateTime) -> Option<jiff::Timestamp> {
        self.zone.to_ambiguous_timestamp(local).compatible().ok()
    }

    /// Whether a local time is one of those meant.
    fn shows(&self, local: DateTime) -> bool {
        let minute = i16::from(local.hour()) * 60 + i16::from(local.minute());
        let today = || self.is_day(local.date());
        let yesterday = || local.date().yesterday().is_ok_and(|day| self.is_day(day));
        if self.when.times.is_empty() {
            return today();
        }
        self.when.times.iter().any(|&DayTime { start, end }| {
            if start < end {
                (start..end).contains(&minute) && today()
            } else {
                (minute >= start && today()) || (minute < end && yesterday())
            }
        })
    }

    fn is_day(&self, day: Date) -> bool {
        let TimeInterval { weekdays, days_of_month, months, years, times: _ } = &self.when;
        let weekday = i16::from(day.weekday().to_sunday_zero_offset());
        let length = i16::from(day.days_in_month());
        let from_start = |day: i16| if day < 0 { length + 1 + day } else { day };
        let of_month = i16::from(day.day());
        let in_month =
            days_of_month.iter().any(|span| (from_start(span.first)..=from_start(span.last)).contains(&of_month));
        let any = |spans: &[crate::config::TimeSpan], value: i16| {
            spans.is_empty() || spans.iter().any(|span| (span.first..=span.last).contains(&value))
        };
        any(weekdays, weekday)
            && (days_of_month.is_empty() || in_month)
            && any(months, day.month().into())
            && any(years, day.year())
    }
}

fn minute_of(day: Date, minute: i16) -> Option<DateTime> {
    let part = |value: i16| i8::try_from(value).ok();
    Some(day.at(part(minute / 60)?, part(minute % 60)?, 0, 0))
}
