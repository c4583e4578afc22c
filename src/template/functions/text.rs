//! Texts: written, changed, taken apart.

use std::fmt::Write as _;
use std::net::IpAddr;

use regex::{Regex, RegexBuilder};

use super::data::too_long;
use super::{argument, text_of};
use crate::template::printf;
use crate::template::value::{Bounded, Value};
use crate::template::{OUTPUT_BYTES_MAX, World};

/// How large a regular expression may become, in bytes: they are compiled while rendering.
const REGEX_BYTES_MAX: usize = 1 << 20;

/// Go's `Sprint`: a space between two values neither of which is a text.
fn sprint(arguments: &[Value]) -> Result<String, String> {
    let mut text = Bounded::new(OUTPUT_BYTES_MAX);
    let mut before = true;
    for (at, value) in arguments.iter().enumerate() {
        let is_text = matches!(value, Value::String(_));
        let space = if at > 0 && !is_text && !before { " " } else { "" };
        text.write_str(space).and_then(|()| value.write(&mut text)).map_err(|_| too_long())?;
        before = is_text;
    }
    Ok(text.into_text())
}

pub(super) fn print(_: &World<'_>, arguments: &[Value]) -> Result<Value, String> {
    sprint(arguments).map(Value::from)
}

pub(super) fn println(_: &World<'_>, arguments: &[Value]) -> Result<Value, String> {
    let mut text = Bounded::new(OUTPUT_BYTES_MAX);
    for (at, value) in arguments.iter().enumerate() {
        let space = if at > 0 { " " } else { "" };
        text.write_str(space).and_then(|()| value.write(&mut text)).map_err(|_| too_long())?;
    }
    text.write_char('\n').map_err(|_| too_long())?;
    Ok(text.into_text().into())
}

pub(super) fn printf(_: &World<'_>, arguments: &[Value]) -> Result<Value, String> {
    let mut text = Bounded::new(OUTPUT_BYTES_MAX);
    printf::printf(&mut text, text_of(arguments, 0)?, arguments.get(1..).unwrap_or(&[])).map_err(|_| too_long())?;
    Ok(text.into_text().into())
}

pub(super) fn html(_: &World<'_>, arguments: &[Value]) -> Result<Value, String> {
    let mut text = Bounded::new(OUTPUT_BYTES_MAX);
    for c in sprint(arguments)?.chars() {
        let written = match c {
            '&' => text.write_str("&amp;"),
            '<' => text.write_str("&lt;"),
            '>' => text.write_str("&gt;"),
            '"' => text.write_str("&#34;"),
            '\'' => text.write_str("&#39;"),
            '\0' => text.write_char('\u{fffd}'),
            _ => text.write_char(c),
        };
        written.map_err(|_| too_long())?;
    }
    Ok(text.into_text().into())
}

pub(super) fn urlquery(_: &World<'_>, arguments: &[Value]) -> Result<Value, String> {
    query_escaped(&sprint(arguments)?).map(Value::from)
}

pub(super) fn url_query_escape(_: &World<'_>, arguments: &[Value]) -> Result<Value, String> {
    query_escaped(text_of(arguments, 0)?).map(Value::from)
}

/// A text as a query's value in a URL: a space is `+`.
pub(super) fn query_escaped(text: &str) -> Result<String, String> {
    let mut escaped = Bounded::new(OUTPUT_BYTES_MAX);
    for byte in text.bytes() {
        let written = match byte {
            b' ' => escaped.write_char('+'),
            b'-' | b'_' | b'.' | b'~' => escaped.write_char(byte.into()),
            _ if byte.is_ascii_alphanumeric() => escaped.write_char(byte.into()),
            _ => write!(escaped, "%{byte:02X}"),
        };
        written.map_err(|_| too_long())?;
    }
    Ok(escaped.into_text())
}

/// The first letter of each word in upper case. A word goes on over a point, a colon or an apostrophe between letters.
pub(super) fn title(_: &World<'_>, arguments: &[Value]) -> Result<Value, String> {
    let text = text_of(arguments, 0)?;
    let mut titled = String::with_capacity(text.len());
    let mut done = false;
    let mut before = ' ';
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        let next_is_letter = chars.peek().is_some_and(|next| next.is_alphabetic());
        let joins = matches!(c, '.' | ':' | '\'' | '\u{2019}' | '\u{b7}') && before.is_alphabetic() && next_is_letter;
        if c.is_alphabetic() && !done {
            titled.extend(c.to_uppercase());
            done = true;
        } else {
            titled.push(c);
            done &= c.is_alphanumeric() || c == '_' || joins;
        }
        before = c;
    }
    Ok(titled.into())
}

