//! Where translated samples go: each series is written as remote write 1.0 has it, and goes the way of a series that came so.
//!
//! So both doors share all that comes after the labels: limits, pairs of replicas, relabelling, windows, the recording. A
//! series has one fingerprint, whichever door it came through. What is written is handed on in pieces, so that a body that
//! makes many long series of few bytes takes no more memory than one that doesn't.

use std::time::Duration;

use super::super::metadata::Metadata;
use super::super::parts::Counted;
use super::super::receiver::{Limits, Outcome, Received, Receiver};
use super::super::rejected::{Fault, Item, Partial};
use super::super::request::{AHEAD_MINUTES, Notes, Request};
use super::super::spelled::{Pair, Spelled};
use super::super::v1;
use crate::sample::Sample;
use crate::series::{Batch, Unkept};
use crate::time::Timestamp;

/// Bytes that are gathered before they are handed on: some thousand series.
const PIECE: usize = 256 << 10;

/// Takes the samples of one body, which has proved sound.
pub(in crate::ingest) struct Sink<'k, 's> {
    receiver: &'k Receiver,
    batch: &'k Batch<'s>,
    now: Timestamp,
    /// Points after this are turned away.
    pub(super) future: Timestamp,
    /// Samples before this are of no use to anybody.
    pub(super) horizon: Timestamp,
    judges_by_name: bool,
    /// Series that are not handed on yet, and the one that is being written.
    piece: Vec<u8>,
    in_piece: usize,
    series: Vec<u8>,
    notes: Notes<'static, 'static>,
    partial: Partial,
    pub(super) received: Received,
    newest: Option<Timestamp>,
}

impl<'k, 's> Sink<'k, 's> {
    pub(in crate::ingest) fn new(
        receiver: &'k Receiver,
        batch: &'k Batch<'s>,
        notes: Notes<'static, 'static>,
        now: Timestamp,
    ) -> Self {
        let request = Request::new(receiver, batch, notes, now);
        Self {
            receiver,
            batch,
            now,
            future: now + Duration::from_mins(AHEAD_MINUTES),
            horizon: request.horizon,
            judges_by_name: request.judges_by_name(),
            piece: Vec::new(),
            in_piece: 0,
            series: Vec::new(),
            notes: request.notes.recycled(),
            partial: Partial::default(),
            received: Received::default(),
            newest: None,
        }
    }

    pub(super) fn limits(&self) -> &'k Limits {
        &self.receiver.limits
    }

    pub(super) fn metadata(&self) -> &'k Metadata {
        self.receiver.metadata()
    }

    /// Whether series of a name have to be looked at.
    pub(super) fn reads(&self, name: &str) -> bool {
        !self.judges_by_name || self.batch.may_match(name)
    }

    /// Samples of series that nobody reads.
    pub(super) fn pass(&mut self, samples: u64) {
        let mut request = Request::new(self.receiver, self.batch, Notes::default(), self.now);
        request.received = self.received;
        request.pass(Unkept::Unread, Counted { samples, ..Counted::default() });
        self.received = request.received;
    }

    /// Turns points away: each counts as one sample, or one histogram, however many series it would have made.
    pub(super) fn reject(&mut self, fault: Fault, item: Item, points: u64, of: impl FnOnce() -> String) {
        match item {
            Item::Sample => self.received.samples += points,
            Item::Histogram => self.received.histograms += points,
            Item::Exemplar => self.received.exemplars += points,
            Item::Series => {}
        }
        self.partial.add(fault, item, points, of);
    }

    /// Takes one sample of a series, whose labels are sorted.
    pub(super) fn push(&mut self, labels: &[Pair<'_>], sample: Sample) {
        self.series.clear();
        for (name, value) in labels {
            let lengths = [name.len(), value.len()].map(|length| 1 + varint_bytes(length as u64) + length);
            self.series.push(0x0a);
            varint(&mut self.series, lengths.iter().sum::<usize>() as u64);
            text(&mut self.series, 0x0a, name);
            text(&mut self.series, 0x12, value);
        }
        let at = sample.at.as_millis().cast_unsigned();
        self.series.push(0x12);
        varint(&mut self.series, 10 + varint_bytes(at) as u64);
        self.series.push(0x09);
        self.series.extend_from_slice(&sample.value.to_bits().to_le_bytes());
        self.series.push(0x10);
        varint(&mut self.series, at);

        self.piece.push(0x0a);
        varint(&mut self.piece, self.series.len() as u64);
        self.piece.extend_from_slice(&self.series);
        self.in_piece += 1;
        // `target_info` may make more series than a request may have.
        if self.piece.len() >= PIECE || self.in_piece >= self.limits().request_series_max {
            self.hand_on();
        }
    }

    fn hand_on(&mut self) {
        let mut request = Request::new(self.receiver, self.batch, std::mem::take(&mut self.notes).recycled(), self.now);
        request.partial = std::mem::take(&mut self.partial);
        (request.received, request.newest) = (self.received, self.newest);
        let (spelled, scattered) = (Spelled::default(), Vec::new());
        let mut walk = v1::Walk { request: &mut request, spelled, scattered, expecting: true, unread: b"" };
        let walked = walk.request(&self.piece);
        assert!(walked.is_ok(), "what is written here is a sound message of no more series than there may be");
        request.welcome();
        request.store();
        let Request { notes, partial, received, newest, .. } = request;
        (self.notes, self.partial) = (notes.recycled(), partial);
        (self.received, self.newest) = (received, newest);
        self.piece.clear();
        self.in_piece = 0;
    }

    /// What became of all, and the list to be used again.
    pub(in crate::ingest) fn finish(mut self) -> (Outcome, Notes<'static, 'static>) {
        self.hand_on();
        (Outcome::new(self.received, self.partial, self.newest), self.notes)
    }
}

fn text(bytes: &mut Vec<u8>, tag: u8, text: &str) {
    bytes.push(tag);
    varint(bytes, text.len() as u64);
    bytes.extend_from_slice(text.as_bytes());
}

fn varint(bytes: &mut Vec<u8>, mut number: u64) {
    while number >= 0x80 {
        // The lowest seven bits, and that there are more.
        bytes.push(number.to_le_bytes()[0] | 0x80);
        number >>= 7;
    }
    bytes.push(number.to_le_bytes()[0]);
}

/// Bytes of a number as a varint: one for each seven bits.
fn varint_bytes(number: u64) -> usize {
    (64 - (number | 1).leading_zeros() as usize).div_ceil(7)
}
