//! A scale rule's target, whose namespace and name may depend on a series's labels.

use crate::labels::Labels;
use crate::workload::Workload;

/// A text with places that labels fill: `{{ $labels.namespace }}`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Template(Vec<Segment>);

#[derive(Debug, Clone, PartialEq, Eq)]
enum Segment {
    Text(String),
    Label(String),
}

/// Why a text is no template.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}; write {{{{ $labels.NAME }}}}")]
pub struct TemplateError {
    message: String,
    /// Byte offset in the text where it went wrong.
    pub at: usize,
}

/// Why a series names no workload.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TargetError {
    #[error("{labels} has no label \"{label}\", which the target's {field} needs; keep it with sum by ({label}, …)")]
    NoLabel { labels: Labels, label: String, field: &'static str },
    #[error(
        "{labels} makes the {field} \"{value}\", which is no Kubernetes name: lower-case letters, digits, \"-\" and \".\""
    )]
    NotAName { labels: Labels, field: &'static str, value: String },
}

impl Template {
    /// Takes a text apart.
    pub fn compile(text: &str) -> Result<Self, TemplateError> {
        let mut segments = Vec::new();
        let mut at = 0;
        while let Some(open) = text.get(at..).and_then(|rest| rest.find("{{")).map(|found| at + found) {
            let fail = |message: &str| TemplateError { message: message.to_owned(), at: open };
            let inside = text.get(open + 2..).unwrap_or("");
            let len = inside.find("}}").ok_or_else(|| fail("\"{{\" without \"}}\""))?;
            let label = inside.get(..len).map(str::trim).and_then(|inside| inside.strip_prefix("$labels."));
            let label = label.filter(|name| is_label_name(name)).ok_or_else(|| fail("only labels can be filled in"))?;
            segments.push(Segment::Text(text.get(at..open).unwrap_or("").to_owned()));
            segments.push(Segment::Label(label.to_owned()));
            at = open + 2 + len + 2;
        }
        segments.push(Segment::Text(text.get(at..).unwrap_or("").to_owned()));
        segments.retain(|segment| !matches!(segment, Segment::Text(text) if text.is_empty()));
        Ok(Self(segments))
    }

    /// The text, where no label has a part in it.
    #[must_use]
    pub fn constant(&self) -> Option<&str> {
        match self.0.as_slice() {
            [] => Some(""),
            [Segment::Text(text)] => Some(text),
            _ => None,
        }
    }

    /// The first label that has a part in it.
    fn first_label(&self) -> Option<&str> {
        self.0.iter().find_map(|segment| match segment {
            Segment::Label(name) => Some(name.as_str()),
            Segment::Text(_) => None,
        })
    }

    /// Fills the labels in; `Err` names one that is missing.
    fn fill(&self, labels: &Labels) -> Result<String, &str> {
        let mut text = String::new();
        for segment in &self.0 {
            text.push_str(match segment {
                Segment::Text(text) => text,
                Segment::Label(name) => labels.get(name).ok_or(name.as_str())?,
            });
        }
        Ok(text)
    }
}

/// What a scale rule scales.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TargetTemplate {
    /// Empty means: whichever served version has this kind.
    pub api_version: String,
    pub kind: String,
    pub namespace: Template,
    pub name: Template,
}

impl TargetTemplate {
    /// The workload, where no label has a part in it.
    #[must_use]
    pub fn constant(&self) -> Option<Workload> {
        Some(self.workload(self.namespace.constant()?.to_owned(), self.name.constant()?.to_owned()))
    }

    /// A label that it needs, where it needs one.
    #[must_use]
    pub fn label(&self) -> Option<&str> {
        self.namespace.first_label().or_else(|| self.name.first_label())
    }

    /// The workload that a series is about. Labels come from outside, so what they make is checked.
    pub fn resolve(&self, labels: &Labels) -> Result<Workload, TargetError> {
        let filled = |template: &Template, field, is_name: fn(&str) -> bool| {
            let value = template.fill(labels).map_err(|label| TargetError::NoLabel {
                labels: labels.clone(),
                label: label.to_owned(),
                field,
            })?;
            let not_a_name = || TargetError::NotAName { labels: labels.clone(), field, value: value.clone() };
            if is_name(&value) { Ok(value) } else { Err(not_a_name()) }
        };
        let namespace = filled(&self.namespace, "namespace", is_namespace)?;
        let name = filled(&self.name, "name", is_object_name)?;
        Ok(self.workload(namespace, name))
    }

    fn workload(&self, namespace: String, name: String) -> Workload {
        Workload { api_version: self.api_version.clone(), kind: self.kind.clone(), namespace, name }
    }
}

/// Whether a text can be a label's name.
pub(super) fn is_label_name(text: &str) -> bool {
    let letter = |c: char| c.is_ascii_alphabetic() || c == '_';
    text.starts_with(letter) && text.chars().all(|c| letter(c) || c.is_ascii_digit())
}

/// Whether a text can be a metric's name.
pub(super) fn is_metric_name(text: &str) -> bool {
    let letter = |c: char| c.is_ascii_alphabetic() || matches!(c, '_' | ':');
    text.starts_with(letter) && text.chars().all(|c| letter(c) || c.is_ascii_digit())
}

/// Whether a text can be a namespace: a DNS label.
pub(super) fn is_namespace(text: &str) -> bool {
    text.len() <= 63 && !text.contains('.') && is_object_name(text)
}

/// Whether a text can be an object's name: a DNS subdomain.
pub(super) fn is_object_name(text: &str) -> bool {
    let alphanumeric = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
    let inner = |c: char| alphanumeric(c) || matches!(c, '-' | '.');
    text.len() <= 253 && text.starts_with(alphanumeric) && text.ends_with(alphanumeric) && text.chars().all(inner)
}
