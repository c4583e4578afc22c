//! What is removed when: by age, by size, a little at a time.

use super::disk::Disk;
use super::*;

fn filled(limits: Limits, count: u64) -> (Journal, JournalMetrics) {
    let metrics = JournalMetrics::default();
    let (journal, _) = Journal::open(Memory, limits, metrics.clone(), START).unwrap();
    let entries: Vec<Change> = (1..=count).map(|id| change(&entry(id, "checkout", at(id)))).collect();
    journal.write(&entries, START).unwrap();
    (journal, metrics)
}

#[test]
fn old_entries_go_after_the_retention() {
    let limits = Limits { retention: Duration::from_mins(1), ..Limits::default() };
    let (journal, metrics) = filled(limits, 100);
    assert_eq!(journal.prune(at(61)).unwrap(), Pruned { entries: 0, more: false });
    assert_eq!(journal.prune(at(100)).unwrap(), Pruned { entries: 39, more: false });
    let page = journal.reader().decisions(&Filter { limit: 100, ..Filter::default() }).unwrap();
    assert_eq!((page.entries.len(), page.entries.last().map(|entry| entry.id)), (61, Some(40)));
    assert_eq!((metrics.pruned.get(), metrics.entries.get()), (39, 61.0));
}

#[test]
fn a_call_removes_a_bounded_number() {
    let limits = Limits { retention: Duration::from_secs(1), ..Limits::default() };
    let (journal, _) = filled(limits, 600);
    let calls: Vec<Pruned> = (0..4).map(|_| journal.prune(at(10_000)).unwrap()).collect();
    let told: Vec<(usize, bool)> = calls.iter().map(|pruned| (pruned.entries, pruned.more)).collect();
    assert_eq!(told, [(250, true), (250, true), (100, false), (0, false)]);
}

#[test]
fn the_oldest_go_where_the_file_would_grow_too_large() {
    let limits = Limits { size_bytes_max: 200 << 10, ..Limits::default() };
    let (journal, metrics) = filled(limits, 400);
    while journal.prune(at(400)).unwrap().more {}
    let page = journal.reader().decisions(&Filter { limit: 1_000, ..Filter::default() }).unwrap();
    let bytes: usize = page.entries.iter().map(|entry| serde_json::to_vec(entry).unwrap().len()).sum();
    assert!((45 << 10..=50 << 10).contains(&bytes), "{bytes} bytes are left");
    assert_eq!(page.entries.first().map(|entry| entry.id), Some(400), "the newest stay");
    assert_eq!(metrics.pruned.get() + page.entries.len() as u64, 400);
}

#[test]
fn ids_go_on_though_every_entry_is_gone() {
    let disk = Disk::default();
    let limits = Limits { retention: Duration::from_secs(1), ..Limits::default() };
    let reopen = || Journal::open(disk.clone(), limits, JournalMetrics::default(), START).unwrap();
    let (journal, recovered) = reopen();
    journal.write(&[change(&entry(41, "checkout", at(1)))], at(1)).unwrap();
    journal.prune(at(100)).unwrap();
    drop((journal, recovered));
    let (_, recovered) = reopen();
    assert_eq!((recovered.last_id, recovered.entries.len(), recovered.unsettled.len()), (41, 0, 0));
}

#[test]
fn a_file_under_a_steady_stream_stays_within_its_limit() {
    let folder = tempfile::tempdir().unwrap();
    let directory = Directory::new(folder.path(), Durability::Eventual);
    let limits = Limits { size_bytes_max: 4 << 20, ..Limits::default() };
    let (journal, _) = Journal::open(directory.clone(), limits, JournalMetrics::default(), START).unwrap();
    let mut largest = 0;
    for step in 0..150_u64 {
        let entries = (1..=50).map(|number| step * 50 + number);
        let entries: Vec<Change> = entries.map(|id| change(&entry(id, &format!("w{}", id % 70), at(id)))).collect();
        journal.write(&entries, at(step)).unwrap();
        while journal.prune(at(step)).unwrap().more {}
        largest = largest.max(std::fs::metadata(directory.file()).unwrap().len());
    }
    assert!(journal.shared.metrics.pruned.get() > 1_000, "{:?}", journal.shared.metrics);
    assert!(largest <= 4 << 20, "the file grew to {largest} bytes");
}

#[test]
fn free_space_goes_back_to_the_file_system() {
    let folder = tempfile::tempdir().unwrap();
    let directory = Directory::new(folder.path(), Durability::Eventual);
    let (journal, _) = open(directory.clone());
    let size = || std::fs::metadata(directory.file()).unwrap().len();
    let kept = entry(1, "checkout", at(1));
    journal.write(&[change(&kept)], at(1)).unwrap();
    assert!(!journal.compact().unwrap(), "a small file is left alone");
    let row = |key: u32| Change::Put { table: Table::Demand, key: key.to_string(), value: vec![b'1'; 1 << 20] };
    journal.write(&(0..70).map(row).collect::<Vec<_>>(), at(1)).unwrap();
    assert!(!journal.compact().unwrap(), "what is in use is left alone");
    journal
        .write(&(0..70).map(|key| Change::delete(Table::Demand, key.to_string())).collect::<Vec<_>>(), at(1))
        .unwrap();
    journal.write(&[change(&entry(2, "checkout", at(2)))], at(2)).unwrap();
    let before = size();
    assert!(before > 64 << 20, "{before}");
    assert!(journal.compact().unwrap());
    assert!(size() < 8 << 20, "{} of {before} bytes are left", size());
    assert_eq!(journal.reader().entry_of(1).unwrap(), Some(kept));
    journal.write(&[change(&entry(3, "checkout", at(3)))], at(3)).unwrap();
}
