//! From a fingerprint to its window: the one look-up on the way of every sample.
//!
//! Entries lie in segments, in the order in which their series were first seen, which is nearly the order in which they
//! come again: senders go through their targets in the same order each time. So an entry remembers which one followed it,
//! and the guess that it will follow again ([`Aliases::after`]) finds nearly all, in memory that is read forwards. Where the
//! guess fails, a flat table with open addressing has the entry's number by its fingerprint.
//!
//! Readers take no lock. An entry, once there, does not change but for what follows it; what is to be forgotten goes when its
//! segment is put in place anew without it, at an eviction or a change of rules. Writers take turns.

use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use crossbeam_epoch::{Guard, pin};

use super::prefetch::prefetch;
use super::swap::Swap;
use super::window::Window;

/// A 128-bit hash of a series' labels as they stand on the wire. One series may have several, one for each way in
/// which senders write it; two series share one with a probability of about 1e-25 at ten million series.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fingerprint(pub u128);

/// What an alias is made from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Spelling {
    pub fingerprint: Fingerprint,
    /// Bytes of the labels that the fingerprint was made over; 0 where nobody will ask for them.
    pub label_bytes: usize,
    /// What the receiver wants to be reminded of when it meets this spelling again.
    pub tag: u16,
}

/// One spelling of a series' labels, and its window.
#[derive(Debug)]
pub(super) struct Alias {
    low: u64,
    high: u64,
    window: Arc<Window>,
    label_bytes: u16,
    tag: u16,
    /// The number of the entry that followed this one the last time; its own where none has.
    next: AtomicU32,
}

/// An entry that is known, for as long as the guard lives.
#[derive(Debug, Clone, Copy)]
pub struct Known<'g> {
    number: u32,
    alias: &'g Alias,
}

impl<'g> Known<'g> {
    #[must_use]
    pub fn window(&self) -> &'g Window {
        &self.alias.window
    }

    #[must_use]
    pub fn fingerprint(&self) -> Fingerprint {
        whole((self.alias.low, self.alias.high))
    }

    /// Notes that another entry followed this one.
    #[inline]
    pub fn followed_by(&self, next: Self) {
        if self.alias.next.load(Ordering::Relaxed) != next.number {
            self.alias.next.store(next.number, Ordering::Relaxed);
        }
    }

    /// Whether both are the same entry.
    #[must_use]
    pub fn is(&self, other: Self) -> bool {
        self.number == other.number
    }

    /// See [`Spelling`]; 0 also for labels of 64 KiB and more.
    #[must_use]
    pub fn label_bytes(&self) -> usize {
        usize::from(self.alias.label_bytes)
    }

    #[must_use]
    pub fn tag(&self) -> u16 {
        self.alias.tag
    }
}

/// Entries of one segment: 160 KiB, so that putting one in place anew is short work.
const SEGMENT: usize = 1 << 12;
/// Slots of the first table.
const SLOTS_AT_FIRST: usize = 1_024;
/// A slot that held an entry once; a probe goes on over it.
const GONE: u64 = 1;

type Segment = Box<[OnceLock<Alias>]>;

/// Slots: the upper half of a word holds 32 bits of the fingerprint, the lower half the entry's number and 2; 0 means that
/// the slot was never used.
#[derive(Debug)]
struct Table(Box<[AtomicU64]>);

impl Table {
    fn new(slots: usize) -> Self {
        Self(std::iter::repeat_with(AtomicU64::default).take(slots).collect())
    }

    /// The slots where an entry may be, in order: its place is made from its word, so that a larger table needs no more.
    #[inline]
    #[allow(clippy::cast_possible_truncation, reason = "the mask keeps the low bits only")]
    fn probe(&self, word: u64) -> impl Iterator<Item = &AtomicU64> {
        let mask = self.0.len() - 1;
        (0..self.0.len()).map(move |step| &self.0[((word >> 32) as usize).wrapping_add(step) & mask])
    }

    /// Adds an entry's word; the writers' lock is held, and at least one slot is free. `true` where the slot had been used
    /// before.
    fn insert(&self, word: u64) -> bool {
        let free = self.probe(word).find(|slot| slot.load(Ordering::Relaxed) <= GONE);
        free.is_some_and(|slot| {
            let before = slot.load(Ordering::Relaxed);
            slot.store(word, Ordering::Release);
            before == GONE
        })
    }

    /// Marks an entry's slot as gone; the writers' lock is held.
    fn remove(&self, own: u64) {
        let mut words = self.probe(own).take_while(|slot| slot.load(Ordering::Relaxed) != 0);
        if let Some(slot) = words.find(|slot| slot.load(Ordering::Relaxed) == own) {
            slot.store(GONE, Ordering::Release);
        }
    }
}

/// The word of an entry.
fn word(high: u64, number: u32) -> u64 {
    (high & !u64::from(u32::MAX)) | u64::from(number + 2)
}

#[allow(clippy::cast_possible_truncation, reason = "the lower half is the number and 2")]
fn number_in(word: u64) -> u32 {
    word as u32 - 2
}

