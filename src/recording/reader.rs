//! Reads a recording: what there is, then all samples in the order of their times.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap};
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::RecordingError;
use super::block::{Numbered, decode_labels, decode_samples};
use super::files::{self, File};
use super::segment::{self, Damage, HEAD_BYTES, HEADER_BYTES, Head, Kind};
use crate::labels::Labels;
use crate::sample::Sample;
use crate::time::Timestamp;

/// How much older than the recording samples may be.
const BEFORE_MAX: Duration = Duration::from_hours(1);

/// A folder that was recorded into, looked through once.
#[derive(Debug)]
pub struct Recording {
    /// All series, each once.
    series: Vec<Labels>,
    segments: Vec<Place>,
    /// In the order of their first times.
    blocks: Vec<Block>,
    findings: Vec<String>,
    bytes: u64,
    /// When the oldest segment was begun.
    begun_at: Timestamp,
}

/// A segment.
#[derive(Debug)]
struct Place {
    path: PathBuf,
    /// Where in `series` a series of the segment is, by its number there; `None` where its labels are lost.
    series: Vec<Option<u32>>,
}

/// A block of samples that is sound.
#[derive(Debug)]
struct Block {
    segment: usize,
    /// Of its packed bytes.
    at: u64,
    head: Head,
}

impl Recording {
    /// Looks through a folder. What is damaged is left out and told by [`Recording::findings`].
    pub fn open(folder: &Path) -> Result<Self, RecordingError> {
        let unreadable = |path: &Path, source| RecordingError::Read { path: path.to_owned(), source };
        let segments = files::list(folder).map_err(|source| unreadable(folder, source))?;
        if segments.is_empty() {
            return Err(RecordingError::Empty(folder.to_owned()));
        }
        let mut known = HashMap::default();
        let mut recording = Self {
            series: Vec::new(),
            segments: Vec::new(),
            blocks: Vec::new(),
            findings: Vec::new(),
            bytes: 0,
            begun_at: Timestamp::MAX,
        };
        for segment in segments {
            let bytes = match files::read(&segment.path) {
                Ok(bytes) => bytes,
                // The service that writes here has removed it meanwhile.
                Err(error) if error.kind() == std::io::ErrorKind::NotFound => continue,
                Err(error) => return Err(unreadable(&segment.path, error)),
            };
            recording.bytes += bytes.len() as u64;
            recording.look_through(segment.path, &bytes, &mut known)?;
        }
        recording.blocks.sort_by_key(|block| block.head.first_at);
        Ok(recording)
    }

    fn look_through(
        &mut self,
        path: PathBuf,
        bytes: &[u8],
        known: &mut HashMap<Labels, u32, foldhash::fast::RandomState>,
    ) -> Result<(), RecordingError> {
        match segment::parse_header(bytes) {
            Ok(created_at) => self.begun_at = self.begun_at.min(created_at),
            Err(Damage::Newer(version)) => {
                return Err(RecordingError::Newer { path, version, known: segment::VERSION });
            }
            Err(damage) => {
                self.findings.push(format!("{}: left out: {damage}", path.display()));
                return Ok(());
            }
        }
        let number = self.segments.len();
        let mut place = Place { path, series: Vec::new() };
        let mut buffer = Vec::new();
        walk(bytes, |found| match found {
            Found::Block(head, packed) if head.kind == Kind::Samples => {
                self.blocks.push(Block { segment: number, at: packed.start as u64, head });
            }
            Found::Block(head, packed) => {
                let body = head.unpack(bytes.get(packed.clone()).unwrap_or_default(), &mut buffer);
                match body.and_then(decode_labels) {
                    Ok((first, labels)) => self.meet(&mut place, first, labels, known),
                    Err(damage) => {
                        let at = packed.start.saturating_sub(HEAD_BYTES);
                        self.findings.push(told(&place.path, at, "labels left out", damage));
                    }
                }
            }
            Found::Broken(range, damage) => {
                let what = format!("{} bytes skipped", range.len());
                self.findings.push(told(&place.path, range.start, &what, damage));
            }
            Found::Torn(range) => {
                let cut = format!(
                    "{}: the last {} bytes are cut off: a block was not finished",
                    place.path.display(),
                    range.len()
                );
                self.findings.push(cut);
            }
        });
        self.segments.push(place);
        Ok(())
    }

