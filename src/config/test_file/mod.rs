//! A file of rule tests as written: promtool's shape, and beside it what is scaled.
//!
//! Every field of promtool's that we serve has its name and meaning, so that a file of its kind runs here as it is.
//! `sim::ruletest` plays what is written here.

mod happen;
mod promtool;
mod scale;

use std::time::Duration;

pub use happen::{Deed, Happening};
pub use promtool::{AlertExpectation, ExpectedAlert, ExpectedSample, ExprExpectation};
pub use scale::{Muted, ScaleExpectation};

use super::finding::{Finding, Source, Span};
use super::reader::Reader;
use super::scalar::{At, Read};
use super::tree::{self, Kind, Node};
use crate::time::Timestamp;
use crate::workload::{ObjectRef, Replicas, Workload};

/// The whole file.
#[derive(Debug, Clone, PartialEq)]
pub struct TestFile {
    /// Globs of the rule files that are tested, relative to this file's folder.
    pub rule_files: Vec<At<String>>,
    /// A settings file, relative to this file's folder; the default settings where it is left out.
    pub config: Option<At<String>>,
    /// Takes the place of the settings' `evaluation.interval`.
    pub evaluation_interval: Option<Duration>,
    /// The time at which every test begins that names no other.
    pub start_time: Timestamp,
    pub tests: Vec<Test>,
}

/// One test: what arrives and happens, and what is expected then.
#[derive(Debug, Clone, PartialEq)]
pub struct Test {
    /// Where it is written.
    pub span: Span,
    pub name: Option<String>,
    /// Between two values of an input series.
    pub interval: Duration,
    pub start_time: Option<Timestamp>,
    /// What the cluster looks like at the start.
    pub workloads: Vec<Beginning>,
    pub input_series: Vec<InputSeries>,
    pub actions: Vec<Happening>,
    pub scale_test: Vec<ScaleExpectation>,
    pub alert_rule_test: Vec<AlertExpectation>,
    pub promql_expr_test: Vec<ExprExpectation>,
}

/// A series and its values in promtool's notation.
#[derive(Debug, Clone, PartialEq)]
pub struct InputSeries {
    pub series: At<String>,
    pub values: At<String>,
}

/// A workload as it is at the start.
#[derive(Debug, Clone, PartialEq)]
pub struct Beginning {
    pub workload: At<Workload>,
    /// How many replicas it has, all of them ready; the rule's minimum where it is left out.
    pub replicas: Option<Replicas>,
    /// From a pod's creation until it is ready.
    pub startup: Duration,
}

/// As in promtool.
const INTERVAL: Duration = Duration::from_mins(1);

impl TestFile {
    /// Reads a file of tests; all findings together where there are any.
    pub fn parse(source: Source<'_>) -> Result<Self, Vec<Finding>> {
        let root = tree::parse(source).map_err(|(span, message)| vec![source.finding(span, message)])?;
        let reader = Reader::new(source);
        let file = Self::read(&reader, &root);
        let findings = reader.into_findings().into_vec();
        match file {
            Some(file) if findings.is_empty() => Ok(file),
            _ => Err(findings),
        }
    }
}

impl Read for TestFile {
    fn read(reader: &Reader<'_>, node: &Node) -> Option<Self> {
        let mut fields = reader.fields(node, "a test file")?;
        let rule_files = fields.required("rule_files");
        let config = fields.optional("config");
        let evaluation_interval = fields.optional("evaluation_interval").filter(|length| positive(reader, length));
        let start_time = fields.optional("start_time").map_or(Timestamp::default(), |Moment(at)| at);
        let tests = fields.required("tests");
        // Values that differ by rounding only are equal, with this field or without.
        fields.accept("fuzzy_compare");
        fields.refuse("group_eval_order", "groups are evaluated in the order of their files; remove it");
        fields.finish();
        let evaluation_interval = evaluation_interval.map(|At { value, .. }| value);
        Some(Self { rule_files: rule_files?, config, evaluation_interval, start_time, tests: tests? })
    }
}

