//! How long a connection may do nothing.
//!
//! hyper watches over heads and we over bodies, but two waits are nobody's: for the first bytes, from which HTTP/1 and
//! HTTP/2 are told apart, and for a client that does not take its answer. And one wait is missing: a connection that is
//! closed while its client still sends is reset, and the answer lost with it.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Sleep, sleep};

/// HTTP/2 begins with 24 bytes that are always the same; after as many the version is known.
const PREFACE: usize = 24;
/// How long a client that was answered early may go on sending before the connection breaks.
const LINGER: Duration = Duration::from_secs(2);
/// Read and dropped at once while that lasts, in bytes.
const DROPPED: usize = 16 * 1024;

/// A stream that fails with `TimedOut` when its other end stalls.
#[derive(Debug)]
pub(super) struct Patience<S> {
    stream: S,
    stall: Duration,
    /// Runs until [`PREFACE`] bytes were read.
    opening: Option<Pin<Box<Sleep>>>,
    read: usize,
    /// Runs while a write waits.
    writing: Option<Pin<Box<Sleep>>>,
    /// Whether the last answer may have come before the end of its request.
    early: Arc<AtomicBool>,
    /// Runs from our end of the connection to its own.
    lingering: Option<Pin<Box<Sleep>>>,
}

impl<S> Patience<S> {
    /// `opening` for the first bytes, `stall` for each write; `early` says whether to linger at the end.
    pub(super) fn new(stream: S, opening: Duration, stall: Duration, early: Arc<AtomicBool>) -> Self {
        let opening = Some(Box::pin(sleep(opening)));
        Self { stream, stall, opening, read: 0, writing: None, early, lingering: None }
    }

    /// Ends or continues the wait of a write that gave `result`.
    fn watched<T>(&mut self, cx: &mut Context<'_>, result: Poll<io::Result<T>>) -> Poll<io::Result<T>> {
        if result.is_ready() {
            self.writing = None;
            return result;
        }
        let stall = self.stall;
        ready!(self.writing.get_or_insert_with(|| Box::pin(sleep(stall))).as_mut().poll(cx));
        Poll::Ready(Err(io::Error::new(io::ErrorKind::TimedOut, "the client takes no bytes")))
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Patience<S> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        let result = Pin::new(&mut self.stream).poll_read(cx, buf);
        self.read = self.read.saturating_add(buf.filled().len() - before);
        if self.read >= PREFACE {
            self.opening = None;
        }
        let Some(opening) = &mut self.opening else { return result };
        if result.is_pending() {
            ready!(opening.as_mut().poll(cx));
            return Poll::Ready(Err(io::Error::new(io::ErrorKind::TimedOut, "the client sends no request")));
        }
        result
    }
}

impl<S: AsyncRead + Unpin> Patience<S> {
    /// Drops what still comes, until the client has seen our end or the time is over.
    fn poll_linger(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let mut dropped = [0; DROPPED];
        let over = self.lingering.get_or_insert_with(|| Box::pin(sleep(LINGER)));
        while over.as_mut().poll(cx).is_pending() {
            let mut buf = ReadBuf::new(&mut dropped);
            let read = ready!(Pin::new(&mut self.stream).poll_read(cx, &mut buf));
            if read.is_err() || buf.filled().is_empty() {
                break;
            }
        }
        Poll::Ready(())
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncWrite for Patience<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        let result = Pin::new(&mut self.stream).poll_write(cx, buf);
        self.watched(cx, result)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let result = Pin::new(&mut self.stream).poll_write_vectored(cx, bufs);
        self.watched(cx, result)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let result = Pin::new(&mut self.stream).poll_flush(cx);
        self.watched(cx, result)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.lingering.is_none() {
            let result = Pin::new(&mut self.stream).poll_shutdown(cx);
            ready!(self.watched(cx, result))?;
        }
        if self.early.load(Relaxed) {
            ready!(self.poll_linger(cx));
        }
        Poll::Ready(Ok(()))
    }
}
