//! What a workload or a group costs, what it has spent in this day or month, and what that leaves.
//!
//! A budget is kept by pace: what is left is spread evenly over the time that is left, and the count may be as large as
//! that affords. So a busy morning is paid for by the rest of the day, bit by bit, where a hard stop would spend the
//! budget by noon and leave nothing for the evening. What a quiet night saves is there for the day.

use std::time::Duration;

use jiff::ToSpan as _;
use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};

use crate::time::Timestamp;
use crate::workload::Replicas;

use super::Money;

/// What a workload costs, and what it may.
#[derive(Debug, Clone, PartialEq)]
pub struct Cost {
    /// The price of one replica for one hour.
    pub per_replica_hour: Money,
    pub budget: Option<Budget>,
}

impl Cost {
    /// What so many replicas cost in an hour.
    #[must_use]
    pub fn rate(&self, replicas: Replicas) -> Money {
        self.per_replica_hour.times(replicas)
    }
}

/// How much may be spent in each period.
#[derive(Debug, Clone, PartialEq)]
pub struct Budget {
    pub amount: Money,
    pub per: Per,
    /// Whose midnight ends a period; [`TimeZone::UTC`] where nobody chose.
    pub zone: TimeZone,
}

/// The period of a budget, by the calendar.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Per {
    Day,
    Month,
}

impl Per {
    /// As the rule files write it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Day => "day",
            Self::Month => "month",
        }
    }
}

impl Budget {
    /// The period that `now` is in: its first moment, and the first of the next one.
    fn period(&self, now: Timestamp) -> (Timestamp, Timestamp) {
        self.calendar_period(now).unwrap_or_else(|_| {
            // Beyond the years of the calendar, periods of a day's or a month's usual length will do.
            let length = match self.per {
                Per::Day => 86_400_000,
                Per::Month => 30 * 86_400_000,
            };
            let start = now.as_millis().saturating_sub(now.as_millis().rem_euclid(length));
            (Timestamp::from_millis(start), Timestamp::from_millis(start.saturating_add(length)))
        })
    }

    fn calendar_period(&self, now: Timestamp) -> Result<(Timestamp, Timestamp), jiff::Error> {
        let today = jiff::Timestamp::from_millisecond(now.as_millis())?.to_zoned(self.zone.clone()).date();
        let (first, next) = match self.per {
            Per::Day => (today, today.tomorrow()?),
            Per::Month => (today.first_of_month(), today.first_of_month().checked_add(1.month())?),
        };
        let midnight = |date: jiff::civil::Date| -> Result<Timestamp, jiff::Error> {
            let at = date.to_zoned(self.zone.clone())?.start_of_day()?;
            Ok(Timestamp::from_millis(at.timestamp().as_millisecond()))
        };
        Ok((midnight(first)?, midnight(next)?))
    }
}

/// What has been spent since the period began. It is state: it belongs in the journal.
///
/// Replicas are paid for from one [`advance`](Self::advance) to the next, exactly: many small steps come to the same as
/// one. A service that was down assumes that what it last saw went on running.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Spend {
    per: Per,
    started_at: Timestamp,
    ends_at: Timestamp,
    /// Up to when it is counted.
    counted_to: Timestamp,
    spent: Money,
    /// What has not come to a billionth yet: billionths per hour, times milliseconds. Less than an hour's.
    rest: u64,
    /// What the whole period before came to, as far as it was counted.
    previous: Money,
}

const HOUR: Duration = Duration::from_hours(1);
const HOUR_MS: u128 = HOUR.as_millis();

impl Spend {
    /// Begins to count at `now`, with nothing spent.
    #[must_use]
    pub fn new(budget: &Budget, now: Timestamp) -> Self {
        let (started_at, ends_at) = budget.period(now);
        Self {
            per: budget.per,
            started_at,
            ends_at,
            counted_to: now,
            spent: Money::ZERO,
            rest: 0,
            previous: Money::ZERO,
        }
    }

    /// Counts what ran since the last call at `rate` (money per hour: [`Cost::rate`], or the sum of a group's), and
    /// begins a new period where one has begun. A `now` that is not later changes nothing.
    ///
    /// Another zone takes effect when the period ends; a budget with another period begins anew.
    pub fn advance(&mut self, budget: &Budget, now: Timestamp, rate: Money) {
        if budget.per != self.per {
            *self = Self::new(budget, now.max(self.counted_to));
            return;
        }
        if now >= self.ends_at {
            let (started_at, ends_at) = budget.period(now);
            let (previous_at, _) = budget.period(started_at - Duration::from_millis(1));
            if previous_at > self.counted_to {
                self.restart(previous_at);
            }
            self.count(started_at, rate);
            self.previous = self.spent;
            self.restart(started_at);
            (self.started_at, self.ends_at) = (started_at, ends_at);
        }
        self.count(now, rate);
    }

    fn restart(&mut self, at: Timestamp) {
        (self.counted_to, self.spent, self.rest) = (at, Money::ZERO, 0);
    }

    fn count(&mut self, to: Timestamp, rate: Money) {
        let parts = to.since(self.counted_to).as_millis() * u128::from(rate.billionths()) + u128::from(self.rest);
        let whole = u64::try_from(parts / HOUR_MS).unwrap_or(u64::MAX);
        self.spent = self.spent + Money::from_billionths(whole);
        self.rest = u64::try_from(parts % HOUR_MS).unwrap_or(0);
        self.counted_to = self.counted_to.max(to);
    }

    /// What has been spent in this period.
    #[must_use]
    pub fn spent(&self) -> Money {
        self.spent
    }

    /// What the period before came to.
    #[must_use]
    pub fn previous(&self) -> Money {
        self.previous
    }

    /// When the period ends, and the budget is whole again.
    #[must_use]
    pub fn ends_at(&self) -> Timestamp {
        self.ends_at
    }

    /// What is left of the budget; nothing where it is reached.
    #[must_use]
    pub fn left(&self, budget: &Budget) -> Money {
        budget.amount.less(self.spent)
    }

    /// Whether the budget is spent.
    #[must_use]
    pub fn reached(&self, budget: &Budget) -> bool {
        self.spent >= budget.amount
    }

    /// The money per hour that spends what is left evenly until the period ends.
    ///
    /// For a group this is a [`Limit`](super::Limit) on [`Cost`](super::Resource::Cost), to be divided. The last hour
    /// counts as a whole one, lest the last minutes allow a burst of replicas that the next period has to pay for.
    #[must_use]
    pub fn pace(&self, budget: &Budget, now: Timestamp) -> Money {
        let time_left = self.ends_at.since(now.max(self.counted_to)).max(HOUR).as_millis();
        let pace = u128::from(self.left(budget).billionths()) * HOUR_MS / time_left;
        Money::from_billionths(u64::try_from(pace).unwrap_or(u64::MAX))
    }

    /// The largest count that, kept until the period ends, stays within the budget; `None` where there is no such count
    /// because replicas are free. Never below `min`: a budget that is reached holds at the minimum.
    #[must_use]
    pub fn affordable(
        &self,
        budget: &Budget,
        per_replica_hour: Money,
        min: Replicas,
        now: Timestamp,
    ) -> Option<Replicas> {
        let count = self.pace(budget, now).billionths().checked_div(per_replica_hour.billionths())?;
        Some(Replicas::try_from(count).unwrap_or(Replicas::MAX).max(min))
    }
}
