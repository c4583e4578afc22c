//! `otlp` as Prometheus writes it: how OpenTelemetry's metrics become series.

use super::read::filled;
use crate::config::reader::Reader;
use crate::config::scalar::{At, Read, word};
use crate::config::tree::Node;

/// How metrics and their attributes are named.
#[derive(Debug, Clone, PartialEq, Eq)]
#[allow(clippy::struct_excessive_bools, reason = "each is a setting of its own, by Prometheus's names")]
pub struct Otlp {
    /// Attributes of a resource that its series have as labels.
    pub promote_resource_attributes: Vec<String>,
    /// All of them, but for those that are ignored.
    pub promote_all_resource_attributes: bool,
    pub ignore_resource_attributes: Vec<String>,
    pub translation_strategy: TranslationStrategy,
    /// Whether `target_info` has what `job` and `instance` are made of, too.
    pub keep_identifying_resource_attributes: bool,
    /// Whether series have the name, version, schema and attributes of their scope.
    pub promote_scope_metadata: bool,
    /// Whether a label that would begin with one `_` is given `key` before it.
    pub label_name_underscore_sanitization: bool,
    /// Whether several `_` in a row stay.
    pub label_name_preserve_multiple_underscores: bool,
}

/// What becomes of names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TranslationStrategy {
    /// What Prometheus's names could not hold before its third version becomes `_`; unit and type stand at the end.
    UnderscoreEscapingWithSuffixes,
    UnderscoreEscapingWithoutSuffixes,
    /// All letters stay; unit and type stand at the end.
    NoUtf8EscapingWithSuffixes,
    NoTranslation,
}

impl TranslationStrategy {
    /// Whether letters become `_`.
    #[must_use]
    pub fn escapes(self) -> bool {
        matches!(self, Self::UnderscoreEscapingWithSuffixes | Self::UnderscoreEscapingWithoutSuffixes)
    }
}

impl Default for Otlp {
    fn default() -> Self {
        Self {
            promote_resource_attributes: Vec::new(),
            promote_all_resource_attributes: false,
            ignore_resource_attributes: Vec::new(),
            translation_strategy: TranslationStrategy::UnderscoreEscapingWithSuffixes,
            keep_identifying_resource_attributes: false,
            promote_scope_metadata: false,
            label_name_underscore_sanitization: true,
            label_name_preserve_multiple_underscores: true,
        }
    }
}

impl Otlp {
    /// Whether the series of a resource have this attribute of it as a label.
    #[must_use]
    pub fn promotes(&self, attribute: &str) -> bool {
        let holds = |list: &[String]| list.iter().any(|own| own == attribute);
        if self.promote_all_resource_attributes {
            !holds(&self.ignore_resource_attributes)
        } else {
            holds(&self.promote_resource_attributes)
        }
    }
}

/// The key of an attribute.
struct Attribute(String);

impl Read for Attribute {
    fn read(reader: &Reader<'_>, node: &Node) -> Option<Self> {
        let key = String::read(reader, node)?.trim().to_owned();
        if key.is_empty() {
            reader.report(node.token(), "expected the key of a resource's attribute, as in k8s.namespace.name");
            return None;
        }
        Some(Self(key))
    }
}

impl Read for TranslationStrategy {
    fn read(reader: &Reader<'_>, node: &Node) -> Option<Self> {
        let all = [
            ("UnderscoreEscapingWithSuffixes", Self::UnderscoreEscapingWithSuffixes),
            ("UnderscoreEscapingWithoutSuffixes", Self::UnderscoreEscapingWithoutSuffixes),
            ("NoUTF8EscapingWithSuffixes", Self::NoUtf8EscapingWithSuffixes),
            ("NoTranslation", Self::NoTranslation),
        ];
        word(reader, node, "translation strategy", &all)
    }
}

impl Read for Otlp {
    fn read(reader: &Reader<'_>, node: &Node) -> Option<Self> {
        let mut sound = true;
        let otlp = filled(reader, node, "otlp", |otlp: &mut Self, fields| {
            let mut list = |name| {
                let at: Option<At<Vec<Attribute>>> = fields.optional(name);
                at.map(|At { value, span }| (value.into_iter().map(|Attribute(key)| key).collect::<Vec<_>>(), span))
            };
            let (promoted, ignored) = (list("promote_resource_attributes"), list("ignore_resource_attributes"));
            fields.set("promote_all_resource_attributes", &mut otlp.promote_all_resource_attributes);
            fields.set("translation_strategy", &mut otlp.translation_strategy);
            fields.set("keep_identifying_resource_attributes", &mut otlp.keep_identifying_resource_attributes);
            fields.set("promote_scope_metadata", &mut otlp.promote_scope_metadata);
            fields.set("label_name_underscore_sanitization", &mut otlp.label_name_underscore_sanitization);
            fields.set("label_name_preserve_multiple_underscores", &mut otlp.label_name_preserve_multiple_underscores);
            let (unused, message) = if otlp.promote_all_resource_attributes {
                (&promoted, "promote_all_resource_attributes promotes these already; remove one of the two")
            } else {
                (&ignored, "nothing is ignored without promote_all_resource_attributes: true")
            };
            if let Some((_, span)) = unused.as_ref().filter(|(keys, _)| !keys.is_empty()) {
                fields.reader.report(*span, message);
                sound = false;
            }
            otlp.promote_resource_attributes = promoted.map(|(keys, _)| keys).unwrap_or_default();
            otlp.ignore_resource_attributes = ignored.map(|(keys, _)| keys).unwrap_or_default();
        });
        otlp.filter(|_| sound)
    }
}
