//! Gzip, with its limit checked while it is unpacked.

use std::io::Read as _;

use flate2::read::MultiGzDecoder;
use http::HeaderMap;
use http::header::{CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE};

use super::super::negotiate::SHOWN_BYTES;
use super::super::rejected::{Rejected, printable};

/// How a body is packed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Encoding {
    Plain,
    Gzip,
}

/// Checks content type, encoding and declared length before the body is read.
pub(in crate::ingest) fn negotiate(headers: &HeaderMap, body_bytes_max: usize) -> Result<Encoding, Rejected> {
    let text = |name| headers.get(name).map(|value| String::from_utf8_lossy(value.as_bytes())).unwrap_or_default();
    let content_type = text(CONTENT_TYPE);
    let media_type = content_type.split(';').next().unwrap_or_default().trim();
    if !media_type.eq_ignore_ascii_case("application/x-protobuf") {
        return Err(Rejected::OtlpContentType(printable(&content_type, SHOWN_BYTES)));
    }
    let declared = headers.get(CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse::<u64>().ok());
    if let Some(bytes) = declared.filter(|bytes| *bytes > body_bytes_max as u64) {
        return Err(Rejected::BodyTooLarge { bytes, limit: body_bytes_max });
    }
    let encoding = text(CONTENT_ENCODING);
    match encoding.trim().to_ascii_lowercase().as_str() {
        "" | "identity" => Ok(Encoding::Plain),
        "gzip" => Ok(Encoding::Gzip),
        _ => Err(Rejected::OtlpContentEncoding(printable(&encoding, SHOWN_BYTES))),
    }
}

/// The body as it was before it was packed, of at most `limit` bytes; `buffer` is the memory for one that has to be unpacked.
pub(super) fn inflate<'b>(
    body: &'b [u8],
    encoding: Encoding,
    limit: usize,
    buffer: &'b mut Vec<u8>,
) -> Result<&'b [u8], Rejected> {
    if encoding == Encoding::Plain {
        let bytes = body.len() as u64;
        return if body.len() > limit { Err(Rejected::UnpacksTooLarge { bytes, limit }) } else { Ok(body) };
    }
    buffer.clear();
    // One byte more than there may be tells that there are too many.
    let mut reader = MultiGzDecoder::new(body).take(limit as u64 + 1);
    reader.read_to_end(buffer).map_err(|error| Rejected::Gzip(error.to_string()))?;
    if buffer.len() > limit {
        return Err(Rejected::InflatesTooLarge { limit });
    }
    Ok(buffer)
}
