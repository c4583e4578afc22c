//! The folder: a file for each segment, named for the time at which it was begun, so that names sort by age.

pub(super) use std::fs::File;
use std::fs::{self, OpenOptions};
use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};

use crate::time::Timestamp;

/// How the names of segments end.
const ENDING: &str = "hrec";

/// A segment's file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Segment {
    pub(super) path: PathBuf,
    /// By its name.
    pub(super) created_at: Timestamp,
    pub(super) bytes: u64,
}

/// The segments of a folder, the oldest first. Files of other names are nobody's business.
pub(super) fn list(folder: &Path) -> io::Result<Vec<Segment>> {
    let mut segments = Vec::new();
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let path = entry.path();
        let Some(created_at) = created_at(&path) else { continue };
        let metadata = entry.metadata()?;
        if metadata.is_file() {
            segments.push(Segment { path, created_at, bytes: metadata.len() });
        }
    }
    segments.sort_by(|one, other| one.path.cmp(&other.path));
    Ok(segments)
}

fn created_at(path: &Path) -> Option<Timestamp> {
    if path.extension()? != ENDING {
        return None;
    }
    path.file_stem()?.to_str()?.parse().ok().map(Timestamp::from_millis)
}

/// Makes the folder, and tries whether files can be made there.
pub(super) fn prepare(folder: &Path) -> io::Result<()> {
    fs::create_dir_all(folder)?;
    let trial = folder.join(".trial");
    File::create(&trial)?;
    fs::remove_file(trial)
}

/// Begins a segment. Where there is one of the same time, it takes the next millisecond.
pub(super) fn create(folder: &Path, now: Timestamp) -> io::Result<(Segment, File)> {
    let mut at = now.as_millis().max(0);
    loop {
        let path = folder.join(format!("{at:016}.{ENDING}"));
        match OpenOptions::new().append(true).create_new(true).open(&path) {
            Ok(file) => return Ok((Segment { path, created_at: Timestamp::from_millis(at), bytes: 0 }, file)),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => at += 1,
            Err(error) => return Err(error),
        }
    }
}

/// Appends to a segment.
pub(super) fn append(file: &mut File, bytes: &[u8]) -> io::Result<()> {
    file.write_all(bytes)
}

/// Sees to it that the disk has a segment that is complete.
pub(super) fn complete(file: &File) -> io::Result<()> {
    file.sync_data()
}

/// Removes a segment; one that is gone already is fine.
pub(super) fn remove(segment: &Segment) -> io::Result<()> {
    match fs::remove_file(&segment.path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

/// All bytes of a segment; the files are bounded where they are written.
pub(super) fn read(path: &Path) -> io::Result<Vec<u8>> {
    fs::read(path)
}

/// Some bytes of a segment, into a buffer whose memory is used again.
pub(super) fn read_part(file: &mut File, at: u64, length: usize, buffer: &mut Vec<u8>) -> io::Result<()> {
    buffer.clear();
    file.seek(SeekFrom::Start(at))?;
    let read = file.take(length as u64).read_to_end(buffer)?;
    if read == length { Ok(()) } else { Err(io::ErrorKind::UnexpectedEof.into()) }
}

pub(super) fn open(path: &Path) -> io::Result<File> {
    File::open(path)
}
