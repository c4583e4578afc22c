//! What stands in a `TimeSeries` beside its labels, in both messages.

use super::histogram;
use super::rejected::{Fault, Malformed};
use super::wire::{Fields, Kind};
use crate::sample::Sample;
use crate::time::Timestamp;

/// The numbers of the fields of a `TimeSeries`. Labels (or references to them) are field 1 and samples field 2 in both.
#[derive(Debug)]
pub(super) struct Shape {
    pub(super) exemplars: u32,
    pub(super) histograms: u32,
    /// 0 where there is none.
    pub(super) metadata: u32,
}

pub(super) const V1: Shape = Shape { exemplars: 3, histograms: 4, metadata: 0 };
pub(super) const V2: Shape = Shape { exemplars: 4, histograms: 3, metadata: 5 };

/// One part of a series that is not a sample.
#[derive(Debug, Clone, Copy)]
pub(super) enum Part<'a> {
    Exemplar(&'a [u8]),
    Histogram(&'a [u8]),
}

/// How many of each a series holds.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Counted {
    pub(super) samples: u64,
    pub(super) histograms: u64,
    pub(super) exemplars: u64,
}

impl Counted {
    pub(super) const ONE_SAMPLE: Self = Self { samples: 1, histograms: 0, exemplars: 0 };
}

/// How an exemplar of one of the messages is looked through; the inner error is its own.
pub(super) type Exemplar<'e, 'a> = &'e dyn Fn(&'a [u8]) -> Result<Result<Timestamp, Fault>, Malformed>;

/// Counts what a series holds that is turned away. Its parts are walked to the end: what is malformed costs the whole request,
/// whatever else is wrong with the series.
pub(super) fn count<'a>(fields: Fields<'a>, shape: &Shape, exemplar: Exemplar<'_, 'a>) -> Result<Counted, Malformed> {
    let mut counted = Counted::default();
    counted.samples = walk(fields, shape, |part| match part {
        Part::Histogram(message) => {
            counted.histograms += 1;
            histogram::check(message).map(|_| ())
        }
        Part::Exemplar(message) => {
            counted.exemplars += 1;
            exemplar(message).map(|_| ())
        }
    })?;
    Ok(counted)
}

/// Walks the fields of a series to their end, and gives the number of samples. Each sample is looked at, so that
/// [`each_sample`] meets nothing that is malformed.
pub(super) fn walk<'a>(
    mut fields: Fields<'a>,
    shape: &Shape,
    mut visit: impl FnMut(Part<'a>) -> Result<(), Malformed>,
) -> Result<u64, Malformed> {
    let mut samples = 0;
    while let Some((number, kind)) = fields.next()? {
        match kind {
            Kind::Bytes if number == 2 => {
                sample(fields.bytes()?)?;
                samples += 1;
            }
            Kind::Bytes if number == shape.exemplars => visit(Part::Exemplar(fields.bytes()?))?,
            Kind::Bytes if number == shape.histograms => visit(Part::Histogram(fields.bytes()?))?,
            Kind::Bytes if number == shape.metadata => fields.skip(kind)?,
            _ if number == 2 || number == shape.exemplars || number == shape.histograms || number == shape.metadata => {
                return Err(Malformed::FieldType { message: "TimeSeries", number });
            }
            _ => fields.skip(kind)?,
        }
    }
    Ok(samples)
}

/// Calls `visit` with each sample of fields that [`walk`] has been over.
#[inline]
pub(super) fn each_sample(part: &[u8], mut visit: impl FnMut(Sample)) {
    if let Some((sample, [])) = leading_sample(part) {
        return visit(sample);
    }
    let mut fields = Fields::new(part);
    while let Ok(Some((number, kind))) = fields.next() {
        let sound = match (number, kind) {
            (2, Kind::Bytes) => fields.bytes().and_then(sample).map(&mut visit),
            _ => fields.skip(kind),
        };
        if sound.is_err() {
            return;
        }
    }
}

/// Bytes of a sample's field as nearly every one looks: a value, and a time between 1971 and 2109; and where the value is
/// zero, and left out.
const SAMPLE_BYTES: usize = 18;
const ZERO_BYTES: usize = 9;

/// The sample at the beginning of these fields, where it looks as nearly every one does, and what follows it.
#[inline]
pub(super) fn leading_sample(fields: &[u8]) -> Option<(Sample, &[u8])> {
    if let Some((field, rest)) = fields.split_first_chunk::<SAMPLE_BYTES>()
        && let [0x12, 0x10, 0x09, value @ .., _, _, _, _, _, _, _] = field
        && let Some(at) = field.last_chunk().and_then(|tail| usual_time(*tail))
    {
        return Some((Sample::new(at, f64::from_bits(u64::from_le_bytes(*value))), rest));
    }
    leading_zero(fields)
}

#[inline]
fn leading_zero(fields: &[u8]) -> Option<(Sample, &[u8])> {
    let (field, rest) = fields.split_first_chunk::<ZERO_BYTES>()?;
    let [0x12, 0x07, ..] = field else { return None };
    let at = usual_time(*field.last_chunk()?)?;
    Some((Sample::new(at, 0.0), rest))
}

/// The time in the last eight bytes of a sample's field: one that is passed over, the tag, and six bytes of which all but the
/// last go on.
#[inline]
fn usual_time(tail: [u8; 8]) -> Option<Timestamp> {
    let word = u64::from_le_bytes(tail);
    if word & 0x8080_8080_8080_ff00 != 0x0080_8080_8080_1000 {
        return None;
    }
    let seven = |shift: u32| word >> shift & 0x7f;
    let at = seven(16) | seven(24) << 7 | seven(32) << 14 | seven(40) << 21 | seven(48) << 28 | seven(56) << 35;
    Some(Timestamp::from_millis(at.cast_signed()))
}

/// The sample that a series of remote write 1.0 ends with, where it looks as nearly every one does.
#[inline]
pub(super) fn trailing_sample(series: &[u8]) -> Option<(&[u8], Sample)> {
    if let Some((before, field)) = series.split_last_chunk::<SAMPLE_BYTES>()
        && field[1] == 0x10
        && let Some((sample, [])) = leading_sample(field)
    {
        return Some((before, sample));
    }
    let (before, field) = series.split_last_chunk::<ZERO_BYTES>()?;
    Some((before, leading_zero(field)?.0))
}

/// The newest of the samples that a series of remote write 1.0 ends with, and how many those are.
#[inline]
pub(super) fn newest_of_trailing(series: &[u8]) -> Option<(Timestamp, u64)> {
    let (mut rest, last) = trailing_sample(series)?;
    let (mut newest, mut count) = (last.at, 1);
    while let Some((before, sample)) = trailing_sample(rest) {
        (rest, newest, count) = (before, newest.max(sample.at), count + 1);
    }
    Some((newest, count))
}

/// How many samples a series of remote write 1.0 ends with, where they look as nearly everybody writes them: counted from behind.
/// Where there is none, the series has to be walked.
#[inline]
pub(super) fn trailing_samples(series: &[u8]) -> u64 {
    let mut rest = series;
    let mut count = 0;
    while let Some((before, _)) = trailing_sample(rest) {
        rest = before;
        count += 1;
    }
    count
}

/// One `Sample` message. A field that is left out is zero; when it began counting (`start_timestamp`, 3) is not used yet.
#[inline]
pub(super) fn sample(message: &[u8]) -> Result<Sample, Malformed> {
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
