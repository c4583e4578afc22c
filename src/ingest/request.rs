//! One request on its way: what is known of its series, where its samples go, what is wrong with it.
//!
//! Nothing is stored before the whole body has proved sound: until then there is a list of windows, each with the bytes that
//! its samples stand in. So it takes 24 bytes a kept series, however many samples that has.

use std::borrow::Cow;
use std::ops::Range;
use std::time::Duration;

use super::histogram;
use super::parts::{Counted, Exemplar, Part, Shape, each_sample, walk};
use super::receiver::{Received, Receiver};
use super::rejected::{Fault, Item, Malformed, Partial};
use super::replicas::Lead;
use super::spelled::{Pair, check};
use super::wire::Fields;
use crate::labels::Labels;
use crate::recording::Taken;
use crate::sample::Sample;
use crate::series::{Batch, Fingerprint, Known, Pushed, Spelling, Unkept, Window};
use crate::time::Timestamp;

/// How far ahead of our clock a sample may be, in minutes: one host with a broken clock must not poison the windows.
pub(super) const AHEAD_MINUTES: u64 = 10;

/// What a request notes of its series on the way.
#[derive(Debug, Default)]
pub(super) struct Notes<'a, 'b> {
    pending: Vec<Pending<'a, 'b>>,
    fresh: Vec<Fresh<'a, 'b>>,
    /// The labels of all that are fresh, one list after the other.
    labels: Vec<Pair<'a>>,
}

/// What is kept of the memory of notes, in series, and in labels of those that are new: some 6 MiB.
const PENDING_KEPT: usize = 1 << 16;
const FRESH_KEPT: usize = 1 << 13;
const LABELS_KEPT: usize = 1 << 17;

impl Notes<'_, '_> {
    /// Empty notes for another request, in the same memory: to take it anew for each costs more than all that is noted in it.
    pub(super) fn recycled<'a, 'b>(self) -> Notes<'a, 'b> {
        let mut notes =
            Notes { pending: recycled(self.pending), fresh: recycled(self.fresh), labels: recycled(self.labels) };
        notes.pending.shrink_to(PENDING_KEPT);
        notes.fresh.shrink_to(FRESH_KEPT);
        notes.labels.shrink_to(LABELS_KEPT);
        notes
    }
}

/// Gives the memory of a list to one whose items are of the same layout and borrow from something else.
fn recycled<T, U>(mut list: Vec<T>) -> Vec<U> {
    list.clear();
    // An in-place collect: the allocation stays. There are no items to turn over.
    list.into_iter().map(|_| unreachable!("the list was just emptied")).collect()
}

/// A series' samples on their way to its window.
#[derive(Debug)]
struct Pending<'a, 'b> {
    window: &'b Window,
    /// Fields that [`walk`] has been over.
    fields: &'a [u8],
}

/// A spelling that is met for the first time. It gets its window once the whole request is known to be sound.
#[derive(Debug)]
struct Fresh<'a, 'b> {
    fingerprint: Fingerprint,
    label_bytes: usize,
    /// Where its labels stand among those of all.
    labels: Range<usize>,
    fields: &'a [u8],
    counted: Counted,
    /// What came before it.
    after: Option<Known<'b>>,
}

pub(super) struct Request<'r, 'a, 'b, 's> {
    pub(super) receiver: &'r Receiver,
    pub(super) batch: &'b Batch<'s>,
    now: Timestamp,
    /// Samples after this are turned away.
    future: Timestamp,
    /// Samples before this are of no use to anybody.
    pub(super) horizon: Timestamp,
    /// The spelling that came last.
    last: Option<Known<'b>>,
    pub(super) notes: Notes<'a, 'b>,
    /// The replica that was asked about last, and whether it leads.
    replica: (u16, bool),
    /// What was kept, where it is recorded.
    taken: Option<Vec<Taken>>,
    pub(super) partial: Partial,
    pub(super) received: Received,
    /// The time of the newest sample that was kept.
    pub(super) newest: Option<Timestamp>,
}

/// How many series ahead a ring, and then its slot, is asked for: some 20 ns of work each.
const RING_AHEAD: usize = 16;
const SLOT_AHEAD: usize = 8;

impl<'r, 'a, 'b, 's> Request<'r, 'a, 'b, 's> {
    pub(super) fn new(receiver: &'r Receiver, batch: &'b Batch<'s>, notes: Notes<'a, 'b>, now: Timestamp) -> Self {
        Self {
            receiver,
            batch,
            now,
            future: now + Duration::from_mins(AHEAD_MINUTES),
            horizon: now - batch.reach(),
            last: None,
            notes,
            replica: (0, true),
            taken: None,
            partial: Partial::default(),
            received: Received::default(),
            newest: None,
        }
    }

