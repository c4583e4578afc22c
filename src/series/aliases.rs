//! From a fingerprint to what is known of it: the one look-up on the way of every sample.
//!
//! A flat table with open addressing. Readers take no lock: they load the table and probe it; an entry, once there,
//! does not change. Writers take turns; what is to be forgotten goes when the table is rebuilt, at an eviction or
//! a change of rules. A map that keeps its entries behind pointers costs two more cache misses a sample, which was
//! half of the time of the whole way from the wire to the window.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use crossbeam_epoch::{Guard, pin};

use super::prefetch::prefetch;
use super::swap::Swap;
use super::window::Window;

/// A 128-bit hash of a series' labels as they stand on the wire. One series may have several, one for each way in
/// which senders write it; two series share one with a probability of about 1e-25 at ten million series.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fingerprint(pub u128);

/// What is known of a fingerprint, in the present generation of rules.
#[derive(Debug, Clone)]
pub(super) enum Remembered {
    Keep(Arc<Window>),
    /// No rule reads it.
    Unread,
}

/// Slots of the first table.
const SLOTS_AT_FIRST: usize = 1_024;

#[derive(Debug, Default)]
struct Slot {
    /// The halves of the fingerprint. The low one is written last; zero means that the slot is free.
    low: AtomicU64,
    high: AtomicU64,
    remembered: OnceLock<Remembered>,
}

#[derive(Debug)]
struct Table {
    slots: Box<[Slot]>,
}

impl Table {
    fn new(slots: usize) -> Self {
        Self { slots: std::iter::repeat_with(Slot::default).take(slots).collect() }
    }

    #[inline]
    fn get(&self, fingerprint: Fingerprint) -> Option<&Remembered> {
        let (low, high) = halves(fingerprint);
        for slot in self.probe(low) {
            let own = slot.low.load(Ordering::Acquire);
            if own == low && slot.high.load(Ordering::Relaxed) == high {
                return slot.remembered.get();
            }
            if own == 0 {
                break;
            }
        }
        None
    }

    /// Begins to load the slot that a fingerprint is looked for in first.
    #[inline]
    fn prefetch(&self, fingerprint: Fingerprint) {
        if let Some(slot) = self.probe(halves(fingerprint).0).next() {
            prefetch(slot);
        }
    }

    /// Adds an entry; the writers' lock is held, and at least one slot is free.
    fn insert(&self, fingerprint: Fingerprint, remembered: Remembered) {
        let (low, high) = halves(fingerprint);
        if let Some(slot) = self.probe(low).find(|slot| slot.low.load(Ordering::Relaxed) == 0) {
            // A free slot has never been written: nothing else is in the cell.
            drop(slot.remembered.set(remembered));
            slot.high.store(high, Ordering::Relaxed);
            slot.low.store(low, Ordering::Release);
        }
    }

    /// The slots where a fingerprint may be, in order.
    #[inline]
    #[allow(clippy::cast_possible_truncation, reason = "the mask keeps the low bits only")]
    fn probe(&self, low: u64) -> impl Iterator<Item = &Slot> {
        let mask = self.slots.len() - 1;
        (0..self.slots.len()).map(move |step| &self.slots[(low as usize).wrapping_add(step) & mask])
    }

    fn entries(&self) -> impl Iterator<Item = (Fingerprint, &Remembered)> {
        self.slots.iter().filter_map(|slot| {
            let halves = (slot.low.load(Ordering::Acquire), slot.high.load(Ordering::Relaxed));
            slot.remembered.get().map(|remembered| (whole(halves), remembered))
        })
    }
}

#[allow(clippy::cast_possible_truncation, reason = "two halves of one number")]
fn halves(Fingerprint(bits): Fingerprint) -> (u64, u64) {
    // Zero is the mark of a free slot.
    ((bits as u64).max(1), (bits >> 64) as u64)
}

