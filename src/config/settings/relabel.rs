//! `relabel_configs` as Prometheus writes them. What Prometheus refuses is refused, by the same rules.

use std::num::NonZeroU64;

use crate::config::finding::Span;
use crate::config::reader::{Fields, Reader};
use crate::config::scalar::{At, Read};
use crate::config::suggest::known;
use crate::config::tree::Node;
use crate::labels::Pattern;
use crate::labels::relabel::{Joined, Relabel, Step, Template};

/// What an action has where nothing is written.
const SEPARATOR: &str = ";";
const REGEX: &str = "(.*)";
const REPLACEMENT: &str = "$1";

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Action {
    Replace,
    Keep,
    Drop,
    KeepEqual,
    DropEqual,
    HashMod,
    LabelMap,
    LabelDrop,
    LabelKeep,
    Lowercase,
    Uppercase,
}

impl Action {
    const ALL: [(&str, Self); 11] = [
        ("replace", Self::Replace),
        ("keep", Self::Keep),
        ("drop", Self::Drop),
        ("keepequal", Self::KeepEqual),
        ("dropequal", Self::DropEqual),
        ("hashmod", Self::HashMod),
        ("labelmap", Self::LabelMap),
        ("labeldrop", Self::LabelDrop),
        ("labelkeep", Self::LabelKeep),
        ("lowercase", Self::Lowercase),
        ("uppercase", Self::Uppercase),
    ];

    fn as_str(self) -> &'static str {
        Self::ALL.iter().find(|(_, action)| *action == self).map_or("", |(name, _)| name)
    }

    /// The fields that it can't be given, save with their defaults.
    fn refused(self) -> &'static [&'static str] {
        match self {
            Self::Lowercase | Self::Uppercase => &["replacement"],
            Self::KeepEqual | Self::DropEqual => &["separator", "regex", "modulus", "replacement"],
            Self::LabelDrop | Self::LabelKeep => {
                &["source_labels", "separator", "modulus", "target_label", "replacement"]
            }
            Self::Replace | Self::Keep | Self::Drop | Self::HashMod | Self::LabelMap => &[],
        }
    }
}

impl Read for Relabel {
    fn read(reader: &Reader<'_>, node: &Node) -> Option<Self> {
        Vec::read(reader, node).map(Self::new)
    }
}

impl Read for Action {
    /// Prometheus takes it in any case.
    fn read(reader: &Reader<'_>, node: &Node) -> Option<Self> {
        let text = String::read(reader, node)?.to_lowercase();
        let found = Self::ALL.iter().find(|(name, _)| *name == text);
        if found.is_none() {
            let names = Self::ALL.map(|(name, _)| name);
            reader.report(node.token(), format!("unknown relabel action \"{text}\"; {}", known(&text, &names)));
        }
        found.map(|(_, action)| *action)
    }
}

/// A name of a label: any text but none.
struct Name(String);

impl Read for Name {
    fn read(reader: &Reader<'_>, node: &Node) -> Option<Self> {
        let name = String::read(reader, node)?;
        if name.is_empty() {
            reader.report(node.token(), "a label's name can't be empty");
            return None;
        }
        Some(Self(name))
    }
}

impl Read for Pattern {
    fn read(reader: &Reader<'_>, node: &Node) -> Option<Self> {
        let text = String::read(reader, node)?;
        Self::new(text).map_err(|error| reader.report(node.token(), error.to_string())).ok()
    }
}

impl Read for Step {
    fn read(reader: &Reader<'_>, node: &Node) -> Option<Self> {
        let mut fields = reader.fields(node, "a relabel config")?;
        let action = Field::<Action>::take(&mut fields, "action");
        let written = Written::take(&mut fields);
        fields.finish();
        let (action, span) = match action {
            Field::Given(at) => (at.value, at.span),
            Field::Left => (Action::Replace, node.token()),
            // What the other fields are for isn't known then.
            Field::Wrong => return None,
        };
        let mut compiler = Compiler { reader, action, span, sound: true };
        compiler.check_refused(&written);
        let step = compiler.compile(written);
        step.filter(|_| compiler.sound)
    }
}

/// A field: left out, wrong (which is told already), or given.
enum Field<T> {
    Left,
    Wrong,
    Given(At<T>),
}

impl<T: Read> Field<T> {
    /// A field with nothing behind its colon is asked for: Prometheus would take it for "", which nobody means who leaves
    /// it so.
    fn take(fields: &mut Fields<'_, '_>, name: &'static str) -> Self {
        if !fields.has(name) {
            // Asking makes it known.
            fields.node(name);
            return Self::Left;
        }
        fields.required(name).map_or(Self::Wrong, Self::Given)
    }

    /// Where it is written, unless it says what it would say by itself.
    fn told(&self, is_default: impl Fn(&T) -> bool) -> Option<Span> {
        match self {
            Self::Given(at) if !is_default(&at.value) => Some(at.span),
            Self::Given(_) | Self::Left | Self::Wrong => None,
        }
    }
}

/// The fields of a step.
struct Written {
    source_labels: Field<Vec<Name>>,
    separator: Field<String>,
    regex: Field<Pattern>,
    modulus: Field<u64>,
    target_label: Field<String>,
    replacement: Field<String>,
}

