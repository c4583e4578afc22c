//! The journal over memory, files and a disk that dies; a map stands beside it as the model.

mod damage;
mod death;
mod disk;
mod model;
mod pages;
mod retention;
mod schema;

use std::sync::Arc;
use std::time::Duration;

use super::*;
use crate::decision::{Decision, Inputs, MetricInput, Policy, State, decide};
use crate::demand::Presence;
use crate::dispatch::Outcome;
use crate::workload::{ObjectRef, Workload};

const START: Timestamp = Timestamp::from_millis(1_760_000_000_000);

/// So many seconds after the start.
fn at(seconds: u64) -> Timestamp {
    START + Duration::from_secs(seconds)
}

fn workload(name: &str) -> Workload {
    let (kind, namespace) = ("Deployment".to_owned(), "shop".to_owned());
    Workload::from(ObjectRef { api_version: String::new(), kind, namespace, name: name.to_owned() })
}

/// A real decision: from 2 replicas to as many as the demand needs at 50 each.
fn decision(at: Timestamp, demand: f64) -> Decision {
    let metric = MetricInput::new("requests", Presence::Present(demand), Presence::Present(50.0));
    decide(
        &Policy::new(1, 100),
        &Inputs { metrics: vec![metric], replicas: 2, ready: 2, ..Inputs::default() },
        &State::default(),
        at,
    )
    .0
}

fn entry(id: u64, name: &str, at: Timestamp) -> Entry {
    Entry::new(id, workload(name), Arc::from("checkout"), decision(at, 190.0))
}

fn ended(entry: Entry, outcome: Outcome) -> Entry {
    let ended_at = Some(entry.decision.at + Duration::from_secs(1));
    Entry { outcome: Some(outcome), ended_at, ..entry }
}

fn change(entry: &Entry) -> Change {
    Change::Entry(Arc::new(entry.clone()))
}

fn open(storage: impl Storage + 'static) -> (Journal, Recovered) {
    Journal::open(storage, Limits::default(), JournalMetrics::default(), START).unwrap()
}

fn ids(page: &Page) -> Vec<u64> {
    page.entries.iter().map(|entry| entry.id).collect()
}

#[test]
fn what_is_written_is_there_after_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let directory = Directory::new(folder.path().join("data"), Durability::Immediate);
    let (journal, recovered) = open(directory.clone());
    assert_eq!((recovered.last_id, recovered.entries.len()), (0, 0));
    let (first, second) = (entry(1, "checkout", at(1)), entry(2, "search", at(2)));
    let silence = Change::put(Table::Silences, "s", &"quiet").unwrap();
    journal.write(&[change(&first), change(&second), silence], at(2)).unwrap();
    let first = ended(first, Outcome::Done);
    journal.write(&[change(&first)], at(3)).unwrap();
    drop((journal, recovered));

    let (_journal, recovered) = open(directory);
    let entries: Vec<Entry> = recovered.entries.iter().map(|entry| (**entry).clone()).collect();
    assert_eq!(entries, [first, second.clone()]);
    assert_eq!(recovered.unsettled, [Arc::new(second)]);
    assert_eq!(recovered.last_id, 2);
    assert_eq!(recovered.rows::<String>(Table::Silences), [("s".to_owned(), "quiet".to_owned())]);
    assert_eq!(recovered.rows::<String>(Table::Workloads), []);
}

#[test]
fn a_write_that_may_wait_for_the_disk_is_there_too() {
    let folder = tempfile::tempdir().unwrap();
    let directory = Directory::new(folder.path(), Durability::Eventual);
    let (journal, recovered) = open(directory.clone());
    journal.write(&[change(&entry(7, "checkout", at(1)))], at(1)).unwrap();
    drop((journal, recovered));
    assert_eq!(open(directory).1.last_id, 7);
}

#[test]
fn a_second_process_is_told_that_the_file_is_taken() {
    let folder = tempfile::tempdir().unwrap();
    let directory = Directory::new(folder.path(), Durability::Immediate);
    let _open = open(directory.clone());
    let error = Journal::open(directory.clone(), Limits::default(), JournalMetrics::default(), START).unwrap_err();
    let file = directory.file().display().to_string();
    assert_eq!(
        error.to_string(),
        format!("another process has {file} open; stop it, or give this one its own journal.directory")
    );
    assert!(directory.file().exists(), "what belongs to another is not set aside");
}

#[test]
fn a_directory_that_cannot_be_made_is_named_with_the_way_out() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("file");
    std::fs::write(&file, "").unwrap();
    let directory = Directory::new(file.join("data"), Durability::Immediate);
    let error = Journal::open(directory, Limits::default(), JournalMetrics::default(), START).unwrap_err();
    assert!(matches!(error, JournalError::Open { .. }), "{error:?}");
    assert!(error.to_string().contains("set journal.directory"), "{error}");
}

#[test]
fn a_row_that_cannot_be_read_is_left_out_and_counted() {
    let metrics = JournalMetrics::default();
    let (journal, _) = Journal::open(Memory, Limits::default(), metrics.clone(), START).unwrap();
    let put = |key: &str, value: &str| Change::Put {
        table: Table::Workloads,
        key: key.to_owned(),
        value: value.as_bytes().to_vec(),
    };
    journal.write(&[put("a", "1"), put("b", "{"), put("c", "\"text\""), put("d", "4")], START).unwrap();
    let rows = journal.reader().rows::<u32>(Table::Workloads);
    assert_eq!(rows, [("a".to_owned(), 1), ("d".to_owned(), 4)]);
    assert_eq!(metrics.unreadable.get(), 2);
}

#[test]
fn metrics_tell_what_the_file_holds() {
    let metrics = JournalMetrics::default();
    let (journal, _) = Journal::open(Memory, Limits::default(), metrics.clone(), START).unwrap();
    journal.write(&[change(&entry(1, "checkout", at(1))), change(&entry(2, "checkout", at(2)))], at(2)).unwrap();
    journal.write(&[], at(3)).unwrap();
    assert_eq!((metrics.writes.get(), metrics.entries.get(), metrics.errors.get()), (1, 2.0, 0));
    assert!(metrics.bytes.get() > 0.0 && metrics.bytes_limit.get() > metrics.bytes.get());
}

#[test]
fn an_entry_is_readable_json() {
    let mut entry = ended(entry(17, "checkout", START), Outcome::Failed("no route to host".to_owned()));
    (entry.author, entry.note) = (Some("eva".to_owned()), Some("the sale begins".to_owned()));
    let json = serde_json::to_string(&entry).unwrap();
    assert_eq!(serde_json::from_str::<Entry>(&json).unwrap(), entry);
    // The docs of `Entry` say how many with four layers.
    assert!((500..2_000).contains(&json.len()), "{} bytes: {json}", json.len());
}