    fn meet(
        &mut self,
        place: &mut Place,
        first: u32,
        labels: Vec<Labels>,
        known: &mut HashMap<Labels, u32, foldhash::fast::RandomState>,
    ) {
        let first = first as usize;
        // Between them are series whose labels were in a block that is broken. Nobody loses more than were ever written.
        let gap = first.saturating_sub(place.series.len());
        if gap > segment::SAMPLES_MAX {
            return;
        }
        place.series.resize(place.series.len().max(first), None);
        place.series.truncate(first);
        for labels in labels {
            let next = u32::try_from(self.series.len()).unwrap_or(u32::MAX);
            let series = *known.entry(labels).or_insert_with_key(|labels| {
                self.series.push(labels.clone());
                next
            });
            place.series.push(Some(series));
        }
    }

    /// The labels of all series; [`Samples`] gives places in this list.
    #[must_use]
    pub fn series(&self) -> &[Labels] {
        &self.series
    }

    /// What is damaged and left out, a line each.
    #[must_use]
    pub fn findings(&self) -> &[String] {
        &self.findings
    }

    /// How many samples there are.
    #[must_use]
    pub fn len(&self) -> u64 {
        self.blocks.iter().map(|block| block.head.samples as u64).sum()
    }

    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Bytes of its files.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// The times of the first sample and of the last. What a sender with a broken clock sent for long before the recording
    /// was begun is not counted.
    #[must_use]
    pub fn span(&self) -> Option<(Timestamp, Timestamp)> {
        let first = self.blocks.first()?.head.first_at.max(self.begun_at - BEFORE_MAX);
        let last = self.blocks.iter().map(|block| block.head.last_at).max()?;
        Some((first, last))
    }

    /// All samples within a range of times (the end is not in it), oldest first; those of one series that have the same
    /// time in the order in which they came.
    #[must_use]
    pub fn samples(&self, range: Range<Timestamp>) -> Samples<'_> {
        Samples {
            recording: self,
            range,
            next: 0,
            open: BinaryHeap::new(),
            file: None,
            packed: Vec::new(),
            unpacked: Vec::new(),
            findings: Vec::new(),
        }
    }
}

fn told(path: &Path, at: usize, what: &str, damage: Damage) -> String {
    format!("{}: {what} at byte {at}: {damage}", path.display())
}

/// What is found in a segment.
enum Found {
    /// A head, and where its packed bytes are. They are those that were written.
    Block(Head, Range<usize>),
    /// Bytes that are no sound block, and why.
    Broken(Range<usize>, Damage),
    /// The beginning of a block at the end of the file.
    Torn(Range<usize>),
}

/// Goes through a segment's blocks. Behind one that is broken the next one is looked for.
fn walk(bytes: &[u8], mut tell: impl FnMut(Found)) {
    let mut at = HEADER_BYTES;
    while let Some(rest) = bytes.get(at..).filter(|rest| !rest.is_empty()) {
        let found = segment::parse_head(rest).and_then(|head| {
            let packed = rest.get(HEAD_BYTES..).unwrap_or_default();
            let packed = packed.get(..head.packed).ok_or(Damage::Short)?;
            Ok((head, head.check(packed)))
        });
        match found {
            Ok((head, sound)) => {
                let packed = at + HEAD_BYTES..at + HEAD_BYTES + head.packed;
                let (began, end) = (at, packed.end);
                at = end;
                tell(match sound {
                    Ok(()) => Found::Block(head, packed),
                    Err(damage) => Found::Broken(began..end, damage),
                });
            }
            Err(damage) => {
                let mut next = segment::find_mark(bytes, at + 1);
                while let Some(mark) = next
                    && segment::parse_head(bytes.get(mark..).unwrap_or_default()).is_err()
                {
                    next = segment::find_mark(bytes, mark + 1);
                }
                let end = next.unwrap_or(bytes.len());
                let torn = next.is_none() && damage == Damage::Short;
                tell(if torn { Found::Torn(at..end) } else { Found::Broken(at..end, damage) });
                at = end;
            }
        }
    }
}

