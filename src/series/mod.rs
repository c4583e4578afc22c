//! Samples → windows, and who subscribes to them.
//!
//! In: fingerprints, labels and samples from `ingest`. Out: windows that plans of `promql` read.
//! Never here: an index that evaluation would have to search (a [`Subscription`] owns the list of windows that match
//! its selector), a lock on the way of a sample of a known series, a sample that is read half-written.
//!
//! `benches/ingest.rs` guards the way in, `benches/window.rs` the way out.

mod aliases;
mod batch;
mod index;
mod prefetch;
mod relevance;
mod ring;
mod store;
mod subscription;
mod swap;
#[cfg(test)]
mod tests;
mod unread;
mod window;

pub use aliases::{Fingerprint, Known, Spelling};
pub use batch::{Batch, Pushed, Touched};
pub use store::{Keep, Limits, Refused, Stats, Store};
pub use subscription::{Selector, Subscription};
pub use unread::Unkept;
pub use window::Window;

/// What the ring is built from; `tests/loom_ring` compiles the ring against loom's own.
mod sync {
    pub(super) use std::sync::atomic::{AtomicU32, AtomicU64, Ordering, fence};

    pub(super) use crossbeam_utils::Backoff;
}
