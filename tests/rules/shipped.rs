//! The tests that ship with the rules: all pass, in the library and by the command, and no rule file is without one.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use headroom::sim::ruletest::{self, RuleTests, Shown};

const ROOT: &str = env!("CARGO_MANIFEST_DIR");

/// The YAML files of a folder, by their names without ending.
fn names(folder: &str) -> BTreeSet<String> {
    let entries = std::fs::read_dir(Path::new(ROOT).join(folder)).unwrap();
    let paths = entries.map(|entry| entry.unwrap().path());
    let yaml = paths.filter(|path| path.extension().is_some_and(|ending| ending == "yaml"));
    yaml.map(|path| path.file_stem().unwrap().to_str().unwrap().to_owned()).collect()
}

fn run(arguments: &[&str]) -> (String, String, Option<i32>) {
    let Output { stdout, stderr, status } =
        Command::new(env!("CARGO_BIN_EXE_headroom")).current_dir(ROOT).arg("test").args(arguments).output().unwrap();
    (String::from_utf8(stdout).unwrap(), String::from_utf8(stderr).unwrap(), status.code())
}

#[test]
fn every_shipped_rule_file_has_a_test_and_each_passes() {
    let tests = names("rules/tests");
    let rules: BTreeSet<String> = names("rules").into_iter().chain(names("rules/cookbook")).collect();
    assert_eq!(tests, rules, "a test file for each rule file, of the same name");
    let mut reports = Vec::new();
    for name in &tests {
        let file = PathBuf::from(ROOT).join(format!("rules/tests/{name}.yaml"));
        let tests = RuleTests::load(&file).unwrap_or_else(|findings| panic!("{}", findings.first().unwrap()));
        reports.extend(tests.run(None));
    }
    let passed = reports.iter().all(ruletest::Report::passed);
    assert!(passed && reports.len() >= 17, "{}", ruletest::text(&reports, Shown::Words));
}

#[test]
fn the_cookbook_names_each_of_its_files() {
    let page = std::fs::read_to_string(Path::new(ROOT).join("rules/COOKBOOK.md")).unwrap();
    for name in names("rules/cookbook") {
        assert!(page.contains(&format!("(cookbook/{name}.yaml)")), "{name} is not in the cookbook");
        assert!(page.contains(&format!("(tests/{name}.yaml)")), "{name}'s test is not in the cookbook");
    }
}

#[test]
fn the_test_that_the_reference_shows_passes() {
    let page = std::fs::read_to_string(Path::new(ROOT).join("rules/README.md")).unwrap();
    let shown = page.split("```yaml\n").find(|block| block.starts_with("rule_files:")).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let rules = format!("[{ROOT}/rules/web.yaml]");
    let text = shown.split("```").next().unwrap().replacen("[../web.yaml]", &rules, 1);
    let file = folder.path().join("test.yaml");
    std::fs::write(&file, text).unwrap();
    let reports = RuleTests::load(&file).unwrap_or_else(|findings| panic!("{}", findings.first().unwrap())).run(None);
    assert!(reports.iter().all(ruletest::Report::passed), "{}", ruletest::text(&reports, Shown::Words));
}

#[test]
fn the_command_runs_files_and_folders() {
    let (out, err, code) = run(&["rules/tests/web.yaml", "--run", "CPU"]);
    let want = "rules/tests/web.yaml\n  ok    CPU has the last word where requests are few but heavy (5m)\n\
                1 test in 1 file: 1 passed, 0 failed\n";
    assert_eq!((out.as_str(), err.as_str(), code), (want, "", Some(0)));
    let (out, _, code) = run(&["--tap", "rules/tests/web.yaml"]);
    assert!(out.starts_with("TAP version 14\n1..3\nok 1 - rules/tests/web.yaml: "), "{out}");
    assert_eq!(code, Some(0));
}

#[test]
fn the_command_ends_with_1_where_a_test_fails_and_tells_build_servers() {
    let (out, err, code) = run(&["tests/rules/failing.yaml", "--junit", "-"]);
    assert!(out.contains("<testsuite name=\"tests/rules/failing.yaml\" tests=\"1\" failures=\"1\""), "{out}");
    assert_eq!((err.as_str(), code), ("", Some(1)));
    let (out, _, code) = run(&["tests/rules/failing.yaml", "--diff"]);
    assert!(out.contains("- replicas 3\n") && out.contains("+ replicas 4\n"), "{out}");
    assert_eq!(code, Some(1));
}

#[test]
fn the_command_ends_with_1_where_a_file_is_wrong_and_2_where_there_is_nothing_to_run() {
    let (_, err, code) = run(&["tests/rules/broken/rule_tests.yaml"]);
    assert!(err.starts_with("tests/rules/broken/rule_tests.yaml:"), "{err}");
    assert_eq!(code, Some(1));
    let (out, _, _) = run(&["--tap", "tests/rules/broken/rule_tests.yaml"]);
    assert!(out.starts_with("TAP version 14\n1..1\nnot ok 1 - tests/rules/broken/rule_tests.yaml: "), "{out}");
    assert_eq!(run(&["rules/tests/nothing.yaml"]).2, Some(2));
    assert_eq!(run(&["rules/tests/web.yaml", "--run", "no such name"]).2, Some(2));
    assert_eq!(run(&["--run", "("]).2, Some(2));
}
