//! The door, tried through real connections on loopback.

mod alertmanager;
mod api;
mod ask;
mod connections;
mod fake;
mod metrics;
mod otlp;
mod patterns;
mod stream;
mod write;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::{Ask, Context, Limits, Reload, serve};
use crate::engine::View;
use crate::telemetry::Telemetry;

/// A server of its own on a free port.
pub(super) struct Server {
    pub(super) address: SocketAddr,
    pub(super) telemetry: Arc<Telemetry>,
    pub(super) view: watch::Sender<Arc<View>>,
    pub(super) missing: watch::Sender<Vec<String>>,
    pub(super) reloads: mpsc::Receiver<Reload>,
    pub(super) asks: mpsc::Receiver<Ask>,
    pub(super) shutdown: CancellationToken,
    pub(super) serving: JoinHandle<std::io::Result<()>>,
}

impl Server {
    pub(super) async fn start(limits: Limits) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (view, viewed) = watch::channel(Arc::new(fake::view()));
        let (missing, still_missing) = watch::channel(Vec::new());
        let (reload, reloads) = mpsc::channel(1);
        let (commands, asks) = mpsc::channel(1);
        let context = Context { commands, limits, ..fake::context(viewed, still_missing, reload) };
        let (telemetry, shutdown) = (Arc::clone(&context.telemetry), context.shutdown.clone());
        let serving = tokio::spawn(serve(listener, context));
        Self { address, telemetry, view, missing, reloads, asks, shutdown, serving }
    }

    pub(super) async fn connect(&self) -> TcpStream {
        TcpStream::connect(self.address).await.unwrap()
    }

    /// Sends a request's text and gives all that comes back until the server closes.
    pub(super) async fn send(&self, request: impl AsRef<[u8]>) -> String {
        let mut stream = self.connect().await;
        stream.write_all(request.as_ref()).await.unwrap();
        read_all(&mut stream).await
    }

    pub(super) async fn get(&self, path: &str) -> String {
        self.send(format!("GET {path} HTTP/1.1\r\nhost: test\r\nconnection: close\r\n\r\n")).await
    }

    pub(super) async fn post(&self, path: &str, headers: &str, body: impl AsRef<[u8]>) -> String {
        let body = body.as_ref();
        let head = format!("POST {path} HTTP/1.1\r\nhost: test\r\nconnection: close\r\n{headers}");
        let head = format!("{head}content-length: {}\r\n\r\n", body.len());
        self.send([head.as_bytes(), body].concat()).await
    }
}

/// The snappy block of an empty remote-write request.
pub(super) const EMPTY: &str = "\0";

/// A remote-write request whose snappy block has a little more than `length` bytes: one long metadata field, as
/// literals, for a block that is packed would be shorter.
pub(super) fn large(length: usize) -> Vec<u8> {
    let varint = |mut value: usize| {
        let mut bytes = Vec::new();
        while value >= 0x80 {
            bytes.push(u8::try_from(value & 0x7f).unwrap() | 0x80);
            value >>= 7;
        }
        bytes.push(u8::try_from(value).unwrap());
        bytes
    };
    let message = [&[0x1a][..], &varint(length), &vec![b'x'; length]].concat();
    let mut block = varint(message.len());
    for literal in message.chunks(60) {
        block.push(u8::try_from(literal.len() - 1).unwrap() << 2);
        block.extend_from_slice(literal);
    }
    block
}

/// All that comes until the other end closes.
pub(super) async fn read_all(stream: &mut TcpStream) -> String {
    let mut bytes = Vec::new();
    let reading = tokio::time::timeout(Duration::from_secs(10), stream.read_to_end(&mut bytes));
    // A connection that is reset has still said what it said.
    let _ = reading.await.expect("the server closes within 10 s");
    String::from_utf8_lossy(&bytes).into_owned()
}

/// What comes until it contains `wanted`.
pub(super) async fn read_until(stream: &mut TcpStream, wanted: &str) -> String {
    let mut text = String::new();
    let mut bytes = [0; 4096];
    while !text.contains(wanted) {
        let reading = tokio::time::timeout(Duration::from_secs(10), stream.read(&mut bytes)).await;
        let read = reading.unwrap_or_else(|_| panic!("{wanted:?} does not come; so far {text:?}")).unwrap();
        assert!(read > 0, "the stream ended before {wanted:?}: {text:?}");
        text.push_str(&String::from_utf8_lossy(bytes.get(..read).unwrap()));
    }
    text
}

/// An answer's status line without the version, and its body.
pub(super) fn parts(answer: &str) -> (&str, &str) {
    let (head, body) = answer.split_once("\r\n\r\n").unwrap_or((answer, ""));
    (head.lines().next().unwrap_or("").trim_start_matches("HTTP/1.1 "), body)
}

#[track_caller]
pub(super) fn check(answer: &str, status: &str, contains: &[&str]) {
    assert_eq!(parts(answer).0, status, "{answer}");
    for part in contains {
        assert!(answer.contains(part), "{part:?} is missing in {answer}");
    }
}
