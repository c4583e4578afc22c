//! Text → words: what stands between actions, and the words of actions.

use super::TemplateError;
use super::value::Value;

/// A piece of a template.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Piece<'t> {
    Text(&'t str),
    /// The words of an action, and where it begins.
    Action {
        at: usize,
        words: Vec<Word>,
    },
}

/// A word of an action.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Word {
    pub(super) at: usize,
    /// Whether nothing stands between it and the word before: `(f).x` is a field, `f .x` an argument.
    pub(super) glued: bool,
    pub(super) kind: WordKind,
}

#[derive(Debug, Clone, PartialEq)]
pub(super) enum WordKind {
    Name(String),
    /// `.name`
    Field(String),
    /// `.` alone.
    Dot,
    /// `$name`, without the sign; `$` alone is empty.
    Variable(String),
    Literal(Value),
    Open,
    Close,
    Pipe,
    Comma,
    /// `:=`
    Declare,
    /// `=`
    Assign,
}

/// Takes a text apart. The white space that `{{-` and `-}}` take away is gone from the texts.
pub(super) fn lex(text: &str) -> Result<Vec<Piece<'_>>, TemplateError> {
    let mut pieces = Vec::new();
    let (mut at, mut trim) = (0, false);
    loop {
        let rest = text.get(at..).unwrap_or("");
        let open = rest.find("{{");
        let mut plain = rest.get(..open.unwrap_or(rest.len())).unwrap_or("");
        if trim {
            plain = plain.trim_start_matches(SPACE);
        }
        let Some(open) = open.map(|found| at + found) else {
            push_text(&mut pieces, plain);
            return Ok(pieces);
        };
        let inside = text.get(open + 2..).unwrap_or("");
        let trims_before = inside.starts_with('-') && inside.get(1..).is_some_and(|rest| rest.starts_with(SPACE));
        push_text(&mut pieces, if trims_before { plain.trim_end_matches(SPACE) } else { plain });
        let start = open + 2 + if trims_before { 2 } else { 0 };
        if text.get(start..).is_some_and(|rest| rest.trim_start_matches(SPACE).starts_with("/*")) {
            (at, trim) = comment(text, open, start)?;
            continue;
        }
        let mut lexer = Lexer { text, at: start, open };
        let words = lexer.words()?;
        (at, trim) = (lexer.at + 2, false);
        if text.get(lexer.at..).is_some_and(|rest| rest.starts_with('-')) {
            (at, trim) = (lexer.at + 3, true);
        }
        pieces.push(Piece::Action { at: open, words });
    }
}

/// What Go takes for white space.
const SPACE: [char; 4] = [' ', '\t', '\r', '\n'];

fn push_text<'t>(pieces: &mut Vec<Piece<'t>>, text: &'t str) {
    if !text.is_empty() {
        pieces.push(Piece::Text(text));
    }
}

/// Where a comment's action ends, and whether it takes the white space after it.
fn comment(text: &str, open: usize, start: usize) -> Result<(usize, bool), TemplateError> {
    let rest = text.get(start..).unwrap_or("");
    let close = rest.find("*/").ok_or_else(|| TemplateError::new(open, "comment without \"*/\""))?;
    let end = start + close + 2;
    let after = text.get(end..).unwrap_or("");
    let bare = after.trim_start_matches(SPACE);
    let end = end + after.len() - bare.len();
    if bare.len() < after.len() && bare.starts_with("-}}") {
        Ok((end + 3, true))
    } else if bare.len() == after.len() && bare.starts_with("}}") {
        Ok((end + 2, false))
    } else {
        Err(TemplateError::new(open, "a comment stands alone in its action: {{/* … */}}"))
    }
}

struct Lexer<'t> {
    text: &'t str,
    at: usize,
    /// Where the action begins.
    open: usize,
}

