//! Rule files → a [`RuleSet`], or everything that is wrong in them.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::path::PathBuf;
use std::sync::Arc;

use super::template::{is_label_name, is_metric_name, is_namespace, is_object_name};
use super::{Group, Metric, PerReplica, RecordRule, Rule, RuleSet, ScaleRule, TargetTemplate, Template, policy};
use crate::config::{self, At, Finding, Pair, RuleFile, Settings, Source, Span};
use crate::labels::Labels;
use crate::promql::Plan;
use crate::workload::Workload;

/// Compiles rule files, all or nothing: one finding anywhere, and the rules that were in force stay.
pub fn compile(files: &[(PathBuf, String)], settings: &Settings) -> Result<RuleSet, Vec<Finding>> {
    let mut compiler = Compiler { settings, findings: Vec::new(), scales: HashMap::new(), targets: HashMap::new() };
    let mut groups = Vec::new();
    for (file, text) in files {
        let source = Source { file, text };
        match RuleFile::parse(source) {
            Ok(written) => groups.extend(compiler.file(source, written)),
            Err(findings) => compiler.findings.extend(findings),
        }
    }
    if compiler.findings.is_empty() { Ok(RuleSet { groups }) } else { Err(compiler.findings) }
}

struct Compiler<'a> {
    settings: &'a Settings,
    findings: Vec<Finding>,
    /// Where each scale rule's name was first given.
    scales: HashMap<String, String>,
    /// The scale rule of each constant target.
    targets: HashMap<Workload, String>,
}

