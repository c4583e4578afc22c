//! HPA v2's documented rules, a case a line.

use super::*;

/// Decides once for a workload of `from` replicas that wanted as many all along, and expects `to`.
#[track_caller]
fn check(behavior: Behavior, from: Replicas, wanted: u32, to: Replicas) {
    let policy = Policy { behavior, ..Policy::new(0, 1000) };
    let demand = Presence::Present(f64::from(wanted) * PER_REPLICA);
    let (decision, _) = decide(&policy, &inputs(from, demand), &State::default(), at(0));
    assert_eq!(decision.to, to, "\n{decision}");
}

/// The moves of a workload that wants `wanted` replicas at a steady beat.
#[track_caller]
fn check_way(behavior: Behavior, from: Replicas, wanted: u32, every: Duration, way: &[Replicas]) {
    let mut world = World::new(Policy { behavior, ..Policy::new(0, 1000) }, from);
    let mut went = Vec::new();
    for _ in way {
        went.push(world.decide(Presence::Present(f64::from(wanted) * PER_REPLICA), true).to);
        world.now = world.now + every;
    }
    assert_eq!(went, way);
}

fn up(rules: ScalingRules) -> Behavior {
    Behavior { scale_up: rules, ..Behavior::default() }
}

fn down(rules: ScalingRules) -> Behavior {
    Behavior { scale_down: rules, ..Behavior::default() }
}

/// Both directions free of windows, policies and tolerance.
fn free() -> Behavior {
    let free = ScalingRules { tolerance: 0.0, ..rules(secs(0), SelectPolicy::Max, &[]) };
    Behavior { scale_up: free.clone(), scale_down: free }
}

#[test]
fn the_default_goes_up_by_four_pods_or_by_as_many_again() {
    check(Behavior::default(), 1, 100, 5);
    check(Behavior::default(), 3, 100, 7);
    check(Behavior::default(), 4, 100, 8);
    check(Behavior::default(), 10, 100, 20);
    check(Behavior::default(), 90, 100, 100);
    check(Behavior::default(), 95, 100, 95);
}

#[test]
fn the_default_comes_down_at_once_after_five_minutes() {
    check_way(Behavior::default(), 80, 10, secs(75), &[80, 80, 80, 80, 10, 10]);
}

#[test]
fn policies_of_different_size_the_larger_change_counts() {
    // The documentation's example: 4 pods or 10 % a minute, so 10 % down to 40 pods and 4 pods from there.
    let behavior = down(rules(secs(0), SelectPolicy::Max, &[pods(4, 60), percent(10, 60)]));
    check_way(behavior.clone(), 80, 10, secs(60), &[72, 64, 57, 51, 45, 40, 36, 32, 28, 24, 20, 16, 12, 10, 10]);
    check(behavior, 45, 1, 40);
}

#[test]
fn select_min_takes_the_smaller_change() {
    let both = [percent(10, 60), pods(5, 60)];
    check(down(rules(secs(0), SelectPolicy::Min, &both)), 80, 10, 75);
    check(down(rules(secs(0), SelectPolicy::Min, &both)), 30, 10, 27);
    check(up(rules(secs(0), SelectPolicy::Min, &both)), 80, 200, 85);
    check(up(rules(secs(0), SelectPolicy::Min, &both)), 30, 200, 33);
}

#[test]
fn a_disabled_direction_never_moves() {
    let disabled = rules(secs(0), SelectPolicy::Disabled, &[percent(100, 15)]);
    check(down(disabled.clone()), 80, 10, 80);
    check(down(disabled.clone()), 80, 100, 100);
    check(up(disabled), 8, 10, 8);
}

#[test]
fn ten_percent_a_minute_limits_the_way_down() {
    let behavior = down(rules(secs(0), SelectPolicy::Max, &[percent(10, 60)]));
    check_way(behavior, 100, 20, secs(30), &[90, 90, 81, 81, 72, 72, 64]);
}

#[test]
fn percentages_round_towards_the_change() {
    check(up(rules(secs(0), SelectPolicy::Max, &[percent(10, 60)])), 3, 9, 4);
    check(up(rules(secs(0), SelectPolicy::Max, &[percent(10, 60)])), 100, 900, 110);
    check(down(rules(secs(0), SelectPolicy::Max, &[percent(10, 60)])), 3, 1, 2);
    check(down(rules(secs(0), SelectPolicy::Max, &[percent(300, 60)])), 3, 0, 0);
}

