//! Why the journal can't be opened, written or read.

use redb::{CommitError, DatabaseError, StorageError, TableError, TransactionError};

/// Why the journal can't be opened, written or read.
#[derive(Debug, thiserror::Error)]
pub enum JournalError {
    #[error("another process has {place} open; stop it, or give this one its own journal.directory")]
    Locked { place: String },
    #[error(
        "{place} was written by a newer Headroom (its schema is {found}, the newest known here is {known}); run that \
         version, or move the file away to begin a new journal"
    )]
    Newer { place: String, found: u64, known: u64 },
    #[error("can't open {place}; make it writable, or set journal.directory (\"none\" keeps the journal in memory)")]
    Open { place: String, source: std::io::Error },
    #[error("can't use {place}; is the disk full or away? The next write tries again")]
    Storage { place: String, source: Box<redb::Error> },
    #[error("{place} is damaged: {what}")]
    Damaged { place: String, what: String },
    #[error("can't move the damaged {place} aside; move it away by hand")]
    SetAside { place: String, source: std::io::Error },
    #[error("can't write row {key} of {table} as JSON")]
    Encode { table: &'static str, key: String, source: serde_json::Error },
}

/// What goes wrong within the store, before it is known to which place it belongs.
#[derive(Debug)]
pub(super) enum Fault {
    /// What was read can't be.
    Damaged(String),
    Locked,
    Newer(u64),
    Redb(redb::Error),
    Encode {
        key: String,
        source: serde_json::Error,
    },
}

impl Fault {
    /// Names the place.
    pub(super) fn at(self, place: &str) -> JournalError {
        let place = place.to_owned();
        match self {
            Self::Damaged(what) => JournalError::Damaged { place, what },
            Self::Locked => JournalError::Locked { place },
            Self::Newer(found) => JournalError::Newer { place, found, known: super::schema::NEWEST },
            Self::Redb(source) => JournalError::Storage { place, source: Box::new(source) },
            Self::Encode { key, source } => JournalError::Encode { table: "entries", key, source },
        }
    }
}

impl From<redb::Error> for Fault {
    fn from(error: redb::Error) -> Self {
        use std::io::ErrorKind::{InvalidData, UnexpectedEof};

        match error {
            redb::Error::DatabaseAlreadyOpen | redb::Error::LockProtocolMismatch => Self::Locked,
            redb::Error::Corrupted(what) => Self::Damaged(what),
            // What is no database of ours at all, or ends before it should.
            redb::Error::Io(error) if matches!(error.kind(), InvalidData | UnexpectedEof) => {
                Self::Damaged(error.to_string())
            }
            error @ (redb::Error::UpgradeRequired(_)
            | redb::Error::TableTypeMismatch { .. }
            | redb::Error::TableIsMultimap(_)
            | redb::Error::TableIsNotMultimap(_)
            | redb::Error::TypeDefinitionChanged { .. }
            | redb::Error::TableDoesNotExist(_)
            | redb::Error::RepairAborted) => Self::Damaged(error.to_string()),
            error => Self::Redb(error),
        }
    }
}

/// Each error of the store is one of its general errors.
macro_rules! from_redb {
    ($($error:ty),+) => {
        $(impl From<$error> for Fault {
            fn from(error: $error) -> Self {
                redb::Error::from(error).into()
            }
        })+
    };
}
from_redb!(CommitError, DatabaseError, StorageError, TableError, TransactionError, redb::CompactionError);
