//! HPA's rules without a cluster: the scenarios in virtual time, and metrics of single pods, worked by hand.

use std::time::Duration;

use headroom::decision::{
    Behavior, Change, Inputs, MetricInput, Policy, ScalingPolicy, ScalingRules, SelectPolicy, State, decide, per_pod,
    per_pod_utilization,
};
use headroom::demand::Presence;
use headroom::time::Timestamp;
use proptest::prelude::*;
use serde_json::Value;

use super::scenarios::{self, PER_REPLICA, Plateau, Scenario};

/// How often the pure decision is asked, and how long a plateau lasts once nothing moves any more.
const BEAT: Duration = Duration::from_millis(500);
const REST: Duration = Duration::from_secs(3);
/// The longest that a plateau takes to come to rest.
const PLATEAU_MAX: Duration = Duration::from_mins(2);

#[test]
fn each_scenario_goes_its_way_in_virtual_time() {
    let wrong: Vec<String> = scenarios::all().iter().filter_map(|scenario| Walk::new(scenario).all().err()).collect();
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

/// A workload that scales at once, under the pure decision.
struct Walk<'a> {
    scenario: &'a Scenario,
    policy: Policy,
    state: State,
    replicas: u32,
    now: Timestamp,
    went: Vec<u32>,
}

impl<'a> Walk<'a> {
    fn new(scenario: &'a Scenario) -> Self {
        let policy = Policy { behavior: behavior(scenario.behavior), ..Policy::new(scenario.min, scenario.max) };
        let now = Timestamp::from_millis(1_767_225_600_000);
        Self { scenario, policy, state: State::default(), replicas: scenario.start, now, went: Vec::new() }
    }

    fn all(mut self) -> Result<(), String> {
        for plateau in &self.scenario.plateaus {
            self.plateau(plateau);
        }
        let (name, want) = (self.scenario.name, self.scenario.ours());
        if self.went == want { Ok(()) } else { Err(format!("{name}: went {:?}, not {want:?}", self.went)) }
    }

    fn plateau(&mut self, plateau: &Plateau) {
        let begun = self.now;
        let rest = plateau.counts.last().copied();
        let mut moved = begun;
        loop {
            if self.decide(&plateau.values) {
                moved = self.now;
            }
            self.now = self.now + BEAT;
            let lasted = self.now.since(begun);
            let rests = rest.is_none_or(|rest| self.replicas == rest) && self.now.since(moved) >= REST;
            if plateau.lasts.map_or(rests, |lasts| lasted >= lasts) || lasted > PLATEAU_MAX {
                return;
            }
        }
    }

    /// One decision; says whether it moved the workload.
    fn decide(&mut self, values: &[Option<f64>]) -> bool {
        let metrics = values.iter().map(|value| {
            let demand = value.map_or(Presence::Absent, Presence::Present);
            MetricInput::new("load", demand, Presence::Present(PER_REPLICA))
        });
        let inputs =
            Inputs { metrics: metrics.collect(), replicas: self.replicas, ready: self.replicas, ..Inputs::default() };
        let (decision, state) = decide(&self.policy, &inputs, &self.state, self.now);
        self.state = state;
        if decision.to == self.replicas {
            return false;
        }
        self.state.scaled(self.now, self.replicas, decision.to);
        self.replicas = decision.to;
        self.went.push(decision.to);
        true
    }
}

/// HPA's `behavior`, read in the most literal way: the product's own reader is tried side by side with HPA.
fn behavior(yaml: &str) -> Behavior {
    if yaml.is_empty() {
        return Behavior::default();
    }
    let yaml: Value = serde_yaml::from_str(yaml).unwrap();
    Behavior {
        scale_up: rules(&yaml["scaleUp"], ScalingRules::default_up()),
        scale_down: rules(&yaml["scaleDown"], ScalingRules::default_down()),
    }
}

fn rules(yaml: &Value, default: ScalingRules) -> ScalingRules {
    let policies = |list: &Vec<Value>| list.iter().map(policy).collect();
    ScalingRules {
        wanted_for: Duration::ZERO,
        stabilization_window: yaml["stabilizationWindowSeconds"]
            .as_u64()
            .map_or(default.stabilization_window, Duration::from_secs),
        select: match yaml["selectPolicy"].as_str() {
            Some("Min") => SelectPolicy::Min,
            Some("Disabled") => SelectPolicy::Disabled,
            _ => SelectPolicy::Max,
        },
        policies: yaml["policies"].as_array().map_or(default.policies, policies),
        tolerance: yaml["tolerance"].as_str().map_or(default.tolerance, |text| text.parse().unwrap()),
    }
}

