//! The accepted stream on disk: what came in, so that it can be played again.
//!
//! In: samples with their series' labels, in the order in which they came. Out: a folder of segment files, and from it
//! the same samples in the order of their times. A segment stands alone (it has the labels of its series), so the oldest
//! can be removed; its blocks are compressed and checked one by one, so a torn tail or a broken block costs no more than
//! itself.
//!
//! Never here: a clock (`now` arrives), a thread (`app` has one that writes), and trust in what is read: any bytes give
//! samples or [`Damage`], never a panic.
//!
//! - `bytes`, `bits`: whole numbers of few bytes, and bits; `values`, `times`: a series' samples in some two bytes each;
//! - `block`: the samples of many series, and their labels; `segment`: blocks in a file;
//! - `files`: the folder; `writer`, `reader`.
//!
//! Samples, checked and unpacked, are some 25 ns of work to read and 100 ns to write.

mod bits;
mod block;
mod bytes;
mod files;
mod reader;
mod segment;
mod times;
mod values;
mod writer;

#[cfg(test)]
mod tests;

pub use reader::{Recording, Samples};
pub use segment::Damage;
pub use writer::{Limits, Writer};

use std::path::PathBuf;

use crate::labels::Labels;
use crate::sample::Sample;

/// A sample on its way into a recording. A clone of labels is a reference count.
#[derive(Debug, Clone)]
pub struct Taken {
    pub labels: Labels,
    pub sample: Sample,
}

/// Why a recording can't be read or written.
#[derive(Debug, thiserror::Error)]
pub enum RecordingError {
    #[error("{}: the folder can't be used; check that it exists and who may write there", path.display())]
    Folder { path: PathBuf, source: std::io::Error },
    #[error("{}: can't be written; {lost} samples are not recorded", path.display())]
    Write { path: PathBuf, lost: u64, source: std::io::Error },
    #[error("{}: can't be read", path.display())]
    Read { path: PathBuf, source: std::io::Error },
    #[error("{} holds no recording (*.hrec); name the folder that recording.directory of headroom.yaml names", .0.display())]
    Empty(PathBuf),
    #[error("{}: written in version {version} of the format; this program reads up to version {known}", path.display())]
    Newer { path: PathBuf, version: u8, known: u8 },
}
