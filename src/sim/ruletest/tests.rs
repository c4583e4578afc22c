//! Tests of tests: files as users write them, and what they are told.

use expect_test::{Expect, expect};

use super::*;

/// One workload at 50 a replica that moves at once, but down only after 2 minutes.
const RULES: &str = "
groups:
  - name: shop
    rules:
      - record: load:sum
        expr: sum(load)
      - scale: checkout
        target: {kind: Deployment, namespace: shop, name: checkout}
        replicas: {min: 1, max: 20}
        metrics: [{name: requests, demand: sum(load), per_replica: 50}]
        behavior:
          scale_up: {policies: [{type: Pods, value: 20, period: 1s}]}
          scale_down: {stabilization_window: 2m, policies: [{type: Pods, value: 20, period: 1s}]}
        labels: {tier: web}
";

struct Files(tempfile::TempDir);

impl Files {
    fn new(test: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("rules.yaml"), RULES).unwrap();
        std::fs::write(folder.path().join("test.yaml"), test).unwrap();
        Self(folder)
    }

    fn load(&self) -> Result<RuleTests, String> {
        RuleTests::load(&self.0.path().join("test.yaml")).map_err(|findings| {
            self.without_folder(&findings.iter().fold(String::new(), |text, finding| format!("{text}{finding}\n")))
        })
    }

    fn without_folder(&self, text: &str) -> String {
        text.replace(&format!("{}/", self.0.path().display()), "")
    }
}

/// What is printed of a file of tests; of findings, if there are any.
fn shown(test: &str, how: impl Fn(&[Report]) -> String) -> String {
    let files = Files::new(test);
    match files.load() {
        Ok(tests) => files.without_folder(&how(&tests.run(None))),
        Err(findings) => findings,
    }
}

/// What is printed of one test, whose first lines are given.
#[track_caller]
fn check(test: &str, want: &Expect) {
    let test = format!("rule_files: [rules.yaml]\ntests:\n  - interval: 15s\n{test}");
    want.assert_eq(&shown(&test, |reports| text(reports, Shown::Words)));
}

/// Passes.
#[track_caller]
fn passes(test: &str) {
    let test = format!("rule_files: [rules.yaml]\ntests:\n  - interval: 15s\n{test}");
    let shown = shown(&test, |reports| text(reports, Shown::Words));
    assert!(shown.ends_with(": 1 passed, 0 failed\n"), "{shown}");
}

#[test]
fn samples_arrive_and_the_cluster_follows() {
    passes(
        "
    workloads: {shop/checkout: {replicas: 2, startup: 40s}}
    input_series: [{series: load, values: '90x3 400x40'}]
    scale_test:
      - {eval_time: 0s, workload: shop/checkout, replicas: 2}
      - {eval_time: 45s, workload: shop/checkout, replicas: 2, layer: reactive, reason: requests 90 / 50 = 2}
      - {eval_time: 1m, workload: shop/checkout, replicas: 8, ready: 2, reason: requests 400 / 50 = 8}
      - {eval_time: 1m39s, workload: shop/checkout, ready: 2, reason: 2 of 8 pods ready}
      - {eval_time: 1m41s, workload: shop/checkout, ready: 8, wants: 8}
",
    );
}

