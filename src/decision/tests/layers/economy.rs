//! Caps of money and resources.

use expect_test::expect;

use super::*;

#[test]
fn the_smallest_cap_counts_but_never_below_the_minimum_or_on_holes() {
    let budget = |affords| Cap::Budget { affords, spent: 41.25, budget: 50.0, per: Per::Day };
    let share = |granted| Cap::Share { granted, group: "web".into(), resource: Resource::Cpu };
    check(
        &quick(2, 60),
        &Inputs { caps: vec![budget(7), share(9)], ..demand(900.0) },
        expect![[r#"
        4 -> 7
          reactive    requests 900 / 50 = 18
          economy     budget affords 7: 41.25 of 50 a day spent
    "#]],
    );
    check(
        &quick(2, 60),
        &Inputs { caps: vec![budget(7), share(5)], ..demand(900.0) },
        expect![[r#"
        4 -> 5
          reactive    requests 900 / 50 = 18
          economy     5 is the share of group web's cpu
    "#]],
    );
    check(
        &quick(2, 60),
        &Inputs { caps: vec![budget(0)], ..demand(900.0) },
        expect![[r#"
        4 -> 2
          reactive    requests 900 / 50 = 18
          economy     budget affords 0: 41.25 of 50 a day spent
    "#]],
    );
    check(
        &quick(2, 60),
        &Inputs { caps: vec![share(1)], ..inputs(4, Presence::Absent) },
        expect![[r#"
            4 -> 4
              reactive    no metric can be read
              guards      requests demand absent
              economy     stays at 4, for its data may be wrong
        "#]],
    );
    check(
        &quick(2, 60),
        &Inputs { caps: vec![budget(9)], ..demand(190.0) },
        expect![[r#"
        4 -> 4
          reactive    requests 190 / 50 = 4
    "#]],
    );
}
