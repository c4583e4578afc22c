//! Walks a tree and turns nodes into values. It collects what is wrong and goes on.

use std::cell::RefCell;
use std::collections::HashMap;

use super::finding::{Findings, Source, Span};
use super::scalar::Read;
use super::suggest::known;
use super::tree::{Kind, Node};

/// Reads one file.
#[derive(Debug)]
pub(super) struct Reader<'a> {
    findings: RefCell<Findings<'a>>,
}

impl<'a> Reader<'a> {
    pub(super) fn new(source: Source<'a>) -> Self {
        Self { findings: RefCell::new(Findings::new(source)) }
    }

    pub(super) fn into_findings(self) -> Findings<'a> {
        self.findings.into_inner()
    }

    /// Takes note of something wrong.
    pub(super) fn report(&self, span: Span, message: impl Into<String>) {
        self.findings.borrow_mut().report(span, message);
    }

    /// Lets no finding show the values that a node holds: secrets.
    pub(super) fn hide(&self, node: &Node) {
        match &node.kind {
            Kind::Map(entries) => entries.iter().for_each(|(_, value)| self.hide(value)),
            Kind::List(items) => items.iter().for_each(|item| self.hide(item)),
            _ => self.findings.borrow_mut().hide(node.span),
        }
    }

    /// The line that a part of the file begins in.
    pub(super) fn line(&self, span: Span) -> usize {
        self.findings.borrow().source.place(span).line
    }

    /// Takes note of a value of the wrong kind.
    pub(super) fn expected(&self, node: &Node, what: &str) {
        self.report(node.token(), format!("expected {what}, found {}", node.kind.describe()));
    }

    /// The fields of a mapping; `what` names it in findings, as in "a scale rule".
    pub(super) fn fields<'n>(&'n self, node: &'n Node, what: &'static str) -> Option<Fields<'n, 'a>> {
        let Kind::Map(entries) = &node.kind else {
            self.expected(node, &format!("{what} (a mapping)"));
            return None;
        };
        let mut named: HashMap<&str, usize> = HashMap::new();
        let mut fields = Vec::with_capacity(entries.len());
        for (key, value) in entries {
            let Kind::Text(name) = &key.kind else {
                self.expected(key, &format!("a field of {what}"));
                continue;
            };
            if let Some(Field { key: first, .. }) = named.get(name.as_str()).and_then(|at| fields.get(*at)) {
                let line = self.line(first.span);
                self.report(key.span, format!("field \"{name}\" is given twice, first in line {line}; remove one"));
            } else {
                named.insert(name, fields.len());
                fields.push(Field { name, key, value, taken: false });
            }
        }
        Some(Fields { reader: self, what, at: node.token(), given: fields, names: Vec::new() })
    }
}

/// One field of a mapping.
#[derive(Debug)]
struct Field<'n> {
    name: &'n str,
    key: &'n Node,
    value: &'n Node,
    taken: bool,
}

/// The fields of one mapping, taken one by one. What nobody has taken at the end is unknown.
#[derive(Debug)]
pub(super) struct Fields<'n, 'a> {
    pub(super) reader: &'n Reader<'a>,
    what: &'static str,
    at: Span,
    given: Vec<Field<'n>>,
    /// The names that were asked for: the ones that are known.
    names: Vec<&'static str>,
}

impl<'n> Fields<'n, '_> {
    /// A field's key and value, where it is given. Asking makes the name known.
    fn take(&mut self, name: &'static str) -> Option<(&'n Node, &'n Node)> {
        self.names.push(name);
        let field = self.given.iter_mut().find(|field| field.name == name)?;
        field.taken = true;
        Some((field.key, field.value))
    }

    /// A field's value. A field with nothing after the colon counts as left out.
    pub(super) fn node(&mut self, name: &'static str) -> Option<&'n Node> {
        self.take(name).map(|(_, value)| value).filter(|value| !matches!(value.kind, Kind::Null))
    }

    /// As [`node`](Self::node), for a field that must be there.
    pub(super) fn required_node(&mut self, name: &'static str) -> Option<&'n Node> {
        match self.take(name) {
            Some((_, value)) if !matches!(value.kind, Kind::Null) => return Some(value),
            Some((key, _)) => self.reader.report(key.span, format!("field \"{name}\" has no value")),
            None => self.reader.report(self.at, format!("{} needs the field \"{name}\"", self.what)),
        }
        None
    }

    /// A field's value, where it is given and right.
    pub(super) fn optional<T: Read>(&mut self, name: &'static str) -> Option<T> {
        let node = self.node(name)?;
        T::read(self.reader, node)
    }

    /// As [`optional`](Self::optional), for a field that must be there.
    pub(super) fn required<T: Read>(&mut self, name: &'static str) -> Option<T> {
        let node = self.required_node(name)?;
        T::read(self.reader, node)
    }

    /// A field that may be written in two ways; `name` is ours. To give both is a finding.
    pub(super) fn either<T: Read>(&mut self, name: &'static str, other: &'static str) -> Option<T> {
        self.either_as(name, other, |value| value)
    }

    /// As [`either`](Self::either), where the other spelling also has another unit.
    pub(super) fn either_as<T: Read, U: Read>(
        &mut self,
        name: &'static str,
        other: &'static str,
        convert: impl FnOnce(U) -> T,
    ) -> Option<T> {
        let alias = self.take(other);
        // The other spelling is for those who bring their YAML from elsewhere; it is not suggested.
        self.names.pop();
        if let (true, Some((key, _))) = (self.has(name), alias) {
            self.reader.report(key.span, format!("\"{other}\" and \"{name}\" are the same field; remove one"));
        }
        let own = self.optional(name);
        own.or_else(|| U::read(self.reader, alias?.1).map(convert))
    }

    /// Names the mapping, now that it is known what it is.
    pub(super) fn rename(&mut self, what: &'static str) {
        self.what = what;
    }

    /// Every key and value, where any name will do.
    pub(super) fn into_entries(self) -> impl Iterator<Item = (&'n Node, &'n Node)> {
        self.given.into_iter().map(|field| (field.key, field.value))
    }

    /// Whether a field is given.
    pub(super) fn has(&self, name: &str) -> bool {
        self.given.iter().any(|field| field.name == name)
    }

    /// Puts a field's value in place of a default, where it is given and right.
    pub(super) fn set<T: Read>(&mut self, name: &'static str, value: &mut T) {
        if let Some(given) = self.optional(name) {
            *value = given;
        }
    }

    /// Lets no finding show a field's value, where it is given.
    pub(super) fn hide(&self, name: &str) {
        if let Some(field) = self.given.iter().find(|field| field.name == name) {
            self.reader.hide(field.value);
        }
    }

    /// A field that we know and can't serve.
    pub(super) fn refuse(&mut self, name: &'static str, why: &str) {
        if let Some((key, _)) = self.take(name) {
            self.reader.report(key.span, why);
        }
        self.names.pop();
    }

    /// A field that may be there and changes nothing: it comes with what people bring from elsewhere.
    pub(super) fn accept(&mut self, name: &'static str) {
        self.take(name);
        self.names.pop();
    }

    /// Reports the fields that nobody asked for.
    pub(super) fn finish(self) {
        for field in self.given.iter().filter(|field| !field.taken) {
            let message =
                format!("unknown field \"{}\" in {}; {}", field.name, self.what, known(field.name, &self.names));
            self.reader.report(field.key.span, message);
        }
    }
}