fn policy(yaml: &Value) -> ScalingPolicy {
    let value = u32::try_from(yaml["value"].as_u64().unwrap()).unwrap();
    let change = if yaml["type"] == "Pods" { Change::Pods(value) } else { Change::Percent(value) };
    ScalingPolicy { change, period: Duration::from_secs(yaml["periodSeconds"].as_u64().unwrap()) }
}

/// Pods with these values, and so many unready ones and ones without a value, take the count from one to another;
/// the target is 50, the tolerance 10 %.
#[track_caller]
fn check(values: &[f64], (unready, missing): (u32, u32), from: u32, to: u32) {
    assert_eq!(per_pod(values, unready, missing, 50.0, from, 0.1, 0.1), to);
}

#[test]
fn with_all_pods_counted_the_mean_decides() {
    check(&[50.0, 50.0, 50.0], (0, 0), 3, 3);
    check(&[55.0, 55.0, 55.0], (0, 0), 3, 3); // 1.1 times the target: tolerated
    check(&[56.0, 56.0, 56.0], (0, 0), 3, 4); // 1.12 x 3 = 3.36
    check(&[45.0, 45.0, 45.0], (0, 0), 3, 3); // 0.9 times the target: tolerated
    check(&[44.0, 44.0, 44.0], (0, 0), 3, 3); // 0.88 x 3 = 2.64
    check(&[30.0, 30.0, 30.0], (0, 0), 3, 2); // 0.6 x 3 = 1.8
    check(&[10.0, 150.0, 140.0], (0, 0), 3, 6); // a mean of 100
    check(&[0.0, 0.0, 0.0], (0, 0), 3, 0); // the bounds are another layer's
}

#[test]
fn pods_that_do_not_exist_yet_are_not_counted() {
    check(&[100.0, 100.0, 100.0], (0, 0), 5, 6); // 2 x 3
    check(&[60.0, 60.0], (0, 0), 4, 3); // 1.2 x 2 = 2.4: up for the pods that are there, down for those asked for
}

#[test]
fn on_the_way_up_a_pod_without_a_value_does_nothing() {
    check(&[100.0, 100.0, 100.0], (0, 1), 4, 6); // 300 / 4 = 75: 1.5 x 4
    check(&[60.0, 60.0, 60.0], (0, 1), 4, 4); // 180 / 4 = 45: 0.9 is tolerated
    check(&[70.0, 70.0], (0, 2), 4, 4); // 140 / 4 = 35: 0.7 would be down
    check(&[150.0], (0, 1), 5, 5); // 1.5 x 2 = 3: fewer than there are
}

#[test]
fn on_the_way_down_a_pod_without_a_value_does_what_it_should() {
    check(&[20.0, 20.0, 20.0], (0, 1), 4, 3); // (60 + 50) / 4 = 27.5: 0.55 x 4 = 2.2
    check(&[40.0, 40.0, 40.0], (0, 1), 4, 4); // (120 + 50) / 4 = 42.5: 0.85 x 4 = 3.4
    check(&[44.0, 44.0, 44.0], (0, 1), 4, 4); // (132 + 50) / 4 = 45.5: 0.91 is tolerated
    check(&[0.0], (0, 3), 4, 3); // (0 + 150) / 4 = 37.5: 0.75 x 4
    check(&[30.0, 30.0, 30.0, 30.0], (0, 1), 2, 2); // 0.68 x 5 = 3.4: more than there are
    check(&[50.0, 50.0], (0, 2), 4, 4); // exactly the target: nothing is filled in
}

#[test]
fn a_pod_that_is_not_ready_dampens_the_way_up_only() {
    check(&[100.0, 100.0], (2, 0), 4, 4); // 200 / 4 = 50
    check(&[80.0, 80.0], (2, 0), 4, 4); // 160 / 4 = 40: 0.8 would be down
    check(&[200.0, 200.0], (1, 0), 3, 8); // 400 / 3 = 133.3: 2.667 x 3
    check(&[20.0, 20.0], (2, 0), 4, 1); // 0.4 x 2 = 0.8: the unready ones are left out
    check(&[50.0, 50.0], (2, 0), 4, 4);
}

