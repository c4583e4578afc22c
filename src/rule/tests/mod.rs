//! Rule texts in; findings, policies, workloads and records out. Vectors are written as PromQL without series, so no
//! window is needed to fill a fleet.

#![allow(clippy::needless_pass_by_value, reason = "expectations are made where they are checked")]

mod alerts;
mod answers;
mod files;
mod findings;
mod policies;
mod records;
mod templates;

use std::path::PathBuf;

use super::*;
use crate::config::{Finding, Settings};
use crate::time::Timestamp;

const NOW: Timestamp = Timestamp::from_millis(1_000_000);

/// Compiles one rule file that is called `web.yaml`.
fn compiled(text: &str) -> Result<RuleSet, Vec<Finding>> {
    compile(&[(PathBuf::from("web.yaml"), text.to_owned())], &Settings::default())
}

/// The one rule of a group, given from its first field on.
fn rule(text: &str) -> Result<RuleSet, Vec<Finding>> {
    compiled(&format!("groups:\n  - name: shop\n    rules:\n{}", indented(text, 6)))
}

fn indented(text: &str, by: usize) -> String {
    text.lines().fold(String::new(), |done, line| format!("{done}{:by$}{line}\n", ""))
}

/// A scale rule of a Deployment, bound. A metric is its name, its demand and what one replica takes.
fn bound(target: &str, metrics: &[(&str, &str, &str)]) -> Arc<BoundScale> {
    let metrics = metrics.iter().fold(String::new(), |done, (name, demand, per_replica)| {
        format!("{done}- name: {name}\n  demand: >-\n    {demand}\n  per_replica: >-\n    {per_replica}\n")
    });
    of_metrics(target, &indented(&metrics, 4))
}

/// A scale rule with these metrics, as written.
#[track_caller]
fn of_metrics(target: &str, metrics: &str) -> Arc<BoundScale> {
    let text = format!(
        "- scale: checkout\n  target: {{kind: Deployment, {target}}}\n  replicas: {{max: 9}}\n  metrics:\n{metrics}"
    );
    let rules = rule(&text).unwrap_or_else(|findings| panic!("{}", shown(&findings))).bind(Vec::new());
    match rules.groups.first().and_then(|group| group.rules.first()) {
        Some(BoundRule::Scale(bound)) => Arc::clone(bound),
        other => panic!("{other:?}"),
    }
}

fn shown(findings: &[Finding]) -> String {
    findings.iter().fold(String::new(), |text, finding| format!("{text}{finding}\n"))
}
