//! Spellings that are not kept: ten million of them in 150 MB, so that a sample that nobody wants costs one look-up.
//!
//! A flat table with open addressing whose words are the entries: 63 bits of the fingerprint (a new series is taken for one of
//! ten million others with a probability of about 1e-12) and the reason. Beside each stands the round in which it was last
//! seen: what has not been seen for a while makes room where it stands, for a second table would double the memory.

use std::sync::atomic::{AtomicU8, AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use crossbeam_epoch::{Guard, pin};

use super::aliases::Fingerprint;
use super::swap::Swap;

/// Why a series is not kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unkept {
    /// No rule reads it.
    Unread,
    /// The settings drop it (`ingest.relabel_configs`).
    Dropped,
}

/// Entries at most: three quarters of 2^24 slots. Full, all are forgotten, and each costs one slow look-up again.
const LEN_MAX: usize = 3 << 22;
const SLOTS_AT_FIRST: usize = 1_024;
/// Rounds after which an entry that was not seen goes, and from one sweep to the next. A round is an eviction's.
const ROUNDS_KEPT: u8 = 20;
const ROUNDS_SWEPT: u64 = 10;

/// The reason's bit of an entry.
const DROPPED: u64 = 1;
/// A slot that held an entry once; a probe goes on over it. No entry is so small.
const GONE: u64 = 1;

#[derive(Debug)]
struct Table {
    /// 0 is a free slot.
    entries: Box<[AtomicU64]>,
    rounds: Box<[AtomicU8]>,
}

impl Table {
    fn new(slots: usize) -> Self {
        Self {
            entries: std::iter::repeat_with(AtomicU64::default).take(slots).collect(),
            rounds: std::iter::repeat_with(AtomicU8::default).take(slots).collect(),
        }
    }

    /// The slots where an entry may be, in order: its place is made from the entry, so that a larger table needs no more.
    #[inline]
    #[allow(clippy::cast_possible_truncation, reason = "the mask keeps the low bits only")]
    fn probe(&self, entry: u64) -> impl Iterator<Item = usize> {
        let mask = self.entries.len() - 1;
        let first = (entry | DROPPED).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 32;
        (0..self.entries.len()).map(move |step| (first as usize).wrapping_add(step) & mask)
    }

    /// Adds an entry; the writers' lock is held, and at least one slot is free. `true` where the slot had been used before.
    fn insert(&self, entry: u64, round: u8) -> bool {
        let free = self.probe(entry).find(|at| self.entries[*at].load(Ordering::Relaxed) <= GONE);
        free.is_some_and(|at| {
            let before = self.entries[at].load(Ordering::Relaxed);
            self.rounds[at].store(round, Ordering::Relaxed);
            self.entries[at].store(entry, Ordering::Release);
            before == GONE
        })
    }

    /// All slots that hold an entry, each with its round.
    fn all(&self) -> impl Iterator<Item = (&AtomicU64, u8)> {
        let pairs = self.entries.iter().zip(&self.rounds);
        pairs
            .map(|(entry, round)| (entry, round.load(Ordering::Relaxed)))
            .filter(|(entry, _)| entry.load(Ordering::Relaxed) > GONE)
    }

    /// Slots of a table for so many entries: it is three quarters full at most.
    fn slots_for(entries: usize) -> usize {
        (entries * 4 / 3).next_power_of_two().max(SLOTS_AT_FIRST)
    }
}

#[derive(Debug)]
struct Writing {
    len: usize,
    /// Slots that are [`GONE`].
    gone: usize,
    rounds: u64,
    /// The rules under which the entries hold.
    generation: u32,
}

/// All spellings that are not kept.
#[derive(Debug)]
pub(super) struct Unread {
    table: Swap<Table>,
    /// The round that entries are marked with; counts around.
    round: AtomicU8,
    writing: Mutex<Writing>,
}

/// The entry of a fingerprint, without the reason.
#[allow(clippy::cast_possible_truncation, reason = "the upper half")]
fn entry(Fingerprint(bits): Fingerprint) -> u64 {
    ((bits >> 64) as u64 & !DROPPED).max(DROPPED << 1)
}

impl Unread {
    pub(super) fn new() -> Self {
        let writing = Mutex::new(Writing { len: 0, gone: 0, rounds: 0, generation: 0 });
        Self { table: Swap::new(Table::new(SLOTS_AT_FIRST)), round: AtomicU8::new(0), writing }
    }

    /// Why a spelling is not kept; `None` where nothing is known of it.
    #[inline]
    pub(super) fn get(&self, fingerprint: Fingerprint, guard: &Guard) -> Option<Unkept> {
        let wanted = entry(fingerprint);
        let table = self.table.load(guard);
        for at in table.probe(wanted) {
            let found = table.entries[at].load(Ordering::Acquire);
            if found == 0 {
                break;
            }
            if found & !DROPPED == wanted {
                let round = self.round.load(Ordering::Relaxed);
                if table.rounds[at].load(Ordering::Relaxed) != round {
                    table.rounds[at].store(round, Ordering::Relaxed);
                }
                return Some(if found & DROPPED == 0 { Unkept::Unread } else { Unkept::Dropped });
            }
        }
        None
    }

