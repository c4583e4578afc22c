//! Rule files → a [`RuleSet`], or everything that is wrong in them.

use std::collections::hash_map::Entry;
use std::collections::{BTreeMap, HashMap, HashSet};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use super::forecast;
use super::target::{is_label_name, is_metric_name, is_namespace, is_object_name};
use super::{
    AlertRule, Economy, Group, Metric, Objective, PerPod, PerReplica, RecordRule, Rule, RuleSet, ScaleRule,
    TargetTemplate, Template, policy,
};
use crate::config::{self, At, Finding, Findings, Pair, RuleFile, Settings, Source, Span, Templated};
use crate::decision::economy::{Cost, Requests};
use crate::labels::Labels;
use crate::promql::Plan;
use crate::rivals;
use crate::schedule::Calendar;
use crate::template;
use crate::workload::Workload;

/// Compiles rule files, all or nothing: one finding anywhere, and the rules that were in force stay.
pub fn compile(files: &[(PathBuf, String)], settings: &Settings) -> Result<RuleSet, Vec<Finding>> {
    let mut scales = HashMap::new();
    let mut targets = HashMap::new();
    let mut groups = Vec::new();
    let mut findings = Vec::new();
    for (file, text) in files {
        let (written, own) = RuleFile::parse(Source { file, text });
        let mut compiler =
            Compiler { settings, scales: &mut scales, targets: &mut targets, source: own.source, findings: own };
        groups.extend(compiler.file(written));
        findings.extend(compiler.findings.into_vec());
    }
    if findings.is_empty() { Ok(RuleSet { groups }) } else { Err(findings) }
}

/// Compiles one file.
struct Compiler<'a, 'f> {
    settings: &'a Settings,
    /// Where each scale rule's name was first given, in all files so far.
    scales: &'a mut HashMap<String, (Source<'f>, Span)>,
    /// The scale rule of each constant target, in all files so far.
    targets: &'a mut HashMap<Workload, String>,
    source: Source<'f>,
    findings: Findings<'f>,
}

impl Compiler<'_, '_> {
    fn file(&mut self, written: RuleFile) -> Vec<Group> {
        let mut names = HashMap::new();
        let mut groups = Vec::new();
        for group in written.groups {
            self.nameable(&group.name, "a group");
            match names.entry(group.name.value.clone()) {
                Entry::Vacant(slot) => _ = slot.insert(group.name.span),
                Entry::Occupied(first) => {
                    let line = self.source.place(*first.get()).line;
                    let message = format!("group \"{}\" is there already, in line {line}", group.name.value);
                    self.report(group.name.span, message);
                }
            }
            groups.extend(self.group(group));
        }
        groups
    }

    fn group(&mut self, group: config::Group) -> Option<Group> {
        let interval = group.interval.map_or(self.settings.evaluation.interval, |interval| {
            if interval.value.is_zero() {
                self.report(interval.span, "interval must be more than zero");
            }
            interval.value
        });
        let rules: Vec<Option<Rule>> = group.rules.iter().map(|rule| self.rule(rule, interval)).collect();
        Some(Group {
            name: group.name.value.into(),
            file: self.source.file.to_owned(),
            interval,
            rules: rules.into_iter().collect::<Option<_>>()?,
        })
    }

    fn rule(&mut self, rule: &config::Rule, interval: Duration) -> Option<Rule> {
        match rule {
            config::Rule::Record(rule) => self.record(rule).map(|rule| Rule::Record(Arc::new(rule))),
            config::Rule::Alert(rule) => self.alert(rule).map(|rule| Rule::Alert(Arc::new(rule))),
            config::Rule::Scale(rule) => self.scale(rule, interval).map(|rule| Rule::Scale(Arc::new(rule))),
        }
    }

    fn record(&mut self, rule: &config::RecordRule) -> Option<RecordRule> {
        let name = &rule.record;
        if !is_metric_name(&name.value) {
            let message =
                format!("\"{}\" is no metric name: letters, digits, \"_\" and \":\", no digit first", name.value);
            self.report(name.span, message);
        }
        self.label_names(&rule.labels);
        let plan = self.plan(&rule.expr)?;
        Some(RecordRule { name: name.value.as_str().into(), labels: pairs(&rule.labels), plan })
    }

