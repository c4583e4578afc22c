//! Whole numbers in few bytes: seven bits a byte, the lowest first, as protocol buffers write them.

use super::segment::Damage;

/// Writes a number.
pub(super) fn put(out: &mut Vec<u8>, mut number: u64) {
    while number >= 0x80 {
        #[expect(clippy::cast_possible_truncation, reason = "the low seven bits are meant")]
        out.push(number as u8 | 0x80);
        number >>= 7;
    }
    #[expect(clippy::cast_possible_truncation, reason = "below 128")]
    out.push(number as u8);
}

/// A signed number such that those near zero are small: 0, -1, 1, -2 are 0, 1, 2, 3.
pub(super) const fn zigzag(number: i64) -> u64 {
    (number << 1 ^ number >> 63).cast_unsigned()
}

/// The number that [`zigzag`] made it of.
pub(super) const fn unzigzag(number: u64) -> i64 {
    (number >> 1).cast_signed() ^ -((number & 1).cast_signed())
}

/// Reads from the front of bytes.
#[derive(Debug, Clone, Copy)]
pub(super) struct Cursor<'b>(pub(super) &'b [u8]);

impl<'b> Cursor<'b> {
    pub(super) fn byte(&mut self) -> Result<u8, Damage> {
        let (first, rest) = self.0.split_first().ok_or(Damage::Short)?;
        self.0 = rest;
        Ok(*first)
    }

    pub(super) fn number(&mut self) -> Result<u64, Damage> {
        let mut number = 0_u64;
        for shift in (0..64).step_by(7) {
            let byte = self.byte()?;
            let bits = u64::from(byte & 0x7f);
            if shift == 63 && bits > 1 {
                return Err(Damage::Malformed("a number"));
            }
            number |= bits << shift;
            if byte & 0x80 == 0 {
                return Ok(number);
            }
        }
        Err(Damage::Malformed("a number"))
    }

    pub(super) fn signed(&mut self) -> Result<i64, Damage> {
        self.number().map(unzigzag)
    }

    /// A number that counts or measures something, up to a limit.
    pub(super) fn count(&mut self, limit: usize, what: &'static str) -> Result<usize, Damage> {
        let count = usize::try_from(self.number()?).unwrap_or(usize::MAX);
        if count > limit { Err(Damage::Malformed(what)) } else { Ok(count) }
    }

    pub(super) fn take(&mut self, count: usize) -> Result<&'b [u8], Damage> {
        let (taken, rest) = self.0.split_at_checked(count).ok_or(Damage::Short)?;
        self.0 = rest;
        Ok(taken)
    }

    pub(super) fn array<const N: usize>(&mut self) -> Result<[u8; N], Damage> {
        let (taken, rest) = self.0.split_first_chunk().ok_or(Damage::Short)?;
        self.0 = rest;
        Ok(*taken)
    }
}