impl Lexer<'_> {
    fn rest(&self) -> &str {
        self.text.get(self.at..).unwrap_or("")
    }

    fn fail<T>(&self, message: impl Into<String>) -> Result<T, TemplateError> {
        Err(TemplateError::new(self.at, message))
    }

    /// The words up to the closing braces, on which it stays.
    fn words(&mut self) -> Result<Vec<Word>, TemplateError> {
        let mut words: Vec<Word> = Vec::new();
        loop {
            let before = self.at;
            self.at += self.rest().len() - self.rest().trim_start_matches(SPACE).len();
            let glued = before == self.at && !words.is_empty();
            if self.rest().starts_with("}}") || (!glued && self.rest().starts_with("-}}")) {
                return Ok(words);
            }
            let at = self.at;
            let kind = self.word()?;
            words.push(Word { at, glued, kind });
        }
    }

    fn word(&mut self) -> Result<WordKind, TemplateError> {
        let Some(first) = self.rest().chars().next() else {
            return Err(TemplateError::new(self.open, "\"{{\" without \"}}\""));
        };
        let sign = |kind| Some((kind, 1));
        let simple = match first {
            '(' => sign(WordKind::Open),
            ')' => sign(WordKind::Close),
            '|' => sign(WordKind::Pipe),
            ',' => sign(WordKind::Comma),
            '=' => sign(WordKind::Assign),
            ':' if self.rest().starts_with(":=") => Some((WordKind::Declare, 2)),
            _ => None,
        };
        if let Some((kind, len)) = simple {
            self.at += len;
            return Ok(kind);
        }
        match first {
            '"' => self.quoted(),
            '`' => self.raw(),
            '\'' => self.character(),
            '$' => {
                self.at += 1;
                Ok(WordKind::Variable(self.name()))
            }
            '.' if !self.rest().get(1..).is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_digit())) => {
                self.at += 1;
                let name = self.name();
                Ok(if name.is_empty() { WordKind::Dot } else { WordKind::Field(name) })
            }
            '.' | '+' | '-' | '0'..='9' => self.number(),
            _ if is_letter(first) => {
                let at = self.at;
                let name = self.name();
                Ok(match name.as_str() {
                    "true" => WordKind::Literal(Value::Bool(true)),
                    "false" => WordKind::Literal(Value::Bool(false)),
                    "nil" => WordKind::Literal(Value::Null),
                    _ => {
                        if !self.rest().is_empty() && !self.rest().starts_with(ENDS_NAME) {
                            self.at = at;
                            return self.fail(format!("\"{first}\" begins no word that is known"));
                        }
                        WordKind::Name(name)
                    }
                })
            }
            _ => self.fail(format!("unexpected {first:?} in an action")),
        }
    }

    fn name(&mut self) -> String {
        let rest = self.rest();
        let len = rest.find(|c: char| !is_letter(c) && !c.is_numeric()).unwrap_or(rest.len());
        let name = rest.get(..len).unwrap_or("").to_owned();
        self.at += len;
        name
    }

    /// `"text"` with Go's escapes.
    fn quoted(&mut self) -> Result<WordKind, TemplateError> {
        let start = self.at;
        self.at += 1;
        let mut text = String::new();
        loop {
            let Some(c) = self.rest().chars().next().filter(|c| *c != '\n') else {
                self.at = start;
                return self.fail("a text without its closing quote");
            };
            match c {
                '"' => {
                    self.at += 1;
                    return Ok(WordKind::Literal(text.into()));
                }
                '\\' => text.push(self.escape()?),
                _ => {
                    text.push(c);
                    self.at += c.len_utf8();
                }
            }
        }
    }

    /// `` `text` `` as it stands.
    fn raw(&mut self) -> Result<WordKind, TemplateError> {
        let inside = self.rest().get(1..).unwrap_or("");
        let Some(len) = inside.find('`') else { return self.fail("a text without its closing \"`\"") };
        // Go drops carriage returns there.
        let text = inside.get(..len).unwrap_or("").replace('\r', "");
        self.at += len + 2;
        Ok(WordKind::Literal(text.into()))
    }

    /// `'c'`, which is its code.
    fn character(&mut self) -> Result<WordKind, TemplateError> {
        self.at += 1;
        let c = match self.rest().chars().next() {
            Some('\\') => Some(self.escape()?),
            Some(c) if c != '\'' => {
                self.at += c.len_utf8();
                Some(c)
            }
            _ => None,
        };
        match c {
            Some(c) if self.rest().starts_with('\'') => {
                self.at += 1;
                Ok(WordKind::Literal(Value::Int(i64::from(u32::from(c)))))
            }
            _ => self.fail("single quotes hold one character; write texts in double quotes"),
        }
    }

    /// An escape, from its backslash on.
    fn escape(&mut self) -> Result<char, TemplateError> {
        let rest = self.rest().get(1..).unwrap_or("");
        let coded = |digits: usize, radix: u32, skip: usize| {
            let digits_of = rest.get(skip..skip + digits)?;
            let code = u32::from_str_radix(digits_of, radix).ok().and_then(char::from_u32)?;
            Some((code, skip + digits))
        };
        let found = match rest.chars().next() {
            Some('n') => Some(('\n', 1)),
            Some('t') => Some(('\t', 1)),
            Some('r') => Some(('\r', 1)),
            Some('a') => Some(('\u{7}', 1)),
            Some('b') => Some(('\u{8}', 1)),
            Some('f') => Some(('\u{c}', 1)),
            Some('v') => Some(('\u{b}', 1)),
            Some(c @ ('\\' | '"' | '\'')) => Some((c, 1)),
            // A byte above 0x7f would be a part of a character.
            Some('x') => coded(2, 16, 1).filter(|(c, _)| c.is_ascii()),
            Some('u') => coded(4, 16, 1),
            Some('U') => coded(8, 16, 1),
            Some('0'..='7') => coded(3, 8, 0).filter(|(c, _)| c.is_ascii()),
            _ => None,
        };
        let Some((c, len)) = found else { return self.fail("unknown escape after \"\\\"") };
        self.at += 1 + len;
        Ok(c)
    }

    fn number(&mut self) -> Result<WordKind, TemplateError> {
        let rest = self.rest();
        let mut before = ' ';
        let hex = rest.trim_start_matches(['+', '-']).starts_with("0x");
        let end = rest.find(|c: char| {
            let exponent = if hex { matches!(before, 'p' | 'P') } else { matches!(before, 'e' | 'E') };
            let sign = matches!(c, '+' | '-') && (before == ' ' || exponent);
            before = c;
            !sign && !c.is_ascii_alphanumeric() && !matches!(c, '.' | '_')
        });
        let text = rest.get(..end.unwrap_or(rest.len())).unwrap_or("");
        let Some(value) = literal(text) else { return self.fail(format!("\"{text}\" is no number")) };
        self.at += text.len();
        Ok(WordKind::Literal(value))
    }
}

