//! Bounds by size and age, order over segments, what a restart finds.

use std::time::Duration;

use super::super::{Limits, Recording, Writer};
use super::{at, limits, read, record, rows, series, taken};

const MINUTE: i64 = 60_000;

/// Files of a folder.
fn files(folder: &std::path::Path) -> usize {
    std::fs::read_dir(folder).unwrap().count()
}

fn bytes(folder: &std::path::Path) -> u64 {
    std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().metadata().unwrap().len()).sum()
}

#[test]
fn samples_come_in_the_order_of_time_over_blocks_and_segments() {
    let folder = tempfile::tempdir().unwrap();
    let (one, other) = (series("a", 1), series("b", 1));
    // A sender that was cut off sends what is older later; a restart begins another segment.
    let parts = [
        vec![taken(&one, 0, 1.0), taken(&one, 30_000, 2.0), taken(&other, 15_000, 3.0)],
        vec![taken(&one, 45_000, 4.0), taken(&other, 5_000, 5.0)],
    ];
    record(folder.path(), &[&parts[0], &parts[1]]);
    let later = vec![taken(&other, 40_000, 6.0), taken(&one, 60_000, 7.0)];
    record(folder.path(), &[&later]);
    assert_eq!(files(folder.path()), 2);
    let (samples, findings) = read(folder.path());
    assert_eq!(findings, Vec::<String>::new());
    assert_eq!(samples, rows(&[&parts[0], &parts[1], &later]));
    let recording = Recording::open(folder.path()).unwrap();
    assert_eq!((recording.len(), recording.series().len()), (7, 2));
    assert_eq!(recording.span(), Some((at(0), at(60_000))));
    let part: Vec<i64> = recording.samples(at(15_000)..at(45_000)).map(|(_, sample)| sample.at.as_millis()).collect();
    assert_eq!(part, [15_000, 30_000, 40_000].map(|ms| at(ms).as_millis()));
}

/// A day of a hundred series each minute, such that it can't be packed well.
fn a_day(writer: &mut Writer, mut look: impl FnMut(&Writer)) {
    for minute in 0..24 * 60 {
        for pod in 0..100 {
            let value = f64::from(u32::try_from(minute * 100 + pod).unwrap()).sin();
            let pod = series("load", usize::try_from(pod).unwrap());
            writer.add(&taken(&pod, minute * MINUTE, value), at(minute * MINUTE)).unwrap();
        }
        writer.tick(at(minute * MINUTE)).unwrap();
        look(writer);
    }
}

#[test]
fn a_recording_never_takes_more_than_its_bytes() {
    let folder = tempfile::tempdir().unwrap();
    let most = Limits { max_bytes: 400_000, ..limits() };
    let mut writer = Writer::open(folder.path(), most, at(0)).unwrap();
    a_day(&mut writer, |writer| assert!(writer.bytes() <= 400_000));
    assert_eq!(writer.bytes(), bytes(folder.path()));
    assert!(writer.bytes() > 350_000, "{}", writer.bytes());
    drop(writer);
    // The newest are left, and each segment stands alone.
    let recording = Recording::open(folder.path()).unwrap();
    let (first, last) = recording.span().unwrap();
    assert!(first > at(12 * 60 * MINUTE) && last >= at((24 * 60 - 6) * MINUTE), "{first} {last}");
    assert_eq!((recording.series().len(), recording.findings().len()), (100, 0));
    // A restart with less room makes room.
    let writer = Writer::open(folder.path(), Limits { max_bytes: 100_000, ..limits() }, at(24 * 60 * MINUTE)).unwrap();
    assert!(writer.bytes() <= 100_000 && bytes(folder.path()) <= 100_000);
}

#[test]
fn what_is_older_than_the_age_goes() {
    let folder = tempfile::tempdir().unwrap();
    let hours = Limits { max_age: Duration::from_hours(4), ..limits() };
    let mut writer = Writer::open(folder.path(), hours, at(0)).unwrap();
    a_day(&mut writer, |_| {});
    drop(writer);
    let (first, last) = Recording::open(folder.path()).unwrap().span().unwrap();
    let kept = last.since(first);
    assert!(kept >= Duration::from_hours(4) && kept < Duration::from_mins(4 * 60 + 30), "{kept:?}");
    // Nothing came for a month.
    let writer = Writer::open(folder.path(), hours, at(30 * 24 * 60 * MINUTE)).unwrap();
    assert_eq!((writer.bytes(), files(folder.path())), (0, 0));
}

#[test]
fn a_block_is_written_within_five_minutes() {
    let folder = tempfile::tempdir().unwrap();
    let mut writer = Writer::open(folder.path(), limits(), at(0)).unwrap();
    writer.add(&taken(&series("a", 1), 0, 1.0), at(0)).unwrap();
    writer.tick(at(299_999)).unwrap();
    assert_eq!((writer.written(), files(folder.path())), (0, 0));
    writer.tick(at(300_000)).unwrap();
    // As after a kill: the writer is not asked to end.
    std::mem::forget(writer);
    assert_eq!(read(folder.path()).0.len(), 1);
}

#[test]
fn other_files_are_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("notes.txt"), "mine").unwrap();
    std::fs::write(folder.path().join("old.hrec"), "mine").unwrap();
    let mut writer = Writer::open(folder.path(), Limits { max_bytes: 1, ..limits() }, at(0)).unwrap();
    writer.add(&taken(&series("a", 1), 0, 1.0), at(0)).unwrap();
    writer.flush(at(0)).unwrap();
    assert_eq!(files(folder.path()), 3);
}

#[test]
fn a_folder_that_is_none_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("file");
    std::fs::write(&file, "").unwrap();
    let error = Writer::open(&file, limits(), at(0)).unwrap_err().to_string();
    assert!(error.ends_with("file: the folder can't be used; check that it exists and who may write there"), "{error}");
}

#[test]
fn a_write_that_fails_costs_its_samples_and_no_more() {
    let folder = tempfile::tempdir().unwrap();
    let into = folder.path().join("recording");
    let mut writer = Writer::open(&into, limits(), at(0)).unwrap();
    std::fs::remove_dir(&into).unwrap();
    let labels = series("a", 1);
    writer.add(&taken(&labels, 0, 1.0), at(0)).unwrap();
    let error = writer.flush(at(0)).unwrap_err().to_string();
    assert!(error.ends_with("recording: can't be written; 1 samples are not recorded"), "{error}");
    std::fs::create_dir(&into).unwrap();
    let next = [taken(&labels, 15_000, 2.0)];
    writer.add(&next[0], at(0)).unwrap();
    writer.flush(at(0)).unwrap();
    assert_eq!(read(&into).0, rows(&[&next]));
}
