//! That nothing panics, whatever is asked.

use proptest::prelude::*;

use super::*;

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
    let store = Store::new(Limits { keep: crate::series::Keep::All, ..Limits::default() });
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
    fn no_string_panics(text in "[\\\\xuU0-9a-fq\"'é]{0,12}") {
        survive(&format!("x{{a=~\"{text}\"}}"));
        survive(&format!("'{text}'"));
    }

    #[test]
    fn no_number_panics(number in "[0-9][0-9a-fxes_.+-]{0,12}", at in 0usize..4) {
        survive(&[number.clone(), format!("rate(x[{number}])"), format!("x offset {number}"), format!("x + {number}")][at]);
    }
}
