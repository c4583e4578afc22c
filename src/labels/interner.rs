//! Texts kept once: the series of a cluster say the same words again and again.

use std::collections::HashSet;

use arcstr::ArcStr;
use foldhash::fast::RandomState;

use super::{Label, Labels};

/// What a text costs beside its bytes: its header, and its place in the set, which is half full on average.
const OVERHEAD: usize = 2 * size_of::<usize>() + 2 * size_of::<ArcStr>();

/// All texts of some label sets.
#[derive(Debug, Default)]
pub struct Interner {
    texts: HashSet<ArcStr, RandomState>,
    bytes: usize,
    /// The set that was made last: the next one is of the same target mostly, and has most of its texts at the same places.
    last: Labels,
}

impl Interner {
    /// A label set of pairs that are sorted by name, without a name twice and without an empty value.
    pub fn labels<'a>(&mut self, sorted: impl IntoIterator<Item = (&'a str, &'a str)>) -> Labels {
        let last = std::mem::take(&mut self.last);
        let label = |(at, (name, value))| {
            let Some(Label { name: known, value: before }) = last.0.get(at) else {
                return Label { name: self.text(name), value: self.text(value) };
            };
            let same = |known: &ArcStr, text: &str| (known == text).then(|| known.clone());
            Label {
                name: same(known, name).unwrap_or_else(|| self.text(name)),
                value: same(before, value).unwrap_or_else(|| self.text(value)),
            }
        };
        let labels = Labels(sorted.into_iter().enumerate().map(label).collect());
        self.last = labels.clone();
        labels
    }

    fn text(&mut self, text: &str) -> ArcStr {
        if let Some(known) = self.texts.get(text) {
            return known.clone();
        }
        let fresh = ArcStr::from(text);
        self.texts.insert(fresh.clone());
        self.bytes += text.len() + OVERHEAD;
        fresh
    }

    /// Lets go of the texts that no label set has any more.
    pub fn sweep(&mut self) {
        let Self { texts, bytes, last } = self;
        *last = Labels::empty();
        texts.retain(|text| {
            let used = ArcStr::strong_count(text).is_none_or(|count| count > 1);
            if !used {
                *bytes -= text.len() + OVERHEAD;
            }
            used
        });
        if texts.len() < texts.capacity() / 4 {
            texts.shrink_to_fit();
        }
    }

    /// Bytes of memory that all texts take.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_texts_are_one_until_nobody_has_them() {
        let mut interner = Interner::default();
        let one = interner.labels([("job", "api"), ("pod", "a")]);
        let before = interner.bytes();
        let other = interner.labels([("job", "api"), ("pod", "b")]);
        assert_eq!(interner.bytes() - before, 1 + OVERHEAD, "only the text b is new");
        assert_eq!(one, Labels::from_pairs([("pod", "a"), ("job", "api")]).unwrap());
        drop((one, other.clone()));
        interner.sweep();
        assert_eq!(interner.texts.len(), 4, "{:?}", interner.texts);
        drop(other);
        interner.sweep();
        assert_eq!(interner.bytes(), 0);
    }
}
