//! Connections: accepted up to a limit, served as HTTP/1.1 or HTTP/2, drained at the end.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use hyper_util::server::graceful::GracefulShutdown;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{sleep, timeout};
use tracing::{debug, info, warn};

use super::admission::Admission;
use super::patience::Patience;
use super::router::Service;
use super::stream::Hub;
use super::{Context, Limits};

/// The longest request head, in bytes.
const HEAD_BYTES_MAX: usize = 64 * 1024;
/// Requests at the same time on one HTTP/2 connection.
const STREAMS_MAX: u32 = 100;
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

    let connections = Arc::new(Semaphore::new(limits.connections_max));
    let builder = builder(&limits);
    let graceful = GracefulShutdown::new();
    info!(listen = %listener.local_addr()?, "serving");
    loop {
        let stream = tokio::select! {
            biased;
            () = shutdown.cancelled() => break,
            stream = accept(&listener) => stream,
        };
        let Ok(permit) = Arc::clone(&connections).try_acquire_owned() else {
            refuse(&stream);
            continue;
        };
        connect(&service, &builder, stream, permit, &graceful);
    }
    drop(listener);

    if timeout(limits.drain_timeout, graceful.shutdown()).await.is_err() {
        warn!(timeout = ?limits.drain_timeout, "connections were cut off at shutdown");
    }
    following.abort();
    Ok(())
}

fn service(context: Context) -> Service {
    let (limits, telemetry) = (context.limits, &context.telemetry);
    telemetry.web.connections_limit.set(limits.connections_max as f64);
    telemetry.ingest.in_flight_bytes_limit.set(limits.in_flight_bytes_max as f64);
    let in_flight = telemetry.ingest.in_flight_bytes.clone();
    Service {
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
        .keep_alive_interval(limits.head_timeout)
        .keep_alive_timeout(limits.head_timeout);
    builder
}

/// The next connection. What goes wrong here (no descriptor left, a client gone again) passes.
async fn accept(listener: &TcpListener) -> TcpStream {
    loop {
        match listener.accept().await {
            Ok((stream, _)) => return stream,
            Err(err) => {
                warn!(%err, "a connection could not be accepted");
                sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}

/// Says 503 in one go and closes; who can't take it in one go gets nothing.
fn refuse(stream: &TcpStream) {
    let said = stream.try_write(NO_CONNECTION);
    debug!(?said, "connection limit reached");
}

/// Serves one connection on a task of its own.
fn connect(
    service: &Arc<Service>,
    builder: &auto::Builder<TokioExecutor>,
    stream: TcpStream,
    permit: OwnedSemaphorePermit,
    graceful: &GracefulShutdown,
) {
    // Answers are small, and a sender waits for each.
    if let Err(err) = stream.set_nodelay(true) {
        debug!(%err, "TCP_NODELAY could not be set");
    }
    let limits = service.context.limits;
    let open = service.context.telemetry.web.connections.clone();
    let io = TokioIo::new(Patience::new(stream, limits.head_timeout, limits.stall_timeout));
    let service = Arc::clone(service);
    let answer = service_fn(move |request| Arc::clone(&service).answer(request));
    let serving = graceful.watcher().watch(builder.serve_connection(io, answer).into_owned());
    tokio::spawn(async move {
        open.add(1.0);
        if let Err(err) = serving.await {
            debug!(err, "a connection ended in an error");
        }
        open.add(-1.0);
        drop(permit);
    });
}
