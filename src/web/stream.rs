//! `/api/v1/stream`: what changes, as server-sent events.
//!
//! A client first gets `hello` (who we are, and since when), the newest decisions and the workloads; then, at most
//! twice a second, one `decision` for each that is new or has a new outcome, and one `workloads`. Each tick is written
//! once for all clients; who falls [`BEHIND_MAX`] ticks behind is dropped, and an `EventSource` comes back by itself.

use std::collections::HashSet;
use std::fmt::Write as _;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use futures_util::stream;
use http::header::{CACHE_CONTROL, CONTENT_TYPE, HeaderValue};
use http::{HeaderMap, Response, StatusCode};
use http_body_util::{BodyExt as _, StreamBody};
use hyper::body::Frame;
use serde::Serialize;
use serde_json::{Value, json};
use tokio::sync::broadcast::error::RecvError;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, broadcast};
use tokio::time::{Interval, MissedTickBehavior, interval, sleep};
use tokio_util::sync::CancellationToken;
use tracing::debug;

use super::Context;
use super::api::{Entry, Snapshot};
use super::history::History;
use super::read::error;
use super::reply::{self, Reply};
use super::router::Service;
use crate::engine::{self, View};
use crate::telemetry::WebMetrics;

/// The least time between two ticks.
const TICK: Duration = Duration::from_millis(500);
/// Ticks that are kept for slow clients: 16 seconds.
const BEHIND_MAX: usize = 32;
/// A line without meaning, so that proxies and clients know that we live.
const HEARTBEAT: Duration = Duration::from_secs(15);
/// Decisions that a new client gets.
const BACKLOG_MAX: usize = 100;

/// What all clients of the stream share.
#[derive(Debug)]
pub(super) struct Hub {
    ticks: broadcast::Sender<Bytes>,
    clients: Arc<Semaphore>,
    metrics: WebMetrics,
    history: Mutex<History>,
}

impl Hub {
    pub(super) fn new(clients_max: usize, metrics: WebMetrics) -> Self {
        let clients = Arc::new(Semaphore::new(clients_max));
        Self { ticks: broadcast::Sender::new(BEHIND_MAX), clients, metrics, history: Mutex::default() }
    }

    /// One workload's recent past.
    pub(super) fn history(&self, workload: &str) -> Option<Value> {
        self.history.lock().unwrap_or_else(PoisonError::into_inner).of(workload)
    }

    /// Tells the clients what changed from `before` to `view`.
    fn publish(&self, context: &Context, before: &View, view: &View) {
        self.history.lock().unwrap_or_else(PoisonError::into_inner).observe(view);
        if self.ticks.receiver_count() == 0 {
            return;
        }
        // A decision with a new outcome is a new object; those of `before` are alive, so addresses tell them apart.
        let known: HashSet<*const engine::Entry> = before.decisions.iter().map(Arc::as_ptr).collect();
        let fresh = view.decisions.iter().filter(|entry| !known.contains(&Arc::as_ptr(entry)));
        // Nobody listening any more is no error.
        let _ = self.ticks.send(tick(context, fresh, view));
    }
}

impl Service {
    /// Follows the loop's snapshots and passes them on, until the shutdown.
    pub(super) async fn follow(self: Arc<Self>) {
        let mut views = self.context.view.clone();
        let mut shown = Arc::new(View::default());
        views.mark_changed();
        while views.changed().await.is_ok() {
            let view = Arc::clone(&views.borrow_and_update());
            self.hub.publish(&self.context, &shown, &view);
            shown = view;
            sleep(TICK).await;
        }
    }
}

/// `GET /api/v1/stream`
pub(super) fn handle(service: &Service, headers: &HeaderMap) -> Reply {
    let hub = &service.hub;
    let Ok(permit) = Arc::clone(&hub.clients).try_acquire_owned() else {
        let answer = error(StatusCode::SERVICE_UNAVAILABLE, "as many clients as may listen do so already");
        return reply::retry_after(answer, 5);
    };
    // Listening begins before the snapshot is taken, so that nothing falls between them.
    let ticks = hub.ticks.subscribe();
    let greeting = Some(greeting(&service.context, headers));
    let mut heartbeat = interval(HEARTBEAT);
    heartbeat.set_missed_tick_behavior(MissedTickBehavior::Delay);
    heartbeat.reset();
    let shutdown = service.context.shutdown.clone();
    let client = Client { greeting, ticks, heartbeat, shutdown, presence: Presence::new(permit, &hub.metrics) };
    let events = stream::unfold(client, |mut client| async move {
        let bytes = client.next().await?;
        Some((Ok(Frame::data(bytes)), client))
    });
    let mut reply = Response::new(StreamBody::new(events).boxed_unsync());
    let headers = reply.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/event-stream"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    // Some proxies would hold events back to fill a buffer.
    headers.insert("x-accel-buffering", HeaderValue::from_static("no"));
    reply
}

