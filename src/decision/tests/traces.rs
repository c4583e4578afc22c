//! A trace in, decision lines out. A word is an evaluation: the demand, or `_` absent, `~` stale, `!` invalid; `x3` after
//! it repeats it. `@7` says that someone else set the replicas.

use std::fmt::Write as _;

use expect_test::{Expect, expect};

use super::*;

/// Two replicas within 2..60 with HPA's default behavior, one minute a word.
#[track_caller]
fn check(trace: &str, want: Expect) {
    check_with(World::new(Policy::new(2, 60), 2), secs(60), trace, want);
}

#[track_caller]
fn check_with(mut world: World, every: Duration, trace: &str, want: Expect) {
    let mut lines = String::new();
    for word in trace.split_whitespace() {
        if let Some(replicas) = word.strip_prefix('@') {
            world.replicas = replicas.parse().unwrap();
            continue;
        }
        let (word, times) = word.split_once('x').map_or((word, 1), |(word, times)| (word, times.parse().unwrap()));
        for _ in 0..times {
            let decision = world.decide(presence(word), true);
            let clock = world.now.as_millis() / 1000;
            let change = format!("{:>2} -> {}", decision.from, decision.to);
            let (minutes, seconds) = (clock / 60, clock % 60);
            let _ = write!(lines, "{minutes:02}:{seconds:02} demand={word:<4} {change:<9}");
            let _ = writeln!(lines, " {}", decision.summary());
            world.now = world.now + every;
        }
    }
    want.assert_eq(&lines);
}

fn presence(word: &str) -> Presence {
    match word {
        "_" => Presence::Absent,
        "~" => Presence::Stale,
        "!" => Presence::Invalid,
        number => Presence::of(number.parse().unwrap()),
    }
}

