//! Takes a request from its first header to its last sample.

use std::fmt;
use std::sync::Arc;

use crossbeam_queue::ArrayQueue;
use http::HeaderMap;

use super::key::Key;
use super::metadata::Metadata;
use super::negotiate::{Protocol, negotiate};
use super::otlp::{self, Encoding};
use super::rejected::{Item, Partial, Rejected};
use super::replicas::{Pairs, Replicas};
use super::request::{Notes, Request};
use super::spelled::Spelled;
use super::symbols::Symbols;
use super::unpack::{claimed, unpack};
use super::{v1, v2};
use crate::config::Otlp;
use crate::labels::Relabel;
use crate::recording::Taken;
use crate::series::{Store, Touched};
use crate::telemetry::{IngestMetrics, Message, NotKept, Violation};
use crate::time::Timestamp;

/// Buffers kept for the next request. More requests at once than this make their own.
const BUFFERS: usize = 64;

/// What a buffer keeps of its memory at most, in bytes. Prometheus sends 2,000 samples at once, which is some 1 MiB unpacked.
/// So all that is kept is 64 × (4 + 4 + 1.6 + 6) MiB at most, and there are hardly more buffers than processors.
const UNPACKED_KEPT: usize = 4 << 20;

/// What a request may cost, and what is done about one that is not as it should be.
#[derive(Debug, Clone)]
#[allow(clippy::struct_excessive_bools, reason = "each is a setting of its own")]
pub struct Limits {
    /// Bytes of a body as sent.
    pub body_bytes_max: usize,
    /// Bytes of a body unpacked; 32 MiB is what Prometheus's own receiver takes. Below 4 GiB.
    pub decompressed_bytes_max: usize,
    /// Time series in one request.
    pub request_series_max: usize,
    pub labels_max: usize,
    pub label_name_bytes_max: usize,
    pub label_value_bytes_max: usize,
    /// Names and values of one series together.
    pub labels_bytes_max: usize,
    /// Look at all labels of series that no rule reads, too. Otherwise a metric's name that no rule reads is enough.
    pub validate_all: bool,
    /// Answer 400 for samples that are older than any rule looks back, instead of dropping them.
    pub too_old_is_error: bool,
    /// Pairs of replicas of which one is taken.
    pub pairs: Option<Pairs>,
    /// What is done to the labels of each series before anybody reads them.
    pub relabel: Relabel,
    /// How OpenTelemetry's metrics become series.
    pub otlp: Otlp,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            body_bytes_max: 32 << 20,
            decompressed_bytes_max: 32 << 20,
            request_series_max: 500_000,
            labels_max: 64,
            label_name_bytes_max: 1_024,
            label_value_bytes_max: 4_096,
            labels_bytes_max: 16 << 10,
            validate_all: false,
            too_old_is_error: false,
            pairs: None,
            relabel: Relabel::default(),
            otlp: Otlp::default(),
        }
    }
}

/// What became of what a request held. Of `samples` each is kept, not kept for one of the reasons, or rejected.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Received {
    pub samples: u64,
    pub kept: u64,
    /// No rule reads the series.
    pub unread: u64,
    /// The settings drop the series.
    pub dropped: u64,
    /// Older than any rule looks back.
    pub too_old: u64,
    /// Known already.
    pub duplicate: u64,
    /// Of a replica that another one stands in for.
    pub replica: u64,
    /// Native histograms and exemplars: looked through, counted, and not kept.
    pub histograms: u64,
    pub exemplars: u64,
    /// What senders must not do, and nothing is lost by: series whose labels are not sorted, and tables of symbols that do not
    /// begin with the empty one.
    pub unsorted: u64,
    pub first_symbol: u64,
    /// Replicas that took the place of one that had fallen silent.
    pub failovers: u64,
}

/// What is told to a sender of remote write 2.0: what was taken in, whether or not it is kept.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Written {
    pub samples: u64,
    pub histograms: u64,
    pub exemplars: u64,
}

/// What became of a request.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Outcome {
    pub received: Received,
    /// Why the request, or a part of it, was turned away.
    pub rejected: Option<Rejected>,
    /// The time of the newest sample that was kept.
    pub newest: Option<Timestamp>,
}

impl Outcome {
    pub(super) fn new(received: Received, partial: Partial, newest: Option<Timestamp>) -> Self {
        let rejected = (!partial.is_empty()).then_some(Rejected::Partial(partial));
        Self { received, rejected, newest }
    }

