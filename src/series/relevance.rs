//! Which series matter: the subscriptions of the present rules, found by metric name.
//!
//! Many series have the same readers. Each such set of subscriptions is kept once and has a number, so that a window
//! needs one word to say who reads it.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use foldhash::fast::RandomState;

use super::store::{Keep, Limits, reach};
use super::subscription::Subscription;
use crate::labels::{Matcher, NAME};

/// The subscriptions of one generation of rules.
#[derive(Debug)]
pub(super) struct Relevance {
    /// Counts the generations; a verdict "not read" holds for its own generation only.
    pub(super) generation: u32,
    /// What is kept, read or not.
    keep: Keep,
    /// How far back the longest window reaches.
    pub(super) reach: Duration,
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
    /// The number that was asked for last: most series have the readers of the one before.
    last: u32,
}

/// The number of a set of readers, in one generation of rules.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct ReadersId {
    pub(super) generation: u32,
    pub(super) number: u32,
}

/// The set of readers of a series that is not kept, and of one that is kept for nobody in particular.
pub(super) const NOBODY: u32 = 0;
const ANYBODY: u32 = 1;

/// Whether a series is kept, and who reads it.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Wanted {
    No,
    Kept(Vec<Arc<Subscription>>),
}

impl Wanted {
    pub(super) fn subscribers(&self) -> &[Arc<Subscription>] {
        match self {
            Self::No => &[],
            Self::Kept(subscribers) => subscribers,
        }
    }
}

impl Relevance {
    pub(super) fn new(generation: u32, limits: &Limits, subscriptions: &[Arc<Subscription>]) -> Self {
        let longest = subscriptions.iter().map(|subscription| subscription.selector().span).max();
        let nobody: Readers = Arc::default();
        let mut relevance = Self {
            generation,
            keep: limits.keep.clone(),
            reach: reach(longest, limits),
            named: HashMap::default(),
            unnamed: Vec::new(),
            sets: Mutex::new(Sets {
                by_number: vec![Arc::clone(&nobody), nobody],
                numbers: HashMap::new(),
                last: NOBODY,
            }),
        };
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
        let by_name = |matchers: &Vec<Matcher>| {
            matchers.iter().filter(|matcher| matcher.name() == NAME).all(|matcher| matcher.matches_value(name))
        };
        !self.unnamed.is_empty()
            || self.named.contains_key(name)
            || match &self.keep {
                Keep::Rules => false,
                Keep::Matching(selectors) => selectors.iter().any(by_name),
                Keep::All => true,
            }
    }

    /// Whether the settings keep a series, read or not.
    fn keeps<'a>(&self, value: impl Fn(&str) -> Option<&'a str>) -> bool {
        let matches = |matcher: &Matcher| matcher.matches_value(value(matcher.name()).unwrap_or(""));
        match &self.keep {
            Keep::Rules => false,
            Keep::Matching(selectors) => selectors.iter().any(|matchers| matchers.iter().all(matches)),
            Keep::All => true,
        }
    }

    /// The number under which a set of readers is kept.
    pub(super) fn readers_id(&self, wanted: &Wanted) -> ReadersId {
        let id = |number| ReadersId { generation: self.generation, number };
        let readers = match wanted {
            Wanted::No => return id(NOBODY),
            Wanted::Kept(readers) if readers.is_empty() => return id(ANYBODY),
            Wanted::Kept(readers) => readers,
        };
        let mut sets = self.sets.lock().unwrap_or_else(PoisonError::into_inner);
        let Sets { by_number, numbers, last } = &mut *sets;
        if by_number.get(*last as usize).is_some_and(|set| **set == **readers) {
            return id(*last);
        }
        let key = readers.iter().map(|subscription| Arc::as_ptr(subscription).addr()).collect();
        *last = *numbers.entry(key).or_insert_with(|| {
            by_number.push(readers.as_slice().into());
            u32::try_from(by_number.len() - 1).expect("there are fewer than 2^32 sets of readers")
        });
        id(*last)
    }

    /// Calls `visit` with the set of each number.
    pub(super) fn each_set(&self, numbers: impl Iterator<Item = usize>, mut visit: impl FnMut(&Readers)) {
        let sets = self.sets.lock().unwrap_or_else(PoisonError::into_inner);
        for readers in numbers.filter_map(|number| sets.by_number.get(number)) {
            visit(readers);
        }
    }

    /// Whether a series is kept, and who reads it; `value` gives the values of its labels.
    pub(super) fn wanted<'a>(&self, value: impl Fn(&str) -> Option<&'a str>) -> Wanted {
        let named = value(NAME).and_then(|name| self.named.get(name)).into_iter().flatten();
        let reads = |subscription: &&Arc<Subscription>| subscription.selector().matches_values(&value);
        let readers: Vec<_> = named.chain(&self.unnamed).filter(reads).cloned().collect();
        if readers.is_empty() && !self.keeps(value) { Wanted::No } else { Wanted::Kept(readers) }
    }

    pub(super) fn subscriptions(&self) -> impl Iterator<Item = &Arc<Subscription>> {
        self.named.values().flatten().chain(&self.unnamed)
    }
}
