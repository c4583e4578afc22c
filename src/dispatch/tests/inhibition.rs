//! Which alerts hold what back: the semantics are those of Alertmanager's documentation.

use super::*;

/// Whether a firing `source` holds back `target` under a rule.
#[track_caller]
fn check(rule: &str, source: &str, target: &str, want: bool) {
    let mut alerts = Alerts::new(routing(&format!("inhibit_rules: [{{{rule}}}]")));
    alerts.put(alert(source, 0, 60), at(0)).unwrap();
    assert_eq!(alerts.inhibits(&labels(target)).is_some(), want, "{source} {target}");
}

#[test]
fn a_source_holds_back_targets_with_the_same_values() {
    let rule = "source_matchers: [s=1], target_matchers: [t=1], equal: [e]";
    check(rule, "s=1 e=1", "t=1 e=1", true);
    check(rule, "s=1 e=1", "t=1 e=2", false);
    check(rule, "s=1 e=1", "t=1", false);
    check(rule, "s=1", "t=1 e=1", false);
    check(rule, "s=1", "t=1", true);
    check(rule, "s=1 other=x", "t=1 other=y", true);
    check(rule, "s=2 e=1", "t=1 e=1", false);
    check(rule, "s=1 e=1", "t=2 e=1", false);
}

#[test]
fn without_equal_labels_any_source_counts() {
    check("source_matchers: [s=1], target_matchers: [t=1]", "s=1 a=b", "t=1 c=d", true);
}

#[test]
fn what_matches_both_sides_is_held_back_only_by_what_does_not() {
    let rule = "source_matchers: [s=1], target_matchers: [t=1], equal: [e]";
    // Itself, and another that matches both sides as well.
    check(rule, "s=1 t=1 e=1", "s=1 t=1 e=1", false);
    check(rule, "s=1 t=1 e=1 x=y", "s=1 t=1 e=1", false);
    check(rule, "s=1 t=2 e=1", "s=1 t=1 e=1", true);
    check(rule, "s=1 t=1 e=1", "s=2 t=1 e=1", true);
}

#[test]
fn regular_expressions_and_negations_match() {
    let rule = r#"source_matchers: ['severity=~"critical|page"'], target_matchers: ['severity!="page"'], equal: [app]"#;
    check(rule, "severity=page app=a", "severity=info app=a", true);
    check(rule, "severity=page app=a", "severity=page app=a", false);
    check(rule, "severity=critical app=a", "app=a", true);
    check(rule, "severity=info app=a", "severity=info app=a", false);
}

#[test]
fn a_source_that_has_ended_holds_nothing_back() {
    let rule = "inhibit_rules: [{source_matchers: [s=1], target_matchers: [t=1]}]";
    let mut alerts = Alerts::new(routing(rule));
    alerts.put(alert("s=1 n=1", 0, 60), at(0)).unwrap();
    alerts.put(alert("s=1 n=2", 0, 30), at(0)).unwrap();
    let version = alerts.inhibition_version();
    alerts.put(alert("s=1 n=1", 0, 90), at(1)).unwrap();
    assert_eq!(alerts.inhibition_version(), version, "that it goes on is no change");
    alerts.advance(at(30));
    assert!(alerts.inhibits(&labels("t=1")).is_some());
    assert!(alerts.inhibition_version() > version);
    alerts.advance(at(89));
    assert!(alerts.inhibits(&labels("t=1")).is_some());
    alerts.advance(at(90));
    assert!(alerts.inhibits(&labels("t=1")).is_none());
}

#[test]
fn decisions_are_targets_too() {
    let mut world = World::new(
        "inhibit_rules: [{source_matchers: [alertname=DatabaseDown], target_matchers: [tier=web, direction=up]}]",
    );
    world.fire("alertname=DatabaseDown", 60);
    world.wish("web", 2, 4, 0, "tier=web");
    world.wish("api", 2, 4, 0, "tier=api");
    world.wish("cart", 4, 2, 0, "tier=web");
    assert_eq!(world.release(), "api 2->4 by default, cart 4->2 by default");
    assert_eq!(world.muted("web"), "inhibited while the alert DatabaseDown fires (8f53c28bd1e2c9ff)");
    assert_eq!(world.due(), None);
    assert_eq!(world.release_at(59), "");
    assert_eq!(world.release_at(60), "web 2->4 by default");
    assert_eq!(world.muted("web"), "");
}
