//! What a remote-write receiver has to do, row by row, over HTTP against the real program. Each test is named after the row of the
//! acceptance list that it holds: H and R for HTTP and its answers, L for limits, S and Y for series and symbols, T for samples and
//! time, X and N for metadata, exemplars and native histograms, D, F and O for replicas, rules and operation.

mod answers;
mod http;
mod limits;
mod operation;
mod others;
mod pressure;
mod samples;
mod series;

use std::net::SocketAddr;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use headroom::proto::{Label, Sample, TimeSeries, WriteRequest, v2};
use prost::Message as _;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::sync::OnceCell;
use tokio::time::timeout;

use crate::service::Headroom;

const SOON: Duration = Duration::from_secs(30);

const V1: &str = "Content-Type: application/x-protobuf\r\nContent-Encoding: snappy\r\n";
const V2: &str =
    "Content-Type: application/x-protobuf;proto=io.prometheus.write.v2.Request\r\nContent-Encoding: snappy\r\n";

/// A rule that reads nothing that a test sends.
const RULES: &str = "groups: [{name: none, rules: [{record: none, expr: 'sum(read_by_nobody_else)'}]}]\n";

/// One server for all tests that don't disturb each other: it keeps every series, and each test has names of its own.
async fn door() -> Result<&'static Headroom> {
    static DOOR: OnceCell<Headroom> = OnceCell::const_new();
    DOOR.get_or_try_init(|| Headroom::start_with(RULES, "ingest: {keep: all}\nwindows: {retention: 1h}\n", &[])).await
}

fn now_ms() -> i64 {
    headroom::app::clock::now().as_millis()
}

/// Labels and samples of a series: `(milliseconds before now, value)`.
type Series<'a> = (&'a [(&'a str, &'a str)], &'a [(i64, f64)]);

fn packed(message: &[u8]) -> Vec<u8> {
    snap::raw::Encoder::new().compress_vec(message).expect("a message of a test fits snappy")
}

fn first(series: &[Series<'_>]) -> WriteRequest {
    let now = now_ms();
    let label = |(name, value): &(&str, &str)| Label { name: (*name).to_owned(), value: (*value).to_owned() };
    let one = |(labels, samples): &Series<'_>| TimeSeries {
        labels: labels.iter().map(label).collect(),
        samples: samples.iter().map(|(ago, value)| Sample { value: *value, timestamp: now - ago }).collect(),
        ..TimeSeries::default()
    };
    WriteRequest { timeseries: series.iter().map(one).collect(), metadata: Vec::new() }
}

