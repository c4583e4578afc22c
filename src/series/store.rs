//! All windows, and the way from a fingerprint to one.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use arc_swap::ArcSwap;
use crossbeam_epoch::{Guard, pin};

use super::aliases::{Aliases, Known, Spelling};
use super::batch::{Batch, Touched};
use super::index::{Index, Shard};
use super::relevance::{NOBODY, ReadersId, Relevance, Wanted};
use super::subscription::{DueQueue, Selector, Subscription};
use super::unread::{Unkept, Unread};
use super::window::{Origin, Room, Window};
use crate::labels::{Labels, Matcher};
use crate::time::Timestamp;

/// How much farther back a window reaches than its readers ask. A sender's clock may be ahead of ours, and `now` lags
/// a window's newest sample; a window reaches back from that sample, but is asked to reach back from `now`.
const SPAN_SLACK: Duration = Duration::from_mins(1);

/// What windows may cost, and how long they reach.
#[derive(Debug, Clone)]
pub struct Limits {
    /// Series that are kept at once.
    pub series_max: usize,
    /// Samples that one window may hold.
    pub samples_max: usize,
    /// Bytes of all windows together, labels included.
    pub memory_bytes_max: usize,
    /// How far back a window reaches at least, counted from its newest sample.
    pub retention: Duration,
    pub keep: Keep,
}

/// Which series are kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Keep {
    /// Those that a rule reads.
    Rules,
    /// These too: each list of matchers is a selector.
    Matching(Vec<Vec<Matcher>>),
    All,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            series_max: 1_000_000,
            samples_max: 4_095,
            memory_bytes_max: 2 << 30,
            retention: Duration::from_mins(10),
            keep: Keep::Rules,
        }
    }
}

/// Why a new series can't be kept. Sending it again does not help, so it is no reason for a 5xx.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    #[error("the limit of {0} series is reached (windows.series_max)")]
    Series(usize),
    #[error("the limit of {0} bytes of windows is reached (windows.memory_bytes_max)")]
    Memory(usize),
}

/// What the store holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Stats {
    pub series: usize,
    /// Bytes of all windows, and how many there may be.
    pub bytes: usize,
    pub bytes_max: usize,
    /// Bytes of what leads to the windows, and of what is remembered of series that are not kept.
    pub index_bytes: usize,
    /// Spellings of series that are not kept, as far as they are remembered.
    pub unread: usize,
    /// Windows made and let go since the start.
    pub created: u64,
    pub evicted: u64,
}

/// All windows.
#[derive(Debug)]
pub struct Store {
    limits: Limits,
    pub(super) aliases: Aliases,
    pub(super) unread: Unread,
    index: Index,
    pub(super) relevance: ArcSwap<Relevance>,
    due_queue: Arc<DueQueue>,
    bytes: AtomicUsize,
    created: AtomicU64,
    evicted: AtomicU64,
    /// Whether texts of windows that went the last time may still be there.
    unswept: AtomicBool,
}

impl Store {
    #[must_use]
    pub fn new(limits: Limits) -> Self {
        let relevance = Relevance::new(1, &limits, &[]);
        Self {
            aliases: Aliases::new(limits.series_max.saturating_mul(4)),
            unread: Unread::new(),
            limits,
            index: Index::new(),
            relevance: ArcSwap::from_pointee(relevance),
            due_queue: Arc::default(),
            bytes: AtomicUsize::new(0),
            created: AtomicU64::new(0),
            evicted: AtomicU64::new(0),
            unswept: AtomicBool::new(false),
        }
    }

    /// Begins to write. What the batch brings is announced to the rules when it is finished, as one.
    pub fn batch<'s>(&'s self, touched: &'s mut Touched) -> Batch<'s> {
        Batch::new(self, touched)
    }

