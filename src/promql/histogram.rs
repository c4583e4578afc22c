//! Quantiles of classic histograms: series with a label `le`, the upper bound of what they count.

use std::cmp::Ordering;

use super::frame::{Frame, Interner, Keys, Memo, Point, Slot, slot};
use super::plan::{Instant, Scalar};
use super::{Context, EvalError};

/// The label with a bucket's upper bound.
const BOUND: &str = "le";

/// Falls and rises between buckets below this share are rounding of the rates before, not observations.
const ROUNDING: f64 = 1e-12;

/// `histogram_quantile`.
#[derive(Debug, Clone)]
pub(super) struct HistogramQuantile {
    pub(super) q: Scalar,
    pub(super) input: Instant,
    pub(super) layout: Memo<1, Layout>,
}

/// Which series are the buckets of which histogram.
#[derive(Debug, Default)]
pub(super) struct Layout {
    /// All buckets, histogram by histogram, with rising bounds.
    buckets: Vec<Place>,
    /// The labels of each histogram.
    keys: Keys,
}

/// A bucket's place in the layout.
#[derive(Debug, Clone, Copy)]
struct Place {
    histogram: Slot,
    bound: f64,
    slot: Slot,
}

/// Observations up to a bound, those of the buckets below included.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Bucket {
    bound: f64,
    count: f64,
}

impl HistogramQuantile {
    pub(super) fn eval(&mut self, cx: &mut Context<'_>) -> Result<Frame, EvalError> {
        let q = self.q.eval(cx)?;
        let input = self.input.eval(cx)?;
        let layout = &*self.layout.get([&input.keys], || Layout::new(&input.keys));
        let mut counts = vec![None; input.keys.len()];
        for point in &input.points {
            counts[point.slot as usize] = Some(point.value);
        }
        cx.recycle(input);
        let mut points = cx.points();
        let mut buckets = Vec::new();
        for places in layout.buckets.chunk_by(|one, other| one.histogram == other.histogram) {
            buckets.clear();
            buckets.extend(
                places
                    .iter()
                    .filter_map(|place| counts[place.slot as usize].map(|count| Bucket { bound: place.bound, count })),
            );
            if !buckets.is_empty() {
                points.push(Point { slot: places[0].histogram, value: bucket_quantile(q, &mut buckets) });
            }
        }
        Ok(Frame { keys: Keys::clone(&layout.keys), points })
    }
}

impl Layout {
    /// Series without a readable bound belong to no histogram.
    fn new(keys: &Keys) -> Self {
        let mut interner = Interner::default();
        let without_bound = [BOUND.to_owned()];
        let mut buckets = Vec::new();
        for (at, labels) in keys.iter().enumerate() {
            if let Some(bound) = labels.get(BOUND).and_then(bound) {
                let histogram = interner.slot(labels.without(&without_bound));
                buckets.push(Place { histogram, bound, slot: slot(at) });
            }
        }
        buckets.sort_by(|one, other| one.histogram.cmp(&other.histogram).then(one.bound.total_cmp(&other.bound)));
        Self { buckets, keys: interner.keys() }
    }
}

/// Reads a bound as Go reads floats: decimal, `Inf` in any case and with a sign, hexadecimal with a binary exponent.
fn bound(text: &str) -> Option<f64> {
    let plain: Option<f64> = text.parse().ok();
    plain.or_else(|| hexadecimal(text)).filter(|bound| !bound.is_nan())
}

/// `0x1.8p3`: hexadecimal digits times a power of two.
fn hexadecimal(text: &str) -> Option<f64> {
    let (sign, digits) = match text.strip_prefix('-') {
        Some(rest) => (-1.0, rest),
        None => (1.0, text.strip_prefix('+').unwrap_or(text)),
    };
    let digits = digits.strip_prefix("0x").or_else(|| digits.strip_prefix("0X"))?;
    let (mantissa, exponent) = digits.split_once(['p', 'P'])?;
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    if whole.is_empty() && fraction.is_empty() {
        return None;
    }
    let mut value = 0.0;
    for digit in whole.chars().chain(fraction.chars()) {
        value = value * 16.0 + f64::from(digit.to_digit(16)?);
    }
    let exponent: i32 = exponent.parse().ok()?;
    let scale = exponent.saturating_sub(i32::try_from(fraction.len()).ok()?.saturating_mul(4));
    Some(sign * value * 2.0_f64.powi(scale))
}

/// The `q`-quantile of buckets with rising bounds, linear inside a bucket.
fn bucket_quantile(q: f64, buckets: &mut Vec<Bucket>) -> f64 {
    if q.is_nan() {
        return f64::NAN;
    }
    if q < 0.0 {
        return f64::NEG_INFINITY;
    }
    if q > 1.0 {
        return f64::INFINITY;
    }
    if buckets.last().is_none_or(|last| last.bound != f64::INFINITY) {
        return f64::NAN;
    }
    join_equal_bounds(buckets);
    let [lower @ .., _] = buckets.as_slice() else { return f64::NAN };
    if lower.is_empty() {
        return f64::NAN;
    }
    lift_falls(buckets);
    interpolate(q, buckets)
}

