//! `POST /api/v1/write`: headers, then room, then the body, then its samples.

use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http::header::{CONNECTION, CONTENT_LENGTH, HeaderName, HeaderValue};
use http::{HeaderMap, Request, StatusCode};
use http_body_util::BodyExt as _;
use hyper::body::Incoming;
use tokio::runtime::{Handle, RuntimeFlavor};
use tokio::time::{Instant, timeout};

use super::admission::Room;
use super::connection::Guest;
use super::reply::{self, Reply};
use super::router::Service;
use crate::ingest::{Outcome, Protocol, Rejected, Written};
use crate::telemetry::{LabelValue as _, RequestOutcome};
use crate::time::Timestamp;

/// Bodies that unpack to more than this, in bytes, take milliseconds, which other connections of the worker would feel.
/// Prometheus's 2,000 samples are some 1 MiB and take half of one: to hand the worker's other tasks over would cost an
/// eighth of that again.
const SHORT: usize = 2 << 20;

const SAMPLES_WRITTEN: HeaderName = HeaderName::from_static("x-prometheus-remote-write-samples-written");
const HISTOGRAMS_WRITTEN: HeaderName = HeaderName::from_static("x-prometheus-remote-write-histograms-written");
const EXEMPLARS_WRITTEN: HeaderName = HeaderName::from_static("x-prometheus-remote-write-exemplars-written");

