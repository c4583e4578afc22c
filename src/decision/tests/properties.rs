//! What must hold for every policy and every history. `PROPTEST_CASES=10000` looks harder.

use proptest::collection::vec;
use proptest::prelude::*;

use super::model::Model;
use super::*;

fn any_rules() -> impl Strategy<Value = ScalingRules> {
    let policy = (prop_oneof![(1..9u32).prop_map(Change::Pods), (1..200u32).prop_map(Change::Percent)], 1..120u64)
        .prop_map(|(change, period)| ScalingPolicy { change, period: secs(period) });
    let select =
        prop_oneof![5 => Just(SelectPolicy::Max), 5 => Just(SelectPolicy::Min), 1 => Just(SelectPolicy::Disabled)];
    let window = prop_oneof![Just(0u64), Just(15), Just(60), Just(300)].prop_map(secs);
    let tolerance = prop_oneof![Just(0.0), Just(0.1), Just(0.25)];
    (window, select, vec(policy, 0..4), tolerance).prop_map(|(stabilization_window, select, policies, tolerance)| {
        ScalingRules { stabilization_window, select, policies, tolerance, wanted_for: Duration::ZERO }
    })
}

pub(super) fn any_policy() -> impl Strategy<Value = Policy> {
    let cooldown = prop_oneof![Just(0u64), Just(30), Just(90)].prop_map(secs);
    (0..5u32, 0..40u32, any_rules(), any_rules(), cooldown).prop_map(|(min, more, scale_up, scale_down, cooldown)| {
        Policy { behavior: Behavior { scale_up, scale_down }, cooldown, ..Policy::new(min, min + more) }
    })
}

fn any_demand() -> impl Strategy<Value = f64> {
    prop_oneof![3 => 0.0..2500.0, 1 => (0..50u32).prop_map(|replicas| f64::from(replicas) * PER_REPLICA)]
}

fn any_hole() -> impl Strategy<Value = Presence> {
    prop_oneof![
        Just(Presence::Absent),
        Just(Presence::Stale),
        Just(Presence::Invalid),
        any_demand().prop_map(|value| Presence::Partial { value, coverage: 0.4 }),
        Just(Presence::Present(f64::NAN)),
        Just(Presence::Present(-3.0)),
    ]
}

pub(super) fn any_presence() -> impl Strategy<Value = Presence> {
    prop_oneof![5 => any_demand().prop_map(Presence::Present), 1 => any_hole()]
}

/// One evaluation: how long after the last, the demand, and whether the cluster follows.
#[derive(Debug, Clone)]
struct Beat {
    after: Duration,
    demand: Presence,
    acts: bool,
}

fn any_history() -> impl Strategy<Value = Vec<Beat>> {
    let after = prop_oneof![1..1000u64, 1000..60_000u64, Just(15_000u64), 60_000..600_000u64];
    let beat = (after, any_presence(), prop::bool::weighted(0.8)).prop_map(|(after, demand, acts)| Beat {
        after: Duration::from_millis(after),
        demand,
        acts,
    });
    vec(beat, 0..60)
}

/// A world within its bounds that has lived through a history.
fn any_world() -> impl Strategy<Value = World> {
    (any_policy(), any_history(), any::<prop::sample::Index>()).prop_map(|(policy, history, start)| {
        let mut world = within_bounds(policy, start);
        for beat in history {
            world.now = world.now + beat.after;
            world.decide(beat.demand, beat.acts);
        }
        world.now = world.now + Duration::from_millis(1);
        world
    })
}

fn within_bounds(policy: Policy, start: prop::sample::Index) -> World {
    let span = (policy.max - policy.min + 1) as usize;
    let replicas = policy.min + Replicas::try_from(start.index(span)).unwrap();
    World::new(policy, replicas)
}

/// What `reactive` and `bounds` want: the formula, told once more.
fn wanted(policy: &Policy, from: Replicas, demand: f64) -> Replicas {
    let quotient = demand / PER_REPLICA;
    let ratio = quotient / f64::from(from);
    let Behavior { scale_up, scale_down } = &policy.behavior;
    let tolerated =
        from > 0 && ratio <= 1.0 + scale_up.tolerance + 1e-12 && ratio >= 1.0 - scale_down.tolerance - 1e-12;
    let wanted =
        if tolerated { from } else { (0..=100).find(|replicas| f64::from(*replicas) >= quotient - 1e-9).unwrap() };
    wanted.clamp(policy.min, policy.max)
}

