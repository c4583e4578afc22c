//! One transaction: what is changed, with the indexes and counts that go with it.

use redb::{ReadTransaction, Table as Rows, WriteTransaction};

use super::change::{Change, Table};
use super::entry::Entry;
use super::error::Fault;
use super::schema::{self, BY_ID, BY_WORKLOAD, BYTES, COUNT, ENTRIES, LAST_ID, META, Place, UNSETTLED};
use crate::time::Timestamp;

/// What the file holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Counts {
    pub(super) last_id: u64,
    pub(super) entries: u64,
    /// Of all values.
    pub(super) bytes: u64,
}

impl Counts {
    pub(super) fn read(meta: &impl redb::ReadableTable<&'static str, u64>) -> Result<Self, Fault> {
        let count = |name| -> Result<u64, Fault> { Ok(meta.get(name)?.map_or(0, |count| count.value())) };
        Ok(Self { last_id: count(LAST_ID)?, entries: count(COUNT)?, bytes: count(BYTES)? })
    }

    fn replace(&mut self, before: usize, after: usize) {
        self.bytes = self.bytes.saturating_sub(before as u64).saturating_add(after as u64);
    }
}

/// The tables of entries, open for writing.
pub(super) struct Writing<'t> {
    meta: Rows<'t, &'static str, u64>,
    entries: Rows<'t, Place, (&'static str, &'static [u8])>,
    by_workload: Rows<'t, (&'static str, i64, u64), ()>,
    by_id: Rows<'t, u64, i64>,
    unsettled: Rows<'t, u64, i64>,
    counts: Counts,
}

impl<'t> Writing<'t> {
    pub(super) fn begin(transaction: &'t WriteTransaction) -> Result<Self, Fault> {
        let meta = transaction.open_table(META)?;
        Ok(Self {
            counts: Counts::read(&meta)?,
            meta,
            entries: transaction.open_table(ENTRIES)?,
            by_workload: transaction.open_table(BY_WORKLOAD)?,
            by_id: transaction.open_table(BY_ID)?,
            unsettled: transaction.open_table(UNSETTLED)?,
        })
    }

    /// Inserts an entry, or puts it in the place of the one with its id.
    pub(super) fn entry(&mut self, entry: &Entry) -> Result<(), Fault> {
        let (id, at, workload) = (entry.id, entry.decision.at.as_millis(), entry.workload.to_string());
        let json = serde_json::to_vec(entry).map_err(|source| Fault::Encode { key: id.to_string(), source })?;
        let before = self.by_id.insert(id, at)?.map(|at| at.value());
        if let Some(before) = before.filter(|before| *before != at) {
            self.take((before, id))?;
            self.by_id.insert(id, at)?;
        }
        let row = (workload.as_str(), json.as_slice());
        let is_known = if let Some(old) = self.entries.insert((at, id), row)? {
            let (before, old) = old.value();
            self.counts.replace(old.len(), json.len());
            if before != workload {
                self.by_workload.remove((before, at, id))?;
            }
            before == workload
        } else {
            self.counts.entries += 1;
            self.counts.replace(0, json.len());
            false
        };
        if !is_known {
            self.by_workload.insert((workload.as_str(), at, id), ())?;
        }
        if entry.outcome.is_none() {
            self.unsettled.insert(id, at)?;
        } else {
            self.unsettled.remove(id)?;
        }
        self.raise_last_id(id);
        Ok(())
    }

    pub(super) fn raise_last_id(&mut self, id: u64) {
        self.counts.last_id = self.counts.last_id.max(id);
    }

    /// Removes an entry.
    fn take(&mut self, (at, id): Place) -> Result<(), Fault> {
        let Some(old) = self.entries.remove((at, id))? else { return Ok(()) };
        let (workload, json) = old.value();
        self.by_workload.remove((workload, at, id))?;
        self.by_id.remove(id)?;
        self.unsettled.remove(id)?;
        self.counts.entries = self.counts.entries.saturating_sub(1);
        self.counts.replace(json.len(), 0);
        Ok(())
    }

    /// Removes entries from before `oldest`, and then as many more as it takes to get down to `bytes_max`: the oldest
    /// first, `max` at most. Gives how many, and whether there are more.
    pub(super) fn prune(&mut self, oldest: Timestamp, bytes_max: u64, max: usize) -> Result<(usize, bool), Fault> {
        for pruned in 0..max {
            match self.next_to_prune(oldest, bytes_max)? {
                Some(place) => self.take(place)?,
                None => return Ok((pruned, false)),
            }
        }
        Ok((max, self.next_to_prune(oldest, bytes_max)?.is_some()))
    }

    fn next_to_prune(&self, oldest: Timestamp, bytes_max: u64) -> Result<Option<Place>, Fault> {
        next_to_prune(&self.entries, self.counts, oldest, bytes_max)
    }

    /// Writes the counts.
    pub(super) fn end(mut self) -> Result<Counts, Fault> {
        let Counts { last_id, entries, bytes } = self.counts;
        for (name, count) in [(LAST_ID, last_id), (COUNT, entries), (BYTES, bytes)] {
            self.meta.insert(name, count)?;
        }
        Ok(self.counts)
    }
}

/// The oldest entry, where it is to be removed.
fn next_to_prune(
    entries: &impl redb::ReadableTable<Place, (&'static str, &'static [u8])>,
    counts: Counts,
    oldest: Timestamp,
    bytes_max: u64,
) -> Result<Option<Place>, Fault> {
    let place = entries.first()?.map(|(place, _)| place.value());
    Ok(place.filter(|(at, _)| *at < oldest.as_millis() || counts.bytes > bytes_max))
}

/// Whether there is anything to remove.
pub(super) fn wants_pruning(transaction: &ReadTransaction, oldest: Timestamp, bytes_max: u64) -> Result<bool, Fault> {
    let counts = Counts::read(&transaction.open_table(META)?)?;
    let entries = transaction.open_table(ENTRIES)?;
    Ok(next_to_prune(&entries, counts, oldest, bytes_max)?.is_some())
}

/// Makes the changes, in their order within each table.
pub(super) fn make(transaction: &WriteTransaction, changes: &[Change]) -> Result<Counts, Fault> {
    let mut writing = Writing::begin(transaction)?;
    let mut touched = [false; Table::ALL.len()];
    for change in changes {
        match change {
            Change::Entry(entry) => writing.entry(entry)?,
            Change::Put { table, .. } | Change::Delete { table, .. } => {
                if let Some(touched) = touched.get_mut(*table as usize) {
                    *touched = true;
                }
            }
        }
    }
    for (table, _) in Table::ALL.into_iter().zip(touched).filter(|(_, touched)| *touched) {
        let mut rows = transaction.open_table(schema::rows(table))?;
        for change in changes {
            match change {
                Change::Put { table: own, key, value } if *own == table => {
                    let before = rows.insert(key.as_str(), value.as_slice())?.map_or(0, |old| old.value().len());
                    writing.counts.replace(before, value.len());
                }
                Change::Delete { table: own, key } if *own == table => {
                    let before = rows.remove(key.as_str())?.map_or(0, |old| old.value().len());
                    writing.counts.replace(before, 0);
                }
                _ => {}
            }
        }
    }
    writing.end()
}
