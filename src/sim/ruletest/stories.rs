//! What operators have seen go wrong, played through the whole loop.

use super::*;

/// Plays a test file over rules and settings; it passes.
#[track_caller]
fn passes(settings: &str, rules: &str, test: &str) {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    std::fs::write(at("headroom.yaml"), settings).unwrap();
    std::fs::write(at("rules.yaml"), format!("groups:\n  - name: g\n    interval: 15s\n    rules:{rules}")).unwrap();
    let head = "rule_files: [rules.yaml]\nconfig: headroom.yaml\ntests:\n  - ";
    std::fs::write(at("test.yaml"), format!("{head}{}", test.trim_start_matches(['\n', ' ']))).unwrap();
    let tests = RuleTests::load(&at("test.yaml")).unwrap_or_else(|findings| panic!("{findings:?}"));
    let shown = text(&tests.run(None), Shown::Words);
    assert!(shown.ends_with(": 1 passed, 0 failed\n"), "{shown}");
}

/// One workload that follows its load, watched after each scaling.
const WATCHED: &str = "
      - scale: a
        target: {kind: Deployment, namespace: n, name: a}
        replicas: {min: 1, max: 100}
        metrics: [{name: q, demand: sum(q), per_replica: 1}]
        objective: {within: 5m}
";

#[test]
fn one_slow_pod_at_the_end_of_a_ramp_takes_nothing_back() {
    passes(
        "{}",
        WATCHED,
        "
    interval: 30s
    workloads: {n/a: {replicas: 4, startup: 20s}}
    input_series: [{series: q, values: '4x3 5+2x20 45x60'}]
    actions: [{at: 12m, not_ready: {workload: n/a, pods: 1}}]
    scale_test:
      - {eval_time: 13m, workload: n/a, replicas: 41}
      - {eval_time: 18m, workload: n/a, replicas: 41}
      - {eval_time: 25m, workload: n/a, replicas: 41}
",
    );
}

#[test]
fn what_somebody_else_has_changed_is_not_taken_back() {
    passes(
        "{}",
        WATCHED,
        "
    interval: 30s
    workloads: {n/a: {replicas: 4, startup: 5s}}
    input_series: [{series: q, values: '4x3 12x60'}]
    actions: [{at: 2m30s, scale: {workload: n/a, replicas: 11}}]
    scale_test:
      - {eval_time: 2m20s, workload: n/a, replicas: 12}
      - {eval_time: 2m50s, workload: n/a, replicas: 11}
      - {eval_time: 10m, workload: n/a, replicas: 11}
",
    );
}

#[test]
fn members_of_a_group_rise_only_into_what_others_have_left() {
    let rule = |name: &str| {
        format!(
            "
      - scale: {name}
        target: {{kind: Deployment, namespace: n, name: {name}}}
        replicas: {{min: 1, max: 20}}
        metrics: [{{name: q, demand: sum(q{name}), per_replica: 1}}]
        group: shared
"
        )
    };
    passes(
        "economy: {groups: [{name: shared, limits: {replicas: 12}}]}",
        &format!("{}{}", rule("a"), rule("b")),
        "
    interval: 15s
    workloads: {n/a: {replicas: 10}, n/b: {replicas: 2}}
    input_series:
      - {series: qa, values: '10x20 2x80'}
      - {series: qb, values: '2x20 10x80'}
    scale_test:
      - {eval_time: 6m, workload: n/a, replicas: 10}
      - {eval_time: 6m, workload: n/b, replicas: 2, layer: economy}
      - {eval_time: 13m, workload: n/b, replicas: 2}
      - {eval_time: 16m, workload: n/a, replicas: 2}
      - {eval_time: 16m, workload: n/b, replicas: 10}
",
    );
}
