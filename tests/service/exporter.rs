//! A program that counts requests, as any application does: its load is set by the test.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use anyhow::Result;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::AbortHandle;
use tokio::time::Instant;

/// Serves `http_requests_total{app="checkout"}` at `/metrics`, until it is dropped.
pub(super) struct Exporter {
    address: SocketAddr,
    load: Arc<Mutex<Load>>,
    server: AbortHandle,
}

/// A counter that rises evenly.
struct Load {
    per_second: f64,
    counted: f64,
    since: Instant,
}

impl Load {
    fn count(&mut self) -> f64 {
        let now = Instant::now();
        self.counted += self.per_second * (now - self.since).as_secs_f64();
        self.since = now;
        self.counted
    }
}

impl Exporter {
    pub(super) async fn start(per_second: f64) -> Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        let load = Arc::new(Mutex::new(Load { per_second, counted: 0.0, since: Instant::now() }));
        let served = Arc::clone(&load);
        let server = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let served = Arc::clone(&served);
                tokio::spawn(async move { answer(stream, &served).await });
            }
        });
        Ok(Self { address, load, server: server.abort_handle() })
    }

    pub(super) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Changes the load from now on.
    pub(super) fn set(&self, per_second: f64) {
        let mut load = self.load.lock().unwrap();
        load.count();
        load.per_second = per_second;
    }
}

impl Drop for Exporter {
    fn drop(&mut self) {
        self.server.abort();
    }
}

/// Answers one request, whatever it asks for, and closes.
async fn answer(mut stream: TcpStream, load: &Mutex<Load>) {
    let mut request = [0; 4_096];
    if stream.read(&mut request).await.is_err() {
        return;
    }
    let count = load.lock().unwrap().count();
    let body = format!("# TYPE http_requests_total counter\nhttp_requests_total{{app=\"checkout\"}} {count}\n");
    let head = "HTTP/1.1 200 OK\r\nContent-Type: text/plain; version=0.0.4\r\nConnection: close\r\n";
    let reply = format!("{head}Content-Length: {}\r\n\r\n{body}", body.len());
    // A scraper that has gone is not our concern.
    drop(stream.write_all(reply.as_bytes()).await);
}
