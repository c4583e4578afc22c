//! How each kind of value is written.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use super::finding::Span;
use super::reader::Reader;
use super::suggest::known;
use super::tree::{Kind, Node};
use crate::time::parse_duration;

/// A value that a node can hold. Where it does not, `read` takes note of that.
pub(super) trait Read: Sized {
    fn read(reader: &Reader<'_>, node: &Node) -> Option<Self>;
}

/// A value and where it is written.
#[derive(Debug, Clone, PartialEq)]
pub struct At<T> {
    pub value: T,
    pub span: Span,
}

impl<T: Read> Read for At<T> {
    fn read(reader: &Reader<'_>, node: &Node) -> Option<Self> {
        T::read(reader, node).map(|value| Self { value, span: node.token() })
    }
}

/// The items of a list that could be read.
pub(super) struct Readable<T>(pub(super) Vec<T>);

impl<T: Read> Read for Readable<T> {
    fn read(reader: &Reader<'_>, node: &Node) -> Option<Self> {
        let Kind::List(items) = &node.kind else {
            reader.expected(node, "a list");
            return None;
        };
        Some(Self(items.iter().filter_map(|item| T::read(reader, item)).collect()))
    }
}

impl<T: Read> Read for Vec<T> {
    /// All items or none. Each is read, so that each has its findings.
    fn read(reader: &Reader<'_>, node: &Node) -> Option<Self> {
        let Readable(items) = Readable::read(reader, node)?;
        let Kind::List(written) = &node.kind else { return None };
        (items.len() == written.len()).then_some(items)
    }
}

impl Read for String {
    /// A number or a boolean is taken for its text, as Prometheus takes it in labels.
    fn read(reader: &Reader<'_>, node: &Node) -> Option<Self> {
        match &node.kind {
            Kind::Text(text) | Kind::Number(text) => Some(text.clone()),
            Kind::Bool(value) => Some(value.to_string()),
            Kind::Null | Kind::List(_) | Kind::Map(_) => {
                reader.expected(node, "a text");
                None
            }
        }
    }
}

impl Read for PathBuf {
    fn read(reader: &Reader<'_>, node: &Node) -> Option<Self> {
        String::read(reader, node).map(Self::from)
    }
}

impl Read for bool {
    fn read(reader: &Reader<'_>, node: &Node) -> Option<Self> {
        let Kind::Bool(value) = node.kind else {
            reader.expected(node, "true or false");
            return None;
        };
        Some(value)
    }
}

impl Read for u32 {
    fn read(reader: &Reader<'_>, node: &Node) -> Option<Self> {
        let Kind::Number(text) = &node.kind else {
            reader.expected(node, "a whole number");
            return None;
        };
        let number = text.parse().ok();
        if number.is_none() {
            reader.expected(node, "a whole number from 0 to 4294967295");
        }
        number
    }
}

impl Read for u64 {
    fn read(reader: &Reader<'_>, node: &Node) -> Option<Self> {
        let number = match &node.kind {
            Kind::Number(text) => text.parse().ok(),
            _ => None,
        };
        if number.is_none() {
            reader.expected(node, "a whole number");
        }
        number
    }
}

impl Read for i32 {
    fn read(reader: &Reader<'_>, node: &Node) -> Option<Self> {
        let number = match &node.kind {
            Kind::Number(text) => text.parse().ok(),
            _ => None,
        };
        if number.is_none() {
            reader.expected(node, "a whole number");
        }
        number
    }
}

impl Read for usize {
    fn read(reader: &Reader<'_>, node: &Node) -> Option<Self> {
        let number = match &node.kind {
            Kind::Number(text) => text.parse().ok(),
            _ => None,
        };
        if number.is_none() {
            reader.expected(node, "a whole number");
        }
        number
    }
}

impl Read for f64 {
    fn read(reader: &Reader<'_>, node: &Node) -> Option<Self> {
        let number = match &node.kind {
            Kind::Number(text) => text.parse().ok().filter(|number: &f64| number.is_finite()),
            _ => None,
        };
        if number.is_none() {
            reader.expected(node, "a number");
        }
        number
    }
}

impl Read for Duration {
    fn read(reader: &Reader<'_>, node: &Node) -> Option<Self> {
        let (Kind::Text(text) | Kind::Number(text)) = &node.kind else {
            reader.expected(node, "a duration as in 30s, 5m or 1h30m");
            return None;
        };
        parse_duration(text).map_err(|error| reader.report(node.span, error.to_string())).ok()
    }
}

/// A length of time in whole seconds, as HPA writes it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Seconds(pub(super) Duration);

impl Read for Seconds {
    fn read(reader: &Reader<'_>, node: &Node) -> Option<Self> {
        u32::read(reader, node).map(|seconds| Self(Duration::from_secs(seconds.into())))
    }
}

impl Read for SocketAddr {
    fn read(reader: &Reader<'_>, node: &Node) -> Option<Self> {
        let addr = match &node.kind {
            Kind::Text(text) => text.parse().ok(),
            _ => None,
        };
        if addr.is_none() {
            reader.expected(node, "an IP address and a port as in 0.0.0.0:4323 or \"[::]:4323\"");
        }
        addr
    }
}

/// A number of bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Bytes(pub(super) usize);

impl Read for Bytes {
    fn read(reader: &Reader<'_>, node: &Node) -> Option<Self> {
        let bytes = match &node.kind {
            Kind::Number(text) | Kind::Text(text) => parse_bytes(text),
            _ => None,
        };
        if bytes.is_none() {
            reader.expected(node, "a number of bytes as in 512KiB, 32MiB or 2GiB");
        }
        bytes.map(Self)
    }
}

/// Reads `32MiB`: a whole number, then `B`, `KiB`, `MiB`, `GiB` or nothing.
fn parse_bytes(text: &str) -> Option<usize> {
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let (number, unit) = text.split_at(digits);
    let shift = match unit {
        "" | "B" => 0,
        "KiB" => 10,
        "MiB" => 20,
        "GiB" => 30,
        _ => return None,
    };
    number.parse::<usize>().ok()?.checked_mul(1_usize << shift)
}

/// Reads one of a few words.
pub(super) fn word<T: Copy>(reader: &Reader<'_>, node: &Node, what: &str, words: &[(&str, T)]) -> Option<T> {
    let text = match &node.kind {
        Kind::Text(text) => text.clone(),
        Kind::Bool(value) => value.to_string(),
        _ => {
            let names: Vec<&str> = words.iter().map(|(name, _)| *name).collect();
            reader.expected(node, &format!("a {what}: {}", names.join(", ")));
            return None;
        }
    };
    let found = words.iter().find(|(name, _)| *name == text);
    if found.is_none() {
        let names: Vec<&str> = words.iter().map(|(name, _)| *name).collect();
        reader.report(node.span, format!("unknown {what} \"{text}\"; {}", known(&text, &names)));
    }
    found.map(|(_, value)| *value)
}
