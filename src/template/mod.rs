//! Templates: text with places that data fills, in the language of Go's text/template as Prometheus's rules use it.
//!
//! In: a text, taken apart once ([`Template::compile`]), then data as a [`Value`]. Out: the text that it makes
//! ([`Template::render`]), or an error with its place. Never here: a clock (`now` arrives in [`World`]), a query (a
//! closure in [`World`] answers it, or nobody does), a file, a panic on any input.
//!
//! What of Go's language is not here: `define`, `template`, `block`, methods of values (`.Format`), complex numbers,
//! and the functions `call` and `js`. Other than in Go, a function that does not exist in that arity is found when the
//! text is compiled, as an unknown function or variable is. Rendering is bounded in steps and in bytes.
//!
//! `lex` cuts actions into tokens, `parse` makes the tree of `ast`, `render` walks it; `value` is the data, `number`
//! and `printf` write it as Go's `fmt` does, and a file in `functions` holds each kind of function.

mod ast;
mod functions;
mod lex;
mod number;
mod parse;
mod printf;
mod render;
#[cfg(test)]
mod tests;
mod value;

use crate::labels::Labels;
use crate::time::Timestamp;

pub use ast::Part;
pub use functions::table_link;
pub use value::{Record, Value};

/// The most that one rendering may write, and the longest text that a function may make.
pub const OUTPUT_BYTES_MAX: usize = 256 << 10;

/// The most nodes that one rendering may visit: a loop over ten thousand series with ten actions in it.
const STEPS_MAX: usize = 100_000;

/// How deep actions and parentheses may nest.
const DEPTH_MAX: usize = 50;

/// A text with actions in it, compiled.
#[derive(Debug, Clone, PartialEq)]
pub struct Template {
    text: String,
    nodes: Vec<ast::Node>,
    /// Variables that are there from the start, and the field of the data that each is short for.
    prelude: &'static [(&'static str, &'static str)],
}

/// The variables that Prometheus gives to the templates of its rules.
const RULE: &[(&str, &str)] =
    &[("labels", "Labels"), ("externalLabels", "ExternalLabels"), ("externalURL", "ExternalURL"), ("value", "Value")];

/// Why a text is no template, or could not be rendered.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct TemplateError {
    /// What is wrong and, where it is known, the way out.
    pub message: String,
    /// Byte offset in the template's text where it went wrong.
    pub at: usize,
}

impl TemplateError {
    fn new(at: usize, message: impl Into<String>) -> Self {
        Self { message: message.into(), at }
    }

    /// The error with its place in `text`, the template's: `2:14: …`, line and column counted from 1.
    #[must_use]
    pub fn placed(&self, text: &str) -> String {
        let before: String = text.char_indices().take_while(|(at, _)| *at < self.at).map(|(_, c)| c).collect();
        let line = before.matches('\n').count() + 1;
        let column = before.rsplit('\n').next().unwrap_or("").chars().count() + 1;
        format!("{line}:{column}: {}", self.message)
    }
}

/// Answers the function `query`: an expression's vector, or why there is none.
pub type QueryFn<'a> = &'a dyn Fn(&str) -> Result<Vec<(Labels, f64)>, String>;

/// What functions may know beside their arguments.
#[derive(Clone, Copy)]
pub struct World<'a> {
    pub now: Timestamp,
    /// Where people reach this service, without a final slash; empty where nobody said.
    pub external_url: &'a str,
    /// Without it, `query` fails.
    pub query: Option<QueryFn<'a>>,
}

impl std::fmt::Debug for World<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("World").field("now", &self.now).finish_non_exhaustive()
    }
}

impl Template {
    /// Takes a text apart; its data is `.`, and the variable `$` with it.
    pub fn compile(text: &str) -> Result<Self, TemplateError> {
        Self::with_prelude(text, &[])
    }

    /// Takes the text of a rule's label or annotation apart: `$labels`, `$value`, `$externalLabels` and
    /// `$externalURL` are there too. Its data is [`Value::alert`].
    pub fn compile_rule(text: &str) -> Result<Self, TemplateError> {
        Self::with_prelude(text, RULE)
    }

    /// Takes a text apart whose data are labels alone: `$labels` and `.Labels`. Its data is [`Value::labels`].
    pub fn compile_labels(text: &str) -> Result<Self, TemplateError> {
        Self::with_prelude(text, &[("labels", "Labels")])
    }

    fn with_prelude(text: &str, prelude: &'static [(&'static str, &'static str)]) -> Result<Self, TemplateError> {
        let nodes = parse::parse(text, prelude.iter().map(|(name, _)| *name))?;
        Ok(Self { text: text.to_owned(), nodes, prelude })
    }

    /// Its pieces, where it is no more than texts and labels (`$labels.x`).
    #[must_use]
    pub fn parts(&self) -> Option<Vec<Part<'_>>> {
        ast::parts(&self.nodes)
    }

    /// The labels that it names, in the order in which it does.
    #[must_use]
    pub fn labels(&self) -> Vec<&str> {
        let mut labels = Vec::new();
        ast::labels(&self.nodes, &mut labels);
        labels
    }

    /// The text as written.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The text that it makes of the data.
    pub fn render(&self, data: &Value, world: &World<'_>) -> Result<String, TemplateError> {
        render::render(self, data, world)
    }

    /// As [`render`](Self::render), but a failure is shown in place of the text, as Prometheus shows it: an alert with
    /// a poor annotation is better than none.
    #[must_use]
    pub fn render_or_say(&self, data: &Value, world: &World<'_>) -> String {
        self.render(data, world)
            .unwrap_or_else(|error| format!("<error expanding template: {}>", error.placed(&self.text)))
    }

    /// The constant texts that `query` is called with, for whoever has to know before what will be asked. Those
    /// that are put together while rendering are not among them.
    #[must_use]
    pub fn queries(&self) -> Vec<&str> {
        let mut queries = Vec::new();
        ast::queries(&self.nodes, &mut queries);
        queries
    }
}
