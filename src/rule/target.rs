//! A scale rule's target, whose namespace and name may depend on a series's labels.

use crate::labels::Labels;
use crate::template::{self, Part, TemplateError, World};
use crate::time::Timestamp;
use crate::workload::{ObjectRef, Workload};

/// A text that labels have a part in: `{{ $labels.namespace }}`, or anything else of the language of [`template`].
#[derive(Debug, Clone, PartialEq)]
pub struct Template(Text);

#[derive(Debug, Clone, PartialEq)]
enum Text {
    /// Texts and labels one after the other: fleets of thousands are filled in so at each evaluation.
    Plain(Vec<Segment>),
    Rich(template::Template),
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Segment {
    Text(String),
    Label(String),
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
    #[error("the target's {field} can't be made of {labels}: {message}")]
    NotFilled { labels: Labels, field: &'static str, message: String },
}

impl Template {
    /// Takes a text apart. Labels are all that it can know.
    pub fn compile(text: &str) -> Result<Self, TemplateError> {
        let template = template::Template::compile_labels(text)?;
        let segment = |part| match part {
            Part::Text(text) => Segment::Text(text.to_owned()),
            Part::Label(name) => Segment::Label(name.to_owned()),
        };
        let plain = template.parts().map(|parts| parts.into_iter().map(segment).collect());
        Ok(Self(plain.map_or_else(|| Text::Rich(template), Text::Plain)))
    }

    /// The text, where no label has a part in it.
    #[must_use]
    pub fn constant(&self) -> Option<&str> {
        let Text::Plain(segments) = &self.0 else { return None };
        match segments.as_slice() {
            [] => Some(""),
            [Segment::Text(text)] => Some(text),
            _ => None,
        }
    }

    /// The first label that has a part in it.
    fn first_label(&self) -> Option<&str> {
        match &self.0 {
            Text::Plain(segments) => segments.iter().find_map(|segment| match segment {
                Segment::Label(name) => Some(name.as_str()),
                Segment::Text(_) => None,
            }),
            Text::Rich(template) => template.labels().first().copied(),
        }
    }

    /// Fills the labels in and sees to it that it `is_name`.
    fn fill(&self, labels: &Labels, field: &'static str, is_name: fn(&str) -> bool) -> Result<String, TargetError> {
        let missing = |label: &str| TargetError::NoLabel { labels: labels.clone(), label: label.to_owned(), field };
        let value = match &self.0 {
            Text::Plain(segments) => {
                let mut text = String::new();
                for segment in segments {
                    text.push_str(match segment {
                        Segment::Text(text) => text,
                        Segment::Label(name) => labels.get(name).ok_or_else(|| missing(name))?,
                    });
                }
                text
            }
            Text::Rich(template) => {
                let world = World { now: Timestamp::default(), external_url: "", query: None };
                let filled = template.render(&template::Value::labels(labels), &world);
                filled.map_err(|error| TargetError::NotFilled {
                    labels: labels.clone(),
                    field,
                    message: error.placed(template.text()),
                })?
            }
        };
        if is_name(&value) {
            return Ok(value);
        }
        // What a condition does without a label is its own affair, as long as a name comes of it.
        match &self.0 {
            Text::Rich(template) => {
                let absent = template.labels().into_iter().find(|label| labels.get(label).is_none());
                Err(absent.map_or(TargetError::NotAName { labels: labels.clone(), field, value }, missing))
            }
            Text::Plain(_) => Err(TargetError::NotAName { labels: labels.clone(), field, value }),
        }
    }
}

/// What a scale rule scales.
#[derive(Debug, Clone, PartialEq)]
pub struct TargetTemplate {
    api_version: String,
    kind: String,
    namespace: Template,
    name: Template,
    /// The workload, where no label has a part in it. It is made once: evaluations only share it.
    constant: Option<Workload>,
}

impl TargetTemplate {
    /// Where `api_version` is empty, it is whichever served version has this kind.
    #[must_use]
    pub fn new(api_version: String, kind: String, namespace: Template, name: Template) -> Self {
        let mut target = Self { api_version, kind, namespace, name, constant: None };
        if let (Some(namespace), Some(name)) = (target.namespace.constant(), target.name.constant()) {
            target.constant = Some(target.workload(namespace.to_owned(), name.to_owned()));
        }
        target
    }

    /// The workload, where no label has a part in it.
    #[must_use]
    pub fn constant(&self) -> Option<&Workload> {
        self.constant.as_ref()
    }

    /// A label that it needs, where it needs one.
    #[must_use]
    pub fn label(&self) -> Option<&str> {
        self.namespace.first_label().or_else(|| self.name.first_label())
    }

    /// The workload that a series is about. Labels come from outside, so what they make is checked.
    pub fn resolve(&self, labels: &Labels) -> Result<Workload, TargetError> {
        let namespace = self.namespace.fill(labels, "namespace", is_namespace)?;
        let name = self.name.fill(labels, "name", is_object_name)?;
        Ok(self.workload(namespace, name))
    }

    fn workload(&self, namespace: String, name: String) -> Workload {
        Workload::from(ObjectRef { api_version: self.api_version.clone(), kind: self.kind.clone(), namespace, name })
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