impl Compiler<'_> {
    fn file(&mut self, source: Source<'_>, written: RuleFile) -> Vec<Group> {
        let before = self.findings.len();
        let mut names = HashMap::new();
        let mut groups = Vec::new();
        for group in written.groups {
            self.nameable(source, &group.name, "a group");
            let line = source.place(group.name.span).line;
            match names.entry(group.name.value.clone()) {
                Entry::Vacant(slot) => _ = slot.insert(line),
                Entry::Occupied(first) => {
                    let message = format!("group \"{}\" is there already, in line {}", group.name.value, first.get());
                    self.report(source, group.name.span, message);
                }
            }
            groups.extend(self.group(source, group));
        }
        if let Some(own) = self.findings.get_mut(before..) {
            own.sort_by_key(Finding::order);
        }
        groups
    }

    fn group(&mut self, source: Source<'_>, group: config::Group) -> Option<Group> {
        let interval = group.interval.map_or(self.settings.evaluation.interval, |interval| {
            if interval.value.is_zero() {
                self.report(source, interval.span, "interval must be more than zero");
            }
            interval.value
        });
        let rules: Vec<Option<Rule>> = group.rules.iter().map(|rule| self.rule(source, rule)).collect();
        Some(Group {
            name: group.name.value.into(),
            file: source.file.to_owned(),
            interval,
            rules: rules.into_iter().collect::<Option<_>>()?,
        })
    }

    fn rule(&mut self, source: Source<'_>, rule: &config::Rule) -> Option<Rule> {
        match rule {
            config::Rule::Record(rule) => self.record(source, rule).map(|rule| Rule::Record(Arc::new(rule))),
            config::Rule::Scale(rule) => self.scale(source, rule).map(|rule| Rule::Scale(Arc::new(rule))),
        }
    }

    fn record(&mut self, source: Source<'_>, rule: &config::RecordRule) -> Option<RecordRule> {
        let name = &rule.record;
        if !is_metric_name(&name.value) {
            let message =
                format!("\"{}\" is no metric name: letters, digits, \"_\" and \":\", no digit first", name.value);
            self.report(source, name.span, message);
        }
        self.label_names(source, &rule.labels);
        let plan = self.plan(source, &rule.expr)?;
        Some(RecordRule { name: name.value.as_str().into(), labels: pairs(&rule.labels), plan })
    }

    fn scale(&mut self, source: Source<'_>, rule: &config::ScaleRule) -> Option<ScaleRule> {
        self.nameable(source, &rule.scale, "a scale rule");
        let place = format!("{}:{}", source.file.display(), source.place(rule.scale.span).line);
        match self.scales.entry(rule.scale.value.clone()) {
            Entry::Vacant(slot) => _ = slot.insert(place),
            Entry::Occupied(first) => {
                let message = format!("scale rule \"{}\" is there already, at {}", rule.scale.value, first.get());
                self.report(source, rule.scale.span, message);
            }
        }
        let target = self.target(source, rule);
        let policy = policy::compile(rule, source, &mut self.findings);
        let metrics = self.metrics(source, &rule.metrics);
        self.label_names(source, &rule.labels);
        Some(ScaleRule {
            name: rule.scale.value.as_str().into(),
            target: target?,
            policy,
            metrics: metrics?,
            labels: Labels::from_pairs(pairs(&rule.labels)).unwrap_or_default(),
            annotations: pairs(&rule.annotations),
        })
    }

    fn target(&mut self, source: Source<'_>, rule: &config::ScaleRule) -> Option<TargetTemplate> {
        let config::Target { api_version, kind, namespace, name } = &rule.target;
        if !kind.value.starts_with(|c: char| c.is_ascii_uppercase())
            || !kind.value.chars().all(|c| c.is_ascii_alphanumeric())
        {
            self.report(
                source,
                kind.span,
                format!("\"{}\" is no kind of object; write it as in Deployment", kind.value),
            );
        }
        let namespace_template = self.template(source, namespace, is_namespace);
        let name_template = self.template(source, name, is_object_name);
        let target = TargetTemplate {
            api_version: api_version.clone(),
            kind: kind.value.clone(),
            namespace: namespace_template?,
            name: name_template?,
        };
        if let Some(workload) = target.constant() {
            match self.targets.entry(workload) {
                Entry::Vacant(slot) => _ = slot.insert(rule.scale.value.clone()),
                Entry::Occupied(first) => {
                    let message = format!(
                        "{} is scaled by rule \"{}\" already; make these metrics of one rule",
                        first.key(),
                        first.get()
                    );
                    self.report(source, name.span, message);
                }
            }
        }
        Some(target)
    }

    /// A namespace or a name; one without labels must be a Kubernetes name now.
    fn template(&mut self, source: Source<'_>, written: &At<String>, is_name: fn(&str) -> bool) -> Option<Template> {
        match Template::compile(&written.value) {
            Ok(template) => {
                if template.constant().is_some_and(|text| !is_name(text)) {
                    let message = format!(
                        "\"{}\" is no Kubernetes name: lower-case letters, digits and \"-\", no \"-\" at its ends",
                        written.value
                    );
                    self.report(source, written.span, message);
                }
                Some(template)
            }
            Err(error) => {
                let message = error.to_string();
                self.report(source, written.locate(source.text, error.at), message);
                None
            }
        }
    }

    fn metrics(&mut self, source: Source<'_>, written: &At<Vec<config::Metric>>) -> Option<Vec<Metric>> {
        if written.value.is_empty() {
            self.report(source, written.span, "a scale rule needs at least one metric");
        }
        let mut names = HashMap::new();
        let mut metrics = Vec::new();
        for metric in &written.value {
            self.nameable(source, &metric.name, "a metric");
            if names.insert(&metric.name.value, ()).is_some() {
                let message = format!("metric \"{}\" is there already in this rule", metric.name.value);
                self.report(source, metric.name.span, message);
            }
            metrics.push(self.metric(source, metric));
        }
        metrics.into_iter().collect()
    }

    fn metric(&mut self, source: Source<'_>, metric: &config::Metric) -> Option<Metric> {
        let demand = self.plan(source, &metric.demand);
        let per_replica = match &metric.per_replica {
            config::PerReplica::Number(number) => {
                if number.value <= 0.0 {
                    self.report(
                        source,
                        number.span,
                        "per_replica must be more than zero: the work that one replica takes",
                    );
                }
                Some(PerReplica::Number(number.value))
            }
            config::PerReplica::Expr(expr) => self.plan(source, expr).map(PerReplica::Expr),
        };
        Some(Metric { name: metric.name.value.as_str().into(), demand: demand?, per_replica: per_replica? })
    }

    fn plan(&mut self, source: Source<'_>, expr: &At<String>) -> Option<Arc<Plan>> {
        match Plan::compile(&expr.value) {
            Ok(plan) => Some(Arc::new(plan)),
            Err(error) => {
                let message = error.to_string();
                self.report(source, expr.locate(source.text, error.at), message);
                None
            }
        }
    }

    fn label_names(&mut self, source: Source<'_>, labels: &[Pair]) {
        for Pair { name, .. } in labels {
            if !is_label_name(&name.value) || name.value == crate::labels::NAME {
                let message = format!("\"{}\" is no label name: letters, digits and \"_\", no digit first", name.value);
                self.report(source, name.span, message);
            }
        }
    }

    fn nameable(&mut self, source: Source<'_>, name: &At<String>, what: &str) {
        if name.value.trim().is_empty() {
            self.report(source, name.span, format!("{what} needs a name"));
        }
    }

    fn report(&mut self, source: Source<'_>, span: Span, message: impl Into<String>) {
        self.findings.push(source.finding(span, message));
    }
}

fn pairs(written: &[Pair]) -> Vec<(String, String)> {
    written.iter().map(|pair| (pair.name.value.clone(), pair.value.clone())).collect()
}