fn interpolate(q: f64, buckets: &[Bucket]) -> f64 {
    let [lower @ .., all] = buckets else { return f64::NAN };
    let Some(highest) = lower.last() else { return f64::NAN };
    if all.count == 0.0 {
        return f64::NAN;
    }
    let rank = q * all.count;
    // A count that is not a number never reaches the rank.
    let at = lower.partition_point(|bucket| bucket.count.partial_cmp(&rank).is_none_or(Ordering::is_lt));
    let Some(bucket) = lower.get(at) else { return highest.bound };
    let below = match at.checked_sub(1) {
        Some(below) => lower[below],
        // A lowest bucket below zero has no other end to measure from.
        None if bucket.bound <= 0.0 => return bucket.bound,
        None => Bucket { bound: 0.0, count: 0.0 },
    };
    below.bound + (bucket.bound - below.bound) * ((rank - below.count) / (bucket.count - below.count))
}

/// Buckets written in two ways (`1` and `1.0`) are one.
fn join_equal_bounds(buckets: &mut Vec<Bucket>) {
    buckets.dedup_by(|next, kept| {
        let same = next.bound == kept.bound;
        if same {
            kept.count += next.count;
        }
        same
    });
}

/// Counts never fall from one bucket to the next, save for scrapes that catch a histogram half-written.
fn lift_falls(buckets: &mut [Bucket]) {
    let Some(first) = buckets.first() else { return };
    let mut highest = first.count;
    for bucket in buckets {
        if bucket.count < highest || nearly(bucket.count, highest) {
            bucket.count = highest;
        } else {
            highest = bucket.count;
        }
    }
}

/// Whether two counts differ by rounding only.
fn nearly(one: f64, other: f64) -> bool {
    let difference = (one - other).abs();
    let sum = one.abs() + other.abs();
    if one == 0.0 || other == 0.0 || sum < f64::MIN_POSITIVE {
        return difference < ROUNDING * f64::MIN_POSITIVE;
    }
    difference / sum.min(f64::MAX) < ROUNDING
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(q: f64, buckets: &[(f64, f64)], want: f64) {
        let mut buckets = buckets.iter().map(|&(bound, count)| Bucket { bound, count }).collect();
        let got = bucket_quantile(q, &mut buckets);
        assert!(got == want || (got.is_nan() && want.is_nan()), "{got} is not {want}");
    }

    const INF: f64 = f64::INFINITY;
    const NAN: f64 = f64::NAN;

    #[test]
    fn quantiles_are_linear_inside_a_bucket() {
        check(0.5, &[(1.0, 10.0), (2.0, 20.0), (INF, 20.0)], 1.0);
        check(0.75, &[(1.0, 10.0), (2.0, 20.0), (INF, 20.0)], 1.5);
        check(0.25, &[(1.0, 10.0), (2.0, 20.0), (INF, 20.0)], 0.5);
    }

    #[test]
    fn the_open_bucket_gives_the_bound_below_it() {
        check(0.99, &[(1.0, 10.0), (2.0, 20.0), (INF, 40.0)], 2.0);
    }

    #[test]
    fn a_lowest_bucket_below_zero_gives_its_bound() {
        check(0.1, &[(-1.0, 10.0), (2.0, 20.0), (INF, 20.0)], -1.0);
        check(0.1, &[(0.0, 10.0), (2.0, 20.0), (INF, 20.0)], 0.0);
    }

    #[test]
    fn what_is_no_histogram_gives_nan() {
        check(0.5, &[(1.0, 10.0), (2.0, 20.0)], NAN);
        check(0.5, &[(INF, 10.0)], NAN);
        check(0.5, &[(INF, 10.0), (INF, 10.0)], NAN);
        check(0.5, &[(1.0, 0.0), (INF, 0.0)], NAN);
        check(NAN, &[(1.0, 1.0), (INF, 1.0)], NAN);
        // An empty first bucket at the zeroth quantile: nothing of nothing.
        check(0.0, &[(1.0, 0.0), (2.0, 5.0), (INF, 5.0)], NAN);
    }

    #[test]
    fn quantiles_outside_of_the_unit_are_infinite() {
        check(-0.1, &[(1.0, 1.0), (INF, 1.0)], f64::NEG_INFINITY);
        check(1.1, &[(1.0, 1.0), (INF, 1.0)], INF);
    }

    #[test]
    fn equal_bounds_are_summed_and_falls_are_lifted() {
        check(0.5, &[(1.0, 5.0), (1.0, 5.0), (2.0, 20.0), (INF, 20.0)], 1.0);
        check(0.75, &[(1.0, 10.0), (2.0, 8.0), (3.0, 20.0), (INF, 20.0)], 2.5);
    }

    #[test]
    fn bounds_are_read_as_go_reads_them() {
        for (text, want) in
            [("0.5", 0.5), ("inf", INF), ("+Inf", INF), ("1e3", 1000.0), ("0x1p0", 1.0), ("-0x1.8p1", -3.0)]
        {
            assert_eq!(bound(text), Some(want), "{text}");
        }
        for text in ["", "NaN", "x", "0x", "0xp1", "0x1"] {
            assert_eq!(bound(text), None, "{text}");
        }
    }
}
