//! Relabelling: Prometheus's `relabel_config`, step by step as Prometheus 3 does it.
//!
//! In: the labels of a series. Out: the labels that it is to have, or nothing where it is to be dropped. It is asked
//! when a series is first seen, so it is written to be read. `tests/relabel` holds it against a real Prometheus.

mod draft;
mod letters;
mod template;
#[cfg(test)]
mod tests;

use std::num::NonZeroU64;

pub use template::Template;

use self::draft::Draft;
use super::{Labels, NAME, Pattern};

/// The steps of a list of `relabel_config`s, made ready.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Relabel {
    steps: Vec<Step>,
}

/// One `relabel_config`: an action with the fields that it reads. A target is never empty.
#[derive(Debug, Clone, PartialEq)]
pub enum Step {
    /// Where the text matches, the target is set to the replacement. A target that comes out empty changes nothing, a
    /// replacement that comes out empty removes the label.
    Replace { source: Joined, regex: Pattern, target: Template, replacement: Template },
    /// The series is dropped unless the text matches.
    Keep { source: Joined, regex: Pattern },
    /// The series is dropped where the text matches.
    Drop { source: Joined, regex: Pattern },
    /// The series is dropped unless the text is the target's value.
    KeepEqual { source: Joined, target: String },
    /// The series is dropped where the text is the target's value.
    DropEqual { source: Joined, target: String },
    /// The target is set to the remainder of the text's hash.
    HashMod { source: Joined, modulus: NonZeroU64, target: String },
    /// Each label whose name matches is there under the replacement's name too.
    LabelMap { regex: Pattern, replacement: Template },
    /// Labels whose names match are removed.
    LabelDrop(Pattern),
    /// Labels whose names don't match are removed.
    LabelKeep(Pattern),
    /// The target is set to the text in lower case.
    Lowercase { source: Joined, target: String },
    /// The target is set to the text in upper case.
    Uppercase { source: Joined, target: String },
}

/// The text that a step looks at: values of labels, one after the other.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Joined {
    pub labels: Vec<String>,
    pub separator: String,
}

impl Relabel {
    #[must_use]
    pub fn new(steps: Vec<Step>) -> Self {
        Self { steps }
    }

    /// Whether it changes nothing.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.steps.is_empty()
    }

    /// The labels that a series is to have; `None` where it is dropped, or has none left.
    ///
    /// Of a name that is given twice the last value counts. A text in the settings decides how long labels become, so
    /// limits on their number and lengths are to be checked behind this.
    #[must_use]
    pub fn apply<'a>(&self, labels: impl IntoIterator<Item = (&'a str, &'a str)>) -> Option<Labels> {
        let mut draft = Draft::new(labels);
        let kept = self.steps.iter().all(|step| step.apply(&mut draft));
        if kept { draft.finish() } else { None }
    }

    /// Whether a series may come out with another metric name than it had.
    #[must_use]
    pub fn may_rename(&self) -> bool {
        self.steps.iter().any(Step::may_rename)
    }
}

impl Step {
    /// Changes the labels; `false` where the series is dropped.
    fn apply(&self, draft: &mut Draft<'_>) -> bool {
        match self {
            Self::Replace { source, regex, target, replacement } => {
                let text = source.of(draft);
                if let Some(caught) = regex.regex().captures(&text) {
                    let target = target.expand(&caught);
                    draft.set(target, replacement.expand(&caught));
                }
            }
            Self::Keep { source, regex } => return regex.matches(&source.of(draft)),
            Self::Drop { source, regex } => return !regex.matches(&source.of(draft)),
            Self::KeepEqual { source, target } => return source.of(draft) == draft.get(target),
            Self::DropEqual { source, target } => return source.of(draft) != draft.get(target),
            Self::HashMod { source, modulus, target } => {
                let remainder = hash(&source.of(draft)) % *modulus;
                draft.set(target.clone(), remainder.to_string());
            }
            Self::LabelMap { regex, replacement } => {
                let renamed = |(name, value): (&str, &str)| {
                    Some((replacement.expand(&regex.regex().captures(name)?), value.to_owned()))
                };
                // All are found before one is set: what is set is not mapped again.
                let copies: Vec<(String, String)> = draft.walk().filter_map(renamed).collect();
                for (name, value) in copies {
                    draft.set(name, value);
                }
            }
            Self::LabelDrop(regex) => draft.retain(|name| !regex.matches(name)),
            Self::LabelKeep(regex) => draft.retain(|name| regex.matches(name)),
            Self::Lowercase { source, target } => {
                draft.set(target.clone(), letters::lowercase(&source.of(draft)));
            }
            Self::Uppercase { source, target } => {
                draft.set(target.clone(), letters::uppercase(&source.of(draft)));
            }
        }
        true
    }

    fn may_rename(&self) -> bool {
        match self {
            Self::Replace { target: name, .. } | Self::LabelMap { replacement: name, .. } => {
                name.constant().is_none_or(|name| name == NAME)
            }
            Self::HashMod { target, .. } | Self::Lowercase { target, .. } | Self::Uppercase { target, .. } => {
                target == NAME
            }
            Self::Keep { .. }
            | Self::Drop { .. }
            | Self::KeepEqual { .. }
            | Self::DropEqual { .. }
            | Self::LabelDrop(_)
            | Self::LabelKeep(_) => false,
        }
    }
}

impl Joined {
    fn of(&self, draft: &Draft<'_>) -> String {
        let values: Vec<&str> = self.labels.iter().map(|name| draft.get(name)).collect();
        values.join(&self.separator)
    }
}

/// The second half of the text's MD5, as Prometheus has always taken it.
fn hash(text: &str) -> u64 {
    let md5::Digest(bytes) = md5::compute(text);
    bytes.iter().skip(8).fold(0, |number, byte| number << 8 | u64::from(*byte))
}