    /// The spelling that is likely to come next.
    #[inline]
    pub(super) fn guess(&self) -> Option<Known<'b>> {
        self.batch.after(self.last?)
    }

    /// Whether a metric's name that no rule reads is enough to pass a series by, without a look at its other labels.
    #[inline]
    pub(super) fn judges_by_name(&self) -> bool {
        !self.receiver.limits.validate_all && !self.receiver.renames
    }

    /// Whether a series whose newest sample is from `at` is of no use to anybody, and may be so in silence.
    #[inline]
    pub(super) fn is_too_old(&self, at: Timestamp) -> bool {
        at < self.horizon && !self.receiver.limits.too_old_is_error && !self.receiver.limits.validate_all
    }

    /// A series whose spelling is known: `fields` hold its samples.
    #[inline]
    pub(super) fn keep(&mut self, known: Known<'b>, fields: &'a [u8], counted: Counted) {
        if let Some(last) = self.last {
            last.followed_by(known);
        }
        self.last = Some(known);
        self.count(counted);
        if known.tag() != 0 && !self.takes(known.tag()) {
            self.received.replica += counted.samples;
        } else if counted.samples > 0 {
            self.notes.pending.push(Pending { window: known.window(), fields });
        }
    }

    #[inline]
    fn count(&mut self, counted: Counted) {
        self.received.samples += counted.samples;
        self.received.histograms += counted.histograms;
        self.received.exemplars += counted.exemplars;
    }

    /// Whether the samples of a replica are taken: asked once for each run of its series.
    fn takes(&mut self, replica: u16) -> bool {
        if self.replica.0 != replica {
            let lead = self.receiver.replicas.as_ref().map_or(Lead::Leads, |replicas| replicas.lead(replica, self.now));
            self.received.failovers += u64::from(lead == Lead::TakesOver);
            self.replica = (replica, lead != Lead::Follows);
        }
        self.replica.1
    }

    /// A series that is not kept.
    #[inline]
    pub(super) fn pass(&mut self, why: Unkept, counted: Counted) {
        self.count(counted);
        match why {
            Unkept::Unread => self.received.unread += counted.samples,
            Unkept::Dropped => self.received.dropped += counted.samples,
        }
    }

    /// A series that is turned away, and all that it holds.
    #[cold]
    pub(super) fn reject(&mut self, fault: &Fault, counted: Counted, series: impl Fn() -> String) {
        self.count(counted);
        let Counted { samples, histograms, exemplars } = counted;
        let nothing = u64::from(samples + histograms + exemplars == 0);
        let items = [
            (Item::Sample, samples),
            (Item::Histogram, histograms),
            (Item::Exemplar, exemplars),
            (Item::Series, nothing),
        ];
        for (item, count) in items.into_iter().filter(|(_, count)| *count > 0) {
            self.partial.add(fault.clone(), item, count, &series);
        }
    }

    /// A series that is met for the first time, with labels that are as they should be.
    pub(super) fn meet(
        &mut self,
        fingerprint: Fingerprint,
        label_bytes: usize,
        labels: &[Pair<'a>],
        fields: &'a [u8],
        counted: Counted,
    ) {
        let after = self.last;
        let from = self.notes.labels.len();
        self.notes.labels.extend_from_slice(labels);
        let labels = from..self.notes.labels.len();
        self.notes.fresh.push(Fresh { fingerprint, label_bytes, labels, fields, counted, after });
    }

    /// Makes windows for the series that are met for the first time. The whole body has proved sound.
    pub(super) fn welcome(&mut self) {
        let mut before: Option<(Option<Fingerprint>, Known<'b>)> = None;
        let (mut all, labels) = (std::mem::take(&mut self.notes.fresh), std::mem::take(&mut self.notes.labels));
        for fresh in all.drain(..) {
            let labels = labels.get(fresh.labels.clone()).unwrap_or_default();
            let known = match self.open(&fresh, labels) {
                Ok(Ok(known)) => known,
                Ok(Err(why)) => {
                    self.pass(why, fresh.counted);
                    continue;
                }
                Err(fault) => {
                    let labels = || Labels::from_pairs(labels.iter().copied()).unwrap_or_default().to_string();
                    self.reject(&fault, fresh.counted, labels);
                    continue;
                }
            };
            let Fresh { fields, counted, after, .. } = fresh;
            // It takes its place behind what came before it, so that both are guessed the next time.
            let beginning = after.map(|known| known.fingerprint());
            self.last = match before {
                Some((of, known)) if of == beginning => Some(known),
                _ => after,
            };
            let next = self.last.and_then(|last| self.batch.after(last)).filter(|next| !next.is(known));
            self.keep(known, fields, counted);
            if let Some(next) = next {
                known.followed_by(next);
            }
            before = Some((beginning, known));
        }
        (self.notes.fresh, self.notes.labels) = (all, labels);
    }

    /// Finds or makes the window of a series that is met for the first time: its replica's label goes, then it is relabelled.
    fn open(&self, fresh: &Fresh<'a, 'b>, labels: &[Pair<'a>]) -> Result<Result<Known<'b>, Unkept>, Fault> {
        let receiver = self.receiver;
        let mut labels = Cow::Borrowed(labels);
        let tag = match &receiver.replicas {
            Some(replicas) => replicas.meet(labels.to_mut(), self.now)?,
            None => 0,
        };
        let spelling = Spelling { fingerprint: fresh.fingerprint, label_bytes: fresh.label_bytes, tag };
        let known = if receiver.limits.relabel.is_empty() {
            self.batch.meet(spelling, &labels)
        } else {
            let Some(labels) = receiver.limits.relabel.apply(labels.iter().copied()) else {
                self.batch.drop_spelling(fresh.fingerprint);
                return Ok(Err(Unkept::Dropped));
            };
            let labels: Vec<Pair<'_>> = labels.iter().collect();
            check(&labels, &receiver.limits)?;
            self.batch.meet(spelling, &labels)
        };
        Ok(known.map_err(Fault::Refused)?.ok_or(Unkept::Unread))
    }

    /// Walks what a series holds beside its labels, and judges it. `exemplar` looks one through and gives its time.
    pub(super) fn parts(
        &mut self,
        fields: Fields<'a>,
        shape: &Shape,
        exemplar: Exemplar<'_, 'a>,
        series: impl Fn() -> String,
    ) -> Result<Counted, Malformed> {
        let mut counted = Counted::default();
        let (future, partial) = (self.future, &mut self.partial);
        let in_time = |at: Timestamp| if at > future { Err(Fault::TooFarInFuture(AHEAD_MINUTES)) } else { Ok(()) };
        counted.samples = walk(fields, shape, |part| {
            let (item, judged) = match part {
                Part::Histogram(message) => {
                    counted.histograms += 1;
                    let judged = histogram::check(message)?.map_err(Fault::Histogram);
                    (Item::Histogram, judged.and_then(in_time))
                }
                Part::Exemplar(message) => {
                    counted.exemplars += 1;
                    (Item::Exemplar, exemplar(message)?.and_then(in_time))
                }
            };
            if let Err(fault) = judged {
                partial.add(fault, item, 1, &series);
            }
            Ok(())
        })?;
        Ok(counted)
    }

    /// Writes what was noted.
    pub(super) fn store(&mut self) {
        let pending = std::mem::take(&mut self.notes.pending);
        let record = self.receiver.record.as_ref();
        self.taken = record.map(|_| Vec::with_capacity(pending.len()));
        let mut busy: Vec<(&Window, Sample)> = Vec::new();
        for (number, Pending { window, fields }) in pending.iter().enumerate() {
            if let Some(later) = pending.get(number + RING_AHEAD) {
                self.batch.expect_push(later.window);
            }
            if let Some(later) = pending.get(number + SLOT_AHEAD) {
                self.batch.expect_slot(later.window);
            }
            each_sample(fields, |sample| {
                if sample.at > self.future {
                    let fault = Fault::TooFarInFuture(AHEAD_MINUTES);
                    self.partial.add(fault, Item::Sample, 1, || window.labels().to_string());
                    return;
                }
                if sample.at < self.horizon {
                    return self.note(Pushed::TooOld, window, sample);
                }
                match self.batch.push(window, sample) {
                    Pushed::Busy => busy.push((window, sample)),
                    pushed => self.note(pushed, window, sample),
                }
            });
        }
        for (window, sample) in busy {
            match self.batch.push_busy(window, sample) {
                Ok(pushed) => self.note(pushed, window, sample),
                Err(refused) => {
                    self.partial.add(Fault::Refused(refused), Item::Sample, 1, || window.labels().to_string());
                }
            }
        }
        self.notes.pending = pending;
        if let (Some(record), Some(taken)) = (record, self.taken.take().filter(|taken| !taken.is_empty())) {
            record(taken);
        }
    }

    #[inline]
    fn note(&mut self, pushed: Pushed, window: &Window, sample: Sample) {
        match pushed {
            Pushed::Kept => {
                self.received.kept += 1;
                self.newest = self.newest.max(Some(sample.at));
                if let Some(taken) = &mut self.taken {
                    taken.push(Taken { labels: window.labels().clone(), sample });
                }
            }
            Pushed::Duplicate => self.received.duplicate += 1,
            Pushed::TooOld | Pushed::Full | Pushed::Afar | Pushed::Busy => self.too_old(window),
            Pushed::Conflicting => {
                self.partial.add(Fault::DuplicateTimestamp, Item::Sample, 1, || window.labels().to_string());
            }
        }
    }

    fn too_old(&mut self, window: &Window) {
        if self.receiver.limits.too_old_is_error {
            self.partial.add(Fault::TooOld, Item::Sample, 1, || window.labels().to_string());
        } else {
            self.received.too_old += 1;
        }
    }
}
