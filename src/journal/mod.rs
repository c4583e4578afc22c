//! What was decided and why, on disk before it is done; and what the loop must remember.
//!
//! In: the [`Change`]s of a step, written as one durable transaction before the step's actions begin. Out: after a
//! restart what the loop goes on from ([`Recovered`]), and at any time pages of decisions for people ([`Reader`]).
//! Never here: a clock, a thread, a file but the journal's own (`storage`), a decision.
//!
//! The store is one file of the crate `redb`: a B-tree that is copied on write, two commit slots with checksums, so
//! that a kill at any instant leaves the last commit or the one before, never half of one. Reads see the journal as it
//! stood when they began and never wait for the writer. What is damaged is set aside and the service starts empty; what
//! fails (a full disk) is opened again at the next write. Measured by `benches/journal.rs`.

mod change;
mod entry;
mod error;
mod read;
mod schema;
mod shared;
mod storage;
#[cfg(test)]
mod tests;
mod transaction;

use std::sync::Arc;
use std::time::Duration;

use serde::de::DeserializeOwned;

pub use change::{Change, Table};
pub use entry::Entry;
pub use error::JournalError;
pub use read::{Filter, PAGE_MAX, Page, Reader};
pub use storage::{Directory, Durability, FILE, Memory, Opened, Storage};

use shared::Shared;
use transaction::{Counts, Writing};

use crate::telemetry::JournalMetrics;
use crate::time::Timestamp;

/// Newest entries that are given back after a restart: those that the page shows.
pub const RECOVERED_MAX: usize = 1_000;

/// Entries that one call of [`Journal::prune`] removes at most: a few milliseconds, for which a step may have to wait.
const PRUNED_MAX: usize = 250;

/// Bytes of the file for a byte of rows, at most: pages that are two thirds full, the indexes, room for a commit beside
/// the one before make two, and a file that has no room left doubles.
const FILE_BYTES_PER_ROW_BYTE: u64 = 4;

/// A file below this is not worth compacting.
const COMPACT_FROM_BYTES: u64 = 64 << 20;

/// How much is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Entries that are older are removed.
    pub retention: Duration,
    /// Bytes of the whole file; the oldest entries are removed before it is reached. The loop's memory counts too, and
    /// is never removed.
    pub size_bytes_max: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self { retention: Duration::from_hours(30 * 24), size_bytes_max: 1 << 30 }
    }
}

/// What the loop goes on from after a start.
#[derive(Debug)]
pub struct Recovered {
    /// The highest id that was ever given out; the next is one more.
    pub last_id: u64,
    /// The newest entries, [`RECOVERED_MAX`] at most, oldest first.
    pub entries: Vec<Arc<Entry>>,
    /// Entries whose outcome nobody wrote down, by id: their actions were on their way when the service ended. The
    /// next observation of the cluster tells what became of them.
    pub unsettled: Vec<Arc<Entry>>,
    reader: Reader,
}

impl Recovered {
    /// The rows of a table, by their keys. One that can't be read is told, counted and left out.
    #[must_use]
    pub fn rows<T: DeserializeOwned>(&self, table: Table) -> Vec<(String, T)> {
        self.reader.rows(table)
    }

    /// The rows of a table whose values are not JSON.
    #[must_use]
    pub fn bytes(&self, table: Table) -> Vec<(String, Vec<u8>)> {
        self.reader.bytes(table)
    }
}

/// What one call of [`Journal::prune`] did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pruned {
    pub entries: usize,
    /// There is more to remove: call again, soon.
    pub more: bool,
}

/// The journal, open. Cheap to clone; clones write to the same one.
#[derive(Debug, Clone)]
pub struct Journal {
    shared: Arc<Shared>,
    limits: Limits,
}

impl Journal {
    /// Opens the journal and gives what the loop goes on from. What is damaged is set aside, with an error in the log,
    /// and an empty journal takes its place. An error is for somebody to mend: another process holds the file, a newer
    /// program wrote it, the directory can't be written.
    pub fn open(
        storage: impl Storage + 'static,
        limits: Limits,
        metrics: JournalMetrics,
        now: Timestamp,
    ) -> Result<(Self, Recovered), JournalError> {
        metrics.bytes_limit.set(limits.size_bytes_max as f64);
        let shared = Arc::new(Shared::open(Box::new(storage), metrics, now)?);
        let journal = Self { shared, limits };
        let recovered = match journal.recover() {
            // Sound as a whole, and yet some page of it is not.
            Err(JournalError::Damaged { .. }) => {
                journal.shared.set_aside(now)?;
                journal.recover()?
            }
            recovered => recovered?,
        };
        Ok((journal, recovered))
    }

    fn recover(&self) -> Result<Recovered, JournalError> {
        let reader = self.reader();
        let counts = self.shared.read(shared::counts)?;
        self.tell(counts);
        let (entries, unsettled) = (reader.newest(RECOVERED_MAX)?, reader.unsettled()?);
        Ok(Recovered { last_id: counts.last_id, entries, unsettled, reader })
    }

    /// Writes the changes of a step, all or none, and returns when they are durable. An error means that they must
    /// count as not written: what they cover is not to be done. The next call opens the store again first.
    pub fn write(&self, changes: &[Change], now: Timestamp) -> Result<(), JournalError> {
        if changes.is_empty() {
            return Ok(());
        }
        let counts = self.shared.write(now, |transaction| transaction::make(transaction, changes))?;
        self.shared.metrics.writes.add(1);
        self.tell(counts);
        Ok(())
    }

    /// Reads beside the writer.
    #[must_use]
    pub fn reader(&self) -> Reader {
        Reader { shared: Arc::clone(&self.shared) }
    }

    /// Removes what is older than the retention, and the oldest beyond the limit of bytes. It does a little at each
    /// call, so that a step that waits to write waits a few milliseconds at most.
    pub fn prune(&self, now: Timestamp) -> Result<Pruned, JournalError> {
        let oldest = now - self.limits.retention;
        let bytes_max = self.limits.size_bytes_max / FILE_BYTES_PER_ROW_BYTE;
        // Most calls find nothing to do, and looking costs no `fsync`.
        if !self.shared.read(|transaction| transaction::wants_pruning(transaction, oldest, bytes_max))? {
            return Ok(Pruned { entries: 0, more: false });
        }
        let (pruned, counts) = self.shared.write(now, |transaction| {
            let mut writing = Writing::begin(transaction)?;
            let (entries, more) = writing.prune(oldest, bytes_max, PRUNED_MAX)?;
            Ok((Pruned { entries, more }, writing.end()?))
        })?;
        self.shared.metrics.pruned.add(pruned.entries as u64);
        self.tell(counts);
        Ok(pruned)
    }

    /// Gives free space back to the file system where more than half of a large file is free. To be called at the end
    /// of the service: nobody writes or reads meanwhile, and it takes about a second for 100 MiB. A kill during it
    /// loses nothing. Gives whether anything was done.
    pub fn compact(&self) -> Result<bool, JournalError> {
        let counts = self.shared.read(shared::counts)?;
        let bytes = self.shared.bytes();
        let needed = counts.bytes.saturating_mul(FILE_BYTES_PER_ROW_BYTE);
        if bytes < COMPACT_FROM_BYTES || bytes / 2 < needed {
            return Ok(false);
        }
        let done = self.shared.alone(|database| Ok(database.compact()?))?;
        self.tell(counts);
        Ok(done)
    }

    fn tell(&self, counts: Counts) {
        let metrics = &self.shared.metrics;
        metrics.entries.set(counts.entries as f64);
        metrics.bytes.set(self.shared.bytes() as f64);
    }
}
