//! The way from a byte of a text back to the byte of the YAML file that it comes from.

use super::finding::Span;
use super::scalar::At;

impl At<String> {
    /// The token of the file's text `source` that the byte `at` of this text belongs to: a PromQL error, say, at its
    /// place in the YAML.
    #[must_use]
    pub fn locate(&self, source: &str, at: usize) -> Span {
        let raw = source.get(self.span.start..self.span.end).unwrap_or("").trim_end();
        // What is missing at the end is missing after the last character, not after the last line break.
        let at = at.min(self.value.trim_end().len());
        let offset = Walk { style: Style::of(raw, &self.value), raw, text: &self.value }.offset_of(at);
        let rest = raw.get(offset..).unwrap_or("");
        let start = self.span.start + offset;
        Span { start, end: start + token_len(rest) }
    }
}

/// How long the word or sign is that a text begins with, in bytes.
fn token_len(text: &str) -> usize {
    let word = |c: char| c.is_alphanumeric() || matches!(c, '_' | ':');
    let letters = text.find(|c| !word(c)).unwrap_or(text.len());
    if letters > 0 { letters } else { text.chars().next().map_or(0, char::len_utf8) }
}

/// How a scalar is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Style {
    /// Plain or a block: every character stands for itself, white space apart.
    Bare,
    Single,
    Double,
}

impl Style {
    /// A plain scalar can't begin with a quote; a block that does has the quote in its text too.
    fn of(raw: &str, text: &str) -> Self {
        match raw.chars().next() {
            Some('\'') if !text.starts_with('\'') => Self::Single,
            Some('"') if !text.starts_with('"') => Self::Double,
            _ => Self::Bare,
        }
    }
}

/// A walk along a scalar as written and as read, side by side.
struct Walk<'a> {
    style: Style,
    raw: &'a str,
    text: &'a str,
}

impl Walk<'_> {
    /// The byte of `raw` that the byte `at` of `text` comes from.
    fn offset_of(&self, at: usize) -> usize {
        let (mut raw_at, mut text_at) = (usize::from(self.style != Style::Bare), 0);
        while text_at < at {
            let (raw, text) = (self.raw.get(raw_at..).unwrap_or(""), self.text.get(text_at..).unwrap_or(""));
            let Some((raw_len, text_len)) = self.next(raw, text) else { break };
            raw_at += raw_len;
            text_at += text_len;
        }
        raw_at.min(self.raw.len())
    }

    /// How far the next character or run of white space reaches on both sides.
    fn next(&self, raw: &str, text: &str) -> Option<(usize, usize)> {
        let first = raw.chars().next()?;
        let one = text.chars().next().map_or(0, char::len_utf8);
        let blank = blank_len(raw);
        if self.style == Style::Double && first == '\\' {
            return Some(escape(raw, one));
        }
        if self.style == Style::Single && raw.starts_with("''") {
            return Some((2, one));
        }
        match raw.get(..blank)?.matches('\n').count() {
            0 => Some((first.len_utf8(), one)),
            breaks if self.style == Style::Double => Some((blank, folded_len(breaks))),
            _ => Some((blank, blank_len(text))),
        }
    }
}

/// How many bytes of white space a text begins with.
fn blank_len(text: &str) -> usize {
    text.find(|c: char| !c.is_ascii_whitespace()).unwrap_or(text.len())
}

/// Folding makes one space of a line break, and of several all but the first stay.
fn folded_len(breaks: usize) -> usize {
    breaks.saturating_sub(1).max(1)
}

/// How long an escape is in a double-quoted scalar, and the `one` character that it stands for.
fn escape(raw: &str, one: usize) -> (usize, usize) {
    match raw.chars().nth(1) {
        Some('x') => (4, one),
        Some('u') => (6, one),
        Some('U') => (10, one),
        // A line break that is escaped is not there at all, nor is the indentation after it.
        Some('\n' | '\r') => (1 + blank_len(raw.get(1..).unwrap_or("")), 0),
        Some(other) => (1 + other.len_utf8(), one),
        None => (1, one),
    }
}
