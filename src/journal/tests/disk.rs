//! A disk that dies at a chosen write or sync. What was not synced may be there afterwards, or not, in any mixture.

use std::io;
use std::sync::{Arc, Mutex};

use redb::StorageBackend;

use super::super::storage::{Opened, Storage};
use crate::time::Timestamp;

/// A disk; clones are the same one.
#[derive(Debug, Clone, Default)]
pub(super) struct Disk(Arc<Mutex<State>>);

#[derive(Debug, Default)]
struct State {
    /// What a reader sees.
    seen: Vec<u8>,
    /// What survives.
    synced: Vec<u8>,
    pending: Vec<Stroke>,
    strokes: usize,
    /// At which stroke it dies.
    dies_at: Option<usize>,
    set_aside: usize,
}

/// What changes the disk.
#[derive(Debug, Clone)]
enum Stroke {
    Write(u64, Vec<u8>),
    SetLen(u64),
}

impl Stroke {
    fn apply(&self, bytes: &mut Vec<u8>) {
        match self {
            Self::Write(offset, data) => {
                let start = usize::try_from(*offset).unwrap();
                let end = start + data.len();
                if bytes.len() < end {
                    bytes.resize(end, 0);
                }
                bytes[start..end].copy_from_slice(data);
            }
            Self::SetLen(len) => bytes.resize(usize::try_from(*len).unwrap(), 0),
        }
    }
}

impl State {
    /// Counts a stroke; an error from the one on at which the disk dies.
    fn stroke(&mut self) -> io::Result<()> {
        self.strokes += 1;
        if self.dies_at.is_some_and(|at| self.strokes > at) {
            Err(io::Error::other("the disk is dead"))
        } else {
            Ok(())
        }
    }

    fn change(&mut self, stroke: Stroke) -> io::Result<()> {
        let alive = self.stroke();
        if let (Err(error), Stroke::Write(offset, data)) = (&alive, &stroke) {
            // The write during which it dies may have been done in part.
            if Some(self.strokes) == self.dies_at.map(|at| at + 1) {
                self.pending.push(Stroke::Write(*offset, data[..data.len() / 2].to_vec()));
            }
            return Err(io::Error::other(error.to_string()));
        }
        alive?;
        stroke.apply(&mut self.seen);
        self.pending.push(stroke);
        Ok(())
    }
}

impl Disk {
    pub(super) fn die_at(&self, stroke: usize) {
        self.0.lock().unwrap().dies_at = Some(stroke);
    }

    /// Writes, changes of length and syncs so far.
    pub(super) fn strokes(&self) -> usize {
        self.0.lock().unwrap().strokes
    }

    pub(super) fn times_set_aside(&self) -> usize {
        self.0.lock().unwrap().set_aside
    }

    /// It works again, with the same content.
    pub(super) fn mend(&self) {
        self.0.lock().unwrap().dies_at = None;
    }

    /// The power comes back: of what was not synced, each stroke is there or not, as `luck` says bit by bit.
    pub(super) fn restart(&self, mut luck: u64) {
        let mut state = self.0.lock().unwrap();
        let mut bytes = std::mem::take(&mut state.synced);
        for stroke in std::mem::take(&mut state.pending) {
            // xorshift
            luck ^= luck << 13;
            luck ^= luck >> 7;
            luck ^= luck << 17;
            if luck & 1 == 1 {
                stroke.apply(&mut bytes);
            }
        }
        (state.seen, state.synced, state.dies_at) = (bytes.clone(), bytes, None);
    }
}

impl Storage for Disk {
    fn open(&self) -> io::Result<Opened> {
        let is_new = self.0.lock().unwrap().seen.is_empty();
        Ok(Opened { backend: Box::new(self.clone()), is_new })
    }

    fn set_aside(&self, _: Timestamp) -> io::Result<String> {
        let mut state = self.0.lock().unwrap();
        state.set_aside += 1;
        (state.seen, state.synced, state.pending) = Default::default();
        Ok("the bin".to_owned())
    }

    fn place(&self) -> String {
        "the disk".to_owned()
    }
}

impl StorageBackend for Disk {
    fn len(&self) -> io::Result<u64> {
        Ok(self.0.lock().unwrap().seen.len() as u64)
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        let state = self.0.lock().unwrap();
        let start = usize::try_from(offset).unwrap();
        let bytes = state.seen.get(start..start + out.len());
        out.copy_from_slice(bytes.ok_or_else(|| io::Error::from(io::ErrorKind::UnexpectedEof))?);
        Ok(())
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.0.lock().unwrap().change(Stroke::SetLen(len))
    }

    fn sync_data(&self) -> io::Result<()> {
        let mut state = self.0.lock().unwrap();
        state.stroke()?;
        for stroke in std::mem::take(&mut state.pending) {
            stroke.apply(&mut state.synced);
        }
        Ok(())
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        self.0.lock().unwrap().change(Stroke::Write(offset, data.to_vec()))
    }
}
