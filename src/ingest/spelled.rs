//! The labels of a spelling that is met for the first time: the slow way, once for each.

use super::receiver::Limits;
use super::rejected::{Fault, Malformed};
use super::wire::{Fields, Kind};
use crate::labels::{LabelsError, NAME, sort_pairs};

/// A label as it came: any bytes.
pub(super) type Raw<'a> = (&'a [u8], &'a [u8]);

/// A label as text.
pub(super) type Pair<'a> = (&'a str, &'a str);

/// Name and value of one `Label` message of remote write 1.0.
pub(super) fn label(message: &[u8]) -> Result<Raw<'_>, Malformed> {
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

/// Labels as they came, up to one more than there may be: a bound, so that the rest of a request of empty labels costs
/// nothing.
#[derive(Debug, Default)]
pub(super) struct Spelled<'a> {
    pub(super) raw: Vec<Raw<'a>>,
    /// What [`Spelled::check`] made of them: in order of names, without those that have an empty value.
    pub(super) pairs: Vec<Pair<'a>>,
}

impl<'a> Spelled<'a> {
    pub(super) fn push(&mut self, label: Raw<'a>, limits: &Limits) {
        if self.raw.len() <= limits.labels_max {
            self.raw.push(label);
        }
    }

    /// Sorts the labels and checks them; `true` where the sender had sorted them, as it must.
    pub(super) fn check(&mut self, limits: &Limits) -> Result<bool, Fault> {
        if self.raw.len() > limits.labels_max {
            return Err(Fault::TooManyLabels(limits.labels_max));
        }
        self.pairs.clear();
        for raw in &self.raw {
            self.pairs.push(pair(*raw, limits)?);
        }
        let sorted = sort_pairs(&mut self.pairs).map_err(Fault::Labels)?;
        check(&self.pairs, limits)?;
        Ok(sorted)
    }

    /// The beginning of the labels for people, whatever is wrong with them.
    pub(super) fn shown(&self) -> String {
        /// More than an answer shows of a series.
        const BYTES: usize = 256;
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes.get(..BYTES).unwrap_or(bytes)).into_owned();
        let mut shown = String::from("{");
        for (name, value) in &self.raw {
            if shown.len() > BYTES {
                break;
            }
            if shown.len() > 1 {
                shown.push(',');
            }
            shown.extend([&*text(name), "=\"", &*text(value), "\""]);
        }
        shown + "}"
    }
}

/// Checks a series' labels against the limits, as sent or as relabelling has made them. They name a metric.
pub(super) fn check(pairs: &[Pair<'_>], limits: &Limits) -> Result<(), Fault> {
    if pairs.len() > limits.labels_max {
        return Err(Fault::TooManyLabels(limits.labels_max));
    }
    let mut bytes = 0;
    let mut named = false;
    for (name, value) in pairs {
        lengths(name.len(), value.len(), limits)?;
        named |= *name == NAME;
        bytes += name.len() + value.len();
    }
    if !named {
        return Err(Fault::MissingName);
    }
    if bytes > limits.labels_bytes_max { Err(Fault::LabelsTooLong(limits.labels_bytes_max)) } else { Ok(()) }
}

fn lengths(name: usize, value: usize, limits: &Limits) -> Result<(), Fault> {
    if name > limits.label_name_bytes_max {
        return Err(Fault::NameTooLong(limits.label_name_bytes_max));
    }
    if value > limits.label_value_bytes_max {
        return Err(Fault::ValueTooLong(limits.label_value_bytes_max));
    }
    Ok(())
}

/// A label as text, where it is within the limits.
fn pair<'a>((name, value): Raw<'a>, limits: &Limits) -> Result<Pair<'a>, Fault> {
    lengths(name.len(), value.len(), limits)?;
    if name.is_empty() {
        return Err(Fault::Labels(LabelsError::EmptyName));
    }
    let utf8 = |bytes| std::str::from_utf8(bytes).map_err(|_| Fault::InvalidUtf8);
    Ok((utf8(name)?, utf8(value)?))
}
