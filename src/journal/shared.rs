//! The open store, shared between the writer and its readers: opening it, opening it again, and setting it aside.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use redb::{Database, ReadTransaction, ReadableDatabase as _, WriteTransaction};
use tracing::{error, info, warn};

use super::error::{Fault, JournalError};
use super::schema;
use super::storage::{Measured, Opened, Storage};
use super::transaction::Counts;
use crate::telemetry::JournalMetrics;
use crate::time::Timestamp;

/// Pages that the store keeps in memory; its own default is 1 GiB. The indexes' upper levels and the newest thousand
/// entries take some 2 MiB.
const CACHE_BYTES: usize = 16 << 20;

/// The open store.
#[derive(Debug)]
pub(super) struct Shared {
    pub(super) storage: Box<dyn Storage>,
    pub(super) metrics: JournalMetrics,
    /// `None` where it could not be opened again after a failure.
    database: RwLock<Option<Database>>,
    /// The last write failed: the store takes no other before it is opened again.
    failed: AtomicBool,
    /// Of the storage as a whole.
    bytes: Arc<AtomicU64>,
}

impl Shared {
    /// Opens the storage. What is damaged is set aside, and an empty store takes its place; ids go on from a number
    /// that the lost ones can't have reached.
    pub(super) fn open(
        storage: Box<dyn Storage>,
        metrics: JournalMetrics,
        now: Timestamp,
    ) -> Result<Self, JournalError> {
        let bytes = Arc::new(AtomicU64::new(0));
        let database = open(&*storage, &bytes, &metrics, now)?;
        let database = RwLock::new(Some(database));
        Ok(Self { storage, metrics, database, failed: AtomicBool::new(false), bytes })
    }

    /// Bytes of the storage as a whole.
    pub(super) fn bytes(&self) -> u64 {
        self.bytes.load(Relaxed)
    }

    /// Looks at the store as it stands now.
    pub(super) fn read<T>(&self, look: impl FnOnce(&ReadTransaction) -> Result<T, Fault>) -> Result<T, JournalError> {
        let database = self.lock();
        let result = guarded(|| look(&some(database.as_ref())?.begin_read()?));
        result.map_err(|fault| self.tell(fault))
    }

    /// Changes the store in one transaction, and returns once that is durable. After a failure the store is opened
    /// again first.
    pub(super) fn write<T>(
        &self,
        now: Timestamp,
        change: impl FnOnce(&WriteTransaction) -> Result<T, Fault>,
    ) -> Result<T, JournalError> {
        if self.failed.load(Relaxed) {
            self.reopen(now)?;
        }
        let database = self.lock();
        let result = guarded(|| {
            let transaction = some(database.as_ref())?.begin_write()?;
            let changed = change(&transaction)?;
            transaction.commit()?;
            Ok(changed)
        });
        result.map_err(|fault| {
            // What can't be encoded has touched nothing.
            if !matches!(fault, Fault::Encode { .. }) {
                self.failed.store(true, Relaxed);
            }
            self.tell(fault)
        })
    }

    /// Works on the store alone: nobody reads or writes meanwhile.
    pub(super) fn alone<T>(&self, work: impl FnOnce(&mut Database) -> Result<T, Fault>) -> Result<T, JournalError> {
        let mut database = self.lock_alone();
        let result = guarded(|| work(database.as_mut().ok_or_else(closed)?));
        result.map_err(|fault| self.tell(fault))
    }

    /// Sets aside what proved damaged after it was opened, and begins anew.
    pub(super) fn set_aside(&self, now: Timestamp) -> Result<(), JournalError> {
        let mut database = self.lock_alone();
        close(&mut database);
        let place = self.storage.place();
        *database = Some(begin_anew(&*self.storage, &self.bytes, &place, "a page can't be read", now)?);
        Ok(())
    }

    fn reopen(&self, now: Timestamp) -> Result<(), JournalError> {
        let mut database = self.lock_alone();
        if !self.failed.load(Relaxed) {
            return Ok(());
        }
        // The old one must let go of the file before it can be opened again.
        close(&mut database);
        let opened = open(&*self.storage, &self.bytes, &self.metrics, now);
        *database = Some(opened.inspect_err(|_| self.metrics.errors.add(1))?);
        self.failed.store(false, Relaxed);
        info!(place = self.storage.place(), "the journal is open again");
        Ok(())
    }