#[test]
fn unready_pods_and_missing_values_come_together() {
    check(&[200.0, 200.0], (1, 1), 4, 8); // 400 / 4 = 100: 2 x 4
    check(&[20.0, 20.0], (1, 1), 4, 2); // (40 + 50) / 3 = 30: 0.6 x 3 = 1.8
    check(&[110.0], (1, 1), 3, 3); // 110 / 3 = 36.7: 0.73 would be down
}

#[test]
fn with_nothing_to_go_by_the_count_stays() {
    check(&[], (0, 0), 3, 3);
    check(&[], (2, 1), 3, 3);
    check(&[f64::NAN, 100.0], (0, 0), 3, 3);
    check(&[-100.0], (0, 0), 3, 3);
    for target in [0.0, -1.0, f64::NAN] {
        assert_eq!(per_pod(&[100.0], 0, 0, target, 3, 0.1, 0.1), 3);
    }
}

#[test]
fn each_direction_has_its_own_tolerance() {
    #[track_caller]
    fn check(values: &[f64], (up, down): (f64, f64), to: u32) {
        assert_eq!(per_pod(values, 0, 0, 50.0, 4, up, down), to);
    }
    check(&[70.0; 4], (0.5, 0.0), 4); // 1.4
    check(&[76.0; 4], (0.5, 0.0), 7); // 1.52 x 4 = 6.08
    check(&[51.0; 4], (0.0, 0.0), 5); // 1.02 x 4 = 4.08
    check(&[37.0; 4], (0.0, 0.3), 4); // 0.74
    check(&[34.0; 4], (0.0, 0.3), 3); // 0.68 x 4 = 2.72
    check(&[37.0; 4], (0.3, 0.0), 3); // 0.74 x 4 = 2.96
}

#[test]
fn an_error_of_floats_adds_no_pod() {
    assert_eq!(per_pod(&[0.1, 0.1, 0.1], 0, 0, 0.1, 3, 0.0, 0.0), 3);
    assert_eq!(per_pod(&[0.3, 0.3, 0.3], 0, 0, 0.1, 3, 0.0, 0.0), 9);
}

#[test]
fn of_a_resource_a_pod_without_a_value_uses_all_that_it_requests() {
    #[track_caller]
    fn check(values: &[f64], target: f64, (unready, missing): (u32, u32), from: u32, to: u32) {
        assert_eq!(per_pod_utilization(values, unready, missing, target, from, 0.1, 0.1), to);
    }
    check(&[0.2, 0.2, 0.2], 0.5, (0, 0), 3, 2); // 0.4 x 3 = 1.2
    check(&[0.2, 0.2, 0.2], 0.5, (0, 1), 4, 4); // (0.6 + 1) / 4 = 40 % of 50 %: 0.8 x 4 = 3.2
    check(&[0.3, 0.3], 0.5, (0, 2), 4, 4); // (0.6 + 2) / 4 = 65 % of 50 %: 1.3 would be up
    check(&[0.4, 0.4, 0.4, 0.4], 0.8, (0, 1), 5, 4); // (1.6 + 1) / 5 = 52 % of 80 %: 0.65 x 5 = 3.25
    check(&[0.6, 0.6, 0.6], 1.5, (0, 1), 4, 3); // (1.8 + 1.5) / 4 = 82.5 % of 150 %: 0.55 x 4 = 2.2
    check(&[1.0, 1.0, 1.0], 0.5, (0, 1), 4, 6); // 3 / 4 = 75 % of 50 %: 1.5 x 4
    check(&[1.0, 1.0], 0.5, (2, 0), 4, 4); // 2 / 4 = 50 %
}

proptest! {
    /// Pods that can't be counted make a move smaller, or none: never larger, never in the other direction.
    #[test]
    fn pods_that_cannot_be_counted_only_ever_dampen(
        values in prop::collection::vec(0.0..200.0_f64, 1..8),
        unready in 0..5_u32,
        missing in 0..5_u32,
        current in 0..12_u32,
        utilization: bool,
    ) {
        let of = if utilization { per_pod_utilization } else { per_pod };
        let total: f64 = values.iter().sum();
        let mean = total / values.len() as f64;
        let counted = of(&values, 0, 0, 50.0, current, 0.0, 0.0);
        let damped = of(&values, unready, missing, 50.0, current, 0.0, 0.0);
        let smaller = if mean > 50.0 { damped <= counted } else { damped >= counted };
        prop_assert!(damped == current || smaller, "{damped} with them, {counted} without");
    }
}
