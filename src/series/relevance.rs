//! Which series matter: the subscriptions of the present rules, found by metric name.
//!
//! Many series have the same readers. Each such set of subscriptions is kept once and has a number, so that a window
//! needs one word to say who reads it.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use foldhash::fast::RandomState;

use super::subscription::Subscription;
use crate::labels::Labels;

/// The subscriptions of one generation of rules.
#[derive(Debug, Default)]
pub(super) struct Relevance {
    /// Counts the generations; a verdict "not read" holds for its own generation only.
    pub(super) generation: u32,
    /// Every series is kept, read or not.
    pub(super) keep_all: bool,
    /// Subscriptions that ask for one metric name.
    named: HashMap<Box<str>, Vec<Arc<Subscription>>, RandomState>,
    /// Subscriptions that may match any name.
    unnamed: Vec<Arc<Subscription>>,
    sets: Mutex<Sets>,
}

/// Subscriptions that read the same window.
pub(super) type Readers = Arc<[Arc<Subscription>]>;

#[derive(Debug, Default)]
struct Sets {
    by_number: Vec<Readers>,
    /// By the addresses of the subscriptions.
    numbers: HashMap<Vec<usize>, u32>,
}

/// The number of a set of readers, in one generation of rules.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct ReadersId {
    pub(super) generation: u32,
    pub(super) number: u32,
}

impl Relevance {
    pub(super) fn new(generation: u32, keep_all: bool, subscriptions: &[Arc<Subscription>]) -> Self {
        let mut relevance = Self { generation, keep_all, ..Self::default() };
        for subscription in subscriptions {
            match subscription.selector().metric_name() {
                Some(name) => relevance.named.entry(name.into()).or_default().push(Arc::clone(subscription)),
                None => relevance.unnamed.push(Arc::clone(subscription)),
            }
        }
        relevance
    }

    /// Whether any series with this metric name can matter. One look-up, so that most series end here.
    pub(super) fn may_match(&self, name: &str) -> bool {
        self.keep_all || !self.unnamed.is_empty() || self.named.contains_key(name)
    }

    /// The number under which a set of readers is kept.
    pub(super) fn readers_id(&self, readers: &[Arc<Subscription>]) -> ReadersId {
        let mut sets = self.sets.lock().unwrap_or_else(PoisonError::into_inner);
        let Sets { by_number, numbers } = &mut *sets;
        let key = readers.iter().map(|subscription| Arc::as_ptr(subscription).addr()).collect();
        let number = *numbers.entry(key).or_insert_with(|| {
            by_number.push(readers.into());
            u32::try_from(by_number.len() - 1).expect("there are fewer than 2^32 sets of readers")
        });
        ReadersId { generation: self.generation, number }
    }

    /// Calls `visit` with the set of each number.
    pub(super) fn each_set(&self, numbers: impl Iterator<Item = usize>, mut visit: impl FnMut(&Readers)) {
        let sets = self.sets.lock().unwrap_or_else(PoisonError::into_inner);
        for readers in numbers.filter_map(|number| sets.by_number.get(number)) {
            visit(readers);
        }
    }

    /// Who reads a series.
    pub(super) fn subscribers(&self, labels: &Labels) -> Vec<Arc<Subscription>> {
        let named = labels.name().and_then(|name| self.named.get(name)).into_iter().flatten();
        let candidates = named.chain(&self.unnamed);
        candidates.filter(|subscription| subscription.selector().matches(labels)).cloned().collect()
    }

    pub(super) fn subscriptions(&self) -> impl Iterator<Item = &Arc<Subscription>> {
        self.named.values().flatten().chain(&self.unnamed)
    }
}
