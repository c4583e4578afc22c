//! Money over time.

use jiff::tz::TimeZone;
use proptest::prelude::*;

use crate::decision::economy::{Budget, Money, Per, Spend};
use crate::time::Timestamp;
use crate::workload::Replicas;

fn at(text: &str) -> Timestamp {
    Timestamp::from_millis(text.parse::<jiff::Timestamp>().unwrap().as_millisecond())
}

fn money(amount: f64) -> Money {
    Money::from_f64(amount)
}

fn budget(amount: f64, per: Per) -> Budget {
    Budget { amount: money(amount), per, zone: TimeZone::UTC }
}

#[test]
fn money_is_exact_and_reads_well() {
    let ten_times: Money = (0..10).map(|_| money(0.1)).sum();
    assert_eq!(ten_times, money(1.0));
    for (amount, text) in [(0.0, "0.00"), (12.5, "12.50"), (0.048, "0.048"), (1e-9, "0.000000001"), (-1.0, "0.00")] {
        assert_eq!(money(amount).to_string(), text);
    }
    assert_eq!(money(f64::INFINITY), Money::ZERO);
    assert_eq!(money(f64::NAN), Money::ZERO);
    assert_eq!(money(1e300).times(9), Money::from_billionths(u64::MAX));
}

/// A period's spending: `steps` are times and the replicas that ran until then, at 0.5 each hour.
#[track_caller]
fn check(budget: &Budget, start: &str, steps: &[(&str, Replicas)], spent: f64, previous: f64) {
    let mut spend = Spend::new(budget, at(start));
    for (time, replicas) in steps {
        spend.advance(budget, at(time), money(0.5).times(*replicas));
    }
    assert_eq!((spend.spent(), spend.previous()), (money(spent), money(previous)));
}

#[test]
fn replicas_are_paid_for_by_the_hour_and_anew_each_period() {
    let day = budget(100.0, Per::Day);
    let month = budget(100.0, Per::Month);
    check(&day, "2026-03-01T00:00:00Z", &[("2026-03-01T02:00:00Z", 4)], 4.0, 0.0);
    check(&day, "2026-03-01T00:00:00Z", &[("2026-03-01T01:00:00Z", 4), ("2026-03-01T01:30:00Z", 8)], 4.0, 0.0);
    // Over midnight: two hours belong to the day before.
    check(&day, "2026-03-01T22:00:00Z", &[("2026-03-02T01:00:00Z", 4)], 2.0, 4.0);
    check(&day, "2026-03-01T22:00:00Z", &[("2026-03-02T00:00:00Z", 4)], 0.0, 4.0);
    // A week asleep: the day before is a whole one.
    check(&day, "2026-03-01T22:00:00Z", &[("2026-03-09T01:00:00Z", 4)], 2.0, 48.0);
    // Months have the lengths that they have, leap years included.
    check(&month, "2028-02-01T00:00:00Z", &[("2028-03-01T01:00:00Z", 2)], 1.0, 29.0 * 24.0);
    check(&month, "2026-12-31T23:00:00Z", &[("2027-01-01T01:00:00Z", 2)], 1.0, 1.0);
    // A clock that goes back pays nothing twice.
    check(&day, "2026-03-01T00:00:00Z", &[("2026-03-01T02:00:00Z", 4), ("2026-03-01T01:00:00Z", 4)], 4.0, 0.0);
}

#[test]
fn a_zone_has_days_of_23_and_25_hours() {
    let paris = Budget { zone: TimeZone::get("Europe/Paris").unwrap(), ..budget(1.0, Per::Day) };
    check(&paris, "2026-03-28T23:00:00Z", &[("2026-03-29T22:00:00Z", 2)], 0.0, 23.0);
    check(&paris, "2026-10-24T22:00:00Z", &[("2026-10-25T23:00:00Z", 2)], 0.0, 25.0);
}

/// What a day's budget of 24 affords, at 1 each hour, with a minimum of 2.
#[track_caller]
fn affords(spent: &[(&str, Replicas)], now: &str, want: Replicas) {
    let budget = budget(24.0, Per::Day);
    let mut spend = Spend::new(&budget, at("2026-03-01T00:00:00Z"));
    for (time, replicas) in spent {
        spend.advance(&budget, at(time), money(1.0).times(*replicas));
    }
    assert_eq!(spend.affordable(&budget, money(1.0), 0, at(now)), Some(want));
    assert_eq!(spend.affordable(&budget, money(1.0), 2, at(now)), Some(want.max(2)));
    assert_eq!(spend.affordable(&budget, Money::ZERO, 2, at(now)), None);
}