    fn alert(&mut self, rule: &config::AlertRule) -> Option<AlertRule> {
        self.nameable(&rule.alert, "an alert rule");
        let mut queries = BTreeMap::new();
        let labels = self.templates(&rule.labels, &mut queries);
        let annotations = self.templates(&rule.annotations, &mut queries);
        let plan = self.plan(&rule.expr)?;
        Some(AlertRule {
            name: rule.alert.value.as_str().into(),
            expr: rule.expr.value.trim().into(),
            plan,
            holds_for: rule.holds_for,
            keep_firing_for: rule.keep_firing_for,
            labels: labels?,
            annotations: annotations?,
            queries: queries.into_iter().collect(),
        })
    }

    /// Labels or annotations that are templates; their constant queries go to `queries`.
    fn templates(
        &mut self,
        written: &[Templated],
        queries: &mut BTreeMap<String, Arc<Plan>>,
    ) -> Option<Vec<(String, template::Template)>> {
        let mut templates = Vec::new();
        for Templated { name, text } in written {
            self.label_name(name);
            templates.push(self.alert_template(text, queries).map(|template| (name.value.clone(), template)));
        }
        templates.into_iter().collect()
    }

    fn alert_template(
        &mut self,
        text: &At<String>,
        queries: &mut BTreeMap<String, Arc<Plan>>,
    ) -> Option<template::Template> {
        let compiled = match template::Template::compile_rule(&text.value) {
            Ok(compiled) => compiled,
            Err(error) => {
                self.report(text.locate(self.source.text, error.at), error.message);
                return None;
            }
        };
        for query in compiled.queries() {
            match Plan::compile(query) {
                Ok(plan) => _ = queries.insert(query.to_owned(), Arc::new(plan)),
                Err(error) => self.report(text.span, format!("in query({query:?}): {error}")),
            }
        }
        Some(compiled)
    }

    fn scale(&mut self, rule: &config::ScaleRule, interval: Duration) -> Option<ScaleRule> {
        self.nameable(&rule.scale, "a scale rule");
        match self.scales.entry(rule.scale.value.clone()) {
            Entry::Vacant(slot) => _ = slot.insert((self.source, rule.scale.span)),
            Entry::Occupied(first) => {
                let (source, span) = first.get();
                let place = format!("{}:{}", source.file.display(), source.place(*span).line);
                self.report(
                    rule.scale.span,
                    format!("scale rule \"{}\" is there already, at {place}", rule.scale.value),
                );
            }
        }
        let target = self.target(rule);
        let compare = self.compare(rule);
        let policy = policy::compile(rule, interval, self.source, &mut self.findings);
        let metrics = self.metrics(&rule.metrics);
        let forecast = forecast::compile(rule, &mut self.findings);
        let economy = self.economy(&rule.economy);
        self.calendar(rule);
        let shadow = rule.mode == config::Mode::Shadow;
        // What holds in the cluster is no consequence of what a shadow decides.
        let objective = rule.objective.as_ref().map(|objective| self.objective(objective)).filter(|_| !shadow);
        self.label_names(&rule.labels);
        let annotations = self.annotations(&rule.annotations);
        Some(ScaleRule {
            name: rule.scale.value.as_str().into(),
            shadow,
            compare,
            target: target?,
            policy,
            metrics: metrics?,
            forecast,
            objective: objective.map_or(Some(None), |objective| objective.map(Some))?,
            calendar: Arc::new(Calendar::compile(&rule.schedules, &rule.events)),
            economy,
            order: rule.order,
            labels: Labels::from_pairs(pairs(&rule.labels)).unwrap_or_default(),
            annotations: annotations?,
        })
    }

    /// Who runs beside the rule.
    fn compare(&mut self, rule: &config::ScaleRule) -> Vec<rivals::Kind> {
        let mut kinds = Vec::new();
        for written in &rule.compare {
            let kind = match written.value {
                config::Rival::Hpa => rivals::Kind::Hpa,
                config::Rival::Keda => rivals::Kind::Keda,
                config::Rival::PredictiveHpa => rivals::Kind::PredictiveHpa,
            };
            if rule.mode == config::Mode::Shadow {
                let message = "a shadow is compared with what there really is; write compare into the rule that acts";
                self.report(written.span, message);
            } else if kinds.contains(&kind) {
                self.report(written.span, format!("{} is there already", kind.as_str()));
            } else {
                kinds.push(kind);
            }
        }
        kinds
    }

