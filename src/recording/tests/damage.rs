//! A torn tail is cut off, a broken block is skipped, and the rest is read.

use expect_test::{Expect, expect};
use proptest::prelude::*;

use super::super::segment::{HEADER_BYTES, parse_header};
use super::super::{Recording, RecordingError, Taken};
use super::{at, read, record, rows, series, taken};
use crate::time::Timestamp;

/// Two blocks of four samples each, in one segment.
fn parts() -> [Vec<Taken>; 2] {
    let (one, other) = (series("requests", 1), series("requests", 2));
    let part = |from: i64| {
        [&one, &other]
            .iter()
            .flat_map(|labels| [taken(labels, from, 1.0), taken(labels, from + 15_000, 2.0)])
            .collect::<Vec<_>>()
    };
    [part(0), part(30_000)]
}

/// A recording of [`parts`], and its only file.
fn recorded() -> (tempfile::TempDir, std::path::PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let parts = parts();
    record(folder.path(), &[&parts[0], &parts[1]]);
    let file = std::fs::read_dir(folder.path()).unwrap().next().unwrap().unwrap().path();
    (folder, file)
}

#[test]
fn a_tail_that_is_torn_at_any_byte_is_cut_off() {
    let (folder, file) = recorded();
    let whole = std::fs::read(&file).unwrap();
    let [first, second] = parts();
    let all = rows(&[&first, &second]);
    let mut seen = std::collections::BTreeSet::new();
    for length in (0..=whole.len()).rev() {
        std::fs::write(&file, &whole[..length]).unwrap();
        let (samples, findings) = read(folder.path());
        assert!(samples == all || samples == rows(&[&first]) || samples.is_empty(), "{length}: {samples:?}");
        assert!(findings.len() <= 1, "{length}: {findings:?}");
        // Nothing is told where the file ends as a block does.
        let ends = [HEADER_BYTES, marks(&whole)[1], marks(&whole)[2], whole.len()];
        assert_eq!(findings.is_empty(), ends.contains(&length), "{length}: {findings:?}");
        seen.insert(samples.len());
    }
    assert_eq!(seen.into_iter().collect::<Vec<_>>(), [0, 4, 8]);
}

#[track_caller]
fn check(change: impl FnOnce(&mut Vec<u8>), samples: usize, findings: &Expect) {
    let (folder, file) = recorded();
    let mut bytes = std::fs::read(&file).unwrap();
    change(&mut bytes);
    std::fs::write(&file, &bytes).unwrap();
    let (read, found) = read(folder.path());
    assert_eq!(read.len(), samples);
    findings.assert_eq(&(found.join("\n") + "\n"));
}

/// Where the blocks begin: labels, samples, samples.
fn marks(bytes: &[u8]) -> Vec<usize> {
    (0..bytes.len()).filter(|at| bytes[*at..].starts_with(b"hrB")).collect()
}

#[test]
fn a_broken_block_is_skipped_and_told() {
    let flip = |block: usize, into: usize| {
        move |bytes: &mut Vec<u8>| {
            let at = marks(bytes)[block] + into;
            bytes[at] ^= 1;
        }
    };
    // Within its bytes, and within its head.
    check(
        flip(1, 50),
        4,
        &expect![[r#"
            0001760000000000.hrec: 68 bytes skipped at byte 104: its bytes are not those that were written
        "#]],
    );
    check(
        flip(1, 6),
        4,
        &expect![[r#"
            0001760000000000.hrec: 68 bytes skipped at byte 104: its bytes are not those that were written
        "#]],
    );
    check(
        flip(2, 1),
        4,
        &expect![[r#"
            0001760000000000.hrec: 68 bytes skipped at byte 172: no block begins there
        "#]],
    );
    // Without labels nobody knows whose samples they are.
    check(
        flip(0, 60),
        0,
        &expect![[r#"
            0001760000000000.hrec: 88 bytes skipped at byte 16: its bytes are not those that were written
            0001760000000000.hrec: 4 of 4 samples left out at byte 104: the labels of its series are lost
            0001760000000000.hrec: 4 of 4 samples left out at byte 172: the labels of its series are lost
        "#]],
    );
    check(
        |bytes| bytes[0] = b'x',
        0,
        &expect![[r#"
        0001760000000000.hrec: left out: it does not begin as a segment of a recording does
    "#]],
    );
    check(
        |bytes| bytes.truncate(bytes.len() - 4),
        4,
        &expect![[r#"
            0001760000000000.hrec: the last 64 bytes are cut off: a block was not finished
        "#]],
    );
}

#[test]
fn a_newer_format_and_an_empty_folder_say_what_to_do() {
    let (folder, file) = recorded();
    let mut bytes = std::fs::read(&file).unwrap();
    bytes[7] = 9;
    std::fs::write(&file, &bytes).unwrap();
    let error = Recording::open(folder.path()).unwrap_err();
    assert!(matches!(error, RecordingError::Newer { version: 9, known: 1, .. }), "{error}");
    let empty = tempfile::tempdir().unwrap();
    let error = Recording::open(empty.path()).unwrap_err().to_string();
    assert!(
        error.ends_with("holds no recording (*.hrec); name the folder that recording.directory of headroom.yaml names"),
        "{error}"
    );
    assert!(matches!(Recording::open(&empty.path().join("none")), Err(RecordingError::Read { .. })));
}

#[test]
fn a_header_tells_when_the_segment_was_begun() {
    let (_folder, file) = recorded();
    let bytes = std::fs::read(file).unwrap();
    assert_eq!(parse_header(&bytes[..HEADER_BYTES]), Ok(at(0)));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    /// Any file of the right name is read to its end.
    #[test]
    fn any_bytes_are_read_without_a_panic(bytes in prop::collection::vec(any::<u8>(), 0..400), ours in any::<bool>()) {
        let (folder, file) = recorded();
        let mut content = if ours { std::fs::read(&file).unwrap() } else { super::super::segment::header(at(0)).to_vec() };
        content.extend(bytes);
        std::fs::write(&file, &content).unwrap();
        let (samples, _) = read(folder.path());
        let least = if ours { 8 } else { 0 };
        prop_assert!(samples.len() >= least);
    }

    /// A byte changed anywhere costs a block at most, or all where the labels were; what is given is what was written.
    #[test]
    fn a_changed_byte_costs_a_block_at_most(place in any::<prop::sample::Index>(), by in 1_u8..) {
        let (folder, file) = recorded();
        let mut bytes = std::fs::read(&file).unwrap();
        let changed = place.index(bytes.len());
        bytes[changed] ^= by;
        std::fs::write(&file, &bytes).unwrap();
        let [first, second] = parts();
        let all = rows(&[&first, &second]);
        if let Ok(recording) = Recording::open(folder.path()) {
            let given = recording.samples(Timestamp::MIN..Timestamp::MAX).count();
            prop_assert!(given % 4 == 0);
            let (given, _) = read(folder.path());
            prop_assert!(given.iter().all(|row| all.contains(row)));
        }
    }
}
