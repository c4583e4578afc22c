//! The ring of one window: samples in order of time, written by one writer at a time, read by any number of
//! readers that never block it.
//!
//! Every word is an atomic, so a read that races with a write sees old or new words, never undefined behaviour;
//! the protocol below throws away whatever may be a mixture. Nothing waits for a lock: a writer that finds
//! another one at work is told [`Pushed::Busy`] and comes back later.
//!
//! * `state` is the writers' lock bit, a "rewriting" bit and a count of rewrites.
//! * `head` counts the samples ever appended; sample number `n` lies in slot `n % capacity`.
//! * One slot is always spare: the one that the next append overwrites. So at most `capacity - 1` samples are valid.
//! * A slot has 12 bytes: its time is kept as milliseconds since the ring's `base`, which the first sample sets.
//!
//! An append writes the spare slot, then publishes it by raising `head`. A reader copies backwards from `head`,
//! then looks at `head` again and drops what an append may have overwritten meanwhile. Only an out-of-order
//! insertion moves samples; it raises the rewrite count, and a reader that overlaps it starts again.
//!
//! The memory orderings are those of a sequence lock over atomics (H.-J. Boehm, "Can seqlocks get along with
//! programming language memory models?", 2012). `tests/loom_ring` compiles this very file against loom's atomics and
//! explores all interleavings of small cases.

#![allow(unreachable_pub, reason = "private here; the loom tests compile this file as a module of their own")]

use super::sync::{AtomicU32, AtomicU64, Backoff, Ordering, fence};

/// A writer is at work. Readers ignore it.
const LOCKED: u64 = 1;
/// The writer is moving samples: what is read now may be a mixture.
const REWRITING: u64 = 2;
/// The rewrite count is kept above the two flags.
const REWRITE: u64 = 4;

/// What became of a sample.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pushed {
    /// It is in the ring.
    Kept,
    /// The same time and the same bits are in the ring already.
    Duplicate,
    /// Another value is in the ring at this time; the first one stays.
    Conflicting,
    /// It lies before everything that a full ring still holds.
    TooOld,
    /// The ring is full of samples that are still wanted: it has to grow first. Nothing changed.
    Full,
    /// The sample lies outside of the 49 days that the ring can tell: it has to be made anew first. Nothing changed.
    Afar,
    /// Another writer is at work, or the ring is retired. Nothing changed.
    Busy,
}

/// The place of one sample: its time since `base`, and the two halves of its value's bits.
#[derive(Debug)]
pub struct Slot {
    offset: AtomicU32,
    low: AtomicU32,
    high: AtomicU32,
}

impl Slot {
    fn bits(&self) -> u64 {
        u64::from(self.high.load(Ordering::Relaxed)) << 32 | u64::from(self.low.load(Ordering::Relaxed))
    }
}

/// A ring of samples.
#[derive(Debug)]
pub struct Ring {
    state: AtomicU64,
    head: AtomicU64,
    /// The earliest time that a slot can tell, in milliseconds since the epoch. Written once, before the first sample.
    base: AtomicU64,
    slots: Box<[Slot]>,
}

/// How far before its first sample a ring begins: half of what an offset can tell, so that its base seldom moves.
const BEFORE_MS: i64 = 1 << 31;
/// And at most: an offset's range, less nine hours for what comes after.
const BEFORE_MS_MAX: i64 = (1 << 32) - (1 << 25);

impl Ring {
    /// Room for `samples`, and the spare slot.
    pub fn new(samples: usize) -> Self {
        let capacity = samples + 1;
        let slot = || Slot { offset: AtomicU32::new(0), low: AtomicU32::new(0), high: AtomicU32::new(0) };
        let slots = std::iter::repeat_with(slot).take(capacity).collect();
        Self { state: AtomicU64::new(0), head: AtomicU64::new(0), base: AtomicU64::new(0), slots }
    }

    /// Chooses which times the ring can tell: those from `span` before `at`, and half a range around it. To be called
    /// before the first sample, by the only one who knows the ring.
    pub fn begin_at(&self, at: i64, span: i64) {
        let before = span.clamp(BEFORE_MS, BEFORE_MS_MAX);
        self.base.store(at.saturating_sub(before).cast_unsigned(), Ordering::Relaxed);
    }

    /// How many samples it can hold.
    pub fn samples_max(&self) -> usize {
        self.slots.len() - 1
    }

    /// Bytes of memory that a ring for so many samples takes.
    pub fn bytes(samples: usize) -> usize {
        size_of::<Self>() + (samples + 1) * size_of::<Slot>()
    }

