//! YAML text → a tree whose every node knows its place.
//!
//! Serde alone stops at the first error; over a tree, one run can report everything that is wrong in a file.

use std::fmt;

use serde::de::{self, Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_yaml::{MessageFormatter as _, Spanned, UserMessageFormatter};

use super::finding::{Source, Span};

/// A value and where it is written.
#[derive(Debug, Clone)]
pub(super) struct Node {
    pub(super) kind: Kind,
    pub(super) span: Span,
}

/// What a node holds. Numbers keep their text: only the field that they are for knows what they mean.
#[derive(Debug, Clone)]
pub(super) enum Kind {
    Null,
    Bool(bool),
    Number(String),
    Text(String),
    List(Vec<Node>),
    /// In the order of the file; a key may stand here twice.
    Map(Vec<(Node, Node)>),
}

impl Node {
    /// The text of a scalar that is a text or a number.
    pub(super) fn text(&self) -> Option<&str> {
        match &self.kind {
            Kind::Text(text) | Kind::Number(text) => Some(text),
            Kind::Null | Kind::Bool(_) | Kind::List(_) | Kind::Map(_) => None,
        }
    }

    /// Whether it is a mapping with this key.
    pub(super) fn has(&self, name: &str) -> bool {
        matches!(&self.kind, Kind::Map(entries) if entries.iter().any(|(key, _)| key.text() == Some(name)))
    }

    /// What a finding about this node points at: a block mapping or list has no token of its own, so its first one is.
    pub(super) fn token(&self) -> Span {
        match &self.kind {
            _ if self.span.start < self.span.end => self.span,
            Kind::Map(entries) => entries.first().map_or(self.span, |(key, _)| key.token()),
            Kind::List(items) => items.first().map_or(self.span, Self::token),
            _ => self.span,
        }
    }
}

impl Kind {
    /// How a finding names it.
    pub(super) fn describe(&self) -> String {
        match self {
            Self::Null => "nothing".to_owned(),
            Self::Bool(value) => format!("the boolean {value}"),
            Self::Number(text) => format!("the number {text}"),
            Self::Text(text) => format!("the text {text:?}"),
            Self::List(_) => "a list".to_owned(),
            Self::Map(_) => "a mapping".to_owned(),
        }
    }
}

/// Reads one YAML document. Fails at the first error of syntax, for what follows it can't be trusted.
pub(super) fn parse(source: Source<'_>) -> Result<Node, (Span, String)> {
    let parsed: Result<Raw, _> = serde_yaml::from_str_with_options(source.text, options());
    match parsed {
        Ok(raw) => Ok(raw.into_node(source.text)),
        Err(error) => {
            let message = UserMessageFormatter.format_message(error.without_snippet());
            let span = error.location().map_or(Span::default(), |location| span_of(&location, source.text));
            Err((span, format!("not valid YAML: {message}")))
        }
    }
}

/// Rule files may hold tens of thousands of rules, so there may be many nodes;
/// what aliases add stays small, so that a few lines can't unfold into gigabytes.
fn options() -> serde_yaml::Options {
    serde_yaml::options! {
        budget: serde_yaml::budget! { max_nodes: 2_000_000, max_events: 5_000_000 },
        alias_limits: serde_yaml::alias_limits! { max_total_replayed_events: 100_000 },
        duplicate_keys: serde_yaml::DuplicateKeyPolicy::PassThrough,
        // What is not finite is refused by the field that it is for, with the others' findings.
        non_finite_float_policy: serde_yaml::NonFiniteFloatPolicy::PassThrough,
        // As in YAML 1.2, only `true` and `false` are booleans: `no` is a text, also where it names a country.
        strict_booleans: true,
        with_snippet: false,
    }
}

/// Where the parser says that something is. Columns are the fallback where it gives no bytes.
fn span_of(location: &serde_yaml::Location, text: &str) -> Span {
    let span = location.span();
    if let (Some(start), Some(len)) = (span.byte_offset(), span.byte_len()) {
        let start = usize::try_from(start).unwrap_or(usize::MAX);
        return Span { start, end: start.saturating_add(usize::try_from(len).unwrap_or(0)) };
    }
    let line = usize::try_from(location.line()).unwrap_or(1).saturating_sub(1);
    let column = usize::try_from(location.column()).unwrap_or(1).saturating_sub(1);
    let before: usize = text.split_inclusive('\n').take(line).map(str::len).sum();
    Span { start: before + column, end: before + column }
}

/// What serde gives: a value with the parser's own kind of place.
struct Raw(Spanned<Shape>);

enum Shape {
    Null,
    Bool(bool),
    /// Its text is in the source.
    Number,
    Text(String),
    List(Vec<Raw>),
    Map(Vec<(Raw, Raw)>),
}

impl Raw {
    fn into_node(self, text: &str) -> Node {
        let span = span_of(&self.0.defined, text);
        let kind = match self.0.value {
            Shape::Null => Kind::Null,
            Shape::Bool(value) => Kind::Bool(value),
            Shape::Number => Kind::Number(text.get(span.start..span.end).unwrap_or("").to_owned()),
            Shape::Text(value) => Kind::Text(value),
            Shape::List(items) => Kind::List(items.into_iter().map(|item| item.into_node(text)).collect()),
            Shape::Map(entries) => Kind::Map(
                entries.into_iter().map(|(key, value)| (key.into_node(text), value.into_node(text))).collect(),
            ),
        };
        Node { kind, span }
    }
}

impl<'de> Deserialize<'de> for Raw {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Spanned::deserialize(deserializer).map(Self)
    }
}

impl<'de> Deserialize<'de> for Shape {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ShapeVisitor)
    }
}

struct ShapeVisitor;

impl<'de> Visitor<'de> for ShapeVisitor {
    type Value = Shape;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any value")
    }

    fn visit_unit<E: de::Error>(self) -> Result<Shape, E> {
        Ok(Shape::Null)
    }

    fn visit_bool<E: de::Error>(self, value: bool) -> Result<Shape, E> {
        Ok(Shape::Bool(value))
    }

    fn visit_i64<E: de::Error>(self, _: i64) -> Result<Shape, E> {
        Ok(Shape::Number)
    }

    fn visit_u64<E: de::Error>(self, _: u64) -> Result<Shape, E> {
        Ok(Shape::Number)
    }

    fn visit_i128<E: de::Error>(self, _: i128) -> Result<Shape, E> {
        Ok(Shape::Number)
    }

    fn visit_u128<E: de::Error>(self, _: u128) -> Result<Shape, E> {
        Ok(Shape::Number)
    }

    fn visit_f64<E: de::Error>(self, _: f64) -> Result<Shape, E> {
        Ok(Shape::Number)
    }

    fn visit_str<E: de::Error>(self, value: &str) -> Result<Shape, E> {
        Ok(Shape::Text(value.to_owned()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Shape, A::Error> {
        let mut list = Vec::new();
        while let Some(item) = items.next_element()? {
            list.push(item);
        }
        Ok(Shape::List(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Shape, A::Error> {
        let mut map = Vec::new();
        while let Some(entry) = entries.next_entry()? {
            map.push(entry);
        }
        Ok(Shape::Map(map))
    }
}