impl Written {
    fn take(fields: &mut Fields<'_, '_>) -> Self {
        Self {
            source_labels: Field::take(fields, "source_labels"),
            separator: Field::take(fields, "separator"),
            regex: Field::take(fields, "regex"),
            modulus: Field::take(fields, "modulus"),
            target_label: Field::take(fields, "target_label"),
            replacement: Field::take(fields, "replacement"),
        }
    }

    /// Where each field is written that has something to say, by name.
    fn told(&self) -> [(&'static str, Option<Span>); 6] {
        [
            ("source_labels", self.source_labels.told(|_| false)),
            ("separator", self.separator.told(|text| text == SEPARATOR)),
            ("regex", self.regex.told(|_| false)),
            ("modulus", self.modulus.told(|modulus| *modulus == 0)),
            ("target_label", self.target_label.told(String::is_empty)),
            ("replacement", self.replacement.told(|text| text == REPLACEMENT)),
        ]
    }
}

/// Makes one step ready.
struct Compiler<'r, 'a> {
    reader: &'r Reader<'a>,
    action: Action,
    /// What a finding about the step as a whole points at.
    span: Span,
    /// Nothing was wrong so far.
    sound: bool,
}

impl Compiler<'_, '_> {
    fn report(&mut self, span: Span, message: impl Into<String>) {
        self.reader.report(span, message);
        self.sound = false;
    }

    /// Reports the fields that the action can't be given.
    fn check_refused(&mut self, written: &Written) {
        let refused = self.action.refused();
        for (name, span) in written.told() {
            if let Some(span) = span.filter(|_| refused.contains(&name)) {
                self.report(span, format!("action {} takes no \"{name}\"; remove it", self.action.as_str()));
            }
        }
    }

    /// The value of a field or its default; `None` where it is wrong.
    fn value<T>(&mut self, field: Field<T>, default: impl FnOnce() -> T) -> Option<T> {
        match field {
            Field::Given(at) => Some(at.value),
            Field::Left => Some(default()),
            Field::Wrong => {
                self.sound = false;
                None
            }
        }
    }

    fn compile(&mut self, written: Written) -> Option<Step> {
        let Written { source_labels, separator, regex, modulus, target_label, replacement } = written;
        let labels = self.value(source_labels, Vec::new);
        let separator = self.value(separator, || SEPARATOR.to_owned());
        let source = || {
            let labels = labels?.into_iter().map(|Name(name)| name).collect();
            Some(Joined { labels, separator: separator? })
        };
        let regex = self.value(regex, || Pattern::new(REGEX).expect("the default is a pattern"));
        match self.action {
            Action::Replace => {
                let target = self.target(target_label);
                let replacement = self.value(replacement, || REPLACEMENT.to_owned());
                let (source, regex) = (source()?, regex?);
                let target = Template::new(target?, &regex);
                let replacement = Template::new(replacement?, &regex);
                Some(Step::Replace { source, regex, target, replacement })
            }
            Action::Keep => Some(Step::Keep { source: source()?, regex: regex? }),
            Action::Drop => Some(Step::Drop { source: source()?, regex: regex? }),
            Action::LabelDrop => regex.map(Step::LabelDrop),
            Action::LabelKeep => regex.map(Step::LabelKeep),
            Action::LabelMap => {
                let span = replacement.told(|_| false).unwrap_or(self.span);
                let replacement = self.value(replacement, || REPLACEMENT.to_owned())?;
                if replacement.is_empty() {
                    self.report(span, "replacement can't be empty for the action labelmap: it is the labels' new name");
                }
                let regex = regex?;
                Some(Step::LabelMap { replacement: Template::new(replacement, &regex), regex })
            }
            Action::HashMod => {
                let (target, modulus) = (self.target(target_label), self.modulus(modulus));
                Some(Step::HashMod { source: source()?, modulus: modulus?, target: target? })
            }
            Action::KeepEqual => {
                self.target(target_label).and_then(|target| Some(Step::KeepEqual { source: source()?, target }))
            }
            Action::DropEqual => {
                self.target(target_label).and_then(|target| Some(Step::DropEqual { source: source()?, target }))
            }
            Action::Lowercase => {
                self.target(target_label).and_then(|target| Some(Step::Lowercase { source: source()?, target }))
            }
            Action::Uppercase => {
                self.target(target_label).and_then(|target| Some(Step::Uppercase { source: source()?, target }))
            }
        }
    }

    /// The target, for an action that needs one. Since Prometheus 3 a label's name is any text but none.
    fn target(&mut self, field: Field<String>) -> Option<String> {
        let span = field.told(|_| false).unwrap_or(self.span);
        let target = self.value(field, String::new)?;
        if target.is_empty() {
            self.report(span, format!("action {} needs a \"target_label\"", self.action.as_str()));
            return None;
        }
        Some(target)
    }

    fn modulus(&mut self, field: Field<u64>) -> Option<NonZeroU64> {
        let span = field.told(|_| false).unwrap_or(self.span);
        let modulus = NonZeroU64::new(self.value(field, || 0)?);
        if modulus.is_none() {
            self.report(span, "action hashmod needs a \"modulus\" of more than zero");
        }
        modulus
    }
}

#[cfg(test)]
mod tests;
