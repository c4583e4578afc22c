//! What must hold whatever all six layers are given. `PROPTEST_CASES=100000` looks harder.

use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;

use super::economy::{Per, Resource};
use super::properties::{any_policy, any_presence};
use super::*;
use crate::workload::Trouble;

/// A policy with everything that HPA does not have, but for what lets an operator lower a count without data.
fn any_full_policy() -> impl Strategy<Value = Policy> {
    let seconds = || prop_oneof![3 => Just(0u64), 1 => Just(30), 1 => Just(200)].prop_map(secs);
    let flaps = option::of((1..4u32, 60..900u64).prop_map(|(max, per)| FlapBudget { max, per: secs(per) }));
    (any_policy(), seconds(), seconds(), seconds(), 0..4u32, flaps).prop_map(
        |(mut policy, up_for, down_for, initial_cooldown, dead_band, flaps)| {
            policy.behavior.scale_up.wanted_for = up_for;
            policy.behavior.scale_down.wanted_for = down_for;
            Policy { initial_cooldown, dead_band, flaps, ..policy }
        },
    )
}

fn any_metric() -> impl Strategy<Value = MetricInput> {
    let hold = option::of((0.0..3000.0f64).prop_map(|demand| Hold { demand, by: at(0) }));
    let trust = prop_oneof![0.0..1.0f64, Just(f64::NAN)];
    let outlook = (0.0..3000.0f64, hold, trust).prop_map(|(demand, hold, trust)| Outlook {
        demand,
        quantile: 0.9,
        by: at(0),
        hold,
        trust,
        model: "ets".into(),
    });
    let targets =
        (0..9u32, 0..9u32).prop_map(|(silent, reporting)| Targets { reporting, expected: reporting + silent });
    (
        any_presence(),
        option::of(outlook),
        option::of(targets),
        option::of(-9.0..9.0f64),
        0..3u32,
        prop::bool::weighted(0.1),
    )
        .prop_map(|(demand, outlook, targets, z_score, activation, absolute)| MetricInput {
            outlook,
            targets,
            z_score,
            activation: f64::from(activation) * 20.0,
            absolute,
            ..metric("requests", demand)
        })
}

fn any_calendar() -> impl Strategy<Value = Calendar> {
    let bound = || option::weighted(0.3, (0..50u32, Just("schedule".into())));
    let event = option::weighted(0.2, (0.0..4.0f64).prop_map(|times| planned("event", times, at(100_000))));
    (bound(), bound(), prop_oneof![3 => Just(1.0), 1 => 0.5..3.0f64], event)
        .prop_map(|(floor, ceiling, multiplier, event)| Calendar { floor, ceiling, multiplier, event })
}

fn any_cap() -> impl Strategy<Value = Cap> {
    prop_oneof![
        (0..50u32).prop_map(|affords| Cap::Budget { affords, spent: 1.0, budget: 2.0, per: Per::Day }),
        (0..50u32).prop_map(|granted| Cap::Share { granted, group: "g".into(), resource: Resource::Cpu }),
    ]
}

/// Everything but what a person asks for by hand.
fn any_inputs() -> impl Strategy<Value = Inputs> {
    let freeze = option::weighted(0.2, Just(Freeze::Breaker { down: 9, of: 10 }));
    let trouble =
        (0..3u32, 0..3u32).prop_map(|(crash_looping, unschedulable)| Trouble { crash_looping, unschedulable });
    (vec(any_metric(), 0..4), 0..60u32, trouble, any_calendar(), vec(any_cap(), 0..3), freeze, any::<u16>()).prop_map(
        |(metrics, replicas, trouble, calendar, caps, freeze, evaluated)| Inputs {
            metrics,
            evaluated_at: at(i64::from(evaluated)),
            replicas,
            ready: replicas,
            trouble,
            calendar,
            caps,
            freeze,
            manual: None,
            rollback: None,
        },
    )
}

/// A workload that has lived through a history, and what it is given next.
#[derive(Debug)]
struct Moment {
    policy: Policy,
    state: State,
    inputs: Inputs,
    now: Timestamp,
}

impl Moment {
    fn decide(&self) -> (Decision, State) {
        decide(&self.policy, &self.inputs, &self.state, self.now)
    }

    /// The bounds of this moment, told once more: a floor within the maximum, a ceiling not below the floor.
    fn bounds(&self) -> (Replicas, Replicas) {
        let Calendar { floor, ceiling, .. } = &self.inputs.calendar;
        let floor = floor.as_ref().map_or(0, |(floor, _)| (*floor).min(self.policy.max));
        let floor = if floor > self.policy.min { floor } else { 0 };
        let max = ceiling.as_ref().map_or(self.policy.max, |(ceiling, _)| (*ceiling).max(floor).min(self.policy.max));
        (self.policy.min.max(floor).min(max), max)
    }
}

fn any_moment() -> impl Strategy<Value = Moment> {
    let beat = (any_inputs(), 1..400_000u64, prop::bool::weighted(0.8));
    (any_full_policy(), vec(beat, 0..30), any_inputs()).prop_map(|(policy, history, inputs)| {
        let mut moment = Moment { policy, state: State::default(), inputs, now: at(0) };
        let mut replicas = None;
        for (inputs, after_ms, acts) in history {
            moment.now = moment.now + Duration::from_millis(after_ms);
            let replicas = replicas.get_or_insert(inputs.replicas);
            let inputs = Inputs { replicas: *replicas, ready: *replicas, ..inputs };
            let (decision, state) = decide(&moment.policy, &inputs, &moment.state, moment.now);
            moment.state = state;
            if acts {
                moment.state.scaled(moment.now, decision.from, decision.to);
                *replicas = decision.to;
            }
        }
        moment.now = moment.now + Duration::from_millis(1);
        if let Some(replicas) = replicas {
            (moment.inputs.replicas, moment.inputs.ready) = (replicas, replicas);
        }
        moment
    })
}