pub(super) fn to_upper(_: &World<'_>, arguments: &[Value]) -> Result<Value, String> {
    Ok(text_of(arguments, 0)?.to_uppercase().into())
}

pub(super) fn to_lower(_: &World<'_>, arguments: &[Value]) -> Result<Value, String> {
    Ok(text_of(arguments, 0)?.to_lowercase().into())
}

pub(super) fn trim_space(_: &World<'_>, arguments: &[Value]) -> Result<Value, String> {
    Ok(text_of(arguments, 0)?.trim().into())
}

fn regex(pattern: &str) -> Result<Regex, String> {
    let built = RegexBuilder::new(pattern).size_limit(REGEX_BYTES_MAX).build();
    built.map_err(|error| format!("\"{pattern}\" is no regular expression: {error}"))
}

/// Whether a regular expression matches anywhere in a text: `match "^web" $labels.job`.
pub(super) fn matches(_: &World<'_>, arguments: &[Value]) -> Result<Value, String> {
    Ok(regex(text_of(arguments, 0)?)?.is_match(text_of(arguments, 1)?).into())
}

/// `reReplaceAll "(.*):.*" "$1" $labels.instance`
pub(super) fn replace_all(_: &World<'_>, arguments: &[Value]) -> Result<Value, String> {
    let (regex, replacement, text) = (regex(text_of(arguments, 0)?)?, text_of(arguments, 1)?, text_of(arguments, 2)?);
    let mut replaced = Bounded::new(OUTPUT_BYTES_MAX);
    let (mut at, mut expanded) = (0, String::new());
    for found in regex.captures_iter(text) {
        let Some(whole) = found.get(0) else { continue };
        expanded.clear();
        // What one match is replaced by is no longer than so many copies of the text.
        if replacement.len().saturating_mul(whole.len() + 1) > OUTPUT_BYTES_MAX * 4 {
            return Err(too_long());
        }
        found.expand(replacement, &mut expanded);
        let between = text.get(at..whole.start()).unwrap_or("");
        replaced.write_str(between).and_then(|()| replaced.write_str(&expanded)).map_err(|_| too_long())?;
        at = whole.end();
    }
    replaced.write_str(text.get(at..).unwrap_or("")).map_err(|_| too_long())?;
    Ok(replaced.into_text().into())
}

/// `host:port` taken apart; `None` where it is not of that form.
fn host_port(text: &str) -> Option<(&str, &str)> {
    let (host, port) = text.rsplit_once(':')?;
    let host = match host.strip_prefix('[') {
        Some(inner) => inner.strip_suffix(']')?,
        None if host.contains(':') => return None,
        None => host,
    };
    (!host.contains(['[', ']']) && !port.contains(['[', ']'])).then_some((host, port))
}

pub(super) fn strip_port(_: &World<'_>, arguments: &[Value]) -> Result<Value, String> {
    let text = text_of(arguments, 0)?;
    Ok(host_port(text).map_or(text, |(host, _)| host).into())
}

/// The first part of a host's name; an address stays as it is.
pub(super) fn strip_domain(_: &World<'_>, arguments: &[Value]) -> Result<Value, String> {
    let text = text_of(arguments, 0)?;
    let (host, port) = host_port(text).unwrap_or((text, ""));
    if host.parse::<IpAddr>().is_ok() {
        return Ok(text.into());
    }
    let host = host.split('.').next().unwrap_or("");
    Ok(if port.is_empty() { host.into() } else { format!("{host}:{port}").into() })
}

pub(super) fn graph_link(_: &World<'_>, arguments: &[Value]) -> Result<Value, String> {
    query_escaped(text_of(arguments, 0)?).map(|expr| format!("/graph?g0.expr={expr}&g0.tab=0").into())
}

pub(super) fn table_link(_: &World<'_>, arguments: &[Value]) -> Result<Value, String> {
    query_escaped(text_of(arguments, 0)?).map(|expr| format!("/graph?g0.expr={expr}&g0.tab=1").into())
}

/// The text as it is: nothing is escaped here anyway.
pub(super) fn safe(_: &World<'_>, arguments: &[Value]) -> Result<Value, String> {
    text_of(arguments, 0)?;
    Ok(argument(arguments, 0).clone())
}

pub(super) fn external_url(world: &World<'_>, _: &[Value]) -> Result<Value, String> {
    Ok(world.external_url.into())
}

/// The path of the external URL.
pub(super) fn path_prefix(world: &World<'_>, _: &[Value]) -> Result<Value, String> {
    let rest = world.external_url.split_once("://").map_or("", |(_, rest)| rest);
    let path = rest.find('/').and_then(|at| rest.get(at..)).unwrap_or("");
    Ok(path.split(['?', '#']).next().unwrap_or("").into())
}