/// One listener.
#[derive(Debug)]
struct Client {
    greeting: Option<Bytes>,
    ticks: broadcast::Receiver<Bytes>,
    heartbeat: Interval,
    shutdown: CancellationToken,
    presence: Presence,
}

impl Client {
    /// What it gets next; nothing where its stream ends.
    async fn next(&mut self) -> Option<Bytes> {
        if let Some(greeting) = self.greeting.take() {
            return Some(greeting);
        }
        tokio::select! {
            biased;
            () = self.shutdown.cancelled() => None,
            tick = self.ticks.recv() => match tick {
                Ok(bytes) => Some(bytes),
                Err(RecvError::Lagged(behind)) => {
                    debug!(behind, "a client of the event stream was too slow");
                    self.presence.metrics.stream_dropped.add(1);
                    None
                }
                Err(RecvError::Closed) => None,
            },
            _ = self.heartbeat.tick() => Some(Bytes::from_static(b": still here\n\n")),
        }
    }
}

/// A client's place among those that may listen, counted as long as it lives.
#[derive(Debug)]
struct Presence {
    _permit: OwnedSemaphorePermit,
    metrics: WebMetrics,
}

impl Presence {
    fn new(permit: OwnedSemaphorePermit, metrics: &WebMetrics) -> Self {
        metrics.stream_clients.add(1.0);
        Self { _permit: permit, metrics: metrics.clone() }
    }
}

impl Drop for Presence {
    fn drop(&mut self) {
        self.metrics.stream_clients.add(-1.0);
    }
}

/// What a new client gets: all that it has not seen, as its `Last-Event-ID` tells.
fn greeting(context: &Context, headers: &HeaderMap) -> Bytes {
    let view = context.view.borrow().clone();
    let seen = headers.get("last-event-id").and_then(|value| last_seen(value.to_str().ok()?, context)).unwrap_or(0);
    let mut text = String::from("retry: 2000\n");
    let hello = json!({ "version": env!("CARGO_PKG_VERSION"), "started_at": context.started_at.to_string() });
    event(&mut text, "hello", None, &hello);
    let unseen = view.decisions.len().saturating_sub(BACKLOG_MAX);
    let backlog = view.decisions.iter().skip(unseen).filter(|entry| entry.id > seen);
    let mut bytes = text.into_bytes();
    bytes.extend_from_slice(&tick(context, backlog, &view));
    bytes.into()
}

/// The id of a decision that a client saw from this process; another process counted differently.
fn last_seen(event_id: &str, context: &Context) -> Option<u64> {
    let (started_ms, id) = event_id.split_once('-')?;
    let ours = started_ms.parse() == Ok(context.started_at.as_millis());
    ours.then(|| id.parse().ok())?
}

/// Decisions and workloads, as one piece.
fn tick<'a>(context: &Context, decisions: impl Iterator<Item = &'a Arc<engine::Entry>>, view: &View) -> Bytes {
    let mut text = String::new();
    for entry in decisions {
        let id = format!("{}-{}", context.started_at.as_millis(), entry.id);
        event(&mut text, "decision", Some(&id), &Entry::from(&**entry));
    }
    event(&mut text, "workloads", None, &Snapshot::from(view));
    text.into()
}

fn event(text: &mut String, name: &str, id: Option<&str>, data: &impl Serialize) {
    // Our shapes have text for keys and no other way to fail; JSON holds no line break.
    let Ok(data) = serde_json::to_string(data) else { return };
    if let Some(id) = id {
        let _ = writeln!(text, "id: {id}");
    }
    let _ = write!(text, "event: {name}\ndata: {data}\n\n");
}
