//! Label sets, matchers and relabelling: what names a series, what selects it, and how it gets other labels.
//!
//! A [`Labels`] is sorted by name, holds no empty value and no name twice, and costs one reference count to clone. Its
//! texts are shared with other sets, by an [`Interner`] with all that a store keeps.

mod interner;
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

use arcstr::ArcStr;

pub use interner::Interner;
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
}

/// The labels of one series, sorted by name. Texts are shared: with the set that this one was made from, and, where an
/// [`Interner`] made it, with every other set that has the same text.
#[derive(Clone)]
pub struct Labels(Arc<[Label]>);

#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Label {
    name: ArcStr,
    value: ArcStr,
}

/// Sorts pairs by name and drops those with an empty value, which in Prometheus is the same as no label. `true` where they
/// were sorted already.
pub fn sort_pairs<N: AsRef<str>, V: AsRef<str>>(pairs: &mut Vec<(N, V)>) -> Result<bool, LabelsError> {
    let sorted = |one: &(N, V), next: &(N, V)| one.0.as_ref() < next.0.as_ref();
    // Nearly every sender sorts.
    let unsorted = !pairs.is_sorted_by(sorted);
    if unsorted {
        pairs.sort_by(|a, b| a.0.as_ref().cmp(b.0.as_ref()));
    }
    if pairs.first().is_some_and(|(name, _)| name.as_ref().is_empty()) {
        return Err(LabelsError::EmptyName);
    }
    let twice = |(one, next): &(&(N, V), &(N, V))| one.0.as_ref() == next.0.as_ref();
    if unsorted && let Some((one, _)) = pairs.iter().zip(pairs.iter().skip(1)).find(twice) {
        return Err(LabelsError::Duplicate(one.0.as_ref().to_owned()));
    }
    pairs.retain(|(_, value)| !value.as_ref().is_empty());
    Ok(!unsorted)
}

impl Labels {
    /// No labels.
    #[must_use]
    pub fn empty() -> Self {
        Self(Arc::default())
    }

    /// Sorts the pairs and drops those with an empty value.
    pub fn from_pairs<N, V>(pairs: impl IntoIterator<Item = (N, V)>) -> Result<Self, LabelsError>
    where
        N: AsRef<str>,
        V: AsRef<str>,
    {
        let mut pairs: Vec<(N, V)> = pairs.into_iter().collect();
        sort_pairs(&mut pairs)?;
        let label = |(name, value): &(N, V)| Label { name: name.as_ref().into(), value: value.as_ref().into() };
        Ok(Self(pairs.iter().map(label).collect()))
    }

    /// The pairs of this set that `keep` wants.
    fn filtered(&self, keep: impl Fn(&str) -> bool) -> Self {
        Self(self.0.iter().filter(|label| keep(&label.name)).cloned().collect())
    }

    /// Name and value pairs in order of names.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> + Clone {
        self.0.iter().map(|label| (&*label.name, &*label.value))
    }

    /// How many labels there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
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
        let kept = self.0.iter().filter(|label| changes.iter().all(|(changed, _)| *changed != label.name));
        let mut labels: Vec<Label> = kept.cloned().collect();
        for (at, (name, value)) in changes.iter().enumerate() {
            // The last word on a name wins.
            if !value.is_empty() && changes.iter().skip(at + 1).all(|(later, _)| later != name) {
                labels.push(Label { name: (*name).into(), value: (*value).into() });
            }
        }
        labels.sort_unstable();
        Self(labels.into())
    }

    /// The bytes of memory that this set holds, shared by all its clones, without its texts.
    #[must_use]
    pub fn list_bytes(&self) -> usize {
        2 * size_of::<usize>() + size_of_val(&*self.0)
    }

    /// The bytes of its texts, wherever they lie.
    #[must_use]
    pub fn text_bytes(&self) -> usize {
        self.iter().map(|(name, value)| name.len() + value.len()).sum()
    }
}

impl PartialEq for Labels {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0) || self.0 == other.0
    }
}

impl Eq for Labels {}

impl Hash for Labels {
    fn hash<H: Hasher>(&self, state: &mut H) {
        for (name, value) in self.iter() {
            name.hash(state);
            value.hash(state);
        }
    }
}

impl PartialOrd for Labels {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Labels {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.0.cmp(&other.0)
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
