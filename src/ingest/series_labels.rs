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

/// Reads a block of `Label` fields, sorts them and checks them against the limits. Its bytes are walked to the end in
/// any case: what is malformed costs the whole request, whatever else is wrong with the series.
pub(super) fn labels(block: &[u8], limits: &Limits) -> Result<Labels, Fault> {
    let mut pairs = Vec::new();
    let mut fault = None;
    let mut fields = Fields::new(block);
    while fields.next()?.is_some() {
        let (name, value) = label(fields.bytes()?)?;
        if fault.is_some() {
            continue;
        }
        if pairs.len() == limits.labels_max {
            fault = Some(SampleFault::TooManyLabels(limits.labels_max));
            continue;
        }
        match pair(name, value, limits) {
            Ok(pair) => pairs.push(pair),
            Err(found) => fault = Some(found),
        }
    }
    if let Some(fault) = fault {
        return Err(fault.into());
    }
    let labels = Labels::from_pairs(pairs).map_err(SampleFault::Labels)?;
    if labels.name().is_none() {
        return Err(SampleFault::MissingName.into());
    }
    Ok(labels)
}

/// A label as text, where it is within the limits.
fn pair<'a>(name: &'a [u8], value: &'a [u8], limits: &Limits) -> Result<(&'a str, &'a str), SampleFault> {
    if name.len() > limits.label_name_bytes_max {
        return Err(SampleFault::NameTooLong(limits.label_name_bytes_max));
    }
    if value.len() > limits.label_value_bytes_max {
        return Err(SampleFault::ValueTooLong(limits.label_value_bytes_max));
    }
    let utf8 = |bytes| std::str::from_utf8(bytes).map_err(|_| SampleFault::InvalidUtf8);
    Ok((utf8(name)?, utf8(value)?))
}

/// The beginning of a block of labels for people, whatever is wrong with it.
pub(super) fn shown(block: &[u8]) -> String {
    /// More than an answer shows of a series.
    const BYTES: usize = 256;
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes.get(..BYTES).unwrap_or(bytes)).into_owned();
    let mut shown = String::from("{");
    let mut fields = Fields::new(block);
    while shown.len() < BYTES
        && let Ok(Some(_)) = fields.next()
        && let Ok((name, value)) = fields.bytes().and_then(label)
    {
        if shown.len() > 1 {
            shown.push(',');
        }
        shown.extend([&*text(name), "=\"", &*text(value), "\""]);
    }
    shown + "}"
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
