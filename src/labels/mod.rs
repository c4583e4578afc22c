//! Label sets, matchers and relabelling: what names a series, what selects it, and how it gets other labels.
//!
//! A [`Labels`] is sorted by name, holds no empty value and no name twice, and costs one reference count to clone.

mod matcher;
mod pattern;
mod quoted;
pub mod relabel;
mod syntax;
#[cfg(test)]
mod tests;

use std::borrow::Cow;
use std::fmt::{self, Write as _};
use std::hash::{Hash, Hasher};
use std::sync::Arc;

pub use matcher::{MatchOp, Matcher, MatcherError};
pub use pattern::Pattern;
pub(crate) use quoted::unquote;
pub use relabel::Relabel;
pub use syntax::{MatcherSyntax, parse_matcher, parse_matchers};

/// The label that carries the metric's name.
pub const NAME: &str = "__name__";

/// Why a list of labels names no series.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LabelsError {
    #[error("label name {0:?} appears twice")]
    Duplicate(String),
    #[error("a label has an empty name")]
    EmptyName,
    #[error("labels hold more than 4 GiB of text")]
    TooLong,
}

/// The labels of one series, sorted by name.
#[derive(Clone)]
pub struct Labels(Arc<Text>);

/// Names and values one after the other in one text; `ends` has the end of each.
struct Text {
    text: Box<str>,
    ends: Box<[u32]>,
}

impl Labels {
    /// No labels.
    #[must_use]
    pub fn empty() -> Self {
        Self(Arc::new(Text { text: Box::default(), ends: Box::default() }))
    }

    /// Sorts the pairs and drops those with an empty value, which in Prometheus is the same as no label.
    pub fn from_pairs<N, V>(pairs: impl IntoIterator<Item = (N, V)>) -> Result<Self, LabelsError>
    where
        N: AsRef<str>,
        V: AsRef<str>,
    {
        let mut pairs: Vec<(N, V)> = pairs.into_iter().collect();
        pairs.sort_by(|a, b| a.0.as_ref().cmp(b.0.as_ref()));
        if pairs.first().is_some_and(|(name, _)| name.as_ref().is_empty()) {
            return Err(LabelsError::EmptyName);
        }
        for (one, next) in pairs.iter().zip(pairs.iter().skip(1)) {
            if one.0.as_ref() == next.0.as_ref() {
                return Err(LabelsError::Duplicate(one.0.as_ref().to_owned()));
            }
        }
        Self::from_sorted(pairs.iter().map(|(name, value)| (name.as_ref(), value.as_ref()))).ok_or(LabelsError::TooLong)
    }

    /// From pairs that are sorted and unique already.
    fn from_sorted<'a>(pairs: impl Iterator<Item = (&'a str, &'a str)>) -> Option<Self> {
        let mut text = String::new();
        let mut ends = Vec::new();
        for (name, value) in pairs.filter(|(_, value)| !value.is_empty()) {
            text.push_str(name);
            ends.push(u32::try_from(text.len()).ok()?);
            text.push_str(value);
            ends.push(u32::try_from(text.len()).ok()?);
        }
        Some(Self(Arc::new(Text { text: text.into_boxed_str(), ends: ends.into_boxed_slice() })))
    }

    /// The pairs of this set that `keep` wants.
    fn filtered(&self, keep: impl Fn(&str) -> bool) -> Self {
        let kept = Self::from_sorted(self.iter().filter(|(name, _)| keep(name)));
        kept.expect("a part is not longer than the whole")
    }

    /// Name and value pairs in order of names.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        let Text { text, ends } = &*self.0;
        let mut start = 0;
        ends.as_chunks::<2>().0.iter().map(move |&[name_end, value_end]| {
            let (name_end, value_end) = (name_end as usize, value_end as usize);
            let pair = (text.get(start..name_end).unwrap_or(""), text.get(name_end..value_end).unwrap_or(""));
            start = value_end;
            pair
        })
    }

    /// How many labels there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.ends.len() / 2
    }

    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.ends.is_empty()
    }

    /// The value of a label.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&str> {
        self.iter().find(|(own, _)| *own == name).map(|(_, value)| value)
    }

    /// The metric's name.
    #[must_use]
    pub fn name(&self) -> Option<&str> {
        self.get(NAME)
    }

    /// This set without the metric's name.
    #[must_use]
    pub fn without_name(&self) -> Self {
        if self.name().is_none() { self.clone() } else { self.filtered(|name| name != NAME) }
    }

    /// Only the labels named (PromQL's `by` and `on`).
    #[must_use]
    pub fn only(&self, names: &[String]) -> Self {
        self.filtered(|name| names.iter().any(|wanted| wanted == name))
    }

    /// All but the labels named and the metric's name (PromQL's `without` and `ignoring`).
    #[must_use]
    pub fn without(&self, names: &[String]) -> Self {
        self.filtered(|name| name != NAME && !names.iter().any(|unwanted| unwanted == name))
    }

    /// This set with `changes` applied: a label set, or removed where the new value is empty.
    #[must_use]
    pub fn with<'a>(&'a self, changes: &[(&'a str, &'a str)]) -> Self {
        let kept = self.iter().filter(|(name, _)| changes.iter().all(|(changed, _)| changed != name));
        let mut pairs: Vec<(&str, &str)> = kept.collect();
        for (at, change) in changes.iter().enumerate() {
            // The last word on a name wins.
            if changes.iter().skip(at + 1).all(|(name, _)| *name != change.0) {
                pairs.push(*change);
            }
        }
        pairs.sort_unstable();
        Self::from_sorted(pairs.into_iter()).unwrap_or_else(|| self.clone())
    }

    /// The bytes of memory that this set holds, shared by all its clones.
    #[must_use]
    pub fn heap_bytes(&self) -> usize {
        size_of::<Text>() + 2 * size_of::<usize>() + self.0.text.len() + size_of_val(&*self.0.ends)
    }
}

impl PartialEq for Labels {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0) || (self.0.ends == other.0.ends && self.0.text == other.0.text)
    }
}

impl Eq for Labels {}

impl Hash for Labels {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.0.text.hash(state);
        self.0.ends.hash(state);
    }
}

impl PartialOrd for Labels {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Labels {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.iter().cmp(other.iter())
    }
}

impl Default for Labels {
    fn default() -> Self {
        Self::empty()
    }
}

impl fmt::Debug for Labels {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// `name{label="value"}`, as Prometheus writes a series.
impl fmt::Display for Labels {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = self.name();
        f.write_str(name.unwrap_or(""))?;
        if name.is_some() && self.len() == 1 {
            return Ok(());
        }
        f.write_char('{')?;
        for (at, (name, value)) in self.iter().filter(|(name, _)| *name != NAME).enumerate() {
            let comma = if at > 0 { "," } else { "" };
            write!(f, "{comma}{name}=\"{}\"", escaped(value))?;
        }
        f.write_char('}')
    }
}

/// A label value as it stands between double quotes in the Prometheus text format.
#[must_use]
pub fn escaped(value: &str) -> Cow<'_, str> {
    if !value.contains(['\\', '"', '\n']) {
        return Cow::Borrowed(value);
    }
    Cow::Owned(value.replace('\\', r"\\").replace('"', "\\\"").replace('\n', "\\n"))
}

impl<'de> serde::Deserialize<'de> for Labels {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let pairs = std::collections::BTreeMap::<String, String>::deserialize(deserializer)?;
        Self::from_pairs(pairs).map_err(serde::de::Error::custom)
    }
}

impl serde::Serialize for Labels {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.iter())
    }
}