/// What may follow a name.
const ENDS_NAME: [char; 12] = [' ', '\t', '\r', '\n', '.', ',', '|', ':', '=', ')', '(', '}'];

fn is_letter(c: char) -> bool {
    c == '_' || c.is_alphabetic()
}

/// A number of a template: with a point or an exponent it is a float, else whole.
fn literal(text: &str) -> Option<Value> {
    let (negative, bare) = match text.strip_prefix('-') {
        Some(bare) => (true, bare),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    if !bare.starts_with(|c: char| c.is_ascii_digit() || c == '.') || bare.starts_with('_') || bare.ends_with('_') {
        return None;
    }
    let plain = bare.replace('_', "");
    let lower = plain.to_ascii_lowercase();
    let (digits, radix) = match lower.get(..2) {
        Some("0x") => (lower.get(2..)?, 16),
        Some("0b") => (lower.get(2..)?, 2),
        Some("0o") => (lower.get(2..)?, 8),
        _ if lower.len() > 1 && lower.starts_with('0') && lower.bytes().all(|c| c.is_ascii_digit()) => {
            (lower.get(1..)?, 8)
        }
        _ => (lower.as_str(), 10),
    };
    if digits.starts_with(['+', '-']) {
        return None;
    }
    if let Ok(whole) = i64::from_str_radix(digits, radix) {
        return Some(Value::Int(if negative { -whole } else { whole }));
    }
    let number: f64 = if radix == 10 { digits.parse().ok()? } else { return None };
    number.is_finite().then_some(Value::Float(if negative { -number } else { number }))
}
