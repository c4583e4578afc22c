//! Whether what comes in is recorded, and how much of it is kept.

use std::path::PathBuf;
use std::time::Duration;

use super::read::{filled, set_time};
use crate::config::reader::Reader;
use crate::config::scalar::{At, Bytes, Read};
use crate::config::tree::{Kind, Node};

/// The least room: a quarter of a million samples that are hard to pack take 2 MiB, and the sixteenth part is removed at
/// once.
const SIZE_LEAST: usize = 16 << 20;

/// The recording of what comes in, for `headroom simulate` and `headroom diff`.
#[derive(Debug, Clone, PartialEq)]
pub struct Recording {
    /// A folder of its own, relative to the working directory. `None`, which is the default: nothing is recorded.
    pub directory: Option<PathBuf>,
    /// For how long samples are kept.
    pub retention: Duration,
    /// The size of all its files; the oldest samples are removed before it is reached.
    pub size_bytes_max: usize,
}

impl Default for Recording {
    fn default() -> Self {
        Self {
            directory: None,
            // Four weeks of a thousand series each 15 s are 161 million samples: some 350 MB.
            retention: Duration::from_hours(28 * 24),
            size_bytes_max: 1 << 30,
        }
    }
}

impl Read for Recording {
    fn read(reader: &Reader<'_>, node: &Node) -> Option<Self> {
        filled(reader, node, "recording", |recording: &mut Self, fields| {
            if let Some(node) = fields.node("directory") {
                match &node.kind {
                    Kind::Bool(false) => {}
                    Kind::Text(text) if text == "none" => {}
                    Kind::Text(text) if !text.is_empty() => recording.directory = Some(PathBuf::from(text)),
                    _ => fields.reader.expected(node, "a folder, or none"),
                }
            }
            set_time(fields, "retention", &mut recording.retention);
            if let Some(At { value: Bytes(bytes), span }) = fields.optional("size_bytes_max") {
                if bytes < SIZE_LEAST {
                    fields.reader.report(span, "size_bytes_max of a recording is 16MiB at least");
                } else {
                    recording.size_bytes_max = bytes;
                }
            }
        })
    }
}
