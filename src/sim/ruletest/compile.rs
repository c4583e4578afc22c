//! A test file as written → tests that run, or everything that is wrong in it.

use std::path::{Component, Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use super::RuleTests;
use super::notation::{self, Values, Wrong};
use crate::config::{
    AlertExpectation, At, Beginning, Deed, ExprExpectation, Finding, Findings, Happening, ScaleExpectation, Settings,
    Source, Span, Test, TestFile,
};
use crate::labels::{Labels, Matcher};
use crate::promql::Plan;
use crate::rule;
use crate::time::Timestamp;

/// One test.
#[derive(Debug)]
pub(super) struct Case {
    pub(super) name: String,
    /// Its line in the file.
    pub(super) line: usize,
    pub(super) start: Timestamp,
    /// Between two values of a series.
    pub(super) interval: Duration,
    pub(super) workloads: Vec<Beginning>,
    pub(super) series: Vec<(Labels, Values)>,
    /// In the order of their times.
    pub(super) actions: Vec<Act>,
    /// In the order of their times.
    pub(super) checks: Vec<Check>,
}

/// What happens, with what had to be read first.
#[derive(Debug)]
pub(super) struct Act {
    /// Its line in the file.
    pub(super) line: usize,
    pub(super) happening: Happening,
    /// Of a silence.
    pub(super) matchers: Vec<Matcher>,
    /// Of an alert.
    pub(super) labels: Labels,
}

/// Something that is expected at a time.
#[derive(Debug)]
pub(super) struct Check {
    /// Since the start.
    pub(super) at: Duration,
    /// Its line in the file.
    pub(super) line: usize,
    pub(super) expected: Expected,
}

#[derive(Debug)]
pub(super) enum Expected {
    Scale(ScaleExpectation),
    Alerts(AlertExpectation),
    Samples { expr: String, plan: Arc<Plan>, samples: Vec<(Labels, f64)> },
}

impl Check {
    /// What the expression of this check reads.
    pub(super) fn plan(&self) -> Option<&Arc<Plan>> {
        match &self.expected {
            Expected::Samples { plan, .. } => Some(plan),
            Expected::Scale(_) | Expected::Alerts(_) => None,
        }
    }
}

/// Reads a test file, its settings and its rules.
pub(super) fn load(file: &Path) -> Result<RuleTests, Vec<Finding>> {
    let text = rule::read(file).map_err(|finding| vec![finding])?;
    let source = Source { file, text: &text };
    let written = TestFile::parse(source)?;
    let folder = file.parent().unwrap_or(Path::new(""));
    let mut findings = Findings::new(source);
    let mut settings = match &written.config {
        Some(config) => read_settings(config, folder, &mut findings)?,
        None => Settings::default(),
    };
    if let Some(interval) = written.evaluation_interval {
        settings.evaluation.interval = interval;
    }
    let files = rule_files(&written, folder, &mut findings)?;
    let rules = rule::compile(&files, &settings)?;
    let start = written.start_time;
    let tests = written.tests.into_iter().enumerate();
    let cases = tests.map(|(at, test)| Compiler { findings: &mut findings }.case(at + 1, test, start)).collect();
    let findings = findings.into_vec();
    if findings.is_empty() { Ok(RuleTests { file: file.to_owned(), settings, rules, cases }) } else { Err(findings) }
}

fn read_settings(config: &At<String>, folder: &Path, findings: &mut Findings<'_>) -> Result<Settings, Vec<Finding>> {
    let path = tidied(&folder.join(&config.value));
    match rule::read(&path) {
        Ok(text) => Settings::parse(Source { file: &path, text: &text }),
        Err(finding) => {
            findings.report(config.span, finding.to_string());
            Ok(Settings::default())
        }
    }
}

/// Every rule file that is named, once, in the order of their paths.
fn rule_files(
    written: &TestFile,
    folder: &Path,
    findings: &mut Findings<'_>,
) -> Result<Vec<(PathBuf, String)>, Vec<Finding>> {
    let mut files = Vec::new();
    for glob in &written.rule_files {
        match rule::load(std::slice::from_ref(&glob.value), folder) {
            Ok(loaded) => {
                loaded.warnings.into_iter().for_each(|warning| findings.report(glob.span, warning));
                files.extend(loaded.files.into_iter().map(|(path, text)| (tidied(&path), text)));
            }
            Err(finding) if finding.file == Path::new(&glob.value) => findings.report(glob.span, finding.message),
            Err(finding) => return Err(vec![finding]),
        }
    }
    files.sort();
    files.dedup();
    Ok(files)
}

/// A path without detours: `rules/tests/../web.yaml` is `rules/web.yaml`.
fn tidied(path: &Path) -> PathBuf {
    let mut tidied = PathBuf::new();
    for part in path.components() {
        match (part, tidied.components().next_back()) {
            (Component::ParentDir, Some(Component::Normal(_))) => _ = tidied.pop(),
            (Component::CurDir, _) => {}
            _ => tidied.push(part),
        }
    }
    tidied
}

/// Compiles tests.
struct Compiler<'c, 'f> {
    findings: &'c mut Findings<'f>,
}

impl Compiler<'_, '_> {
    fn case(&mut self, number: usize, test: Test, start: Timestamp) -> Case {
        let series = test.input_series.iter().map(|input| {
            let labels = self.read(&input.series, notation::series).unwrap_or_else(Labels::empty);
            (labels, self.read(&input.values, notation::values).unwrap_or_default())
        });
        let series = series.collect();
        let mut actions: Vec<Act> = test.actions.into_iter().map(|happening| self.act(happening)).collect();
        actions.sort_by_key(|act| act.happening.at);
        let scales =
            test.scale_test.into_iter().map(|expected| (expected.eval_time, expected.span, Expected::Scale(expected)));
        let mut checks: Vec<(Duration, Span, Expected)> = scales.collect();
        for expected in test.alert_rule_test {
            checks.push((expected.eval_time, expected.span, Expected::Alerts(expected)));
        }
        for expected in test.promql_expr_test {
            checks.extend(self.expr(expected));
        }
        let mut checks: Vec<Check> =
            checks.into_iter().map(|(at, span, expected)| Check { at, line: self.line(span), expected }).collect();
        checks.sort_by_key(|check| check.at);
        Case {
            name: test.name.unwrap_or_else(|| format!("test {number}")),
            line: self.line(test.span),
            start: test.start_time.unwrap_or(start),
            interval: test.interval,
            workloads: test.workloads,
            series,
            actions,
            checks,
        }
    }

    fn act(&mut self, happening: Happening) -> Act {
        let (mut matchers, mut labels) = (Vec::new(), Labels::empty());
        match &happening.deed {
            Deed::Silence { matchers: written, .. } => {
                matchers = written.iter().filter_map(|text| self.read(text, notation::matchers)).flatten().collect();
            }
            Deed::Alert { labels: pairs, .. } => {
                let pairs = pairs.iter().map(|pair| (&pair.name.value, &pair.value));
                match Labels::from_pairs(pairs) {
                    Ok(read) if read.get("alertname").is_some() => labels = read,
                    Ok(_) => self.findings.report(happening.span, "the alert needs the label alertname"),
                    Err(error) => self.findings.report(happening.span, error.to_string()),
                }
            }
            _ => {}
        }
        Act { line: self.line(happening.span), happening, matchers, labels }
    }

    fn expr(&mut self, expected: ExprExpectation) -> Option<(Duration, Span, Expected)> {
        let ExprExpectation { eval_time, span, expr, exp_samples } = expected;
        let samples = exp_samples.iter().filter_map(|sample| {
            let labels = self.read(&sample.labels, |text| match text.trim() {
                // The value of a scalar, or of an aggregation over everything.
                "" | "{}" => Ok(Labels::empty()),
                text => notation::series(text),
            })?;
            Some((labels, sample.value))
        });
        let samples = samples.collect();
        match Plan::compile(&expr.value) {
            Ok(plan) => Some((eval_time, span, Expected::Samples { expr: expr.value, plan: Arc::new(plan), samples })),
            Err(error) => {
                let place = expr.locate(self.findings.source.text, error.at);
                self.findings.report(place, error.message);
                None
            }
        }
    }

    /// Reads a text; what is wrong with it is told at its place in the file.
    fn read<T>(&mut self, text: &At<String>, read: impl FnOnce(&str) -> Result<T, Wrong>) -> Option<T> {
        let wrong = match read(&text.value) {
            Ok(value) => return Some(value),
            Err(wrong) => wrong,
        };
        self.findings.report(text.locate(self.findings.source.text, wrong.at), wrong.message);
        None
    }

    fn line(&self, span: Span) -> usize {
        self.findings.source.place(span).line
    }
}