#[test]
fn a_failure_tells_the_decision_and_when_it_was_so() {
    check(
        "    name: too early
    workloads: {shop/checkout: {replicas: 8}}
    input_series: [{series: load, values: '400x3 90x40'}]
    scale_test:
      - {eval_time: 2m, workload: shop/checkout, replicas: 2, layer: reactive}
",
        &expect![[r#"
            test.yaml
              FAIL  too early (2m)
                    test.yaml:8: shop/checkout at 2m
                      expected  replicas 2
                                layer reactive
                      got       replicas 8
                                layer stability
                      decided at 2m
                        shop/checkout 8 -> 8
                          reactive    requests 90 / 50 = 2
                          stability   8 within 2m
                      it was so from 2m45s on
            1 test in 1 file: 0 passed, 1 failed
        "#]],
    );
}

#[test]
fn the_cluster_may_be_unkind() {
    passes(
        "
    workloads: {shop/checkout: {replicas: 4}}
    input_series: [{series: load, values: '190x80'}]
    actions:
      - {at: 1m, not_ready: {workload: shop/checkout, pods: 3}}
      - {at: 2m, recover: shop/checkout}
      - {at: 3m, scale: {workload: shop/checkout, replicas: 9}}
      - {at: 8m, delete: {workload: shop/checkout}}
      - {at: 9m, create: {workload: shop/checkout, replicas: 1}}
      - {at: 10m, fail: {workload: shop/checkout, for: 5m}}
      - {at: 11m, scale: {workload: shop/checkout, replicas: 2}}
    scale_test:
      - {eval_time: 1m, workload: shop/checkout, replicas: 4, ready: 1}
      - {eval_time: 2m, workload: shop/checkout, ready: 4}
      # As with HPA, what was wanted before counts, not what somebody else made of it.
      - {eval_time: 3m, workload: shop/checkout, replicas: 4}
      - {eval_time: 9m30s, workload: shop/checkout, replicas: 4}
      - {eval_time: 14m, workload: shop/checkout, replicas: 2, wants: 4}
      - {eval_time: 17m, workload: shop/checkout, replicas: 4}
",
    );
}

#[test]
fn what_no_rule_scales_or_reads_is_told() {
    check(
        "    name: a typing mistake
    input_series: [{series: laod, values: '1x10'}]
    scale_test:
      - {eval_time: 1m, workload: shop/chekout, replicas: 2}
",
        &expect![[r#"
            test.yaml
              FAIL  a typing mistake (1m)
                    test.yaml:7: shop/chekout at 1m
                      expected  replicas 2
                      got       replicas unknown
                      it never was so
                    test.yaml:3: no rule scales shop/chekout; scaled at the end: shop/checkout
                    test.yaml:3: no rule reads laod
            1 test in 1 file: 0 passed, 1 failed
        "#]],
    );
}

#[test]
fn a_workload_that_no_rule_scales_proves_nothing() {
    check(
        "    name: always green
    workloads: {shop/search: {replicas: 2}}
    scale_test: [{eval_time: 1m, workload: shop/search, replicas: 2}]
",
        &expect![[r#"
            test.yaml
              FAIL  always green (1m)
                    test.yaml:3: no rule scales shop/search; scaled at the end: shop/checkout
            1 test in 1 file: 0 passed, 1 failed
        "#]],
    );
}

#[test]
fn expressions_are_compared_as_in_promtool() {
    check(
        r#"    name: samples
    input_series:
      - {series: 'load{app="a"}', values: '0+0.1x10'}
      - {series: 'load{app="b"}', values: 'NaN Inf -Inf _ stale 7'}
    promql_expr_test:
      - {expr: load:sum, eval_time: 45s, exp_samples: [{labels: load:sum, value: NaN}]}
      - {expr: sum(load), eval_time: 2m, exp_samples: [{labels: '{}', value: 7.8}]}
      - {expr: 'load{app="b"}', eval_time: 1m}
      - {expr: 1 + 1, eval_time: 0s, exp_samples: [{value: 2}]}
      - expr: load
        eval_time: 1m15s
        exp_samples:
          - {labels: 'load{app="a"}', value: 0.5}
          - {labels: 'load{app="b"}', value: 8}
"#,
        &expect![[r#"
            test.yaml
              FAIL  samples (2m)
                    test.yaml:9: load:sum at 45s
                      expected  load:sum NaN
                      got       load:sum -inf
                    test.yaml:13: load at 1m15s
                      expected  load{app="b"} 8
                      got       load{app="b"} 7
            1 test in 1 file: 0 passed, 1 failed
        "#]],
    );
}

#[test]
fn a_silence_is_seen_next_to_what_it_holds() {
    let shown = shown(
        "rule_files: [rules.yaml]
tests:
  - name: silenced
    interval: 15s
    input_series: [{series: load, values: '400x5 800x34'}]
    actions:
      - {at: 1m, silence: {matchers: 'tier=\"web\"', for: 5m}}
    scale_test:
      - {eval_time: 2m, workload: shop/checkout, muted: silenced}
",
        |reports| text(reports, Shown::Words),
    );
    assert!(shown.contains("1 passed"), "{shown}");
}

#[test]
fn mistakes_in_test_files_are_told_together() {
    let test = r#"
rule_files: [rules.yaml, nothing/*.yaml]
tests:
  - name: wrong in many ways
    interval: 0s
    input_sereis: []
    input_series:
      - {series: 'load{', values: '1 2 drei'}
    actions:
      - {at: 1m}
      - {at: 1m, scale: {workload: checkout, replicas: -1}}
    scale_test:
      - {eval_time: 1m, workload: shop/checkout}
      - {eval_time: 1m, workload: shop/checkout, muted: quiet}
  - name: nothing
"#;
    let want = expect![[r#"
        test.yaml:5:15: an interval has to be longer than nothing
            5 |     interval: 0s
              |               ^^
        test.yaml:6:5: unknown field "input_sereis" in a test; did you mean "input_series"?
            6 |     input_sereis: []
              |     ^^^^^^^^^^^^
        test.yaml:10:9: an action is one of: silence, alert, manual, scale, not_ready, crash, unschedulable, recover, delete, create, fail
           10 |       - {at: 1m}
              |         ^
        test.yaml:11:36: expected a workload as in shop/checkout or StatefulSet/shop/queue, found the text "checkout"
           11 |       - {at: 1m, scale: {workload: checkout, replicas: -1}}
              |                                    ^^^^^^^^
        test.yaml:11:56: expected a whole number from 0 to 4294967295, found the number -1
           11 |       - {at: 1m, scale: {workload: checkout, replicas: -1}}
              |                                                        ^^
        test.yaml:13:9: nothing is expected; give it replicas, ready, wants, layer, reason or muted
           13 |       - {eval_time: 1m, workload: shop/checkout}
              |         ^
        test.yaml:14:57: unknown way of being muted "quiet"; known: false, none, silenced, inhibited, interval, group
           14 |       - {eval_time: 1m, workload: shop/checkout, muted: quiet}
              |                                                         ^^^^^
        test.yaml:15:5: the test expects nothing; give it scale_test, alert_rule_test or promql_expr_test
           15 |   - name: nothing
              |     ^^^^
    "#]];
    want.assert_eq(&shown(test, |_| String::new()));
    let test = r#"
rule_files: [rules.yaml, nothing/*.yaml]
tests:
  - input_series:
      - {series: 'load{', values: '1 2 drei'}
    promql_expr_test:
      - {expr: sum(load, eval_time: 1m}
"#;
    let want = expect![[r#"
        test.yaml:2:26: no rule file matches nothing/*.yaml
            2 | rule_files: [rules.yaml, nothing/*.yaml]
              |                          ^^^^^^^^^^^^^^
        test.yaml:5:24: expected a label as in app="checkout"
            5 |       - {series: 'load{', values: '1 2 drei'}
              |                        ^
        test.yaml:5:40: expected a value: a number, 0+10x20 (a number, a step, how many steps), _ or stale
            5 |       - {series: 'load{', values: '1 2 drei'}
              |                                        ^^^^
        test.yaml:7:19: this "(" is never closed
            7 |       - {expr: sum(load, eval_time: 1m}
              |                   ^
    "#]];
    want.assert_eq(&shown(test, |_| String::new()));
}

const TWO: &str = "
rule_files: [rules.yaml]
tests:
  - name: a <good> one
    interval: 15s
    input_series: [{series: load, values: '90x40'}]
    scale_test: [{eval_time: 1m, workload: shop/checkout, replicas: 2}]
  - name: 'a bad one # 2'
    interval: 15s
    input_series: [{series: load, values: '90x40'}]
    scale_test: [{eval_time: 1m, workload: shop/checkout, replicas: 3}]
";

#[test]
fn build_servers_read_junit_and_tap() {
    expect![[r#"
        <?xml version="1.0" encoding="UTF-8"?>
        <testsuites name="headroom test" tests="2" failures="1" errors="0">
          <testsuite name="test.yaml" tests="2" failures="1" errors="0" skipped="0">
            <testcase name="a &lt;good&gt; one" classname="test.yaml" file="test.yaml" line="4" time="60"/>
            <testcase name="a bad one # 2" classname="test.yaml" file="test.yaml" line="8" time="60">
              <failure message="shop/checkout at 1m">test.yaml:11: shop/checkout at 1m
          expected  replicas 3
          got       replicas 2
          decided at 1m
            shop/checkout 2 -&gt; 2
              reactive    requests 90 / 50 = 2
          it never was so</failure>
            </testcase>
          </testsuite>
        </testsuites>
    "#]]
    .assert_eq(&shown(TWO, junit));
    expect![[r#"
        TAP version 14
        1..2
        ok 1 - test.yaml: a <good> one
        not ok 2 - test.yaml: a bad one \# 2
          ---
          at: test.yaml:8
          message: |
            test.yaml:11: shop/checkout at 1m
              expected  replicas 3
              got       replicas 2
              decided at 1m
                shop/checkout 2 -> 2
                  reactive    requests 90 / 50 = 2
              it never was so
          ...
    "#]]
    .assert_eq(&shown(TWO, tap));
    expect![[r#"
        test.yaml
          ok    a <good> one (1m)
          FAIL  a bad one # 2 (1m)
                test.yaml:11: shop/checkout at 1m
                  - replicas 3
                  + replicas 2
                  decided at 1m
                    shop/checkout 2 -> 2
                      reactive    requests 90 / 50 = 2
                  it never was so
        2 tests in 1 file: 1 passed, 1 failed
    "#]]
    .assert_eq(&shown(TWO, |reports| text(reports, Shown::Diff)));
}

#[test]
fn tests_are_chosen_by_their_names() {
    let tests = Files::new(TWO).load().unwrap();
    assert_eq!((tests.len(), tests.run(Some(&Regex::new("good").unwrap())).len()), (2, 1));
}

#[test]
fn an_hour_is_played_in_no_time_and_comes_out_the_same_each_time() {
    let test = "
rule_files: [rules.yaml]
tests:
  - name: an hour
    interval: 15s
    input_series: [{series: load, values: '0+7x120 840-7x120'}]
    scale_test: [{eval_time: 1h, workload: shop/checkout, replicas: 7}]
";
    let tests = Files::new(test).load().unwrap();
    let once = tests.run(None);
    assert!(!once.is_empty());
    (0..3).for_each(|_| assert_eq!(tests.run(None), once));
}
