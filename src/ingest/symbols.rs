//! The table of symbols of one request of remote write 2.0: its texts where they stand in the body, and what has been found
//! out about each. Hashes and verdicts are worked out when they are first asked for, once for each symbol.

use super::key::Key;

/// The memory of a table, used again by the next request.
#[derive(Debug, Default)]
pub(super) struct Symbols {
    /// Start and length in the body.
    spans: Vec<(u32, u32)>,
    /// 0 where it was not asked for yet.
    hashes: Vec<u128>,
    names: Vec<Name>,
}

/// What is known of a symbol as a metric's name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum Name {
    #[default]
    Unasked,
    /// No series of this name is kept.
    Unread,
    /// One may be; nothing has been noted of its metadata in this request.
    Read,
    Described,
}

/// What a table keeps of its memory, in symbols: several times what a request has.
const KEPT: usize = 1 << 16;

impl Symbols {
    pub(super) fn clear(&mut self) {
        self.spans.clear();
        self.hashes.clear();
        self.names.clear();
        self.spans.shrink_to(KEPT);
        self.hashes.shrink_to(KEPT);
        self.names.shrink_to(KEPT);
    }

    pub(super) fn push(&mut self, start: usize, length: usize) {
        // A body is shorter than 4 GiB: see `Receiver::new`.
        let short = |length: usize| u32::try_from(length).unwrap_or(u32::MAX);
        self.spans.push((short(start), short(length)));
    }

    /// To be called when all symbols are there.
    pub(super) fn seal(&mut self) {
        self.hashes.resize(self.spans.len(), 0);
        self.names.resize(self.spans.len(), Name::Unasked);
    }

    pub(super) fn len(&self) -> usize {
        self.spans.len()
    }

    /// The text of a symbol; `None` for a reference beyond the table.
    #[inline]
    pub(super) fn text<'a>(&self, body: &'a [u8], reference: u32) -> Option<&'a [u8]> {
        let (start, length) = *self.spans.get(reference as usize)?;
        body.get(start as usize..start as usize + length as usize)
    }

    /// The hash of a symbol's text.
    #[inline]
    pub(super) fn hash(&mut self, body: &[u8], key: &Key, reference: u32) -> Option<u128> {
        let known = *self.hashes.get(reference as usize)?;
        if known != 0 { Some(known) } else { self.hash_anew(body, key, reference) }
    }

    fn hash_anew(&mut self, body: &[u8], key: &Key, reference: u32) -> Option<u128> {
        let hash = key.hash(self.text(body, reference)?).max(1);
        *self.hashes.get_mut(reference as usize)? = hash;
        Some(hash)
    }

    pub(super) fn name(&mut self, reference: u32) -> Option<&mut Name> {
        self.names.get_mut(reference as usize)
    }
}
