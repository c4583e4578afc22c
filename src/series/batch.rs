//! Writing: the samples of one request, or of one evaluation of a record rule.

use std::cell::RefCell;
use std::sync::Arc;
use std::time::Duration;

use arc_swap::Guard as Loaded;
use crossbeam_epoch::{Guard, pin};

use super::aliases::{Fingerprint, Known, Spelling};
use super::relevance::Relevance;
pub use super::ring::Pushed;
use super::store::{Refused, Store};
use super::subscription::Subscription;
use super::unread::Unkept;
use super::window::{Origin, Window};
use crate::labels::Labels;
use crate::sample::Sample;

/// Times that a sample is tried again where another writer holds its window. Each try yields the processor once,
/// and a writer holds a window for well under a microsecond.
const TRIES: u32 = 10_000;

/// Writes samples. What it brought is announced to the rules when it is finished, or dropped.
///
/// Pins the memory of the store: not to be held across anything that waits.
#[derive(Debug)]
pub struct Batch<'s> {
    store: &'s Store,
    relevance: Loaded<Arc<Relevance>>,
    /// Keeps the table of fingerprints and the rings that it loads.
    guard: Guard,
    touched: RefCell<&'s mut Touched>,
}

/// Who has to hear of a batch. The caller's, so that its memory is used again.
#[derive(Debug, Default)]
pub struct Touched {
    /// A bit for each set of readers.
    sets: Vec<u64>,
    /// The set of the sample before: most have the same.
    last: Option<u32>,
    /// Readers that rules of another generation gave to a window meanwhile.
    others: Vec<Arc<Subscription>>,
}

impl Touched {
    fn clear(&mut self) {
        self.sets.fill(0);
        self.others.clear();
        self.last = None;
    }

    #[inline]
    fn add(&mut self, set: u32) {
        if self.last == Some(set) {
            return;
        }
        self.last = Some(set);
        let (word, bit) = (set as usize / 64, set % 64);
        if word >= self.sets.len() {
            self.sets.resize(word + 1, 0);
        }
        self.sets[word] |= 1 << bit;
    }

    fn sets(&self) -> impl Iterator<Item = usize> {
        let bits = |(word, bits): (usize, &u64)| {
            let bits = *bits;
            (0..64).filter(move |bit| bits >> bit & 1 == 1).map(move |bit| word * 64 + bit)
        };
        self.sets.iter().enumerate().filter(|(_, bits)| **bits != 0).flat_map(bits)
    }
}

impl<'s> Batch<'s> {
    pub(super) fn new(store: &'s Store, touched: &'s mut Touched) -> Self {
        touched.clear();
        Self { store, relevance: store.relevance.load(), guard: pin(), touched: RefCell::new(touched) }
    }

    /// Whether any series with this metric name can matter to the rules.
    #[must_use]
    pub fn may_match(&self, name: &str) -> bool {
        self.relevance.may_match(name)
    }

    /// How far back the longest window reaches: what is older can't be of use to anybody.
    #[must_use]
    pub fn reach(&self) -> Duration {
        self.relevance.reach
    }