/// The count at `then`, in a history of counts.
fn count_at(counts: &[(Timestamp, Replicas)], then: Timestamp) -> Replicas {
    counts.iter().rfind(|(at, _)| *at <= then).unwrap_or(&counts[0]).1
}

/// Whether a move keeps one policy, from the count that there really was at the period's start.
fn keeps(policy: ScalingPolicy, direction: Direction, start: Replicas, to: Replicas) -> bool {
    let (start, to) = (u64::from(start), u64::from(to));
    match (direction, policy.change) {
        (Direction::Up, Change::Pods(pods)) => to <= start + u64::from(pods),
        (Direction::Up, Change::Percent(percent)) => {
            to <= (start * (100 + u64::from(percent))).div_ceil(100) || (start == 0 && to == 1)
        }
        (Direction::Down, Change::Pods(pods)) => to + u64::from(pods) >= start,
        (Direction::Down, Change::Percent(percent)) => to + 1 > start * 100u64.saturating_sub(percent.into()) / 100,
    }
}

fn obeys(rules: &ScalingRules, direction: Direction, to: Replicas, start: impl Fn(Duration) -> Replicas) -> bool {
    let mut kept = rules.policies.iter().map(|policy| keeps(*policy, direction, start(policy.period), to));
    match rules.select {
        SelectPolicy::Disabled => false,
        _ if rules.policies.is_empty() => true,
        SelectPolicy::Max => kept.any(|kept| kept),
        SelectPolicy::Min => kept.all(|kept| kept),
    }
}

