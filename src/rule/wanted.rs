//! What the rules read of what others send, by metric name: for whoever sends no more than that.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use super::{Rule, RuleSet};
use crate::labels::{MatchOp, Matcher, NAME, Pattern};
use crate::series::{Keep, Selector};

/// Which series the rules of a set may read, by the metric's name. Whatever they read has one of `names`, or a name
/// that one of `patterns` matches, or is made by the rules themselves; unless `any` says otherwise.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Wanted {
    pub names: BTreeSet<String>,
    /// Regular expressions over whole names, as PromQL and Prometheus's relabelling read them.
    pub patterns: BTreeSet<String>,
    /// Names that are read and left out, for the rules make the series themselves.
    pub made: BTreeSet<String>,
    /// Selectors that may match a series of any name.
    pub any: Vec<AnyName>,
}

/// A selector that may match a series of any name, and whose it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AnyName {
    pub file: PathBuf,
    pub rule: Arc<str>,
    pub selector: String,
}

/// Names that have nothing in common: what matches them all is taken to match any.
const STRANGERS: [&str; 4] = ["a", "_9:total", "ZZ_bucket", "quite_another:name"];

impl Wanted {
    /// Adds what the settings keep, read or not; gives the selectors that may match a series of any name.
    pub fn add_kept(&mut self, keep: &Keep) -> Vec<String> {
        let selectors = match keep {
            Keep::Rules => Vec::new(),
            Keep::Matching(selectors) => selectors.clone(),
            Keep::All => vec![Vec::new()],
        };
        let mut any = Vec::new();
        for matchers in selectors {
            let selector = Selector { matchers, span: Duration::ZERO };
            match asked(&selector) {
                Asked::Names(names) => self.names.extend(names),
                Asked::Pattern(pattern) => _ = self.patterns.insert(pattern),
                Asked::Any => any.push(shown(&selector)),
            }
        }
        self.made.retain(|name| !self.names.contains(name));
        any
    }
}

impl RuleSet {
    /// What the rules read of what others send.
    #[must_use]
    pub fn wanted(&self) -> Wanted {
        let made = self.made();
        let mut wanted = Wanted::default();
        for group in &self.groups {
            for rule in &group.rules {
                for selector in rule.plans().into_iter().flat_map(|plan| plan.selectors()) {
                    match asked(selector) {
                        Asked::Names(names) => {
                            for name in names {
                                let own = made.get(name.as_str()).is_some_and(|made| made.covers(selector));
                                if own { &mut wanted.made } else { &mut wanted.names }.insert(name);
                            }
                        }
                        Asked::Pattern(pattern) => _ = wanted.patterns.insert(pattern),
                        Asked::Any => wanted.any.push(AnyName {
                            file: group.file.clone(),
                            rule: Arc::clone(rule.name()),
                            selector: shown(selector),
                        }),
                    }
                }
            }
        }
        // What one rule leaves out and another asks for is asked for.
        wanted.made.retain(|name| !wanted.names.contains(name));
        wanted
    }

    /// The series that the rules make, by name.
    fn made(&self) -> BTreeMap<&str, Made<'_>> {
        let mut made = BTreeMap::new();
        for rule in self.groups.iter().flat_map(|group| &group.rules) {
            match rule {
                // A rule that reads its own name has to have its first series from elsewhere.
                Rule::Record(record) => {
                    let named = |selector: &Selector| match asked(selector) {
                        Asked::Names(names) => names.iter().any(|name| **name == *record.name),
                        Asked::Pattern(_) | Asked::Any => false,
                    };
                    let own = made.entry(&*record.name).or_insert(Made::Wholly);
                    if record.plan.selectors().iter().any(named) {
                        *own = Made::Partly;
                    }
                }
                Rule::Alert(alert) => {
                    for name in ["ALERTS", "ALERTS_FOR_STATE"] {
                        let Made::Alerts(alerts) = made.entry(name).or_insert_with(|| Made::Alerts(BTreeSet::new()))
                        else {
                            continue;
                        };
                        alerts.insert(&*alert.name);
                    }
                }
                Rule::Scale(_) => {}
            }
        }
        made
    }
}

/// How far series of a name are the rules' own.
#[derive(Debug)]
enum Made<'a> {
    Partly,
    Wholly,
    /// Those of these alerts. A sender has alerts of its own under the same name.
    Alerts(BTreeSet<&'a str>),
}

impl Made<'_> {
    /// Whether all that a selector of this name reads is made by the rules.
    fn covers(&self, selector: &Selector) -> bool {
        match self {
            Self::Partly => false,
            Self::Wholly => true,
            Self::Alerts(alerts) => selector.matchers.iter().any(|matcher| {
                let names_one = matcher.name() == super::ALERT_NAME && matcher.op() == MatchOp::Equal;
                names_one && alerts.contains(matcher.value())
            }),
        }
    }
}

/// What a selector asks of a metric's name.
enum Asked {
    Names(Vec<String>),
    /// A regular expression that matches every name it may read, and perhaps others.
    Pattern(String),
    Any,
}

