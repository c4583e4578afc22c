//! The command `headroom check`, as a shell sees it.

use std::process::{Command, Output};

fn check(files: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_headroom"));
    command.current_dir(env!("CARGO_MANIFEST_DIR")).arg("check").args(files).output().unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

#[test]
fn files_that_are_right_get_a_line_each() {
    let output = check(&["rules/web.yaml", "rules/queue.yaml"]);
    assert_eq!(text(&output.stdout), "rules/web.yaml: 1 group, 2 rules\nrules/queue.yaml: 1 group, 2 rules\n");
    assert_eq!(text(&check(&["rules/tests/web.yaml"]).stdout), "rules/tests/web.yaml: 3 tests\n");
    assert_eq!((text(&output.stderr).as_str(), output.status.code()), ("", Some(0)));
}

#[test]
fn rules_are_checked_under_the_settings_that_are_given_with_them() {
    let (settings, rules) = ("tests/rules/together/headroom.yaml", "tests/rules/together/rules.yaml");
    for files in [[settings, rules], [rules, settings]] {
        let output = check(&files);
        assert_eq!(text(&output.stdout), format!("{settings}: settings\n{rules}: 1 group, 1 rule\n"));
        assert_eq!((text(&output.stderr).as_str(), output.status.code()), ("", Some(0)));
    }
    let shown = text(&check(&[rules]).stderr);
    assert!(shown.contains("shared"), "{shown}");
}

#[test]
fn waits_that_slow_scaling_down_are_noted() {
    let output = check(&["tests/rules/together/alertmanager.yaml"]);
    let shown = text(&output.stdout);
    assert_eq!(shown.matches("note: ").count(), 1, "only of the route that scales: {shown}");
    assert!(shown.contains("group_interval: 5m of the route {} lets a group be scaled once in 5m only"), "{shown}");
    assert_eq!(output.status.code(), Some(0));
}

#[test]
fn findings_are_shown_and_end_with_1() {
    let output = check(&["rules/web.yaml", "tests/rules/broken/syntax.yaml", "tests/rules/broken/settings.yaml"]);
    assert_eq!(text(&output.stdout), "rules/web.yaml: 1 group, 2 rules\n");
    let shown = text(&output.stderr);
    assert!(shown.contains("tests/rules/broken/syntax.yaml:5:"), "{shown}");
    assert!(shown.contains("tests/rules/broken/settings.yaml:2:9: "), "{shown}");
    assert!(shown.ends_with(" findings\n"), "{shown}");
    assert_eq!(output.status.code(), Some(1));
}

#[test]
fn a_file_that_is_not_there_or_none_at_all_ends_with_2() {
    let output = check(&["rules/nothing.yaml"]);
    assert!(text(&output.stderr).starts_with("rules/nothing.yaml: can't be read: "));
    assert_eq!(output.status.code(), Some(2));
    assert_eq!(check(&[]).status.code(), Some(2));
}
