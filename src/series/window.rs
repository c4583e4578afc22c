//! The window of one series: its labels, its ring, and who has to hear of a new sample.

use std::sync::atomic::{AtomicI64, AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use crossbeam_epoch::{Guard, pin};

use super::prefetch::prefetch;
use super::relevance::ReadersId;
use super::ring::{Pushed, Ring};
use super::swap::Swap;
use crate::labels::Labels;
use crate::sample::Sample;
use crate::time::{Range, Timestamp};

/// Samples that a new ring has room for: a 15 s scrape under a one-minute range. It doubles as the span needs it.
const SAMPLES_AT_FIRST: usize = 7;

/// What an `Arc` takes beside its value.
const SHARED_BYTES: usize = 2 * size_of::<usize>();

/// The samples of one series, oldest first.
#[derive(Debug)]
pub struct Window {
    labels: Labels,
    ring: Swap<Ring>,
    /// How far back from its newest sample the window is to reach, in milliseconds.
    span_ms: AtomicI64,
    /// Who has to hear of a new sample: a [`ReadersId`], generation above, number below.
    readers: AtomicU64,
    origin: Origin,
}

/// Where a series comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Origin {
    /// It was received, and is kept for those who read it.
    Sender,
    /// A record rule made it, and wants it to be seen.
    Rule,
}

/// How far rings may grow.
#[derive(Debug)]
pub(super) struct Room<'a> {
    pub(super) samples_max: usize,
    pub(super) bytes_max: usize,
    /// Bytes that all windows hold together.
    pub(super) bytes: &'a AtomicUsize,
}

impl Room<'_> {
    /// Reserves memory; `false` where the bound would be passed.
    pub(super) fn take(&self, bytes: usize) -> bool {
        let fits = |held: usize| held.checked_add(bytes).filter(|sum| *sum <= self.bytes_max);
        self.bytes.fetch_update(Ordering::Relaxed, Ordering::Relaxed, fits).is_ok()
    }
}

impl Window {
    pub(super) fn new(labels: Labels, span: Duration, readers: ReadersId, origin: Origin) -> Self {
        Self {
            labels,
            ring: Swap::new(Ring::new(SAMPLES_AT_FIRST)),
            span_ms: AtomicI64::new(span_ms(span)),
            readers: AtomicU64::new(pack(readers)),
            origin,
        }
    }

    /// Bytes that a window with these labels takes when it is new.
    pub(super) fn bytes_at_first(labels: &Labels) -> usize {
        SHARED_BYTES + size_of::<Self>() + labels.list_bytes() + Ring::bytes(SAMPLES_AT_FIRST)
    }

    /// Bytes that this window takes.
    pub(super) fn bytes(&self, guard: &Guard) -> usize {
        let ring = Ring::bytes(self.ring.load(guard).samples_max());
        SHARED_BYTES + size_of::<Self>() + self.labels.list_bytes() + ring
    }

    /// The series' labels, with the metric's name.
    #[must_use]
    pub fn labels(&self) -> &Labels {
        &self.labels
    }

    /// The newest sample of `range`, staleness markers included.
    #[must_use]
    pub fn last(&self, range: Range) -> Option<Sample> {
        let found = self.ring.load(&pin()).last(range.start.as_millis(), range.end.as_millis());
        found.map(|(at, bits)| sample(at, bits))
    }

    /// Appends the samples of `range` to `out`, oldest first, staleness markers included.
    pub fn read(&self, range: Range, out: &mut Vec<Sample>) {
        self.ring.load(&pin()).read(range.start.as_millis(), range.end.as_millis(), out, sample);
    }

    /// Adds a sample. The ring grows where the span needs it and the room allows it; else the oldest makes way.
    pub(super) fn push(&self, sample: Sample, room: &Room<'_>, guard: &Guard) -> Pushed {
        let (at, bits) = (sample.at.as_millis(), sample.value.to_bits());
        let ring = self.ring.load(guard);
        match ring.push(at, bits, self.span_ms.load(Ordering::Relaxed)) {
            Pushed::Full => self.grow(ring, sample, room, guard),
            Pushed::Afar => self.renew(ring, ring.samples_max(), sample, guard),
            pushed => pushed,
        }
    }

    #[inline]
    pub(super) fn prefetch_ring(&self, guard: &Guard) {
        prefetch(self.ring.load(guard));
    }

