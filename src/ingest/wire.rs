//! The protobuf wire format: tags, varints and length-delimited fields over borrowed bytes.
//! <https://protobuf.dev/programming-guides/encoding/>

use super::rejected::Malformed;

/// How a field's value is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Varint,
    Fixed64,
    Bytes,
    Fixed32,
}

/// Walks the fields of one message.
#[derive(Debug, Clone)]
pub(super) struct Fields<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Fields<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, at: 0 }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.at == self.bytes.len()
    }

    /// Bytes walked so far.
    pub(super) fn at(&self) -> usize {
        self.at
    }

    /// Passes over fields number `number` of the kind bytes, as long as one follows the other: the labels of a series.
    /// Tags and lengths of one byte only; where it stops, [`Fields::next`] goes on.
    #[inline]
    pub(super) fn skip_run(&mut self, number: u8) {
        let tag = number << 3 | 2;
        while let Some(&[own, length]) = self.rest().first_chunk::<2>()
            && own == tag
            && length < 0x80
            && self.at + 2 + usize::from(length) <= self.bytes.len()
        {
            self.at += 2 + usize::from(length);
        }
    }

    /// The next field's number and kind; `None` at the end of the message.
    #[inline]
    pub(super) fn next(&mut self) -> Result<Option<(u32, Kind)>, Malformed> {
        if self.at == self.bytes.len() {
            return Ok(None);
        }
        // A field number below 16, as all that we know have.
        if let Some(&tag @ 0x08..0x80) = self.bytes.get(self.at) {
            self.at += 1;
            return Ok(Some((u32::from(tag >> 3), kind(u64::from(tag & 7))?)));
        }
        let tag = self.varint()?;
        let number = u32::try_from(tag >> 3).ok().filter(|number| *number != 0 && *number < 1 << 29);
        let number = number.ok_or(Malformed::FieldNumber)?;
        Ok(Some((number, kind(tag & 7)?)))
    }

    #[inline]
    pub(super) fn varint(&mut self) -> Result<u64, Malformed> {
        match self.bytes.get(self.at) {
            Some(&byte) if byte < 0x80 => {
                self.at += 1;
                Ok(u64::from(byte))
            }
            _ => self.long_varint(),
        }
    }

    fn long_varint(&mut self) -> Result<u64, Malformed> {
        let mut value = 0_u64;
        for shift in (0..70).step_by(7) {
            let byte = *self.bytes.get(self.at).ok_or(Malformed::Truncated)?;
            self.at += 1;
            // The tenth byte has room for one bit only.
            if shift == 63 && byte > 1 {
                return Err(Malformed::Varint);
            }
            value |= u64::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                return Ok(value);
            }
        }
        Err(Malformed::Varint)
    }

    #[inline]
    pub(super) fn bytes(&mut self) -> Result<&'a [u8], Malformed> {
        let length = usize::try_from(self.varint()?).map_err(|_| Malformed::Truncated)?;
        let end = self.at.checked_add(length).ok_or(Malformed::Truncated)?;
        let bytes = self.bytes.get(self.at..end).ok_or(Malformed::Truncated)?;
        self.at = end;
        Ok(bytes)
    }

    #[inline]
    pub(super) fn fixed64(&mut self) -> Result<u64, Malformed> {
        let (word, _) = self.rest().split_first_chunk::<8>().ok_or(Malformed::Truncated)?;
        self.at += 8;
        Ok(u64::from_le_bytes(*word))
    }

    /// Passes over a field that is of no interest.
    #[inline]
    pub(super) fn skip(&mut self, kind: Kind) -> Result<(), Malformed> {
        match kind {
            Kind::Varint => self.varint().map(|_| ()),
            Kind::Fixed64 => self.fixed64().map(|_| ()),
            Kind::Bytes => self.bytes().map(|_| ()),
            Kind::Fixed32 => {
                self.rest().get(..4).ok_or(Malformed::Truncated)?;
                self.at += 4;
                Ok(())
            }
        }
    }

    fn rest(&self) -> &'a [u8] {
        self.bytes.get(self.at..).unwrap_or_default()
    }
}

#[inline]
fn kind(low: u64) -> Result<Kind, Malformed> {
    Ok(match low {
        0 => Kind::Varint,
        1 => Kind::Fixed64,
        2 => Kind::Bytes,
        5 => Kind::Fixed32,
        other => return Err(Malformed::WireType(other)),
    })
}
