//! What `rules/` says is true: examples load, the reference names every field and every default.

use std::path::Path;

use headroom::config::{Settings, Source, TestFile};
use headroom::rule;

fn folder() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/rules"))
}

fn readme() -> String {
    rule::read(&folder().join("README.md")).unwrap()
}

/// The YAML blocks of the reference.
fn blocks(text: &str) -> Vec<String> {
    text.split("```yaml\n")
        .skip(1)
        .filter_map(|rest| rest.split_once("```"))
        .map(|(block, _)| block.to_owned())
        .collect()
}

#[test]
fn the_examples_load_together() {
    let loaded = rule::load(&["*.yaml".to_owned()], folder()).unwrap();
    assert!(loaded.files.len() >= 3);
    let rules = rule::compile(&loaded.files, &Settings::default());
    let rules = rules.unwrap_or_else(|findings| panic!("{}", findings.first().unwrap()));
    assert!(rules.rules() >= 6);
}

#[test]
fn the_recipes_of_the_cookbook_load() {
    let mut recipes = 0;
    let cookbook = rule::read(&folder().join("COOKBOOK.md")).unwrap();
    for block in blocks(&cookbook) {
        let text = if block.starts_with("groups:") {
            block
        } else if block.starts_with("- ") {
            // A rule without its group.
            let rules = block.lines().collect::<Vec<_>>().join("\n      ");
            format!("groups:\n  - name: recipe\n    rules:\n      {rules}\n")
        } else {
            continue;
        };
        let files = [("COOKBOOK.md".into(), text)];
        if let Err(findings) = rule::compile(&files, &Settings::default()) {
            panic!("{}", findings.first().unwrap());
        }
        recipes += 1;
    }
    assert!(recipes >= 5, "{recipes} recipes");
}

#[test]
fn the_reference_shows_the_default_settings() {
    let readme = readme();
    let text = blocks(&readme).into_iter().find(|block| block.starts_with("listen:")).unwrap();
    let settings = Settings::parse(Source { file: Path::new("README.md"), text: &text }).unwrap();
    assert_eq!(settings, Settings::default());
}

#[test]
fn the_reference_names_every_field() {
    let readme = readme();
    // A field that no file can have: its finding names those that it can have.
    let settings = "x: 1\nweb: {x: 1}\ningest: {x: 1}\nwarm_start: {x: 1}\nwindows: {x: 1}\nevaluation: {x: 1}\nkubernetes: {x: 1}\nlog: {x: 1}\n";
    let in_settings = Settings::parse(Source { file: Path::new("x"), text: settings }).unwrap_err();
    let rules = "{groups: [{x: 1, name: a, rules: [{record: a, expr: up, x: 1}, {alert: a, expr: up, x: 1}, {scale: b, x: 1, \
                 target: {kind: D, namespace: a, name: b, x: 1}, replicas: {max: 1, x: 1}, \
                 metrics: [{name: a, demand: up, per_replica: 1, x: 1}], \
                 behavior: {x: 1, scale_up: {x: 1, policies: [{type: Pods, value: 1, period: 1s, x: 1}]}}}]}], x: 1}";
    let in_rules = rule::compile(&[("x".into(), rules.to_owned())], &Settings::default()).unwrap_err();
    let tests = "{rule_files: [], x: 1, tests: [{x: 1, scale_test: [{eval_time: 1m, workload: a/b, replicas: 1, x: 1}], \
                 workloads: {a/b: {x: 1}}, input_series: [{series: a, values: 1, x: 1}], actions: [{at: 1m, x: 1}], \
                 alert_rule_test: [{eval_time: 1m, alertname: a, exp_alerts: [{x: 1}], x: 1}], \
                 promql_expr_test: [{eval_time: 1m, expr: a, exp_samples: [{value: 1, x: 1}], x: 1}]}]}";
    let in_tests = TestFile::parse(Source { file: Path::new("x"), text: tests }).unwrap_err();
    let findings = in_settings.iter().chain(&in_rules).chain(&in_tests);
    let known = findings
        .filter(|finding| finding.message.contains("known: "))
        .map(|finding| finding.message.split_once("known: ").unwrap().1);
    for name in known.flat_map(|known| known.split(", ")) {
        let shown = readme.lines().any(|line| line.trim_start().starts_with(&format!("{name}:")));
        assert!(shown || readme.contains(&format!("`{name}`")), "{name} is not in the reference");
    }
}
