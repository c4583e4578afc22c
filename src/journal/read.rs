//! Reading beside the writer: each call sees the journal as it stood when the call began.

use std::ops::Bound;
use std::sync::Arc;

use redb::ReadTransaction;
use serde::de::DeserializeOwned;
use tracing::{error, warn};

use super::change::Table;
use super::entry::Entry;
use super::error::{Fault, JournalError};
use super::schema::{self, BY_ID, BY_WORKLOAD, ENTRIES, Place, UNSETTLED};
use super::shared::Shared;
use crate::time::Timestamp;

/// Entries of one page at most: about 1 MiB as JSON.
pub const PAGE_MAX: usize = 1_000;

/// Entries that are looked at for one page at most: some 10 ms of CPU.
const LOOKED_AT_MAX: usize = 2_000;

/// Which entries are asked for; what is `None` is not asked.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Filter {
    /// As it is written: `shop/checkout`.
    pub workload: Option<String>,
    /// Decided at this time or later.
    pub from: Option<Timestamp>,
    /// Decided at this time or earlier.
    pub to: Option<Timestamp>,
    /// The code of the reason that decided: [`Entry::reason_code`].
    pub reason: Option<String>,
    /// [`Entry::outcome_code`].
    pub outcome: Option<String>,
    /// Only what is older than the entry of this id: [`Page::next`] of the page before. Nothing is older than an entry
    /// that is not there any more, for the oldest are pruned first.
    pub before_id: Option<u64>,
    /// Entries of the page; at least 1, at most [`PAGE_MAX`].
    pub limit: usize,
}

impl Filter {
    fn wants(&self, entry: &Entry) -> bool {
        self.reason.as_ref().is_none_or(|reason| reason == entry.reason_code())
            && self.outcome.as_ref().is_none_or(|outcome| outcome == entry.outcome_code())
    }
}

/// Some entries, newest first.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Page {
    /// It may be short, and even empty, where few entries are as asked: a page looks at a bounded number.
    pub entries: Vec<Entry>,
    /// Where the next page begins: its `before_id`. `None` at the end.
    pub next: Option<u64>,
}

/// Reads the journal beside its writer. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Reader {
    pub(super) shared: Arc<Shared>,
}

impl Reader {
    /// A page of entries, newest first by the time of their decision.
    pub fn decisions(&self, filter: &Filter) -> Result<Page, JournalError> {
        self.shared.read(|transaction| {
            let limit = filter.limit.clamp(1, PAGE_MAX);
            let mut page = Page::default();
            let Some((start, end)) = bounds(transaction, filter)? else { return Ok(page) };
            let entries = transaction.open_table(ENTRIES)?;
            let mut last = None;
            let places = places(transaction, filter.workload.as_deref(), start, end)?;
            for (looked_at, place) in places.enumerate() {
                if page.entries.len() == limit || looked_at == LOOKED_AT_MAX {
                    page.next = last;
                    break;
                }
                let (at, id) = place?;
                last = Some(id);
                let Some(row) = entries.get((at, id))? else { continue };
                page.entries.extend(self.entry(id, row.value().1).filter(|entry| filter.wants(entry)));
            }
            Ok(page)
        })
    }

    /// One entry.
    pub fn entry_of(&self, id: u64) -> Result<Option<Entry>, JournalError> {
        self.shared.read(|transaction| self.at_id(transaction, id))
    }

    /// The rows of a table, by their keys. One that can't be read is left where it is, told and counted.
    ///
    /// Where the table as a whole can't be read, that is told and counted too, and what was read until then is given:
    /// a start goes on without it.
    pub fn rows<T: DeserializeOwned>(&self, table: Table) -> Vec<(String, T)> {
        let read = |(key, value): (String, Vec<u8>)| match serde_json::from_slice(&value) {
            Ok(value) => Some((key, value)),
            Err(error) => {
                self.unreadable(table.as_str(), &key, &error);
                None
            }
        };
        self.bytes(table).into_iter().filter_map(read).collect()
    }

