//! `label_replace`: other labels, same numbers.

use regex::Regex;

use super::frame::{Frame, Relabel};
use super::plan::Instant;
use super::{Context, EvalError};
use crate::labels::{Labels, MatchOp, Matcher};

/// Sets one label to what a pattern finds in another.
#[derive(Debug, Clone)]
pub(super) struct LabelReplace {
    pub(super) input: Instant,
    pub(super) target: String,
    /// With `$1` or `${name}` for what the pattern's groups caught.
    pub(super) replacement: String,
    pub(super) source: String,
    /// Anchored at both ends.
    pub(super) pattern: Regex,
    pub(super) rename: Relabel,
}

impl LabelReplace {
    pub(super) fn eval(&mut self, cx: &mut Context<'_>) -> Result<Frame, EvalError> {
        let frame = self.input.eval(cx)?;
        let Self { target, replacement, source, pattern, rename, .. } = self;
        rename.apply(frame, |labels| replaced(labels, target, replacement, source, pattern))
    }
}

fn replaced(labels: &Labels, target: &str, replacement: &str, source: &str, pattern: &Regex) -> Labels {
    let Some(caught) = pattern.captures(labels.get(source).unwrap_or("")) else { return labels.clone() };
    let mut value = String::new();
    caught.expand(replacement, &mut value);
    labels.with(&[(target, &value)])
}

/// Compiles the pattern of `label_replace`: anchored, and `.` matches a newline, as everywhere in PromQL.
pub(super) fn pattern(text: &str) -> Result<Regex, String> {
    // A matcher checks the pattern by itself first, and says what is wrong with it.
    Matcher::new("", MatchOp::Regex, text).map_err(|error| error.to_string())?;
    Regex::new(&format!("^(?s:{text})$")).map_err(|error| error.to_string())
}
