//! A finding: what is wrong in a file, where, and the way out; and how it is shown.

use std::fmt;
use std::path::{Path, PathBuf};

/// A part of a file's text, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Span {
    pub start: usize,
    pub end: usize,
}

/// One thing that is wrong in a file. `Display` shows it with the line that it is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    pub file: PathBuf,
    /// What is wrong and the way out, in lower case and without a final stop.
    pub message: String,
    /// Where; `None` where the file as a whole is meant (it can't be read).
    pub place: Option<Place>,
}

/// Where in a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// Counted from 1.
    pub line: usize,
    /// Counted from 1, in characters.
    pub column: usize,
    /// How many characters are meant, at least 1.
    width: usize,
    /// The line itself.
    text: String,
}

/// A file's text, with the name that findings carry.
#[derive(Debug, Clone, Copy)]
pub struct Source<'a> {
    pub file: &'a Path,
    pub text: &'a str,
}

impl Source<'_> {
    /// A finding about a part of this file.
    #[must_use]
    pub fn finding(&self, span: Span, message: impl Into<String>) -> Finding {
        Finding { file: self.file.to_owned(), message: message.into(), place: Some(self.place(span)) }
    }

    /// Where a part of this file lies. One that spans several lines is cut at the end of its first.
    #[must_use]
    pub fn place(&self, span: Span) -> Place {
        let start = floor_char_boundary(self.text, span.start);
        let before = self.text.get(..start).unwrap_or("");
        let line_start = before.rfind('\n').map_or(0, |at| at + 1);
        let text = self.text.get(line_start..).unwrap_or("").lines().next().unwrap_or("");
        let column = before.get(line_start..).unwrap_or("").chars().count();
        let line_end = line_start + text.len();
        let meant = self.text.get(start..floor_char_boundary(self.text, span.end.min(line_end))).unwrap_or("");
        Place {
            line: before.matches('\n').count() + 1,
            column: column + 1,
            width: meant.trim_end().chars().count().max(1),
            text: text.to_owned(),
        }
    }
}

/// The greatest character boundary that is not after `at`.
fn floor_char_boundary(text: &str, at: usize) -> usize {
    let at = at.min(text.len());
    (0..=at).rev().find(|&at| text.is_char_boundary(at)).unwrap_or(0)
}

/// The findings of one file, collected.
#[derive(Debug)]
pub struct Findings<'a> {
    pub source: Source<'a>,
    list: Vec<Finding>,
    /// How many were not collected any more.
    more: usize,
    /// What no finding shows.
    hidden: Vec<Span>,
}

/// The most findings that are told of one file. Whoever has more begins with these.
const FINDINGS_MAX: usize = 100;

impl<'a> Findings<'a> {
    #[must_use]
    pub fn new(source: Source<'a>) -> Self {
        Self { source, list: Vec::new(), more: 0, hidden: Vec::new() }
    }

    /// Takes note of something wrong.
    pub fn report(&mut self, span: Span, message: impl Into<String>) {
        if self.list.len() < FINDINGS_MAX {
            self.list.push(self.source.finding(span, message));
        } else {
            self.more += 1;
        }
    }

    /// Lets no finding show what stands here, nor what follows in its line: a secret.
    pub fn hide(&mut self, span: Span) {
        self.hidden.push(span);
    }

    /// All findings, in the order of the file.
    #[must_use]
    pub fn into_vec(self) -> Vec<Finding> {
        let mut list = self.list;
        let secrets: Vec<Span> = self.hidden.into_iter().chain(password_hashes(self.source.text)).collect();
        if !secrets.is_empty() {
            let veiled = veiled(self.source.text, &secrets);
            for place in list.iter_mut().filter_map(|finding| finding.place.as_mut()) {
                veiled.lines().nth(place.line - 1).unwrap_or_default().clone_into(&mut place.text);
            }
        }
        list.sort_by_key(|finding| finding.place.as_ref().map_or((0, 0), |place| (place.line, place.column)));
        if self.more > 0 {
            list.push(Finding::about(self.source.file, format!("and {} more findings", self.more)));
        }
        list
    }
}

/// Where hashes of bcrypt begin; one may stand where nobody looks for it.
fn password_hashes(text: &str) -> impl Iterator<Item = Span> {
    let hashes = text.match_indices("$2").map(|(at, _)| at).filter(|at| text.as_bytes().get(at + 3) == Some(&b'$'));
    hashes.map(|at| Span { start: at, end: at })
}

/// A text with asterisks where secrets are, from their beginning to the end of their last line.
fn veiled(text: &str, secrets: &[Span]) -> String {
    let line_end = |at: usize| text.get(at..).and_then(|rest| rest.find('\n')).map_or(text.len(), |end| at + end);
    let secrets: Vec<Span> = secrets.iter().map(|span| Span { start: span.start, end: line_end(span.end) }).collect();
    let hidden = |at: usize| secrets.iter().any(|span| (span.start..span.end).contains(&at));
    text.char_indices().map(|(at, sign)| if sign != '\n' && hidden(at) { '*' } else { sign }).collect()
}

impl Finding {
    /// A finding about a whole file.
    #[must_use]
    pub fn about(file: impl Into<PathBuf>, message: impl Into<String>) -> Self {
        Self { file: file.into(), message: message.into(), place: None }
    }
}

/// How many characters of a line are shown; of a longer line, a part from shortly before the place on.
const SHOWN_MAX: usize = 160;

/// How many characters are shown before the place in a line that is too long.
const LEAD: usize = 60;

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let file = self.file.display();
        let Some(Place { line, column, width, text }) = &self.place else {
            return write!(f, "{file}: {}", self.message);
        };
        let before = column - 1;
        let skipped = if before < SHOWN_MAX { 0 } else { before - LEAD };
        // A tab or another control character would tear the caret from its token.
        let visible = |c: char| if c.is_control() { ' ' } else { c };
        let shown: String = text.chars().skip(skipped).take(SHOWN_MAX).map(visible).collect();
        let indent = before - skipped;
        let carets = "^".repeat((*width).min(SHOWN_MAX - indent));
        writeln!(f, "{file}:{line}:{column}: {}", self.message)?;
        writeln!(f, "{line:>5} | {}", shown.trim_end())?;
        write!(f, "      | {:indent$}{carets}", "")
    }
}