    #[must_use]
    pub fn written(&self) -> Written {
        let rejected = |item| match &self.rejected {
            Some(Rejected::Partial(partial)) => partial.count(item),
            _ => 0,
        };
        let Received { samples, histograms, exemplars, .. } = self.received;
        Written {
            samples: samples.saturating_sub(rejected(Item::Sample)),
            histograms: histograms.saturating_sub(rejected(Item::Histogram)),
            exemplars: exemplars.saturating_sub(rejected(Item::Exemplar)),
        }
    }
}

/// The memory of one request, used again by the next.
#[derive(Debug, Default)]
struct Buffers {
    unpacked: Vec<u8>,
    scattered: Vec<u8>,
    symbols: Symbols,
    scratch: v2::Scratch,
    notes: Notes<'static, 'static>,
    touched: Touched,
}

impl Buffers {
    /// Lets go of the memory that an uncommonly large request took.
    fn trim(&mut self) {
        self.unpacked.truncate(UNPACKED_KEPT);
        self.unpacked.shrink_to(UNPACKED_KEPT);
        self.scattered.clear();
        self.scattered.shrink_to(UNPACKED_KEPT);
        self.symbols.clear();
    }
}

/// Takes remote-write requests.
pub struct Receiver {
    store: Arc<Store>,
    pub(super) limits: Limits,
    pub(super) key: Key,
    pub(super) replicas: Option<Replicas>,
    /// Whether relabelling may change a metric's name: then nothing can be said by the name alone.
    pub(super) renames: bool,
    metadata: Metadata,
    /// Called when a rule has become due.
    wake: Box<dyn Fn() + Send + Sync>,
    buffers: ArrayQueue<Buffers>,
    /// Where what is kept is recorded.
    pub(super) record: Option<Box<dyn Fn(Vec<Taken>) + Send + Sync>>,
    metrics: IngestMetrics,
}

impl Receiver {
    /// `seed` is a number that nobody outside knows; `wake` is called when samples have made a rule due.
    pub fn new(store: Arc<Store>, mut limits: Limits, seed: u64, wake: impl Fn() + Send + Sync + 'static) -> Self {
        // Places in a body are kept in 32 bits.
        limits.decompressed_bytes_max = limits.decompressed_bytes_max.min(u32::MAX as usize);
        Self {
            store,
            key: Key::new(seed),
            replicas: limits.pairs.clone().map(Replicas::new),
            renames: limits.relabel.may_rename(),
            limits,
            metadata: Metadata::default(),
            wake: Box::new(wake),
            buffers: ArrayQueue::new(BUFFERS),
            record: None,
            metrics: IngestMetrics::default(),
        }
    }

    /// Counts with these handles from now on.
    #[must_use]
    pub fn counting(mut self, metrics: IngestMetrics) -> Self {
        self.metrics = metrics;
        self
    }

    /// Gives the samples that are kept to `record`, a list for each request. It is called within the request and must not
    /// wait.
    #[must_use]
    pub fn recording(mut self, record: impl Fn(Vec<Taken>) + Send + Sync + 'static) -> Self {
        self.record = Some(Box::new(record));
        self
    }

    /// Looks at the headers alone, before the body is read: content type, encoding, declared length.
    pub fn negotiate(&self, headers: &HeaderMap) -> Result<Protocol, Rejected> {
        negotiate(headers, self.limits.body_bytes_max)
    }

    /// The longest body that is read, in bytes as sent.
    #[must_use]
    pub fn body_bytes_max(&self) -> usize {
        self.limits.body_bytes_max
    }

    /// The length that a body of remote write claims to unpack to, which tells how long it will take; 0 for one that won't.
    #[must_use]
    pub fn unpacked_bytes(&self, body: &[u8]) -> usize {
        claimed(body, self.limits.decompressed_bytes_max).unwrap_or(0)
    }

    /// What senders say of their metrics.
    #[must_use]
    pub fn metadata(&self) -> &Metadata {
        &self.metadata
    }

    /// Unpacks a body and stores its samples: some 150 ns of work for each sample. `now` is our clock's.
    ///
    /// A malformed body changes nothing. Where single series or samples are at fault, the rest is stored, and the
    /// outcome has [`Rejected::Partial`].
    pub fn receive(&self, protocol: Protocol, body: &[u8], now: Timestamp) -> Outcome {
        let message = match protocol {
            Protocol::V1 => Message::V1,
            Protocol::V2 => Message::V2,
        };
        self.receive_as(message, |buffers| self.receive_with(buffers, protocol, body, now))
    }

    /// Looks at the headers of a request with OpenTelemetry's metrics, before the body is read.
    pub fn negotiate_otlp(&self, headers: &HeaderMap) -> Result<Encoding, Rejected> {
        otlp::negotiate(headers, self.limits.body_bytes_max)
    }