    /// Adds a sample in order of time. Where a sample less than `span` milliseconds older than the newest would have
    /// to go, or to stay out, it does nothing and answers [`Pushed::Full`]. With a span of zero that never happens.
    /// One that lies outside of what the ring can tell is [`Pushed::Afar`], or [`Pushed::TooOld`] where nobody wants it.
    pub fn push(&self, at: i64, bits: u64, span: i64) -> Pushed {
        let Some(state) = self.lock() else { return Pushed::Busy };
        let head = self.head.load(Ordering::Relaxed);
        if head == 0 && self.offset(at).is_none() {
            self.begin_at(at, span);
        }
        let oldest = self.oldest(head);
        let newest = (head > oldest).then(|| self.at(head - 1));
        let unlock = |pushed| {
            self.state.store(state, Ordering::Release);
            pushed
        };
        let Some(offset) = self.offset(at) else {
            let wanted = newest.is_none_or(|newest| at > newest.saturating_sub(span.min(BEFORE_MS_MAX)));
            return unlock(if wanted { Pushed::Afar } else { Pushed::TooOld });
        };
        if newest.is_some_and(|newest| at <= newest) {
            let pushed = self.insert(state, oldest, head, (at, offset), bits, span);
            let rewritten = if pushed == Pushed::Kept { REWRITE } else { 0 };
            // Clears both flags. Release: whoever locks or reads next sees the words that were moved.
            self.state.store(state.wrapping_add(rewritten), Ordering::Release);
            return pushed;
        }
        if self.is_full(oldest, head) && self.at(oldest) > at.saturating_sub(span) {
            return unlock(Pushed::Full);
        }
        // Release: a reader that sees any word of this sample sees the `head` before it too, and drops the slot.
        fence(Ordering::Release);
        self.write(head, offset, bits);
        self.head.store(head + 1, Ordering::Release);
        unlock(Pushed::Kept)
    }

    /// Ends writing for good and gives the samples, oldest first, for a ring that takes its place;
    /// `None` while a writer is at work. Readers may go on.
    pub fn retire(&self) -> Option<impl Iterator<Item = (i64, u64)>> {
        self.lock()?;
        let head = self.head.load(Ordering::Relaxed);
        Some((self.oldest(head)..head).map(|number| (self.at(number), self.slot(number).bits())))
    }

    /// The time of the oldest sample, for whoever knows that none is moved meanwhile, or can do with a wrong one.
    pub fn oldest_at(&self) -> Option<i64> {
        let head = self.head.load(Ordering::Acquire);
        (head > 0).then(|| self.at(self.oldest(head)))
    }

    /// The time of the newest sample, likewise.
    pub fn newest_at(&self) -> Option<i64> {
        let head = self.head.load(Ordering::Acquire);
        (head > 0).then(|| self.at(head - 1))
    }

    /// The newest sample with `start < at <= end`.
    pub fn last(&self, start: i64, end: i64) -> Option<(i64, u64)> {
        let backoff = Backoff::new();
        loop {
            let (state, head) = self.enter(&backoff);
            let mut found = None;
            for number in (self.oldest(head)..head).rev() {
                let at = self.at(number);
                if at <= start {
                    break;
                }
                if at <= end {
                    found = Some((number, at, self.slot(number).bits()));
                    break;
                }
            }
            if let Some(valid_from) = self.leave(state) {
                return found.filter(|(number, ..)| *number >= valid_from).map(|(_, at, bits)| (at, bits));
            }
        }
    }

    /// Appends the samples with `start < at <= end` to `out`, oldest first.
    pub fn read<T>(&self, start: i64, end: i64, out: &mut Vec<T>, make: impl Fn(i64, u64) -> T) {
        let backoff = Backoff::new();
        let before = out.len();
        loop {
            let (state, head) = self.enter(&backoff);
            let mut newest = head;
            for number in (self.oldest(head)..head).rev() {
                let at = self.at(number);
                if at <= start {
                    break;
                }
                if at <= end {
                    out.push(make(at, self.slot(number).bits()));
                } else {
                    newest = number;
                }
            }
            if let Some(valid_from) = self.leave(state) {
                // The copy ran backwards from `newest - 1`: what was overwritten meanwhile stands at its end.
                let valid = usize::try_from(newest.saturating_sub(valid_from)).unwrap_or(usize::MAX);
                out.truncate(before.saturating_add(valid));
                if let Some(copied) = out.get_mut(before..) {
                    copied.reverse();
                }
                return;
            }
            out.truncate(before);
        }
    }

