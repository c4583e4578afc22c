//! What is to be told of an import: what was left out, and what a rule says in another way.

use std::cell::RefCell;
use std::fmt;
use std::rc::Rc;

use super::document::Document;

/// How much a note matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Weight {
    /// The rule does not say it. Somebody must decide what to do.
    LeftOut,
    /// The rule says it in its own way, which may differ: to be looked at.
    Changed,
}

/// One thing that did not go over as it was.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Note {
    pub weight: Weight,
    /// Where the object came from: a file and the document's number, or the cluster.
    pub origin: String,
    /// `HorizontalPodAutoscaler shop/checkout`
    pub object: String,
    /// The field: `spec.metrics[1]`.
    pub path: String,
    /// What and why, and what to do.
    pub text: String,
}

impl fmt::Display for Note {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let weight = match self.weight {
            Weight::LeftOut => "left out",
            Weight::Changed => "changed",
        };
        write!(f, "{}: {}: {}: {weight}: {}", self.origin, self.object, self.path, self.text)
    }
}

/// Collects the notes of all objects.
#[derive(Debug, Default)]
pub(super) struct Notes(Rc<RefCell<Vec<Note>>>);

impl Notes {
    /// Collects notes about one object.
    pub(super) fn about(&self, document: &Document) -> About {
        About { origin: document.origin.clone(), object: document.id(), list: Rc::clone(&self.0) }
    }

    pub(super) fn into_list(self) -> Vec<Note> {
        self.0.take()
    }
}

/// Collects notes about one object.
#[derive(Debug)]
pub(super) struct About {
    origin: String,
    object: String,
    list: Rc<RefCell<Vec<Note>>>,
}

impl About {
    /// Something that the rule does not say.
    pub(super) fn left_out(&self, path: &str, text: impl Into<String>) {
        self.note(Weight::LeftOut, path, text.into());
    }

    /// Something that the rule says in another way.
    pub(super) fn changed(&self, path: &str, text: impl Into<String>) {
        self.note(Weight::Changed, path, text.into());
    }

    fn note(&self, weight: Weight, path: &str, text: String) {
        let (origin, object) = (self.origin.clone(), self.object.clone());
        self.list.borrow_mut().push(Note { weight, origin, object, path: path.to_owned(), text });
    }
}
