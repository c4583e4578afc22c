//! What the headers say, before a byte of the body is read.

use http::HeaderMap;
use http::header::{CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE};

use super::rejected::{Rejected, printable};

/// The message of remote write 1.0, as a content type names it.
const V1: &str = "prometheus.WriteRequest";

/// Bytes of a header that an answer repeats.
const SHOWN_BYTES: usize = 100;

/// Checks content type, encoding and declared length. Without a header, remote write 1.0 and snappy are meant.
pub(super) fn negotiate(headers: &HeaderMap, body_bytes_max: usize) -> Result<(), Rejected> {
    let texts = |name| headers.get_all(name).into_iter().map(|value| String::from_utf8_lossy(value.as_bytes()));
    if let Some(content_type) = texts(CONTENT_TYPE).find(|content_type| !is_v1(content_type)) {
        return Err(Rejected::ContentType(printable(&content_type, SHOWN_BYTES)));
    }
    let is_snappy = |encoding: &str| encoding.trim().eq_ignore_ascii_case("snappy");
    if let Some(encoding) = texts(CONTENT_ENCODING).find(|encoding| !is_snappy(encoding)) {
        return Err(Rejected::ContentEncoding(printable(&encoding, SHOWN_BYTES)));
    }
    let declared = headers.get(CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse::<u64>().ok());
    match declared {
        Some(bytes) if bytes > body_bytes_max as u64 => Err(Rejected::BodyTooLarge { bytes, limit: body_bytes_max }),
        _ => Ok(()),
    }
}

/// `application/x-protobuf`, with no `proto` parameter or with that of 1.0. Names compare without case (RFC 9110),
/// values may be quoted, other parameters do not matter.
fn is_v1(content_type: &str) -> bool {
    let mut parts = content_type.split(';').map(str::trim);
    let media_type = parts.next().unwrap_or_default();
    let mut proto = parts
        .filter_map(|parameter| parameter.split_once('='))
        .filter(|(name, _)| name.trim().eq_ignore_ascii_case("proto"))
        .map(|(_, value)| value.trim().trim_matches('"'));
    media_type.eq_ignore_ascii_case("application/x-protobuf") && proto.all(|message| message == V1)
}
