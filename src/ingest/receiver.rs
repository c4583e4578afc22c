//! Takes a request from its first header to its last sample.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use crossbeam_queue::ArrayQueue;
use http::HeaderMap;
use xxhash_rust::xxh3::xxh3_128_with_seed;

use super::decode::{Place, Series, count_samples, each_series, leading_name};
use super::negotiate::negotiate;
use super::rejected::{Malformed, Partial, Rejected, SampleFault};
use super::series_labels::{Fault, labels, shown};
use super::unpack::unpack;
use crate::labels::Labels;
use crate::recording::Taken;
use crate::sample::Sample;
use crate::series::{Batch, Fingerprint, Pushed, Store, Target, Touched, Verdict};
use crate::telemetry::{self, IngestMetrics};
use crate::time::Timestamp;

/// How far ahead of our clock a sample may be: one host with a broken clock must not poison the windows.
const AHEAD_MAX: Duration = Duration::from_mins(10);

/// Buffers kept for the next request. More requests at once than this make their own.
const BUFFERS: usize = 64;

/// What a buffer keeps of its memory at most, in bytes and in samples of 32 bytes. Prometheus sends 2,000 samples at
/// once, which is some 600 KiB unpacked; so all that is kept is 64 × (4 + 4 + 2 + 0.4) MiB at most.
const UNPACKED_KEPT: usize = 4 << 20;
const PENDING_KEPT: usize = 1 << 16;

/// Series that are looked ahead at, of 96 bytes each: more than most requests have. A bound, so that two bytes of an
/// empty series can't cost 96 in a request of millions.
const FOUND_MAX: usize = 1 << 12;

/// What a request may cost.
#[derive(Debug, Clone)]
pub struct Limits {
    /// Bytes of a body as sent.
    pub body_bytes_max: usize,
    /// Bytes of a body unpacked; 32 MiB is what Prometheus's own receiver takes.
    pub decompressed_bytes_max: usize,
    pub labels_max: usize,
    pub label_name_bytes_max: usize,
    pub label_value_bytes_max: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            body_bytes_max: 32 << 20,
            decompressed_bytes_max: 32 << 20,
            labels_max: 64,
            label_name_bytes_max: 1_024,
            label_value_bytes_max: 4_096,
        }
    }
}

/// What became of a request's samples.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Received {
    pub kept: u64,
    pub unread: u64,
    pub too_old: u64,
    pub duplicate: u64,
    pub histograms: u64,
}

/// A series whose fingerprint is known, and its window not yet.
#[derive(Debug)]
struct Found<'a> {
    place: Place,
    message: &'a [u8],
    series: Series<'a>,
    fingerprint: Fingerprint,
}

/// A series that is seen for the first time. It gets its window once the whole request is known to be sound.
#[derive(Debug)]
struct Fresh {
    fingerprint: Fingerprint,
    labels: Labels,
    samples: Vec<Sample>,
}

/// A sample on its way to its window.
#[derive(Debug)]
struct Pending<'b> {
    target: Target<'b>,
    sample: Sample,
}

/// The memory of one request, used again by the next.
#[derive(Debug, Default)]
struct Buffers {
    unpacked: Vec<u8>,
    scattered: Vec<u8>,
    found: Vec<Found<'static>>,
    pending: Vec<Pending<'static>>,
    touched: Touched,
}

impl Buffers {
    /// Lets go of the memory that an uncommonly large request took.
    fn trim(&mut self) {
        self.unpacked.truncate(UNPACKED_KEPT);
        self.unpacked.shrink_to(UNPACKED_KEPT);
        self.scattered.clear();
        self.scattered.shrink_to(UNPACKED_KEPT);
        self.pending.shrink_to(PENDING_KEPT);
    }
}

/// Gives the memory of a list to one whose items are of the same layout and borrow from something else.
fn recycle<T, U>(mut list: Vec<T>) -> Vec<U> {
    list.clear();
    // An in-place collect: the allocation stays. There are no items to turn over.
    list.into_iter().map(|_| unreachable!("the list was just emptied")).collect()
}

/// Takes remote-write requests.
pub struct Receiver {
    store: Arc<Store>,
    limits: Limits,
    /// Makes fingerprints unguessable, so that nobody can craft two series that share one.
    seed: u64,
    /// Called when a rule has become due.
    wake: Box<dyn Fn() + Send + Sync>,
    buffers: ArrayQueue<Buffers>,
    /// Where what is kept is recorded.
    record: Option<Box<dyn Fn(Vec<Taken>) + Send + Sync>>,
    metrics: IngestMetrics,
}

