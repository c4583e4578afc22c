//! The windows by labels, off the hot path: a new series is looked for here once.

use std::borrow::Borrow;
use std::collections::HashSet;
use std::hash::{BuildHasher as _, Hash, Hasher};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use foldhash::fast::RandomState;

use super::window::Window;
use crate::labels::{Interner, Labels};

/// Parts with a lock each, so that an eviction that goes through all windows holds up new series for a moment only.
const SHARDS: usize = 64;

/// A window, found by its labels.
#[derive(Debug)]
struct ByLabels(Arc<Window>);

impl Borrow<Labels> for ByLabels {
    fn borrow(&self) -> &Labels {
        self.0.labels()
    }
}

impl Hash for ByLabels {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.0.labels().hash(state);
    }
}

impl PartialEq for ByLabels {
    fn eq(&self, other: &Self) -> bool {
        self.0.labels() == other.0.labels()
    }
}

impl Eq for ByLabels {}

/// All windows.
#[derive(Debug)]
pub(super) struct Index {
    shards: Box<[Mutex<HashSet<ByLabels, RandomState>>]>,
    hasher: RandomState,
    len: AtomicUsize,
    interner: Mutex<Interner>,
}

/// The part of the index that may hold one label set, locked.
#[derive(Debug)]
pub(super) struct Shard<'a> {
    windows: MutexGuard<'a, HashSet<ByLabels, RandomState>>,
    len: &'a AtomicUsize,
}

impl Index {
    pub(super) fn new() -> Self {
        let hasher = RandomState::default();
        let shard = || Mutex::new(HashSet::with_hasher(hasher.clone()));
        Self {
            shards: std::iter::repeat_with(shard).take(SHARDS).collect(),
            hasher,
            len: AtomicUsize::new(0),
            interner: Mutex::default(),
        }
    }

    /// Locks the part where a label set belongs.
    pub(super) fn shard(&self, labels: &Labels) -> Shard<'_> {
        // The set uses the low bits for the place and the highest seven for the tag.
        let hash = self.hasher.hash_one(labels) >> 32;
        self.locked(&self.shards[usize::try_from(hash).unwrap_or(0) % SHARDS])
    }

    /// All parts, one after the other; each is locked when its turn comes.
    pub(super) fn shards(&self) -> impl Iterator<Item = Shard<'_>> {
        self.shards.iter().map(|shard| self.locked(shard))
    }

    fn locked<'a>(&'a self, shard: &'a Mutex<HashSet<ByLabels, RandomState>>) -> Shard<'a> {
        Shard { windows: shard.lock().unwrap_or_else(PoisonError::into_inner), len: &self.len }
    }

    /// The texts of all label sets, each kept once.
    pub(super) fn interner(&self) -> MutexGuard<'_, Interner> {
        self.interner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn len(&self) -> usize {
        self.len.load(Ordering::Relaxed)
    }
}

impl Shard<'_> {
    pub(super) fn get(&self, labels: &Labels) -> Option<&Arc<Window>> {
        self.windows.get(labels).map(|found| &found.0)
    }

    pub(super) fn insert(&mut self, window: Arc<Window>) {
        self.len.fetch_add(usize::from(self.windows.insert(ByLabels(window))), Ordering::Relaxed);
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Arc<Window>> {
        self.windows.iter().map(|found| &found.0)
    }

    /// Lets go of the windows that `keep` refuses.
    pub(super) fn retain(&mut self, keep: impl Fn(&Arc<Window>) -> bool) {
        let before = self.windows.len();
        self.windows.retain(|found| keep(&found.0));
        let gone = before - self.windows.len();
        self.len.fetch_sub(gone, Ordering::Relaxed);
        if gone > 0 && self.windows.len() < self.windows.capacity() / 4 {
            self.windows.shrink_to_fit();
        }
    }
}
