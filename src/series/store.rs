//! All windows, and the way from a fingerprint to one.

use std::collections::{HashMap, HashSet};
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use arc_swap::ArcSwap;
use crossbeam_epoch::pin;

use super::aliases::{Aliases, Remembered};
use super::batch::{Batch, Touched};
use super::relevance::{ReadersId, Relevance};
use super::subscription::{DueQueue, Selector, Subscription};
use super::window::{Origin, Room, Window};
use crate::labels::Labels;
use crate::time::Timestamp;

/// How much farther back a window reaches than its readers ask. A sender's clock may be ahead of ours, and `now` lags
/// a window's newest sample; a window reaches back from that sample, but is asked to reach back from `now`.
const SPAN_SLACK: Duration = Duration::from_mins(1);

/// What windows may cost, and how long they reach.
#[derive(Debug, Clone)]
pub struct Limits {
    /// Series that are kept at once.
    pub series_max: usize,
    /// Samples that one window may hold. A ring doubles, so what fits is the power of two below, less one.
    pub samples_max: usize,
    /// Bytes of all windows together, labels included.
    pub memory_bytes_max: usize,
    /// How far back a window reaches at least, counted from its newest sample.
    pub retention: Duration,
    /// Keep every series, also those that no rule reads.
    pub keep_all: bool,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            series_max: 1_000_000,
            samples_max: 4_095,
            memory_bytes_max: 2 << 30,
            retention: Duration::from_mins(10),
            keep_all: false,
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
    /// Windows made and let go since the start.
    pub created: u64,
    pub evicted: u64,
}

/// The windows by labels, and the rules that decide who reads them. Off the hot path, behind one lock, so that
/// a new series and a change of rules can't miss each other.
#[derive(Debug, Default)]
struct Index {
    series: HashMap<Labels, Arc<Window>, foldhash::fast::RandomState>,
}

/// All windows.
#[derive(Debug)]
pub struct Store {
    limits: Limits,
    pub(super) aliases: Aliases,
    index: Mutex<Index>,
    pub(super) relevance: ArcSwap<Relevance>,
    due_queue: Arc<DueQueue>,
    bytes: AtomicUsize,
    created: AtomicU64,
    evicted: AtomicU64,
}

impl Store {
    #[must_use]
    pub fn new(limits: Limits) -> Self {
        let relevance = Relevance::new(1, limits.keep_all, &[]);
        Self {
            aliases: Aliases::new(limits.series_max.saturating_mul(4)),
            limits,
            index: Mutex::default(),
            relevance: ArcSwap::from_pointee(relevance),
            due_queue: Arc::default(),
            bytes: AtomicUsize::new(0),
            created: AtomicU64::new(0),
            evicted: AtomicU64::new(0),
        }
    }

    /// Begins to write. What the batch brings is announced to the rules when it is finished, as one.
    pub fn batch<'s>(&'s self, touched: &'s mut Touched) -> Batch<'s> {
        Batch::new(self, touched)
    }

    /// The window of a series that is seen for the first time, or under a fingerprint for the first time.
    pub(super) fn intern(&self, labels: &Labels, origin: Origin) -> Result<Remembered, Refused> {
        let mut index = self.index();
        if let Some(window) = index.series.get(labels) {
            return Ok(Remembered::Keep(Arc::clone(window)));
        }
        let relevance = self.relevance.load();
        let subscribers = relevance.subscribers(labels);
        if subscribers.is_empty() && !relevance.keep_all && origin == Origin::Sender {
            return Ok(Remembered::Unread);
        }
        if index.series.len() >= self.limits.series_max {
            return Err(Refused::Series(self.limits.series_max));
        }
        if !self.room().take(Window::bytes_at_first(labels)) {
            return Err(Refused::Memory(self.limits.memory_bytes_max));
        }
        let readers = relevance.readers_id(&subscribers);
        let window = Arc::new(Window::new(labels.clone(), self.span(&subscribers), readers, origin));
        index.series.insert(labels.clone(), Arc::clone(&window));
        for subscription in subscribers {
            subscription.add(Arc::clone(&window));
        }
        self.created.fetch_add(1, Ordering::Relaxed);
        Ok(Remembered::Keep(window))
    }

    /// Puts new selectors in place of the present ones: one subscription for each, in their order. Selectors with
    /// the same matchers share one. Windows that are still read go on; those that no longer are fall silent and go.
    #[allow(clippy::mutable_key_type, reason = "a matcher is hashed by its text, which never changes")]
    pub fn subscribe(&self, selectors: &[Selector]) -> Vec<Arc<Subscription>> {
        let index = self.index();
        let present = self.relevance.load_full();
        let subscriptions = self.shared(selectors, &present);
        let relevance = Relevance::new(present.generation.wrapping_add(1), self.limits.keep_all, &subscriptions);
        let known: HashSet<*const Subscription> = present.subscriptions().map(Arc::as_ptr).collect();
        for window in index.series.values() {
            let subscribers = relevance.subscribers(window.labels());
            for subscription in &subscribers {
                if !known.contains(&Arc::as_ptr(subscription)) {
                    subscription.add(Arc::clone(window));
                }
            }
            window.resubscribe(self.span(&subscribers), relevance.readers_id(&subscribers));
        }
        self.relevance.store(Arc::new(relevance));
        // What nobody read may be read now.
        self.aliases.retain(|remembered| matches!(remembered, Remembered::Keep(_)));
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
        for window in self.index().series.values().filter(|window| selector.matches(window.labels())) {
            found.add(Arc::clone(window));
        }
        Arc::new(found)
    }

    /// Lets go of windows that no rule reads any more, and of those that have been silent for longer than they
    /// reach back. Looks at every series: call it every half minute or so.
    pub fn evict(&self, now: Timestamp) {
        let mut index = self.index();
        let guard = pin();
        let relevance = self.relevance.load();
        let unread = |window: &Window| {
            let nobody = || relevance.subscribers(window.labels()).is_empty();
            !relevance.keep_all && window.origin() == Origin::Sender && nobody()
        };
        let silent = |window: &Window| window.newest(&guard).is_none_or(|newest| newest + window.span() < now);
        let mut gone = 0;
        let mut orphaned: HashSet<ReadersId> = HashSet::new();
        index.series.retain(|_, window| {
            if !((unread(window) || silent(window)) && window.retire(&guard)) {
                return true;
            }
            orphaned.insert(window.readers());
            self.bytes.fetch_sub(window.bytes(&guard), Ordering::Relaxed);
            gone += 1;
            false
        });
        if gone == 0 {
            return;
        }
        let kept =
            |window: &Arc<Window>| index.series.get(window.labels()).is_some_and(|kept| Arc::ptr_eq(kept, window));
        let numbers = orphaned.iter().map(|readers| readers.number as usize);
        relevance.each_set(numbers, |readers| readers.iter().for_each(|subscription| subscription.retain(kept)));
        self.aliases.retain(|remembered| match remembered {
            Remembered::Keep(window) => kept(window),
            Remembered::Unread => true,
        });
        self.evicted.fetch_add(gone, Ordering::Relaxed);
    }

    #[must_use]
    pub fn stats(&self) -> Stats {
        Stats {
            series: self.index().series.len(),
            bytes: self.bytes.load(Ordering::Relaxed),
            bytes_max: self.limits.memory_bytes_max,
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
        wanted.unwrap_or_default().max(self.limits.retention).saturating_add(SPAN_SLACK)
    }

    fn index(&self) -> MutexGuard<'_, Index> {
        self.index.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