    /// Annotations of a decision. It has no windows of its own to ask `query` about.
    fn annotations(&mut self, written: &[Templated]) -> Option<Vec<(String, template::Template)>> {
        let mut queries = BTreeMap::new();
        let compiled = self.templates(written, &mut queries);
        for Templated { text, .. } in written.iter().filter(|_| !queries.is_empty()) {
            if text.value.contains("query") {
                self.report(text.span, "query is not answered in a scale rule's annotations; use labels and value");
            }
        }
        compiled
    }

    fn target(&mut self, rule: &config::ScaleRule) -> Option<TargetTemplate> {
        let config::Target { api_version, kind, namespace, name } = &rule.target;
        if !kind.value.starts_with(|c: char| c.is_ascii_uppercase())
            || !kind.value.chars().all(|c| c.is_ascii_alphanumeric())
        {
            self.report(kind.span, format!("\"{}\" is no kind of object; write it as in Deployment", kind.value));
        }
        let namespace_template = self.template(namespace, is_namespace);
        let name_template = self.template(name, is_object_name);
        let target = TargetTemplate::new(api_version.clone(), kind.value.clone(), namespace_template?, name_template?);
        // Shadows may be several, and stand beside the one that acts.
        if let Some(workload) = target.constant().filter(|_| rule.mode == config::Mode::Live) {
            match self.targets.entry(workload.clone()) {
                Entry::Vacant(slot) => _ = slot.insert(rule.scale.value.clone()),
                Entry::Occupied(first) => {
                    let message = format!(
                        "{} is scaled by rule \"{}\" already; make these metrics of one rule",
                        first.key(),
                        first.get()
                    );
                    self.report(name.span, message);
                }
            }
        }
        Some(target)
    }

    /// A namespace or a name; one without labels must be a Kubernetes name now.
    fn template(&mut self, written: &At<String>, is_name: fn(&str) -> bool) -> Option<Template> {
        match Template::compile(&written.value) {
            Ok(template) => {
                if template.constant().is_some_and(|text| !is_name(text)) {
                    let message = format!(
                        "\"{}\" is no Kubernetes name: lower-case letters, digits and \"-\", no \"-\" at its ends",
                        written.value
                    );
                    self.report(written.span, message);
                }
                Some(template)
            }
            Err(error) => {
                let message = error.to_string();
                self.report(written.locate(self.source.text, error.at), message);
                None
            }
        }
    }

    fn metrics(&mut self, written: &At<Vec<config::Metric>>) -> Option<Vec<Metric>> {
        if written.value.is_empty() {
            self.report(written.span, "a scale rule needs at least one metric");
        }
        let mut names = HashSet::new();
        let mut metrics = Vec::new();
        for metric in &written.value {
            self.nameable(&metric.name, "a metric");
            if !names.insert(&metric.name.value) {
                let message = format!("metric \"{}\" is there already in this rule", metric.name.value);
                self.report(metric.name.span, message);
            }
            metrics.push(self.metric(metric));
        }
        metrics.into_iter().collect()
    }

    fn metric(&mut self, metric: &config::Metric) -> Option<Metric> {
        let mut per_pod = None;
        let (demand, per_replica) = match &metric.asks {
            config::Asks::Replicas(expr) => (self.plan(expr), Some(PerReplica::Absolute)),
            config::Asks::Demand { demand, per_replica } => (self.plan(demand), self.per_replica(per_replica)),
            config::Asks::PerPod { per_pod: values, target, ready } => {
                let ready = ready.as_ref().map(|ready| self.plan(ready));
                let utilization = matches!(target, config::PodTarget::Utilization(_));
                per_pod = Some(PerPod { ready: ready.map_or(Some(None), |ready| ready.map(Some))?, utilization });
                (self.plan(values), self.pod_target(target))
            }
        };
        if metric.activation.value < 0.0 {
            self.report(metric.activation.span, "activation is not negative: demand above it wakes the workload");
        }
        let targets = metric.targets.as_ref().map(|targets| self.plan(targets));
        Some(Metric {
            name: metric.name.value.as_str().into(),
            demand: demand?,
            per_replica: per_replica?,
            per_pod,
            activation: metric.activation.value,
            paused: metric.paused,
            targets: targets.map_or(Some(None), |targets| targets.map(Some))?,
        })
    }

