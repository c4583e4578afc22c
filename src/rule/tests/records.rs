use expect_test::{Expect, expect};

use super::*;

/// The series that a record rule makes.
#[track_caller]
fn check(text: &str, want: Expect) {
    let rules = rule(text).unwrap_or_else(|findings| panic!("{}", shown(&findings))).bind(Vec::new());
    let Some(BoundRule::Record(record)) = rules.groups.first().and_then(|group| group.rules.first()) else {
        panic!("{rules:?}")
    };
    let made = match record.eval(NOW) {
        Ok((vector, _)) => vector.iter().fold(String::new(), |text, (labels, value)| format!("{text}{labels} {value}\n")),
        Err(error) => format!("failed: {error}\n"),
    };
    want.assert_eq(&made);
}

#[test]
fn a_scalar_and_a_vector_get_the_rules_name() {
    check(
        "- {record: answer, expr: 42}",
        expect![[r#"
        answer 42
    "#]],
    );
    check(
        "- {record: 'a:b', expr: vector(1)}",
        expect![[r#"
        a:b 1
    "#]],
    );
    check("- {record: a, expr: vector(1) > 2}", expect![[r#""#]]);
}

#[test]
fn labels_are_set_and_an_empty_one_is_removed() {
    let expr = r#"label_replace(label_replace(vector(1), "pod", "p", "", ""), "app", "a", "", "")"#;
    check(
        &format!("- record: a\n  expr: '{expr}'\n  labels: {{pod: '', team: 5}}"),
        expect![[r#"
        a{app="a",team="5"} 1
    "#]],
    );
}

#[test]
fn a_series_that_comes_twice_is_an_error() {
    let expr = r#"vector(1) or label_replace(vector(2), "pod", "p", "", "")"#;
    check(
        &format!("- record: a\n  expr: '{expr}'\n  labels: {{pod: x}}"),
        expect![[r#"
        failed: a{pod="x"} comes twice in the result; the rule's labels hide what told the two apart
    "#]],
    );
}

#[test]
fn what_is_no_vector_is_not_recorded() {
    check(
        "- {record: a, expr: '\"text\"'}",
        expect![[r#"
        failed: a string can't be recorded
    "#]],
    );
}