#[allow(clippy::cast_possible_truncation, reason = "two halves of one number")]
fn halves(Fingerprint(bits): Fingerprint) -> (u64, u64) {
    (bits as u64, (bits >> 64) as u64)
}

fn whole((low, high): (u64, u64)) -> Fingerprint {
    Fingerprint(u128::from(high) << 64 | u128::from(low))
}

/// What only a writer touches.
#[derive(Debug, Default)]
struct Writing {
    /// Numbers given out so far, free ones included.
    numbers: u32,
    free: Vec<u32>,
    /// Slots of the table that are not [`GONE`] and not free, and those that are gone.
    used: usize,
    gone: usize,
}

/// All spellings that are known.
#[derive(Debug)]
pub(super) struct Aliases {
    table: Swap<Table>,
    segments: Box<[OnceLock<Swap<Segment>>]>,
    writing: Mutex<Writing>,
    len_max: usize,
}

impl Aliases {
    /// At most `len_max` entries: full, all are forgotten, and come again at the price of one slow look-up each.
    pub(super) fn new(len_max: usize) -> Self {
        let len_max = len_max.clamp(1, (u32::MAX / 2) as usize);
        let segments = std::iter::repeat_with(OnceLock::new).take(len_max.div_ceil(SEGMENT)).collect();
        Self { table: Swap::new(Table::new(SLOTS_AT_FIRST)), segments, writing: Mutex::default(), len_max }
    }

    /// Looks a fingerprint up.
    #[inline]
    pub(super) fn get<'g>(&self, fingerprint: Fingerprint, guard: &'g Guard) -> Option<Known<'g>> {
        let (low, high) = halves(fingerprint);
        for slot in self.table.load(guard).probe(high) {
            let word = slot.load(Ordering::Acquire);
            if word == 0 {
                break;
            }
            if word >> 32 == high >> 32
                && word != GONE
                && let Some(known) = self.entry(number_in(word), guard)
                && known.alias.low == low
                && known.alias.high == high
            {
                return Some(known);
            }
        }
        None
    }

    /// The entry that followed this one the last time.
    #[inline]
    pub(super) fn after<'g>(&self, known: Known<'g>, guard: &'g Guard) -> Option<Known<'g>> {
        let next = self.entry(known.alias.next.load(Ordering::Relaxed), guard)?;
        // Its own turn comes soon.
        prefetch(next.window());
        Some(next)
    }

    #[inline]
    fn entry<'g>(&self, number: u32, guard: &'g Guard) -> Option<Known<'g>> {
        let segment = self.segments.get(number as usize / SEGMENT)?.get()?.load(guard);
        let alias = segment[number as usize % SEGMENT].get()?;
        Some(Known { number, alias })
    }

    /// Remembers a spelling, and gives what is remembered of it from now on.
    pub(super) fn insert<'g>(&self, spelling: Spelling, window: Arc<Window>, guard: &'g Guard) -> Known<'g> {
        let mut writing = self.writing();
        if let Some(known) = self.get(spelling.fingerprint, guard)
            && std::ptr::eq(known.window(), &raw const *window)
        {
            return known;
        }
        if writing.numbers as usize >= self.len_max && writing.free.is_empty() {
            self.forget(&mut writing, |_| true, guard);
        }
        let slots = self.table.load(guard).0.len();
        // At most half full, so that a probe is short.
        if (writing.used + writing.gone) * 2 >= slots {
            let slots = (writing.used * 4).next_power_of_two().max(SLOTS_AT_FIRST);
            self.rebuild(&mut writing, slots, guard);
        }
        let number = writing.free.pop().unwrap_or_else(|| {
            writing.numbers += 1;
            writing.numbers - 1
        });
        let (low, high) = halves(spelling.fingerprint);
        let label_bytes = u16::try_from(spelling.label_bytes).unwrap_or(0);
        let next = AtomicU32::new(number);
        let alias = Alias { low, high, window, label_bytes, tag: spelling.tag, next };
        let segment = self.segments[number as usize / SEGMENT].get_or_init(|| Swap::new(empty()));
        // A number that is given out has an empty cell: see `forget`.
        drop(segment.load(guard)[number as usize % SEGMENT].set(alias));
        let reused = self.table.load(guard).insert(word(high, number));
        writing.used += 1;
        writing.gone -= usize::from(reused);
        self.entry(number, guard)
            .expect("an entry that was just set, and that only the holder of the lock may take out")
    }

    /// Forgets the entries whose windows `gone` names.
    pub(super) fn forget_windows(&self, gone: impl Fn(&Window) -> bool) {
        let guard = pin();
        let mut writing = self.writing();
        self.forget(&mut writing, |alias| gone(&alias.window), &guard);
        let (used, slots) = (writing.used, self.table.load(&guard).0.len());
        if writing.gone * 4 > slots || used * 16 < slots && slots > SLOTS_AT_FIRST {
            self.rebuild(&mut writing, (used * 4).next_power_of_two().max(SLOTS_AT_FIRST), &guard);
        }
    }

    fn forget(&self, writing: &mut Writing, gone: impl Fn(&Alias) -> bool, guard: &Guard) {
        let table = self.table.load(guard);
        for (at, segment) in self.segments.iter().enumerate().map_while(|(at, segment)| Some((at, segment.get()?))) {
            let entries = segment.load(guard);
            if !entries.iter().filter_map(OnceLock::get).any(&gone) {
                continue;
            }
            let kept = empty();
            for (place, alias) in entries.iter().enumerate().filter_map(|(place, entry)| Some((place, entry.get()?))) {
                if !gone(alias) {
                    drop(kept[place].set(alias.again()));
                    continue;
                }
                let number = u32::try_from(at * SEGMENT + place).expect("numbers fit 31 bits: see `Aliases::new`");
                table.remove(word(alias.high, number));
                writing.free.push(number);
                writing.used -= 1;
                writing.gone += 1;
            }
            segment.store(kept, guard);
        }
        // The lowest are given out first, so that new series lie close together.
        writing.free.sort_unstable_by(|a, b| b.cmp(a));
    }

    /// Puts a table of another size, and without what is gone, in place of the present one.
    fn rebuild(&self, writing: &mut Writing, slots: usize, guard: &Guard) {
        let table = Table::new(slots);
        for slot in &self.table.load(guard).0 {
            let word = slot.load(Ordering::Relaxed);
            if word > GONE {
                table.insert(word);
            }
        }
        self.table.store(table, guard);
        writing.gone = 0;
    }

    /// Bytes of memory that all entries and the table take.
    pub(super) fn bytes(&self) -> usize {
        let segments = self.segments.iter().take_while(|segment| segment.get().is_some()).count();
        segments * SEGMENT * size_of::<OnceLock<Alias>>() + self.table.load(&pin()).0.len() * size_of::<u64>()
    }

    fn writing(&self) -> MutexGuard<'_, Writing> {
        self.writing.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Alias {
    /// The same for another segment.
    fn again(&self) -> Self {
        let next = AtomicU32::new(self.next.load(Ordering::Relaxed));
        let Self { low, high, label_bytes, tag, .. } = *self;
        Self { low, high, window: Arc::clone(&self.window), label_bytes, tag, next }
    }
}

