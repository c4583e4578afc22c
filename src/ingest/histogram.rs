//! Native histograms as both messages write them: whether one is sound, found out without building it.
//!
//! The rules are Prometheus's (`model/histogram`, `storage/remote`). They hold for a histogram of a series that nobody reads
//! too. Spans are summed, never spread out: a span of four thousand million buckets costs a sum.

use super::rejected::Malformed;
use super::wire::{Fields, Kind};
use crate::sample::STALE_BITS;
use crate::time::Timestamp;

/// Why a native histogram is not sound.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum HistogramFault {
    #[error("schema {0}, which is none of -4 to 52 and not -53")]
    Schema(i32),
    #[error("other buckets than its spans have places")]
    Spans,
    #[error("a span that begins before the one before it ends")]
    SpanOffset,
    #[error("a negative number of observations in a bucket")]
    NegativeBucket,
    #[error("a count that its buckets do not add up to")]
    Count,
    #[error("a negative count")]
    NegativeCount,
    #[error("bounds of its own, which its schema has no place for")]
    CustomValues,
    #[error("custom buckets and a zero bucket, a zero threshold, or a side below zero")]
    CustomSides,
    #[error("custom bounds that are too few, not increasing, or not finite")]
    CustomBounds,
}

/// Custom bucket boundaries.
const CUSTOM: i32 = -53;

/// What is gathered of one side.
#[derive(Debug, Default)]
struct Side {
    spans: u64,
    /// Buckets that the spans have places for, and those with the gaps between them.
    places: u64,
    reach: i64,
    begins_below: bool,
    overlaps: bool,
    deltas: Deltas,
    counts: u64,
    negative_counts: bool,
}

/// Buckets as differences from the one before.
#[derive(Debug, Default)]
struct Deltas {
    buckets: u64,
    last: i64,
    /// Observations in all; `None` where they can't be told in 64 bits.
    sum: Option<u64>,
    negative: bool,
}

impl Deltas {
    fn push(&mut self, delta: i64) {
        self.buckets += 1;
        let Some(count) = self.last.checked_add(delta) else {
            self.negative = true;
            return;
        };
        self.last = count;
        match u64::try_from(count) {
            Ok(count) if self.buckets == 1 => self.sum = Some(count),
            Ok(count) => self.sum = self.sum.and_then(|sum| sum.checked_add(count)),
            Err(_) => self.negative = true,
        }
    }

    fn sum(&self) -> Option<u64> {
        if self.buckets == 0 { Some(0) } else { self.sum }
    }
}

impl Side {
    fn span(&mut self, message: &[u8]) -> Result<(), Malformed> {
        let (mut offset, mut length) = (0_i64, 0_u32);
        let mut fields = Fields::new(message);
        while let Some((number, kind)) = fields.next()? {
            match (number, kind) {
                (1, Kind::Varint) => offset = i64::from(zigzag32(fields.varint()?)),
                (2, Kind::Varint) => length = low32(fields.varint()?),
                (1 | 2, _) => return Err(Malformed::FieldType { message: "BucketSpan", number }),
                _ => fields.skip(kind)?,
            }
        }
        self.begins_below |= self.spans == 0 && offset < 0;
        self.overlaps |= self.spans > 0 && offset < 0;
        self.spans += 1;
        self.places += u64::from(length);
        self.reach = self.reach.saturating_add(offset).saturating_add(i64::from(length));
        Ok(())
    }

    fn count(&mut self, count: f64) {
        self.counts += 1;
        self.negative_counts |= count < 0.0;
    }

    fn fault(&self, float: bool) -> Option<HistogramFault> {
        let (buckets, negative) =
            if float { (self.counts, self.negative_counts) } else { (self.deltas.buckets, self.deltas.negative) };
        if self.overlaps {
            Some(HistogramFault::SpanOffset)
        } else if self.places != buckets {
            Some(HistogramFault::Spans)
        } else if negative {
            Some(HistogramFault::NegativeBucket)
        } else {
            None
        }
    }
}

/// A count of observations: whole, or a float.
#[derive(Debug, Clone, Copy)]
enum Count {
    Whole(u64),
    Float(f64),
}