    /// What is known of a spelling.
    #[inline]
    #[must_use]
    pub fn known(&self, fingerprint: Fingerprint) -> Option<Known<'_>> {
        self.store.aliases.get(fingerprint, &self.guard)
    }

    /// The spelling that came after this one the last time: a guess at what comes next.
    #[inline]
    #[must_use]
    pub fn after<'b>(&'b self, known: Known<'b>) -> Option<Known<'b>> {
        self.store.aliases.after(known, &self.guard)
    }

    /// Why a spelling is not kept; `None` where its labels have to be looked at.
    #[inline]
    #[must_use]
    pub fn unkept(&self, fingerprint: Fingerprint) -> Option<Unkept> {
        self.store.unread.get(fingerprint, &self.guard)
    }

    /// Remembers that a spelling is dropped, whatever the rules read.
    pub fn drop_spelling(&self, fingerprint: Fingerprint) {
        self.store.unread.insert(fingerprint, Unkept::Dropped, self.relevance.generation, &self.guard);
    }

    /// Looks at the labels of a spelling that is not known, sorted and without empty ones, and remembers the verdict;
    /// `None` where the series is not kept.
    pub fn meet(&self, spelling: Spelling, sorted: &[(&str, &str)]) -> Result<Option<Known<'_>>, Refused> {
        self.store.meet(spelling, sorted, &self.guard)
    }

    /// Begins to load a window's ring; to be called well before [`Batch::expect_slot`].
    #[inline]
    pub fn expect_push(&self, window: &Window) {
        window.prefetch_ring(&self.guard);
    }

    /// Begins to load the place that the next sample goes to; to be called well before [`Batch::push`].
    #[inline]
    pub fn expect_slot(&self, window: &Window) {
        window.prefetch_slot(&self.guard);
    }

    /// Adds a sample to a window. It never waits: [`Pushed::Busy`] means that another writer is at work there,
    /// and that the sample should be tried again with [`Batch::push_busy`] after all others.
    pub fn push(&self, window: &Window, sample: Sample) -> Pushed {
        let pushed = window.push(sample, &self.store.room(), &self.guard);
        if pushed == Pushed::Kept {
            self.touch(window);
        }
        pushed
    }

    /// Notes who has to hear of a new sample.
    #[inline]
    fn touch(&self, window: &Window) {
        let readers = window.readers();
        if readers.generation == self.relevance.generation {
            self.touched.borrow_mut().add(readers.number);
        } else {
            self.touch_across_reload(window);
        }
    }

    /// The rules changed under the batch: what they read now is asked of them.
    #[cold]
    fn touch_across_reload(&self, window: &Window) {
        let wanted = self.store.relevance.load().wanted(|name| window.labels().get(name));
        self.touched.borrow_mut().others.extend_from_slice(wanted.subscribers());
    }

    /// Adds a sample whose window another writer held. Where the window was evicted, the series is begun anew.
    pub fn push_busy(&self, window: &Window, sample: Sample) -> Result<Pushed, Refused> {
        for _ in 0..TRIES {
            let Some(window) = self.store.window(window.labels(), window.origin())? else {
                return Ok(Pushed::TooOld);
            };
            let pushed = window.push(sample, &self.store.room(), &pin());
            if pushed != Pushed::Busy {
                self.touch(&window);
                return Ok(pushed);
            }
            std::thread::yield_now();
        }
        Ok(Pushed::Busy)
    }

    /// Adds a sample that a record rule made. Its series is kept whether or not another rule reads it.
    pub fn record(&self, labels: &Labels, sample: Sample) -> Result<Pushed, Refused> {
        self.write_from(Origin::Rule, labels, sample)
    }

    /// Adds a sample by its labels, as if it had been received.
    pub fn write(&self, labels: &Labels, sample: Sample) -> Result<Pushed, Refused> {
        self.write_from(Origin::Sender, labels, sample)
    }

    fn write_from(&self, origin: Origin, labels: &Labels, sample: Sample) -> Result<Pushed, Refused> {
        let Some(window) = self.store.window(labels, origin)? else { return Ok(Pushed::TooOld) };
        match self.push(&window, sample) {
            Pushed::Busy => self.push_busy(&window, sample),
            pushed => Ok(pushed),
        }
    }

    /// Ends the batch; `true` where a rule that was not due has become so.
    pub fn finish(self) -> bool {
        self.announce()
    }

    fn announce(&self) -> bool {
        let mut touched = self.touched.borrow_mut();
        let mut fresh = false;
        self.relevance.each_set(touched.sets(), |readers| {
            for subscription in &**readers {
                fresh |= subscription.mark_due();
            }
        });
        for subscription in &touched.others {
            fresh |= subscription.mark_due();
        }
        touched.clear();
        fresh
    }
}

impl Drop for Batch<'_> {
    fn drop(&mut self) {
        self.announce();
    }
}