    /// Where the next sample in order of time goes; only to be loaded ahead.
    #[inline]
    pub fn next_slot(&self) -> &Slot {
        self.slot(self.head.load(Ordering::Relaxed))
    }

    /// Takes the writers' lock; gives the state to go back to.
    fn lock(&self) -> Option<u64> {
        let state = self.state.load(Ordering::Relaxed);
        if state & LOCKED != 0 {
            return None;
        }
        self.state.compare_exchange(state, state | LOCKED, Ordering::Acquire, Ordering::Relaxed).ok()
    }

    /// Inserts a sample that is not newer than the newest. The lock is held.
    fn insert(&self, state: u64, oldest: u64, head: u64, (at, offset): (i64, u32), bits: u64, span: i64) -> Pushed {
        // Late samples are late by a little: look from the newest backwards.
        let mut place = head;
        while place > oldest && self.at(place - 1) > at {
            place -= 1;
        }
        if place > oldest && self.at(place - 1) == at {
            let same = self.slot(place - 1).bits() == bits;
            return if same { Pushed::Duplicate } else { Pushed::Conflicting };
        }
        if self.is_full(oldest, head) {
            // Either this sample is older than all and stays out, or the oldest goes.
            let loser = at.min(self.at(oldest));
            if loser > self.at(head - 1).saturating_sub(span) {
                return Pushed::Full;
            }
            if place == oldest {
                return Pushed::TooOld;
            }
        }
        self.state.store(state | LOCKED | REWRITING, Ordering::Relaxed);
        // Release: a reader that sees any moved word sees the flag too, and starts again.
        fence(Ordering::Release);
        for number in (place..head).rev() {
            let slot = self.slot(number);
            self.write(number + 1, slot.offset.load(Ordering::Relaxed), slot.bits());
        }
        self.write(place, offset, bits);
        self.head.store(head + 1, Ordering::Release);
        Pushed::Kept
    }

    /// Begins a read: the state and the head that it starts from. Waits out a writer that moves samples.
    fn enter(&self, backoff: &Backoff) -> (u64, u64) {
        loop {
            let state = self.state.load(Ordering::Acquire);
            if state & REWRITING == 0 {
                return (state & !LOCKED, self.head.load(Ordering::Acquire));
            }
            backoff.snooze();
        }
    }

    /// Ends a read: the number of the oldest sample that can't have been overwritten, or `None` where samples moved.
    fn leave(&self, state: u64) -> Option<u64> {
        // Acquire: pairs with the writers' release fences, through whichever of their words was read.
        fence(Ordering::Acquire);
        let head = self.head.load(Ordering::Relaxed);
        (self.state.load(Ordering::Relaxed) & !LOCKED == state).then(|| self.oldest(head))
    }

    /// The number of the oldest valid sample.
    fn oldest(&self, head: u64) -> u64 {
        head.saturating_sub(self.samples_max() as u64)
    }

    fn is_full(&self, oldest: u64, head: u64) -> bool {
        head - oldest == self.samples_max() as u64
    }

    fn at(&self, number: u64) -> i64 {
        // Where the slot belongs to a sample, the sum is that sample's time; of what is read torn, any number will do.
        let offset = self.slot(number).offset.load(Ordering::Relaxed);
        self.base.load(Ordering::Relaxed).cast_signed().wrapping_add(i64::from(offset))
    }

    /// Whether a slot can tell this time.
    pub fn tells(&self, at: i64) -> bool {
        self.offset(at).is_some()
    }

    /// How a slot tells a time; `None` for one that it can't.
    fn offset(&self, at: i64) -> Option<u32> {
        let base = self.base.load(Ordering::Relaxed).cast_signed();
        at.checked_sub(base).and_then(|offset| u32::try_from(offset).ok())
    }

    #[allow(clippy::cast_possible_truncation, reason = "the two halves of a number")]
    fn write(&self, number: u64, offset: u32, bits: u64) {
        let slot = self.slot(number);
        slot.offset.store(offset, Ordering::Relaxed);
        slot.low.store(bits as u32, Ordering::Relaxed);
        slot.high.store((bits >> 32) as u32, Ordering::Relaxed);
    }

    #[allow(clippy::cast_possible_truncation, reason = "the remainder is below the length")]
    fn slot(&self, number: u64) -> &Slot {
        // A division of 64 bits, some 4 ns: less than what a ring rounded up to a power of two would cost in memory.
        &self.slots[(number % self.slots.len() as u64) as usize]
    }
}
