//! The state stays small at any pace, and where it has to merge what it keeps, it errs on the cautious side.

use super::*;
use crate::decision::pace::{self, Limit, Pace};
use crate::decision::window::{self, Window};

/// A saw of demand: steps of every size, in an order that repeats only after a long while.
fn noise(beat: u64) -> f64 {
    ((beat * 7919 + beat * beat * 31) % 4001) as f64
}

#[test]
fn an_hour_at_two_hundred_evaluations_a_second_leaves_a_small_state() {
    let mut policy = Policy::new(1, 5000);
    policy.behavior.scale_up = rules(secs(60), SelectPolicy::Max, &[pods(1, 1800)]);
    policy.behavior.scale_down = rules(secs(300), SelectPolicy::Max, &[pods(1, 1800)]);
    let mut world = World::new(policy, 40);
    let mut largest = 0;
    // A hundredth of the hour suffices to go round: what is kept depends on the last five minutes.
    for beat in 0..7200 {
        let falling = if beat < 3600 { noise(beat) } else { 200_000.0 - 20.0 * beat as f64 };
        world.decide(Presence::Present(falling), true);
        world.state.scaled(world.now, 10, 11);
        world.now = world.now + Duration::from_millis(5);
        largest = largest.max(world.state.len());
    }
    assert!(largest <= 2 * window::KEPT_MAX + pace::KEPT_MAX, "{largest}");
    assert!(largest > pace::KEPT_MAX, "the bound was not even reached: {largest}");
}

#[test]
fn a_settled_workload_keeps_one_entry() {
    let mut world = World::new(Policy::new(1, 100), 4);
    for _ in 0..1000 {
        world.decide(Presence::Present(190.0), true);
        world.now = world.now + Duration::from_millis(5);
    }
    assert_eq!(world.state.len(), 1);
}

#[test]
fn a_full_window_is_never_bolder_than_all_that_was_recommended() {
    let length = secs(300);
    let mut window = Window::new(Direction::Down);
    let mut all = Vec::new();
    let steps = 10 * u32::try_from(window::KEPT_MAX).unwrap();
    for step in 0..steps {
        let (now, replicas) = (at(i64::from(step) * 777), 2 * steps - step - step % 3);
        window.record(replicas, now);
        window.expire(length, now);
        all.push((now, replicas));
        let highest = all.iter().filter(|(at, _)| *at + length > now).map(|(_, replicas)| *replicas).max().unwrap();
        let (kept, leaves_at) = window.most_cautious(length).unwrap();
        assert!(kept >= highest && leaves_at > now, "{kept} instead of {highest} at {now}");
    }
}

#[test]
fn a_full_pace_is_never_wider_than_all_that_changed() {
    let mut pace = Pace::default();
    let mut counts = vec![(at(0), 1000)];
    let policies = [pods(50, 600), pods(50, 300)];
    for step in 1..10 * i64::try_from(pace::KEPT_MAX).unwrap() {
        let now = at(step * 650);
        let from = counts.last().unwrap().1;
        for (direction, policy) in [(Direction::Up, policies[0]), (Direction::Down, policies[1])] {
            let rules = rules(secs(0), SelectPolicy::Max, &[policy]);
            let Limit::At(limit, _) = pace.limit(&rules, direction, from, now) else { panic!("a policy limits") };
            let start = counts.iter().rfind(|(at, _)| *at <= now - policy.period).unwrap_or(&counts[0]).1;
            let exact = if direction == Direction::Up { start + 50 } else { start - 50 };
            let exact = direction.further(exact, from);
            assert_eq!(direction.nearer(limit, exact), limit, "{limit} beyond {exact} at {now}");
        }
        let to = if step % 7 == 0 { from - 6 } else { from + 1 };
        pace.record(now, from, to);
        pace.expire(secs(600), now);
        counts.push((now, to));
    }
}

#[test]
fn clocks_that_go_backwards_and_extreme_numbers_harm_nothing() {
    let mut policy = Policy::new(0, Replicas::MAX);
    policy.behavior.scale_up =
        rules(Duration::MAX, SelectPolicy::Min, &[percent(u32::MAX, u64::MAX), pods(u32::MAX, 0)]);
    policy.behavior.scale_down =
        rules(Duration::MAX, SelectPolicy::Min, &[percent(u32::MAX, u64::MAX), pods(u32::MAX, 0)]);
    policy.cooldown = Duration::MAX;
    let mut world = World::new(policy, 1);
    for ms in [0, i64::MAX, i64::MIN, -5, 5] {
        world.now = at(ms);
        world.state.scaled(at(ms), 0, Replicas::MAX);
        world.state.scaled(at(ms), Replicas::MAX, 0);
        for demand in [f64::MAX, f64::MIN_POSITIVE, 0.0, f64::INFINITY, f64::NEG_INFINITY] {
            for replicas in [0, 1, Replicas::MAX] {
                world.replicas = replicas;
                let decision = world.decide(Presence::Present(demand), true);
                assert_eq!(decision.steps.len(), Layer::ALL.len());
            }
        }
    }
}

#[test]
fn a_maximum_below_the_minimum_wins() {
    for found in [1, 3, 5, 9] {
        let (decision, _) = decide(&Policy::new(8, 3), &inputs(found, Presence::of(300.0)), &State::default(), at(0));
        assert_eq!(decision.to, 3);
    }
}
