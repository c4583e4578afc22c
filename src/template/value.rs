//! The data of templates, and how it is written.

use std::collections::BTreeMap;
use std::fmt::{self, Write};
use std::sync::Arc;

use super::number;
use crate::labels::Labels;
use crate::time::Timestamp;

/// A piece of data. Clones share what they hold.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    Null,
    Bool(bool),
    Int(i64),
    Float(f64),
    String(Arc<str>),
    List(Arc<[Value]>),
    /// Any name may be asked for; one that is not there is an empty text, as in a Go map of texts.
    Map(Arc<BTreeMap<String, Value>>),
    /// Only its fields may be asked for.
    Record(Arc<Record>),
    Time(Timestamp),
    /// Seconds.
    Duration(f64),
}

/// Fields in a fixed order, as of a Go struct.
#[derive(Debug, Clone, PartialEq)]
pub struct Record(pub Vec<(&'static str, Value)>);

impl Value {
    /// The data of a rule's labels and annotations, as Prometheus has it.
    #[must_use]
    pub fn alert(labels: &Labels, external_labels: &Labels, external_url: &str, value: f64) -> Self {
        Self::record(vec![
            ("Labels", labels.into()),
            ("ExternalLabels", external_labels.into()),
            ("ExternalURL", external_url.into()),
            ("Value", Self::Float(value)),
        ])
    }

    /// The data of templates that know labels alone.
    #[must_use]
    pub fn labels(labels: &Labels) -> Self {
        Self::record(vec![("Labels", labels.into())])
    }

    /// One series of a query's result.
    pub(super) fn sample(labels: &Labels, value: f64) -> Self {
        Self::record(vec![("Labels", labels.into()), ("Value", Self::Float(value))])
    }

    /// A record of these fields.
    #[must_use]
    pub fn record(fields: Vec<(&'static str, Self)>) -> Self {
        Self::Record(Arc::new(Record(fields)))
    }

    /// A map of these pairs.
    #[must_use]
    pub fn map(pairs: impl IntoIterator<Item = (String, Self)>) -> Self {
        Self::Map(Arc::new(pairs.into_iter().collect()))
    }

    /// What `if` makes of it: nothing, zero and what is empty are false.
    pub(super) fn is_true(&self) -> bool {
        match self {
            Self::Null => false,
            Self::Bool(value) => *value,
            Self::Int(value) => *value != 0,
            Self::Float(value) | Self::Duration(value) => *value != 0.0,
            Self::String(text) => !text.is_empty(),
            Self::List(items) => !items.is_empty(),
            Self::Map(map) => !map.is_empty(),
            Self::Record(_) | Self::Time(_) => true,
        }
    }

    /// The field of a record or the value of a map's key.
    pub(super) fn field(&self, name: &str) -> Result<Self, String> {
        match self {
            Self::Map(map) => Ok(map.get(name).cloned().unwrap_or_else(|| Self::from(""))),
            Self::Record(record) => {
                let found = record.0.iter().find(|(own, _)| *own == name);
                found.map(|(_, value)| value.clone()).ok_or_else(|| {
                    let known: Vec<String> = record.0.iter().map(|(name, _)| format!(".{name}")).collect();
                    format!("there is no field .{name} here; known: {}", known.join(", "))
                })
            }
            Self::Null => Err(format!("there is nothing to take the field .{name} of")),
            _ => Err(format!("{} has no fields, so no .{name}", self.kind())),
        }
    }

    /// What kind it is, as errors call it.
    pub(super) fn kind(&self) -> &'static str {
        match self {
            Self::Null => "nothing",
            Self::Bool(_) => "a truth value",
            Self::Int(_) => "a whole number",
            Self::Float(_) => "a number",
            Self::String(_) => "a text",
            Self::List(_) => "a list",
            Self::Map(_) => "a map",
            Self::Record(_) => "a record",
            Self::Time(_) => "a time",
            Self::Duration(_) => "a duration",
        }
    }

    /// Go's name for its type, which `printf` shows with a verb that does not fit.
    pub(super) fn go_type(&self) -> &'static str {
        match self {
            Self::Null => "<nil>",
            Self::Bool(_) => "bool",
            Self::Int(_) => "int",
            Self::Float(_) => "float64",
            Self::String(_) => "string",
            Self::List(_) => "[]interface {}",
            Self::Map(_) => "map[string]string",
            Self::Record(_) => "struct",
            Self::Time(_) => "time.Time",
            Self::Duration(_) => "time.Duration",
        }
    }

    /// Writes it as Go's `%v` does.
    pub(super) fn write(&self, out: &mut impl Write) -> fmt::Result {
        match self {
            Self::Null => out.write_str("<nil>"),
            Self::Bool(value) => write!(out, "{value}"),
            Self::Int(value) => write!(out, "{value}"),
            Self::Float(value) => out.write_str(&number::shortest(*value)),
            Self::String(text) => out.write_str(text),
            Self::List(items) => {
                out.write_char('[')?;
                for (at, item) in items.iter().enumerate() {
                    out.write_str(if at > 0 { " " } else { "" })?;
                    item.write(out)?;
                }
                out.write_char(']')
            }
            Self::Map(map) => {
                out.write_str("map[")?;
                for (at, (name, value)) in map.iter().enumerate() {
                    write!(out, "{}{name}:", if at > 0 { " " } else { "" })?;
                    value.write(out)?;
                }
                out.write_char(']')
            }
            Self::Record(record) => {
                out.write_char('{')?;
                for (at, (_, value)) in record.0.iter().enumerate() {
                    out.write_str(if at > 0 { " " } else { "" })?;
                    value.write(out)?;
                }
                out.write_char('}')
            }
            Self::Time(at) => out.write_str(&number::time(*at)),
            Self::Duration(seconds) => out.write_str(&number::duration(*seconds)),
        }
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::String(text.into())
    }
}

impl From<String> for Value {
    fn from(text: String) -> Self {
        Self::String(text.into())
    }
}

impl From<bool> for Value {
    fn from(value: bool) -> Self {
        Self::Bool(value)
    }
}

impl From<f64> for Value {
    fn from(value: f64) -> Self {
        Self::Float(value)
    }
}

impl From<Vec<Value>> for Value {
    fn from(items: Vec<Value>) -> Self {
        Self::List(items.into())
    }
}

impl From<&Labels> for Value {
    fn from(labels: &Labels) -> Self {
        Self::map(labels.iter().map(|(name, value)| (name.to_owned(), value.into())))
    }
}

/// A text that refuses to grow beyond a limit.
#[derive(Debug)]
pub(super) struct Bounded {
    text: String,
    max: usize,
}

impl Bounded {
    pub(super) fn new(max: usize) -> Self {
        Self { text: String::new(), max }
    }

    pub(super) fn into_text(self) -> String {
        self.text
    }
}

impl Write for Bounded {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        if self.text.len() + text.len() > self.max {
            return Err(fmt::Error);
        }
        self.text.push_str(text);
        Ok(())
    }
}
