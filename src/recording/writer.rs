//! Gathers samples, writes them as blocks, and removes what is too much or too old.

use std::collections::{HashMap, VecDeque};
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::block::{Numbered, encode_labels, encode_samples};
use super::files::{self, File, Segment};
use super::segment::{self, Kind};
use super::{RecordingError, Taken};
use crate::labels::Labels;
use crate::time::Timestamp;

/// Samples of one block: 24 bytes each while they are gathered, 6 MiB.
const BLOCK_SAMPLES: usize = 1 << 18;

/// How long samples are gathered at most: what a kill may lose. Longer blocks are shorter by the sample: of a series that
/// is scraped each 15 s, five minutes are 20 samples.
const BLOCK_AGE: Duration = Duration::from_mins(5);

/// Labels of new series in one block: a series of 64 labels may have 330 KB, one usually has 300 bytes.
const LABEL_BYTES: usize = 4 << 20;

/// A recording is cut in so many segments or more, and loses one at a time.
const PARTS: u32 = 16;

/// A segment is no larger, so that a reader may take one whole, and its labels are not too often written.
const SEGMENT_BYTES_MAX: u64 = 64 << 20;
const SEGMENT_AGE_MAX: Duration = Duration::from_hours(24);

/// How much is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of all segments.
    pub max_bytes: u64,
    /// What is older goes, a segment at a time.
    pub max_age: Duration,
}

/// Writes a recording. One at a time for each folder.
#[derive(Debug)]
pub struct Writer {
    folder: PathBuf,
    limits: Limits,
    /// Complete segments, the oldest first.
    complete: VecDeque<Segment>,
    complete_bytes: u64,
    open: Option<Open>,
    /// Each series' number in the open segment.
    numbers: HashMap<Labels, u32, foldhash::fast::RandomState>,
    /// Series that are not in the open segment yet; the first one's number.
    fresh: Vec<Labels>,
    fresh_bytes: usize,
    gathered: Vec<Numbered>,
    gathered_since: Timestamp,
    written: u64,
    /// The memory of a block.
    buffer: Vec<u8>,
}

/// The segment that is written.
#[derive(Debug)]
struct Open {
    segment: Segment,
    file: File,
    /// Series whose labels are in it.
    series: u32,
}

impl Writer {
    /// Begins to record into a folder, which is made where there is none. What was recorded there stays, as far as the
    /// limits allow.
    pub fn open(folder: &Path, limits: Limits, now: Timestamp) -> Result<Self, RecordingError> {
        let unusable = |source| RecordingError::Folder { path: folder.to_owned(), source };
        files::prepare(folder).map_err(unusable)?;
        let complete: VecDeque<Segment> = files::list(folder).map_err(unusable)?.into();
        let complete_bytes = complete.iter().map(|segment| segment.bytes).sum();
        let mut writer = Self {
            folder: folder.to_owned(),
            limits,
            complete,
            complete_bytes,
            open: None,
            numbers: HashMap::default(),
            fresh: Vec::new(),
            fresh_bytes: 0,
            gathered: Vec::new(),
            gathered_since: now,
            written: 0,
            buffer: Vec::new(),
        };
        writer.prune(0, now).map_err(unusable)?;
        Ok(writer)
    }

    /// Takes a sample. Where a block is full, writes it: some 20 ms for each quarter of a million samples.
    ///
    /// After an error the samples that it counts are lost, and the next ones are tried in a new segment.
    pub fn add(&mut self, taken: &Taken, now: Timestamp) -> Result<(), RecordingError> {
        let Taken { labels, sample } = taken;
        let number = match self.numbers.get(labels) {
            Some(number) => *number,
            None => self.meet(labels),
        };
        if self.gathered.is_empty() {
            self.gathered_since = now;
        }
        self.gathered.push((number, *sample));
        if self.gathered.len() >= BLOCK_SAMPLES || self.fresh_bytes >= LABEL_BYTES {
            return self.flush(now);
        }
        Ok(())
    }

    /// Gives a new series its number.
    fn meet(&mut self, labels: &Labels) -> u32 {
        // A segment is full of labels long before.
        let number = u32::try_from(self.numbers.len()).unwrap_or(u32::MAX);
        self.numbers.insert(labels.clone(), number);
        self.fresh.push(labels.clone());
        self.fresh_bytes += labels.text_bytes();
        number
    }

    /// Writes what has waited long enough, and removes what has grown too old. To be called every second or so.
    pub fn tick(&mut self, now: Timestamp) -> Result<(), RecordingError> {
        if !self.gathered.is_empty() && now.since(self.gathered_since) >= BLOCK_AGE {
            self.flush(now)?;
        }
        self.prune(0, now).map_err(|source| RecordingError::Folder { path: self.folder.clone(), source })
    }