    /// Remembers a spelling, judged under the rules of a generation. Where another writer is at work, or the rules have
    /// changed since, it is left for the next time.
    pub(super) fn insert(&self, fingerprint: Fingerprint, why: Unkept, generation: u32, guard: &Guard) {
        let Ok(mut writing) = self.writing.try_lock() else { return };
        if writing.generation > generation || self.get(fingerprint, guard).is_some() {
            return;
        }
        let slots = self.table.load(guard).entries.len();
        if writing.len >= LEN_MAX {
            self.empty(&mut writing, guard);
        } else if (writing.len + writing.gone) * 4 >= slots * 3 {
            let wanted = Table::slots_for(writing.len + 1);
            self.rebuild(&mut writing, wanted, guard);
        }
        let dropped = if why == Unkept::Dropped { DROPPED } else { 0 };
        let reused = self.table.load(guard).insert(entry(fingerprint) | dropped, self.round.load(Ordering::Relaxed));
        writing.len += 1;
        writing.gone -= usize::from(reused);
    }

    /// Forgets all: what nobody read may be read now, under the rules of this generation.
    pub(super) fn clear(&self, generation: u32) {
        let mut writing = self.writing();
        writing.generation = generation;
        self.empty(&mut writing, &pin());
    }

    /// Begins a new round; now and then lets go of what was not seen for long.
    pub(super) fn age(&self) {
        let mut writing = self.writing();
        writing.rounds += 1;
        let round = self.round.load(Ordering::Relaxed).wrapping_add(1);
        self.round.store(round, Ordering::Relaxed);
        if !writing.rounds.is_multiple_of(ROUNDS_SWEPT) || writing.len == 0 {
            return;
        }
        let guard = pin();
        let table = self.table.load(&guard);
        for (entry, _) in table.all().filter(|(_, seen)| round.wrapping_sub(*seen) >= ROUNDS_KEPT) {
            entry.store(GONE, Ordering::Relaxed);
            writing.len -= 1;
            writing.gone += 1;
        }
        // With room to grow into, so that it does not shrink only to grow again.
        let wanted = Table::slots_for(writing.len * 3 / 2);
        if wanted < table.entries.len() {
            self.rebuild(&mut writing, wanted, &guard);
        }
    }

    /// Puts a table of another size, and without what is gone, in place of the present one.
    fn rebuild(&self, writing: &mut Writing, slots: usize, guard: &Guard) {
        let table = Table::new(slots);
        for (entry, round) in self.table.load(guard).all() {
            table.insert(entry.load(Ordering::Relaxed), round);
        }
        self.table.store(table, guard);
        writing.gone = 0;
    }

    fn empty(&self, writing: &mut Writing, guard: &Guard) {
        self.table.store(Table::new(SLOTS_AT_FIRST), guard);
        (writing.len, writing.gone) = (0, 0);
    }

    /// How many there are.
    pub(super) fn len(&self) -> usize {
        self.writing().len
    }

    pub(super) fn bytes(&self) -> usize {
        self.table.load(&pin()).entries.len() * (size_of::<u64>() + size_of::<u8>())
    }

    fn writing(&self) -> MutexGuard<'_, Writing> {
        self.writing.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fingerprint(number: u64) -> Fingerprint {
        Fingerprint(u128::from(number.wrapping_mul(0x9e37_79b9_7f4a_7c15)) << 64)
    }

    #[test]
    fn what_is_not_seen_for_long_goes_and_takes_its_memory_along() {
        let unread = Unread::new();
        for number in 1..=50_000 {
            unread.insert(fingerprint(number), Unkept::Unread, 1, &pin());
        }
        unread.insert(fingerprint(0xfff_fff), Unkept::Dropped, 1, &pin());
        assert_eq!((unread.len(), unread.bytes()), (50_001, 9 << 17));
        for round in 0..600 {
            unread.age();
            assert_eq!(unread.get(fingerprint(7), &pin()), Some(Unkept::Unread), "in round {round}");
            assert_eq!(unread.get(fingerprint(0xfff_fff), &pin()), Some(Unkept::Dropped));
        }
        assert_eq!((unread.len(), unread.bytes()), (2, 9 * SLOTS_AT_FIRST));
        assert_eq!(unread.get(fingerprint(8), &pin()), None);
        unread.clear(2);
        unread.insert(fingerprint(7), Unkept::Unread, 1, &pin());
        assert_eq!((unread.len(), unread.get(fingerprint(7), &pin())), (0, None), "judged under former rules");
    }

    #[test]
    fn what_has_gone_makes_room_for_what_comes() {
        let unread = Unread::new();
        let numbers = |generation: u64| generation * 10_000..(generation + 1) * 10_000;
        for generation in 0..30 {
            for number in numbers(generation) {
                unread.insert(fingerprint(number + 1), Unkept::Unread, 1, &pin());
            }
            for _ in 1..ROUNDS_KEPT {
                unread.age();
            }
            let known = |number: u64| unread.get(fingerprint(number + 1), &pin()).is_some();
            assert!(numbers(generation).all(known), "generation {generation} is there");
            assert!(unread.len() <= 20_000 && unread.bytes() <= 9 << 16, "{} in {}", unread.len(), unread.bytes());
        }
    }

    #[test]
    fn the_largest_table_is_not_outgrown() {
        assert_eq!(Table::slots_for(LEN_MAX), 1 << 24);
        assert_eq!(Table::slots_for(LEN_MAX / 2 + 1), 1 << 24);
        assert_eq!(Table::slots_for(0), SLOTS_AT_FIRST);
    }
}