    /// The window of a spelling that is met for the first time, and whose labels, sorted and without empty ones, are
    /// these; `None` where it is not kept. Either is remembered.
    pub(super) fn meet<'g>(
        &self,
        spelling: Spelling,
        sorted: &[(&str, &str)],
        guard: &'g Guard,
    ) -> Result<Option<Known<'g>>, Refused> {
        let hash = self.index.hash(sorted.iter().copied());
        loop {
            let relevance = self.relevance.load();
            let value = |name: &str| sorted.iter().find(|(own, _)| *own == name).map(|(_, value)| *value);
            let wanted = relevance.wanted(value);
            if wanted == Wanted::No {
                self.unread.insert(spelling.fingerprint, Unkept::Unread, relevance.generation, guard);
                return Ok(None);
            }
            let mut shard = self.index.shard(hash);
            // Rules change under the locks of all shards: what was read before holds until this one is let go.
            if self.relevance.load().generation != relevance.generation {
                continue;
            }
            let window = match shard.get(hash, &sorted.iter().copied()) {
                Some(window) => Arc::clone(window),
                None => self.open(&mut shard, hash, sorted.iter().copied(), &relevance, &wanted, Origin::Sender)?,
            };
            return Ok(Some(self.aliases.insert(spelling, window, guard)));
        }
    }

    /// The window of these labels; `None` where the series is not kept.
    pub(super) fn window(&self, labels: &Labels, origin: Origin) -> Result<Option<Arc<Window>>, Refused> {
        let hash = self.index.hash(labels.iter());
        let mut shard = self.index.shard(hash);
        if let Some(window) = shard.get(hash, &labels.iter()) {
            return Ok(Some(Arc::clone(window)));
        }
        let relevance = self.relevance.load();
        let wanted = relevance.wanted(|name| labels.get(name));
        if wanted == Wanted::No && origin == Origin::Sender {
            return Ok(None);
        }
        self.open(&mut shard, hash, labels.iter(), &relevance, &wanted, origin).map(Some)
    }

    /// Makes a window, where there is room for it.
    fn open<'l>(
        &self,
        shard: &mut Shard<'_>,
        hash: u64,
        sorted: impl Iterator<Item = (&'l str, &'l str)> + Clone,
        relevance: &Relevance,
        wanted: &Wanted,
        origin: Origin,
    ) -> Result<Arc<Window>, Refused> {
        if self.index.len() >= self.limits.series_max {
            return Err(Refused::Series(self.limits.series_max));
        }
        let texts: usize = sorted.clone().map(|(name, value)| name.len() + value.len()).sum();
        let held = self.bytes.load(Ordering::Relaxed);
        // Texts that are known already cost nothing; whether there is room for all is asked before they are kept.
        if held.saturating_add(texts) > self.limits.memory_bytes_max {
            return Err(Refused::Memory(self.limits.memory_bytes_max));
        }
        let labels = self.interned(sorted);
        if !self.room().take(Window::bytes_at_first(&labels)) {
            return Err(Refused::Memory(self.limits.memory_bytes_max));
        }
        let readers = relevance.readers_id(wanted);
        let window = Arc::new(Window::new(labels, self.span(wanted.subscribers()), readers, origin));
        shard.insert(hash, Arc::clone(&window));
        for subscription in wanted.subscribers() {
            subscription.add(Arc::clone(&window));
        }
        self.created.fetch_add(1, Ordering::Relaxed);
        Ok(window)
    }

    fn interned<'l>(&self, sorted: impl Iterator<Item = (&'l str, &'l str)>) -> Labels {
        let mut interner = self.index.interner();
        let before = interner.bytes();
        let labels = interner.labels(sorted);
        self.bytes.fetch_add(interner.bytes() - before, Ordering::Relaxed);
        labels
    }

    /// Puts new selectors in place of the present ones: one subscription for each, in their order. Selectors with
    /// the same matchers share one. Windows that are still read go on; those that no longer are fall silent and go.
    #[allow(clippy::mutable_key_type, reason = "a matcher is hashed by its text, which never changes")]
    pub fn subscribe(&self, selectors: &[Selector]) -> Vec<Arc<Subscription>> {
        let shards: Vec<Shard<'_>> = self.index.shards().collect();
        let present = self.relevance.load_full();
        let subscriptions = self.shared(selectors, &present);
        let relevance = Relevance::new(present.generation.wrapping_add(1), &self.limits, &subscriptions);
        let known: HashSet<*const Subscription> = present.subscriptions().map(Arc::as_ptr).collect();
        for window in shards.iter().flat_map(Shard::iter) {
            let wanted = relevance.wanted(|name| window.labels().get(name));
            for subscription in wanted.subscribers() {
                if !known.contains(&Arc::as_ptr(subscription)) {
                    subscription.add(Arc::clone(window));
                }
            }
            window.resubscribe(self.span(wanted.subscribers()), relevance.readers_id(&wanted));
        }
        let generation = relevance.generation;
        self.relevance.store(Arc::new(relevance));
        // What nobody read may be read now.
        self.unread.clear(generation);
        drop(shards);
        let by_matchers: HashMap<&[_], &Arc<Subscription>> =
            subscriptions.iter().map(|subscription| (&*subscription.selector().matchers, subscription)).collect();
        selectors.iter().map(|selector| Arc::clone(by_matchers[&*selector.matchers])).collect()
    }

    /// One subscription for each set of matchers, with the longest span; a present one is taken over where it is equal.
    #[allow(clippy::mutable_key_type, reason = "a matcher is hashed by its text, which never changes")]
    fn shared(&self, selectors: &[Selector], present: &Relevance) -> Vec<Arc<Subscription>> {
        let present: HashMap<&Selector, &Arc<Subscription>> =
            present.subscriptions().map(|subscription| (subscription.selector(), subscription)).collect();
        let mut spans: HashMap<&[_], Duration> = HashMap::new();
        for selector in selectors {
            let span = spans.entry(&selector.matchers).or_default();
            *span = selector.span.max(*span);
        }
        let selectors = spans.into_iter().map(|(matchers, span)| Selector { matchers: matchers.to_vec(), span });
        let make = |selector| Arc::new(Subscription::new(selector, Arc::clone(&self.due_queue)));
        selectors
            .map(|selector| present.get(&selector).map_or_else(|| make(selector.clone()), |known| Arc::clone(known)))
            .collect()
    }

    /// The next subscription with new samples, if any. Each comes up once, however many samples there were.
    pub fn take_due(&self) -> Option<Arc<Subscription>> {
        let subscription = self.due_queue.pop()?;
        subscription.clear_due();
        Some(subscription)
    }

    /// A list of the windows that match a selector now, for one question. Searches all series.
    #[must_use]
    pub fn search(&self, selector: &Selector) -> Arc<Subscription> {
        let found = Subscription::new(selector.clone(), Arc::default());
        for shard in self.index.shards() {
            for window in shard.iter().filter(|window| selector.matches(window.labels())) {
                found.add(Arc::clone(window));
            }
        }
        Arc::new(found)
    }

    /// Lets go of windows that no rule reads any more, of those that have been silent for longer than they reach back,
    /// and of all that led to them. Looks at every series: call it every half minute or so. Samples of known series pass
    /// meanwhile, and a new one waits for one part of the index at most.
    #[allow(clippy::mutable_key_type, reason = "windows are told apart by where they lie")]
    pub fn evict(&self, now: Timestamp) {
        self.unread.age();
        let guard = pin();
        let generation = self.relevance.load().generation;
        let unread = |window: &Window| {
            window.readers() == ReadersId { generation, number: NOBODY } && window.origin() == Origin::Sender
        };
        let silent = |window: &Window| window.newest(&guard).is_none_or(|newest| newest + window.span() < now);
        let mut gone: Vec<Arc<Window>> = Vec::new();
        for mut shard in self.index.shards() {
            let going = |window: &&Arc<Window>| (unread(window) || silent(window)) && window.retire(&guard);
            let before = gone.len();
            gone.extend(shard.iter().filter(going).cloned());
            if gone.len() > before {
                let addresses: HashSet<_> = gone.iter().skip(before).map(Arc::as_ptr).collect();
                shard.retain(|window| !addresses.contains(&Arc::as_ptr(window)));
            }
        }
        if gone.is_empty() {
            drop(guard);
            if self.unswept.swap(false, Ordering::Relaxed) {
                self.sweep();
            }
            return;
        }
        let addresses: HashSet<*const Window> = gone.iter().map(Arc::as_ptr).collect();
        let orphaned: HashSet<ReadersId> = gone.iter().map(|window| window.readers()).collect();
        let numbers = orphaned.iter().map(|readers| readers.number as usize);
        let kept = |window: &Arc<Window>| !addresses.contains(&Arc::as_ptr(window));
        self.relevance.load().each_set(numbers, |readers| {
            readers.iter().for_each(|subscription| subscription.retain(kept));
        });
        self.aliases.forget_windows(|window| addresses.contains(&std::ptr::from_ref(window)));
        let freed: usize = gone.iter().map(|window| window.bytes(&guard)).sum();
        self.bytes.fetch_sub(freed, Ordering::Relaxed);
        self.evicted.fetch_add(gone.len() as u64, Ordering::Relaxed);
        drop((gone, guard));
        self.sweep();
        // A reader that was at work may have held on to some; what is left goes the next time.
        self.unswept.store(true, Ordering::Relaxed);
    }

    /// Lets go of the texts that no series has any more.
    fn sweep(&self) {
        // What was put out of use is freed two epochs later, and without samples nobody else moves them on.
        for _ in 0..3 {
            pin().flush();
        }
        let mut interner = self.index.interner();
        let before = interner.bytes();
        interner.sweep();
        self.bytes.fetch_sub(before - interner.bytes(), Ordering::Relaxed);
    }

    #[must_use]
    pub fn stats(&self) -> Stats {
        Stats {
            series: self.index.len(),
            bytes: self.bytes.load(Ordering::Relaxed),
            bytes_max: self.limits.memory_bytes_max,
            index_bytes: self.aliases.bytes() + self.unread.bytes(),
            unread: self.unread.len(),
            created: self.created.load(Ordering::Relaxed),
            evicted: self.evicted.load(Ordering::Relaxed),
        }
    }

    pub(super) fn room(&self) -> Room<'_> {
        Room { samples_max: self.limits.samples_max, bytes_max: self.limits.memory_bytes_max, bytes: &self.bytes }
    }

    /// How far back a window with these subscribers reaches.
    fn span(&self, subscribers: &[Arc<Subscription>]) -> Duration {
        let wanted = subscribers.iter().map(|subscription| subscription.selector().span).max();
        reach(wanted, &self.limits)
    }
}

/// How far back a window reaches that is asked to reach back so far.
pub(super) fn reach(wanted: Option<Duration>, limits: &Limits) -> Duration {
    wanted.unwrap_or_default().max(limits.retention).saturating_add(SPAN_SLACK)
}
