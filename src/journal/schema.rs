//! The tables of the file, their version, and the way from older ones.
//!
//! Keys and values are numbers, text and our own bytes, so that the file depends on as little of the store's encoding
//! as can be. Entries lie in the order of their time; a clock that is set back brings none out of order.

use redb::{ReadableTable as _, TableDefinition, TableHandle as _, WriteTransaction};
use serde::Deserialize;

use super::change::Table;
use super::entry::Entry;
use super::error::Fault;
use super::transaction::Writing;
use crate::workload::{ObjectRef, Workload};

/// The layout that this program writes.
pub(super) const NEWEST: u64 = 2;

/// An entry's place: its decision's time in milliseconds, then its id.
pub(super) type Place = (i64, u64);

/// Place → workload and JSON.
pub(super) const ENTRIES: TableDefinition<'_, Place, (&str, &[u8])> = TableDefinition::new("entries");
/// Workload and place: a workload's entries in the order of time.
pub(super) const BY_WORKLOAD: TableDefinition<'_, (&str, i64, u64), ()> = TableDefinition::new("entries_by_workload");
/// Id → time: what finds an entry's place.
pub(super) const BY_ID: TableDefinition<'_, u64, i64> = TableDefinition::new("entries_by_id");
/// Id → time, of entries without an outcome.
pub(super) const UNSETTLED: TableDefinition<'_, u64, i64> = TableDefinition::new("entries_unsettled");
/// Counts of the file itself.
pub(super) const META: TableDefinition<'_, &str, u64> = TableDefinition::new("meta");

/// The layout's version.
pub(super) const SCHEMA: &str = "schema";
/// The highest id that was ever given out; it stays when the entry is pruned.
pub(super) const LAST_ID: &str = "last_id";
/// How many entries there are.
pub(super) const COUNT: &str = "entries";
/// Bytes of all values.
pub(super) const BYTES: &str = "bytes";

/// A table of the loop's memory.
pub(super) fn rows(table: Table) -> TableDefinition<'static, &'static str, &'static [u8]> {
    TableDefinition::new(table.as_str())
}

/// Brings a file to the newest layout, a new one too.
pub(super) fn upgrade(transaction: &WriteTransaction) -> Result<(), Fault> {
    let known: Vec<String> = transaction.list_tables()?.map(|table| table.name().to_owned()).collect();
    let found = if known.is_empty() {
        None
    } else if known.iter().any(|name| name == META.name()) {
        transaction.open_table(META)?.get(SCHEMA)?.map(|schema| schema.value())
    } else {
        return Err(Fault::Damaged(format!("it is no journal: it has the tables {}", known.join(", "))));
    };
    match found {
        Some(NEWEST) => return Ok(()),
        Some(found) if found > NEWEST => return Err(Fault::Newer(found)),
        Some(1) => from_1(transaction)?,
        Some(found) => return Err(Fault::Damaged(format!("its schema is {found}, which there never was"))),
        None if known.is_empty() => {}
        None => return Err(Fault::Damaged("its schema is missing".to_owned())),
    }
    // Whoever reads need not ask whether a table is there.
    let mut meta = transaction.open_table(META)?;
    meta.insert(SCHEMA, NEWEST)?;
    transaction.open_table(ENTRIES)?;
    transaction.open_table(BY_WORKLOAD)?;
    transaction.open_table(BY_ID)?;
    transaction.open_table(UNSETTLED)?;
    for table in Table::ALL {
        transaction.open_table(rows(table))?;
    }
    Ok(())
}

/// Lets ids go on from at least `id`.
pub(super) fn raise_last_id(transaction: &WriteTransaction, id: u64) -> Result<(), Fault> {
    let mut writing = Writing::begin(transaction)?;
    writing.raise_last_id(id);
    writing.end()?;
    Ok(())
}

/// Schema 1 had the entries by id in one table, `decisions`, and nothing else: no index, no rows of the loop's memory,
/// and an entry's workload in its text form.
pub(super) const DECISIONS_1: TableDefinition<'_, u64, &[u8]> = TableDefinition::new("decisions");

/// An entry as schema 1 had it.
#[derive(Debug, Deserialize)]
struct Entry1 {
    workload: String,
    #[serde(flatten)]
    rest: serde_json::Map<String, serde_json::Value>,
}

/// Reads `namespace/name` or `Kind/namespace/name`.
fn workload_1(text: &str) -> Option<Workload> {
    let (kind, namespace, name) = match text.split('/').collect::<Vec<_>>()[..] {
        [namespace, name] => ("Deployment", namespace, name),
        [kind, namespace, name] => (kind, namespace, name),
        _ => return None,
    };
    let [kind, namespace, name] = [kind, namespace, name].map(str::to_owned);
    Some(Workload::from(ObjectRef { api_version: String::new(), kind, namespace, name }))
}

fn entry_1(id: u64, json: &[u8]) -> Option<Entry> {
    let Entry1 { workload, mut rest } = serde_json::from_slice(json).ok()?;
    rest.insert("id".to_owned(), id.into());
    rest.insert("workload".to_owned(), serde_json::to_value(workload_1(&workload)?).ok()?);
    serde_json::from_value(rest.into()).ok()
}

/// Entries that can't be read are left out: they could not be shown either.
fn from_1(transaction: &WriteTransaction) -> Result<(), Fault> {
    let (mut last_id, mut lost) = (0, 0_u64);
    {
        let old = transaction.open_table(DECISIONS_1)?;
        let mut writing = Writing::begin(transaction)?;
        for row in old.iter()? {
            let (id, json) = row?;
            last_id = id.value();
            match entry_1(last_id, json.value()) {
                Some(entry) => writing.entry(&entry)?,
                None => lost += 1,
            }
        }
        writing.raise_last_id(last_id);
        writing.end()?;
    }
    transaction.delete_table(DECISIONS_1)?;
    if lost > 0 {
        tracing::warn!(lost, "entries of the old journal could not be read and are left out");
    }
    Ok(())
}