impl Receiver {
    /// `seed` is a number that nobody outside knows; `wake` is called when samples have made a rule due.
    pub fn new(store: Arc<Store>, limits: Limits, seed: u64, wake: impl Fn() + Send + Sync + 'static) -> Self {
        let (buffers, metrics) = (ArrayQueue::new(BUFFERS), IngestMetrics::default());
        Self { store, limits, seed, wake: Box::new(wake), buffers, record: None, metrics }
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
    pub fn negotiate(&self, headers: &HeaderMap) -> Result<(), Rejected> {
        negotiate(headers, self.limits.body_bytes_max)
    }

    /// The longest body that is read, in bytes as sent.
    #[must_use]
    pub fn body_bytes_max(&self) -> usize {
        self.limits.body_bytes_max
    }

    /// Unpacks a body and stores its samples: some 200 ns of work for each sample. `now` is our clock's.
    ///
    /// A malformed body changes nothing. Where single series or samples are at fault, the rest is stored, and the
    /// answer is [`Rejected::Partial`].
    pub fn receive(&self, body: &[u8], now: Timestamp) -> Result<Received, Rejected> {
        let mut buffers = self.buffers.pop().unwrap_or_default();
        let mut received = Received::default();
        let answer = self.receive_with(&mut buffers, body, now, &mut received);
        buffers.trim();
        // A full queue means that there are buffers enough.
        drop(self.buffers.push(buffers));
        if matches!(answer, Ok(()) | Err(Rejected::Partial(_))) {
            self.count(&received, answer.as_ref().err());
        }
        answer.map(|()| received)
    }

    fn count(&self, received: &Received, rejected: Option<&Rejected>) {
        let metrics = &self.metrics;
        metrics.kept.add(received.kept);
        metrics.not_kept.add(telemetry::NotKept::Unread, received.unread);
        metrics.not_kept.add(telemetry::NotKept::Old, received.too_old);
        metrics.not_kept.add(telemetry::NotKept::Duplicate, received.duplicate);
        metrics.not_kept.add(telemetry::NotKept::Histogram, received.histograms);
        if let Some(Rejected::Partial(partial)) = rejected {
            for (fault, samples) in partial.faults() {
                metrics.rejected.add(fault.kind(), samples);
            }
        }
    }

    fn receive_with(
        &self,
        buffers: &mut Buffers,
        body: &[u8],
        now: Timestamp,
        received: &mut Received,
    ) -> Result<(), Rejected> {
        let unpacked = unpack(body, self.limits.decompressed_bytes_max, &mut buffers.unpacked)?;
        let batch = self.store.batch(&mut buffers.touched);
        let mut request = Request {
            receiver: self,
            batch: &batch,
            future: now + AHEAD_MAX,
            found: recycle(std::mem::take(&mut buffers.found)),
            fresh: Vec::new(),
            pending: recycle(std::mem::take(&mut buffers.pending)),
            taken: None,
            partial: Partial::default(),
            received,
        };
        let scattered = &mut buffers.scattered;
        let walked = each_series(unpacked, |place, message| request.find(place, message, scattered));
        let resolved = walked.and_then(|()| request.resolve());
        if resolved.is_ok() {
            request.welcome();
            request.store();
        }
        let Request { found, pending, partial, .. } = request;
        (buffers.found, buffers.pending) = (recycle(found), recycle(pending));
        if batch.finish() {
            (self.wake)();
        }
        resolved?;
        if partial.is_empty() { Ok(()) } else { Err(Rejected::Partial(partial)) }
    }
}

impl fmt::Debug for Receiver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Receiver").field("limits", &self.limits).finish_non_exhaustive()
    }
}

/// One request, unpacked. It is gone through three times: fingerprints, windows, samples. Each time asks for the
/// memory that the next one needs, so that its misses overlap instead of following each other.
struct Request<'r, 'a, 'b, 's> {
    receiver: &'r Receiver,
    batch: &'b Batch<'s>,
    /// Samples after this are turned away.
    future: Timestamp,
    found: Vec<Found<'a>>,
    fresh: Vec<Fresh>,
    pending: Vec<Pending<'b>>,
    /// What was kept, where it is recorded.
    taken: Option<Vec<Taken>>,
    partial: Partial,
    received: &'r mut Received,
}

/// How many samples ahead a ring, and then its slot, is asked for: some 20 ns of work each.
const RING_AHEAD: usize = 16;
const SLOT_AHEAD: usize = 8;

impl<'a, 'b> Request<'_, 'a, 'b, '_> {
    /// Makes the fingerprint of one series, unless no rule can read it.
    #[inline]
    fn find(&mut self, place: Place, message: &'a [u8], scattered: &mut Vec<u8>) -> Result<(), Rejected> {
        let rejected = |fault| place.rejected(fault);
        if let Some(name) = leading_name(message)
            && !self.batch.may_match(name)
        {
            self.received.unread += count_samples(message).map_err(rejected)?;
            return Ok(());
        }
        let Some(series) = Series::new(message).map_err(rejected)? else {
            // In the order of the request: of two values at one time, the first one stays.
            self.resolve()?;
            let series = Series::gathered(message, scattered).map_err(rejected)?;
            let fingerprint = self.fingerprint(&series);
            return self.look_up(message, series, fingerprint).map_err(rejected);
        };
        if self.found.len() == FOUND_MAX {
            self.resolve()?;
        }
        let fingerprint = self.fingerprint(&series);
        self.batch.expect_fingerprint(fingerprint);
        self.found.push(Found { place, message, series, fingerprint });
        Ok(())
    }

