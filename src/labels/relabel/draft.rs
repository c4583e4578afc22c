//! A label set while it is being changed.

use std::collections::BTreeMap;

use crate::labels::Labels;

/// A label set while it is being changed. As in Prometheus, a walk meets the labels that nobody has touched first, by
/// name, then the others in the order in which they were set: where a walk sets one name twice, the last one stays.
#[derive(Debug)]
pub(super) struct Draft<'a> {
    untouched: BTreeMap<&'a str, &'a str>,
    touched: BTreeMap<String, Touched>,
    /// How many labels were set so far.
    set: usize,
}

#[derive(Debug)]
struct Touched {
    value: String,
    /// How many were set before it.
    place: usize,
}

impl<'a> Draft<'a> {
    /// An empty value is no label, nor is one without a name. Of a name given twice the last one counts.
    pub(super) fn new(labels: impl IntoIterator<Item = (&'a str, &'a str)>) -> Self {
        let named = labels.into_iter().filter(|(name, _)| !name.is_empty());
        let mut untouched: BTreeMap<&str, &str> = named.collect();
        untouched.retain(|_, value| !value.is_empty());
        Self { untouched, touched: BTreeMap::new(), set: 0 }
    }

    /// The value of a label; "" where there is none.
    pub(super) fn get(&self, name: &str) -> &str {
        match self.touched.get(name) {
            Some(touched) => &touched.value,
            None => self.untouched.get(name).copied().unwrap_or_default(),
        }
    }

    /// Sets a label, or removes it where the value is empty. Nothing has no name.
    pub(super) fn set(&mut self, name: String, value: String) {
        if value.is_empty() {
            self.remove(&name);
        } else if !name.is_empty() {
            self.untouched.remove(name.as_str());
            let place = self.set;
            self.set += 1;
            self.touched.entry(name).or_insert(Touched { value: String::new(), place }).value = value;
        }
    }

    pub(super) fn remove(&mut self, name: &str) {
        self.untouched.remove(name);
        self.touched.remove(name);
    }

    /// Removes every label whose name `keep` refuses.
    pub(super) fn retain(&mut self, keep: impl Fn(&str) -> bool) {
        self.untouched.retain(|name, _| keep(name));
        self.touched.retain(|name, _| keep(name));
    }

    /// Names and values in the order of a walk.
    pub(super) fn walk(&self) -> impl Iterator<Item = (&str, &str)> {
        let mut touched: Vec<(&String, &Touched)> = self.touched.iter().collect();
        touched.sort_unstable_by_key(|(_, touched)| touched.place);
        let touched = touched.into_iter().map(|(name, touched)| (name.as_str(), touched.value.as_str()));
        self.untouched.iter().map(|(name, value)| (*name, *value)).chain(touched)
    }

    /// The set as it stands; `None` where it is empty.
    pub(super) fn finish(&self) -> Option<Labels> {
        // Names are unique and not empty; only 4 GiB of text would be refused.
        Labels::from_pairs(self.walk()).ok().filter(|labels| !labels.is_empty())
    }
}