fn asked(selector: &Selector) -> Asked {
    let of_name: Vec<&Matcher> = selector.matchers.iter().filter(|matcher| matcher.name() == NAME).collect();
    let passes = |name: &str| of_name.iter().all(|matcher| matcher.matches_value(name));
    if let Some(name) = selector.metric_name() {
        // Where the matchers contradict one another, no series is read.
        return Asked::Names(Vec::from_iter(passes(name).then(|| name.to_owned())));
    }
    let mut patterns = of_name.iter().filter(|matcher| matcher.op() == MatchOp::Regex).map(|matcher| matcher.value());
    // Any of them is right, for a series has to match them all.
    match patterns.find(|pattern| !matches_any(pattern)) {
        Some(pattern) => match alternatives(pattern) {
            Some(names) => Asked::Names(names.into_iter().filter(|name| passes(name)).collect()),
            None => Asked::Pattern(pattern.to_owned()),
        },
        None => Asked::Any,
    }
}

/// Whether a pattern is taken to match any name.
fn matches_any(pattern: &str) -> bool {
    Pattern::new(pattern).map_or(true, |pattern| STRANGERS.iter().all(|name| pattern.matches(name)))
}

/// The names of a pattern that is nothing but names: `a|b`.
fn alternatives(pattern: &str) -> Option<Vec<String>> {
    let is_plain = |name: &str| {
        !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b':')
    };
    pattern.split('|').map(|name| is_plain(name).then(|| name.to_owned())).collect()
}

/// A selector as PromQL writes it.
fn shown(selector: &Selector) -> String {
    let matchers: Vec<String> = selector.matchers.iter().map(ToString::to_string).collect();
    format!("{{{}}}", matchers.join(","))
}

#[cfg(test)]
mod tests {
    use crate::config::Settings;

    use super::*;

    /// The names, patterns and own series of rules, an expression a line; a line `name := expression` records, or alerts.
    #[track_caller]
    fn check(rules: &str, want: &str) {
        let mut text = "groups:\n- name: g\n  rules:\n".to_owned();
        for (at, line) in rules.lines().map(str::trim).filter(|line| !line.is_empty()).enumerate() {
            let (kind, expr) = match line.split_once(" := ") {
                Some(("alert", expr)) => ("alert: Slow".to_owned(), expr),
                Some((name, expr)) => (format!("record: {name}"), expr),
                None => (format!("record: other:{at}"), line),
            };
            let expr = serde_json::to_string(expr).unwrap();
            text.extend(["  - ", &kind, "\n    expr: ", &expr, "\n"]);
        }
        let rules = super::super::compile(&[(PathBuf::from("r.yaml"), text.clone())], &Settings::default()).unwrap();
        let Wanted { names, patterns, made, any } = rules.wanted();
        let join = |words: BTreeSet<String>| words.into_iter().collect::<Vec<_>>().join(" ");
        let any: Vec<String> = any.into_iter().map(|any| any.selector).collect();
        let parts = [("", join(names)), (" ~ ", join(patterns)), (" = ", join(made)), (" ? ", any.join(" "))];
        let shown = parts.iter().filter(|(_, words)| !words.is_empty());
        let shown: String = shown.flat_map(|(sign, words)| [*sign, words]).collect();
        assert_eq!(shown.trim_start(), want, "{text}");
    }

    #[test]
    fn names_are_collected_from_every_selector() {
        check("sum(rate(a_total{x='1'}[1m])) / count(b offset 5m) > bool scalar(c)", "a_total b c");
        check("{__name__='a.b', x!='1'}", "a.b");
        check("{__name__='a', __name__!~'b.*'}", "a");
        check("{__name__='a', __name__=~'b.*'}", "");
        check("vector(1)", "");
    }

    #[test]
    fn patterns_are_kept_as_they_are() {
        check("{__name__=~'http_.*'}", "~ http_.*");
        check("{__name__=~'a|b', __name__!='b'}", "a");
        check("{__name__=~'.+', __name__=~'http_.*', x='1'}", "~ http_.*");
        check("{__name__=~'(?i)a|b'}", "~ (?i)a|b");
    }

    #[test]
    fn what_may_have_any_name_is_told() {
        check("{x='1'}", r#"? {x="1"}"#);
        check("{__name__=~'.+'}", r#"? {__name__=~".+"}"#);
        check("{__name__=~'[a-zA-Z_:].*', x='1'} + a", r#"a ? {__name__=~"[a-zA-Z_:].*",x="1"}"#);
        check("{__name__!='a', x='1'}", r#"? {__name__!="a",x="1"}"#);
    }

    #[test]
    fn what_the_rules_make_is_not_asked_for() {
        check("app:x := sum by (app) (x)\n app:x > 1", "x = app:x");
        check("app:x := x\n {__name__=~'app:x|y'}", "x y = app:x");
        check("app:x := x\n {__name__=~'app:.*'}", "x ~ app:.*");
        // Its first series comes from elsewhere.
        check("x := x > 1 or x * 2\n sum(x)", "x");
    }

    #[test]
    fn alerts_are_asked_for_unless_the_rules_make_them() {
        check("alert := x > 1\n count(ALERTS{alertname='Slow'})", "x = ALERTS");
        check("alert := x > 1\n count(ALERTS{alertname='Other'})", "ALERTS x");
        check("alert := x > 1\n count(ALERTS)", "ALERTS x");
        check("ALERTS{alertname='Slow'}", "ALERTS");
    }
}