/// Looks a `Histogram` message through, and gives its time; the inner error is the histogram's own.
pub(super) fn check(message: &[u8]) -> Result<Result<Timestamp, HistogramFault>, Malformed> {
    let mut count = Count::Whole(0);
    let mut zero = Count::Whole(0);
    let (mut sum, mut schema, mut threshold, mut at) = (0_u64, 0_i32, 0_f64, 0_u64);
    let (mut negative, mut positive) = (Side::default(), Side::default());
    let mut bounds = Bounds::default();
    let mut fields = Fields::new(message);
    while let Some((number, kind)) = fields.next()? {
        match (number, kind) {
            (1, Kind::Varint) => count = Count::Whole(fields.varint()?),
            (2, Kind::Fixed64) => count = Count::Float(f64::from_bits(fields.fixed64()?)),
            (3, Kind::Fixed64) => sum = fields.fixed64()?,
            (4, Kind::Varint) => schema = zigzag32(fields.varint()?),
            (5, Kind::Fixed64) => threshold = f64::from_bits(fields.fixed64()?),
            (6, Kind::Varint) => zero = Count::Whole(fields.varint()?),
            (7, Kind::Fixed64) => zero = Count::Float(f64::from_bits(fields.fixed64()?)),
            (8, Kind::Bytes) => negative.span(fields.bytes()?)?,
            (9, _) => varints(&mut fields, kind, number, |delta| negative.deltas.push(zigzag(delta)))?,
            (10, _) => doubles(&mut fields, kind, number, |count| negative.count(count))?,
            (11, Kind::Bytes) => positive.span(fields.bytes()?)?,
            (12, _) => varints(&mut fields, kind, number, |delta| positive.deltas.push(zigzag(delta)))?,
            (13, _) => doubles(&mut fields, kind, number, |count| positive.count(count))?,
            // Whether the count began anew: of no use yet.
            (14, Kind::Varint) => _ = fields.varint()?,
            (15, Kind::Varint) => at = fields.varint()?,
            (16, _) => doubles(&mut fields, kind, number, |bound| bounds.push(bound))?,
            (1..=8 | 11 | 14 | 15, _) => return Err(Malformed::FieldType { message: "Histogram", number }),
            _ => fields.skip(kind)?,
        }
    }
    let at = Timestamp::from_millis(at.cast_signed());
    // A staleness marker ends the series and has nothing to count.
    if sum == STALE_BITS {
        return Ok(Ok(at));
    }
    let fault = schema_fault(schema, threshold, zero, &negative, &positive, &bounds)
        .or_else(|| negative.fault(matches!(count, Count::Float(_))))
        .or_else(|| positive.fault(matches!(count, Count::Float(_))))
        .or_else(|| count_fault(count, zero, f64::from_bits(sum), &negative, &positive));
    Ok(fault.map_or(Ok(at), Err))
}

fn schema_fault(
    schema: i32,
    threshold: f64,
    zero: Count,
    negative: &Side,
    positive: &Side,
    bounds: &Bounds,
) -> Option<HistogramFault> {
    match schema {
        // 9 to 52 are set aside for finer ones, and read as 8.
        -4..=52 => (bounds.count > 0).then_some(HistogramFault::CustomValues),
        CUSTOM => {
            let zero_bucket = matches!(zero, Count::Whole(1..)) || matches!(zero, Count::Float(count) if count != 0.0);
            if zero_bucket
                || threshold != 0.0
                || negative.spans + negative.deltas.buckets + negative.counts > 0
                || positive.begins_below
            {
                return Some(HistogramFault::CustomSides);
            }
            // The last bucket reaches to infinity without a bound of its own.
            let enough = u64::try_from(positive.reach).is_ok_and(|reach| reach <= bounds.count + 1);
            (bounds.faulty || !enough).then_some(HistogramFault::CustomBounds)
        }
        other => Some(HistogramFault::Schema(other)),
    }
}

fn count_fault(count: Count, zero: Count, sum: f64, negative: &Side, positive: &Side) -> Option<HistogramFault> {
    match count {
        Count::Whole(count) => {
            let zero = match zero {
                Count::Whole(zero) => zero,
                Count::Float(_) => 0,
            };
            let sides = negative.deltas.sum().zip(positive.deltas.sum());
            let buckets = sides.and_then(|(negative, positive)| zero.checked_add(negative)?.checked_add(positive));
            let right = match buckets {
                // Observations of NaN are in no bucket.
                Some(buckets) if sum.is_nan() => buckets <= count,
                Some(buckets) => buckets == count,
                None => false,
            };
            (!right).then_some(HistogramFault::Count)
        }
        Count::Float(count) => {
            let zero = if let Count::Float(zero) = zero { zero } else { 0.0 };
            (count < 0.0 || zero < 0.0).then_some(HistogramFault::NegativeCount)
        }
    }
}

/// Bounds of custom buckets.
#[derive(Debug, Default)]
struct Bounds {
    count: u64,
    last: Option<f64>,
    faulty: bool,
}

impl Bounds {
    fn push(&mut self, bound: f64) {
        self.count += 1;
        let increasing = self.last.is_none_or(|last| bound > last);
        self.faulty |= bound.is_nan() || bound == f64::INFINITY || !increasing;
        self.last = Some(bound);
    }
}

fn zigzag(value: u64) -> i64 {
    (value >> 1).cast_signed() ^ -((value & 1).cast_signed())
}

#[allow(clippy::cast_possible_truncation, reason = "protobuf keeps the low half of a number that is too long")]
fn low32(value: u64) -> u32 {
    value as u32
}

fn zigzag32(value: u64) -> i32 {
    let value = low32(value);
    (value >> 1).cast_signed() ^ -((value & 1).cast_signed())
}

/// A repeated number, packed or not.
fn varints(fields: &mut Fields<'_>, kind: Kind, number: u32, mut visit: impl FnMut(u64)) -> Result<(), Malformed> {
    match kind {
        Kind::Varint => visit(fields.varint()?),
        Kind::Bytes => {
            let mut packed = Fields::new(fields.bytes()?);
            while !packed.is_empty() {
                visit(packed.varint()?);
            }
        }
        _ => return Err(Malformed::FieldType { message: "Histogram", number }),
    }
    Ok(())
}

fn doubles(fields: &mut Fields<'_>, kind: Kind, number: u32, mut visit: impl FnMut(f64)) -> Result<(), Malformed> {
    match kind {
        Kind::Fixed64 => visit(f64::from_bits(fields.fixed64()?)),
        Kind::Bytes => {
            let mut packed = Fields::new(fields.bytes()?);
            while !packed.is_empty() {
                visit(f64::from_bits(packed.fixed64()?));
            }
        }
        _ => return Err(Malformed::FieldType { message: "Histogram", number }),
    }
    Ok(())
}
