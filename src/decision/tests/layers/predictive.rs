//! What is foreseen counts as far as it is trusted.

use expect_test::expect;

use super::*;

#[test]
fn a_forecast_counts_as_far_as_it_is_trusted() {
    check(
        &quick(2, 60),
        &foreseeing(190.0, outlook(288.0, 0.84)),
        expect![[r#"
        4 -> 6
          reactive    requests 190 / 50 = 4
          predictive  requests p90 288 by 12:03 / 50 = 6 (ets, trust 0.84)
    "#]],
    );
    check(
        &quick(2, 60),
        &foreseeing(190.0, outlook(288.0, 0.3)),
        expect![[r#"
        4 -> 6
          reactive    requests 190 / 50 = 4
          predictive  requests p90 288 by 12:03 / 50 = 6 (ets, trust 0.30)
    "#]],
    );
    check(
        &quick(2, 60),
        &foreseeing(190.0, outlook(288.0, 0.1)),
        expect![[r#"
        4 -> 4
          reactive    requests 190 / 50 = 4
          predictive  abstains: requests forecast has trust 0.10, below 0.50
    "#]],
    );
    check(
        &quick(2, 60),
        &foreseeing(190.0, outlook(100.0, 0.9)),
        expect![[r#"
        4 -> 4
          reactive    requests 190 / 50 = 4
          predictive  requests p90 100 = 2, no more than now
    "#]],
    );
}

#[test]
fn a_trusted_forecast_keeps_what_would_fall_and_a_degraded_one_does_not() {
    check(
        &quick(2, 60),
        &foreseeing(90.0, outlook(140.0, 0.9)),
        expect![[r#"
        4 -> 3
          reactive    requests 90 / 50 = 2
          predictive  requests p90 140 by 12:03 / 50 = 3 (ets, trust 0.90)
    "#]],
    );
    check(
        &quick(2, 60),
        &foreseeing(90.0, outlook(140.0, 0.3)),
        expect![[r#"
        4 -> 2
          reactive    requests 90 / 50 = 2
          predictive  abstains: requests forecast has trust 0.30, below 0.50
    "#]],
    );
}

#[test]
fn what_is_foreseen_may_fill_the_slack_and_keeps_what_would_come_back() {
    let holding = |demand, hold, trust| {
        let hold = Some(Hold { demand: hold, by: at(12 * 3_600_000 + 300_000) });
        Outlook { hold, ..outlook(demand, trust) }
    };
    check(
        &quick(2, 60),
        &foreseeing(190.0, holding(288.0, 288.0, 0.84)),
        expect![[r#"
        4 -> 6
          reactive    requests 190 / 50 = 4
          predictive  requests p90 288 by 12:03 / (50 x 1.15) = 6 (ets, trust 0.84)
    "#]],
    );
    check(
        &quick(2, 60),
        &foreseeing(90.0, holding(100.0, 200.0, 0.84)),
        expect![[r#"
        4 -> 4
          reactive    requests 90 / 50 = 2
          predictive  keeps 4: requests p90 200 by 12:05 / (50 x 1.15) = 3.478 (trust 0.84)
    "#]],
    );
    check(
        &quick(2, 60),
        &foreseeing(90.0, holding(100.0, 150.0, 0.84)),
        expect![[r#"
        4 -> 3
          reactive    requests 90 / 50 = 2
          predictive  keeps 3: requests p90 150 by 12:05 / (50 x 1.15) = 2.609 (trust 0.84)
    "#]],
    );
    check(
        &quick(2, 60),
        &foreseeing(90.0, holding(100.0, 110.0, 0.84)),
        expect![[r#"
        4 -> 2
          reactive    requests 90 / 50 = 2
          predictive  requests p90 110 = 2, no more than now
    "#]],
    );
    check(
        &quick(2, 60),
        &foreseeing(90.0, holding(100.0, 200.0, 0.3)),
        expect![[r#"
        4 -> 2
          reactive    requests 90 / 50 = 2
          predictive  requests p90 100 = 2, no more than now
    "#]],
    );
}

#[test]
fn a_forecast_speaks_where_the_demand_is_silent() {
    let mut inputs = foreseeing(0.0, outlook(288.0, 0.9));
    inputs.metrics[0].demand = Presence::Stale;
    check(
        &quick(2, 60),
        &inputs,
        expect![[r#"
        4 -> 6
          reactive    no metric can be read
          predictive  requests p90 288 by 12:03 / 50 = 6 (ets, trust 0.90)
          guards      may only rise: requests demand stale
    "#]],
    );
}

#[test]
fn a_pattern_raises_as_far_as_it_is_valid() {
    let matched = |now: f64, weight: f64| {
        let mut inputs = demand(now);
        let by = at(12 * 3_600_000 + 180_000);
        inputs.metrics[0].matched = Some(Matched { pattern: "flash crowd \"sale\"".into(), weight, demand: 288.0, by });
        inputs
    };
    check(
        &quick(2, 60),
        &matched(190.0, 0.87),
        expect![[r#"
        4 -> 6
          reactive    requests 190 / 50 = 4
          predictive  requests 288 by 12:03 / 50 = 6 (flash crowd "sale" matched, 0.87)
    "#]],
    );
    // A forecast that says the same is the first to be heard; one that abstains leaves it the word.
    let mut both = matched(190.0, 0.87);
    both.metrics[0].outlook = Some(outlook(288.0, 0.84));
    check(
        &quick(2, 60),
        &both,
        expect![[r#"
        4 -> 6
          reactive    requests 190 / 50 = 4
          predictive  requests p90 288 by 12:03 / 50 = 6 (ets, trust 0.84)
    "#]],
    );
    both.metrics[0].outlook = Some(outlook(288.0, 0.1));
    check(
        &quick(2, 60),
        &both,
        expect![[r#"
        4 -> 6
          reactive    requests 190 / 50 = 4
          predictive  requests 288 by 12:03 / 50 = 6 (flash crowd "sale" matched, 0.87)
    "#]],
    );
    let to = |inputs: Inputs| decide(&quick(2, 60), &inputs, &State::default(), at(60_000)).0.to;
    // Hardly valid it says nothing, half valid it keeps nothing that would fall, and it never lowers.
    assert_eq!([0.2, 0.3, f64::NAN].map(|weight| to(matched(190.0, weight))), [4, 6, 4]);
    let small = |weight: f64| {
        let mut inputs = matched(90.0, weight);
        inputs.metrics[0].matched.as_mut().unwrap().demand = 140.0;
        inputs
    };
    assert_eq!([0.3, 0.6].map(|weight| to(small(weight))), [2, 3]);
    assert_eq!(to(matched(400.0, 0.9)), 8);
}
