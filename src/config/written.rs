//! The way from a byte of a text back to the byte of the YAML file that it comes from.

use super::finding::Span;
use super::scalar::At;

impl At<String> {
    /// The token of the file's text `source` that the byte `at` of this text belongs to: a PromQL error, say, at its
    /// place in the YAML.
    #[must_use]
    pub fn locate(&self, source: &str, at: usize) -> Span {
        let raw = source.get(self.span.start..self.span.end).unwrap_or("");
        let style = Style::of(raw, &self.value);
        let raw = raw.trim_end();
        // What is missing at the end is missing after the last character, not after the last line break.
        let at = at.min(self.value.trim_end().len());
        let offset = Walk { style, raw, text: &self.value }.offset_of(at);
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
    /// What is quoted begins and ends with its quotes. A plain scalar can't begin with one, and a block ends with its
    /// last line's break; but for one at the end of a file without a break, which is as written then.
    fn of(raw: &str, text: &str) -> Self {
        let between = |quote: char| raw.len() >= 2 && raw.starts_with(quote) && raw.ends_with(quote);
        if raw == text.trim_end() {
            Self::Bare
        } else if between('\'') {
            Self::Single
        } else if between('"') {
            Self::Double
        } else {
            Self::Bare
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
        while let Some(text) = self.text.get(text_at..).filter(|text| !text.is_empty()) {
            let Some((raw_len, text_len)) = self.next(self.raw.get(raw_at..).unwrap_or(""), text) else { break };
            // What stands for nothing, as an escaped line break, belongs to what comes before it.
            if text_at >= at && text_len > 0 {
                break;
            }
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
        if blank == 0 && blank_len(text) > 0 {
            // Empty lines before the first character of a block are in its text, but not in its span.
            return Some((0, blank_len(text)));
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
