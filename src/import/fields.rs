//! Walks an object and remembers what was read, so that nothing is dropped in silence.

use std::cell::RefCell;

use serde_json::{Map, Value};

use super::notes::About;
use super::quantity;

/// The fields of one mapping.
#[derive(Debug)]
pub(super) struct Fields<'a> {
    fields: Option<&'a Map<String, Value>>,
    path: String,
    notes: &'a About,
    read: RefCell<Vec<&'a str>>,
}

impl<'a> Fields<'a> {
    /// The fields of a value, which stands at `path`; none where it is no mapping.
    pub(super) fn new(value: Option<&'a Value>, path: impl Into<String>, notes: &'a About) -> Self {
        Self { fields: value.and_then(Value::as_object), path: path.into(), notes, read: RefCell::default() }
    }

    /// Where a field stands: `spec.maxReplicas`.
    pub(super) fn path(&self, name: &str) -> String {
        match self.path.as_str() {
            "" => name.to_owned(),
            path => format!("{path}.{name}"),
        }
    }

    /// A field's value, where it is given.
    pub(super) fn get(&self, name: &str) -> Option<&'a Value> {
        let (key, value) = self.fields?.get_key_value(name)?;
        self.read.borrow_mut().push(key);
        Some(value).filter(|value| !value.is_null())
    }

    /// A text, or a number or a boolean as a text.
    pub(super) fn text(&self, name: &str) -> Option<String> {
        match self.get(name)? {
            Value::String(text) => Some(text.trim().to_owned()),
            Value::Number(number) => Some(number.to_string()),
            Value::Bool(value) => Some(value.to_string()),
            other => self.unreadable(name, "a text", other),
        }
    }

    /// A number, or a Kubernetes quantity.
    pub(super) fn number(&self, name: &str) -> Option<f64> {
        let value = self.get(name)?;
        let number = match value {
            Value::Number(number) => number.as_f64(),
            Value::String(text) => quantity::parse(text.trim()),
            _ => None,
        };
        number.or_else(|| self.unreadable(name, "a number", value))
    }

    /// A whole number that is not negative.
    pub(super) fn count(&self, name: &str) -> Option<u32> {
        let value = self.get(name)?;
        let count = match value {
            Value::Number(number) => number.as_u64().and_then(|number| u32::try_from(number).ok()),
            Value::String(text) => text.trim().parse().ok(),
            _ => None,
        };
        count.or_else(|| self.unreadable(name, "a whole number", value))
    }

    /// Whether a switch is on, as a boolean or as a text.
    pub(super) fn is_on(&self, name: &str) -> bool {
        self.text(name).is_some_and(|text| text == "true")
    }

    /// The fields of a field.
    pub(super) fn at(&self, name: &str) -> Self {
        Self::new(self.get(name), self.path(name), self.notes)
    }

    /// Whether the mapping is there.
    pub(super) fn is_given(&self) -> bool {
        self.fields.is_some()
    }

    /// The items of a list, each as fields.
    pub(super) fn list(&self, name: &str) -> Vec<Self> {
        let items = self.get(name).and_then(Value::as_array).into_iter().flatten().enumerate();
        items.map(|(index, item)| Self::new(Some(item), format!("{}[{index}]", self.path(name)), self.notes)).collect()
    }

    /// Names and texts of a mapping of texts.
    pub(super) fn pairs(&self, name: &str) -> Vec<(&'a str, &'a str)> {
        let pairs = self.get(name).and_then(Value::as_object).into_iter().flatten();
        pairs.filter_map(|(name, value)| Some((name.as_str(), value.as_str()?))).collect()
    }

    /// Fields that say nothing to us, and need not.
    pub(super) fn pass_over(&self, names: &[&str]) {
        for name in names {
            self.get(name);
        }
    }

    /// Leaves out a field, where it is given.
    pub(super) fn leave_out(&self, name: &str, why: &str) {
        if self.get(name).is_some() {
            self.notes.left_out(&self.path(name), why);
        }
    }

    /// Leaves out all of it.
    pub(super) fn leave_out_all(&self, why: impl Into<String>) {
        self.notes.left_out(&self.path, why);
    }

    /// Takes note that a field is said in another way.
    pub(super) fn changed(&self, name: &str, how: impl Into<String>) {
        self.notes.changed(&self.path(name), how);
    }

    /// Takes note of the fields that nobody has read.
    pub(super) fn finish(&self) {
        let read = self.read.borrow();
        let fields = self.fields.into_iter().flatten();
        for (name, _) in fields.filter(|(name, value)| !value.is_null() && !read.contains(&name.as_str())) {
            self.notes.left_out(&self.path(name), "no such field is known here; see whether the rule needs it");
        }
    }

    fn unreadable<T>(&self, name: &str, what: &str, found: &Value) -> Option<T> {
        self.notes.left_out(&self.path(name), format!("expected {what}, found {found}; correct it and import again"));
        None
    }
}
