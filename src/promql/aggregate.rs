//! Aggregation: many series of a group become one number, or the best few of them stay.

use std::cmp::Ordering;

use super::frame::{Frame, Grown, Interner, Keys, Point, Slot, slot};
use super::grouping::Grouping;
use super::plan::{Instant, Scalar};
use super::quantile::quantile;
use super::sums::{Mean, Sum, Variance};
use super::{Context, EvalError};

/// `sum by (app) (…)` and its like.
#[derive(Debug, Clone)]
pub(super) struct Aggregate {
    pub(super) aggregator: Aggregator,
    pub(super) grouping: Grouping,
    pub(super) input: Instant,
    pub(super) groups: Grown<Groups>,
}

/// How a group is aggregated.
#[derive(Debug, Clone)]
pub(super) enum Aggregator {
    Sum,
    Avg,
    Min,
    Max,
    Count,
    Group,
    Stddev,
    Stdvar,
    Quantile(Scalar),
    TopK(Scalar),
    BottomK(Scalar),
}

/// The groups of a list of keys.
#[derive(Debug, Default)]
pub(super) struct Groups {
    interner: Interner,
    /// Slot → group.
    of: Vec<Slot>,
    /// The labels of each group.
    keys: Keys,
}

impl Aggregate {
    pub(super) fn eval(&mut self, cx: &mut Context<'_>) -> Result<Frame, EvalError> {
        let input = self.input.eval(cx)?;
        let grouping = &self.grouping;
        let groups = self.groups.get(&input.keys, |groups, new| {
            groups.of.extend(grouping.groups(new, &mut groups.interner));
            groups.keys = groups.interner.keys();
        });
        match &mut self.aggregator {
            Aggregator::Sum => Ok(groups.fold::<Sum>(input, cx)),
            Aggregator::Avg => Ok(groups.fold::<Mean>(input, cx)),
            Aggregator::Min => Ok(groups.fold::<Smallest>(input, cx)),
            Aggregator::Max => Ok(groups.fold::<Largest>(input, cx)),
            Aggregator::Count => Ok(groups.fold::<Counted>(input, cx)),
            Aggregator::Group => Ok(groups.fold::<Present>(input, cx)),
            Aggregator::Stdvar => Ok(groups.fold::<Variance>(input, cx)),
            Aggregator::Stddev => Ok(groups.fold::<Deviation>(input, cx)),
            Aggregator::Quantile(q) => {
                let q = q.eval(cx)?;
                Ok(groups.quantile(q, input, cx))
            }
            Aggregator::TopK(k) => Ok(groups.first(wanted("topk", k.eval(cx)?)?, largest_first, input)),
            Aggregator::BottomK(k) => Ok(groups.first(wanted("bottomk", k.eval(cx)?)?, smallest_first, input)),
        }
    }
}

/// How many series `topk` and `bottomk` are to keep.
fn wanted(aggregator: &str, k: f64) -> Result<usize, EvalError> {
    // 2^63, from where on a float is no 64-bit integer any more.
    const INTEGER_MAX: f64 = 9_223_372_036_854_775_808.0;
    if k.is_nan() || k.abs() >= INTEGER_MAX {
        return Err(EvalError(format!("{aggregator} can't keep {k} series; give it a whole number")));
    }
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "truncation is meant, and 0 is least")]
    Ok(k.max(0.0) as usize)
}

/// NaN comes last either way. Equal values keep the order of their series.
pub(super) fn largest_first(one: &Point, other: &Point) -> Ordering {
    smallest_first(&Point { value: -one.value, ..*one }, &Point { value: -other.value, ..*other })
}

pub(super) fn smallest_first(one: &Point, other: &Point) -> Ordering {
    let nan_last = || one.value.is_nan().cmp(&other.value.is_nan());
    one.value.partial_cmp(&other.value).unwrap_or_else(nan_last).then(one.slot.cmp(&other.slot))
}

impl Groups {
    fn of(&self, point: Point) -> usize {
        self.of[point.slot as usize] as usize
    }