    /// Schedules and events are told apart by their names.
    fn calendar(&mut self, rule: &config::ScaleRule) {
        let schedules = rule.schedules.iter().map(|schedule| &schedule.name);
        let mut names = HashSet::new();
        for name in schedules.chain(rule.events.iter().map(|event| &event.name)) {
            self.nameable(name, "a schedule or an event");
            if !names.insert(name.value.as_str()) {
                let message = format!("\"{}\" is there already among this rule's schedules and events", name.value);
                self.report(name.span, message);
            }
        }
    }

    fn economy(&mut self, written: &config::Economy) -> Economy {
        if let Some(group) = &written.group {
            let groups = &self.settings.economy.groups;
            if !groups.iter().any(|known| known.name.value == group.value) {
                let known: Vec<&str> = groups.iter().map(|known| known.name.value.as_str()).collect();
                let message = if known.is_empty() {
                    format!("group \"{}\" is not in the settings; name it under economy.groups", group.value)
                } else {
                    format!("group \"{}\" is not in the settings; known: {}", group.value, known.join(", "))
                };
                self.report(group.span, message);
            }
        }
        Economy {
            cost: written.cost.as_ref().map(Cost::compile),
            requests: Requests::compile(&written.requests),
            priority: written.priority,
            group: written.group.as_ref().map(|group| group.value.as_str().into()),
        }
    }

    fn objective(&mut self, written: &config::Objective) -> Option<Objective> {
        let plan = written.expr.as_ref().map(|expr| self.plan(expr));
        let plan = plan.map_or(Some(None), |plan| plan.map(Some))?;
        Some(Objective { plan, within: written.within, hold: written.hold })
    }

    fn per_replica(&mut self, written: &config::PerReplica) -> Option<PerReplica> {
        match written {
            config::PerReplica::Number(number) => {
                if number.value <= 0.0 {
                    self.report(number.span, "per_replica must be more than zero: the work that one replica takes");
                }
                Some(PerReplica::Number(number.value))
            }
            config::PerReplica::Expr(expr) => self.plan(expr).map(PerReplica::Expr),
        }
    }

    fn pod_target(&mut self, written: &config::PodTarget) -> Option<PerReplica> {
        match written {
            config::PodTarget::PerReplica(per_replica) => self.per_replica(per_replica),
            config::PodTarget::Utilization(target) => {
                if target.value <= 0.0 || target.value > 10.0 {
                    self.report(target.span, "utilization is a fraction of what a pod requests: 0.8 for HPA's 80");
                }
                Some(PerReplica::Number(target.value))
            }
        }
    }

    fn plan(&mut self, expr: &At<String>) -> Option<Arc<Plan>> {
        match Plan::compile(&expr.value) {
            Ok(plan) => Some(Arc::new(plan)),
            Err(error) => {
                let message = error.to_string();
                self.report(expr.locate(self.source.text, error.at), message);
                None
            }
        }
    }

    fn label_names(&mut self, labels: &[Pair]) {
        for Pair { name, .. } in labels {
            self.label_name(name);
        }
    }

    fn label_name(&mut self, name: &At<String>) {
        if !is_label_name(&name.value) || name.value == crate::labels::NAME {
            let message = format!("\"{}\" is no label name: letters, digits and \"_\", no digit first", name.value);
            self.report(name.span, message);
        }
    }

    fn nameable(&mut self, name: &At<String>, what: &str) {
        if name.value.trim().is_empty() {
            self.report(name.span, format!("{what} needs a name"));
        }
    }

    fn report(&mut self, span: Span, message: impl Into<String>) {
        self.findings.report(span, message);
    }
}

fn pairs(written: &[Pair]) -> Vec<(String, String)> {
    written.iter().map(|pair| (pair.name.value.clone(), pair.value.clone())).collect()
}
