//! State as compact bytes: little-endian numbers one after the other, so that a series fits a few dozen kilobytes.
//!
//! There are no names and no versions inside. Whoever keeps bytes puts a version before them and begins anew where it
//! has changed.

/// Bytes being read.
#[derive(Debug)]
pub(crate) struct Cursor<'a>(pub(crate) &'a [u8]);

impl Cursor<'_> {
    fn take<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (head, rest) = self.0.split_first_chunk::<N>()?;
        self.0 = rest;
        Some(*head)
    }
}

/// What can be written as bytes and read back.
pub(crate) trait Packed {
    fn pack(&self, bytes: &mut Vec<u8>);

    /// Reads over `self`, whose lengths must be those of what was written. `None` where they are not, or bytes end.
    fn unpack(&mut self, bytes: &mut Cursor<'_>) -> Option<()>;
}

macro_rules! numbers {
    ($($number:ty),*) => {$(
        impl Packed for $number {
            fn pack(&self, bytes: &mut Vec<u8>) {
                bytes.extend_from_slice(&self.to_le_bytes());
            }

            fn unpack(&mut self, bytes: &mut Cursor<'_>) -> Option<()> {
                *self = Self::from_le_bytes(bytes.take()?);
                Some(())
            }
        }
    )*};
}
numbers!(u8, u16, u32, u64, i64, f32, f64);

impl Packed for bool {
    fn pack(&self, bytes: &mut Vec<u8>) {
        u8::from(*self).pack(bytes);
    }

    fn unpack(&mut self, bytes: &mut Cursor<'_>) -> Option<()> {
        *self = bytes.take::<1>()? != [0];
        Some(())
    }
}

impl<T: Packed + Default> Packed for Option<T> {
    fn pack(&self, bytes: &mut Vec<u8>) {
        self.is_some().pack(bytes);
        if let Some(value) = self {
            value.pack(bytes);
        }
    }

    fn unpack(&mut self, bytes: &mut Cursor<'_>) -> Option<()> {
        let mut some = false;
        some.unpack(bytes)?;
        *self = if some { Some(T::default()) } else { None };
        self.as_mut().map_or(Some(()), |value| value.unpack(bytes))
    }
}

impl<T: Packed, const N: usize> Packed for [T; N] {
    fn pack(&self, bytes: &mut Vec<u8>) {
        for value in self {
            value.pack(bytes);
        }
    }

    fn unpack(&mut self, bytes: &mut Cursor<'_>) -> Option<()> {
        self.iter_mut().try_for_each(|value| value.unpack(bytes))
    }
}

impl<T: Packed> Packed for Vec<T> {
    fn pack(&self, bytes: &mut Vec<u8>) {
        (self.len() as u64).pack(bytes);
        for value in self {
            value.pack(bytes);
        }
    }

    fn unpack(&mut self, bytes: &mut Cursor<'_>) -> Option<()> {
        let mut length = 0_u64;
        length.unpack(bytes)?;
        if length != self.len() as u64 {
            return None;
        }
        self.iter_mut().try_for_each(|value| value.unpack(bytes))
    }
}

/// Makes a struct [`Packed`], field by field.
macro_rules! packed {
    ($name:ty: $($field:tt),* $(,)?) => {
        impl $crate::demand::packed::Packed for $name {
            fn pack(&self, bytes: &mut Vec<u8>) {
                $($crate::demand::packed::Packed::pack(&self.$field, bytes);)*
            }

            fn unpack(&mut self, bytes: &mut $crate::demand::packed::Cursor<'_>) -> Option<()> {
                $($crate::demand::packed::Packed::unpack(&mut self.$field, bytes)?;)*
                Some(())
            }
        }
    };
}
pub(crate) use packed;
