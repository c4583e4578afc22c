//! A selector's own list of the windows that match it.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crossbeam_queue::SegQueue;

use super::window::Window;
use crate::labels::{Labels, MatchOp, Matcher, NAME};

/// Which series an expression reads, and how far back.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Selector {
    /// Sorted, so that equal selectors compare equal.
    pub matchers: Vec<Matcher>,
    /// The oldest sample that is read lies this long before the evaluation: range + offset + lookback.
    pub span: Duration,
}

impl Selector {
    /// Whether a series is selected.
    #[must_use]
    pub fn matches(&self, labels: &Labels) -> bool {
        self.matchers.iter().all(|matcher| matcher.matches(labels))
    }

    /// Whether a series with these values of labels is selected.
    pub(super) fn matches_values<'a>(&self, value: impl Fn(&str) -> Option<&'a str>) -> bool {
        self.matchers.iter().all(|matcher| matcher.matches_value(value(matcher.name()).unwrap_or("")))
    }

    /// The metric's name, where the selector asks for exactly one.
    #[must_use]
    pub fn metric_name(&self) -> Option<&str> {
        let named = |matcher: &&Matcher| matcher.name() == NAME && matcher.op() == MatchOp::Equal;
        self.matchers.iter().find(named).map(Matcher::value).filter(|name| !name.is_empty())
    }
}

/// The subscriptions that have seen a new sample since they were last taken.
pub(super) type DueQueue = SegQueue<Arc<Subscription>>;

impl PartialEq for Subscription {
    /// A subscription is equal to itself alone.
    fn eq(&self, other: &Self) -> bool {
        std::ptr::eq(self, other)
    }
}

impl Eq for Subscription {}

/// The windows that match one selector, kept up to date as series appear and fall silent.
#[derive(Debug)]
pub struct Subscription {
    selector: Selector,
    windows: Mutex<Arc<Vec<Arc<Window>>>>,
    /// Windows that appeared since the list was last asked for.
    fresh: SegQueue<Arc<Window>>,
    due: AtomicBool,
    due_queue: Arc<DueQueue>,
}

impl Subscription {
    pub(super) fn new(selector: Selector, due_queue: Arc<DueQueue>) -> Self {
        Self { selector, windows: Mutex::default(), fresh: SegQueue::new(), due: AtomicBool::new(false), due_queue }
    }

    #[must_use]
    pub fn selector(&self) -> &Selector {
        &self.selector
    }

    /// The windows that match now. The same `Arc` comes back as long as no series appears or goes.
    #[must_use]
    pub fn windows(&self) -> Arc<Vec<Arc<Window>>> {
        Arc::clone(&self.current())
    }

    /// The list with the windows that appeared since it was last asked for.
    fn current(&self) -> MutexGuard<'_, Arc<Vec<Arc<Window>>>> {
        let mut windows = self.windows.lock().unwrap_or_else(PoisonError::into_inner);
        if !self.fresh.is_empty() {
            let list = Arc::make_mut(&mut windows);
            while let Some(window) = self.fresh.pop() {
                list.push(window);
            }
        }
        windows
    }

    /// A new window that matches.
    pub(super) fn add(&self, window: Arc<Window>) {
        self.fresh.push(window);
    }

    /// Lets go of the windows that `keep` refuses.
    pub(super) fn retain(&self, keep: impl Fn(&Arc<Window>) -> bool) {
        let mut windows = self.current();
        if !windows.iter().all(&keep) {
            *windows = Arc::new(windows.iter().filter(|window| keep(window)).cloned().collect());
        }
    }

    /// Notes that windows have new samples; `true` where it was not noted yet.
    ///
    /// Together with [`Self::clear_due`] this is a chain of read-modify-writes on one word: either the note comes
    /// after the clearing and is queued anew, or the clearing sees the samples that were pushed before the note.
    pub(super) fn mark_due(self: &Arc<Self>) -> bool {
        let fresh = !self.due.swap(true, Ordering::AcqRel);
        if fresh {
            self.due_queue.push(Arc::clone(self));
        }
        fresh
    }

    /// Takes the note back, before the windows are read.
    pub(super) fn clear_due(&self) {
        self.due.swap(false, Ordering::AcqRel);
    }
}
