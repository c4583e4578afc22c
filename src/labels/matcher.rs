//! PromQL's four label matchers.

use std::fmt;

use super::syntax::is_reserved;
use super::{Labels, Pattern, escaped};

/// How a matcher compares.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum MatchOp {
    Equal,
    NotEqual,
    Regex,
    NotRegex,
}

impl MatchOp {
    /// The operator as PromQL writes it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Equal => "=",
            Self::NotEqual => "!=",
            Self::Regex => "=~",
            Self::NotRegex => "!~",
        }
    }
}

/// A regular expression that can't be used in a matcher.
#[derive(Debug, Clone, thiserror::Error)]
#[error("regular expression \"{pattern}\": {reason}")]
pub struct MatcherError {
    pub pattern: String,
    pub reason: String,
}

/// One condition on one label. A label that a series lacks has the value "".
#[derive(Debug, Clone)]
pub struct Matcher {
    name: String,
    op: MatchOp,
    value: String,
    /// Compiled from `value` where the operator is a regex one.
    regex: Option<Pattern>,
}

impl Matcher {
    /// Regular expressions are read as Prometheus 3 does ([`Pattern`]).
    pub fn new(name: impl Into<String>, op: MatchOp, value: impl Into<String>) -> Result<Self, MatcherError> {
        let value = value.into();
        let regex = match op {
            MatchOp::Equal | MatchOp::NotEqual => None,
            MatchOp::Regex | MatchOp::NotRegex => Some(Pattern::new(value.as_str())?),
        };
        Ok(Self { name: name.into(), op, value, regex })
    }

    /// The label that is looked at.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    #[must_use]
    pub fn op(&self) -> MatchOp {
        self.op
    }

    /// What it is compared with: a text, or the source of the regular expression.
    #[must_use]
    pub fn value(&self) -> &str {
        &self.value
    }

    /// Whether a label value passes.
    #[must_use]
    pub fn matches_value(&self, value: &str) -> bool {
        let regex = || self.regex.as_ref().is_some_and(|regex| regex.matches(value));
        match self.op {
            MatchOp::Equal => value == self.value,
            MatchOp::NotEqual => value != self.value,
            MatchOp::Regex => regex(),
            MatchOp::NotRegex => !regex(),
        }
    }

    /// Whether a series passes.
    #[must_use]
    pub fn matches(&self, labels: &Labels) -> bool {
        self.matches_value(labels.get(&self.name).unwrap_or(""))
    }
}

impl PartialEq for Matcher {
    fn eq(&self, other: &Self) -> bool {
        (&self.name, self.op, &self.value) == (&other.name, other.op, &other.value)
    }
}

impl Eq for Matcher {}

impl std::hash::Hash for Matcher {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        (&self.name, self.op, &self.value).hash(state);
    }
}

impl PartialOrd for Matcher {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Matcher {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        (&self.name, self.op, &self.value).cmp(&(&other.name, other.op, &other.value))
    }
}

impl fmt::Display for Matcher {
    /// As Prometheus and Alertmanager write it: `name="value"`, with the name in quotes where it needs them.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (op, value) = (self.op.as_str(), escaped(&self.value));
        if self.name.is_empty() || self.name.contains(is_reserved) {
            write!(f, "\"{}\"{op}\"{value}\"", escaped(&self.name))
        } else {
            write!(f, "{}{op}\"{value}\"", self.name)
        }
    }
}