proptest! {
    #[test]
    fn every_step_takes_what_the_one_before_it_wants(moment in any_moment()) {
        let (decision, _) = moment.decide();
        prop_assert_eq!(decision.steps.len(), Layer::ALL.len());
        let mut given = decision.from;
        for (step, layer) in decision.steps.iter().zip(Layer::ALL) {
            prop_assert_eq!((step.layer, step.given), (layer, given), "\n{}", decision);
            given = step.wants;
        }
        prop_assert_eq!(decision.to, given);
        prop_assert!(decision.decisive().is_some());
    }

    #[test]
    fn the_bounds_of_the_moment_are_kept(moment in any_moment()) {
        let (decision, _) = moment.decide();
        let (min, max) = moment.bounds();
        let off = decision.from == 0 && decision.steps.iter().any(|step| step.reason == Reason::SwitchedOff);
        prop_assert!(off || (min..=max).contains(&decision.to), "{}..{}\n{}", min, max, decision);
        prop_assert!(!off || decision.to == 0, "\n{}", decision);
    }

    #[test]
    fn nothing_goes_down_on_holes_a_drop_or_a_freeze(mut moment in any_moment(), which in 0..4u8) {
        match which {
            0 => moment.inputs.metrics.push(metric("hole", Presence::Absent)),
            1 => moment.inputs.metrics.push(MetricInput { targets: Some(Targets { reporting: 1, expected: 3 }), ..metric("few", Presence::Present(0.0)) }),
            2 => moment.inputs.metrics.push(MetricInput { z_score: Some(-3.5), ..metric("fell", Presence::Present(0.0)) }),
            _ => moment.inputs.freeze = Some(Freeze::Ingestion { part: 0.1 }),
        }
        // What the operator wrote as the most there may be holds whatever the data says; money is no such word.
        let (decision, _) = moment.decide();
        let (_, max) = moment.bounds();
        prop_assert!(decision.to >= decision.from.min(max), "\n{}", decision);
    }

    #[test]
    fn a_frozen_fleet_never_goes_down_by_a_fallback_or_a_rollback(
        mut moment in any_moment(),
        (after, replicas) in (1..3u32, 0..40u32),
        (good, bad) in (0..40u32, 0..40u32),
        gone: bool,
    ) {
        let behavior = FallbackBehavior::Static;
        moment.policy.fallback = Some(Fallback { after, every: Duration::ZERO, replicas, behavior });
        if gone {
            moment.inputs.metrics.push(metric("gone", Presence::Stale));
        } else {
            let until = moment.now + secs(60);
            moment.inputs.rollback = Some(Rollback { good, bad, until, why: "".into() });
        }
        moment.inputs.freeze = Some(Freeze::Ingestion { part: 0.1 });
        for _ in 0..4 {
            moment.inputs.evaluated_at = moment.now;
            let (decision, state) = moment.decide();
            let (_, max) = moment.bounds();
            prop_assert!(decision.to >= decision.from.min(max), "\n{}", decision);
            (moment.state, moment.now) = (state, moment.now + secs(1));
        }
    }

    #[test]
    fn no_forecast_means_fewer_replicas(moment in any_moment()) {
        let mut blind = Moment { inputs: moment.inputs.clone(), policy: moment.policy.clone(), state: moment.state.clone(), ..moment };
        blind.inputs.metrics.iter_mut().for_each(|metric| metric.outlook = None);
        // Nothing is calmed here, so that the wishes themselves are compared.
        let wish = |moment: &Moment| moment.decide().0.steps[1].wants;
        prop_assert!(wish(&moment) >= wish(&blind));
    }

    #[test]
    fn the_same_moment_is_decided_the_same_way(moment in any_moment()) {
        prop_assert_eq!(format!("{:?}", moment.decide()), format!("{:?}", moment.decide()));
    }

    #[test]
    fn a_journalled_state_decides_the_same_way(moment in any_moment()) {
        let (decision, state) = moment.decide();
        let kept: State = serde_json::from_str(&serde_json::to_string(&moment.state).unwrap()).unwrap();
        prop_assert_eq!(decide(&moment.policy, &moment.inputs, &kept, moment.now), (decision.clone(), state));
        let read: Decision = serde_json::from_str(&serde_json::to_string(&decision).unwrap()).unwrap();
        prop_assert_eq!(read.to_string(), decision.to_string());
    }

    #[test]
    fn a_pause_and_a_rollback_mean_what_they_say(mut moment in any_moment(), good in 0..40u32, bad in 0..40u32) {
        let until = moment.now + secs(60);
        moment.inputs.rollback = Some(Rollback { good, bad, until, why: "".into() });
        let (decision, _) = moment.decide();
        let (min, max) = moment.bounds();
        if bad > good && !decision.steps[2].reason.to_string().contains("rose suddenly") {
            prop_assert!(decision.to <= good.max(min).max(decision.from), "\n{}", decision);
        }
        moment.inputs.rollback = None;
        moment.policy.pause = Some(Pause { at: Some(good), reason: "".into() });
        prop_assert_eq!(moment.decide().0.to, good);
        let _ = max;
    }
}
