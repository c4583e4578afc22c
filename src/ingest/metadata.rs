//! What senders say of their metrics: type, help and unit by family, as `/api/v1/metadata` serves it.

use std::collections::BTreeMap;
use std::sync::{PoisonError, RwLock};

use super::rejected::Malformed;
use super::wire::{Fields, Kind};

/// Families that are kept at most, and bytes of one's texts: 40 MiB together.
const FAMILIES_MAX: usize = 10_000;
const TEXT_BYTES_MAX: usize = 2_048;

/// What is said of one family.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Family {
    /// The type's word in Prometheus's API.
    pub kind: &'static str,
    pub help: String,
    pub unit: String,
}

/// The words of the types, by their numbers in both messages.
const KINDS: [&str; 8] = ["unknown", "counter", "gauge", "histogram", "gaugehistogram", "summary", "info", "stateset"];

fn kind(number: u64) -> &'static str {
    usize::try_from(number).ok().and_then(|number| KINDS.get(number)).copied().unwrap_or(KINDS[0])
}

/// All families.
#[derive(Debug, Default)]
pub struct Metadata(RwLock<BTreeMap<String, Family>>);

impl Metadata {
    /// The families in order of their names.
    #[must_use]
    pub fn families(&self) -> BTreeMap<String, Family> {
        self.0.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// What is said of one.
    #[must_use]
    pub fn family(&self, name: &str) -> Option<Family> {
        self.0.read().unwrap_or_else(PoisonError::into_inner).get(name).cloned()
    }

    /// Notes what is said of a family beside a series of this name, as 2.0 does it: a message with nothing in it says nothing.
    pub(super) fn note_series(&self, name: &[u8], number: u64, help: &[u8], unit: &[u8]) {
        if number == 0 && help.is_empty() && unit.is_empty() {
            return;
        }
        self.note(family(name, kind(number)), number, help, unit);
    }

    /// Notes what is said of a family. Text that is no UTF-8 says nothing, and what is too long is cut.
    pub(super) fn note(&self, name: &[u8], number: u64, help: &[u8], unit: &[u8]) {
        let (Ok(name), kind) = (std::str::from_utf8(name), kind(number)) else { return };
        if name.is_empty() || name.len() > TEXT_BYTES_MAX {
            return;
        }
        let (help, unit) = (text(help), text(unit));
        let same = |known: &Family| known.kind == kind && known.help == help && known.unit == unit;
        let families = self.0.read().unwrap_or_else(PoisonError::into_inner);
        let full = families.len() >= FAMILIES_MAX;
        if families.get(name).map_or(full, same) {
            return;
        }
        drop(families);
        let said = Family { kind, help: help.to_owned(), unit: unit.to_owned() };
        self.0.write().unwrap_or_else(PoisonError::into_inner).insert(name.to_owned(), said);
    }
}

/// The family of a series with this name: the buckets, sum and count of a histogram are one.
fn family<'a>(name: &'a [u8], kind: &str) -> &'a [u8] {
    let endings: &[&[u8]] = match kind {
        "histogram" | "gaugehistogram" => &[b"_bucket", b"_sum", b"_count"],
        "summary" => &[b"_sum", b"_count"],
        _ => &[],
    };
    endings.iter().find_map(|ending| name.strip_suffix(*ending)).unwrap_or(name)
}

fn text(bytes: &[u8]) -> &str {
    let text = std::str::from_utf8(bytes).unwrap_or_default();
    text.get(..text.floor_char_boundary(TEXT_BYTES_MAX)).unwrap_or_default()
}

/// What one `MetricMetadata` message of remote write 1.0 says.
#[derive(Debug, Default)]
pub(super) struct Said<'a> {
    pub(super) kind: u64,
    pub(super) name: &'a [u8],
    pub(super) help: &'a [u8],
    pub(super) unit: &'a [u8],
}

pub(super) fn said(message: &[u8]) -> Result<Said<'_>, Malformed> {
    let mut said = Said::default();
    let mut fields = Fields::new(message);
    while let Some((number, kind)) = fields.next()? {
        match (number, kind) {
            (1, Kind::Varint) => said.kind = fields.varint()?,
            (2, Kind::Bytes) => said.name = fields.bytes()?,
            (4, Kind::Bytes) => said.help = fields.bytes()?,
            (5, Kind::Bytes) => said.unit = fields.bytes()?,
            (1 | 2 | 4 | 5, _) => return Err(Malformed::FieldType { message: "MetricMetadata", number }),
            _ => fields.skip(kind)?,
        }
    }
    Ok(said)
}
