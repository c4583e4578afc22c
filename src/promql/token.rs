//! Text → tokens, each with its place. The parser crate tells neither; errors and rewriting need both.

use std::time::Duration;

use super::ParseError;
use crate::labels::unquote;
use crate::time::parse_duration;

/// A piece of an expression.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Token<'a> {
    pub(super) kind: Kind,
    /// As written.
    pub(super) text: &'a str,
    /// Byte offset in the expression.
    pub(super) at: usize,
}

#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Kind {
    /// A metric, label, function, aggregation, keyword or operator that is a word.
    Word,
    Number(f64),
    Duration(Duration),
    /// A string with its quotes.
    Text,
    /// An operator of signs, `@` included.
    Sign,
    /// `(`, `[` or `{`
    Open,
    /// `)`, `]` or `}`
    Close,
    Comma,
    /// The colon of a subquery.
    Colon,
}

impl Token<'_> {
    /// Whether it is this keyword; keywords may be written in any case.
    pub(super) fn is_word(&self, word: &str) -> bool {
        self.kind == Kind::Word && self.text.eq_ignore_ascii_case(word)
    }

    /// Whether it is this sign or bracket.
    pub(super) fn is(&self, text: &str) -> bool {
        matches!(self.kind, Kind::Sign | Kind::Open | Kind::Close | Kind::Comma | Kind::Colon) && self.text == text
    }

    /// A number or a duration as a length of time, where it can be one.
    pub(super) fn length(&self) -> Option<Duration> {
        let length = match self.kind {
            Kind::Number(seconds) => Duration::try_from_secs_f64(seconds).ok()?,
            Kind::Duration(length) => length,
            _ => return None,
        };
        let whole = Duration::from_millis(u64::try_from(length.as_millis()).ok()?);
        (whole <= LENGTH_MAX).then_some(whole)
    }

    /// What stands between the quotes of a string, with its escapes resolved.
    pub(super) fn unquoted(&self) -> Result<String, ParseError> {
        unquote(self.text).map_err(|offset| {
            ParseError::new(self.at + offset, "this is no escape; for a backslash write two, or use backquotes")
        })
    }

    /// Where it ends.
    pub(super) fn end(&self) -> usize {
        self.at + self.text.len()
    }
}

/// The longest range or offset, as Prometheus keeps it: nanoseconds in 63 bits, about 292 years.
const LENGTH_MAX: Duration = Duration::from_nanos(i64::MAX.unsigned_abs());

/// Signs, longest first.
const SIGNS: [&str; 18] =
    ["==", "!=", "<=", ">=", "=~", "!~", "=", "<", ">", "+", "-", "*", "/", "%", "^", "@", "!", "."];

/// Takes an expression apart. Comments and blanks are left out.
pub(super) fn tokens(expr: &str) -> Result<Vec<Token<'_>>, ParseError> {
    let mut scanner = Scanner { expr, at: 0, bracket: None };
    let mut tokens = Vec::new();
    while let Some(token) = scanner.next()? {
        tokens.push(token);
    }
    Ok(tokens)
}

struct Scanner<'a> {
    expr: &'a str,
    at: usize,
    /// The bracket or brace inside of which the scanner is; they don't nest in each other.
    bracket: Option<char>,
}

