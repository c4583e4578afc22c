//! Which labels put series into one group: `by` and `without`, `on` and `ignoring`.

use super::frame::{Interner, Slot};
use crate::labels::Labels;

/// A choice of labels.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Grouping {
    /// `by`, `on`: only these.
    Only(Vec<String>),
    /// `without`, `ignoring`: all but these and the metric's name.
    AllBut(Vec<String>),
}

impl Grouping {
    /// What a series has in common with the others of its group.
    pub(super) fn key(&self, labels: &Labels) -> Labels {
        match self {
            Self::Only(names) => labels.only(names),
            Self::AllBut(names) => labels.without(names),
        }
    }

    /// The group of each key, by slot; groups get the slots of `interner`.
    pub(super) fn groups(&self, keys: &[Labels], interner: &mut Interner) -> Vec<Slot> {
        keys.iter().map(|labels| interner.slot(self.key(labels))).collect()
    }
}
