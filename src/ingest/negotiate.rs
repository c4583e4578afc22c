//! What the headers say, before a byte of the body is read.

use http::HeaderMap;
use http::header::{CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE};

use super::rejected::{Rejected, printable};

/// The two messages of remote write.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Protocol {
    /// `prometheus.WriteRequest`.
    V1,
    /// `io.prometheus.write.v2.Request`.
    V2,
}

impl Protocol {
    pub(super) fn other(self) -> Self {
        match self {
            Self::V1 => Self::V2,
            Self::V2 => Self::V1,
        }
    }

    /// The message, as a content type names it.
    #[must_use]
    pub fn message(self) -> &'static str {
        match self {
            Self::V1 => "prometheus.WriteRequest",
            Self::V2 => "io.prometheus.write.v2.Request",
        }
    }
}

/// Bytes of a header that an answer repeats.
pub(super) const SHOWN_BYTES: usize = 100;

/// Checks content type, encoding and declared length, and says which message the body is. Without a header, remote write
/// 1.0 and snappy are meant. `X-Prometheus-Remote-Write-Version` decides nothing.
pub(super) fn negotiate(headers: &HeaderMap, body_bytes_max: usize) -> Result<Protocol, Rejected> {
    let texts = |name| headers.get_all(name).into_iter().map(|value| String::from_utf8_lossy(value.as_bytes()));
    let mut protocol = None;
    for content_type in texts(CONTENT_TYPE) {
        match named(&content_type) {
            // Two headers that contradict each other name no message.
            Some(own) if protocol.is_none_or(|other| other == own) => protocol = Some(own),
            _ => return Err(Rejected::ContentType(printable(&content_type, SHOWN_BYTES))),
        }
    }
    let is_snappy = |encoding: &str| encoding.trim().eq_ignore_ascii_case("snappy");
    if let Some(encoding) = texts(CONTENT_ENCODING).find(|encoding| !is_snappy(encoding)) {
        return Err(Rejected::ContentEncoding(printable(&encoding, SHOWN_BYTES)));
    }
    let declared = headers.get(CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse::<u64>().ok());
    match declared {
        Some(bytes) if bytes > body_bytes_max as u64 => Err(Rejected::BodyTooLarge { bytes, limit: body_bytes_max }),
        _ => Ok(protocol.unwrap_or(Protocol::V1)),
    }
}

/// The message that a content type names: `application/x-protobuf`, whose `proto` parameter may be left out for that of 1.0.
/// Names compare without case (RFC 9110), values may be quoted, other parameters do not matter.
fn named(content_type: &str) -> Option<Protocol> {
    let mut parts = content_type.split(';').map(str::trim);
    let media_type = parts.next().unwrap_or_default();
    if !media_type.eq_ignore_ascii_case("application/x-protobuf") {
        return None;
    }
    let protos = parts
        .filter_map(|parameter| parameter.split_once('='))
        .filter(|(name, _)| name.trim().eq_ignore_ascii_case("proto"))
        .map(|(_, value)| value.trim().trim_matches('"'));
    let mut protocol = Protocol::V1;
    for (at, message) in protos.enumerate() {
        let own = [Protocol::V1, Protocol::V2].into_iter().find(|known| known.message() == message)?;
        if at > 0 && own != protocol {
            return None;
        }
        protocol = own;
    }
    Some(protocol)
}
