//! What scripts can't say: errors with their places, selectors, what a query remembers, and that nothing panics.
//! What expressions give stands in `tests/promql/*.test`.

use std::sync::Arc;
use std::time::Duration;

use expect_test::{Expect, expect};
use proptest::prelude::*;

use super::*;
use crate::labels::NAME;
use crate::sample::STALE;
use crate::series::{Limits, Store, Touched};

/// The error of an expression, with a caret under its place.
#[track_caller]
fn check(expr: &str, want: Expect) {
    let error = Plan::compile(expr).map(|_| ()).expect_err("the expression is wrong");
    want.assert_eq(&format!("{expr}\n{}^ {error}\n", " ".repeat(error.at)));
}

#[test]
fn syntax_errors_point_at_the_first_token_that_is_out_of_place() {
    check(
        "",
        expect![[r#"

        ^ expression ends too early; expected an expression
    "#]],
    );
    check(
        "sum(rate(x[5m])",
        expect![[r#"
        sum(rate(x[5m])
           ^ this "(" is never closed
    "#]],
    );
    check(
        "sum(x)) + 1",
        expect![[r#"
        sum(x)) + 1
              ^ this ")" closes nothing
    "#]],
    );
    check(
        "a + * b",
        expect![[r#"
        a + * b
            ^ unexpected "*"; expected an expression
    "#]],
    );
    check(
        "a b",
        expect![[r#"
        a b
          ^ unexpected "b"; expected an operator or the end
    "#]],
    );
    check(
        "sum by app (x)",
        expect![[r#"
        sum by app (x)
               ^ unexpected "app"; expected "(" and labels
    "#]],
    );
    check(
        "sum by (a b) (x)",
        expect![[r#"
        sum by (a b) (x)
                  ^ unexpected "b"; expected "," or ")"
    "#]],
    );
    check(
        r#"x{a="b" c="d"}"#,
        expect![[r#"
        x{a="b" c="d"}
                ^ unexpected "c"; expected "," or "}"
    "#]],
    );
    check(
        "x{a}",
        expect![[r#"
        x{a}
           ^ unexpected "}"; expected one of =, !=, =~, !~
    "#]],
    );
    check(
        "x{a=b}",
        expect![[r#"
        x{a=b}
            ^ unexpected "b"; expected a value in quotes
    "#]],
    );
    check(
        r#"x{a="b}"#,
        expect![[r#"
        x{a="b}
            ^ this string has no closing "
    "#]],
    );
    check(
        "x{a=\"b\"",
        expect![[r#"
        x{a="b"
               ^ expression ends too early; expected "," or "}"
    "#]],
    );
    check(
        "x[5]m",
        expect![[r#"
        x[5]m
            ^ unexpected "m"; expected an operator or the end
    "#]],
    );
    check(
        "x[5minutes]",
        expect![[r#"
        x[5minutes]
          ^ "5minutes" is not a duration; write numbers with units from largest to smallest out of y, w, d, h, m, s, ms, as in 1h30m
    "#]],
    );
    check(
        "x[]",
        expect![[r#"
        x[]
          ^ unexpected "]"; expected a range such as 5m
    "#]],
    );
    check(
        "x[1e300]",
        expect![[r#"
        x[1e300]
          ^ 1e300 is no length of time, or too long a one
    "#]],
    );
    check(
        "x[0s]",
        expect![[r#"
        x[0s]
          ^ a range must be at least a millisecond long
    "#]],
    );
    check(
        "x offset",
        expect![[r#"
        x offset
                ^ expression ends too early; expected a duration such as 5m
    "#]],
    );
    check(
        "x ? y",
        expect![[r#"
        x ? y
          ^ unexpected character '?'
    "#]],
    );
    check(
        "x + group_left y",
        expect![[r#"
            x + group_left y
                ^ unexpected "group_left"; expected on (…) or ignoring (…) before it
        "#]],
    );
    check(
        r#"x =~ "y""#,
        expect![[r#"
        x =~ "y"
          ^ unexpected "=~"; expected an operator or the end
    "#]],
    );
}

#[test]
fn functions_and_types_are_named_where_they_are_wrong() {
    check(
        "sum(raet(x[5m]))",
        expect![[r#"
        sum(raet(x[5m]))
            ^ unknown function "raet"; did you mean rate?
    "#]],
    );
    check(
        "nonsense(x)",
        expect![[r#"
        nonsense(x)
        ^ unknown function "nonsense"
    "#]],
    );
    check(
        "1 + label_join(x, \"a\", \"b\")",
        expect![[r#"
        1 + label_join(x, "a", "b")
            ^ function "label_join" is not supported yet
    "#]],
    );
    check(
        "rate(a[5m]) + rate(b)",
        expect![[r#"
        rate(a[5m]) + rate(b)
                      ^ rate takes a value of type range vector, this is of type instant vector; add a range, as in x[5m]
    "#]],
    );
    check(
        "sum(a[5m])",
        expect![[r#"
        sum(a[5m])
        ^ an aggregation takes a value of type instant vector, this is of type range vector; apply a function such as rate or avg_over_time to the range first
    "#]],
    );
    check(
        "abs(x, 1)",
        expect![[r#"
        abs(x, 1)
        ^ abs takes 1 argument(s), here are 2
    "#]],
    );
    check(
        "clamp_min(x)",
        expect![[r#"
        clamp_min(x)
        ^ clamp_min takes 2 argument(s), here are 1
    "#]],
    );
    check(
        "topk(x)",
        expect![[r#"
        topk(x)
        ^ this aggregation takes 2 argument(s), here are 1
    "#]],
    );
    check(
        "abs(x) + sum(1 > 2)",
        expect![[r#"
        abs(x) + sum(1 > 2)
                       ^ a comparison of two scalars needs bool, as in 1 < bool 2
    "#]],
    );
    check(
        "x + (y and 1)",
        expect![[r#"
        x + (y and 1)
               ^ and, or and unless stand between instant vectors, not scalars
    "#]],
    );
    check(
        "a * on (b) group_left (b) c",
        expect![[r#"
        a * on (b) group_left (b) c
                   ^ a label can't stand in on (…) and in group_left or group_right at once
    "#]],
    );
    check(
        r#"x{a="b"} + {a=~".*"}"#,
        expect![[r#"
        x{a="b"} + {a=~".*"}
         ^ a selector needs a metric name or a matcher that does not match the empty string, or it would select every series
    "#]],
    );
    check(
        r#"x{a="b",c=~"(d"}"#,
        expect![[r#"
        x{a="b",c=~"(d"}
                   ^ regular expression "(d": unclosed group
    "#]],
    );
}

#[test]
fn what_is_not_supported_yet_says_so() {
    check(
        "max_over_time(rate(x[5m])[1h:1m])",
        expect![[r#"
        max_over_time(rate(x[5m])[1h:1m])
                                 ^ subqueries are not supported yet; record the inner expression by a rule
    "#]],
    );
    check(
        "x @ 100",
        expect![[r#"
        x @ 100
          ^ the @ modifier is not supported yet
    "#]],
    );
    check(
        "1 + count_values(\"v\", x)",
        expect![[r#"
        1 + count_values("v", x)
            ^ aggregation count_values is not supported yet
    "#]],
    );
    check(
        "a + fill(0) b",
        expect![[r#"
        a + fill(0) b
            ^ the modifier fill is not supported yet
    "#]],
    );
    check(
        r#"{a="b" or c="d"}"#,
        expect![[r#"
        {a="b" or c="d"}
               ^ unexpected "or"; expected "," or "}"
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

/// The selectors of an expression: matchers and span.
#[track_caller]
fn check_selectors(expr: &str, want: &[&str]) {
    let plan = Plan::compile(expr).unwrap();
    let shown = |selector: &Selector| {
        let matchers: Vec<String> = selector.matchers.iter().map(ToString::to_string).collect();
        format!("{} {}", matchers.join(","), crate::time::format_duration(selector.span))
    };
    let got: Vec<String> = plan.selectors().iter().map(shown).collect();
    assert_eq!(got, want);
}

#[test]
fn selectors_say_how_far_back_they_reach() {
    check_selectors("x", &[r#"__name__="x" 5m"#]);
    check_selectors("x offset 1h", &[r#"__name__="x" 1h5m"#]);
    check_selectors("x offset -1m", &[r#"__name__="x" 4m"#]);
    check_selectors("rate(x[1m])", &[r#"__name__="x" 1m"#]);
    check_selectors("rate(x[1m] offset 1m)", &[r#"__name__="x" 2m"#]);
    check_selectors("rate(x[90])", &[r#"__name__="x" 1m30s"#]);
    check_selectors(r#"x{b="1",a!~"2"}"#, &[r#"__name__="x",a!~"2",b="1" 5m"#]);
    check_selectors("1 + 2", &[]);
}

#[test]
fn equal_selectors_are_read_once() {
    check_selectors(r#"x{a="1",b="2"} / x{b="2",a="1"}"#, &[r#"__name__="x",a="1",b="2" 5m"#]);
    check_selectors("rate(x[1m]) / rate(x[5m])", &[r#"__name__="x" 1m"#, r#"__name__="x" 5m"#]);
}

/// A store whose only rule is this expression.
struct World {
    store: Store,
    query: Query,
}

impl World {
    fn new(expr: &str) -> Self {
        let store = Store::new(Limits::default());
        let plan = Plan::compile(expr).unwrap();
        let inputs = store.subscribe(plan.selectors());
        Self { store, query: Query::new(Arc::new(plan), inputs) }
    }

    fn write(&self, labels: &[(&str, &str)], at_s: i64, value: f64) {
        let labels = Labels::from_pairs(labels.iter().copied()).unwrap();
        let sample = Sample::new(Timestamp::from_millis(at_s * 1_000), value);
        self.store.batch(&mut Touched::default()).write(&labels, sample).unwrap();
    }

    /// The vector at a time, sorted by labels.
    fn at(&self, at_s: i64) -> Vec<(String, f64)> {
        let Value::Vector(vector) = self.query.eval(Timestamp::from_millis(at_s * 1_000)).unwrap() else {
            panic!("the expression gives a vector")
        };
        let mut shown: Vec<_> = vector.iter().map(|(labels, value)| (labels.to_string(), *value)).collect();
        shown.sort_by(|one, other| one.0.cmp(&other.0));
        shown
    }
}

#[test]
fn series_that_appear_and_end_between_evaluations_are_seen() {
    let world = World::new("sum by (app) (x) * on (app) group_left (team) y or z");
    assert_eq!(world.at(0), []);
    world.write(&[(NAME, "x"), ("app", "a"), ("pod", "1")], 1, 2.0);
    world.write(&[(NAME, "y"), ("app", "a"), ("team", "red")], 1, 10.0);
    let of = |labels: &str, value: f64| (labels.to_owned(), value);
    let red = r#"{app="a",team="red"}"#;
    assert_eq!(world.at(1), [of(red, 20.0)]);
    world.write(&[(NAME, "x"), ("app", "a"), ("pod", "2")], 2, 3.0);
    world.write(&[(NAME, "z"), ("app", "b")], 2, 7.0);
    assert_eq!(world.at(2), [of(r#"z{app="b"}"#, 7.0), of(red, 50.0)]);
    world.write(&[(NAME, "x"), ("app", "a"), ("pod", "1")], 3, STALE);
    assert_eq!(world.at(3), [of(r#"z{app="b"}"#, 7.0), of(red, 30.0)]);
    // The info metric moves on: the same series on the left now has another partner.
    world.write(&[(NAME, "y"), ("app", "a"), ("team", "red")], 4, STALE);
    world.write(&[(NAME, "y"), ("app", "a"), ("team", "blue")], 4, 1.0);
    assert_eq!(world.at(4)[1], of(r#"{app="a",team="blue"}"#, 3.0));
}

#[test]
fn a_bare_range_selector_gives_samples_without_staleness_markers() {
    let world = World::new("x[1m]");
    world.write(&[(NAME, "x")], 10, 1.0);
    world.write(&[(NAME, "x")], 20, STALE);
    world.write(&[(NAME, "x")], 30, 2.0);
    let Value::Matrix(matrix) = world.query.eval(Timestamp::from_millis(60_000)).unwrap() else { panic!("a matrix") };
    let times: Vec<i64> = matrix[0].1.iter().map(|sample| sample.at.as_millis() / 1_000).collect();
    assert_eq!(times, [10, 30]);
    assert_eq!(world.query.eval(Timestamp::from_millis(600_000)), Ok(Value::Matrix(Vec::new())));
}

#[test]
fn scalars_and_strings_need_no_series() {
    let eval = |expr: &str| Query::new(Arc::new(Plan::compile(expr).unwrap()), Vec::new()).eval(Timestamp::MAX);
    assert_eq!(eval("1 + 1"), Ok(Value::Scalar(2.0)));
    assert_eq!(eval("('a')"), Ok(Value::String("a".to_owned())));
    assert_eq!(eval(r"`a\d`"), Ok(Value::String(r"a\d".to_owned())));
}

#[test]
fn an_error_names_the_series() {
    let world = World::new("x * on (a) y");
    for b in ["1", "2"] {
        world.write(&[(NAME, "y"), ("a", "0"), ("b", b)], 0, 1.0);
    }
    world.write(&[(NAME, "x"), ("a", "0")], 0, 1.0);
    let error = world.query.eval(Timestamp::from_millis(0)).unwrap_err();
    assert!(error.to_string().contains(r#"y{a="0",b="1"} and y{a="0",b="2"} on the right side"#), "{error}");
}

/// Pieces of expressions, right and wrong, for texts that get past the first checks.
const PIECES: [&str; 64] = [
    "x",
    "y",
    "(",
    ")",
    "(",
    ")",
    "[5m]",
    "[1m]",
    "{a=\"1\"}",
    "{",
    "}",
    "rate(",
    "irate(",
    "increase(",
    "sum(",
    "sum by (a) (",
    "topk(2, ",
    "quantile(0.5, ",
    "histogram_quantile(0.9, ",
    "avg_over_time(",
    "label_replace(x, \"a\", \"$1\", \"b\", \"(.*)\")",
    "clamp(x, 1, 2)",
    "scalar(x)",
    "vector(1)",
    "time()",
    "absent(x)",
    "absent_over_time(x[1m])",
    "timestamp(x)",
    "sort(x)",
    "abs(",
    "1",
    "0",
    "-1",
    "0.5",
    "NaN",
    "Inf",
    "5m",
    "0x1f",
    "1e3",
    "\"t\"",
    "+",
    "-",
    "*",
    "/",
    "%",
    "^",
    "==",
    "> bool",
    "and",
    "or",
    "unless",
    "atan2",
    "on (a)",
    "ignoring (b)",
    "group_left",
    "group_right (b)",
    "offset 1m",
    "offset -1m",
    ",",
    "by (a)",
    "without (b)",
    "# c\n",
    "hour()",
    "predict_linear(x[1m], 1)",
];

/// Evaluates what compiles, over a few series of every kind.
fn survive(expr: &str) {
    let Ok(plan) = Plan::compile(expr) else { return };
    let store = Store::new(Limits { keep_all: true, ..Limits::default() });
    let values = [1.0, f64::NAN, f64::INFINITY, -5.0, STALE, 1e308, 0.0];
    for (name, a, b, le) in
        [("x", "1", "", "1"), ("x", "1", "2", "+Inf"), ("x", "2", "2", ""), ("y", "1", "2", "1"), ("y", "", "", "")]
    {
        let labels = Labels::from_pairs([(NAME, name), ("a", a), ("b", b), ("le", le)]).unwrap();
        for (at, value) in (0..).zip(values) {
            let sample = Sample::new(Timestamp::from_millis(at * 15_000), value);
            store.batch(&mut Touched::default()).write(&labels, sample).unwrap();
        }
    }
    let inputs = plan.selectors().iter().map(|selector| store.search(selector)).collect();
    let query = Query::new(Arc::new(plan), inputs);
    for at in [i64::MIN, 0, 30_000, 90_000, 90_001, i64::MAX] {
        let _ = query.eval(Timestamp::from_millis(at));
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, ..ProptestConfig::default() })]

    #[test]
    fn no_text_makes_the_compiler_panic(text in ".{0,64}") {
        if let Err(error) = Plan::compile(&text) {
            prop_assert!(text.is_char_boundary(error.at), "{error:?}");
        }
    }

    #[test]
    fn no_order_of_tokens_panics(pieces in prop::collection::vec(prop::sample::select(&PIECES[..]), 1..12)) {
        survive(&pieces.join(" "));
    }

    #[test]
    fn no_number_panics(number in "[0-9][0-9a-fxes_.+-]{0,12}", at in 0usize..4) {
        survive(&[number.clone(), format!("rate(x[{number}])"), format!("x offset {number}"), format!("x + {number}")][at]);
    }
}

#[test]
fn a_query_may_be_shared_between_threads() {
    fn shared<T: Send + Sync + Clone>() {}
    shared::<Query>();
    shared::<Plan>();
    let world = World::new("sum(x)");
    world.write(&[(NAME, "x")], 0, 1.0);
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| assert_eq!(world.at(0), [("{}".to_owned(), 1.0)]));
        }
    });
    assert_eq!(LOOKBACK, Duration::from_mins(5));
}