    #[inline]
    pub(super) fn prefetch_slot(&self, guard: &Guard) {
        prefetch(self.ring.load(guard).next_slot());
    }

    /// Puts a larger ring in place of a full one. Out of room, the oldest sample is overwritten.
    #[cold]
    fn grow(&self, ring: &Ring, sample: Sample, room: &Room<'_>, guard: &Guard) -> Pushed {
        let (at, bits) = (sample.at.as_millis(), sample.value.to_bits());
        let (held, wanted) = (ring.samples_max(), self.samples_wanted(ring, at).min(room.samples_max));
        let more = Ring::bytes(wanted).saturating_sub(Ring::bytes(held));
        if wanted <= held || !room.take(more) {
            return ring.push(at, bits, 0);
        }
        let pushed = self.renew(ring, wanted, sample, guard);
        if pushed == Pushed::Busy {
            room.bytes.fetch_sub(more, Ordering::Relaxed);
        }
        pushed
    }

    /// How many samples a ring should hold that takes the place of a full one: as many as the span asks for at the interval so
    /// far, so that it grows once and not step by step; a quarter more to eight times as many as now.
    fn samples_wanted(&self, ring: &Ring, at: i64) -> usize {
        let held = ring.samples_max();
        let covered = ring.oldest_at().map_or(0, |oldest| at.saturating_sub(oldest)).max(1);
        let span = self.span_ms.load(Ordering::Relaxed);
        // One in sixteen more, for scrapes are not to the millisecond.
        let wanted = i128::from(span) * held as i128 / i128::from(covered) * 17 / 16;
        usize::try_from(wanted).unwrap_or(usize::MAX).clamp(held + held / 4 + 1, held * 8 + 7)
    }

    /// Puts another ring in place of this one, with its samples and one more.
    #[cold]
    fn renew(&self, ring: &Ring, samples_max: usize, sample: Sample, guard: &Guard) -> Pushed {
        let (at, bits) = (sample.at.as_millis(), sample.value.to_bits());
        let Some(samples) = ring.retire() else { return Pushed::Busy };
        let span = self.span_ms.load(Ordering::Relaxed);
        let other = Ring::new(samples_max);
        other.begin_at(ring.newest_at().map_or(at, |newest| at.max(newest)), span);
        // What the new ring can't tell any more is older than any window reaches.
        for (at, bits) in samples.filter(|(at, _)| other.tells(*at)) {
            other.push(at, bits, 0);
        }
        let pushed = other.push(at, bits, 0);
        self.ring.store(other, guard);
        pushed
    }

    /// Ends writing for good, when the series has been silent too long; `false` while a writer is at work.
    /// A writer that still finds the window is told that it is busy, and looks the series up again.
    pub(super) fn retire(&self, guard: &Guard) -> bool {
        self.ring.load(guard).retire().is_some()
    }

    /// The time of the newest sample.
    pub(super) fn newest(&self, guard: &Guard) -> Option<Timestamp> {
        self.ring.load(guard).last(i64::MIN, i64::MAX).map(|(at, _)| Timestamp::from_millis(at))
    }

    pub(super) fn origin(&self) -> Origin {
        self.origin
    }

    pub(super) fn span(&self) -> Duration {
        Duration::from_millis(self.span_ms.load(Ordering::Relaxed).unsigned_abs())
    }

    /// Who reads this window from now on, and how far back.
    pub(super) fn resubscribe(&self, span: Duration, readers: ReadersId) {
        self.span_ms.store(span_ms(span), Ordering::Relaxed);
        self.readers.store(pack(readers), Ordering::Release);
    }

    /// Who has to hear of a new sample.
    #[allow(clippy::cast_possible_truncation, reason = "two halves of one word")]
    pub(super) fn readers(&self) -> ReadersId {
        let packed = self.readers.load(Ordering::Acquire);
        ReadersId { generation: (packed >> 32) as u32, number: packed as u32 }
    }
}

fn pack(readers: ReadersId) -> u64 {
    u64::from(readers.generation) << 32 | u64::from(readers.number)
}

fn sample(at: i64, bits: u64) -> Sample {
    Sample::new(Timestamp::from_millis(at), f64::from_bits(bits))
}

fn span_ms(span: Duration) -> i64 {
    i64::try_from(span.as_millis()).unwrap_or(i64::MAX)
}