    /// Writes what was gathered.
    pub fn flush(&mut self, now: Timestamp) -> Result<(), RecordingError> {
        if self.gathered.is_empty() {
            return Ok(());
        }
        let lost = self.gathered.len() as u64;
        let written = self.write(now);
        self.gathered.clear();
        match written {
            Ok(()) => {
                self.written += lost;
                Ok(())
            }
            Err(source) => {
                let path = self.open.as_ref().map_or(&self.folder, |open| &open.segment.path).clone();
                self.close();
                Err(RecordingError::Write { path, lost, source })
            }
        }
    }

    fn write(&mut self, now: Timestamp) -> io::Result<()> {
        let span = self.gathered.iter().fold((Timestamp::MAX, Timestamp::MIN), |(first, last), (_, sample)| {
            (first.min(sample.at), last.max(sample.at))
        });
        let (samples, fresh) = (self.gathered.len(), std::mem::take(&mut self.fresh));
        self.fresh_bytes = 0;
        let body = encode_samples(&mut self.gathered);
        let mut block = std::mem::take(&mut self.buffer);
        block.clear();
        let series = self.open.as_ref().map_or(0, |open| open.series);
        if !fresh.is_empty() {
            segment::append(&mut block, Kind::Labels, &encode_labels(series, &fresh), 0, span);
        }
        segment::append(&mut block, Kind::Samples, &body, samples, span);
        let done = self.append(&block, fresh.len(), now);
        self.buffer = block;
        done?;
        if self.open.as_ref().is_some_and(|open| self.is_full(&open.segment, now)) {
            self.close();
        }
        Ok(())
    }

    fn append(&mut self, block: &[u8], fresh: usize, now: Timestamp) -> io::Result<()> {
        self.prune(block.len() as u64 + segment::HEADER_BYTES as u64, now)?;
        let mut open = if let Some(open) = self.open.take() {
            open
        } else {
            let (segment, file) = files::create(&self.folder, self.gathered_since)?;
            Open { segment, file, series: 0 }
        };
        let mut write = || {
            if open.segment.bytes == 0 {
                files::append(&mut open.file, &segment::header(open.segment.created_at))?;
                open.segment.bytes += segment::HEADER_BYTES as u64;
            }
            files::append(&mut open.file, block)?;
            open.segment.bytes += block.len() as u64;
            open.series = open.series.saturating_add(u32::try_from(fresh).unwrap_or(u32::MAX));
            Ok(())
        };
        let done = write();
        self.open = Some(open);
        done
    }

    fn is_full(&self, segment: &Segment, now: Timestamp) -> bool {
        let bytes = (self.limits.max_bytes / u64::from(PARTS)).min(SEGMENT_BYTES_MAX);
        segment.bytes >= bytes || now.since(segment.created_at) >= self.segment_age()
    }

    /// How long one segment is written.
    fn segment_age(&self) -> Duration {
        (self.limits.max_age / PARTS).min(SEGMENT_AGE_MAX)
    }

    /// Ends the open segment; the next block begins another.
    fn close(&mut self) {
        self.numbers.clear();
        self.fresh.clear();
        self.fresh_bytes = 0;
        let Some(Open { segment, file, .. }) = self.open.take() else { return };
        // What the disk did not take is cut off by who reads it.
        let _ = files::complete(&file);
        self.complete_bytes += segment.bytes;
        self.complete.push_back(segment);
    }

    /// Removes the oldest segments until `room` further bytes fit, and those of which nothing is young enough.
    fn prune(&mut self, room: u64, now: Timestamp) -> io::Result<()> {
        let oldest = now - self.limits.max_age;
        while let Some(segment) = self.complete.front() {
            // All of a segment is older than the next one's beginning.
            let next = self.complete.get(1).or(self.open.as_ref().map(|open| &open.segment));
            let ended_at = next.map_or(segment.created_at + self.segment_age() + BLOCK_AGE, |next| next.created_at);
            if self.bytes() + room <= self.limits.max_bytes && ended_at >= oldest {
                break;
            }
            files::remove(segment)?;
            self.complete_bytes = self.complete_bytes.saturating_sub(segment.bytes);
            self.complete.pop_front();
        }
        Ok(())
    }

    /// Bytes of all segments.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.complete_bytes + self.open.as_ref().map_or(0, |open| open.segment.bytes)
    }

    /// Samples that were written since the writer was made.
    #[must_use]
    pub fn written(&self) -> u64 {
        self.written
    }
}
