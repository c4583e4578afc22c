//! Writing: the samples of one request, or of one evaluation of a record rule.

use std::cell::RefCell;
use std::ops::Deref;
use std::sync::Arc;

use arc_swap::Guard as Loaded;
use crossbeam_epoch::{Guard, pin};
use papaya::LocalGuard;

use super::relevance::Relevance;
pub use super::ring::Pushed;
use super::store::{Fingerprint, Refused, Remembered, Store};
use super::subscription::Subscription;
use super::window::Window;
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
    number: u64,
    relevance: Loaded<Arc<Relevance>>,
    aliases: LocalGuard<'s>,
    rings: Guard,
    /// Subscriptions that got a sample; the caller's, so that its memory is used again.
    touched: RefCell<&'s mut Vec<Arc<Subscription>>>,
}

/// What is to be done with the samples of a fingerprint.
#[derive(Debug)]
pub enum Verdict<'b> {
    Keep(Target<'b>),
    /// No rule reads them.
    Unread,
}

/// The window that a sample goes to, for as long as the batch lives.
#[derive(Debug)]
pub enum Target<'b> {
    Known(&'b Window),
    New(Arc<Window>),
}

impl Deref for Target<'_> {
    type Target = Window;

    fn deref(&self) -> &Window {
        match self {
            Self::Known(window) => window,
            Self::New(window) => window,
        }
    }
}

impl<'s> Batch<'s> {
    pub(super) fn new(store: &'s Store, number: u64, touched: &'s mut Vec<Arc<Subscription>>) -> Self {
        touched.clear();
        let (relevance, aliases) = (store.relevance.load(), store.aliases.guard());
        Self { store, number, relevance, aliases, rings: pin(), touched: RefCell::new(touched) }
    }

    /// Whether any series with this metric name can matter to the rules.
    #[must_use]
    pub fn may_match(&self, name: &str) -> bool {
        self.relevance.may_match(name)
    }

    /// What is known of a fingerprint; `None` where its labels have to be looked at.
    #[must_use]
    pub fn verdict(&self, fingerprint: Fingerprint) -> Option<Verdict<'_>> {
        match self.store.aliases.get(&fingerprint, &self.aliases)? {
            Remembered::Keep(window) => Some(Verdict::Keep(Target::Known(window))),
            Remembered::Unread(generation) => (*generation == self.relevance.generation).then_some(Verdict::Unread),
        }
    }

    /// Looks at the labels of a fingerprint that is not known, and remembers the verdict.
    pub fn intern(&self, fingerprint: Fingerprint, labels: &Labels) -> Result<Verdict<'_>, Refused> {
        let remembered = self.store.intern(labels)?;
        self.store.remember(fingerprint, remembered.clone());
        Ok(match remembered {
            Remembered::Keep(window) => Verdict::Keep(Target::New(window)),
            Remembered::Unread(_) => Verdict::Unread,
        })
    }

    /// Adds a sample to a window. It never waits: [`Pushed::Busy`] means that another writer is at work there,
    /// and that the sample should be tried again with [`Batch::push_busy`] after all others.
    pub fn push(&self, window: &Window, sample: Sample) -> Pushed {
        let pushed = window.push(sample, &self.store.room(), &self.rings);
        if pushed == Pushed::Kept {
            for subscription in window.subscribers(&self.rings) {
                if subscription.first_of(self.number) {
                    self.touched.borrow_mut().push(Arc::clone(subscription));
                }
            }
        }
        pushed
    }

    /// Adds a sample whose window another writer held. Where the window was evicted, the series is begun anew.
    pub fn push_busy(&self, window: &Window, sample: Sample) -> Result<Pushed, Refused> {
        for _ in 0..TRIES {
            let Remembered::Keep(window) = self.store.intern(window.labels())? else { return Ok(Pushed::TooOld) };
            let pushed = window.push(sample, &self.store.room(), &pin());
            if pushed != Pushed::Busy {
                self.touched.borrow_mut().extend(window.subscribers(&pin()).iter().cloned());
                return Ok(pushed);
            }
            std::thread::yield_now();
        }
        Ok(Pushed::Busy)
    }

    /// Adds a sample by its labels: the way of record rules and tests.
    pub fn write(&self, labels: &Labels, sample: Sample) -> Result<Pushed, Refused> {
        let Remembered::Keep(window) = self.store.intern(labels)? else { return Ok(Pushed::TooOld) };
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
        let mut fresh = false;
        for subscription in self.touched.borrow_mut().drain(..) {
            fresh |= subscription.mark_due();
        }
        fresh
    }
}

impl Drop for Batch<'_> {
    fn drop(&mut self) {
        self.announce();
    }
}