/// Samples in the order of their times, each with the place of its series in [`Recording::series`].
///
/// Blocks are unpacked as their time comes: in memory are those that overlap.
#[derive(Debug)]
pub struct Samples<'r> {
    recording: &'r Recording,
    range: Range<Timestamp>,
    /// The block that is unpacked next.
    next: usize,
    open: BinaryHeap<Reverse<Unpacked>>,
    /// The segment that was read last.
    file: Option<(usize, File)>,
    packed: Vec<u8>,
    unpacked: Vec<u8>,
    findings: Vec<String>,
}

/// An unpacked block whose samples from `at` on are still to come.
#[derive(Debug)]
struct Unpacked {
    samples: Vec<Numbered>,
    at: usize,
    /// Its place in the order of blocks: of two samples at one time, that of the earlier block comes first.
    number: usize,
}

impl Unpacked {
    fn key(&self) -> (Option<Timestamp>, usize) {
        (self.samples.get(self.at).map(|(_, sample)| sample.at), self.number)
    }
}

impl PartialEq for Unpacked {
    fn eq(&self, other: &Self) -> bool {
        self.key() == other.key()
    }
}

impl Eq for Unpacked {}

impl PartialOrd for Unpacked {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Unpacked {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.key().cmp(&other.key())
    }
}

impl Samples<'_> {
    /// What could not be read after all, a line each: complete once the last sample was given.
    #[must_use]
    pub fn findings(&self) -> &[String] {
        &self.findings
    }

    /// Unpacks the blocks that may have the next sample.
    fn unpack(&mut self) {
        let recording = self.recording;
        while let Some(block) = recording.blocks.get(self.next) {
            let first = self.open.peek().and_then(|Reverse(open)| open.key().0);
            if first.is_some_and(|first| block.head.first_at > first) || block.head.first_at >= self.range.end {
                return;
            }
            let number = self.next;
            self.next += 1;
            if block.head.last_at < self.range.start {
                continue;
            }
            match self.read(block) {
                Ok(samples) if samples.is_empty() => {}
                Ok(samples) => self.open.push(Reverse(Unpacked { samples, at: 0, number })),
                Err(why) => self.findings.push(why),
            }
        }
    }

    fn read(&mut self, block: &Block) -> Result<Vec<Numbered>, String> {
        let place = self.recording.segments.get(block.segment).ok_or("no such segment")?;
        let at = usize::try_from(block.at).unwrap_or_default().saturating_sub(HEAD_BYTES);
        let unreadable = |error: std::io::Error| format!("{}: {error}", place.path.display());
        let damaged = |damage| told(&place.path, at, "a block is left out", damage);
        let mut file = match self.file.take() {
            Some((segment, file)) if segment == block.segment => file,
            _ => files::open(&place.path).map_err(unreadable)?,
        };
        files::read_part(&mut file, block.at, block.head.packed, &mut self.packed).map_err(unreadable)?;
        self.file = Some((block.segment, file));
        block.head.check(&self.packed).map_err(damaged)?;
        let body = block.head.unpack(&self.packed, &mut self.unpacked).map_err(damaged)?;
        let mut samples = Vec::with_capacity(block.head.samples);
        decode_samples(body, block.head.samples, &mut samples).map_err(damaged)?;
        let all = samples.len();
        let mut nameless = 0;
        samples.retain_mut(|(series, sample)| {
            let known = place.series.get(*series as usize).copied().flatten();
            nameless += usize::from(known.is_none());
            *series = known.unwrap_or_default();
            known.is_some() && self.range.contains(&sample.at)
        });
        if nameless > 0 {
            let what = format!("{nameless} of {all} samples left out");
            self.findings.push(told(&place.path, at, &what, Damage::NoLabels));
        }
        samples.sort_by_key(|(series, sample)| (sample.at, *series));
        Ok(samples)
    }
}

impl Iterator for Samples<'_> {
    type Item = (u32, Sample);

    fn next(&mut self) -> Option<(u32, Sample)> {
        self.unpack();
        let mut first = self.open.peek_mut()?;
        let unpacked = &mut first.0;
        let found = unpacked.samples.get(unpacked.at).copied();
        unpacked.at += 1;
        if unpacked.at >= unpacked.samples.len() {
            std::collections::binary_heap::PeekMut::pop(first);
        }
        found
    }
}