/// A body of remote write 1.0.
fn v1(series: &[Series<'_>]) -> Vec<u8> {
    packed(&first(series).encode_to_vec())
}

/// A request of 2.0 that is being made.
#[derive(Default)]
struct Second {
    symbols: Vec<String>,
    timeseries: Vec<v2::TimeSeries>,
}

impl Second {
    fn new() -> Self {
        Self { symbols: vec![String::new()], timeseries: Vec::new() }
    }

    fn reference(&mut self, text: &str) -> u32 {
        let known = self.symbols.iter().position(|symbol| symbol == text);
        let place = known.unwrap_or_else(|| {
            self.symbols.push(text.to_owned());
            self.symbols.len() - 1
        });
        u32::try_from(place).expect("symbols are few")
    }

    /// Adds a series, and gives it to be completed.
    fn series(&mut self, labels: &[(&str, &str)], samples: &[(i64, f64)]) -> &mut v2::TimeSeries {
        let now = now_ms();
        let labels_refs =
            labels.iter().flat_map(|(name, value)| [*name, *value]).map(|text| self.reference(text)).collect();
        let sample = |(ago, value): &(i64, f64)| v2::Sample { value: *value, timestamp: now - ago, start_timestamp: 0 };
        let samples = samples.iter().map(sample).collect();
        self.timeseries.push(v2::TimeSeries { labels_refs, samples, ..v2::TimeSeries::default() });
        self.timeseries.last_mut().expect("it was just added")
    }

    fn body(&self) -> Vec<u8> {
        let request = v2::Request { symbols: self.symbols.clone(), timeseries: self.timeseries.clone() };
        packed(&request.encode_to_vec())
    }
}

/// A body of remote write 2.0.
fn second(series: &[Series<'_>]) -> Vec<u8> {
    let mut request = Second::new();
    for (labels, samples) in series {
        request.series(labels, samples);
    }
    request.body()
}

/// What the server answered.
#[derive(Debug)]
struct Answer {
    status: u16,
    /// In lower case.
    head: String,
    body: String,
}

impl Answer {
    fn header(&self, name: &str) -> Option<&str> {
        self.head.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "))
    }

    /// Samples, histograms and exemplars written, as a 2.0 sender is told.
    fn written(&self) -> Option<[u64; 3]> {
        let count = |of: &str| {
            self.header(&format!("x-prometheus-remote-write-{of}-written")).and_then(|value| value.parse().ok())
        };
        Some([count("samples")?, count("histograms")?, count("exemplars")?])
    }

    #[track_caller]
    fn is(&self, status: u16) {
        assert_eq!(self.status, status, "{self:?}");
    }

    /// A status, the counts, and a part of the text.
    #[track_caller]
    fn says(&self, status: u16, written: [u64; 3], text: &str) {
        self.is(status);
        assert_eq!(self.written(), Some(written), "{self:?}");
        assert!(self.body.contains(text), "want \"{text}\": {self:?}");
    }
}

/// Sends a request's bytes and reads the answers until the server closes.
async fn raw(at: SocketAddr, request: &[u8]) -> Result<String> {
    let mut stream = TcpStream::connect(at).await?;
    // A server that has answered already may close before it has read all.
    let _ = stream.write_all(request).await;
    let mut answer = Vec::new();
    let read = timeout(SOON, stream.read_to_end(&mut answer)).await.context("no answer")?;
    ensure!(read.is_ok() || !answer.is_empty(), "the connection broke without an answer");
    Ok(String::from_utf8_lossy(&answer).into_owned())
}

fn parse(answer: &str) -> Result<Answer> {
    let (head, body) = answer.split_once("\r\n\r\n").with_context(|| format!("no whole head: {answer}"))?;
    let status = head.split(' ').nth(1).and_then(|status| status.parse().ok()).context("no status")?;
    Ok(Answer { status, head: head.to_lowercase().replace('\r', ""), body: body.to_owned() })
}

async fn request(at: SocketAddr, method: &str, path: &str, headers: &str, body: &[u8]) -> Result<Answer> {
    let length = body.len();
    let head = format!(
        "{method} {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n{headers}Content-Length: {length}\r\n\r\n"
    );
    parse(&raw(at, &[head.as_bytes(), body].concat()).await?)
}

/// Posts a body to where samples go.
async fn post(headroom: &Headroom, headers: &str, body: &[u8]) -> Result<Answer> {
    request(headroom.address, "POST", "/api/v1/write", headers, body).await
}

async fn post_v1(headroom: &Headroom, series: &[Series<'_>]) -> Result<Answer> {
    post(headroom, V1, &v1(series)).await
}

async fn post_v2(headroom: &Headroom, series: &[Series<'_>]) -> Result<Answer> {
    post(headroom, V2, &second(series)).await
}

/// What an expression's only value is now; `None` where it has none.
async fn value(headroom: &Headroom, expr: &str) -> Result<Option<String>> {
    value_at(headroom, expr, now_ms()).await
}

async fn value_at(headroom: &Headroom, expr: &str, at_ms: i64) -> Result<Option<String>> {
    let time = (at_ms as f64 / 1_000.0).to_string();
    let form = crate::peers::http::form(&[("query", expr), ("time", &time)]);
    let headers = "Content-Type: application/x-www-form-urlencoded\r\n";
    let answer = request(headroom.address, "POST", "/api/v1/query", headers, form.as_bytes()).await?;
    let json: serde_json::Value = serde_json::from_str(&answer.body).with_context(|| answer.body.clone())?;
    let result = &json["data"]["result"];
    ensure!(answer.status == 200 && result.as_array().is_some_and(|all| all.len() <= 1), "{expr}: {}", answer.body);
    Ok(result[0]["value"][1].as_str().map(str::to_owned))
}

/// An own metric of the server, 0 where it is not there; `series` is a whole series, labels included.
async fn metric(headroom: &Headroom, series: &str) -> Result<f64> {
    let answer = request(headroom.address, "GET", "/metrics", "", b"").await?;
    let line = answer.body.lines().find_map(|line| line.strip_prefix(series)?.strip_prefix(' '));
    Ok(line.and_then(|value| value.trim().parse().ok()).unwrap_or(0.0))
}