impl<'a> Scanner<'a> {
    fn next(&mut self) -> Result<Option<Token<'a>>, ParseError> {
        self.skip_blank();
        let rest = self.rest();
        let Some(first) = rest.chars().next() else { return Ok(None) };
        let token = match first {
            '"' | '\'' | '`' => self.text(first)?,
            '(' => self.take(Kind::Open, 1),
            ')' => self.take(Kind::Close, 1),
            '[' | '{' => {
                self.bracket = Some(first);
                self.take(Kind::Open, 1)
            }
            ']' | '}' => {
                self.bracket = None;
                self.take(Kind::Close, 1)
            }
            ',' => self.take(Kind::Comma, 1),
            ':' if self.bracket == Some('[') => self.take(Kind::Colon, 1),
            '0'..='9' => self.number()?,
            '.' if rest[1..].starts_with(|next: char| next.is_ascii_digit()) => self.number()?,
            _ if is_word_start(first) || (first == ':' && self.bracket.is_none()) => self.word(),
            _ => match SIGNS.iter().find(|sign| rest.starts_with(**sign)) {
                Some(sign) => self.take(Kind::Sign, sign.len()),
                None => return Err(ParseError::new(self.at, format!("unexpected character {first:?}"))),
            },
        };
        Ok(Some(token))
    }

    fn rest(&self) -> &'a str {
        &self.expr[self.at..]
    }

    fn skip_blank(&mut self) {
        loop {
            self.at += self.rest().len() - self.rest().trim_start_matches([' ', '\t', '\n', '\r']).len();
            if !self.rest().starts_with('#') {
                return;
            }
            self.at += self.rest().find('\n').unwrap_or(self.rest().len());
        }
    }

    fn take(&mut self, kind: Kind, length: usize) -> Token<'a> {
        let token = Token { kind, text: &self.rest()[..length], at: self.at };
        self.at += length;
        token
    }

    fn word(&mut self) -> Token<'a> {
        let colons = self.bracket.is_none();
        let is_part = |next: char| is_word_start(next) || next.is_ascii_digit() || (colons && next == ':');
        let length = self.rest().find(|next| !is_part(next)).unwrap_or(self.rest().len());
        let word = &self.rest()[..length];
        let number = if self.bracket == Some('{') { None } else { not_finite(word) };
        self.take(number.map_or(Kind::Word, Kind::Number), length)
    }

    /// A number or a duration: all that hangs together, and the sign of an exponent.
    fn number(&mut self) -> Result<Token<'a>, ParseError> {
        let bytes = self.rest().as_bytes();
        let hexadecimal = bytes.len() > 1 && bytes[1].eq_ignore_ascii_case(&b'x');
        let is_part = |at: usize, byte: u8| match byte {
            b'+' | b'-' => !hexadecimal && bytes[at - 1].eq_ignore_ascii_case(&b'e'),
            _ => byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_'),
        };
        let length = (1..bytes.len()).find(|&at| !is_part(at, bytes[at])).unwrap_or(bytes.len());
        let text = &self.rest()[..length];
        let kind = match (number(text), parse_duration(text)) {
            (Some(number), _) => Kind::Number(number),
            (None, Ok(duration)) => Kind::Duration(duration),
            (None, Err(error)) if text.ends_with(|last: char| last.is_ascii_alphabetic()) => {
                return Err(ParseError::new(self.at, error.to_string()));
            }
            (None, Err(_)) => return Err(ParseError::new(self.at, format!("\"{text}\" is no number"))),
        };
        Ok(self.take(kind, length))
    }

    fn text(&mut self, quote: char) -> Result<Token<'a>, ParseError> {
        let mut escaped = false;
        for (at, next) in self.rest().char_indices().skip(1) {
            if escaped {
                escaped = false;
            } else if next == '\\' && quote != '`' {
                escaped = true;
            } else if next == quote {
                return Ok(self.take(Kind::Text, at + 1));
            } else if next == '\n' && quote != '`' {
                break;
            }
        }
        Err(ParseError::new(self.at, format!("this string has no closing {quote}")))
    }
}

fn is_word_start(first: char) -> bool {
    first.is_ascii_alphabetic() || first == '_'
}

/// The two words that are numbers.
fn not_finite(word: &str) -> Option<f64> {
    if word.eq_ignore_ascii_case("inf") {
        Some(f64::INFINITY)
    } else {
        word.eq_ignore_ascii_case("nan").then_some(f64::NAN)
    }
}

/// Reads a number as Prometheus does: decimal, `0x…`, octal with a leading zero, underscores between digits.
fn number(text: &str) -> Option<f64> {
    let bytes = text.as_bytes();
    let digit = |at: usize| bytes.get(at).is_some_and(u8::is_ascii_hexdigit);
    let between = |at: usize| at > 0 && (digit(at - 1) || text[..at].ends_with(['x', 'X'])) && digit(at + 1);
    if !bytes.iter().enumerate().all(|(at, byte)| *byte != b'_' || between(at)) {
        return None;
    }
    let text = text.replace('_', "");
    let integer = |digits: &str, radix| i64::from_str_radix(digits, radix).ok().map(|integer| integer as f64);
    if let Some(digits) = text.strip_prefix("0x").or_else(|| text.strip_prefix("0X")) {
        return integer(digits, 16);
    }
    let octal = text.len() > 1 && text.starts_with('0') && text.bytes().all(|byte| matches!(byte, b'0'..=b'7'));
    if octal { integer(&text, 8) } else { text.parse().ok() }
}
