//! The values of one series within a block, in the shortest of three ways.
//!
//! - the same value all over: once;
//! - whole numbers, or decimals of up to nine digits behind the point: their differences, all of one width;
//! - any other: each by the bits in which it differs from the one before ("Gorilla", section 4.1.2).
//!
//! Every float comes back bit by bit, the staleness marker and other NaNs too.

use super::bits::{Bits, Reading};
use super::bytes::{Cursor, put, zigzag};
use super::segment::Damage;

/// The ways. A number below is the digits behind the point of [`DECIMAL`].
const DECIMAL: u8 = 0;
const DIGITS_MAX: u8 = 9;
const SAME: u8 = 16;
const XOR: u8 = 17;

/// Up to here a float holds every whole number.
const WHOLE_MAX: f64 = 9_007_199_254_740_992.0;

/// Differences wider than this may be longer than what XOR makes of them.
const WIDE: u32 = 16;

/// Appends values.
pub(super) fn encode(values: &[f64], out: &mut Vec<u8>) {
    let Some(first) = values.first() else { return };
    if values.iter().all(|value| value.to_bits() == first.to_bits()) {
        return same(*first, out);
    }
    let Some((digits, numbers)) = decimal(values) else { return xor(values, out) };
    let differences = || numbers.iter().zip(numbers.iter().skip(1)).map(|(one, next)| next - one);
    let (least, most) = differences().fold((i64::MAX, i64::MIN), |(least, most), by| (least.min(by), most.max(by)));
    let width = 64 - (most - least).cast_unsigned().leading_zeros();
    let began = out.len();
    out.push(DECIMAL + digits);
    put(out, zigzag(numbers.first().copied().unwrap_or_default()));
    put(out, zigzag(least));
    #[expect(clippy::cast_possible_truncation, reason = "64 at most")]
    out.push(width as u8);
    let mut bits = Bits::default();
    for by in differences() {
        bits.put((by - least).cast_unsigned(), width);
    }
    out.extend(bits.finish());
    if width > WIDE {
        let mut other = Vec::new();
        xor(values, &mut other);
        if other.len() < out.len() - began {
            out.truncate(began);
            out.extend(other);
        }
    }
}

/// Reads as many values as are asked for, and gives each to `push`.
pub(super) fn decode(cursor: &mut Cursor<'_>, count: usize, mut push: impl FnMut(f64)) -> Result<(), Damage> {
    if count == 0 {
        return Ok(());
    }
    match cursor.byte()? {
        digits @ DECIMAL..=DIGITS_MAX => {
            let scale = scale(digits);
            let (mut number, least) = (cursor.signed()?, cursor.signed()?);
            let width = u32::from(cursor.byte()?);
            if width > 64 {
                return Err(Damage::Malformed("a width"));
            }
            push(number as f64 / scale);
            let mut bits = Reading::new(cursor.0);
            for _ in 1..count {
                number = number.wrapping_add(least).wrapping_add(bits.take(width)?.cast_signed());
                push(number as f64 / scale);
            }
            let read = bits.bytes_read();
            cursor.take(read)?;
        }
        SAME => {
            let digits = cursor.byte()?;
            let value = if digits <= DIGITS_MAX {
                cursor.signed()? as f64 / scale(digits)
            } else {
                f64::from_bits(u64::from_le_bytes(cursor.array()?))
            };
            (0..count).for_each(|_| push(value));
        }
        XOR => unxor(cursor, count, push)?,
        _ => return Err(Damage::Malformed("a way to write values")),
    }
    Ok(())
}

fn same(value: f64, out: &mut Vec<u8>) {
    out.push(SAME);
    if let Some((digits, numbers)) = decimal(&[value]) {
        out.push(digits);
        put(out, zigzag(numbers.first().copied().unwrap_or_default()));
    } else {
        out.push(DIGITS_MAX + 1);
        out.extend(value.to_bits().to_le_bytes());
    }
}

fn scale(digits: u8) -> f64 {
    10_f64.powi(i32::from(digits))
}

/// The values as whole numbers of a power of ten, where they come back from it bit by bit.
fn decimal(values: &[f64]) -> Option<(u8, Vec<i64>)> {
    let mut digits = 0;
    for value in values {
        while number(*value, digits).is_none() {
            digits += 1;
            if digits > DIGITS_MAX {
                return None;
            }
        }
    }
    // What is exact with few digits nearly always is with more; look again.
    let numbers: Option<Vec<i64>> = values.iter().map(|value| number(*value, digits)).collect();
    Some((digits, numbers?))
}

fn number(value: f64, digits: u8) -> Option<i64> {
    let scaled = (value * scale(digits)).round();
    if scaled.is_nan() || scaled.abs() >= WHOLE_MAX {
        return None;
    }
    #[expect(clippy::cast_possible_truncation, reason = "whole and within the bounds")]
    let number = scaled as i64;
    let back = number as f64 / scale(digits);
    (back.to_bits() == value.to_bits()).then_some(number)
}

fn xor(values: &[f64], out: &mut Vec<u8>) {
    out.push(XOR);
    let mut bits = Bits::default();
    let mut last = 0_u64;
    // The place of the bits that differed, as far as one was told.
    let (mut leading, mut length) = (0_u32, 0_u32);
    for (place, value) in values.iter().enumerate() {
        let now = value.to_bits();
        let differs = now ^ last;
        last = now;
        if place == 0 {
            bits.put(now, 64);
            continue;
        }
        if differs == 0 {
            bits.put(0, 1);
            continue;
        }
        let (zeros, after) = (differs.leading_zeros().min(31), differs.trailing_zeros());
        let fits = length > 0 && zeros >= leading && after >= 64 - leading - length;
        if fits {
            bits.put(0b10, 2);
        } else {
            (leading, length) = (zeros, 64 - zeros - after);
            bits.put(0b11, 2);
            bits.put(leading.into(), 5);
            bits.put(u64::from(length) - 1, 6);
        }
        bits.put(differs >> (64 - leading - length), length);
    }
    out.extend(bits.finish());
}

fn unxor(cursor: &mut Cursor<'_>, count: usize, mut push: impl FnMut(f64)) -> Result<(), Damage> {
    let mut bits = Reading::new(cursor.0);
    let mut last = bits.take(64)?;
    push(f64::from_bits(last));
    let (mut leading, mut length) = (0_u32, 0_u32);
    for _ in 1..count {
        if bits.bit()? {
            if bits.bit()? {
                #[expect(clippy::cast_possible_truncation, reason = "five and six bits")]
                let told = (bits.take(5)? as u32, bits.take(6)? as u32 + 1);
                (leading, length) = told;
            }
            let after = 64_u32.checked_sub(leading + length).filter(|_| length > 0);
            let after = after.ok_or(Damage::Malformed("a place of bits"))?;
            last ^= bits.take(length)? << after;
        }
        push(f64::from_bits(last));
    }
    let read = bits.bytes_read();
    cursor.take(read)?;
    Ok(())
}
