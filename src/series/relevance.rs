//! Which series matter: the subscriptions of the present rules, found by metric name.

use std::collections::HashMap;
use std::sync::Arc;

use foldhash::fast::RandomState;

use super::subscription::Subscription;
use crate::labels::Labels;

/// The subscriptions of one generation of rules.
#[derive(Debug, Default)]
pub(super) struct Relevance {
    /// Counts the generations; a verdict "not read" holds for its own generation only.
    pub(super) generation: u64,
    /// Every series is kept, read or not.
    pub(super) keep_all: bool,
    /// Subscriptions that ask for one metric name.
    named: HashMap<Box<str>, Vec<Arc<Subscription>>, RandomState>,
    /// Subscriptions that may match any name.
    unnamed: Vec<Arc<Subscription>>,
}

impl Relevance {
    pub(super) fn new(generation: u64, keep_all: bool, subscriptions: &[Arc<Subscription>]) -> Self {
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
