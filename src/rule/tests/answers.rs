use expect_test::{Expect, expect};

use super::*;
use crate::demand::Presence;

const CHECKOUT: &str = "namespace: shop, name: checkout";
const FLEET: &str = "namespace: shop, name: '{{ $labels.deployment }}'";

/// What a rule with these metrics says: a line for each workload, then what went wrong.
#[track_caller]
fn check(target: &str, metrics: &[(&str, &str, &str)], want: Expect) {
    let Answers { workloads, failed } = bound(target, metrics).eval(NOW);
    let mut lines = Vec::new();
    for WorkloadAnswer { workload, metrics, .. } in workloads {
        let inputs = metrics
            .iter()
            .map(|input| format!("{} {} / {}", input.name, presence(input.demand), presence(input.per_replica)));
        lines.push(format!("{workload} {}\n", inputs.collect::<Vec<_>>().join(", ")));
    }
    lines.sort();
    lines.extend(failed.map(|failed| format!("failed: {failed}\n")));
    want.assert_eq(&lines.concat());
}

fn presence(value: Presence) -> String {
    value.value().map_or_else(|| value.as_str().to_owned(), |value| value.to_string())
}

/// Series of the fleet as an expression: deployments and their values.
fn series(members: &[(&str, f64)]) -> String {
    let member = |(deployment, value): &(&str, f64)| {
        format!(r#"label_replace(vector({value}), "deployment", "{deployment}", "", "")"#)
    };
    members.iter().map(member).collect::<Vec<_>>().join(" or ")
}

/// The same expression with a label `pod`.
fn of_pod(expr: &str, pod: &str) -> String {
    format!(r#"label_replace({expr}, "pod", "{pod}", "", "")"#)
}

#[test]
fn a_scalar_and_a_lone_series_both_answer_for_a_constant_target() {
    check(
        CHECKOUT,
        &[("requests", "190", "50")],
        expect![[r#"
        shop/checkout requests 190 / 50
    "#]],
    );
    check(
        CHECKOUT,
        &[("requests", "vector(190)", "vector(50)")],
        expect![[r#"
        shop/checkout requests 190 / 50
    "#]],
    );
    check(
        CHECKOUT,
        &[("requests", &series(&[("a", 190.0)]), "5 * 10")],
        expect![[r#"
        shop/checkout requests 190 / 50
    "#]],
    );
}

#[test]
fn nothing_is_absent_and_not_zero() {
    check(
        CHECKOUT,
        &[("requests", "vector(1) > 2", "50")],
        expect![[r#"
        shop/checkout requests absent / 50
    "#]],
    );
    check(
        CHECKOUT,
        &[("requests", "5", "vector(1) > 2")],
        expect![[r#"
        shop/checkout requests 5 / absent
    "#]],
    );
    check(FLEET, &[("requests", "vector(1) > 2", "50")], expect![[r#""#]]);
}

#[test]
fn what_is_no_number_is_invalid() {
    check(
        CHECKOUT,
        &[("requests", "0 / 0", "50")],
        expect![[r#"
        shop/checkout requests invalid / 50
    "#]],
    );
    check(
        CHECKOUT,
        &[("requests", "5", "1 / 0")],
        expect![[r#"
        shop/checkout requests 5 / invalid
    "#]],
    );
    check(
        CHECKOUT,
        &[("requests", "'text'", "50")],
        expect![[r#"
        shop/checkout requests invalid / 50
        failed: demand of metric "requests": gives a string, not a number
    "#]],
    );
}

#[test]
fn several_series_for_one_workload_are_refused_and_not_summed() {
    check(
        CHECKOUT,
        &[("requests", &series(&[("a", 1.0), ("b", 2.0)]), "50")],
        expect![[r#"
        shop/checkout requests invalid / 50
        failed: demand of metric "requests": {deployment="a"} and {deployment="b"} are both about shop/checkout; aggregate them with sum(…)
    "#]],
    );
    let twice = format!("{} or {}", series(&[("a", 1.0)]), of_pod(&series(&[("a", 2.0)]), "x"));
    check(
        FLEET,
        &[("requests", &twice, "50")],
        expect![[r#"
        shop/a requests invalid / 50
        failed: demand of metric "requests": {deployment="a"} and {deployment="a",pod="x"} are both about shop/a; aggregate them with sum by (deployment, …)
    "#]],
    );
}

#[test]
fn a_vector_scales_a_workload_for_each_series() {
    check(
        FLEET,
        &[("requests", &series(&[("b", 1.0), ("a", 2.0)]), "50")],
        expect![[r#"
        shop/a requests 2 / 50
        shop/b requests 1 / 50
    "#]],
    );
}

#[test]
fn metrics_meet_on_the_workload_they_are_about() {
    let requests = (series(&[("a", 1.0), ("b", 2.0)]), series(&[("a", 10.0), ("c", 30.0)]));
    let cpu = series(&[("b", 3.0), ("c", 4.0)]);
    check(
        FLEET,
        &[("requests", &requests.0, &requests.1), ("cpu", &cpu, "0.5")],
        expect![[r#"
        shop/a requests 1 / 10, cpu absent / 0.5
        shop/b requests 2 / absent, cpu 3 / 0.5
        shop/c requests absent / 30, cpu 4 / 0.5
    "#]],
    );
}

#[test]
fn one_capacity_without_the_targets_labels_is_for_all() {
    let demand = series(&[("a", 1.0), ("b", 2.0)]);
    check(
        FLEET,
        &[("requests", &demand, "vector(7)")],
        expect![[r#"
        shop/a requests 1 / 7
        shop/b requests 2 / 7
    "#]],
    );
    // One that names a workload is for that one alone.
    check(
        FLEET,
        &[("requests", &demand, &series(&[("a", 7.0)]))],
        expect![[r#"
        shop/a requests 1 / 7
        shop/b requests 2 / absent
    "#]],
    );
}

#[test]
fn a_capacity_of_nothing_is_invalid() {
    check(
        CHECKOUT,
        &[("requests", "5", "1 - 1")],
        expect![[r#"
            shop/checkout requests 5 / invalid
            failed: per_replica of metric "requests": 0 is not more than zero
        "#]],
    );
}

#[test]
fn a_scalar_names_no_member_of_a_fleet() {
    check(
        FLEET,
        &[("requests", "5", "1")],
        expect![[r#"
        failed: demand of metric "requests": a scalar has no label "deployment", which the target needs
    "#]],
    );
}

#[test]
fn a_series_without_the_label_is_told_and_the_others_go_on() {
    let demand = format!("vector(3) or {}", series(&[("a", 1.0)]));
    check(
        FLEET,
        &[("requests", &demand, "50")],
        expect![[r#"
        shop/a requests 1 / 50
        failed: demand of metric "requests": {} has no label "deployment", which the target's name needs; keep it with sum by (deployment, …)
    "#]],
    );
}

#[test]
fn a_label_that_makes_no_kubernetes_name_scales_nothing() {
    for name in ["../nodes", "UPPER", "-a", "a/b"] {
        let answers = bound(FLEET, &[("requests", &series(&[(name, 1.0)]), "50")]).eval(NOW);
        assert!(answers.workloads.is_empty(), "{name}");
        assert!(answers.failed.is_some_and(|failed| failed.contains("no Kubernetes name")), "{name}");
    }
}

#[test]
fn a_metric_that_fails_leaves_the_others_standing() {
    let both = series(&[("a", 1.0), ("b", 2.0)]);
    let ambiguous = format!("vector(1) + on () ({both})");
    check(
        CHECKOUT,
        &[("requests", &ambiguous, "50"), ("cpu", "3", "1")],
        expect![[r#"
        shop/checkout requests invalid / 50, cpu 3 / 1
        failed: demand of metric "requests": {deployment="a"} and {deployment="b"} on the right side of the operation fall into one match group, which may have one series there; match on more labels, or aggregate that side
    "#]],
    );
}

#[test]
fn many_problems_are_told_in_one_line() {
    let many: Vec<String> = (0..30).map(|at| of_pod("vector(1)", &format!("p{at}"))).collect();
    check(
        FLEET,
        &[("requests", &many.join(" or "), "50")],
        expect![[r#"
        failed: demand of metric "requests": {pod="p0"} has no label "deployment", which the target's name needs; keep it with sum by (deployment, …) (and 29 more)
    "#]],
    );
}

/// What a metric of single pods says, with what tells whether they are ready.
#[track_caller]
fn check_pods(target: &str, per_pod: &str, ready: Option<&str>, want: Expect) {
    let ready = ready.map(|ready| format!("\n  ready: >-\n    {ready}")).unwrap_or_default();
    let metric = indented(&format!("- name: cpu\n  per_pod: >-\n    {per_pod}\n  utilization: 0.8{ready}\n"), 4);
    let bound = of_metrics(target, &metric);
    let Answers { workloads, failed } = bound.eval(NOW);
    let mut lines = Vec::new();
    for WorkloadAnswer { workload, metrics, .. } in workloads {
        let cpu = &metrics[0];
        let pods = cpu.pods.as_ref().map(|pods| format!("{:?} others {:?}", pods.values, pods.others));
        lines.push(format!("{workload} {} {}\n", presence(cpu.demand), pods.unwrap_or_default()));
    }
    lines.sort();
    lines.extend(failed.map(|failed| format!("failed: {failed}\n")));
    want.assert_eq(&lines.concat());
}

/// Values of pods of the fleet.
fn of_pods(members: &[(&str, &str, f64)]) -> String {
    let member =
        |(deployment, pod, value): &(&str, &str, f64)| format!("({})", of_pod(&series(&[(deployment, *value)]), pod));
    members.iter().map(member).collect::<Vec<_>>().join(" or ")
}

#[test]
fn pods_have_values_of_their_own() {
    let values = of_pods(&[("a", "a1", 0.5), ("a", "a2", 0.9), ("b", "b1", 0.25)]);
    check_pods(
        FLEET,
        &values,
        None,
        expect![[r#"
            shop/a 1.4 [0.5, 0.9] others None
            shop/b 0.25 [0.25] others None
        "#]],
    );
    check_pods(
        CHECKOUT,
        &values,
        None,
        expect![[r#"
        shop/checkout 1.65 [0.5, 0.9, 0.25] others None
    "#]],
    );
    // a2 starts, a3 has no value, b1 is the only one and starts: nothing is known of b's load.
    let ready = of_pods(&[("a", "a1", 1.0), ("a", "a2", 0.0), ("a", "a3", 1.0), ("b", "b1", 0.0)]);
    check_pods(
        FLEET,
        &values,
        Some(&ready),
        expect![[r#"
            shop/a 0.5 [0.5] others Some((1, 1))
            shop/b absent [] others Some((1, 0))
        "#]],
    );
}

#[test]
fn pods_are_told_apart_by_their_label() {
    check_pods(
        FLEET,
        &series(&[("a", 1.0)]),
        None,
        expect![[r#"
            failed: per_pod of metric "cpu": {deployment="a"} has no label "pod"; keep it with sum by (pod, …)
        "#]],
    );
    let pod = of_pods(&[("a", "a1", 1.0)]);
    let twice = format!(r#"{pod} or label_replace({pod}, "container", "c", "", "")"#);
    check_pods(
        FLEET,
        &twice,
        None,
        expect![[r#"
        shop/a invalid [1.0] others None
        failed: per_pod of metric "cpu": {container="c",deployment="a",pod="a1"} is a second series of its pod; aggregate them with sum by (pod, …)
    "#]],
    );
    check_pods(
        FLEET,
        "1",
        None,
        expect![[r#"
        failed: per_pod of metric "cpu": a scalar is of no pod; write a series for each pod
    "#]],
    );
}
