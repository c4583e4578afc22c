//! When a native histogram is sound, spelled out over the whole message.

use super::NOW;
use crate::proto::histogram::{Count, ZeroCount};
use crate::proto::{BucketSpan, Histogram};
use crate::sample::STALE_BITS;

/// Whether a histogram is sound, spelled out over the message.
pub(super) fn is_sound(histogram: &Histogram) -> bool {
    if histogram.sum.to_bits() == STALE_BITS {
        return histogram.timestamp <= NOW.as_millis() + 600_000;
    }
    let float = matches!(histogram.count, Some(Count::CountFloat(_)));
    let places = |spans: &[BucketSpan]| spans.iter().map(|span| u64::from(span.length)).sum::<u64>();
    let side = |spans: &[BucketSpan], deltas: &[i64], counts: &[f64]| {
        let forwards = spans.iter().skip(1).all(|span| span.offset >= 0);
        if float {
            return (forwards && places(spans) == counts.len() as u64 && !counts.iter().any(|count| *count < 0.0))
                .then_some(0_u128);
        }
        let mut last = 0_i128;
        let buckets: Option<Vec<u128>> = deltas
            .iter()
            .map(|delta| {
                last += i128::from(*delta);
                u64::try_from(last).ok().filter(|count| i64::try_from(*count).is_ok()).map(u128::from)
            })
            .collect();
        let sum = buckets?.iter().sum();
        (forwards && places(spans) == deltas.len() as u64).then_some(sum)
    };
    let negative = side(&histogram.negative_spans, &histogram.negative_deltas, &histogram.negative_counts);
    let positive = side(&histogram.positive_spans, &histogram.positive_deltas, &histogram.positive_counts);
    let (Some(negative), Some(positive)) = (negative, positive) else { return false };
    let zero_whole = if let Some(ZeroCount::ZeroCountInt(zero)) = histogram.zero_count { zero } else { 0 };
    let zero_float = if let Some(ZeroCount::ZeroCountFloat(zero)) = histogram.zero_count { zero } else { 0.0 };
    let counts = match histogram.count {
        Some(Count::CountFloat(count)) => ![count, zero_float].iter().any(|count| *count < 0.0),
        count => {
            let count = if let Some(Count::CountInt(count)) = count { count } else { 0 };
            let buckets = negative + positive + u128::from(zero_whole);
            if histogram.sum.is_nan() { buckets <= u128::from(count) } else { buckets == u128::from(count) }
        }
    };
    let schema = match histogram.schema {
        -4..=52 => histogram.custom_values.is_empty(),
        -53 => {
            let bounds = &histogram.custom_values;
            let reach: i128 =
                histogram.positive_spans.iter().map(|span| i128::from(span.offset) + i128::from(span.length)).sum();
            zero_whole == 0
                && zero_float == 0.0
                && histogram.zero_threshold == 0.0
                && histogram.negative_spans.is_empty()
                && histogram.negative_deltas.is_empty()
                && histogram.negative_counts.is_empty()
                && histogram.positive_spans.first().is_none_or(|span| span.offset >= 0)
                && bounds.iter().all(|bound| !bound.is_nan() && *bound != f64::INFINITY)
                && bounds.is_sorted_by(|one, next| one < next)
                && reach <= bounds.len() as i128 + 1
        }
        _ => false,
    };
    counts && schema && histogram.timestamp <= NOW.as_millis() + 600_000
}
