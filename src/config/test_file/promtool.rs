//! What promtool's tests expect: alerts that fire, and samples that an expression gives.

use std::time::Duration;

use super::super::finding::Span;
use super::super::reader::Reader;
use super::super::rule_file::{Pair, pairs};
use super::super::scalar::{At, Read};
use super::super::tree::{Kind, Node};
use super::scale::Muted;

/// The alerts of one name that fire at a time.
#[derive(Debug, Clone, PartialEq)]
pub struct AlertExpectation {
    /// Since the start.
    pub eval_time: Duration,
    /// Where it is written.
    pub span: Span,
    pub alertname: String,
    /// All of them; none where the list is empty.
    pub exp_alerts: Vec<ExpectedAlert>,
}

/// One alert.
#[derive(Debug, Clone, PartialEq)]
pub struct ExpectedAlert {
    /// Without the alert's name.
    pub labels: Vec<Pair>,
    pub annotations: Vec<Pair>,
    pub muted: Option<Muted>,
}

/// What an expression gives at a time.
#[derive(Debug, Clone, PartialEq)]
pub struct ExprExpectation {
    /// Since the start.
    pub eval_time: Duration,
    /// Where it is written.
    pub span: Span,
    pub expr: At<String>,
    /// All of them; none where the list is empty.
    pub exp_samples: Vec<ExpectedSample>,
}

#[derive(Debug, Clone, PartialEq)]
pub struct ExpectedSample {
    /// A series as PromQL writes it, `{}` for one without labels.
    pub labels: At<String>,
    pub value: f64,
}

impl Read for AlertExpectation {
    fn read(reader: &Reader<'_>, node: &Node) -> Option<Self> {
        let mut fields = reader.fields(node, "an alert_rule_test")?;
        let eval_time = fields.required("eval_time");
        let alertname = fields.required("alertname");
        let exp_alerts = fields.optional("exp_alerts").unwrap_or_default();
        fields.finish();
        Some(Self { eval_time: eval_time?, span: node.token(), alertname: alertname?, exp_alerts })
    }
}

impl Read for ExpectedAlert {
    fn read(reader: &Reader<'_>, node: &Node) -> Option<Self> {
        let mut fields = reader.fields(node, "an expected alert")?;
        let labels = pairs(&mut fields, "exp_labels");
        let annotations = pairs(&mut fields, "exp_annotations");
        let muted = fields.optional("muted");
        fields.finish();
        Some(Self { labels, annotations, muted })
    }
}

impl Read for ExprExpectation {
    fn read(reader: &Reader<'_>, node: &Node) -> Option<Self> {
        let mut fields = reader.fields(node, "a promql_expr_test")?;
        let eval_time = fields.required("eval_time");
        let expr = fields.required("expr");
        let exp_samples = fields.optional("exp_samples").unwrap_or_default();
        fields.finish();
        Some(Self { eval_time: eval_time?, span: node.token(), expr: expr?, exp_samples })
    }
}

impl Read for ExpectedSample {
    fn read(reader: &Reader<'_>, node: &Node) -> Option<Self> {
        let mut fields = reader.fields(node, "an expected sample")?;
        fields.refuse("histogram", "native histograms are not supported; expect a number");
        let labels = fields.optional("labels");
        let value = fields.required("value").map(|Value(value)| value);
        fields.finish();
        let labels = labels.unwrap_or(At { value: "{}".to_owned(), span: node.token() });
        Some(Self { labels, value: value? })
    }
}

/// A sample's value, which need not be finite.
struct Value(f64);

impl Read for Value {
    fn read(reader: &Reader<'_>, node: &Node) -> Option<Self> {
        let number = match &node.kind {
            // YAML's own spelling is `.inf` and `.nan`.
            Kind::Number(text) | Kind::Text(text) => text
                .parse()
                .ok()
                .or_else(|| text.replacen('.', "", 1).parse().ok().filter(|value: &f64| !value.is_finite())),
            _ => None,
        };
        if number.is_none() {
            reader.expected(node, "a number, NaN, +Inf or -Inf");
        }
        number.map(Self)
    }
}
