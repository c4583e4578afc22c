//! What happens while a test runs, besides the samples that arrive.

use std::time::Duration;

use super::super::finding::Span;
use super::super::reader::{Fields, Reader};
use super::super::rule_file::{Pair, pairs};
use super::super::scalar::{At, Read};
use super::super::tree::{Kind, Node};
use crate::workload::{Replicas, Workload};

/// Something that happens at a time.
#[derive(Debug, Clone, PartialEq)]
pub struct Happening {
    /// Since the start.
    pub at: Duration,
    /// Where it is written.
    pub span: Span,
    pub deed: Deed,
}

/// What happens.
#[derive(Debug, Clone, PartialEq)]
pub enum Deed {
    /// Somebody sets a silence.
    Silence {
        matchers: Vec<At<String>>,
        length: Duration,
        author: String,
        comment: String,
    },
    /// An alert comes from outside; without a length it fires to the end.
    Alert {
        labels: Vec<Pair>,
        annotations: Vec<Pair>,
        length: Option<Duration>,
    },
    /// Somebody asks Headroom for a count; `None` ends what was asked for before.
    Manual {
        workload: Workload,
        replicas: Option<Replicas>,
        length: Duration,
        author: String,
        reason: String,
    },
    /// Somebody else scales the workload, past Headroom.
    Scale {
        workload: Workload,
        replicas: Replicas,
    },
    /// So many pods are not ready from now on.
    NotReady {
        workload: Workload,
        pods: Replicas,
    },
    /// So many pods crash again and again from now on.
    Crash {
        workload: Workload,
        pods: Replicas,
    },
    /// So many pods find no node from now on.
    Unschedulable {
        workload: Workload,
        pods: Replicas,
    },
    /// Every pod is well again.
    Recover {
        workload: Workload,
    },
    /// The workload disappears from the cluster; `create` brings it back.
    Delete {
        workload: Workload,
    },
    Create {
        workload: Workload,
        replicas: Replicas,
    },
    /// The cluster fails to scale the workload for a while.
    Fail {
        workload: Workload,
        length: Duration,
        reason: String,
    },
}

/// The verbs, as fields of a happening.
const VERBS: [&str; 11] = [
    "silence",
    "alert",
    "manual",
    "scale",
    "not_ready",
    "crash",
    "unschedulable",
    "recover",
    "delete",
    "create",
    "fail",
];

impl Read for Happening {
    fn read(reader: &Reader<'_>, node: &Node) -> Option<Self> {
        let mut fields = reader.fields(node, "an action")?;
        let at = fields.required("at");
        let mut deeds = Vec::new();
        let mut given = 0;
        for verb in VERBS {
            let Some(what) = fields.node(verb) else { continue };
            given += 1;
            deeds.extend(deed(reader, verb, what));
        }
        if given != 1 {
            reader.report(node.token(), format!("an action is one of: {}", VERBS.join(", ")));
        }
        fields.finish();
        let deed = deeds.into_iter().next().filter(|_| given == 1)?;
        Some(Self { at: at?, span: node.token(), deed })
    }
}

fn deed(reader: &Reader<'_>, verb: &'static str, node: &Node) -> Option<Deed> {
    if let ("recover" | "delete", Kind::Text(_)) = (verb, &node.kind) {
        let workload = Workload::read(reader, node)?;
        return Some(if verb == "recover" { Deed::Recover { workload } } else { Deed::Delete { workload } });
    }
    let mut fields = reader.fields(node, verb)?;
    let deed = match verb {
        "silence" => silence(&mut fields),
        "alert" => {
            let (labels, annotations) = (pairs(&mut fields, "labels"), pairs(&mut fields, "annotations"));
            Some(Deed::Alert { labels, annotations, length: fields.optional("for") })
        }
        _ => on_workload(&mut fields, verb),
    };
    fields.finish();
    deed
}

fn silence(fields: &mut Fields<'_, '_>) -> Option<Deed> {
    let matchers = fields.required("matchers").map(|OneOrMore(list)| list);
    let length = fields.required("for");
    let author = fields.optional("author").unwrap_or_else(|| "test".to_owned());
    let comment = fields.optional("comment").unwrap_or_default();
    Some(Deed::Silence { matchers: matchers?, length: length?, author, comment })
}

fn on_workload(fields: &mut Fields<'_, '_>, verb: &str) -> Option<Deed> {
    let workload = fields.required("workload");
    Some(match verb {
        "manual" => {
            let replicas = fields.optional("replicas");
            let length = fields.optional("for").unwrap_or(Duration::from_hours(1));
            let author = fields.optional("author").unwrap_or_else(|| "test".to_owned());
            let reason = fields.optional("reason").unwrap_or_default();
            Deed::Manual { workload: workload?, replicas, length, author, reason }
        }
        "scale" | "create" => {
            let replicas = fields.required("replicas");
            match verb {
                "scale" => Deed::Scale { workload: workload?, replicas: replicas? },
                _ => Deed::Create { workload: workload?, replicas: replicas? },
            }
        }
        "fail" => {
            let length = fields.required("for");
            let reason = fields.optional("reason").unwrap_or_else(|| "the API server is away".to_owned());
            Deed::Fail { workload: workload?, length: length?, reason }
        }
        "recover" => Deed::Recover { workload: workload? },
        "delete" => Deed::Delete { workload: workload? },
        _ => {
            let (workload, pods) = (workload, fields.required("pods"));
            let (workload, pods) = (workload?, pods?);
            match verb {
                "crash" => Deed::Crash { workload, pods },
                "unschedulable" => Deed::Unschedulable { workload, pods },
                _ => Deed::NotReady { workload, pods },
            }
        }
    })
}

/// A text, or a list of texts.
struct OneOrMore(Vec<At<String>>);

impl Read for OneOrMore {
    fn read(reader: &Reader<'_>, node: &Node) -> Option<Self> {
        match &node.kind {
            Kind::List(_) => Vec::read(reader, node).map(Self),
            _ => At::read(reader, node).map(|one| Self(vec![one])),
        }
    }
}
