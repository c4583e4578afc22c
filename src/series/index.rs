//! The windows by labels, off the hot path: a new series is looked for here once.

use std::hash::{BuildHasher as _, Hash as _, Hasher as _};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use foldhash::fast::RandomState;
use hashbrown::HashTable;

use super::window::Window;
use crate::labels::{Interner, Labels};

/// Parts with a lock each, so that an eviction that goes through all windows holds up new series for a moment only.
const SHARDS: usize = 64;

/// Windows, each with the hash of its labels.
type Windows = HashTable<(u64, Arc<Window>)>;

/// All windows.
#[derive(Debug)]
pub(super) struct Index {
    shards: Box<[Mutex<Windows>]>,
    hasher: RandomState,
    len: AtomicUsize,
    interner: Mutex<Interner>,
}

/// The part of the index that may hold one label set, locked.
#[derive(Debug)]
pub(super) struct Shard<'a> {
    windows: MutexGuard<'a, Windows>,
    len: &'a AtomicUsize,
}

impl Index {
    pub(super) fn new() -> Self {
        Self {
            shards: std::iter::repeat_with(Mutex::default).take(SHARDS).collect(),
            hasher: RandomState::default(),
            len: AtomicUsize::new(0),
            interner: Mutex::default(),
        }
    }

    /// The hash of sorted labels, by which they are found here.
    pub(super) fn hash<'l>(&self, sorted: impl IntoIterator<Item = (&'l str, &'l str)>) -> u64 {
        let mut hasher = self.hasher.build_hasher();
        sorted.into_iter().for_each(|label| label.hash(&mut hasher));
        hasher.finish()
    }

    /// Locks the part where labels of this hash belong.
    pub(super) fn shard(&self, hash: u64) -> Shard<'_> {
        // A table takes places from the low bits and tags from the highest seven.
        let place = usize::try_from(hash >> 32 & 0xffff).unwrap_or(0);
        self.locked(&self.shards[place % SHARDS])
    }

    /// All parts, one after the other; each is locked when its turn comes.
    pub(super) fn shards(&self) -> impl Iterator<Item = Shard<'_>> {
        self.shards.iter().map(|shard| self.locked(shard))
    }

    fn locked<'a>(&'a self, shard: &'a Mutex<Windows>) -> Shard<'a> {
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
    pub(super) fn get<'l>(
        &self,
        hash: u64,
        sorted: &(impl Iterator<Item = (&'l str, &'l str)> + Clone),
    ) -> Option<&Arc<Window>> {
        let found = self.windows.find(hash, |(own, window)| *own == hash && same(window.labels(), sorted.clone()));
        found.map(|(_, window)| window)
    }

    pub(super) fn insert(&mut self, hash: u64, window: Arc<Window>) {
        self.windows.insert_unique(hash, (hash, window), |(hash, _)| *hash);
        self.len.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Arc<Window>> {
        self.windows.iter().map(|(_, window)| window)
    }

    /// Lets go of the windows that `keep` refuses.
    pub(super) fn retain(&mut self, keep: impl Fn(&Arc<Window>) -> bool) {
        let before = self.windows.len();
        self.windows.retain(|(_, window)| keep(window));
        let gone = before - self.windows.len();
        self.len.fetch_sub(gone, Ordering::Relaxed);
        if gone > 0 && self.windows.len() < self.windows.capacity() / 4 {
            self.windows.shrink_to_fit(|(hash, _)| *hash);
        }
    }
}

fn same<'l>(labels: &Labels, sorted: impl Iterator<Item = (&'l str, &'l str)>) -> bool {
    let mut own = labels.iter();
    sorted.into_iter().all(|label| own.next().is_some_and(|own| own == label)) && own.next().is_none()
}
