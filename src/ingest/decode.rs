//! Walks the bytes of a `prometheus.WriteRequest` without building a message.
//!
//! What is borrowed lives as long as the unpacked body.

use super::rejected::{Malformed, Rejected};
use super::series_labels::label;
use super::wire::{Fields, Kind};
use crate::labels::NAME;
use crate::sample::Sample;
use crate::time::Timestamp;

/// Where in a request something stands.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Place {
    /// Which `TimeSeries`, counted from 0.
    pub(super) series: usize,
    /// Its first byte.
    pub(super) at: usize,
}

impl Place {
    /// What is said of a fault here.
    pub(super) fn rejected(self, fault: Malformed) -> Rejected {
        Rejected::Malformed { fault, series: self.series, at: self.at }
    }
}

/// Calls `visit` with each `TimeSeries` message of the request, in order.
pub(super) fn each_series<'a>(
    request: &'a [u8],
    mut visit: impl FnMut(Place, &'a [u8]) -> Result<(), Rejected>,
) -> Result<(), Rejected> {
    let mut fields = Fields::new(request);
    let mut place = Place::default();
    let (mut known, mut of_v2) = (false, false);
    while let Some((number, kind)) = fields.next().map_err(|fault| place.rejected(fault))? {
        of_v2 |= matches!(number, 4 | 5);
        known |= matches!(number, 1 | 3);
        if number == 1 && kind == Kind::Bytes {
            place.at = fields.at();
            visit(place, fields.bytes().map_err(|fault| place.rejected(fault))?)?;
            place.series += 1;
        } else if matches!(number, 1 | 3) && kind != Kind::Bytes {
            return Err(place.rejected(Malformed::FieldType { message: "WriteRequest", number }));
        } else {
            // Metadata, which rules don't read, and what is not known.
            fields.skip(kind).map_err(|fault| place.rejected(fault))?;
        }
    }
    if of_v2 && !known {
        return Err(Rejected::OtherMessage);
    }
    Ok(())
}

/// The metric's name, where it is the first label of the series, as Prometheus sends it.
#[inline]
pub(super) fn leading_name(series: &[u8]) -> Option<&str> {
    let mut fields = Fields::new(series);
    let (1, Kind::Bytes) = fields.next().ok()?? else { return None };
    let (name, value) = label(fields.bytes().ok()?).ok()?;
    // An empty name is no name: the slow way says so.
    (name == NAME.as_bytes() && !value.is_empty()).then(|| std::str::from_utf8(value).ok())?
}

/// A `TimeSeries` taken apart: its labels as they stand on the wire, and the fields that follow.
#[derive(Debug)]
pub(super) struct Series<'a> {
    /// All `Label` fields, tags included. Empty labels give an empty block.
    pub(super) labels: &'a [u8],
    rest: Fields<'a>,
}

impl<'a> Series<'a> {
    /// Finds the end of the labels; `None` where labels stand between or after samples: see [`Series::gathered`].
    #[inline]
    pub(super) fn new(message: &'a [u8]) -> Result<Option<Self>, Malformed> {
        let mut rest = Fields::new(message);
        loop {
            rest.skip_run(1);
            let mut ahead = rest.clone();
            match ahead.next()? {
                // A label of 128 bytes or more.
                Some((1, Kind::Bytes)) => {
                    ahead.bytes()?;
                    rest = ahead;
                }
                Some((number @ 1, _)) => return Err(Malformed::FieldType { message: "TimeSeries", number }),
                _ => break,
            }
        }
        let labels = message.get(..rest.at()).unwrap_or_default();
        let mut later = rest.clone();
        while let Some((number, kind)) = later.next()? {
            later.skip(kind)?;
            if number == 1 {
                return Ok(None);
            }
        }
        Ok(Some(Self { labels, rest }))
    }

    /// Gathers labels that are scattered over the message.
    #[cold]
    pub(super) fn gathered(message: &'a [u8], scattered: &'a mut Vec<u8>) -> Result<Self, Malformed> {
        scattered.clear();
        let mut fields = Fields::new(message);
        let mut from = 0;
        while let Some((number, kind)) = fields.next()? {
            fields.skip(kind)?;
            if number == 1 {
                if kind != Kind::Bytes {
                    return Err(Malformed::FieldType { message: "TimeSeries", number });
                }
                scattered.extend_from_slice(message.get(from..fields.at()).unwrap_or_default());
            }
            from = fields.at();
        }
        Ok(Self { labels: scattered, rest: Fields::new(message) })
    }

    /// Calls `visit` with each sample; gives the number of native histograms passed over.
    #[inline]
    pub(super) fn each_sample(mut self, mut visit: impl FnMut(Sample)) -> Result<u64, Malformed> {
        let mut histograms = 0;
        while let Some((number, kind)) = self.rest.next()? {
            match (number, kind) {
                (2, Kind::Bytes) => visit(sample(self.rest.bytes()?)?),
                (4, Kind::Bytes) => {
                    histograms += 1;
                    self.rest.bytes()?;
                }
                // Exemplars are not kept.
                (3, Kind::Bytes) => self.rest.skip(kind)?,
                (2..=4, _) => return Err(Malformed::FieldType { message: "TimeSeries", number }),
                _ => self.rest.skip(kind)?,
            }
        }
        Ok(histograms)
    }
}

/// One `Sample` message. A field that is left out is zero.
#[inline]
fn sample(message: &[u8]) -> Result<Sample, Malformed> {
    let (mut value, mut at) = (0_u64, 0_u64);
    let mut fields = Fields::new(message);
    while let Some((number, kind)) = fields.next()? {
        match (number, kind) {
            (1, Kind::Fixed64) => value = fields.fixed64()?,
            (2, Kind::Varint) => at = fields.varint()?,
            (1 | 2, _) => return Err(Malformed::FieldType { message: "Sample", number }),
            _ => fields.skip(kind)?,
        }
    }
    Ok(Sample::new(Timestamp::from_millis(at.cast_signed()), f64::from_bits(value)))
}

/// How many samples a series holds that nobody reads. Samples stand at its end, 18 bytes each as Prometheus and nearly
/// everybody writes them: those are counted from behind. Where another one looks different (a value of zero is left out),
/// the fields are walked.
#[inline]
pub(super) fn count_samples(series: &[u8]) -> Result<u64, Malformed> {
    let mut rest = series;
    let mut count = 0;
    while let Some((before, [0x12, 0x10, 0x09, .., 0x10, _, _, _, _, _, last])) = rest.split_last_chunk::<18>()
        && *last < 0x80
    {
        rest = before;
        count += 1;
    }
    let zero_before = matches!(rest.last_chunk::<9>(), Some([0x12, 0x07, 0x10, ..]));
    if count > 0 && !zero_before { Ok(count) } else { walk_samples(series) }
}

fn walk_samples(series: &[u8]) -> Result<u64, Malformed> {
    let mut count = 0;
    let mut fields = Fields::new(series);
    while let Some((number, kind)) = fields.next()? {
        count += u64::from(number == 2);
        fields.skip(kind)?;
    }
    Ok(count)
}
