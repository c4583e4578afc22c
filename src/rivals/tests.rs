use std::sync::Arc;
use std::time::Duration;

use expect_test::{Expect, expect};
use proptest::prelude::*;

use super::*;
use crate::decision::{Inputs, MetricInput, Policy, State, decide};
use crate::demand::Presence;

const PER_REPLICA: f64 = 10.0;

fn at(seconds: u64) -> Timestamp {
    Timestamp::from_millis(1_700_000_000_000) + Duration::from_secs(seconds)
}

fn setup(min: Replicas) -> Setup {
    Setup { min, max: 100, per_replica: PER_REPLICA, start: at(0) }
}

/// Samples every 15 s from 0 on (`_` is missing, `xN` repeats); gives the count after each change with its time.
#[track_caller]
fn check(mut rival: Rival, start: Replicas, samples: &str, want: &Expect) {
    let mut replicas = start;
    let mut course = Vec::new();
    let mut clock = 0;
    for (place, word) in samples.split_whitespace().flat_map(repeated).enumerate() {
        let sampled = 15 * (place as u64 + 1);
        while clock < sampled {
            if rival.due() <= at(clock) {
                let to = rival.decide(at(clock), View { replicas, ready: replicas });
                if to != replicas {
                    course.push(format!("{clock}s:{to}"));
                }
                replicas = to;
            }
            clock += 1;
        }
        rival.observe(at(sampled), word.parse().ok());
    }
    want.assert_eq(&course.join(" "));
}

fn repeated(word: &str) -> Vec<&str> {
    let (value, times) = word.split_once('x').unwrap_or((word, "1"));
    vec![value; times.parse().unwrap()]
}

#[test]
fn hpa_follows_a_step_at_its_next_sync() {
    let hpa = || Rival::Hpa(Hpa::new(&setup(1)));
    // The step begins at 60 s, the sample of 75 s shows it, the sync of 87 s answers: 27 s.
    check(hpa(), 4, "40x4 80x4", &expect!["87s:8"]);
    check(hpa(), 2, "20x4 160x8", &expect!["87s:6 102s:12 117s:16"]);
    check(hpa(), 8, "80x4 84x4 88x4 89x4", &expect!["207s:9"]);
}

#[test]
fn hpa_comes_down_after_five_minutes_and_keeps_the_count_without_a_metric() {
    check(Rival::Hpa(Hpa::new(&setup(1))), 8, "80x4 40x30", &expect!["372s:4"]);
    check(Rival::Hpa(Hpa::new(&setup(1))), 8, "80x4 _x60", &expect![""]);
}

#[test]
fn keda_sees_a_step_in_the_mean_of_a_minute() {
    check(Rival::Keda(Keda::new(&setup(1))), 4, "40x8 80x12", &expect!["162s:7 192s:8"]);
}

#[test]
fn keda_takes_an_empty_result_for_zero_and_sleeps_after_its_cooldown() {
    check(Rival::Keda(Keda::new(&setup(1))), 4, "40x8 _x40", &expect!["477s:1"]);
    check(Rival::Keda(Keda::new(&setup(0))), 4, "40x8 0x40 40x8", &expect!["447s:2 459s:0 759s:1 762s:3 792s:4"]);
}

#[test]
fn the_predictive_one_goes_on_along_the_line() {
    let predictive = Rival::Predictive(Predictive::new(&setup(1), Duration::from_mins(1)));
    check(predictive, 4, "40x4 50 60 70 80 90", &expect!["87s:6 102s:7 117s:9 132s:10"]);
}

#[test]
fn a_static_count_stays() {
    let mut fixed = Rival::Static(Static::new(7));
    assert_eq!(fixed.decide(at(0), View { replicas: 7, ready: 7 }), 7);
    assert_eq!(fixed.due(), Timestamp::MAX);
}

#[test]
fn the_line_of_least_squares_is_read_ahead() {
    assert_eq!(linear([1.0, 2.0, 3.0].into_iter(), 2.0), Some(5.0));
    assert_eq!(linear([4.0; 9].into_iter(), 60.0), Some(4.0));
    assert_eq!(linear([4.0].into_iter(), 1.0), None);
}