impl Read for Test {
    fn read(reader: &Reader<'_>, node: &Node) -> Option<Self> {
        let mut fields = reader.fields(node, "a test")?;
        let name = fields.optional("name");
        let interval = fields.optional("interval").filter(|length| positive(reader, length));
        let start_time = fields.either("start_time", "start_timestamp").map(|Moment(at)| at);
        let workloads = fields.optional("workloads").map(|Beginnings(list)| list).unwrap_or_default();
        let input_series = fields.optional("input_series").unwrap_or_default();
        let actions = fields.optional("actions").unwrap_or_default();
        let scale_test: Vec<ScaleExpectation> = fields.optional("scale_test").unwrap_or_default();
        let alert_rule_test: Vec<AlertExpectation> = fields.optional("alert_rule_test").unwrap_or_default();
        let promql_expr_test: Vec<ExprExpectation> = fields.optional("promql_expr_test").unwrap_or_default();
        let kinds = ["scale_test", "alert_rule_test", "promql_expr_test"];
        if !kinds.iter().any(|kind| fields.has(kind)) {
            let message = "the test expects nothing; give it scale_test, alert_rule_test or promql_expr_test";
            reader.report(node.token(), message);
        }
        for name in ["external_labels", "external_url"] {
            fields.refuse(name, &format!("\"{name}\" is not supported here; remove it"));
        }
        fields.finish();
        Some(Self {
            span: node.token(),
            name,
            interval: interval.map_or(INTERVAL, |At { value, .. }| value),
            start_time,
            workloads,
            input_series,
            actions,
            scale_test,
            alert_rule_test,
            promql_expr_test,
        })
    }
}

/// Reports a length of time that is none.
fn positive(reader: &Reader<'_>, length: &At<Duration>) -> bool {
    if length.value.is_zero() {
        reader.report(length.span, "an interval has to be longer than nothing");
    }
    !length.value.is_zero()
}

impl Read for InputSeries {
    fn read(reader: &Reader<'_>, node: &Node) -> Option<Self> {
        let mut fields = reader.fields(node, "an input series")?;
        let series = fields.required("series");
        let values = fields.required("values");
        fields.finish();
        Some(Self { series: series?, values: values? })
    }
}

/// Workloads by their names.
struct Beginnings(Vec<Beginning>);

impl Read for Beginnings {
    fn read(reader: &Reader<'_>, node: &Node) -> Option<Self> {
        let mut list = Vec::new();
        for (key, value) in reader.fields(node, "workloads")?.into_entries() {
            let workload = At::<Workload>::read(reader, key);
            let mut fields = reader.fields(value, "a workload")?;
            let replicas = fields.optional("replicas");
            let startup = fields.optional("startup").unwrap_or_default();
            fields.finish();
            list.extend(workload.map(|workload| Beginning { workload, replicas, startup }));
        }
        Some(Self(list))
    }
}

impl Read for Workload {
    /// As decisions write it: `shop/checkout` for a Deployment, else `StatefulSet/shop/queue`.
    fn read(reader: &Reader<'_>, node: &Node) -> Option<Self> {
        let text = node.text().unwrap_or_default();
        let parts: Vec<&str> = text.split('/').collect();
        let (kind, namespace, name) = match *parts.as_slice() {
            [namespace, name] => ("Deployment", namespace, name),
            [kind, namespace, name] => (kind, namespace, name),
            _ => ("", "", ""),
        };
        if kind.is_empty() || namespace.is_empty() || name.is_empty() {
            reader.expected(node, "a workload as in shop/checkout or StatefulSet/shop/queue");
            return None;
        }
        let [kind, namespace, name] = [kind, namespace, name].map(str::to_owned);
        Some(ObjectRef { api_version: String::new(), kind, namespace, name }.into())
    }
}

/// A point in time: RFC 3339, or seconds since 1970.
struct Moment(Timestamp);

/// Seconds from 1970 that are read: far beyond the calendar's end, and exact in a float.
const SECONDS_MAX: f64 = 1e12;

impl Read for Moment {
    fn read(reader: &Reader<'_>, node: &Node) -> Option<Self> {
        let ms = match &node.kind {
            Kind::Text(text) => text.parse().ok().map(jiff::Timestamp::as_millisecond),
            Kind::Number(text) => {
                let seconds = text.parse().ok().filter(|seconds: &f64| seconds.abs() <= SECONDS_MAX);
                #[allow(clippy::cast_possible_truncation, reason = "bounded above")]
                seconds.map(|seconds| (seconds * 1000.0).round() as i64)
            }
            _ => None,
        };
        if ms.is_none() {
            reader.expected(node, "a time as in 2026-01-05T08:00:00Z, or seconds since 1970");
        }
        ms.map(|ms| Self(Timestamp::from_millis(ms)))
    }
}