proptest! {
    #[test]
    fn says_what_the_naive_model_says(policy in any_policy(), history in any_history(), start: prop::sample::Index) {
        let mut world = within_bounds(policy.clone(), start);
        let mut model = Model::default();
        for beat in history {
            world.now = world.now + beat.after;
            // Holes are for the other properties: the model knows no silence.
            let Presence::Present(demand @ 0.0..) = beat.demand else { continue };
            let from = world.replicas;
            let want = model.decide(&policy, from, wanted(&policy, from, demand), demand > 0.0, world.now);
            let decision = world.decide(beat.demand, beat.acts);
            prop_assert_eq!(decision.to, want, "\n{}", decision);
            if beat.acts && decision.changes() {
                model.scaled(world.now, from, decision.to);
            }
        }
    }

    #[test]
    fn never_leaves_the_bounds(mut world in any_world(), demand in any_presence()) {
        let decision = world.decide(demand, true);
        prop_assert!((world.policy.min..=world.policy.max).contains(&decision.to), "\n{}", decision);
    }

    #[test]
    fn returns_into_the_bounds_at_once(mut world in any_world(), demand in any_presence(), found in 1..100u32) {
        world.replicas = found;
        let decision = world.decide(demand, true);
        prop_assert!((world.policy.min..=world.policy.max).contains(&decision.to), "\n{}", decision);
    }

    #[test]
    fn never_goes_down_on_absent_data(
        world in any_world(),
        demands in vec(any_presence(), 0..4),
        hole in any_hole(),
        found in 0..100u32,
        per_replica: bool,
    ) {
        let mut metrics: Vec<MetricInput> = demands.into_iter().map(|demand| metric("requests", demand)).collect();
        let mut missing = metric("hole", Presence::Present(0.0));
        if per_replica { missing.per_replica = hole } else { missing.demand = hole }
        metrics.insert(metrics.len() / 2, missing);
        let inputs = Inputs { metrics, replicas: found, ready: found, ..Inputs::default() };
        let (decision, _) = decide(&world.policy, &inputs, &world.state, world.now);
        prop_assert!(decision.to >= found.min(world.policy.max), "\n{}", decision);
    }

    #[test]
    fn the_same_input_gives_the_same_output(world in any_world(), demand in any_presence()) {
        let inputs = inputs(world.replicas, demand);
        let once = decide(&world.policy, &inputs, &world.state, world.now);
        let again = decide(&world.policy, &inputs, &world.state, world.now);
        prop_assert_eq!(format!("{once:?}"), format!("{again:?}"));
    }

    #[test]
    fn no_policy_is_exceeded_over_its_period(policy in any_policy(), history in any_history(), start: prop::sample::Index) {
        let mut world = within_bounds(policy.clone(), start);
        let mut counts = vec![(Timestamp::MIN, world.replicas)];
        for beat in history {
            world.now = world.now + beat.after;
            let decision = world.decide(beat.demand, beat.acts);
            let now = world.now;
            if let Some(direction) = Direction::of(decision.from, decision.to) {
                let rules = policy.behavior.toward(direction);
                let obeys = obeys(rules, direction, decision.to, |period| count_at(&counts, now - period));
                prop_assert!(obeys, "{:?}\n{}", counts, decision);
            }
            counts.push((world.now, world.replicas));
        }
    }

    #[test]
    fn a_cooldown_bars_every_move_down(policy in any_policy(), history in any_history(), start: prop::sample::Index) {
        let mut world = within_bounds(policy.clone(), start);
        let mut scaled_at = None;
        for beat in history {
            world.now = world.now + beat.after;
            let decision = world.decide(beat.demand, true);
            if decision.to < decision.from && let Some(scaled_at) = scaled_at {
                prop_assert!(world.now.since(scaled_at) >= policy.cooldown, "\n{}", decision);
            }
            if decision.changes() {
                scaled_at = Some(world.now);
            }
        }
    }

    #[test]
    fn a_settled_workload_stays_settled(mut world in any_world(), demand in any_demand()) {
        // By then every window, period and cooldown has passed, and 200 moves reach any count within the bounds.
        for _ in 0..200 {
            world.now = world.now + secs(301);
            world.decide(Presence::Present(demand), true);
        }
        for _ in 0..20 {
            world.now = world.now + secs(7);
            let decision = world.decide(Presence::Present(demand), true);
            prop_assert_eq!(decision.to, decision.from, "\n{}", decision);
            prop_assert!(decision.to == wanted(&world.policy, decision.from, demand) || decision.layer == Layer::Stability);
        }
    }

    #[test]
    fn more_demand_never_means_fewer_replicas(world in any_world(), one in any_demand(), other in any_demand()) {
        let (less, more) = (one.min(other), one.max(other));
        let to = |demand| {
            let inputs = inputs(world.replicas, Presence::Present(demand));
            decide(&world.policy, &inputs, &world.state, world.now).0.to
        };
        prop_assert!(to(less) <= to(more));
    }

    #[test]
    fn the_answer_stays_until_it_is_to_be_revisited(
        mut world in any_world(),
        demand in any_presence(),
        moments in vec(0.0..1.0f64, 1..6),
    ) {
        let decision = world.decide(demand, false);
        // Where time changes nothing, look an hour ahead: longer than all windows and periods here.
        let until = decision.revisit_at.unwrap_or(world.now + secs(3600));
        prop_assert!(until > world.now);
        let wait = until.since(world.now).as_secs_f64();
        let mut moments: Vec<f64> = moments.into_iter().chain([1.0]).collect();
        moments.sort_by(f64::total_cmp);
        let start = world.now;
        for moment in moments {
            // The last millisecond before it is to be revisited is the hardest.
            world.now = (start + Duration::from_secs_f64(wait * moment)).min(until - Duration::from_millis(1));
            let (later, state) = decide(&world.policy, &inputs(world.replicas, demand), &world.state, world.now);
            prop_assert_eq!(later.to, decision.to, "at {} instead of {}\n{}", world.now, start, later);
            world.state = state;
        }
    }

    #[test]
    fn revisiting_alone_reaches_what_is_wanted(mut world in any_world(), demand in any_demand()) {
        let Behavior { scale_up, scale_down } = &mut world.policy.behavior;
        for rules in [scale_up, scale_down].into_iter().filter(|rules| rules.select == SelectPolicy::Disabled) {
            rules.select = SelectPolicy::Max;
        }
        for _ in 0..2000 {
            let decision = world.decide(Presence::Present(demand), true);
            if !decision.changes() {
                let Some(revisit_at) = decision.revisit_at else { break };
                world.now = revisit_at;
            }
        }
        prop_assert_eq!(world.replicas, wanted(&world.policy, world.replicas, demand));
    }
}
