//! Days that are not like the others: holidays that a person names, and the times of planned events.
//!
//! They do two things. What happened on them tells nothing about ordinary days: where yesterday or last week was one, the
//! last ordinary one counts instead, and the usual shape of a day is made without them. And a holiday is like some other
//! day, which the person names: on it, the seasons are those of the last such days.

use std::sync::Arc;

use crate::demand::History;
use crate::time::Timestamp;

const DAY_MS: i64 = 86_400_000;

/// How far back the long memory reaches, in days.
const DAYS_BACK: i64 = 28;

/// Days like a holiday that its course is made of: the last ones.
const LIKE_MAX: usize = 3;

/// A time that is not like the others.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Holiday {
    /// From here on, up to `to` and without it.
    pub from: Timestamp,
    pub to: Timestamp,
    /// Which day of the week it is like, 0 is Sunday; `None` where it is like none, as a planned event.
    pub like: Option<u8>,
    /// The zone's offset from UTC in milliseconds: where its days begin.
    pub offset_ms: i64,
}

/// All of them, sorted by time.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Holidays(Arc<[Holiday]>);

impl FromIterator<Holiday> for Holidays {
    fn from_iter<T: IntoIterator<Item = Holiday>>(all: T) -> Self {
        let mut all: Vec<Holiday> = all.into_iter().filter(|holiday| holiday.from < holiday.to).collect();
        all.sort_by_key(|holiday| holiday.from);
        Self(all.into())
    }
}

impl Holidays {
    /// Whether all days are alike.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The one that a time lies in; a holiday before an event within it.
    fn at(&self, at_ms: i64) -> Option<&Holiday> {
        // There are a few dozen at most, and those that have begun and not ended are the last of those that have begun.
        let begun = self.0.partition_point(|holiday| holiday.from.as_millis() <= at_ms);
        let on = self.0.get(..begun)?.iter().rev().filter(|holiday| at_ms < holiday.to.as_millis());
        on.max_by_key(|holiday| holiday.like.is_some())
    }

    /// Whether the step `number` of a history is to teach nothing about ordinary days.
    pub(crate) fn holds(&self, history: &History, number: i64) -> bool {
        !self.is_empty() && self.at(history.start_of(number).as_millis()).is_some()
    }

    /// Whether the step is of a day that is like another.
    pub(crate) fn is_like(&self, history: &History, number: i64) -> bool {
        !self.is_empty() && self.at(history.start_of(number).as_millis()).is_some_and(|holiday| holiday.like.is_some())
    }

    /// The steps at the same time of the last days that the holiday of the step `target` is like, the newest first; none
    /// where it is no holiday. None is newer than `origin`, nor a holiday itself.
    fn like<'a>(&'a self, history: &'a History, target: i64, origin: i64) -> impl Iterator<Item = i64> + 'a {
        let step_ms = i64::try_from(history.step().as_millis()).unwrap_or(i64::MAX).max(1);
        let holiday = self.at(history.start_of(target).as_millis());
        let like = holiday.and_then(|holiday| Some((holiday.like?, holiday.offset_ms)));
        let days = like.into_iter().flat_map(move |like| (1..=DAYS_BACK).map(move |day| (day, like)));
        days.filter_map(move |(day, (weekday, offset_ms))| {
            let number = target.saturating_sub(day.saturating_mul(DAY_MS) / step_ms);
            let at_ms = history.start_of(number).as_millis();
            // The epoch began on a Thursday.
            let found = (at_ms.saturating_add(offset_ms).div_euclid(DAY_MS).saturating_add(4)).rem_euclid(7);
            (number <= origin && found == i64::from(weekday) && self.at(at_ms).is_none()).then_some(number)
        })
    }

    /// The step that tells what `target` will be, where `plain` is the one that lies `season` steps, or several times as
    /// many, before it: of a holiday, that of the last day that it is like; else the last one that was no holiday.
    pub(crate) fn reference(&self, history: &History, (target, origin): (i64, i64), plain: i64, season: i64) -> i64 {
        if self.is_empty() {
            return plain;
        }
        if let Some(like) = self.like(history, target, origin).next() {
            return like;
        }
        let earlier = (0..DAYS_BACK).map(|times| plain.saturating_sub(season.saturating_mul(times)));
        earlier.into_iter().find(|number| !self.holds(history, *number)).unwrap_or(plain)
    }

    /// What is usual at the step `target` of a holiday, in the history's units: the mean of the last days that it is like.
    /// `None` where it is no holiday, or no such day is remembered.
    pub(crate) fn usual(&self, history: &History, target: i64, origin: i64) -> Option<f64> {
        if self.is_empty() {
            return None;
        }
        let values = self.like(history, target, origin).map(|number| history.smooth(number));
        let known = values.filter(|value| value.is_finite()).take(LIKE_MAX);
        let (sum, count) = known.fold((0.0, 0.0), |(sum, count), value| (sum + value, count + 1.0));
        (count > 0.0).then(|| sum / count)
    }
}

#[cfg(test)]
mod tests;