    /// Unpacks a body of OpenTelemetry's metrics and stores its samples, as [`Receiver::receive`] does. A point that is at fault
    /// counts as one sample that is turned away, however many series it would have made.
    pub fn receive_otlp(&self, encoding: Encoding, body: &[u8], now: Timestamp) -> Outcome {
        self.receive_as(Message::Otlp, |buffers| {
            let Buffers { unpacked, notes, touched, .. } = buffers;
            let body = otlp::open(body, encoding, &self.limits, unpacked)?;
            let batch = self.store.batch(touched);
            let mut sink = otlp::Sink::new(self, &batch, std::mem::take(notes), now);
            otlp::translate(body, &mut sink);
            let (outcome, used) = sink.finish();
            *notes = used;
            if batch.finish() {
                (self.wake)();
            }
            Ok(outcome)
        })
    }

    /// Lends buffers to `receive`, and counts what came of it.
    fn receive_as(&self, message: Message, receive: impl FnOnce(&mut Buffers) -> Result<Outcome, Rejected>) -> Outcome {
        let mut buffers = self.buffers.pop().unwrap_or_default();
        let outcome = receive(&mut buffers);
        buffers.trim();
        // A full queue means that there are buffers enough.
        drop(self.buffers.push(buffers));
        let outcome = outcome.unwrap_or_else(|rejected| Outcome { rejected: Some(rejected), ..Outcome::default() });
        self.count(message, &outcome);
        outcome
    }

    fn count(&self, message: Message, outcome: &Outcome) {
        let (metrics, received) = (&self.metrics, &outcome.received);
        metrics.messages.add(message, 1);
        let written = outcome.written();
        metrics.accepted.add(written.samples);
        metrics.histograms.add(written.histograms);
        metrics.exemplars.add(written.exemplars);
        metrics.kept.add(received.kept);
        let reasons = [
            (NotKept::Unread, received.unread),
            (NotKept::Dropped, received.dropped),
            (NotKept::Old, received.too_old),
            (NotKept::Duplicate, received.duplicate),
            (NotKept::Replica, received.replica),
        ];
        for (reason, samples) in reasons.into_iter().filter(|(_, samples)| *samples > 0) {
            metrics.not_kept.add(reason, samples);
        }
        metrics.violations.add(Violation::UnsortedLabels, received.unsorted);
        metrics.violations.add(Violation::FirstSymbol, received.first_symbol);
        if let Some(Rejected::Partial(partial)) = &outcome.rejected {
            for (fault, item, count) in partial.faults() {
                match item {
                    Item::Sample => metrics.rejected.add(fault.kind(), count),
                    Item::Histogram => metrics.histograms_rejected.add(count),
                    Item::Exemplar => metrics.exemplars_rejected.add(count),
                    Item::Series => {}
                }
            }
        }
        metrics.failovers.add(received.failovers);
    }

    fn receive_with(
        &self,
        buffers: &mut Buffers,
        protocol: Protocol,
        body: &[u8],
        now: Timestamp,
    ) -> Result<Outcome, Rejected> {
        let Buffers { unpacked, scattered, symbols, scratch, notes, touched } = buffers;
        let body = unpack(body, self.limits.decompressed_bytes_max, unpacked)?;
        if protocol == Protocol::V2 {
            v2::read_symbols(body, symbols, self.limits.decompressed_bytes_max / 16)?;
        }
        let batch = self.store.batch(touched);
        let mut request = Request::new(self, &batch, std::mem::take(notes).recycled(), now);
        let walked = match protocol {
            Protocol::V1 => {
                let (gathered, spelled) = (std::mem::take(scattered), Spelled::default());
                let mut walk =
                    v1::Walk { request: &mut request, spelled, scattered: gathered, expecting: true, unread: b"" };
                let walked = walk.request(body);
                *scattered = walk.scattered;
                walked.map(|described| {
                    if described {
                        v1::describe(body, &self.metadata);
                    }
                })
            }
            Protocol::V2 => {
                let (spelled, said) = (Spelled::default(), Vec::new());
                let name = u32::MAX;
                let mut walk = v2::Walk { request: &mut request, body, symbols, scratch, spelled, name, said };
                walk.request().map(|()| walk.describe_all(&self.metadata))
            }
        };
        if walked.is_ok() {
            request.welcome();
            request.store();
        }
        let Request { notes: used, partial, received, newest, .. } = request;
        *notes = used.recycled();
        if batch.finish() {
            (self.wake)();
        }
        walked?;
        Ok(Outcome::new(received, partial, newest))
    }
}

impl fmt::Debug for Receiver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Receiver").field("limits", &self.limits).finish_non_exhaustive()
    }
}