#[test]
fn without_policies_nothing_limits_the_pace() {
    check(free(), 1, 1000, 1000);
    check(free(), 1000, 0, 0);
    check(down(rules(secs(0), SelectPolicy::Min, &[])), 1000, 0, 0);
}

#[test]
fn a_period_counts_what_was_added_and_removed_within_it() {
    let mut behavior = up(rules(secs(0), SelectPolicy::Max, &[pods(4, 60)]));
    behavior.scale_down = rules(secs(0), SelectPolicy::Max, &[]);
    let mut world = World::new(Policy { behavior, ..Policy::new(1, 100) }, 10);
    let mut go = |seconds: i64, wanted: f64| {
        world.now = at(seconds * 1000);
        world.decide(Presence::Present(wanted * PER_REPLICA), true).to
    };
    assert_eq!(go(0, 20.0), 14);
    assert_eq!(go(30, 20.0), 14, "the policy is used up");
    assert_eq!(go(40, 5.0), 5);
    assert_eq!(go(59, 50.0), 14, "ten at the period's start, and four");
    assert_eq!(go(61, 50.0), 18, "the first four have left the period");
}

#[test]
fn tolerance_counts_for_each_direction() {
    let tolerant = |above: f64, below: f64| {
        let mut behavior = free();
        behavior.scale_up.tolerance = above;
        behavior.scale_down.tolerance = below;
        behavior
    };
    check(tolerant(0.1, 0.1), 10, 11, 10);
    check(tolerant(0.1, 0.1), 10, 9, 10);
    check(tolerant(0.0, 0.1), 10, 11, 11);
    check(tolerant(0.1, 0.0), 10, 9, 9);
    check(tolerant(0.2, 0.0), 10, 12, 10);
    check(tolerant(0.2, 0.0), 10, 13, 13);
}

#[test]
fn replicas_are_the_quotient_rounded_up_but_not_by_an_error_of_floats() {
    #[track_caller]
    fn check(demand: f64, per_replica: f64, to: Replicas) {
        let metric = MetricInput { per_replica: Presence::of(per_replica), ..metric("requests", Presence::of(demand)) };
        let inputs = Inputs { metrics: vec![metric], replicas: 0, ready: 0, ..Inputs::default() };
        let policy = Policy { behavior: free(), ..Policy::new(0, Replicas::MAX) };
        assert_eq!(decide(&policy, &inputs, &State::default(), at(0)).0.to, to);
    }
    check(0.1 * 3.0, 0.1, 3);
    check(0.3, 0.1, 3);
    check(0.31, 0.1, 4);
    check(190.0, 50.0, 4);
    check(0.0, 50.0, 0);
    check(1e-6, 50.0, 1);
    check(1e300, 1e-300, Replicas::MAX);
    check(5e9, 1.0, Replicas::MAX);
}

#[test]
fn the_largest_answer_wins_and_holes_only_stop_the_way_down() {
    #[track_caller]
    fn check(demands: &[Presence], to: Replicas, layer: Layer) {
        let metrics = demands.iter().map(|demand| metric("m", *demand)).collect();
        let inputs = Inputs { metrics, replicas: 4, ready: 4, ..Inputs::default() };
        let policy = Policy { behavior: free(), ..Policy::new(1, 100) };
        let (decision, _) = decide(&policy, &inputs, &State::default(), at(0));
        assert_eq!((decision.to, decision.layer), (to, layer), "\n{decision}");
    }
    let wants = |replicas: f64| Presence::Present(replicas * PER_REPLICA);
    check(&[wants(5.0), wants(7.0), wants(1.0)], 7, Layer::Reactive);
    check(&[wants(2.0), wants(3.0)], 3, Layer::Reactive);
    check(&[wants(7.0), Presence::Absent], 7, Layer::Reactive);
    check(&[wants(2.0), Presence::Absent], 4, Layer::Guards);
    check(&[wants(2.0), Presence::Stale, wants(3.0)], 4, Layer::Guards);
    check(&[Presence::Invalid, Presence::Absent], 4, Layer::Guards);
    check(&[Presence::Present(-1.0)], 4, Layer::Guards);
    // Windows that are filled in part may raise, and do not lower.
    let partial = |replicas: f64| Presence::Partial { value: replicas * PER_REPLICA, coverage: 0.5 };
    check(&[partial(7.0)], 7, Layer::Reactive);
    check(&[partial(2.0)], 4, Layer::Guards);
    check(&[wants(2.0), partial(3.0)], 4, Layer::Guards);
    check(&[Presence::Present(f64::NAN)], 4, Layer::Guards);
    check(&[], 4, Layer::Guards);
}
