//! A remote-write 1.0 sender over real HTTP.

use std::time::Duration;

use bytes::Bytes;
use http::{Method, Request, StatusCode, Uri, header};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::body::Incoming;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use prost::Message as _;

use crate::proto::WriteRequest;

/// How long an answer may take, as Prometheus's `remote_timeout`.
const TIMEOUT: Duration = Duration::from_secs(30);

/// How much of an answer's text is read, as in Prometheus.
const ANSWER_BYTES_MAX: usize = 1024;

/// Why a request was not taken.
#[derive(Debug, thiserror::Error)]
pub enum SendError {
    #[error("can't pack the request")]
    Pack(#[source] snap::Error),
    #[error("can't make a request to {url}")]
    Request { url: Uri, source: http::Error },
    #[error("can't reach {url}")]
    Unreachable { url: Uri, source: hyper_util::client::legacy::Error },
    #[error("no answer from {url} within {timeout} s", timeout = TIMEOUT.as_secs())]
    TimedOut { url: Uri },
    #[error("{url} answered {status}: {text}")]
    Refused { url: Uri, status: StatusCode, text: String },
}

/// What was sent so far.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Sent {
    /// Requests that were answered with success.
    pub requests: u64,
    /// Samples in them, staleness markers included.
    pub samples: u64,
    /// Requests that were not. They are not sent again: the next scrape brings newer values of the same counters.
    pub failures: u64,
}

/// Sends to one URL over connections that it keeps.
#[derive(Debug)]
pub struct Sender {
    client: Client<HttpConnector, Full<Bytes>>,
    url: Uri,
    sent: Sent,
}

impl Sender {
    /// A sender to `url`, as in `http://127.0.0.1:4323/api/v1/write`.
    #[must_use]
    pub fn new(url: Uri) -> Self {
        let mut connector = HttpConnector::new();
        // A small request is written at once, not held back until the last one is acknowledged.
        connector.set_nodelay(true);
        Self { client: Client::builder(TokioExecutor::new()).build(connector), url, sent: Sent::default() }
    }

    /// What was sent so far.
    #[must_use]
    pub fn sent(&self) -> Sent {
        self.sent
    }

    /// Sends a request, once.
    pub async fn send(&mut self, request: &WriteRequest) -> Result<(), SendError> {
        let samples = request.timeseries.iter().map(|series| series.samples.len() as u64).sum::<u64>();
        let result = self.post(request).await;
        match result {
            Ok(()) => {
                self.sent.requests += 1;
                self.sent.samples += samples;
            }
            Err(_) => self.sent.failures += 1,
        }
        result
    }

    async fn post(&self, request: &WriteRequest) -> Result<(), SendError> {
        let packed = snap::raw::Encoder::new().compress_vec(&request.encode_to_vec()).map_err(SendError::Pack)?;
        let request = self.request(packed.into()).map_err(|source| SendError::Request { url: self.url(), source })?;
        let answer = tokio::time::timeout(TIMEOUT, self.client.request(request)).await;
        let answer = answer.map_err(|_| SendError::TimedOut { url: self.url() })?;
        let answer = answer.map_err(|source| SendError::Unreachable { url: self.url(), source })?;
        let status = answer.status();
        let text = text(answer.into_body()).await;
        if status.is_success() { Ok(()) } else { Err(SendError::Refused { url: self.url(), status, text }) }
    }

    /// A packed body with the headers of the specification.
    fn request(&self, body: Bytes) -> Result<Request<Full<Bytes>>, http::Error> {
        Request::builder()
            .method(Method::POST)
            .uri(&self.url)
            .header(header::CONTENT_TYPE, "application/x-protobuf")
            .header(header::CONTENT_ENCODING, "snappy")
            .header(header::USER_AGENT, concat!("headroom-sim/", env!("CARGO_PKG_VERSION")))
            .header("X-Prometheus-Remote-Write-Version", "0.1.0")
            .body(Full::new(body))
    }

    fn url(&self) -> Uri {
        self.url.clone()
    }
}

/// The beginning of an answer's text; reading it to its end lets the connection be used again.
async fn text(body: Incoming) -> String {
    let read = tokio::time::timeout(TIMEOUT, Limited::new(body, ANSWER_BYTES_MAX).collect()).await;
    match read {
        Ok(Ok(text)) => String::from_utf8_lossy(&text.to_bytes()).trim().to_owned(),
        Ok(Err(_)) | Err(_) => String::new(),
    }
}