/// Why a body did not reach the receiver.
#[derive(Debug, thiserror::Error)]
pub(super) enum Turned {
    #[error(transparent)]
    Rejected(#[from] Rejected),
    #[error("body is longer than {limit} bytes; send less at once (max_samples_per_send)")]
    TooLarge { limit: usize },
    #[error("the body did not arrive within {0:?}; retry")]
    Slow(Duration),
    #[error("the body ended early: {0}")]
    CutShort(hyper::Error),
    #[error("too many bytes are on their way; retry")]
    NoRoom,
    #[error("more samples than one sender may send (ingest.sender_samples_per_second_max); retry in {0:.1?}")]
    TooFast(Duration),
    #[error("shutting down; retry")]
    ShuttingDown,
    #[error("not ready: {0}; retry")]
    NotReady(String),
}

/// Takes one remote-write request.
pub(super) async fn handle(service: &Service, guest: &Guest, request: Request<Incoming>) -> Reply {
    let (head, body) = request.into_parts();
    match take(service, guest, &head.headers, body).await {
        Ok((protocol, outcome)) => {
            let mut answer = match &outcome.rejected {
                None => {
                    service.context.telemetry.ingest.requests.add(RequestOutcome::Accepted, 1);
                    reply::no_content()
                }
                Some(rejected) => turned_away(service, guest, &head.headers, &rejected.clone().into(), reply::text),
            };
            if protocol == Protocol::V2 {
                tell_written(&mut answer, outcome.written());
            }
            answer
        }
        Err(turned) => turned_away(service, guest, &head.headers, &turned, reply::text),
    }
}

/// The answer to a request that did not reach the receiver, or was turned away by it.
pub(super) fn turned_away(
    service: &Service,
    guest: &Guest,
    headers: &HeaderMap,
    turned: &Turned,
    say: impl FnOnce(StatusCode, &str) -> Reply,
) -> Reply {
    let (status, text) = (turned.status(), turned.to_string());
    let outcome = turned.outcome(status);
    service.context.telemetry.ingest.requests.add(outcome, 1);
    service.complaints.tell(outcome.as_str(), &text, guest.address, headers);
    let mut answer = say(status, &text);
    if let Some(seconds) = turned.retry_after(service, headers) {
        answer = reply::retry_after(answer, seconds);
    }
    if matches!(turned, Turned::ShuttingDown | Turned::Slow(_)) {
        answer.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
    }
    answer
}

/// What remote write 2.0 wants to be told with each answer; a sender of 1.0 must not see it.
fn tell_written(answer: &mut Reply, written: Written) {
    let Written { samples, histograms, exemplars } = written;
    for (name, count) in [(SAMPLES_WRITTEN, samples), (HISTOGRAMS_WRITTEN, histograms), (EXEMPLARS_WRITTEN, exemplars)]
    {
        answer.headers_mut().insert(name, HeaderValue::from(count));
    }
}

async fn take(
    service: &Service,
    guest: &Guest,
    headers: &HeaderMap,
    body: Incoming,
) -> Result<(Protocol, Outcome), Turned> {
    let context = &service.context;
    ready(service)?;
    let protocol = context.receiver.negotiate(headers)?;
    service.rates.may_send(guest.address, Instant::now()).map_err(Turned::TooFast)?;

    let (body, room) = bounded(service, headers, body, context.receiver.body_bytes_max()).await?;

    let long = context.receiver.unpacked_bytes(&body) > SHORT;
    let outcome = received(service, guest, body.len(), long, |now| context.receiver.receive(protocol, &body, now));
    drop(room);
    Ok((protocol, outcome))
}

/// Gives a body of so many bytes to the receiver, and notes of its sender what it brought.
pub(super) fn received(
    service: &Service,
    guest: &Guest,
    bytes: usize,
    long: bool,
    receive: impl FnOnce(Timestamp) -> Outcome,
) -> Outcome {
    let (started, now) = (Instant::now(), (service.context.clock)());
    let telemetry = &service.context.telemetry;
    telemetry.ingest.bytes.add(bytes as u64);
    let outcome = off_the_reactor(long, || receive(now));
    let ended = Instant::now();
    telemetry.latency.request.record(ended - started);
    service.rates.sent(guest.address, ended, outcome.received.samples);
    if let Some(newest) = outcome.newest {
        service.senders.sent(guest.address, newest, now);
    }
    outcome
}

/// Turns a request away where nothing can be taken now.
pub(super) fn ready(service: &Service) -> Result<(), Turned> {
    let context = &service.context;
    if context.shutdown.is_cancelled() {
        return Err(Turned::ShuttingDown);
    }
    match context.missing.borrow().first() {
        Some(missing) => Err(Turned::NotReady(missing.clone())),
        None => Ok(()),
    }
}

/// Reads a body of at most `limit` bytes within the time that bodies have, and hands its room on with it.
pub(super) async fn bounded(
    service: &Service,
    headers: &HeaderMap,
    body: Incoming,
    limit: usize,
) -> Result<(Bytes, Room), Turned> {
    let promised = promised(headers).unwrap_or(limit);
    if promised > limit {
        return Err(Turned::TooLarge { limit });
    }
    let within = service.context.limits.body_timeout;
    let reading = timeout(within, read(service, body, promised, limit));
    reading.await.map_err(|_| Turned::Slow(within))?
}

/// Reads a body of `promised` bytes, taking room as it grows, and hands the room on with it.
async fn read(service: &Service, mut body: Incoming, promised: usize, limit: usize) -> Result<(Bytes, Room), Turned> {
    let admission = &service.admission;
    let asked = Instant::now();
    let entered = admission.enter(promised).await;
    service.context.telemetry.latency.admission.record(asked.elapsed());
    let mut room = entered.map_err(|_| Turned::NoRoom)?;
    let mut whole: Option<Bytes> = None;
    let mut parts = BytesMut::new();
    while let Some(frame) = body.frame().await {
        let Ok(data) = frame.map_err(Turned::CutShort)?.into_data() else { continue };
        let length = whole.as_ref().map_or(parts.len(), Bytes::len) + data.len();
        if length > limit {
            return Err(Turned::TooLarge { limit });
        }
        admission.fit(&mut room, length, promised).await.map_err(|_| Turned::NoRoom)?;
        // One frame, as small bodies are, is handed on as it came; more are put together.
        match whole.take() {
            None if parts.is_empty() => whole = Some(data),
            first => {
                parts.extend_from_slice(&first.unwrap_or_default());
                parts.extend_from_slice(&data);
            }
        }
    }
    Ok((whole.unwrap_or_else(|| parts.freeze()), room))
}

/// The length that the sender declares. hyper has checked that it is a number, and holds the sender to it.
fn promised(headers: &HeaderMap) -> Option<usize> {
    headers.get(CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}

/// Runs `work`; where it is `long`, the worker's other tasks move elsewhere first.
pub(super) fn off_the_reactor<T>(long: bool, work: impl FnOnce() -> T) -> T {
    // A runtime of one thread has nowhere to move them.
    let movable = Handle::current().runtime_flavor() == RuntimeFlavor::MultiThread;
    if long && movable { tokio::task::block_in_place(work) } else { work() }
}

impl Turned {
    fn status(&self) -> StatusCode {
        match self {
            Self::Rejected(rejected) => rejected.status(),
            Self::TooLarge { .. } => StatusCode::PAYLOAD_TOO_LARGE,
            Self::CutShort(_) => StatusCode::BAD_REQUEST,
            // Not 408: a Prometheus drops what is answered with any 4xx but 429.
            Self::TooFast(_) => StatusCode::TOO_MANY_REQUESTS,
            Self::Slow(_) | Self::NoRoom | Self::ShuttingDown | Self::NotReady(_) => StatusCode::SERVICE_UNAVAILABLE,
        }
    }

    /// How `/metrics` counts it.
    fn outcome(&self, status: StatusCode) -> RequestOutcome {
        match (self, status) {
            (Self::CutShort(_), _) => RequestOutcome::CutShort,
            (Self::Slow(_), _) => RequestOutcome::Slow,
            (_, StatusCode::PAYLOAD_TOO_LARGE) => RequestOutcome::TooLarge,
            (_, StatusCode::UNSUPPORTED_MEDIA_TYPE) => RequestOutcome::Unsupported,
            (_, StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE) => RequestOutcome::Overloaded,
            (_, status) if status.is_server_error() => RequestOutcome::Failed,
            _ => RequestOutcome::Invalid,
        }
    }

    /// Seconds, where the sender should come again.
    fn retry_after(&self, service: &Service, headers: &HeaderMap) -> Option<u32> {
        match self {
            Self::Rejected(_) | Self::TooLarge { .. } | Self::CutShort(_) => None,
            // As long as it takes, and then the spread that keeps senders apart.
            Self::TooFast(wait) => {
                let seconds = u32::try_from(wait.as_secs()).unwrap_or(u32::MAX);
                Some(seconds.saturating_add(service.admission.retry_after(headers)))
            }
            Self::Slow(_) | Self::NoRoom | Self::ShuttingDown | Self::NotReady(_) => {
                Some(service.admission.retry_after(headers))
            }
        }
    }
}
