//! Samples → windows, and who subscribes to them.
//!
//! In: fingerprints, labels and samples from `ingest`. Out: windows that plans of `promql` read.
//! Evaluation never searches an index here: a [`Subscription`] owns the list of windows that match its selector.

use std::sync::Arc;
use std::time::Duration;

use crate::labels::{Labels, Matcher};
use crate::sample::Sample;
use crate::time::Range;

/// Which series an expression reads, and how far back.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Selector {
    /// Sorted, so that equal selectors compare equal.
    pub matchers: Vec<Matcher>,
    /// The oldest sample that is read lies this long before the evaluation: range + offset + lookback.
    pub span: Duration,
}

/// The samples of one series, newest last.
#[derive(Debug)]
pub struct Window {
    labels: Labels,
}

impl Window {
    /// The series' labels, with the metric's name.
    #[must_use]
    pub fn labels(&self) -> &Labels {
        &self.labels
    }

    /// The newest sample of `range`, staleness markers included.
    #[must_use]
    pub fn last(&self, _range: Range) -> Option<Sample> {
        None
    }

    /// Appends the samples of `range` to `out`, oldest first, staleness markers included.
    pub fn read(&self, _range: Range, _out: &mut Vec<Sample>) {}
}

/// The windows that match one selector, kept up to date as series appear.
#[derive(Debug)]
pub struct Subscription {}

impl Subscription {
    /// The windows that match now.
    #[must_use]
    pub fn windows(&self) -> Arc<Vec<Arc<Window>>> {
        Arc::default()
    }
}

/// All windows.
#[derive(Debug)]
pub struct Store {}
