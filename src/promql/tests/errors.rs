//! What is wrong with expressions, and where.

use expect_test::{Expect, expect};

use super::*;

/// The errors of expressions, each with a caret under its place.
#[track_caller]
fn check(exprs: &[&str], want: &Expect) {
    let errors: Vec<String> = exprs
        .iter()
        .map(|expr| {
            let error = Plan::compile(expr).map(|_| ()).expect_err(expr);
            format!("{expr}\n{}^ {error}\n", " ".repeat(error.at))
        })
        .collect();
    want.assert_eq(&errors.concat());
}

#[test]
fn the_first_token_that_is_out_of_place_is_pointed_at() {
    let wrong = ["", "a + * b", "a b", "x ? y", "1 +", "x[5]m", r#"x =~ "y""#, "x + group_left y", "a, b"];
    check(
        &wrong,
        &expect![[r#"

        ^ expression ends too early; expected an expression
        a + * b
            ^ unexpected "*"; expected an expression
        a b
          ^ unexpected "b"; expected an operator or the end
        x ? y
          ^ unexpected character '?'
        1 +
           ^ expression ends too early; expected an expression
        x[5]m
            ^ unexpected "m"; expected an operator or the end
        x =~ "y"
          ^ unexpected "=~"; expected an operator or the end
        x + group_left y
            ^ unexpected "group_left"; expected on (…) or ignoring (…) before it
        a, b
         ^ unexpected ","; expected an operator or the end
    "#]],
    );
}

#[test]
fn brackets_that_do_not_match_are_pointed_at() {
    check(
        &["sum(rate(x[5m])", "sum(x)) + 1", "x[5m", "(x]", "sum by app (x)", "sum by (a b) (x)", "sum(x) by"],
        &expect![[r#"
            sum(rate(x[5m])
               ^ this "(" is never closed
            sum(x)) + 1
                  ^ this ")" closes nothing
            x[5m
                ^ expression ends too early; expected "]"
            (x]
              ^ unexpected "]"; expected an operator or ")"
            sum by app (x)
                   ^ unexpected "app"; expected "(" and labels
            sum by (a b) (x)
                      ^ unexpected "b"; expected "," or ")"
            sum(x) by
                     ^ expression ends too early; expected "(" and labels
        "#]],
    );
}

#[test]
fn what_is_wrong_inside_of_braces_is_pointed_at() {
    let wrong = [
        r#"x{a="b" c="d"}"#,
        "x{a}",
        "x{a=b}",
        r#"x{a="b}"#,
        r#"x{a="b""#,
        "{:",
        r#"x{a="b\q"}"#,
        r#"x{a="b",c=~"(d"}"#,
        r#"{a="b" or c="d"}"#,
        r#"x{a="b"} + {a=~".*"}"#,
        r#"x{__name__="y"}"#,
    ];
    check(
        &wrong,
        &expect![[r#"
            x{a="b" c="d"}
                    ^ unexpected "c"; expected "," or "}"
            x{a}
               ^ unexpected "}"; expected one of =, !=, =~, !~
            x{a=b}
                ^ unexpected "b"; expected a value in quotes
            x{a="b}
                ^ this string has no closing "
            x{a="b"
                   ^ expression ends too early; expected "," or "}"
            {:
             ^ unexpected character ':'
            x{a="b\q"}
                  ^ this is no escape; for a backslash write two, or use backquotes
            x{a="b",c=~"(d"}
                       ^ regular expression "(d": unclosed group
            {a="b" or c="d"}
                   ^ unexpected "or"; expected "," or "}"
            x{a="b"} + {a=~".*"}
                       ^ a selector needs a metric name or a matcher that does not match the empty string, or it would select every series
            x{__name__="y"}
             ^ this selector names its metric twice
        "#]],
    );
}

#[test]
fn what_is_wrong_with_lengths_of_time_is_pointed_at() {
    let wrong = [
        "x[5minutes]",
        "x[]",
        "x[1e300]",
        "x[0s]",
        "x[1d1w]",
        "x offset",
        "x offset y",
        "sum(x)[5m]",
        "sum(x) offset 5m",
        "x offset 5m [1m]",
    ];
    check(
        &wrong,
        &expect![[r#"
        x[5minutes]
          ^ "5minutes" is not a duration; write numbers with units from largest to smallest out of y, w, d, h, m, s, ms, as in 1h30m
        x[]
          ^ unexpected "]"; expected a range such as 5m
        x[1e300]
          ^ 1e300 is no length of time, or too long a one
        x[0s]
          ^ a range must be at least a millisecond long
        x[1d1w]
          ^ "1d1w" is not a duration; write numbers with units from largest to smallest out of y, w, d, h, m, s, ms, as in 1h30m
        x offset
                ^ expression ends too early; expected a duration such as 5m
        x offset y
                 ^ unexpected "y"; expected a duration such as 5m
        sum(x)[5m]
              ^ a range may only follow a selector, as in http_requests_total[5m]
        sum(x) offset 5m
               ^ an offset may only follow a selector, as in sum(x offset 5m)
        x offset 5m [1m]
          ^ the offset belongs behind the range, as in x[5m] offset 1h
    "#]],
    );
}

#[test]
fn functions_that_do_not_exist_are_named() {
    check(
        &["sum(raet(x[5m]))", "nonsense(x)", "RATE(x[5m])"],
        &expect![[r#"
            sum(raet(x[5m]))
                ^ unknown function "raet"; did you mean rate?
            nonsense(x)
            ^ unknown function "nonsense"
            RATE(x[5m])
            ^ unknown function "RATE"; did you mean rate?
        "#]],
    );
}

#[test]
fn types_are_named_where_they_are_wrong() {
    let wrong = [
        "rate(a[5m]) + rate(b)",
        "sum(a[5m])",
        "sum(1)",
        "abs(x, 1)",
        "clamp_min(x)",
        "clamp_min(x, y)",
        "topk(x)",
        "sum()",
        "x + 'y'",
        "-x[5m]",
    ];
    check(
        &wrong,
        &expect![[r"
        rate(a[5m]) + rate(b)
                      ^ rate takes a value of type range vector, this is of type instant vector; add a range, as in x[5m]
        sum(a[5m])
        ^ an aggregation takes a value of type instant vector, this is of type range vector; apply a function such as rate or avg_over_time to the range first
        sum(1)
        ^ an aggregation takes a value of type instant vector, this is of type scalar; vector(…) makes one of it
        abs(x, 1)
        ^ abs takes 1 argument(s), here are 2
        clamp_min(x)
        ^ clamp_min takes 2 argument(s), here are 1
        clamp_min(x, y)
        ^ clamp_min takes a value of type scalar, this is of type instant vector; scalar(…) makes one of it
        topk(x)
        ^ this aggregation takes 2 argument(s), here are 1
        sum()
        ^ an aggregation needs a vector to aggregate
        x + 'y'
            ^ operators work on scalars and instant vectors, not on range vectors or strings
        -x[5m]
          ^ operators work on scalars and instant vectors, not on range vectors or strings
    "]],
    );
}

#[test]
fn operators_that_do_not_fit_their_sides_are_named() {
    let wrong = [
        "abs(x) + sum(1 > 2)",
        "x + bool y",
        "x + (y and 1)",
        "a * on (b) group_left (b) c",
        "a and on (b) group_left c",
        "a + on (b) 1",
    ];
    check(
        &wrong,
        &expect![[r"
        abs(x) + sum(1 > 2)
                       ^ a comparison of two scalars needs bool, as in 1 < bool 2
        x + bool y
            ^ bool belongs to comparisons only
        x + (y and 1)
               ^ and, or and unless stand between instant vectors, not scalars
        a * on (b) group_left (b) c
                   ^ a label can't stand in on (…) and in group_left or group_right at once
        a and on (b) group_left c
                     ^ and, or and unless match many to many; they take no group_left or group_right
        a + on (b) 1
            ^ on and ignoring match two instant vectors; one side here is a scalar
    "]],
    );
}

#[test]
fn what_is_not_supported_yet_says_so() {
    let later = [
        "max_over_time(rate(x[5m])[1h:1m])",
        "x @ 100",
        "1 + count_values('v', x)",
        "1 + label_join(x, 'a', 'b')",
        "a + fill(0) b",
    ];
    check(
        &later,
        &expect![[r#"
        max_over_time(rate(x[5m])[1h:1m])
                                 ^ subqueries are not supported yet; record the inner expression by a rule
        x @ 100
          ^ the @ modifier is not supported yet
        1 + count_values('v', x)
            ^ aggregation count_values is not supported yet
        1 + label_join(x, 'a', 'b')
            ^ function "label_join" is not supported yet
        a + fill(0) b
            ^ the modifier fill is not supported yet
    "#]],
    );
}

#[test]
fn an_expression_of_endless_depth_is_refused() {
    for (open, close) in [("(", ")"), ("-", ""), ("1+", ""), ("abs(", ")"), ("sum by (a) (", ")")] {
        let expr = format!("{}1{}", open.repeat(5_000), close.repeat(5_000));
        assert!(Plan::compile(&expr).is_err(), "{open}");
    }
    let deep = format!("{}x{}", "(".repeat(240), ")".repeat(240));
    let plan = Plan::compile(&deep).unwrap();
    assert_eq!(plan.selectors().len(), 1);
    let long = format!("x{}", "+x".repeat(240));
    assert_eq!(Plan::compile(&long).unwrap().selectors().len(), 1);
    assert!(Plan::compile(&" ".repeat(100_000)).is_err());
}
