//! Older and newer files.

use redb::{Database, TableDefinition};

use super::super::schema::{DECISIONS_1, META, NEWEST, SCHEMA};
use super::*;
use crate::workload::ObjectRef;

/// Writes a file by hand.
fn file(directory: &Directory, write: impl FnOnce(&redb::WriteTransaction)) {
    std::fs::create_dir_all(directory.file().parent().unwrap()).unwrap();
    let database = Database::create(directory.file()).unwrap();
    let transaction = database.begin_write().unwrap();
    write(&transaction);
    transaction.commit().unwrap();
}

/// As schema 1 wrote an entry.
fn entry_1(workload: &str, at: Timestamp, outcome: &str) -> String {
    let decision = serde_json::to_string(&decision(at, 190.0)).unwrap();
    format!(r#"{{"workload": "{workload}", "rule": "checkout", "decision": {decision}, "outcome": {outcome}}}"#)
}

#[test]
fn a_journal_of_the_first_schema_is_brought_up_to_date() {
    let folder = tempfile::tempdir().unwrap();
    let directory = Directory::new(folder.path(), Durability::Immediate);
    file(&directory, |transaction| {
        transaction.open_table(META).unwrap().insert(SCHEMA, 1).unwrap();
        let mut decisions = transaction.open_table(DECISIONS_1).unwrap();
        let rows = [
            (3, entry_1("shop/checkout", at(3), r#""done""#)),
            (4, entry_1("StatefulSet/shop/db", at(4), "null")),
            (5, "not JSON".to_owned()),
            (9, entry_1("no-workload", at(9), "null")),
        ];
        for (id, json) in rows {
            decisions.insert(id, json.as_bytes()).unwrap();
        }
    });
    let (journal, recovered) = open(directory.clone());
    let first = Entry { outcome: Some(Outcome::Done), ..entry(3, "checkout", at(3)) };
    let database = Workload::from(ObjectRef { kind: "StatefulSet".to_owned(), ..ObjectRef::from(workload("db")) });
    let second = Entry { workload: database, ..entry(4, "db", at(4)) };
    let page = journal.reader().decisions(&Filter { limit: 9, ..Filter::default() }).unwrap();
    assert_eq!(page.entries, [second.clone(), first]);
    assert_eq!((recovered.last_id, recovered.unsettled.clone()), (9, vec![Arc::new(second)]));
    let by_workload = Filter { workload: Some("StatefulSet/shop/db".to_owned()), limit: 9, ..Filter::default() };
    assert_eq!(ids(&journal.reader().decisions(&by_workload).unwrap()), [4]);
    journal
        .write(&[Change::put(Table::Silences, "s", &1).unwrap(), change(&entry(10, "checkout", at(10)))], at(10))
        .unwrap();
    drop((journal, recovered));
    assert_eq!(open(directory).1.last_id, 10, "it was brought up for good");
}

#[test]
fn a_newer_schema_is_refused_and_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let directory = Directory::new(folder.path(), Durability::Immediate);
    file(&directory, |transaction| {
        transaction.open_table(META).unwrap().insert(SCHEMA, NEWEST + 1).unwrap();
    });
    let refused = Journal::open(directory.clone(), Limits::default(), JournalMetrics::default(), START).unwrap_err();
    assert!(matches!(refused, JournalError::Newer { found: 3, known: 2, .. }), "{refused:?}");
    assert!(refused.to_string().contains("newer Headroom (its schema is 3, the newest known here is 2)"), "{refused}");
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
}

#[test]
fn a_store_of_something_else_is_set_aside() {
    let folder = tempfile::tempdir().unwrap();
    let directory = Directory::new(folder.path(), Durability::Immediate);
    file(&directory, |transaction| {
        let other: TableDefinition<'_, u64, u64> = TableDefinition::new("other");
        transaction.open_table(other).unwrap().insert(1, 1).unwrap();
    });
    open(directory);
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 2);
}