    fn tell(&self, fault: Fault) -> JournalError {
        self.metrics.errors.add(1);
        fault.at(&self.storage.place())
    }

    fn lock(&self) -> RwLockReadGuard<'_, Option<Database>> {
        self.database.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn lock_alone(&self) -> RwLockWriteGuard<'_, Option<Database>> {
        self.database.write().unwrap_or_else(PoisonError::into_inner)
    }
}

fn some(database: Option<&Database>) -> Result<&Database, Fault> {
    database.ok_or_else(closed)
}

/// Lets go of the file; whatever fails there has failed before.
fn close(database: &mut Option<Database>) {
    let _ = guarded(|| {
        drop(database.take());
        Ok(())
    });
}

fn closed() -> Fault {
    Fault::Redb(redb::Error::DatabaseClosed)
}

/// Calls the store. It promises errors for what it wrote itself; what somebody else wrote over it may make it panic,
/// which counts as damage.
fn guarded<T>(call: impl FnOnce() -> Result<T, Fault>) -> Result<T, Fault> {
    catch_unwind(AssertUnwindSafe(call)).unwrap_or_else(|panic| {
        let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
        let text = text.or_else(|| panic.downcast_ref::<String>().cloned());
        Err(Fault::Damaged(text.unwrap_or_else(|| "the store gave up".to_owned())))
    })
}

/// Opens the storage, anew where it is damaged.
fn open(
    storage: &dyn Storage,
    bytes: &Arc<AtomicU64>,
    metrics: &JournalMetrics,
    now: Timestamp,
) -> Result<Database, JournalError> {
    match try_open(storage, bytes, beyond_lost(now)) {
        Err(JournalError::Damaged { place, what }) => {
            metrics.errors.add(1);
            begin_anew(storage, bytes, &place, &what, now)
        }
        opened => opened,
    }
}

/// Sets a damaged storage aside and opens an empty one.
fn begin_anew(
    storage: &dyn Storage,
    bytes: &Arc<AtomicU64>,
    place: &str,
    what: &str,
    now: Timestamp,
) -> Result<Database, JournalError> {
    let aside = storage.set_aside(now);
    let aside = aside.map_err(|source| JournalError::SetAside { place: place.to_owned(), source })?;
    error!(place, what, aside, "the journal is damaged: it is set aside, and an empty one takes its place");
    let database = try_open(storage, bytes, beyond_lost(now))?;
    let raised = guarded(|| {
        let transaction = database.begin_write()?;
        schema::raise_last_id(&transaction, beyond_lost(now))?;
        Ok(transaction.commit()?)
    });
    raised.map_err(|fault| fault.at(place))?;
    Ok(database)
}

/// An id that lost entries can't have reached: nobody has made a decision a millisecond since the epoch.
fn beyond_lost(now: Timestamp) -> u64 {
    u64::try_from(now.as_millis()).unwrap_or(0)
}

/// Where a file was there and is empty, ids go on after `beyond_lost`: nobody knows what it held.
fn try_open(storage: &dyn Storage, bytes: &Arc<AtomicU64>, beyond_lost: u64) -> Result<Database, JournalError> {
    let place = storage.place();
    let io = |source| JournalError::Open { place: place.clone(), source };
    let Opened { backend, is_new } = storage.open().map_err(io)?;
    let backend = Measured::new(backend, Arc::clone(bytes)).map_err(io)?;
    let was_empty = !is_new && bytes.load(Relaxed) == 0;
    let opened = guarded(|| {
        let mut builder = Database::builder();
        builder.set_cache_size(CACHE_BYTES);
        // It walks the whole file, as it must after a kill anyway, and finds what is not as the store wrote it.
        builder.set_check_integrity_on_open(true);
        let database = builder.create_with_backend(backend)?;
        let transaction = database.begin_write()?;
        schema::upgrade(&transaction)?;
        if was_empty {
            warn!(place, "the journal's file was empty: a new journal begins in it");
            schema::raise_last_id(&transaction, beyond_lost)?;
        }
        transaction.commit()?;
        Ok(database)
    });
    opened.map_err(|fault| fault.at(&place))
}

/// What the store holds, from its own counts.
pub(super) fn counts(transaction: &ReadTransaction) -> Result<Counts, Fault> {
    Counts::read(&transaction.open_table(schema::META)?)
}
