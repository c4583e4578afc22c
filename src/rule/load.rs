//! Finds and reads rule files.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use crate::config::Finding;

/// The largest rule file that is read: a hundred thousand rules.
const FILE_BYTES_MAX: u64 = 16 << 20;

/// Rule files and their texts.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Loaded {
    /// Sorted by path; a file that several globs match comes once.
    pub files: Vec<(PathBuf, String)>,
    /// A line for each glob that matches nothing.
    pub warnings: Vec<String>,
}

/// Reads the files that match the globs; relative globs start at `folder`, the settings file's.
pub fn load(globs: &[String], folder: &Path) -> Result<Loaded, Finding> {
    let mut loaded = Loaded::default();
    let mut paths = BTreeSet::new();
    for pattern in globs {
        let found = matches(pattern, folder)?;
        if found.is_empty() {
            loaded.warnings.push(format!("no rule file matches {}", folder.join(pattern).display()));
        }
        paths.extend(found);
    }
    for path in paths {
        let text = read(&path)?;
        loaded.files.push((path, text));
    }
    Ok(loaded)
}

fn matches(pattern: &str, folder: &Path) -> Result<Vec<PathBuf>, Finding> {
    // The folder is a name, whatever signs are in it; only the rest is a pattern.
    let folder = glob::Pattern::escape(&folder.to_string_lossy());
    let whole = Path::new(&folder).join(pattern);
    let found = glob::glob(&whole.to_string_lossy()).map_err(|error| {
        Finding::about(pattern, format!("not a glob at character {}: {}", error.pos + 1, error.msg))
    })?;
    found
        .filter(|path| path.as_ref().map_or(true, |path| path.is_file()))
        .map(|path| path.map_err(|error| Finding::about(error.path(), format!("can't be read: {}", error.error()))))
        .collect()
}

/// Reads one file whole, if it is of a size that a rule or settings file may have.
pub fn read(path: &Path) -> Result<String, Finding> {
    let unreadable = |error: std::io::Error| Finding::about(path, format!("can't be read: {error}"));
    let bytes = fs::metadata(path).map_err(unreadable)?.len();
    if bytes > FILE_BYTES_MAX {
        return Err(Finding::about(path, format!("holds {bytes} bytes, the limit is {FILE_BYTES_MAX}; split it")));
    }
    let bytes = fs::read(path).map_err(unreadable)?;
    String::from_utf8(bytes)
        .map_err(|error| Finding::about(path, format!("is not UTF-8 at byte {}", error.utf8_error().valid_up_to())))
}
