//! YAML as written: shapes, defaults, places, findings.
//!
//! In: the text of `headroom.yaml` or of a rule file. Out: [`Settings`] or a [`RuleFile`], or every [`Finding`] of the
//! file at once, each with its place. Never here: a file that is opened, a meaning that needs another file or PromQL
//! (that is `rule::compile`'s), a panic on any text.
//!
//! `tree` makes a tree of the text that knows its places, `reader` walks it and collects findings, `scalar` knows how
//! values are written, and a file for each shape says which fields it has.

mod behavior;
mod finding;
mod reader;
mod rule_file;
mod scalar;
mod settings;
mod suggest;
#[cfg(test)]
mod tests;
mod tree;
mod written;

pub use behavior::{Behavior, Direction, Policy, Select, Unit};
pub use finding::{Finding, Findings, Place, Source, Span};
pub use rule_file::{Bounds, Group, Metric, Pair, PerReplica, RecordRule, Rule, RuleFile, ScaleRule, Target};
pub use scalar::At;
pub use settings::{
    Conflicts, Enabled, Evaluation, Ingest, Keep, Kubernetes, Log, LogFormat, LogLevel, Settings, Windows,
};

/// What a file is, told by its first level.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FileKind {
    Settings,
    Rules,
}

impl FileKind {
    /// A file with `groups` at its top is a rule file; every other one is taken for settings.
    #[must_use]
    pub fn of(source: Source<'_>) -> Self {
        let rules = match tree::parse(source) {
            Ok(root) => root.has("groups"),
            // Its lines are all that broken YAML has.
            Err(_) => source.text.lines().any(|line| line.starts_with("groups:")),
        };
        if rules { Self::Rules } else { Self::Settings }
    }
}
