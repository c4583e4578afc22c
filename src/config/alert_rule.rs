//! Alert rules as written, in the shape that Prometheus gives them.

use std::time::Duration;

use super::reader::{Fields, Reader};
use super::scalar::{At, Read};
use super::tree::Node;

/// As in Prometheus: each series of an expression is an alert, which fires once it has been there for a while.
#[derive(Debug, Clone, PartialEq)]
pub struct AlertRule {
    pub alert: At<String>,
    pub expr: At<String>,
    /// How long an alert is pending before it fires (`for`).
    pub holds_for: Duration,
    /// How long it goes on firing after its series is gone.
    pub keep_firing_for: Duration,
    pub labels: Vec<Templated>,
    pub annotations: Vec<Templated>,
}

/// A label or an annotation whose text is a template, with the places of both.
#[derive(Debug, Clone, PartialEq)]
pub struct Templated {
    pub name: At<String>,
    pub text: At<String>,
}

pub(super) fn alert_rule(mut fields: Fields<'_, '_>) -> Option<AlertRule> {
    fields.rename("an alert rule");
    let alert = fields.required("alert");
    let expr = fields.required("expr");
    let holds_for = fields.optional("for").unwrap_or_default();
    let keep_firing_for = fields.optional("keep_firing_for").unwrap_or_default();
    let labels = templated(&mut fields, "labels");
    let annotations = templated(&mut fields, "annotations");
    fields.finish();
    Some(AlertRule { alert: alert?, expr: expr?, holds_for, keep_firing_for, labels, annotations })
}

/// Labels or annotations; none where the field is left out.
pub(super) fn templated(fields: &mut Fields<'_, '_>, name: &'static str) -> Vec<Templated> {
    fields.optional(name).map(|Texts(texts)| texts).unwrap_or_default()
}

/// A mapping from names to templates.
struct Texts(Vec<Templated>);

impl Read for Texts {
    fn read(reader: &Reader<'_>, node: &Node) -> Option<Self> {
        let mut texts = Vec::new();
        for (key, value) in reader.fields(node, "labels or annotations")?.into_entries() {
            let name = At { value: key.text().unwrap_or_default().to_owned(), span: key.span };
            if let Some(text) = At::read(reader, value) {
                texts.push(Templated { name, text });
            }
        }
        Some(Self(texts))
    }
}