    /// One pass over the points; only the groups that have one come out.
    fn fold<F: Fold>(&self, input: Frame, cx: &mut Context<'_>) -> Frame {
        let mut folds = vec![None; self.keys.len()];
        for &point in &input.points {
            folds[self.of(point)].get_or_insert_with(F::default).add(point.value);
        }
        let mut points = cx.points();
        let folded = folds.iter().enumerate();
        points.extend(
            folded.filter_map(|(at, fold)| fold.as_ref().map(|fold| Point { slot: slot(at), value: fold.value() })),
        );
        cx.recycle(input);
        Frame { keys: Keys::clone(&self.keys), points }
    }

    fn quantile(&self, q: f64, input: Frame, cx: &mut Context<'_>) -> Frame {
        let mut points = cx.points();
        let values = &mut cx.scratch.sorted;
        for group in self.sorted(&input.points).chunk_by(|one, other| self.of(*one) == self.of(*other)) {
            values.clear();
            values.extend(group.iter().map(|point| point.value));
            points.push(Point { slot: slot(self.of(group[0])), value: quantile(q, values) });
        }
        cx.recycle(input);
        Frame { keys: Keys::clone(&self.keys), points }
    }

    /// The first `k` series of each group, in this order, with all their labels.
    fn first(&self, k: usize, order: fn(&Point, &Point) -> Ordering, input: Frame) -> Frame {
        let Frame { keys, mut points } = input;
        let mut sorted = self.sorted(&points);
        points.clear();
        for group in sorted.chunk_by_mut(|one, other| self.of(*one) == self.of(*other)) {
            // Only the k that stay have to be put in order.
            let best = if k < group.len() { group.select_nth_unstable_by(k, order).0 } else { group };
            best.sort_unstable_by(order);
            points.extend_from_slice(best);
        }
        Frame { keys, points }
    }

    /// The points, group by group.
    fn sorted(&self, points: &[Point]) -> Vec<Point> {
        let mut sorted = points.to_vec();
        sorted.sort_by_key(|point| self.of(*point));
        sorted
    }
}

/// A number that values are added to one by one.
trait Fold: Default + Clone {
    fn add(&mut self, value: f64);
    fn value(&self) -> f64;
}

impl Fold for Sum {
    fn add(&mut self, value: f64) {
        Self::add(self, value);
    }

    fn value(&self) -> f64 {
        self.total()
    }
}

impl Fold for Mean {
    fn add(&mut self, value: f64) {
        Self::add(self, value);
    }

    fn value(&self) -> f64 {
        self.mean()
    }
}

impl Fold for Variance {
    fn add(&mut self, value: f64) {
        Self::add(self, value);
    }

    fn value(&self) -> f64 {
        self.variance()
    }
}

#[derive(Debug, Default, Clone)]
struct Deviation(Variance);

impl Fold for Deviation {
    fn add(&mut self, value: f64) {
        self.0.add(value);
    }

    fn value(&self) -> f64 {
        self.0.variance().sqrt()
    }
}

/// The smallest value that is a number; NaN where there is none.
#[derive(Debug, Clone)]
struct Smallest(f64);

impl Default for Smallest {
    fn default() -> Self {
        Self(f64::NAN)
    }
}

impl Fold for Smallest {
    fn add(&mut self, value: f64) {
        self.0 = self.0.min(value);
    }

    fn value(&self) -> f64 {
        self.0
    }
}

/// The largest value that is a number; NaN where there is none.
#[derive(Debug, Clone)]
struct Largest(f64);

impl Default for Largest {
    fn default() -> Self {
        Self(f64::NAN)
    }
}

impl Fold for Largest {
    fn add(&mut self, value: f64) {
        self.0 = self.0.max(value);
    }

    fn value(&self) -> f64 {
        self.0
    }
}

#[derive(Debug, Default, Clone)]
struct Counted(u64);

impl Fold for Counted {
    fn add(&mut self, _: f64) {
        self.0 += 1;
    }

    fn value(&self) -> f64 {
        self.0 as f64
    }
}

#[derive(Debug, Default, Clone)]
struct Present;

impl Fold for Present {
    fn add(&mut self, _: f64) {}

    fn value(&self) -> f64 {
        1.0
    }
}
