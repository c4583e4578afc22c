//! A rule file as written: groups of `record` and `scale` rules.

use std::time::Duration;

use super::alert_rule::{AlertRule, alert_rule};
use super::finding::{Findings, Source};
use super::reader::{Fields, Reader};
use super::scalar::{At, Read, Readable};
use super::scale_rule::{self, ScaleRule};
use super::tree::{self, Kind, Node};

/// The whole file.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct RuleFile {
    pub groups: Vec<Group>,
}

/// Rules that are evaluated one after the other.
#[derive(Debug, Clone, PartialEq)]
pub struct Group {
    pub name: At<String>,
    /// The longest wait between two evaluations; `evaluation.interval` of the settings where it is left out.
    pub interval: Option<At<Duration>>,
    pub rules: Vec<Rule>,
}

#[derive(Debug, Clone, PartialEq)]
pub enum Rule {
    Record(RecordRule),
    Alert(AlertRule),
    Scale(Box<ScaleRule>),
}

/// As in Prometheus: the result of an expression becomes series of a new name.
#[derive(Debug, Clone, PartialEq)]
pub struct RecordRule {
    pub record: At<String>,
    pub expr: At<String>,
    pub labels: Vec<Pair>,
}

/// A label or an annotation.
#[derive(Debug, Clone, PartialEq)]
pub struct Pair {
    pub name: At<String>,
    pub value: String,
}

impl RuleFile {
    /// Reads a rule file. Where something is wrong, the rules that could be read come nevertheless, so that what is
    /// wrong with them can be told in the same run.
    #[must_use]
    pub fn parse(source: Source<'_>) -> (Self, Findings<'_>) {
        let reader = Reader::new(source);
        let file = match tree::parse(source) {
            Ok(root) => Self::read(&reader, &root),
            Err((span, message)) => {
                reader.report(span, message);
                None
            }
        };
        (file.unwrap_or_default(), reader.into_findings())
    }
}

impl Read for RuleFile {
    /// An empty file is refused: an editor may have been caught between emptying and filling it.
    fn read(reader: &Reader<'_>, node: &Node) -> Option<Self> {
        if matches!(node.kind, Kind::Null) {
            reader.report(node.span, "the file is empty; a rule file begins with \"groups:\"");
            return None;
        }
        let mut fields = reader.fields(node, "a rule file")?;
        let groups = fields.required("groups");
        fields.finish();
        groups.map(|Readable(groups)| Self { groups })
    }
}

impl Read for Group {
    fn read(reader: &Reader<'_>, node: &Node) -> Option<Self> {
        let mut fields = reader.fields(node, "a group")?;
        let name = fields.required("name");
        let interval = fields.optional("interval");
        let rules = fields.optional("rules").map(|Readable(rules)| rules);
        for name in ["limit", "query_offset", "labels"] {
            fields.refuse(name, &format!("\"{name}\" of a group is not supported yet; remove it"));
        }
        fields.finish();
        Some(Self { name: name?, interval, rules: rules.unwrap_or_default() })
    }
}

impl Read for Rule {
    fn read(reader: &Reader<'_>, node: &Node) -> Option<Self> {
        let fields = reader.fields(node, "a rule")?;
        if fields.has("scale") {
            return scale_rule::read(fields).map(|rule| Self::Scale(Box::new(rule)));
        }
        if fields.has("record") {
            return record_rule(fields).map(Self::Record);
        }
        if fields.has("alert") {
            return alert_rule(fields).map(Self::Alert);
        }
        fields.reader.report(node.token(), "a rule needs the field \"scale\", \"record\" or \"alert\"");
        None
    }
}

fn record_rule(mut fields: Fields<'_, '_>) -> Option<RecordRule> {
    fields.rename("a record rule");
    let record = fields.required("record");
    let expr = fields.required("expr");
    let labels = pairs(&mut fields, "labels");
    fields.finish();
    Some(RecordRule { record: record?, expr: expr?, labels })
}

/// Labels or annotations; none where the field is left out.
pub(super) fn pairs(fields: &mut Fields<'_, '_>, name: &'static str) -> Vec<Pair> {
    fields.optional(name).map(|Pairs(pairs)| pairs).unwrap_or_default()
}

/// Labels or annotations: a mapping from names to texts.
struct Pairs(Vec<Pair>);

impl Read for Pairs {
    fn read(reader: &Reader<'_>, node: &Node) -> Option<Self> {
        let mut pairs = Vec::new();
        for (key, value) in reader.fields(node, "labels or annotations")?.into_entries() {
            let name = At { value: key.text().unwrap_or_default().to_owned(), span: key.span };
            if let Some(value) = String::read(reader, value) {
                pairs.push(Pair { name, value });
            }
        }
        Some(Self(pairs))
    }
}
