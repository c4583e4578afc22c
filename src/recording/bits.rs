//! Bits in a row, the first in the highest place of the first byte.

use super::segment::Damage;

/// Appends bits to bytes.
#[derive(Debug, Default)]
pub(super) struct Bits {
    bytes: Vec<u8>,
    /// Bits that are not in a byte yet, at the low end; fewer than eight between two calls.
    held: u64,
    count: u32,
}

impl Bits {
    /// The low `count` bits of a number, 64 at most.
    pub(super) fn put(&mut self, number: u64, count: u32) {
        if count > 32 {
            self.few(number >> 32, count - 32);
            self.few(number & 0xffff_ffff, 32);
        } else {
            self.few(number, count);
        }
    }

    /// 32 bits at most.
    fn few(&mut self, number: u64, count: u32) {
        let number = number & ((1_u64 << count) - 1);
        self.held = self.held << count | number;
        self.count += count;
        while self.count >= 8 {
            self.count -= 8;
            #[expect(clippy::cast_possible_truncation, reason = "a byte is meant")]
            self.bytes.push((self.held >> self.count) as u8);
        }
        self.held &= (1_u64 << self.count) - 1;
    }

    /// The bytes, the last one filled up with zeros.
    pub(super) fn finish(mut self) -> Vec<u8> {
        if self.count > 0 {
            self.few(0, 8 - self.count);
        }
        self.bytes
    }
}

/// Reads bits from bytes.
#[derive(Debug)]
pub(super) struct Reading<'b> {
    bytes: &'b [u8],
    at: usize,
    held: u64,
    count: u32,
}

impl<'b> Reading<'b> {
    pub(super) fn new(bytes: &'b [u8]) -> Self {
        Self { bytes, at: 0, held: 0, count: 0 }
    }

    /// A number of so many bits, 64 at most.
    pub(super) fn take(&mut self, count: u32) -> Result<u64, Damage> {
        if count > 32 {
            let high = self.few(count - 32)?;
            return Ok(high << 32 | self.few(32)?);
        }
        self.few(count)
    }

    fn few(&mut self, count: u32) -> Result<u64, Damage> {
        while self.count < count {
            let byte = *self.bytes.get(self.at).ok_or(Damage::Short)?;
            self.at += 1;
            self.held = self.held << 8 | u64::from(byte);
            self.count += 8;
        }
        self.count -= count;
        let number = self.held >> self.count & ((1_u64 << count) - 1);
        self.held &= (1_u64 << self.count) - 1;
        Ok(number)
    }

    pub(super) fn bit(&mut self) -> Result<bool, Damage> {
        self.few(1).map(|bit| bit == 1)
    }

    /// How many bytes were begun.
    pub(super) fn bytes_read(&self) -> usize {
        self.at
    }
}
