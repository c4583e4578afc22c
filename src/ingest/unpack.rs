//! Snappy, with its limits checked before memory is spent.

use super::rejected::Rejected;

/// The longest output that snappy can make of one byte of input: a copy of 64 bytes takes three.
const EXPANSION_MAX: u64 = 22;

/// How a framed snappy stream begins.
const FRAMED: &[u8] = b"\xff\x06\x00\x00sNaPpY";

/// The length that a snappy block claims to unpack to, where it can be true and is within the limit.
pub(super) fn claimed(body: &[u8], limit: usize) -> Result<usize, Rejected> {
    if body.starts_with(FRAMED) {
        return Err(Rejected::FramedSnappy);
    }
    let claimed = snap::raw::decompress_len(body).map_err(|error| Rejected::Snappy(error.to_string()))?;
    if claimed > limit {
        return Err(Rejected::UnpacksTooLarge { bytes: claimed as u64, limit });
    }
    if claimed as u64 > (body.len() as u64).saturating_mul(EXPANSION_MAX) {
        return Err(Rejected::ImpossibleLength { claimed: claimed as u64, bytes: body.len() });
    }
    Ok(claimed)
}

/// Unpacks a snappy block into `buffer`, whose memory is used again, and gives the bytes.
pub(super) fn unpack<'b>(body: &[u8], limit: usize, buffer: &'b mut Vec<u8>) -> Result<&'b [u8], Rejected> {
    let claimed = claimed(body, limit)?;
    // Grows only: bytes beyond the claimed length are those of earlier requests and are not looked at.
    if buffer.len() < claimed {
        buffer.resize(claimed, 0);
    }
    let unpacked = snap::raw::Decoder::new().decompress(body, buffer);
    let unpacked = unpacked.map_err(|error| Rejected::Snappy(error.to_string()))?;
    Ok(buffer.get(..unpacked).unwrap_or_default())
}
