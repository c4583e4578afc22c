//! Connections: accepted up to a limit, served as HTTP/1.1 or HTTP/2, drained at the end.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use hyper_util::rt::{TokioExecutor, TokioTimer};
use hyper_util::server::conn::auto;
use hyper_util::server::graceful::GracefulShutdown;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::time::{sleep, timeout};
use tracing::{debug, info, warn};

use super::admission::Admission;
use super::complaints::Complaints;
use super::connection::Connection;
use super::peers::Peers;
use super::rates::Rates;
use super::router::Service;
use super::senders::Senders;
use super::stream::Hub;
use super::{Context, Limits};
use crate::telemetry::ConnectionRefused;

/// The longest request head, in bytes.
const HEAD_BYTES_MAX: usize = 64 * 1024;
/// Requests at the same time on one HTTP/2 connection.
const STREAMS_MAX: u32 = 100;
/// What a client may send on one HTTP/2 connection before we read it, in bytes: no admission counts it. 512 connections
/// make 128 MiB of it, and with 1 ms to the client and back it carries 250 MB/s.
const WINDOW_BYTES: u32 = 256 * 1024;
/// Streams that a client may open and give up at once, and those that it may break: more end the connection.
const RESETS_MAX: usize = 20;
const ERRORS_MAX: usize = 100;
/// How long accepting pauses when the process has no file descriptor left.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);
/// What a connection over the limit gets, without a look at what it sends.
const NO_CONNECTION: &[u8] =
    b"HTTP/1.1 503 Service Unavailable\r\nretry-after: 2\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";

/// Serves until the context's `shutdown`, then answers what is on its way, for as long as the limits allow.
pub async fn serve(listener: TcpListener, context: Context) -> io::Result<()> {
    let limits = context.limits;
    let shutdown = context.shutdown.clone();
    let service = Arc::new(service(context));
    let following = tokio::spawn(Arc::clone(&service).follow());
    let files = tokio::spawn(Arc::clone(&service.context.gate).follow());

    let connections = Arc::new(Semaphore::new(limits.connections_max));
    let peers = Arc::new(Peers::default());
    let both = Arc::new(builder(&limits));
    let old = Arc::new(builder(&limits).http1_only());
    let graceful = GracefulShutdown::new();
    info!(listen = %listener.local_addr()?, "serving");
    loop {
        let stream = tokio::select! {
            biased;
            () = shutdown.cancelled() => break,
            stream = accept(&listener) => stream,
        };
        let (stream, address) = stream;
        let policy = service.context.gate.policy();
        let refused = &service.context.telemetry.web.connections_refused;
        let Ok(permit) = Arc::clone(&connections).try_acquire_owned() else {
            refused.add(ConnectionRefused::Limit, 1);
            refuse(&stream, policy.tls.is_some());
            continue;
        };
        let Some(peer) = peers.enter(address.ip(), policy.web.connections_per_peer_max) else {
            refused.add(ConnectionRefused::PeerLimit, 1);
            refuse(&stream, policy.tls.is_some());
            continue;
        };
        let builder = Arc::clone(if policy.web.http.http2 { &both } else { &old });
        let connection = Connection { stream, policy, builder, service: Arc::clone(&service), room: (permit, peer) };
        tokio::spawn(connection.serve(graceful.watcher()));
    }
    drop(listener);

    if timeout(limits.drain_timeout, graceful.shutdown()).await.is_err() {
        warn!(timeout = ?limits.drain_timeout, "connections were cut off at shutdown");
    }
    following.abort();
    files.abort();
    Ok(())
}

fn service(context: Context) -> Service {
    let (limits, telemetry) = (context.limits, &context.telemetry);
    telemetry.web.connections_limit.set(limits.connections_max as f64);
    telemetry.ingest.in_flight_bytes_limit.set(limits.in_flight_bytes_max as f64);
    let in_flight = telemetry.ingest.in_flight_bytes.clone();
    Service {
        rates: Rates::new(limits.sender_samples_per_second_max),
        senders: Senders::default(),
        complaints: Complaints::default(),
        admission: Admission::new(limits.in_flight_bytes_max, limits.admission_wait, in_flight),
        hub: Hub::new(limits.stream_clients_max, telemetry.web.clone()),
        context,
    }
}

fn builder(limits: &Limits) -> auto::Builder<TokioExecutor> {
    let mut builder = auto::Builder::new(TokioExecutor::new());
    // Without a timer hyper panics where a timeout is set, and forgets its default where none is.
    builder.http1().timer(TokioTimer::new()).header_read_timeout(limits.head_timeout).max_buf_size(HEAD_BYTES_MAX);
    builder
        .http2()
        .timer(TokioTimer::new())
        .max_concurrent_streams(STREAMS_MAX)
        .max_header_list_size(u32::try_from(HEAD_BYTES_MAX).unwrap_or(u32::MAX))
        .initial_connection_window_size(WINDOW_BYTES)
        .initial_stream_window_size(WINDOW_BYTES)
        .max_pending_accept_reset_streams(RESETS_MAX)
        .max_local_error_reset_streams(ERRORS_MAX)
        .keep_alive_interval(limits.head_timeout)
        .keep_alive_timeout(limits.head_timeout);
    builder
}

/// The next connection. What goes wrong here (no descriptor left, a client gone again) passes.
async fn accept(listener: &TcpListener) -> (TcpStream, SocketAddr) {
    loop {
        match listener.accept().await {
            Ok(accepted) => return accepted,
            Err(err) => {
                warn!(%err, "a connection could not be accepted");
                sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}

/// Says 503 in one go and closes; who can't take it in one go gets nothing, nor who waits for TLS.
fn refuse(stream: &TcpStream, tls: bool) {
    let said = (!tls).then(|| stream.try_write(NO_CONNECTION));
    debug!(?said, "connection limit reached");
}