fn empty() -> Segment {
    std::iter::repeat_with(OnceLock::new).take(SEGMENT).collect()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::labels::Labels;
    use crate::series::relevance::ReadersId;
    use crate::series::window::Origin;

    fn spelling(number: u64) -> Spelling {
        // Many share the bits that a slot has of them, so that probes run into each other.
        let fingerprint = Fingerprint(u128::from(number % 7) << 96 | u128::from(number));
        Spelling { fingerprint, label_bytes: 100, tag: 3 }
    }

    fn window() -> Arc<Window> {
        let nobody = ReadersId { generation: 0, number: 0 };
        Arc::new(Window::new(Labels::empty(), Duration::ZERO, nobody, Origin::Sender))
    }

    fn known(aliases: &Aliases, number: u64) -> bool {
        let guard = pin();
        aliases.get(spelling(number).fingerprint, &guard).is_some_and(|known| {
            assert_eq!((known.fingerprint(), known.tag()), (spelling(number).fingerprint, 3));
            true
        })
    }

    #[test]
    fn what_is_inserted_is_found_while_the_table_grows() {
        let (aliases, window) = (Aliases::new(100_000), window());
        for number in 0..3_000 {
            assert!(!known(&aliases, number));
            aliases.insert(spelling(number), Arc::clone(&window), &pin());
        }
        assert!((0..3_000).all(|number| known(&aliases, number)));
        assert!(!known(&aliases, 3_000));
    }

    #[test]
    fn a_full_table_begins_anew() {
        let (aliases, window) = (Aliases::new(100), window());
        for number in 0..250 {
            aliases.insert(spelling(number), Arc::clone(&window), &pin());
        }
        assert!(known(&aliases, 249) && !known(&aliases, 0));
    }

    #[test]
    fn forgotten_entries_make_room_for_new_ones_and_the_others_stay() {
        let (aliases, kept) = (Aliases::new(100_000), window());
        for generation in 0..10 {
            let going = window();
            for number in 0..2_000 {
                let window = if number % 4 == 0 { &kept } else { &going };
                aliases.insert(spelling(generation * 10_000 + number), Arc::clone(window), &pin());
            }
            aliases.forget_windows(|window| std::ptr::eq(window, &raw const *going));
            for number in 0..2_000 {
                assert_eq!(known(&aliases, generation * 10_000 + number), number % 4 == 0);
            }
        }
        let writing = aliases.writing();
        assert_eq!((writing.used, writing.numbers), (5_000, 6_500), "what was free is used again");
    }

    #[test]
    fn the_guess_is_what_followed_the_last_time() {
        let (aliases, guard) = (Aliases::new(100), pin());
        let [a, b, c] = [1, 2, 3].map(|number| aliases.insert(spelling(number), window(), &guard));
        assert_eq!(aliases.after(a, &guard).map(|next| next.number), Some(a.number), "nothing has followed yet");
        a.followed_by(b);
        b.followed_by(c);
        let after = aliases.after(a, &guard).unwrap();
        assert_eq!(after.number, b.number);
        assert_eq!(aliases.after(after, &guard).unwrap().number, c.number);
    }
}
