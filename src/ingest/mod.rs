//! Remote-write bytes → samples.
//!
//! In: headers and a body, straight from the wire. Out: samples in the windows of `series`, and an [`Accepted`].
//! Never here: a message object on the hot path, an allocation for a known series, memory spent before a limit is checked.

use bytes::Bytes;
use http::HeaderMap;

use crate::time::Timestamp;

/// What became of a request's samples. Accepted = kept + not kept.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Accepted {
    pub kept: u64,
    pub not_kept: u64,
}

/// Why a request was turned away, wholly or in part. `Display` is the answer's text.
#[derive(Debug, thiserror::Error)]
pub enum Rejected {
    #[error("content type \"{0}\" is not supported; send application/x-protobuf (remote write 1.0)")]
    ContentType(String),
}

impl Rejected {
    /// The HTTP status: 4xx where resending can never help, 5xx or 429 where it may.
    #[must_use]
    pub fn status(&self) -> http::StatusCode {
        http::StatusCode::UNSUPPORTED_MEDIA_TYPE
    }

    /// Seconds for `Retry-After`, where the sender should come back.
    #[must_use]
    pub fn retry_after(&self) -> Option<u32> {
        None
    }
}

/// Takes remote-write requests.
#[derive(Debug)]
pub struct Receiver {}

impl Receiver {
    /// Looks at the headers alone, before the body is read: content type, encoding, declared length.
    pub fn negotiate(&self, _headers: &HeaderMap) -> Result<(), Rejected> {
        Ok(())
    }

    /// The longest body that is read, in bytes as sent.
    #[must_use]
    pub fn body_bytes_max(&self) -> usize {
        32 << 20
    }

    /// Unpacks a body and stores its samples. Blocking work of up to some milliseconds.
    pub fn receive(&self, _body: &Bytes, _now: Timestamp) -> Result<Accepted, Rejected> {
        Ok(Accepted::default())
    }
}
