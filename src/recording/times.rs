//! The times of one series within a block: each by how far its distance differs from the one before.
//!
//! After "Gorilla: A Fast, Scalable, In-Memory Time Series Database" (Pelkonen et al., VLDB 2015), section 4.1.1, with
//! the widths that suit milliseconds. What is scraped together has the same times; a block holds them once.

use super::bits::{Bits, Reading};
use super::bytes::{Cursor, put, unzigzag, zigzag};
use super::segment::Damage;

/// How many bits a difference takes, by the ones before it: 0, 10, 110, 1110 and 1111.
const WIDTHS: [u32; 4] = [0, 7, 12, 20];

/// Appends times in their order, whatever that is.
pub(super) fn encode(times: &[i64], out: &mut Vec<u8>) {
    put(out, times.len() as u64);
    let Some((first, rest)) = times.split_first() else { return };
    put(out, zigzag(*first));
    let (mut last, mut distance) = (*first, 0_i64);
    let mut bits = Bits::default();
    for at in rest {
        let now = at.wrapping_sub(last);
        let change = zigzag(now.wrapping_sub(distance));
        (last, distance) = (*at, now);
        let place = WIDTHS.iter().position(|width| change >> width == 0);
        if let Some((ones, width)) = place.and_then(|place| Some((u32::try_from(place).ok()?, WIDTHS.get(place)?))) {
            // As many ones, and a zero.
            bits.put((1 << (ones + 1)) - 2, ones + 1);
            bits.put(change, *width);
        } else {
            bits.put(0b1111, 4);
            bits.put(change, 64);
        }
    }
    out.extend(bits.finish());
}

/// Reads what [`encode`] wrote, no more than `limit` times.
pub(super) fn decode(cursor: &mut Cursor<'_>, limit: usize) -> Result<Vec<i64>, Damage> {
    let count = cursor.count(limit, "a count of times")?;
    // Each takes a bit at least.
    let mut times = Vec::with_capacity(count.min(cursor.0.len().saturating_mul(8)));
    if count == 0 {
        return Ok(times);
    }
    let mut last = cursor.signed()?;
    times.push(last);
    let mut bits = Reading::new(cursor.0);
    let mut distance = 0_i64;
    for _ in 1..count {
        let mut ones = 0;
        while ones < WIDTHS.len() && bits.bit()? {
            ones += 1;
        }
        let change = bits.take(WIDTHS.get(ones).copied().unwrap_or(64))?;
        distance = distance.wrapping_add(unzigzag(change));
        last = last.wrapping_add(distance);
        times.push(last);
    }
    let read = bits.bytes_read();
    cursor.take(read)?;
    Ok(times)
}
