//! Files that are not as they were left: the service starts, and what is there is kept beside.

use std::fs;

use super::*;

/// A directory with a journal of 300 entries, closed.
fn filled() -> (tempfile::TempDir, Directory) {
    let folder = tempfile::tempdir().unwrap();
    let directory = Directory::new(folder.path(), Durability::Eventual);
    let (journal, _) = open(directory.clone());
    for step in 0..30_u64 {
        let entries: Vec<Change> = (1..=10).map(|id| change(&entry(step * 10 + id, "checkout", at(step)))).collect();
        journal.write(&entries, at(step)).unwrap();
    }
    drop(journal);
    (folder, directory)
}

fn asides(folder: &tempfile::TempDir) -> Vec<String> {
    let names = fs::read_dir(folder.path()).unwrap().map(|file| file.unwrap().file_name().into_string().unwrap());
    let mut asides: Vec<String> = names.filter(|name| name != FILE).collect();
    asides.sort();
    asides
}

/// Damages the file; it must be set aside, or read in full.
#[track_caller]
fn check(damage: impl FnOnce(&mut Vec<u8>)) {
    let (folder, directory) = filled();
    let mut bytes = fs::read(directory.file()).unwrap();
    damage(&mut bytes);
    fs::write(directory.file(), &bytes).unwrap();
    let metrics = JournalMetrics::default();
    let (journal, recovered) = Journal::open(directory, Limits::default(), metrics.clone(), START).unwrap();
    assert_eq!(asides(&folder), ["headroom.redb.corrupt-2025-10-09T08-53-20.000Z"]);
    assert_eq!(fs::read(folder.path().join(&asides(&folder)[0])).unwrap().len(), bytes.len(), "it is kept as it was");
    assert_eq!(recovered.entries.len(), 0);
    assert!(metrics.errors.get() > 0);
    assert!(recovered.last_id > 300, "ids go on beyond the lost ones");
    let next = entry(recovered.last_id + 1, "checkout", at(99));
    journal.write(&[change(&next)], at(99)).unwrap();
    assert_eq!(journal.reader().entry_of(next.id).unwrap(), Some(next));
}

#[test]
fn garbage_is_set_aside() {
    check(|bytes| *bytes = b"This is no journal, and never was. ".repeat(1_000));
    check(|bytes| *bytes = vec![0; 100_000]);
    check(|bytes| *bytes = b"x".to_vec());
}

#[test]
fn a_file_that_was_cut_is_set_aside() {
    check(|bytes| bytes.truncate(bytes.len() / 2));
    check(|bytes| bytes.truncate(4_096));
    check(|bytes| bytes.truncate(100));
}

#[test]
fn a_broken_head_is_set_aside() {
    check(|bytes| bytes[..16].fill(0xff));
    check(|bytes| bytes[..4_096].fill(0));
}

#[test]
fn an_empty_file_begins_anew_with_higher_ids() {
    let (folder, directory) = filled();
    fs::write(directory.file(), b"").unwrap();
    let (_, recovered) = open(directory);
    assert_eq!(asides(&folder), [] as [&str; 0], "there is nothing to keep");
    assert!(recovered.last_id > 300);
}

#[test]
fn two_damaged_files_are_kept_side_by_side() {
    let folder = tempfile::tempdir().unwrap();
    let directory = Directory::new(folder.path(), Durability::Eventual);
    for _ in 0..2 {
        fs::write(directory.file(), "no journal").unwrap();
        open(directory.clone());
    }
    assert_eq!(asides(&folder).len(), 2);
}

/// A flipped bit anywhere is found, or harms nothing that is read: an entry is whole and right, or it is not there.
#[test]
fn flipped_bits_never_give_a_wrong_entry_nor_stop_the_start() {
    let (_folder, directory) = filled();
    let bytes = fs::read(directory.file()).unwrap();
    let mut set_aside = 0;
    for place in (0..bytes.len()).step_by(bytes.len() / 97) {
        let folder = tempfile::tempdir().unwrap();
        let directory = Directory::new(folder.path(), Durability::Eventual);
        let mut damaged = bytes.clone();
        damaged[place] ^= 1 << (place % 8);
        fs::write(directory.file(), &damaged).unwrap();
        let (journal, _) = open(directory);
        set_aside += asides(&folder).len();
        // Reading and writing may tell of damage; neither may fail in another way.
        if let Ok(page) = journal.reader().decisions(&Filter { limit: PAGE_MAX, ..Filter::default() }) {
            for read in page.entries.iter().filter(|read| read.id <= 300) {
                assert_eq!(*read, entry(read.id, "checkout", at((read.id - 1) / 10)), "a bit flipped at byte {place}");
            }
        }
        let next = [change(&entry(5_000_000_000_000, "search", at(50)))];
        if journal.write(&next, at(50)).is_err() {
            journal.write(&next, at(50)).unwrap();
        }
    }
    assert!(set_aside > 0, "some of the bits matter");
}
