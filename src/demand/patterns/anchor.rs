//! When a pattern comes: a minute of the day on some days of the week, in UTC.

use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::DAY_MS;
use crate::time::Timestamp;

/// Days of the week, a bit each; Monday is the lowest.
pub type Weekdays = u8;

/// All seven.
pub const EVERY_DAY: Weekdays = 0b111_1111;

/// As the API writes them.
pub const WEEKDAYS: [&str; 7] = ["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"];

const MINUTE_MS: i64 = 60_000;

/// When a pattern begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Anchor {
    /// Minutes since midnight, UTC.
    pub minute: u16,
    pub weekdays: Weekdays,
}

impl Anchor {
    /// On every day.
    #[must_use]
    pub fn daily(minute: u16) -> Self {
        Self { minute, weekdays: EVERY_DAY }
    }

    /// The last time at or before `now` when it began; `None` where it begins on no day.
    #[must_use]
    pub fn last(self, now: Timestamp) -> Option<Timestamp> {
        let offset = i64::from(self.minute) * MINUTE_MS;
        let day = now.as_millis().saturating_sub(offset).div_euclid(DAY_MS);
        let day = (0..7).map(|back| day - back).find(|day| self.is_on(*day))?;
        Some(Timestamp::from_millis(day.saturating_mul(DAY_MS).saturating_add(offset)))
    }

    /// The first time after `now` when it begins.
    #[must_use]
    pub fn next(self, now: Timestamp) -> Option<Timestamp> {
        self.last(now + Duration::from_hours(7 * 24)).and_then(|mut at| {
            while let Some(before) = self.last(at - Duration::from_millis(1)).filter(|before| *before > now) {
                at = before;
            }
            Some(at).filter(|at| *at > now)
        })
    }

    /// Whether it begins on a day, counted from the Unix epoch.
    pub(super) fn is_on(self, day: i64) -> bool {
        self.weekdays & (1 << weekday(day)) != 0
    }
}

/// The day of the week of a day counted from the Unix epoch, which was a Thursday; Monday is 0.
pub(super) fn weekday(day: i64) -> u8 {
    u8::try_from((day.saturating_add(3)).rem_euclid(7)).unwrap_or(0)
}

impl fmt::Display for Anchor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:02}:{:02}", self.minute / 60, self.minute % 60)?;
        if self.weekdays & EVERY_DAY == EVERY_DAY {
            return Ok(());
        }
        let days = WEEKDAYS.iter().enumerate().filter(|(day, _)| self.weekdays & (1 << day) != 0);
        for (nth, (_, name)) in days.enumerate() {
            write!(f, "{}{}", if nth == 0 { " " } else { "," }, name.get(..3).unwrap_or(name))?;
        }
        Ok(())
    }
}
