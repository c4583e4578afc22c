//! Calls that have no business where they stand, and the few places of `unsafe`.

use std::path::PathBuf;

use super::floors::floor;
use super::{Source, files_below, none, sources};

/// The highest floor that is quiet: up to the engine, time and the world arrive as arguments.
const QUIET: usize = 7;

/// What a quiet room does not say, and why.
const BANNED: [(&str, &str); 8] = [
    ("SystemTime", "time arrives as `now`"),
    ("Instant::now", "time arrives as `now`"),
    ("tokio::", "waiting is state, and tasks belong to `app` and the doors"),
    ("thread::spawn", "tasks belong to `app` and the doors"),
    ("thread::sleep", "waiting is state"),
    ("std::fs", "what is written arrives as text"),
    ("println!", "output is a return value, or the log"),
    ("std::env", "settings arrive as `Settings`"),
];

/// Who may do it after all: rule and settings files are read where globs are known, and the journal and the recording
/// open their files.
const EXCUSED: [(&str, &str); 3] =
    [("src/rule/load.rs", "std::fs"), ("src/journal/storage.rs", "std::fs"), ("src/recording/files.rs", "std::fs")];

/// Where `unsafe` may stand: hot rooms, and three corners outside the library that call the system.
const UNSAFE: [&str; 6] = [
    "src/series/",
    "src/sample/",
    "src/ingest/",
    "benches/measure/",
    "tests/ingest/allocation.rs",
    "tests/peers/process.rs",
];

/// How many lines above `unsafe` its proof may begin.
const PROOF_LINES: usize = 6;

#[test]
fn quiet_rooms_read_no_clock_and_touch_no_world() {
    let mut found = Vec::new();
    for source in sources().iter().filter(|source| is_quiet(source)) {
        for (number, line) in source.lines() {
            for (call, reason) in BANNED {
                if line.contains(call) && !EXCUSED.contains(&(source.path.as_str(), call)) {
                    found.push(format!("{}:{number}: {call}: {reason}", source.path));
                }
            }
        }
    }
    none("calls that quiet rooms don't make", &found);
}

fn is_quiet(source: &Source) -> bool {
    !matches!(source.room(), "lib" | "main") && floor(source.room()) <= QUIET
}

#[test]
fn the_wall_clock_is_read_in_one_file() {
    let readers = sources().into_iter().filter(|source| source.code.contains("SystemTime::now"));
    let readers: Vec<String> = readers.map(|source| source.path).collect();
    assert_eq!(readers, ["src/app/clock.rs"]);
}

/// Every Rust file, tests and benches too; this one speaks of `unsafe` only.
fn all_rust() -> impl Iterator<Item = PathBuf> {
    let files = ["src", "tests", "benches", "proto"].into_iter().flat_map(files_below);
    files.filter(|path| path.extension().is_some_and(|ending| ending == "rs") && !path.starts_with("tests/tidy"))
}

#[test]
fn unsafe_stands_in_few_places_with_its_proof_above_it() {
    let mut found = Vec::new();
    for path in all_rust() {
        let source = Source::new(&path);
        let lines: Vec<&str> = source.text.lines().collect();
        for (number, line) in source.lines() {
            let opens = ["unsafe {", "unsafe fn", "unsafe impl", "unsafe trait"].iter().any(|form| line.contains(form));
            if !opens {
                continue;
            }
            if !UNSAFE.iter().any(|place| source.path.starts_with(place)) {
                found.push(format!("{}:{number}: not a place of unsafe code", source.path));
            }
            let above = &lines[number.saturating_sub(1 + PROOF_LINES)..number];
            if !above.iter().any(|line| line.contains("SAFETY:")) {
                found.push(format!("{}:{number}: no proof (`// SAFETY:`) above it", source.path));
            }
        }
    }
    none("unsafe code", &found);
}
