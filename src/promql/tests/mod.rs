//! What scripts can't say: errors with their places, selectors, what a query remembers, and that nothing panics.
//! What expressions give stands in `tests/promql/*.test`.

mod errors;
mod properties;

use std::sync::Arc;
use std::time::Duration;

use super::*;
use crate::labels::NAME;
use crate::sample::STALE;
use crate::series::{Limits, Store, Touched};

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
fn series_that_are_let_go_and_come_again_are_seen() {
    let world = World::new("sum by (pod) (rate(x[1m]))");
    let rise = |pod: &str, from_s: i64| {
        for at in [from_s, from_s + 10] {
            world.write(&[(NAME, "x"), ("pod", pod)], at, at as f64);
        }
    };
    let pods = |at_s| world.at(at_s).into_iter().map(|(labels, _)| labels).collect::<Vec<_>>();
    rise("a", 0);
    rise("b", 0);
    assert_eq!(pods(10), [r#"{pod="a"}"#, r#"{pod="b"}"#]);
    rise("b", 3_600);
    world.store.evict(Timestamp::from_millis(3_610_000));
    assert_eq!(pods(3_610), [r#"{pod="b"}"#]);
    rise("a", 3_610);
    assert_eq!(pods(3_620), [r#"{pod="a"}"#, r#"{pod="b"}"#]);
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

/// How much of their ranges the samples at `times_s` speak for, at `now_s`.
#[track_caller]
fn check_coverage(expr: &str, times_s: &[i64], now_s: i64, want: f64) {
    let world = World::new(expr);
    for &at_s in times_s {
        world.write(&[(NAME, "x")], at_s, 1_000.0 + at_s as f64);
    }
    let (_, coverage) = world.query.eval_covered(Timestamp::from_millis(now_s * 1_000)).unwrap();
    assert!((coverage - want).abs() < 1e-9, "{expr} of {times_s:?} at {now_s} s covers {coverage}, not {want}");
}

#[test]
fn what_a_silent_source_leaves_out_is_known() {
    let minute = [105, 120, 135, 150];
    check_coverage("rate(x[1m])", &minute, 160, 1.0);
    // The last sample is 30 s old: extrapolation reaches half a spacing beyond it, and the rest is missing.
    check_coverage("sum(rate(x[1m]))", &minute, 180, 1.0 - 22.5 / 60.0);
    check_coverage("sum(rate(x[1m]))", &minute, 200, 0.0);
    // Of a source that was met in the middle of the range, the time before is missing.
    check_coverage("rate(x[1m])", &[135, 150], 151, 1.0 - (44.0 - 7.5) / 60.0);
    check_coverage("sum_over_time(x[1m])", &minute, 180, 1.0 - 15.0 / 60.0);
    // These don't shrink as samples go.
    check_coverage("irate(x[1m])", &minute, 180, 1.0);
    check_coverage("avg_over_time(x[1m])", &minute, 180, 1.0);
    check_coverage("x", &minute, 180, 1.0);
}