#[test]
fn scales_up_at_once_and_down_after_the_window() {
    check(
        "90 150 470 470 90x7",
        expect![[r#"
        00:00 demand=90    2 -> 2   requests 90 / 50 = 2
        01:00 demand=150   2 -> 3   requests 150 / 50 = 3
        02:00 demand=470   3 -> 7   stability: 4 pods per 15s allows 7
        03:00 demand=470   7 -> 10  requests 470 / 50 = 10
        04:00 demand=90   10 -> 10  stability: 10 within 5m
        05:00 demand=90   10 -> 10  stability: 10 within 5m
        06:00 demand=90   10 -> 10  stability: 10 within 5m
        07:00 demand=90   10 -> 10  stability: 10 within 5m
        08:00 demand=90   10 -> 2   requests 90 / 50 = 2
        09:00 demand=90    2 -> 2   requests 90 / 50 = 2
        10:00 demand=90    2 -> 2   requests 90 / 50 = 2
    "#]],
    );
}

#[test]
fn absent_data_holds_whatever_came_before() {
    check(
        "470 470 _ ~ ! 90x6",
        expect![[r#"
        00:00 demand=470   2 -> 6   stability: 4 pods per 15s allows 6
        01:00 demand=470   6 -> 10  requests 470 / 50 = 10
        02:00 demand=_    10 -> 10  guards: requests demand absent
        03:00 demand=~    10 -> 10  guards: requests demand stale
        04:00 demand=!    10 -> 10  guards: requests demand invalid
        05:00 demand=90   10 -> 10  stability: 10 within 5m
        06:00 demand=90   10 -> 10  stability: 10 within 5m
        07:00 demand=90   10 -> 10  stability: 10 within 5m
        08:00 demand=90   10 -> 10  stability: 10 within 5m
        09:00 demand=90   10 -> 2   requests 90 / 50 = 2
        10:00 demand=90    2 -> 2   requests 90 / 50 = 2
    "#]],
    );
}

#[test]
fn a_gap_lengthens_the_window_by_itself_alone() {
    check(
        "470 470 90x3 _ 90 _ 90x3",
        expect![[r#"
        00:00 demand=470   2 -> 6   stability: 4 pods per 15s allows 6
        01:00 demand=470   6 -> 10  requests 470 / 50 = 10
        02:00 demand=90   10 -> 10  stability: 10 within 5m
        03:00 demand=90   10 -> 10  stability: 10 within 5m
        04:00 demand=90   10 -> 10  stability: 10 within 5m
        05:00 demand=_    10 -> 10  guards: requests demand absent
        06:00 demand=90   10 -> 10  stability: 10 within 5m
        07:00 demand=_    10 -> 10  guards: requests demand absent
        08:00 demand=90   10 -> 2   requests 90 / 50 = 2
        09:00 demand=90    2 -> 2   requests 90 / 50 = 2
        10:00 demand=90    2 -> 2   requests 90 / 50 = 2
    "#]],
    );
}

#[test]
fn a_long_silence_counts_for_nothing_in_the_window() {
    check(
        "470 470 _x6 90x6",
        expect![[r#"
        00:00 demand=470   2 -> 6   stability: 4 pods per 15s allows 6
        01:00 demand=470   6 -> 10  requests 470 / 50 = 10
        02:00 demand=_    10 -> 10  guards: requests demand absent
        03:00 demand=_    10 -> 10  guards: requests demand absent
        04:00 demand=_    10 -> 10  guards: requests demand absent
        05:00 demand=_    10 -> 10  guards: requests demand absent
        06:00 demand=_    10 -> 10  guards: requests demand absent
        07:00 demand=_    10 -> 10  guards: requests demand absent
        08:00 demand=90   10 -> 10  stability: 10 within 5m
        09:00 demand=90   10 -> 10  stability: 10 within 5m
        10:00 demand=90   10 -> 10  stability: 10 within 5m
        11:00 demand=90   10 -> 10  stability: 10 within 5m
        12:00 demand=90   10 -> 2   requests 90 / 50 = 2
        13:00 demand=90    2 -> 2   requests 90 / 50 = 2
    "#]],
    );
}

#[test]
fn a_restart_holds_what_it_finds_for_a_window() {
    check_with(
        World::new(Policy::new(2, 60), 9),
        secs(60),
        "90x7",
        expect![[r#"
        00:00 demand=90    9 -> 9   stability: 9 within 5m
        01:00 demand=90    9 -> 9   stability: 9 within 5m
        02:00 demand=90    9 -> 9   stability: 9 within 5m
        03:00 demand=90    9 -> 9   stability: 9 within 5m
        04:00 demand=90    9 -> 9   stability: 9 within 5m
        05:00 demand=90    9 -> 2   requests 90 / 50 = 2
        06:00 demand=90    2 -> 2   requests 90 / 50 = 2
    "#]],
    );
}

#[test]
fn a_dip_shorter_than_the_window_scales_nothing() {
    check(
        "470 470 90x4 470 90x4",
        expect![[r#"
        00:00 demand=470   2 -> 6   stability: 4 pods per 15s allows 6
        01:00 demand=470   6 -> 10  requests 470 / 50 = 10
        02:00 demand=90   10 -> 10  stability: 10 within 5m
        03:00 demand=90   10 -> 10  stability: 10 within 5m
        04:00 demand=90   10 -> 10  stability: 10 within 5m
        05:00 demand=90   10 -> 10  stability: 10 within 5m
        06:00 demand=470  10 -> 10  requests 470 / 50 = 10
        07:00 demand=90   10 -> 10  stability: 10 within 5m
        08:00 demand=90   10 -> 10  stability: 10 within 5m
        09:00 demand=90   10 -> 10  stability: 10 within 5m
        10:00 demand=90   10 -> 10  stability: 10 within 5m
    "#]],
    );
}

#[test]
fn the_default_policies_double_or_add_four_each_quarter_of_a_minute() {
    let world = World::new(Policy::new(1, 60), 1);
    check_with(
        world,
        secs(5),
        "2000x14",
        expect![[r#"
        00:00 demand=2000  1 -> 5   stability: 4 pods per 15s allows 5
        00:05 demand=2000  5 -> 5   stability: 4 pods per 15s used up
        00:10 demand=2000  5 -> 5   stability: 4 pods per 15s used up
        00:15 demand=2000  5 -> 10  stability: 100% per 15s allows 10
        00:20 demand=2000 10 -> 10  stability: 100% per 15s used up
        00:25 demand=2000 10 -> 10  stability: 100% per 15s used up
        00:30 demand=2000 10 -> 20  stability: 100% per 15s allows 20
        00:35 demand=2000 20 -> 20  stability: 100% per 15s used up
        00:40 demand=2000 20 -> 20  stability: 100% per 15s used up
        00:45 demand=2000 20 -> 40  requests 2000 / 50 = 40
        00:50 demand=2000 40 -> 40  requests 2000 / 50 = 40
        00:55 demand=2000 40 -> 40  requests 2000 / 50 = 40
        01:00 demand=2000 40 -> 40  requests 2000 / 50 = 40
        01:05 demand=2000 40 -> 40  requests 2000 / 50 = 40
    "#]],
    );
}

#[test]
fn a_cooldown_bars_moves_down_after_any_move() {
    let mut policy = Policy::new(1, 60);
    policy.behavior.scale_down = rules(secs(0), SelectPolicy::Max, &[]);
    policy.cooldown = secs(60);
    let world = World::new(policy, 4);
    check_with(
        world,
        secs(20),
        "400 350 300x3 200x4 800",
        expect![[r#"
        00:00 demand=400   4 -> 8   requests 400 / 50 = 8
        00:20 demand=350   8 -> 8   stability: cooldown 1m, scaled 20s ago
        00:40 demand=300   8 -> 8   stability: cooldown 1m, scaled 40s ago
        01:00 demand=300   8 -> 6   requests 300 / 50 = 6
        01:20 demand=300   6 -> 6   requests 300 / 50 = 6
        01:40 demand=200   6 -> 6   stability: cooldown 1m, scaled 40s ago
        02:00 demand=200   6 -> 4   requests 200 / 50 = 4
        02:20 demand=200   4 -> 4   requests 200 / 50 = 4
        02:40 demand=200   4 -> 4   requests 200 / 50 = 4
        03:00 demand=800   4 -> 8   stability: 100% per 15s allows 8
    "#]],
    );
}

#[test]
fn a_count_that_others_pushed_out_of_bounds_returns_at_once() {
    check(
        "90 @90 90 @0 500 500 @90 _ @1 _",
        expect![[r#"
            00:00 demand=90    2 -> 2   requests 90 / 50 = 2
            01:00 demand=90   90 -> 60  bounds: current 90 is above the maximum 60
            02:00 demand=500   0 -> 0   guards: somebody scaled it to 0, and it stays so until somebody gives it a replica
            03:00 demand=500   0 -> 0   guards: somebody scaled it to 0, and it stays so until somebody gives it a replica
            04:00 demand=_    90 -> 60  bounds: current 90 is above the maximum 60
            05:00 demand=_     1 -> 2   bounds: current 1 is below the minimum 2
        "#]],
    );
}

#[test]
fn scales_to_zero_and_wakes_to_as_many_as_it_takes() {
    let mut policy = Policy::new(0, 60);
    policy.behavior.scale_down.stabilization_window = secs(60);
    check_with(
        World::new(policy, 1),
        secs(30),
        "0x4 _ 1 190x2",
        expect![[r#"
            00:00 demand=0     1 -> 1   stability: 1 within 1m
            00:30 demand=0     1 -> 1   stability: 1 within 1m
            01:00 demand=0     1 -> 0   idle: requests 0 is not above 0
            01:30 demand=0     0 -> 0   idle: requests 0 is not above 0
            02:00 demand=_     0 -> 0   guards: requests demand absent
            02:30 demand=1     0 -> 1   requests 1 / 50 = 1
            03:00 demand=190   1 -> 4   requests 190 / 50 = 4
            03:30 demand=190   4 -> 4   requests 190 / 50 = 4
        "#]],
    );
}

#[test]
fn a_percentage_alone_still_leaves_zero() {
    let mut policy = Policy::new(0, 60);
    policy.behavior.scale_up = rules(secs(0), SelectPolicy::Max, &[percent(100, 15)]);
    check_with(
        World::new(policy, 0),
        secs(15),
        "400x5",
        expect![[r#"
        00:00 demand=400   0 -> 1   stability: 100% per 15s allows 1
        00:15 demand=400   1 -> 2   stability: 100% per 15s allows 2
        00:30 demand=400   2 -> 4   stability: 100% per 15s allows 4
        00:45 demand=400   4 -> 8   requests 400 / 50 = 8
        01:00 demand=400   8 -> 8   requests 400 / 50 = 8
    "#]],
    );
}

#[test]
fn an_upward_window_asks_for_lasting_demand() {
    let mut policy = Policy::new(2, 60);
    policy.behavior.scale_up.stabilization_window = secs(60);
    check_with(
        World::new(policy, 2),
        secs(20),
        "90 300x2 90 300x4",
        expect![[r#"
        00:00 demand=90    2 -> 2   requests 90 / 50 = 2
        00:20 demand=300   2 -> 2   stability: 2 within 1m
        00:40 demand=300   2 -> 2   stability: 2 within 1m
        01:00 demand=90    2 -> 2   requests 90 / 50 = 2
        01:20 demand=300   2 -> 2   stability: 2 within 1m
        01:40 demand=300   2 -> 2   stability: 2 within 1m
        02:00 demand=300   2 -> 6   requests 300 / 50 = 6
        02:20 demand=300   6 -> 6   requests 300 / 50 = 6
    "#]],
    );
}
