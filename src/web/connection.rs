//! One connection, on a task of its own: the handshake where there is TLS, then requests.

use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto;
use hyper_util::server::graceful::Watcher;
use rustls::ServerConfig;
use rustls::pki_types::CertificateDer;
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;
use tokio_util::either::Either;
use tracing::debug;

use super::gate::Policy;
use super::patience::Patience;
use super::peers::Peer;
use super::router::Service;
use crate::telemetry::{Gauge, HandshakeFailure};

/// The first byte of whoever speaks TLS.
const HANDSHAKE: u8 = 22;
/// What plain HTTP gets from a server with TLS.
const NOT_PLAIN: &[u8] =
    b"HTTP/1.1 400 Bad Request\r\ncontent-type: text/plain; charset=utf-8\r\ncontent-length: 33\r\n\
connection: close\r\n\r\nTLS is spoken here; use https://\n";

/// A connection that was accepted.
pub(super) struct Connection {
    pub(super) stream: TcpStream,
    pub(super) policy: Arc<Policy>,
    pub(super) builder: Arc<auto::Builder<TokioExecutor>>,
    pub(super) service: Arc<Service>,
    /// Given back at the end.
    pub(super) room: (OwnedSemaphorePermit, Peer),
}

/// Who is at the other end of a connection.
#[derive(Debug)]
pub(super) struct Guest {
    pub(super) address: IpAddr,
    /// Verified in the handshake.
    pub(super) certificate: Option<CertificateDer<'static>>,
    /// Whether the last answer may have come before the end of its request.
    early: Arc<AtomicBool>,
}

impl Guest {
    /// Takes note of an answer that may have come early, or not.
    pub(super) fn answered_early(&self, early: bool) {
        self.early.store(early, Relaxed);
    }
}

impl Connection {
    /// Serves until either end closes, or the watcher says that the service ends.
    pub(super) async fn serve(self, watcher: Watcher) {
        let Self { stream, policy, builder, service, room } = self;
        let _open = Open::new(service.context.telemetry.web.connections.clone());
        // Answers are small, and a sender waits for each.
        if let Err(error) = stream.set_nodelay(true) {
            debug!(%error, "TCP_NODELAY could not be set");
        }
        let stream = match &policy.tls {
            None => Either::Left(stream),
            Some(config) => tokio::select! {
                () = service.context.shutdown.cancelled() => return,
                shaken = handshake(&service, stream, config) => match shaken {
                    Ok(stream) => Either::Right(stream),
                    Err(failure) => {
                        service.context.telemetry.web.handshake_failures.add(failure, 1);
                        return;
                    }
                },
            },
        };
        drop(policy);
        let certificate = match &stream {
            Either::Left(_) => None,
            Either::Right(stream) => stream.get_ref().1.peer_certificates().and_then(<[_]>::first),
        };
        let guest = Arc::new(Guest {
            address: room.1.address(),
            certificate: certificate.map(|shown| shown.clone().into_owned()),
            early: Arc::default(),
        });
        let limits = service.context.limits;
        let io = Patience::new(stream, limits.head_timeout, limits.stall_timeout, Arc::clone(&guest.early));
        let answer = service_fn(move |request| Arc::clone(&service).answer(Arc::clone(&guest), request));
        if let Err(error) = watcher.watch(builder.serve_connection(TokioIo::new(io), answer)).await {
            debug!(error, "a connection ended in an error");
        }
        drop(room);
    }
}

/// Makes TLS of a connection, in the time that there is for it.
async fn handshake(
    service: &Service,
    stream: TcpStream,
    config: &Arc<ServerConfig>,
) -> Result<Box<TlsStream<TcpStream>>, HandshakeFailure> {
    let within = service.context.limits.handshake_timeout;
    let shaking = async {
        let mut first = [0];
        if matches!(stream.peek(&mut first).await, Ok(1)) && first != [HANDSHAKE] {
            return plain(stream).await;
        }
        let accepted = TlsAcceptor::from(Arc::clone(config)).accept(stream).await;
        accepted.map(Box::new).map_err(|error| {
            debug!(%error, "a TLS handshake failed");
            HandshakeFailure::Failed
        })
    };
    timeout(within, shaking).await.unwrap_or_else(|_| {
        debug!(?within, "a TLS handshake took too long");
        Err(HandshakeFailure::Slow)
    })
}

/// Says to somebody who doesn't speak TLS that we do.
async fn plain<T>(mut stream: TcpStream) -> Result<T, HandshakeFailure> {
    // What has come is read, or the answer would be lost with it; who goes on sending may lose it.
    let mut head = [0; 4096];
    let _ = stream.try_read(&mut head);
    let said = stream.write_all(NOT_PLAIN).await;
    debug!(?said, "plain HTTP where TLS is spoken");
    Err(HandshakeFailure::Plain)
}

/// Counts an open connection, until it is dropped.
struct Open(Gauge);

impl Open {
    fn new(gauge: Gauge) -> Self {
        gauge.add(1.0);
        Self(gauge)
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        self.0.add(-1.0);
    }
}
