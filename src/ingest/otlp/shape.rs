//! The shape of the messages: whether a body is sound to its last byte, found out before anything of it is used.
//!
//! Whoever reads a body that has passed [`check`] meets nothing that is malformed, and takes what is left out as zero.

use super::super::rejected::{Malformed, Rejected};
use super::super::wire::{Fields, Kind};

/// Messages within messages: values of attributes may be lists of lists. Protobuf's own readers stop at a hundred, too.
const DEPTH_MAX: usize = 100;

/// What a field holds. Fields that are not named here are passed over.
#[derive(Debug)]
enum Field {
    Varint,
    Fixed64,
    Bytes,
    /// Repeated numbers, packed or not.
    Varints,
    Fixed64s,
    /// The same, each of which makes a series.
    Bounds,
    Message(&'static Shape),
}

/// A message.
#[derive(Debug)]
struct Shape {
    name: &'static str,
    /// Series that one makes at least.
    series: usize,
    fields: &'static [(u32, Field)],
}

const fn shape(name: &'static str, fields: &'static [(u32, Field)]) -> Shape {
    Shape { name, series: 0, fields }
}

static REQUEST: Shape = shape("ExportMetricsServiceRequest", &[(1, Field::Message(&RESOURCE_METRICS))]);
static RESOURCE_METRICS: Shape =
    shape("ResourceMetrics", &[(1, Field::Message(&RESOURCE)), (2, Field::Message(&SCOPE_METRICS)), (3, Field::Bytes)]);
static RESOURCE: Shape = shape("Resource", &[(1, Field::Message(&KEY_VALUE)), (2, Field::Varint)]);
static SCOPE_METRICS: Shape =
    shape("ScopeMetrics", &[(1, Field::Message(&SCOPE)), (2, Field::Message(&METRIC)), (3, Field::Bytes)]);
static SCOPE: Shape = shape(
    "InstrumentationScope",
    &[(1, Field::Bytes), (2, Field::Bytes), (3, Field::Message(&KEY_VALUE)), (4, Field::Varint)],
);
static KEY_VALUE: Shape = shape("KeyValue", &[(1, Field::Bytes), (2, Field::Message(&ANY_VALUE))]);
static ANY_VALUE: Shape = shape(
    "AnyValue",
    &[
        (1, Field::Bytes),
        (2, Field::Varint),
        (3, Field::Varint),
        (4, Field::Fixed64),
        (5, Field::Message(&ARRAY)),
        (6, Field::Message(&LIST)),
        (7, Field::Bytes),
    ],
);
static ARRAY: Shape = shape("ArrayValue", &[(1, Field::Message(&ANY_VALUE))]);
static LIST: Shape = shape("KeyValueList", &[(1, Field::Message(&KEY_VALUE))]);
static METRIC: Shape = shape(
    "Metric",
    &[
        (1, Field::Bytes),
        (2, Field::Bytes),
        (3, Field::Bytes),
        (5, Field::Message(&GAUGE)),
        (7, Field::Message(&SUM)),
        (9, Field::Message(&HISTOGRAM)),
        (10, Field::Message(&EXPONENTIAL)),
        (11, Field::Message(&SUMMARY)),
        (12, Field::Message(&KEY_VALUE)),
    ],
);
static GAUGE: Shape = shape("Gauge", &[(1, Field::Message(&NUMBER_POINT))]);
static SUM: Shape = shape("Sum", &[(1, Field::Message(&NUMBER_POINT)), (2, Field::Varint), (3, Field::Varint)]);
static HISTOGRAM: Shape = shape("Histogram", &[(1, Field::Message(&HISTOGRAM_POINT)), (2, Field::Varint)]);
static EXPONENTIAL: Shape =
    shape("ExponentialHistogram", &[(1, Field::Message(&EXPONENTIAL_POINT)), (2, Field::Varint)]);
static SUMMARY: Shape = shape("Summary", &[(1, Field::Message(&SUMMARY_POINT))]);
static NUMBER_POINT: Shape = Shape {
    name: "NumberDataPoint",
    series: 1,
    fields: &[
        (2, Field::Fixed64),
        (3, Field::Fixed64),
        (4, Field::Fixed64),
        (5, Field::Message(&EXEMPLAR)),
        (6, Field::Fixed64),
        (7, Field::Message(&KEY_VALUE)),
        (8, Field::Varint),
    ],
};
static HISTOGRAM_POINT: Shape = Shape {
    name: "HistogramDataPoint",
    // Sum, count, and the bucket that has no bound.
    series: 3,
    fields: &[
        (2, Field::Fixed64),
        (3, Field::Fixed64),
        (4, Field::Fixed64),
        (5, Field::Fixed64),
        (6, Field::Fixed64s),
        (7, Field::Bounds),
        (8, Field::Message(&EXEMPLAR)),
        (9, Field::Message(&KEY_VALUE)),
        (10, Field::Varint),
        (11, Field::Fixed64),
        (12, Field::Fixed64),
    ],
};
static EXPONENTIAL_POINT: Shape = Shape {
    name: "ExponentialHistogramDataPoint",
    series: 1,
    fields: &[
        (1, Field::Message(&KEY_VALUE)),
        (2, Field::Fixed64),
        (3, Field::Fixed64),
        (4, Field::Fixed64),
        (5, Field::Fixed64),
        (6, Field::Varint),
        (7, Field::Fixed64),
        (8, Field::Message(&BUCKETS)),
        (9, Field::Message(&BUCKETS)),
        (10, Field::Varint),
        (11, Field::Message(&EXEMPLAR)),
        (12, Field::Fixed64),
        (13, Field::Fixed64),
        (14, Field::Fixed64),
    ],
};
static BUCKETS: Shape = shape("Buckets", &[(1, Field::Varint), (2, Field::Varints)]);
static SUMMARY_POINT: Shape = Shape {
    name: "SummaryDataPoint",
    // Sum and count.
    series: 2,
    fields: &[
        (2, Field::Fixed64),
        (3, Field::Fixed64),
        (4, Field::Fixed64),
        (5, Field::Fixed64),
        (6, Field::Message(&QUANTILE)),
        (7, Field::Message(&KEY_VALUE)),
        (8, Field::Varint),
    ],
};
static QUANTILE: Shape =
    Shape { name: "ValueAtQuantile", series: 1, fields: &[(1, Field::Fixed64), (2, Field::Fixed64)] };
static EXEMPLAR: Shape = shape(
    "Exemplar",
    &[
        (2, Field::Fixed64),
        (3, Field::Fixed64),
        (4, Field::Bytes),
        (5, Field::Bytes),
        (6, Field::Fixed64),
        (7, Field::Message(&KEY_VALUE)),
    ],
);

/// Walks a body to its end, and counts the series that it makes.
pub(super) fn check(body: &[u8], series_max: usize) -> Result<(), Rejected> {
    let mut series = 0;
    walk(body, &REQUEST, DEPTH_MAX, &mut series).map_err(Rejected::MalformedOtlp)?;
    if series > series_max { Err(Rejected::TooManyPoints(series_max)) } else { Ok(()) }
}

fn walk(message: &[u8], shape: &'static Shape, depth: usize, series: &mut usize) -> Result<(), Malformed> {
    let depth = depth.checked_sub(1).ok_or(Malformed::TooDeep)?;
    *series += shape.series;
    let mut fields = Fields::new(message);
    while let Some((number, kind)) = fields.next()? {
        let Some((_, field)) = shape.fields.iter().find(|(own, _)| *own == number) else {
            fields.skip(kind)?;
            continue;
        };
        match (field, kind) {
            (Field::Message(shape), Kind::Bytes) => walk(fields.bytes()?, shape, depth, series)?,
            (Field::Varint | Field::Varints, Kind::Varint)
            | (Field::Fixed64 | Field::Fixed64s, Kind::Fixed64)
            | (Field::Bytes, Kind::Bytes) => fields.skip(kind)?,
            (Field::Bounds, Kind::Fixed64) => {
                *series += 1;
                fields.skip(kind)?;
            }
            (Field::Varints, Kind::Bytes) => {
                let mut packed = Fields::new(fields.bytes()?);
                while !packed.is_empty() {
                    packed.varint()?;
                }
            }
            (Field::Fixed64s | Field::Bounds, Kind::Bytes) => {
                let packed = fields.bytes()?;
                if !packed.len().is_multiple_of(8) {
                    return Err(Malformed::Truncated);
                }
                *series += if matches!(field, Field::Bounds) { packed.len() / 8 } else { 0 };
            }
            _ => return Err(Malformed::FieldType { message: shape.name, number }),
        }
    }
    Ok(())
}

/// Calls `visit` with each message of a repeated field.
pub(super) fn each<'a>(message: &'a [u8], number: u32, mut visit: impl FnMut(&'a [u8])) {
    fields(message, |own, fields, kind| match kind {
        Kind::Bytes if own == number => fields.bytes().map(&mut visit),
        _ => fields.skip(kind),
    });
}

/// The last field of this number that holds bytes.
pub(super) fn bytes(message: &[u8], number: u32) -> &[u8] {
    let mut last: &[u8] = &[];
    each(message, number, |bytes| last = bytes);
    last
}

/// Calls `visit` with each field, whose value it reads or skips.
pub(super) fn fields<'a>(
    message: &'a [u8],
    mut visit: impl FnMut(u32, &mut Fields<'a>, Kind) -> Result<(), Malformed>,
) {
    let mut fields = Fields::new(message);
    while let Ok(Some((number, kind))) = fields.next() {
        // What is malformed has been found by `check`.
        if visit(number, &mut fields, kind).is_err() {
            return;
        }
    }
}

/// Adds the numbers of one field of a repeated `fixed64` to a list, whether or not they are packed.
pub(super) fn fixed64s(fields: &mut Fields<'_>, kind: Kind, list: &mut Vec<u64>) -> Result<(), Malformed> {
    if kind == Kind::Fixed64 {
        list.push(fields.fixed64()?);
    } else {
        let (words, _) = fields.bytes()?.as_chunks::<8>();
        list.extend(words.iter().map(|word| u64::from_le_bytes(*word)));
    }
    Ok(())
}
