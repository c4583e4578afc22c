//! What a workload is expected to be at a time.

use std::time::Duration;

use super::super::finding::Span;
use super::super::reader::Reader;
use super::super::scalar::{Read, word};
use super::super::tree::Node;
use crate::workload::{Replicas, Workload};

/// What is expected of a workload. What is left out is not looked at.
#[derive(Debug, Clone, PartialEq)]
pub struct ScaleExpectation {
    /// Since the start.
    pub eval_time: Duration,
    /// Where it is written.
    pub span: Span,
    pub workload: Workload,
    /// It is expected of this shadow: a rule's name, or a scaler's.
    pub shadow: Option<String>,
    /// The count that the cluster is asked for, once what was decided then has been done.
    pub replicas: Option<Replicas>,
    pub ready: Option<Replicas>,
    /// The count that would be had if nothing slowed the way there: what stability was given.
    pub wants: Option<Replicas>,
    /// The layer that decided.
    pub layer: Option<String>,
    /// A part of the decision's text, or the code of one of its reasons.
    pub reason: Option<String>,
    /// What keeps the decision from being carried out.
    pub muted: Option<Muted>,
}

/// What keeps a decision from being carried out, or an alert from being sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Muted {
    No,
    Silenced,
    Inhibited,
    /// By a time interval of its route.
    Interval,
    /// By its group, or since its routes lead to nobody who scales.
    Group,
}

/// As a test file writes them.
const WORDS: [(&str, Muted); 6] = [
    ("false", Muted::No),
    ("none", Muted::No),
    ("silenced", Muted::Silenced),
    ("inhibited", Muted::Inhibited),
    ("interval", Muted::Interval),
    ("group", Muted::Group),
];

impl Muted {
    /// As a test file writes it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::No => "none",
            Self::Silenced => "silenced",
            Self::Inhibited => "inhibited",
            Self::Interval => "interval",
            Self::Group => "group",
        }
    }
}

impl Read for Muted {
    fn read(reader: &Reader<'_>, node: &Node) -> Option<Self> {
        word(reader, node, "way of being muted", &WORDS)
    }
}

impl Read for ScaleExpectation {
    fn read(reader: &Reader<'_>, node: &Node) -> Option<Self> {
        let mut fields = reader.fields(node, "a scale_test")?;
        let eval_time = fields.required("eval_time");
        let workload = fields.required("workload");
        let expected = Self {
            eval_time: eval_time.unwrap_or_default(),
            span: node.token(),
            workload: workload?,
            shadow: fields.optional("shadow"),
            replicas: fields.optional("replicas"),
            ready: fields.optional("ready"),
            wants: fields.optional("wants"),
            layer: fields.optional("layer"),
            reason: fields.optional("reason"),
            muted: fields.optional("muted"),
        };
        if !["replicas", "ready", "wants", "layer", "reason", "muted"].iter().any(|name| fields.has(name)) {
            let message = "nothing is expected; give it replicas, ready, wants, layer, reason or muted";
            reader.report(node.token(), message);
        }
        fields.finish();
        eval_time.map(|_| expected)
    }
}
