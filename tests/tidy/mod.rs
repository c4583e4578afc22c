//! What keeps the house: floors, banned calls, the places of `unsafe`, and documents that tell the truth.

#![allow(clippy::panic, reason = "what tests call fails as a test does")]

mod calls;
mod documents;
mod floors;
mod manifests;

use std::fs;
use std::path::{Path, PathBuf};

/// A source file of the crate, without its tests.
struct Source {
    /// From the top of the repository: `src/series/ring.rs`.
    path: String,
    /// The lines that run in production, comments blanked out.
    code: String,
    /// The lines as they stand.
    text: String,
}

impl Source {
    fn new(path: &Path) -> Self {
        let text = read(path);
        let production = text.split("#[cfg(test)]\nmod tests {").next().unwrap_or_default();
        let code = production.lines().map(without_comment).collect::<Vec<_>>().join("\n");
        Self { path: path.to_string_lossy().into_owned(), code, text }
    }

    /// The room that it belongs to: the folder under `src`, or the file beside them (`time`).
    fn room(&self) -> &str {
        let below = self.path.strip_prefix("src/").unwrap_or(&self.path);
        below.split(['/', '.']).next().unwrap_or_default()
    }

    /// The lines of its code, numbered as an editor does.
    fn lines(&self) -> impl Iterator<Item = (usize, &str)> {
        self.code.lines().enumerate().map(|(at, line)| (at + 1, line))
    }
}

/// A line without what stands behind `//`, save in an address (`http://…`).
fn without_comment(line: &str) -> &str {
    let begins =
        line.match_indices("//").map(|(at, _)| at).find(|at| !line.get(..*at).is_some_and(|b| b.ends_with(':')));
    line.get(..begins.unwrap_or(line.len())).unwrap_or_default()
}

/// Every source file below `src` that is not a test.
fn sources() -> Vec<Source> {
    let files = files_below("src").into_iter().filter(|path| path.extension().is_some_and(|ending| ending == "rs"));
    let production = files.filter(|path| !path.components().any(|part| part.as_os_str() == "tests"));
    let sources: Vec<Source> =
        production.filter(|path| !path.ends_with("tests.rs")).map(|path| Source::new(&path)).collect();
    assert!(sources.len() > 100, "the sources are found: {}", sources.len());
    sources
}

/// Every file below a folder, in order; none where there is no such folder.
fn files_below(folder: impl AsRef<Path>) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(folder) else { return Vec::new() };
    let mut files = Vec::new();
    for entry in entries {
        let path = entry.expect("a folder can be listed").path();
        if path.is_dir() { files.extend(files_below(path)) } else { files.push(path) }
    }
    files.sort();
    files
}

fn read(path: impl AsRef<Path>) -> String {
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.as_ref().display()))
}

/// Fails with all that was found, a line each.
#[track_caller]
fn none(what: &str, found: &[String]) {
    assert!(found.is_empty(), "{what}:\n  {}", found.join("\n  "));
}