fn whole((low, high): (u64, u64)) -> Fingerprint {
    Fingerprint(u128::from(high) << 64 | u128::from(low))
}

/// All fingerprints that are known.
#[derive(Debug)]
pub(super) struct Aliases {
    table: Swap<Table>,
    /// Entries in the table; whoever holds this lock may write.
    len: Mutex<usize>,
    len_max: usize,
}

impl Aliases {
    /// At most `len_max` entries: full, the table is emptied and fills again at the price of one slow look-up each.
    pub(super) fn new(len_max: usize) -> Self {
        Self { table: Swap::new(Table::new(SLOTS_AT_FIRST)), len: Mutex::new(0), len_max }
    }

    #[inline]
    pub(super) fn get<'g>(&self, fingerprint: Fingerprint, guard: &'g Guard) -> Option<&'g Remembered> {
        self.table.load(guard).get(fingerprint)
    }

    #[inline]
    pub(super) fn prefetch(&self, fingerprint: Fingerprint, guard: &Guard) {
        self.table.load(guard).prefetch(fingerprint);
    }

    pub(super) fn insert(&self, fingerprint: Fingerprint, remembered: Remembered) {
        let guard = pin();
        let mut len = self.writing();
        if *len >= self.len_max {
            *len = self.rebuild(SLOTS_AT_FIRST, |_| false, &guard);
        }
        let slots = self.table.load(&guard).slots.len();
        // At most half full, so that a probe is short.
        if *len >= slots / 2 {
            *len = self.rebuild(slots * 2, |_| true, &guard);
        }
        let table = self.table.load(&guard);
        if table.get(fingerprint).is_none() {
            table.insert(fingerprint, remembered);
            *len += 1;
        }
    }

    /// Forgets what `keep` refuses, by building the table anew.
    pub(super) fn retain(&self, keep: impl Fn(&Remembered) -> bool) {
        let guard = pin();
        let mut len = self.writing();
        let kept = self.table.load(&guard).entries().filter(|(_, remembered)| keep(remembered)).count();
        *len = self.rebuild((kept * 4).next_power_of_two().max(SLOTS_AT_FIRST), keep, &guard);
    }

    fn rebuild(&self, slots: usize, keep: impl Fn(&Remembered) -> bool, guard: &Guard) -> usize {
        let table = Table::new(slots);
        let mut len = 0;
        for (fingerprint, remembered) in self.table.load(guard).entries().filter(|(_, remembered)| keep(remembered)) {
            table.insert(fingerprint, remembered.clone());
            len += 1;
        }
        self.table.store(table, guard);
        len
    }

    fn writing(&self) -> MutexGuard<'_, usize> {
        self.len.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fingerprint(number: u64) -> Fingerprint {
        // Many share their low bits, so that probes run into each other.
        Fingerprint(u128::from(number) << 64 | u128::from(number % 7))
    }

    fn known(aliases: &Aliases, number: u64) -> bool {
        aliases.get(fingerprint(number), &pin()).is_some()
    }

    #[test]
    fn what_is_inserted_is_found_while_the_table_grows() {
        let aliases = Aliases::new(10_000);
        for number in 0..3_000 {
            assert!(!known(&aliases, number));
            aliases.insert(fingerprint(number), Remembered::Unread);
        }
        assert!((0..3_000).all(|number| known(&aliases, number)));
        assert!(!known(&aliases, 3_000));
    }

    #[test]
    fn a_full_table_begins_anew() {
        let aliases = Aliases::new(100);
        for number in 0..250 {
            aliases.insert(fingerprint(number), Remembered::Unread);
        }
        assert!(known(&aliases, 249) && !known(&aliases, 0));
    }

    #[test]
    fn what_is_refused_is_forgotten() {
        let aliases = Aliases::new(100);
        aliases.insert(fingerprint(1), Remembered::Unread);
        aliases.retain(|_| false);
        assert!(!known(&aliases, 1));
    }
}
