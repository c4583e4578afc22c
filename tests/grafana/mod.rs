//! The dashboard: each query parses, names only metrics and labels of the table, and is there for a real Prometheus
//! to answer.

mod peer;

use std::collections::BTreeSet;
use std::convert::Infallible;

use headroom::telemetry::{Kind, names::TABLE};
use promql_parser::parser::{Expr, LabelModifier, VectorSelector};
use promql_parser::util::{ExprVisitor, walk_expr};
use serde_json::Value;

const DASHBOARD: &str = include_str!("../../deploy/grafana/headroom.json");

/// What Grafana would put in the place of each variable: all workloads, and a rate over the last minute.
const VARIABLES: [(&str, &str); 2] = [("$workload", ".+"), ("$__rate_interval", "1m")];

/// Labels that a Prometheus gives to what it scrapes, or that belong to histograms.
const GIVEN: [&str; 3] = ["job", "instance", "le"];

/// Each panel's title with one of its expressions, ready to be asked.
pub(crate) fn panel_queries() -> Vec<(String, String)> {
    let queries = panels().into_iter().flat_map(|panel| {
        let title = text(&panel, "title");
        let targets = panel["targets"].as_array().cloned().unwrap_or_default();
        targets.into_iter().map(move |target| (title.clone(), substituted(&text(&target, "expr"))))
    });
    queries.collect()
}

fn substituted(expr: &str) -> String {
    let expr = VARIABLES.iter().fold(expr.to_owned(), |expr, (name, value)| expr.replace(name, value));
    assert!(!expr.contains('$'), "{expr} has a variable that nobody knows");
    expr
}

fn dashboard() -> Value {
    serde_json::from_str(DASHBOARD).expect("the dashboard is JSON")
}

/// Panels that show something; rows only part them.
fn panels() -> Vec<Value> {
    let dashboard = dashboard();
    let panels = dashboard["panels"].as_array().expect("a dashboard has panels");
    panels.iter().filter(|panel| panel["type"] != "row").cloned().collect()
}

fn text(value: &Value, key: &str) -> String {
    value[key].as_str().expect("a panel's texts are texts").to_owned()
}

/// What an expression reads and groups by.
#[derive(Default)]
struct Named {
    metrics: BTreeSet<String>,
    labels: BTreeSet<String>,
}

impl Named {
    fn selector(&mut self, selector: &VectorSelector) {
        self.metrics.extend(selector.name.clone());
        self.labels.extend(selector.matchers.matchers.iter().map(|matcher| matcher.name.clone()));
    }
}

impl ExprVisitor for Named {
    type Error = Infallible;

    fn pre_visit(&mut self, expr: &Expr) -> Result<bool, Infallible> {
        match expr {
            Expr::VectorSelector(selector) => self.selector(selector),
            Expr::MatrixSelector(selector) => self.selector(&selector.vs),
            Expr::Aggregate(aggregate) => {
                if let Some(LabelModifier::Include(labels) | LabelModifier::Exclude(labels)) = &aggregate.modifier {
                    self.labels.extend(labels.labels.iter().cloned());
                }
            }
            _ => {}
        }
        Ok(true)
    }
}

/// A series' name as the table has it: a histogram's parts carry suffixes.
fn family(series: &str) -> &str {
    let of_histogram = ["_bucket", "_sum", "_count"].iter().find_map(|suffix| {
        let stem = series.strip_suffix(suffix)?;
        TABLE.iter().any(|metric| metric.name == stem && metric.kind == Kind::Histogram).then_some(stem)
    });
    of_histogram.unwrap_or(series)
}

#[test]
fn every_query_parses_and_names_only_what_the_table_has() {
    for (title, expr) in panel_queries() {
        let parsed = promql_parser::parser::parse(&expr).unwrap_or_else(|err| panic!("{title}: {expr}: {err}"));
        let mut named = Named::default();
        let Ok(_) = walk_expr(&mut named, &parsed);
        assert!(!named.metrics.is_empty(), "{title}: {expr} reads something");
        let metrics = named.metrics.iter().map(|series| {
            let found = TABLE.iter().find(|metric| metric.name == family(series));
            found.unwrap_or_else(|| panic!("{title}: {series} is not in the table"))
        });
        let labels: BTreeSet<&str> = metrics.flat_map(|metric| metric.labels).copied().chain(GIVEN).collect();
        for label in &named.labels {
            assert!(labels.contains(label.as_str()), "{title}: no metric in {expr} has the label {label}");
        }
    }
}

#[test]
fn every_panel_says_what_it_shows_and_asks_the_chosen_data_source() {
    let panels = panels();
    assert!(panels.len() >= 12);
    let mut titles = BTreeSet::new();
    for panel in &panels {
        let title = text(panel, "title");
        assert!(text(panel, "description").ends_with('.'), "{title} has a description");
        for target in panel["targets"].as_array().expect("a panel has targets") {
            assert_eq!(text(&target["datasource"], "uid"), "${datasource}", "{title}");
        }
        assert!(titles.insert(title), "titles tell panels apart");
    }
}

#[test]
fn panels_do_not_lie_on_each_other() {
    let dashboard = dashboard();
    let mut taken = BTreeSet::new();
    for panel in dashboard["panels"].as_array().expect("a dashboard has panels") {
        let at = |key: &str| panel["gridPos"][key].as_u64().expect("a place is a number");
        assert!(at("x") + at("w") <= 24, "{} is within the 24 columns", panel["title"]);
        for x in at("x")..at("x") + at("w") {
            for y in at("y")..at("y") + at("h") {
                assert!(taken.insert((x, y)), "{} lies on another panel", panel["title"]);
            }
        }
    }
}
