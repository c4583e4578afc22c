//! What is due when. Waiting is state: a retry, a cooldown, a group's interval is a time in this list.

use std::collections::{BTreeSet, HashMap};
use std::hash::Hash;

use crate::time::Timestamp;

/// One due time for each key.
#[derive(Debug)]
pub(super) struct Agenda<K> {
    by_time: BTreeSet<(Timestamp, K)>,
    by_key: HashMap<K, Timestamp>,
}

impl<K: Ord + Hash + Clone> Agenda<K> {
    pub(super) fn new() -> Self {
        Self { by_time: BTreeSet::new(), by_key: HashMap::new() }
    }

    /// Sets when a key is due; `None` takes it off.
    pub(super) fn set(&mut self, key: K, at: Option<Timestamp>) {
        if let Some(before) = self.by_key.remove(&key) {
            self.by_time.remove(&(before, key.clone()));
        }
        if let Some(at) = at {
            self.by_time.insert((at, key.clone()));
            self.by_key.insert(key, at);
        }
    }

    /// Takes the first key that is due.
    pub(super) fn take(&mut self, now: Timestamp) -> Option<K> {
        let (at, key) = self.by_time.first()?;
        if *at > now {
            return None;
        }
        let key = key.clone();
        self.set(key.clone(), None);
        Some(key)
    }

    /// When the next key is due.
    pub(super) fn next(&self) -> Option<Timestamp> {
        self.by_time.first().map(|(at, _)| *at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_come_when_due_and_once() {
        let at = Timestamp::from_millis;
        let mut agenda = Agenda::new();
        agenda.set("a", Some(at(5)));
        agenda.set("b", Some(at(3)));
        agenda.set("a", Some(at(4)));
        agenda.set("c", Some(at(1)));
        agenda.set("c", None);
        assert_eq!(agenda.next(), Some(at(3)));
        assert_eq!(agenda.take(at(2)), None);
        assert_eq!(agenda.take(at(4)), Some("b"));
        assert_eq!(agenda.take(at(4)), Some("a"));
        assert_eq!(agenda.take(at(9)), None);
        assert_eq!(agenda.next(), None);
    }
}
