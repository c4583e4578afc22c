//! `printf` as Go's `fmt` does it: `%v %s %q %d %f %e %g %t %x …` with flags, width and precision.

use std::fmt::{self, Write};

use super::number;
use super::value::{Bounded, Value};

/// The widest field and the longest precision that is taken at its word.
const WIDTH_MAX: usize = 1_000;

/// What stands between `%` and the verb.
#[derive(Debug, Clone, Copy, Default)]
#[allow(clippy::struct_excessive_bools, reason = "five signs that are there or not")]
struct Directive {
    plus: bool,
    minus: bool,
    sharp: bool,
    space: bool,
    zero: bool,
    width: Option<usize>,
    precision: Option<usize>,
}

/// Writes the arguments as the format says. A verb that doesn't fit is shown as Go shows it, as in `%!d(string=a)`;
/// only a text that grows too long is an error.
pub(super) fn printf(out: &mut Bounded, format: &str, arguments: &[Value]) -> fmt::Result {
    let mut arguments = arguments.iter();
    let mut rest = format;
    while let Some(at) = rest.find('%') {
        out.write_str(rest.get(..at).unwrap_or(""))?;
        let (directive, after) = directive(rest.get(at + 1..).unwrap_or(""), &mut arguments);
        let Some(verb) = after.chars().next() else {
            return out.write_str("%!(NOVERB)");
        };
        rest = after.get(verb.len_utf8()..).unwrap_or("");
        if verb == '%' {
            out.write_char('%')?;
            continue;
        }
        match arguments.next() {
            None => write!(out, "%!{verb}(MISSING)")?,
            Some(value) => directive.write(out, verb, value)?,
        }
    }
    out.write_str(rest)?;
    let extra: Vec<&Value> = arguments.collect();
    if !extra.is_empty() {
        out.write_str("%!(EXTRA ")?;
        for (at, value) in extra.into_iter().enumerate() {
            write!(out, "{}{}=", if at > 0 { ", " } else { "" }, value.go_type())?;
            value.write(out)?;
        }
        out.write_char(')')?;
    }
    Ok(())
}

/// Flags, width and precision; `*` takes them from the arguments.
fn directive<'f, 'v>(format: &'f str, arguments: &mut impl Iterator<Item = &'v Value>) -> (Directive, &'f str) {
    let mut directive = Directive::default();
    let mut rest = format;
    while let Some(flag) = rest.bytes().next() {
        match flag {
            b'+' => directive.plus = true,
            b'-' => directive.minus = true,
            b'#' => directive.sharp = true,
            b' ' => directive.space = true,
            b'0' => directive.zero = true,
            _ => break,
        }
        rest = rest.get(1..).unwrap_or("");
    }
    (directive.width, rest) = size(rest, arguments);
    if let Some(after) = rest.strip_prefix('.') {
        let (precision, after) = size(after, arguments);
        directive.precision = Some(precision.unwrap_or(0));
        rest = after;
    }
    directive.zero &= !directive.minus;
    (directive, rest)
}

fn size<'f, 'v>(format: &'f str, arguments: &mut impl Iterator<Item = &'v Value>) -> (Option<usize>, &'f str) {
    if let Some(rest) = format.strip_prefix('*') {
        let given = match arguments.next() {
            Some(Value::Int(size)) => usize::try_from(*size).ok(),
            _ => None,
        };
        return (given.map(|size| size.min(WIDTH_MAX)), rest);
    }
    let len = format.bytes().take_while(u8::is_ascii_digit).count();
    let (digits, rest) = format.split_at(len);
    ((len > 0).then(|| digits.parse().unwrap_or(WIDTH_MAX).min(WIDTH_MAX)), rest)
}

impl Directive {
    fn write(self, out: &mut Bounded, verb: char, value: &Value) -> fmt::Result {
        match (verb, value) {
            ('T', value) => self.pad(out, value.go_type()),
            ('v', Value::Float(float)) => self.number(out, &self.float('g', *float)),
            ('v', Value::Int(_)) => self.write(out, 'd', value),
            ('v', Value::Null) => self.pad(out, "<nil>"),
            (_, Value::Null) => write!(out, "%!{verb}(<nil>)"),
            ('v' | 's', Value::String(text)) => self.text(out, text),
            ('q', Value::String(text)) => self.pad(out, &quoted(text)),
            ('x', Value::String(text)) => self.pad(out, &hex(text, false)),
            ('X', Value::String(text)) => self.pad(out, &hex(text, true)),
            ('v' | 't', Value::Bool(value)) => self.pad(out, if *value { "true" } else { "false" }),
            ('d' | 'b' | 'o' | 'O' | 'x' | 'X', Value::Int(int)) => self.whole(out, verb, *int),
            ('c' | 'q' | 'U', Value::Int(int)) => {
                let c = u32::try_from(*int).ok().and_then(char::from_u32).unwrap_or('\u{fffd}');
                match verb {
                    'c' => self.pad(out, &c.to_string()),
                    'q' => self.pad(out, &format!("'{c}'")),
                    _ => self.pad(out, &format!("U+{int:04X}")),
                }
            }
            ('e' | 'E' | 'f' | 'F' | 'g' | 'G', Value::Float(float)) => self.number(out, &self.float(verb, *float)),
            ('v' | 's', Value::Time(_) | Value::Duration(_)) => {
                let mut text = Bounded::new(WIDTH_MAX);
                value.write(&mut text)?;
                self.pad(out, &text.into_text())
            }
            (_, Value::List(items)) => {
                out.write_char('[')?;
                for (at, item) in items.iter().enumerate() {
                    out.write_str(if at > 0 { " " } else { "" })?;
                    self.write(out, verb, item)?;
                }
                out.write_char(']')
            }
            (_, Value::Map(map)) => {
                out.write_str("map[")?;
                for (at, (name, value)) in map.iter().enumerate() {
                    out.write_str(if at > 0 { " " } else { "" })?;
                    self.write(out, verb, &Value::from(name.as_str()))?;
                    out.write_char(':')?;
                    self.write(out, verb, value)?;
                }
                out.write_char(']')
            }
            (_, Value::Record(record)) => {
                out.write_char('{')?;
                for (at, (_, value)) in record.0.iter().enumerate() {
                    out.write_str(if at > 0 { " " } else { "" })?;
                    self.write(out, verb, value)?;
                }
                out.write_char('}')
            }
            _ => {
                write!(out, "%!{verb}({}=", value.go_type())?;
                value.write(out)?;
                out.write_char(')')
            }
        }
    }