#[test]
fn what_is_left_is_spread_over_the_time_that_is_left() {
    affords(&[], "2026-03-01T00:00:00Z", 1);
    // Saved by night.
    affords(&[("2026-03-01T12:00:00Z", 0)], "2026-03-01T12:00:00Z", 2);
    // Spent in the morning.
    affords(&[("2026-03-01T12:00:00Z", 1), ("2026-03-01T13:00:00Z", 8)], "2026-03-01T13:00:00Z", 0);
    affords(&[("2026-03-01T01:00:00Z", 24)], "2026-03-01T01:00:00Z", 0);
    // Overspent by the minimum.
    affords(&[("2026-03-01T01:00:00Z", 30)], "2026-03-01T02:00:00Z", 0);
    // The last minutes allow no more than an hour of it.
    affords(&[("2026-03-01T23:59:00Z", 0)], "2026-03-01T23:59:00Z", 24);
}

#[test]
fn a_budget_that_is_reached_says_so() {
    let budget = budget(2.0, Per::Month);
    let mut spend = Spend::new(&budget, at("2026-03-01T00:00:00Z"));
    spend.advance(&budget, at("2026-03-01T01:00:00Z"), money(1.5));
    assert_eq!((spend.left(&budget), spend.reached(&budget)), (money(0.5), false));
    spend.advance(&budget, at("2026-03-01T02:00:00Z"), money(1.5));
    assert_eq!((spend.left(&budget), spend.reached(&budget)), (Money::ZERO, true));
    assert_eq!(spend.ends_at(), at("2026-04-01T00:00:00Z"));
}

#[test]
fn a_budget_with_another_period_begins_anew() {
    let mut spend = Spend::new(&budget(2.0, Per::Day), at("2026-03-01T00:00:00Z"));
    spend.advance(&budget(2.0, Per::Day), at("2026-03-01T01:00:00Z"), money(1.0));
    spend.advance(&budget(9.0, Per::Month), at("2026-03-01T02:00:00Z"), money(1.0));
    assert_eq!((spend.spent(), spend.ends_at()), (Money::ZERO, at("2026-04-01T00:00:00Z")));
}

#[test]
fn spending_survives_a_restart() {
    let mut spend = Spend::new(&budget(2.0, Per::Day), at("2026-03-01T00:00:00Z"));
    spend.advance(&budget(2.0, Per::Day), at("2026-03-01T00:00:07Z"), money(0.1));
    let text = serde_json::to_string(&spend).unwrap();
    assert_eq!(serde_json::from_str::<Spend>(&text).unwrap(), spend);
}

#[test]
fn times_beyond_the_calendar_are_counted_too() {
    let mut spend = Spend::new(&budget(2.0, Per::Month), Timestamp::MIN);
    for time in
        [Timestamp::MIN, Timestamp::from_millis(0), Timestamp::MAX - std::time::Duration::from_secs(1), Timestamp::MAX]
    {
        spend.advance(&budget(2.0, Per::Month), time, money(0.1));
        assert!(spend.affordable(&budget(2.0, Per::Month), money(0.1), 3, time) >= Some(3));
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn many_small_steps_come_to_the_same_as_one(
        steps in prop::collection::vec(1..200_000_000_u64, 1..20),
        rate in 0..10_000_000_000_u64,
        per in prop::sample::select(vec![Per::Day, Per::Month]),
    ) {
        let budget = budget(100.0, per);
        let start = at("2026-02-27T21:13:07.311Z");
        let rate = Money::from_billionths(rate);
        let mut walked = Spend::new(&budget, start);
        let mut now = start;
        for step in &steps {
            now = now + std::time::Duration::from_millis(*step);
            walked.advance(&budget, now, rate);
        }
        let mut leapt = Spend::new(&budget, start);
        leapt.advance(&budget, now, rate);
        prop_assert_eq!(walked, leapt);
    }

    #[test]
    fn who_follows_the_pace_stays_within_the_budget(
        demand in prop::collection::vec(0..60_u32, 96),
        amount in 50..400_u32,
    ) {
        // A day in quarters of an hour, at 1 each hour and without a minimum.
        let budget = budget(f64::from(amount), Per::Day);
        let start = at("2026-03-01T00:00:00Z");
        let mut spend = Spend::new(&budget, start);
        for (quarter, wants) in (0..96).zip(demand) {
            let now = start + std::time::Duration::from_mins(15 * quarter);
            let replicas = spend.affordable(&budget, money(1.0), 0, now).unwrap().min(wants);
            let before_midnight = now + std::time::Duration::from_mins(15) - std::time::Duration::from_millis(1);
            spend.advance(&budget, before_midnight, money(1.0).times(replicas));
            prop_assert!(spend.spent() <= budget.amount);
        }
    }
}
