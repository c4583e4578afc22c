//! A segment file: a header, and blocks one after the other. Each block says how long it is and what it should hash to.
//!
//! ```text
//! file   "headrec" version:u8  created_at:i64 (ms)
//! block  "hrB" kind:u8  packed:u32  unpacked:u32  samples:u32  first_at:i64  last_at:i64  hash:u64  head_hash:u32
//!        then `packed` bytes: snappy, or as they are where that is no shorter
//! ```
//!
//! All numbers are little-endian. `hash` is XXH3 of the packed bytes; `head_hash` is the low half of XXH3 of the head
//! before it, so that the length is to be relied on, and the next block is found behind a broken one.

use snap::raw::{Decoder, Encoder, decompress_len, max_compress_len};
use xxhash_rust::xxh3::xxh3_64;

use super::bytes::Cursor;
use crate::time::Timestamp;

/// How a file begins, and the version that this program writes and reads.
const MAGIC: &[u8; 7] = b"headrec";
pub(super) const VERSION: u8 = 1;
pub(super) const HEADER_BYTES: usize = 16;

/// How a block begins.
const MARK: &[u8; 3] = b"hrB";
pub(super) const HEAD_BYTES: usize = 44;

/// Unpacked bytes of one block; a writer stays far below.
pub(super) const UNPACKED_MAX: usize = 64 << 20;

/// Samples of one block; a writer stays far below. With their series, 24 MiB when unpacked.
pub(super) const SAMPLES_MAX: usize = 1 << 20;

/// Why bytes are not a block, or a file no segment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Damage {
    #[error("it is cut short")]
    Short,
    #[error("it does not begin as a segment of a recording does")]
    NoSegment,
    #[error("version {0} of the format is newer than this program")]
    Newer(u8),
    #[error("no block begins there")]
    NoBlock,
    #[error("its bytes are not those that were written")]
    Hash,
    #[error("{0} is out of bounds")]
    Malformed(&'static str),
    #[error("the labels of its series are lost")]
    NoLabels,
}

/// What a block holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// Labels of series that the blocks after it have samples of.
    Labels,
    Samples,
}

/// What is known of a block before it is unpacked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Head {
    pub(super) kind: Kind,
    /// Bytes behind the head.
    pub(super) packed: usize,
    unpacked: usize,
    pub(super) samples: usize,
    pub(super) first_at: Timestamp,
    pub(super) last_at: Timestamp,
    hash: u64,
}

/// The header of a file.
pub(super) fn header(created_at: Timestamp) -> [u8; HEADER_BYTES] {
    let mut header = [0; HEADER_BYTES];
    let parts = MAGIC.iter().chain(&[VERSION]).copied().chain(created_at.as_millis().to_le_bytes());
    header.iter_mut().zip(parts).for_each(|(place, byte)| *place = byte);
    header
}

/// When a file was begun; what it begins with, if not as one of ours does.
pub(super) fn parse_header(bytes: &[u8]) -> Result<Timestamp, Damage> {
    let mut cursor = Cursor(bytes);
    if !bytes.starts_with(MAGIC) {
        return Err(if MAGIC.starts_with(bytes) { Damage::Short } else { Damage::NoSegment });
    }
    cursor.take(MAGIC.len())?;
    match cursor.byte()? {
        VERSION => Ok(Timestamp::from_millis(i64::from_le_bytes(cursor.array()?))),
        0 => Err(Damage::NoSegment),
        version => Err(Damage::Newer(version)),
    }
}

/// Packs a block and appends it with its head.
pub(super) fn append(out: &mut Vec<u8>, kind: Kind, body: &[u8], samples: usize, span: (Timestamp, Timestamp)) {
    debug_assert!(body.len() <= UNPACKED_MAX && samples <= SAMPLES_MAX, "a block is kept within its bounds");
    let mut packed = vec![0; max_compress_len(body.len())];
    let packed = match Encoder::new().compress(body, &mut packed) {
        Ok(length) if length < body.len() => packed.get(..length).unwrap_or(body),
        _ => body,
    };
    let began = out.len();
    out.extend(MARK);
    out.push(match kind {
        Kind::Labels => b'L',
        Kind::Samples => b'S',
    });
    for number in [packed.len(), body.len(), samples] {
        out.extend(u32::try_from(number).unwrap_or(u32::MAX).to_le_bytes());
    }
    for at in [span.0, span.1] {
        out.extend(at.as_millis().to_le_bytes());
    }
    out.extend(xxh3_64(packed).to_le_bytes());
    let head_hash = low_half(xxh3_64(out.get(began..).unwrap_or_default()));
    out.extend(head_hash.to_le_bytes());
    out.extend(packed);
}

#[expect(clippy::cast_possible_truncation, reason = "half of a hash is meant")]
const fn low_half(hash: u64) -> u32 {
    hash as u32
}

/// Reads a head at the front of bytes.
pub(super) fn parse_head(bytes: &[u8]) -> Result<Head, Damage> {
    if !bytes.starts_with(MARK) {
        return Err(if MARK.starts_with(bytes) { Damage::Short } else { Damage::NoBlock });
    }
    let head = bytes.get(..HEAD_BYTES).ok_or(Damage::Short)?;
    let (hashed, told) = head.split_at_checked(HEAD_BYTES - 4).ok_or(Damage::Short)?;
    if told != low_half(xxh3_64(hashed)).to_le_bytes() {
        return Err(Damage::Hash);
    }
    let mut cursor = Cursor(hashed);
    cursor.take(MARK.len())?;
    let kind = match cursor.byte()? {
        b'L' => Kind::Labels,
        b'S' => Kind::Samples,
        _ => return Err(Damage::Malformed("a kind of block")),
    };
    let mut number = || cursor.array().map(|bytes| u32::from_le_bytes(bytes) as usize);
    let (packed, unpacked, samples) = (number()?, number()?, number()?);
    let mut time = || cursor.array().map(|bytes| Timestamp::from_millis(i64::from_le_bytes(bytes)));
    let (first_at, last_at) = (time()?, time()?);
    if unpacked > UNPACKED_MAX || packed > unpacked || samples > SAMPLES_MAX {
        return Err(Damage::Malformed("a length"));
    }
    Ok(Head { kind, packed, unpacked, samples, first_at, last_at, hash: u64::from_le_bytes(cursor.array()?) })
}

/// Where the next block may begin.
pub(super) fn find_mark(bytes: &[u8], from: usize) -> Option<usize> {
    let rest = bytes.get(from..)?;
    rest.windows(MARK.len()).position(|window| window == MARK).map(|at| from + at)
}

impl Head {
    /// Whether the packed bytes are those that were written.
    pub(super) fn check(&self, packed: &[u8]) -> Result<(), Damage> {
        if packed.len() < self.packed {
            return Err(Damage::Short);
        }
        if xxh3_64(packed) == self.hash { Ok(()) } else { Err(Damage::Hash) }
    }

    /// Unpacks what was checked, into a buffer whose memory is used again.
    pub(super) fn unpack<'b>(&self, packed: &'b [u8], buffer: &'b mut Vec<u8>) -> Result<&'b [u8], Damage> {
        if self.packed == self.unpacked {
            return Ok(packed);
        }
        let malformed = |_| Damage::Malformed("what is packed");
        if decompress_len(packed).map_err(malformed)? != self.unpacked {
            return Err(Damage::Malformed("what is packed"));
        }
        if buffer.len() < self.unpacked {
            buffer.resize(self.unpacked, 0);
        }
        let length = Decoder::new().decompress(packed, buffer).map_err(malformed)?;
        Ok(buffer.get(..length).unwrap_or_default())
    }
}
