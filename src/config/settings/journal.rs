//! Where decisions are written down, and for how long.

use std::path::PathBuf;
use std::time::Duration;

use super::read::{filled, set_bytes, set_time};
use crate::config::reader::Reader;
use crate::config::scalar::{Read, word};
use crate::config::tree::{Kind, Node};

/// The journal: every decision that changes something is in it before it is carried out.
#[derive(Debug, Clone, PartialEq)]
pub struct Journal {
    /// A folder of its own, relative to the working directory. `None`, written `none` or `false`: the journal is kept
    /// in memory and ends with the process.
    pub directory: Option<PathBuf>,
    /// For how long decisions are kept.
    pub retention: Duration,
    /// The size of its file; the oldest decisions are removed before it is reached.
    pub size_bytes_max: usize,
    pub durability: Durability,
}

/// When a decision counts as written down.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Durability {
    /// When the disk has it.
    Immediate,
    /// When the operating system has it: a kill of the process loses nothing, a loss of power may cost the journal.
    Eventual,
}

impl Default for Journal {
    fn default() -> Self {
        Self {
            directory: Some(PathBuf::from("data")),
            // A decision takes some 2.8 KB of the file at most: 12,000 a day for 30 days fill the size below.
            retention: Duration::from_hours(30 * 24),
            size_bytes_max: 1 << 30,
            durability: Durability::Immediate,
        }
    }
}

impl Read for Journal {
    fn read(reader: &Reader<'_>, node: &Node) -> Option<Self> {
        filled(reader, node, "journal", |journal: &mut Self, fields| {
            if let Some(Directory(directory)) = fields.optional("directory") {
                journal.directory = directory;
            }
            set_time(fields, "retention", &mut journal.retention);
            set_bytes(fields, "size_bytes_max", &mut journal.size_bytes_max);
            fields.set("durability", &mut journal.durability);
        })
    }
}

/// A folder, or none.
struct Directory(Option<PathBuf>);

impl Read for Directory {
    fn read(reader: &Reader<'_>, node: &Node) -> Option<Self> {
        match &node.kind {
            Kind::Bool(false) => Some(Self(None)),
            Kind::Text(text) if text == "none" => Some(Self(None)),
            Kind::Text(text) if !text.is_empty() => Some(Self(Some(PathBuf::from(text)))),
            _ => {
                reader.expected(node, "a folder, or none");
                None
            }
        }
    }
}

impl Read for Durability {
    fn read(reader: &Reader<'_>, node: &Node) -> Option<Self> {
        word(reader, node, "durability", &[("immediate", Self::Immediate), ("eventual", Self::Eventual)])
    }
}
