//! The labels of a series that is seen for the first time: the slow way, once for each fingerprint.

use super::receiver::Limits;
use super::rejected::{Malformed, SampleFault};
use super::wire::{Fields, Kind};
use crate::labels::Labels;

/// Why a label block names no series.
#[derive(Debug)]
pub(super) enum Fault {
    /// The whole request is broken.
    Malformed(Malformed),
    /// This series is.
    Series(SampleFault),
}

impl From<Malformed> for Fault {
    fn from(fault: Malformed) -> Self {
        Self::Malformed(fault)
    }
}

impl From<SampleFault> for Fault {
    fn from(fault: SampleFault) -> Self {
        Self::Series(fault)
    }
}

/// Reads a block of `Label` fields, sorts them and checks them against the limits.
pub(super) fn labels(block: &[u8], limits: &Limits) -> Result<Labels, Fault> {
    let mut pairs = Vec::new();
    let mut fields = Fields::new(block);
    while fields.next()?.is_some() {
        let (name, value) = label(fields.bytes()?)?;
        if pairs.len() == limits.labels_max {
            return Err(SampleFault::TooManyLabels(limits.labels_max).into());
        }
        if name.len() > limits.label_name_bytes_max {
            return Err(SampleFault::NameTooLong(limits.label_name_bytes_max).into());
        }
        if value.len() > limits.label_value_bytes_max {
            return Err(SampleFault::ValueTooLong(limits.label_value_bytes_max).into());
        }
        let utf8 = |bytes| std::str::from_utf8(bytes).map_err(|_| SampleFault::InvalidUtf8);
        pairs.push((utf8(name)?, utf8(value)?));
    }
    let labels = Labels::from_pairs(pairs).map_err(SampleFault::Labels)?;
    if labels.name().is_none() {
        return Err(SampleFault::MissingName.into());
    }
    Ok(labels)
}

/// A block of labels for people, whatever is wrong with it.
pub(super) fn shown(block: &[u8]) -> String {
    let mut pairs = Vec::new();
    let mut fields = Fields::new(block);
    while let Ok(Some(_)) = fields.next()
        && let Ok((name, value)) = fields.bytes().and_then(label)
    {
        pairs.push(format!("{}=\"{}\"", String::from_utf8_lossy(name), String::from_utf8_lossy(value)));
    }
    format!("{{{}}}", pairs.join(","))
}

/// Name and value of one `Label` message.
pub(super) fn label(message: &[u8]) -> Result<(&[u8], &[u8]), Malformed> {
    let (mut name, mut value): (&[u8], &[u8]) = (b"", b"");
    let mut fields = Fields::new(message);
    while let Some((number, kind)) = fields.next()? {
        match (number, kind) {
            (1, Kind::Bytes) => name = fields.bytes()?,
            (2, Kind::Bytes) => value = fields.bytes()?,
            (1 | 2, _) => return Err(Malformed::FieldType { message: "Label", number }),
            _ => fields.skip(kind)?,
        }
    }
    Ok((name, value))
}