    /// A float, with its sign where it is negative or one is asked for.
    fn float(self, verb: char, value: f64) -> String {
        let text = match (verb.to_ascii_lowercase(), self.precision) {
            ('f', precision) => number::fixed(value, precision.unwrap_or(6)),
            ('e', precision) => number::scientific(value, precision.unwrap_or(6)),
            (_, Some(precision)) => number::significant(value, precision),
            (_, None) => number::shortest(value),
        };
        let text = if verb.is_ascii_uppercase() && value.is_finite() { text.to_uppercase() } else { text };
        // Go writes `+Inf` with `%f` too, and never a sign before `NaN` unless asked.
        match () {
            () if text.starts_with(['-', '+']) => text,
            () if self.plus => format!("+{text}"),
            () if self.space => format!(" {text}"),
            () => text,
        }
    }

    fn whole(self, out: &mut Bounded, verb: char, value: i64) -> fmt::Result {
        let size = value.unsigned_abs();
        let mut digits = match verb {
            'b' => format!("{size:b}"),
            'o' | 'O' => format!("{size:o}"),
            'x' => format!("{size:x}"),
            'X' => format!("{size:X}"),
            _ => size.to_string(),
        };
        if let Some(precision) = self.precision {
            digits = format!("{}{digits}", "0".repeat(precision.saturating_sub(digits.len())));
        }
        let base = match (verb, self.sharp) {
            ('O', _) => "0o",
            ('x', true) => "0x",
            ('X', true) => "0X",
            ('b', true) => "0b",
            ('o', true) => "0",
            _ => "",
        };
        let sign = match () {
            () if value < 0 => "-",
            () if self.plus => "+",
            () if self.space => " ",
            () => "",
        };
        let text = format!("{sign}{base}{digits}");
        if self.precision.is_some() { Self { zero: false, ..self }.pad(out, &text) } else { self.number(out, &text) }
    }

    /// A number; zeros that fill it stand between its sign and its digits.
    fn number(self, out: &mut Bounded, text: &str) -> fmt::Result {
        let digits = text.strip_prefix(['-', '+', ' ']).unwrap_or(text);
        if !self.zero || !digits.starts_with(|c: char| c.is_ascii_digit()) {
            return Self { zero: false, ..self }.pad(out, text);
        }
        let missing = self.width.unwrap_or(0).saturating_sub(text.chars().count());
        let sign = text.get(..text.len() - digits.len()).unwrap_or("");
        write!(out, "{sign}{}{digits}", "0".repeat(missing))
    }

    /// A text, of which the precision is the most characters.
    fn text(self, out: &mut Bounded, text: &str) -> fmt::Result {
        match self.precision.and_then(|most| text.char_indices().nth(most)) {
            Some((end, _)) => self.pad(out, text.get(..end).unwrap_or(text)),
            None => self.pad(out, text),
        }
    }

    fn pad(self, out: &mut Bounded, text: &str) -> fmt::Result {
        let missing = self.width.unwrap_or(0).saturating_sub(text.chars().count());
        let fill = if self.zero { "0" } else { " " }.repeat(missing);
        let (before, after) = if self.minus { ("", fill.as_str()) } else { (fill.as_str(), "") };
        out.write_str(before).and_then(|()| out.write_str(text)).and_then(|()| out.write_str(after))
    }
}

/// A text as a Go constant in double quotes.
fn quoted(text: &str) -> String {
    let mut quoted = String::from("\"");
    for c in text.chars() {
        match c {
            '"' | '\\' => quoted.extend(['\\', c]),
            '\n' => quoted.push_str("\\n"),
            '\r' => quoted.push_str("\\r"),
            '\t' => quoted.push_str("\\t"),
            '\u{7}' => quoted.push_str("\\a"),
            '\u{8}' => quoted.push_str("\\b"),
            '\u{b}' => quoted.push_str("\\v"),
            '\u{c}' => quoted.push_str("\\f"),
            c if c.is_ascii_control() => _ = write!(quoted, "\\x{:02x}", u32::from(c)),
            c if c.is_control() => _ = write!(quoted, "\\u{:04x}", u32::from(c)),
            c => quoted.push(c),
        }
    }
    quoted.push('"');
    quoted
}

fn hex(text: &str, upper: bool) -> String {
    text.bytes().fold(String::new(), |mut hex, byte| {
        let _ = if upper { write!(hex, "{byte:02X}") } else { write!(hex, "{byte:02x}") };
        hex
    })
}
