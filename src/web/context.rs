//! What the door is given by `app`.

use std::fmt;
use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{mpsc, oneshot, watch};
use tokio_util::sync::CancellationToken;

use super::Gate;
use crate::engine::{Answer, Command, View};
use crate::ingest::Receiver;
use crate::journal::{Filter, Page};
use crate::promql::Value;
use crate::telemetry::Telemetry;
use crate::time::{Clock, Timestamp};

/// Evaluates an expression at a time.
pub type QueryFn = dyn Fn(&str, Timestamp) -> Result<Value, QueryError> + Send + Sync;

/// Asks for a reload; the answer is a line for the operator, or the findings that kept the former rules in force.
pub type Reload = oneshot::Sender<Result<String, String>>;

/// Reads a page of the journal; the error is a line for people. It may block for some milliseconds.
pub type DecisionsFn = dyn Fn(&Filter) -> Result<Page, String> + Send + Sync;

/// Asks something of the loop. The answer comes once it has been journalled; a dropped sender means that the service is
/// shutting down.
pub type Ask = (Command, oneshot::Sender<Answer>);

/// Why an expression has no answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum QueryError {
    /// The question is wrong: 400 `bad_data`.
    #[error("{0}")]
    BadData(String),
    /// The evaluation failed: 422 `execution`.
    #[error("{0}")]
    Execution(String),
}

/// Everything that handlers need.
pub struct Context {
    /// Takes remote-write bodies.
    pub receiver: Arc<Receiver>,
    /// Counts, and is shown at `/metrics`.
    pub telemetry: Arc<Telemetry>,
    /// The newest snapshot of the loop. Sending one is also the notice that something changed.
    pub view: watch::Receiver<Arc<View>>,
    /// What is still missing until the service is ready, a line each; empty once it is.
    pub missing: watch::Receiver<Vec<String>>,
    /// Where requests to reload go.
    pub reload: mpsc::Sender<Reload>,
    /// Where commands to the loop go.
    pub commands: mpsc::Sender<Ask>,
    /// Whom Alertmanager's API says that there is to tell.
    pub routing: watch::Receiver<Arc<RoutingView>>,
    /// Answers `/api/v1/decisions`.
    pub decisions: Arc<DecisionsFn>,
    /// Answers `/api/v1/query`. It may block for some milliseconds.
    pub query: Arc<QueryFn>,
    /// Lets connections and requests in.
    pub gate: Arc<Gate>,
    /// The only clock.
    pub clock: Clock,
    /// When the process started.
    pub started_at: Timestamp,
    /// Ends [`super::serve`]: no new connections, answers to what is on its way, then the end.
    pub shutdown: CancellationToken,
    pub limits: Limits,
}

impl fmt::Debug for Context {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Context").field("limits", &self.limits).finish_non_exhaustive()
    }
}

/// What the outside may see of the routing in force.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RoutingView {
    /// Receivers' names, in the order of the settings.
    pub receivers: Vec<String>,
    /// The routing as YAML, without secrets; `amtool config show` and `amtool config routes` read it.
    pub original: String,
}

/// What clients may take of us.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Open connections; further ones get 503. A Prometheus opens up to 50 for a queue, so this serves ten of them.
    pub connections_max: usize,
    /// Memory for remote-write bodies that are being read or unpacked. A usual body is 50 KB to 1 MB.
    pub in_flight_bytes_max: usize,
    /// How long a body waits for that memory. Senders give up after 30 s, and a longer wait only makes them send twice.
    pub admission_wait: Duration,
    /// From a connection's start to the end of the TLS handshake. It takes three round trips and some milliseconds.
    pub handshake_timeout: Duration,
    /// From a connection's start, or the last answer, to the end of the next request's head.
    pub head_timeout: Duration,
    /// From the head of a request to the end of its body.
    pub body_timeout: Duration,
    /// How long a client may take none of the bytes that we have for it.
    pub stall_timeout: Duration,
    /// How long a shutdown waits for answers on their way.
    pub drain_timeout: Duration,
    /// Clients of the event stream; further ones get 503.
    pub stream_clients_max: usize,
    /// Samples that one address may send in a second, over half a minute; beyond that it gets 429. None where all may send as
    /// they like.
    pub sender_samples_per_second_max: Option<NonZeroU32>,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections_max: 512,
            in_flight_bytes_max: 128 << 20,
            admission_wait: Duration::from_secs(1),
            handshake_timeout: Duration::from_secs(10),
            head_timeout: Duration::from_secs(30),
            body_timeout: Duration::from_secs(15),
            stall_timeout: Duration::from_secs(30),
            drain_timeout: Duration::from_secs(10),
            stream_clients_max: 64,
            sender_samples_per_second_max: None,
        }
    }
}