    fn fingerprint(&self, series: &Series<'_>) -> Fingerprint {
        Fingerprint(xxh3_128_with_seed(series.labels, self.receiver.seed))
    }

    /// Finds the windows of the series, and notes their samples. Nothing is stored yet.
    fn resolve(&mut self) -> Result<(), Rejected> {
        let mut found = std::mem::take(&mut self.found);
        let resolved = found.drain(..).try_for_each(|Found { place, message, series, fingerprint }| {
            self.look_up(message, series, fingerprint).map_err(|fault| place.rejected(fault))
        });
        self.found = found;
        resolved
    }

    #[inline]
    fn look_up(&mut self, message: &[u8], series: Series<'_>, fingerprint: Fingerprint) -> Result<(), Malformed> {
        match self.batch.verdict(fingerprint) {
            Some(Verdict::Keep(Target::Known(window))) => {
                self.batch.expect_window(window);
                self.note_samples(series, || Target::Known(window))
            }
            Some(Verdict::Keep(Target::New(window))) => self.note_samples(series, || Target::New(Arc::clone(&window))),
            Some(Verdict::Unread) => {
                self.received.unread += count_samples(message)?;
                Ok(())
            }
            None => self.meet(series, fingerprint),
        }
    }

    /// Reads a series that is seen for the first time.
    #[cold]
    fn meet(&mut self, series: Series<'_>, fingerprint: Fingerprint) -> Result<(), Malformed> {
        let block = series.labels;
        let read = match labels(block, &self.receiver.limits) {
            Ok(labels) => Ok(labels),
            Err(Fault::Series(fault)) => Err(fault),
            Err(Fault::Malformed(malformed)) => return Err(malformed),
        };
        let mut samples = Vec::new();
        self.received.histograms += series.each_sample(|sample| samples.push(sample))?;
        match read {
            Ok(labels) => self.fresh.push(Fresh { fingerprint, labels, samples }),
            Err(fault) => self.partial.add(fault, samples.len() as u64, || shown(block)),
        }
        Ok(())
    }

    /// Makes windows for the series that are seen for the first time, and notes their samples.
    fn welcome(&mut self) {
        for Fresh { fingerprint, labels, samples } in std::mem::take(&mut self.fresh) {
            let target = match self.batch.intern(fingerprint, &labels) {
                Ok(Verdict::Keep(target)) => target,
                Ok(Verdict::Unread) => {
                    self.received.unread += samples.len() as u64;
                    continue;
                }
                Err(refused) => {
                    self.partial.add(SampleFault::Refused(refused), samples.len() as u64, || labels.to_string());
                    continue;
                }
            };
            self.pending.extend(samples.into_iter().map(|sample| Pending { target: target.clone(), sample }));
        }
    }

    #[inline]
    fn note_samples(&mut self, series: Series<'_>, target: impl Fn() -> Target<'b>) -> Result<(), Malformed> {
        let pending = &mut self.pending;
        let histograms = series.each_sample(|sample| pending.push(Pending { target: target(), sample }))?;
        self.received.histograms += histograms;
        Ok(())
    }

    /// Writes what was noted.
    fn store(&mut self) {
        let pending = std::mem::take(&mut self.pending);
        let record = self.receiver.record.as_ref();
        self.taken = record.map(|_| Vec::with_capacity(pending.len()));
        let mut busy = Vec::new();
        for (number, Pending { target, sample }) in pending.iter().enumerate() {
            if let Some(later) = pending.get(number + RING_AHEAD) {
                self.batch.expect_push(&later.target);
            }
            if let Some(later) = pending.get(number + SLOT_AHEAD) {
                self.batch.expect_slot(&later.target);
            }
            if sample.at > self.future {
                let fault = SampleFault::TooFarInFuture(AHEAD_MAX.as_secs() / 60);
                self.partial.add(fault, 1, || target.labels().to_string());
                continue;
            }
            match self.batch.push(target, *sample) {
                Pushed::Busy => busy.push((target, *sample)),
                pushed => self.note(pushed, target, *sample),
            }
        }
        for (target, sample) in busy {
            match self.batch.push_busy(target, sample) {
                Ok(pushed) => self.note(pushed, target, sample),
                Err(refused) => self.partial.add(SampleFault::Refused(refused), 1, || target.labels().to_string()),
            }
        }
        self.pending = pending;
        if let (Some(record), Some(taken)) = (record, self.taken.take().filter(|taken| !taken.is_empty())) {
            record(taken);
        }
    }

    fn note(&mut self, pushed: Pushed, target: &Target<'_>, sample: Sample) {
        match pushed {
            Pushed::Kept => {
                self.received.kept += 1;
                if let Some(taken) = &mut self.taken {
                    taken.push(Taken { labels: target.labels().clone(), sample });
                }
            }
            Pushed::Duplicate => self.received.duplicate += 1,
            Pushed::TooOld | Pushed::Full | Pushed::Busy => self.received.too_old += 1,
            Pushed::Conflicting => {
                self.partial.add(SampleFault::DuplicateTimestamp, 1, || target.labels().to_string());
            }
        }
    }
}