    /// The rows of a table as they lie there.
    #[must_use]
    pub fn bytes(&self, table: Table) -> Vec<(String, Vec<u8>)> {
        let mut read = Vec::new();
        let result = self.shared.read(|transaction| {
            read.clear();
            let rows = transaction.open_table(schema::rows(table))?;
            for row in rows.range::<&str>(..)? {
                let (key, value) = row?;
                read.push((key.value().to_owned(), value.value().to_vec()));
            }
            Ok(())
        });
        if let Err(error) = result {
            error!(table = table.as_str(), %error, "a table of the journal can't be read");
        }
        read
    }

    /// The newest entries, oldest first.
    pub(super) fn newest(&self, count: usize) -> Result<Vec<Arc<Entry>>, JournalError> {
        self.shared.read(|transaction| {
            let mut newest = Vec::new();
            for row in transaction.open_table(ENTRIES)?.range::<Place>(..)?.rev().take(count) {
                let (place, row) = row?;
                newest.extend(self.entry(place.value().1, row.value().1).map(Arc::new));
            }
            newest.reverse();
            Ok(newest)
        })
    }

    /// Entries without an outcome, by id.
    pub(super) fn unsettled(&self) -> Result<Vec<Arc<Entry>>, JournalError> {
        self.shared.read(|transaction| {
            let mut unsettled = Vec::new();
            for row in transaction.open_table(UNSETTLED)?.range::<u64>(..)? {
                unsettled.extend(self.at_id(transaction, row?.0.value())?.map(Arc::new));
            }
            Ok(unsettled)
        })
    }

    fn at_id(&self, transaction: &ReadTransaction, id: u64) -> Result<Option<Entry>, Fault> {
        let Some(at) = transaction.open_table(BY_ID)?.get(id)?.map(|at| at.value()) else { return Ok(None) };
        let row = transaction.open_table(ENTRIES)?.get((at, id))?;
        Ok(row.and_then(|row| self.entry(id, row.value().1)))
    }

    fn entry(&self, id: u64, json: &[u8]) -> Option<Entry> {
        match serde_json::from_slice(json) {
            Ok(entry) => Some(entry),
            Err(error) => {
                self.unreadable("entries", &id.to_string(), &error);
                None
            }
        }
    }

    fn unreadable(&self, table: &str, key: &str, error: &serde_json::Error) {
        self.shared.metrics.unreadable.add(1);
        warn!(table, key, %error, "a row of the journal can't be read and is left out");
    }
}

/// The first place and the end (excluded) of what is asked for; `None` where nothing can be.
fn bounds(transaction: &ReadTransaction, filter: &Filter) -> Result<Option<(Place, Bound<Place>)>, Fault> {
    let start = (filter.from.map_or(i64::MIN, Timestamp::as_millis), 0);
    let to = (filter.to.map_or(i64::MAX, Timestamp::as_millis), u64::MAX);
    let mut end = Bound::Included(to);
    if let Some(id) = filter.before_id {
        let Some(at) = transaction.open_table(BY_ID)?.get(id)?.map(|at| at.value()) else { return Ok(None) };
        if (at, id) <= to {
            end = Bound::Excluded((at, id));
        }
    }
    // A range that ends before it begins is a mistake to the store.
    let (Bound::Included(last) | Bound::Excluded(last)) = end else { return Ok(None) };
    Ok((start <= last).then_some((start, end)))
}

/// The places of all entries or of one workload's, newest first.
fn places(
    transaction: &ReadTransaction,
    workload: Option<&str>,
    start: Place,
    end: Bound<Place>,
) -> Result<Box<dyn Iterator<Item = Result<Place, Fault>>>, Fault> {
    let Some(workload) = workload else {
        let rows = transaction.open_table(ENTRIES)?.range::<Place>((Bound::Included(start), end))?;
        return Ok(Box::new(rows.rev().map(|row| Ok(row?.0.value()))));
    };
    let start = Bound::Included((workload, start.0, start.1));
    let end = end.map(|(at, id)| (workload, at, id));
    let rows = transaction.open_table(BY_WORKLOAD)?.range::<(&str, i64, u64)>((start, end))?;
    Ok(Box::new(rows.rev().map(|row| {
        let (key, _) = row?;
        let (_, at, id) = key.value();
        Ok((at, id))
    })))
}
