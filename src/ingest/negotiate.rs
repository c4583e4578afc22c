//! What the headers say, before a byte of the body is read.

use http::HeaderMap;
use http::header::{CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE};

use super::rejected::Rejected;

/// The message of remote write 1.0, as a content type names it.
const V1: &str = "prometheus.WriteRequest";

/// Checks content type, encoding and declared length. Without a header, remote write 1.0 and snappy are meant.
pub(super) fn negotiate(headers: &HeaderMap, body_bytes_max: usize) -> Result<(), Rejected> {
    let text = |name| headers.get(name).map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned());
    if let Some(content_type) = text(CONTENT_TYPE)
        && !is_v1(&content_type)
    {
        return Err(Rejected::ContentType(content_type));
    }
    if let Some(encoding) = text(CONTENT_ENCODING)
        && !encoding.trim().eq_ignore_ascii_case("snappy")
    {
        return Err(Rejected::ContentEncoding(encoding));
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