#[test]
fn holt_winters_repeats_a_season_that_repeats() {
    let mut model = HoltWinters::new(0.5, 0.1, 0.2, 4);
    for value in [1.0, 5.0, 9.0, 5.0].into_iter().cycle().take(3) {
        model.update(value);
        assert_eq!(model.forecast(1), None);
    }
    for value in [5.0, 1.0, 5.0, 9.0, 5.0] {
        model.update(value);
    }
    let path: Vec<f64> = (1..=5).map(|ahead| model.forecast(ahead).unwrap()).collect();
    assert_eq!(path, [1.0, 5.0, 9.0, 5.0, 1.0]);
}

#[test]
fn the_oracle_asks_a_start_up_time_ahead() {
    let step = Duration::from_secs(15);
    let plan = |startup| Plan::new(at(0), step, &[1, 1, 4, 2, 2, 3], Duration::from_secs(startup));
    let counts = |startup| (0..6).map(|place| plan(startup).at(at(15 * place))).collect::<Vec<_>>();
    assert_eq!(counts(0), [1, 1, 4, 2, 2, 3]);
    assert_eq!(counts(15), [1, 4, 4, 2, 3, 3]);
    assert_eq!(counts(16), [4, 4, 4, 3, 3, 3]);
    assert_eq!(counts(1000), [4, 4, 4, 3, 3, 3]);
}

#[test]
fn an_empty_plan_asks_for_nothing() {
    let mut oracle = Rival::Oracle(Oracle::new(Arc::new(Plan::new(at(0), Duration::ZERO, &[], Duration::ZERO))));
    assert_eq!(oracle.decide(at(1), View { replicas: 3, ready: 3 }), 0);
}

proptest! {
    /// HPA is the decision core under its defaults: the same moves at each sync, whatever the demand does.
    #[test]
    fn hpa_is_the_decision_core(demands in prop::collection::vec(prop::option::weighted(0.9, 0.0..900.0), 1..200)) {
        let mut hpa = Hpa::new(&setup(1));
        let (policy, mut state) = (Policy::new(1, 100), State::default());
        let (mut ours, mut theirs) = (3, 3);
        for (place, demand) in demands.iter().enumerate() {
            let sampled = 15 * place as u64;
            hpa.observe(at(sampled), *demand);
            let now = at(sampled + 12);
            // A scrape without a value leaves the sample before it, for two minutes.
            let recent = demands[place.saturating_sub(8)..=place].iter().enumerate();
            let newest = recent.filter_map(|(age, demand)| demand.map(|demand| (age, demand))).next_back();
            let fresh = newest.filter(|(age, _)| place < 8 || *age > 0).map(|(_, demand)| demand);
            let presence = fresh.map_or(Presence::Absent, Presence::Present);
            let metrics = vec![MetricInput::new("load", presence, Presence::Present(PER_REPLICA))];
            let inputs = Inputs { metrics, evaluated_at: now, replicas: theirs, ready: theirs, ..Inputs::default() };
            let (decision, next) = decide(&policy, &inputs, &state, now);
            state = next;
            state.scaled(now, decision.from, decision.to);
            theirs = decision.to;
            ours = hpa.decide(now, View { replicas: ours, ready: ours });
            prop_assert_eq!(ours, theirs, "at sync {}", place);
        }
    }

    /// The plan covers what is needed a start-up time later, and is the least that does.
    #[test]
    fn a_plan_is_the_largest_need_ahead(needed in prop::collection::vec(0_u32..50, 1..80), ahead in 0_usize..20) {
        let step = Duration::from_secs(15);
        let startup = step * u32::try_from(ahead).unwrap();
        let plan = Plan::new(at(0), step, &needed, startup);
        for place in 0..needed.len() {
            let window = &needed[place..needed.len().min(place + ahead + 1)];
            prop_assert_eq!(Some(plan.at(at(15 * place as u64))), window.iter().copied().max());
        }
    }
}
