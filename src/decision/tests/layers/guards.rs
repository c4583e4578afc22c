//! What holds a count: few targets, sudden drops, pods in trouble, a freeze.

use expect_test::expect;

use super::*;

#[test]
fn pods_unlike_the_others_are_named_and_change_nothing() {
    let outlying = |pods: u32| {
        let mut inputs = demand(190.0);
        inputs.metrics[0].outlying = Some(Outlying { pod: "checkout-x".into(), pods, of: 10 });
        inputs
    };
    check(
        &quick(2, 60),
        &outlying(1),
        expect![[r#"
        4 -> 4
          reactive    requests 190 / 50 = 4
          guards      requests of checkout-x is unlike that of 10 pods
    "#]],
    );
    check(
        &quick(2, 60),
        &outlying(2),
        expect![[r#"
        4 -> 4
          reactive    requests 190 / 50 = 4
          guards      requests of 2 of 10 pods is unlike the others', most of all checkout-x
    "#]],
    );
}

#[test]
fn too_few_targets_that_report_never_lower() {
    let mut inputs = demand(90.0);
    inputs.metrics[0].targets = Some(Targets { reporting: 5, expected: 10 });
    check(
        &quick(2, 60),
        &inputs,
        expect![[r#"
        4 -> 4
          reactive    requests 90 / 50 = 2
          guards      requests: 5 of 10 targets report
    "#]],
    );
    inputs.metrics[0].targets = Some(Targets { reporting: 9, expected: 10 });
    check(
        &quick(2, 60),
        &inputs,
        expect![[r#"
        4 -> 2
          reactive    requests 90 / 50 = 2
    "#]],
    );
}

#[test]
fn a_sudden_drop_holds_and_a_spike_goes_at_once() {
    let mut inputs = demand(20.0);
    inputs.metrics[0].z_score = Some(-8.31);
    check(
        &quick(2, 60),
        &inputs,
        expect![[r#"
        4 -> 4
          reactive    requests 20 / 50 = 1
          guards      requests fell suddenly (z -8.3), its source may be broken
    "#]],
    );
    let mut coarse = quick(2, 60);
    coarse.dead_band = 20;
    let mut inputs = demand(900.0);
    check(
        &coarse,
        &inputs,
        expect![[r#"
        4 -> 4
          reactive    requests 900 / 50 = 18
          stability   +14 is within the dead band of 20
    "#]],
    );
    inputs.metrics[0].z_score = Some(12.0);
    check(
        &coarse,
        &inputs,
        expect![[r#"
        4 -> 18
          reactive    requests 900 / 50 = 18
          guards      requests rose suddenly (z 12.0)
    "#]],
    );
}

#[test]
fn pods_in_trouble_hold() {
    let trouble = |crash_looping, unschedulable| Trouble { crash_looping, unschedulable };
    check(
        &quick(2, 60),
        &Inputs { trouble: trouble(1, 0), ..demand(900.0) },
        expect![[r#"
        4 -> 4
          reactive    requests 900 / 50 = 18
          guards      1 of 4 pods crash in a loop
    "#]],
    );
    check(
        &quick(2, 60),
        &Inputs { trouble: trouble(1, 0), ..demand(100.0) },
        expect![[r#"
        4 -> 4
          reactive    requests 100 / 50 = 2
          guards      1 of 4 pods crash in a loop
    "#]],
    );
    check(
        &quick(2, 60),
        &Inputs { trouble: trouble(0, 2), ..demand(900.0) },
        expect![[r#"
        4 -> 4
          reactive    requests 900 / 50 = 18
          guards      2 of 4 pods find no node
    "#]],
    );
    check(
        &quick(2, 60),
        &Inputs { trouble: trouble(0, 2), ..demand(100.0) },
        expect![[r#"
        4 -> 2
          reactive    requests 100 / 50 = 2
    "#]],
    );
    let large = Inputs { trouble: trouble(4, 1), ..inputs(50, Presence::Present(4000.0)) };
    check(
        &quick(2, 90),
        &large,
        expect![[r#"
        50 -> 80
          reactive    requests 4000 / 50 = 80
    "#]],
    );
}

#[test]
fn a_freeze_holds_what_would_fall_and_nothing_else() {
    let breaker = Some(Freeze::Breaker { down: 18, of: 20 });
    check(
        &quick(2, 60),
        &Inputs { freeze: breaker, ..demand(100.0) },
        expect![[r#"
        4 -> 4
          reactive    requests 100 / 50 = 2
          guards      frozen: 18 of 20 workloads want down at once
    "#]],
    );
    check(
        &quick(2, 60),
        &Inputs { freeze: breaker, ..demand(300.0) },
        expect![[r#"
        4 -> 6
          reactive    requests 300 / 50 = 6
    "#]],
    );
    let drop = Some(Freeze::Ingestion { part: 0.21 });
    check(
        &quick(2, 60),
        &Inputs { freeze: drop, ..demand(100.0) },
        expect![[r#"
        4 -> 4
          reactive    requests 100 / 50 = 2
          guards      frozen: only 21% of the usual samples come in
    "#]],
    );
}
