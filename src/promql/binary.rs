//! Operators with a vector on at least one side.

use super::arithmetic::Operator;
use super::frame::{Frame, Interner, Keys, Memo, Relabel, Seen, Slot};
use super::grouping::Grouping;
use super::plan::{Instant, Scalar};
use super::{Context, EvalError};
use crate::labels::Labels;

/// A vector and a number.
#[derive(Debug, Clone)]
pub(super) struct WithScalar {
    pub(super) operator: Operator,
    pub(super) vector: Instant,
    pub(super) scalar: Scalar,
    /// The number stands on the left.
    pub(super) scalar_first: bool,
    pub(super) rename: Relabel,
}

impl WithScalar {
    pub(super) fn eval(&mut self, cx: &mut Context<'_>) -> Result<Frame, EvalError> {
        let scalar = self.scalar.eval(cx)?;
        let mut frame = self.vector.eval(cx)?;
        let (operator, scalar_first) = (self.operator, self.scalar_first);
        frame.points.retain_mut(|point| {
            let (left, right) = if scalar_first { (scalar, point.value) } else { (point.value, scalar) };
            // Whichever side it stands on, a comparison keeps the vector's value.
            let result = operator.apply(left, right, point.value);
            point.value = result.unwrap_or_default();
            result.is_some()
        });
        if operator.keeps_name() { Ok(frame) } else { self.rename.drop_name(frame) }
    }
}

/// A set operator.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum SetOperator {
    And,
    Or,
    Unless,
}

/// Two vectors as sets of label sets.
#[derive(Debug, Clone)]
pub(super) struct SetOperation {
    pub(super) operator: SetOperator,
    pub(super) left: Instant,
    pub(super) right: Instant,
    pub(super) matching: Grouping,
    pub(super) sides: Memo<2, Sides>,
    pub(super) seen: Seen,
}

/// The match groups of both sides, and the union of their label sets.
#[derive(Debug, Default)]
pub(super) struct Sides {
    left: Vec<Slot>,
    right: Vec<Slot>,
    groups: usize,
    union: Keys,
    /// Slot on the right → slot in the union; on the left they are the same.
    right_in_union: Vec<Slot>,
}

impl Sides {
    fn new(matching: &Grouping, left: &Keys, right: &Keys) -> Self {
        let mut groups = Interner::default();
        let mut union = Interner::default();
        for labels in left.iter() {
            union.slot(labels.clone());
        }
        Self {
            left: matching.groups(left, &mut groups),
            right: matching.groups(right, &mut groups),
            groups: groups.len(),
            right_in_union: right.iter().map(|labels| union.slot(labels.clone())).collect(),
            union: union.keys(),
        }
    }
}

impl SetOperation {
    pub(super) fn eval(&mut self, cx: &mut Context<'_>) -> Result<Frame, EvalError> {
        let mut left = self.left.eval(cx)?;
        let right = self.right.eval(cx)?;
        let matching = &self.matching;
        let sides = &*self.sides.get([&left.keys, &right.keys], || Sides::new(matching, &left.keys, &right.keys));
        let seen = &mut self.seen;
        seen.clear(sides.groups);
        if self.operator == SetOperator::Or {
            for point in &left.points {
                seen.first(sides.left[point.slot as usize]);
            }
            for mut point in right.points.iter().copied() {
                let at = point.slot as usize;
                if !seen.has(sides.right[at]) {
                    point.slot = sides.right_in_union[at];
                    left.points.push(point);
                }
            }
            left.keys = Keys::clone(&sides.union);
        } else {
            for point in &right.points {
                seen.first(sides.right[point.slot as usize]);
            }
            let wanted = self.operator == SetOperator::And;
            left.points.retain(|point| seen.has(sides.left[point.slot as usize]) == wanted);
        }
        cx.recycle(right);
        Ok(left)
    }
}

/// Which side of an operator may have several series in a match group.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Many {
    Neither,
    /// `group_left`
    Left,
    /// `group_right`
    Right,
}

/// Two vectors, series by series.
#[derive(Debug, Clone)]
pub(super) struct Match {
    pub(super) operator: Operator,
    pub(super) left: Instant,
    pub(super) right: Instant,
    pub(super) matching: Grouping,
    pub(super) many: Many,
    /// Labels that `group_left` and `group_right` take from the "one" side.
    pub(super) include: Vec<String>,
    pub(super) pairs: Memo<2, Pairs>,
    pub(super) seen: Seen,
}

/// The match groups of both sides, and the label sets that their pairs have given so far.
#[derive(Debug, Default)]
pub(super) struct Pairs {
    many: Vec<Slot>,
    one: Vec<Slot>,
    /// Match group → the position of its point on the "one" side in this evaluation.
    partners: Vec<Option<usize>>,
    /// Slot of the "many" side → its last partner's slot and the slot of what the two gave.
    results: Vec<Option<(Slot, Slot)>>,
    interner: Interner,
    keys: Keys,
}

impl Pairs {
    fn new(matching: &Grouping, many: &Keys, one: &Keys) -> Self {
        let mut groups = Interner::default();
        let (many, one) = (matching.groups(many, &mut groups), matching.groups(one, &mut groups));
        let (partners, results) = (vec![None; groups.len()], vec![None; many.len()]);
        Self { many, one, partners, results, ..Self::default() }
    }

    /// Finds the point of each group on the "one" side. Two of them in one group are an error, even where the
    /// other side has none.
    fn pair_up(&mut self, one: &Frame, side: &str) -> Result<(), EvalError> {
        self.partners.fill(None);
        for (at, point) in one.points.iter().enumerate() {
            let partner = &mut self.partners[self.one[point.slot as usize] as usize];
            if let Some(other) = partner.replace(at) {
                let (labels, other) = (one.labels(*point), one.labels(one.points[other]));
                return Err(EvalError(format!(
                    "{other} and {labels} on the {side} of the operation fall into one match group, \
                     which may have one series there; match on more labels, or aggregate that side"
                )));
            }
        }
        Ok(())
    }

    /// The slot of what a pair gives; label sets are made only for pairs that were not seen before.
    fn result(&mut self, many: Slot, one: Slot, labels: impl FnOnce() -> Labels) -> Slot {
        match self.results[many as usize] {
            Some((partner, result)) if partner == one => result,
            _ => {
                let result = self.interner.slot(labels());
                self.results[many as usize] = Some((one, result));
                result
            }
        }
    }
}

impl Match {
    pub(super) fn eval(&mut self, cx: &mut Context<'_>) -> Result<Frame, EvalError> {
        let (left, right) = (self.left.eval(cx)?, self.right.eval(cx)?);
        let (many, one, side) = match self.many {
            Many::Right => (right, left, "left side"),
            Many::Neither | Many::Left => (left, right, "right side"),
        };
        let Self { operator, matching, include, seen, .. } = self;
        let labels = ResultLabels { operator: *operator, matching, many: self.many, include };
        let pairs = self.pairs.get([&many.keys, &one.keys], || Pairs::new(matching, &many.keys, &one.keys));
        let mut points = cx.points();
        // Nothing on one side is no result and no error, whatever the other side looks like.
        if !many.points.is_empty() && !one.points.is_empty() {
            pairs.pair_up(&one, side)?;
            seen.clear(if labels.many == Many::Neither { pairs.partners.len() } else { 0 });
            for &point in &many.points {
                let group = pairs.many[point.slot as usize];
                let Some(partner) = pairs.partners[group as usize].map(|at| one.points[at]) else { continue };
                // Also where a comparison would let only one of them pass.
                if labels.many == Many::Neither && !seen.first(group) {
                    return Err(labels.several(many.labels(point)));
                }
                let (left, right) = match labels.many {
                    Many::Right => (partner.value, point.value),
                    Many::Neither | Many::Left => (point.value, partner.value),
                };
                let Some(value) = operator.apply(left, right, left) else { continue };
                let relevant = if include.is_empty() { 0 } else { partner.slot };
                let slot = pairs.result(point.slot, relevant, || labels.of(many.labels(point), one.labels(partner)));
                points.push(super::frame::Point { slot, value });
            }
        }
        let keys = pairs.keys();
        seen.clear(keys.len());
        for point in &points {
            seen.only_once(point.slot, &keys)?;
        }
        cx.recycle(many);
        cx.recycle(one);
        Ok(Frame { keys, points })
    }
}

impl Pairs {
    /// The label sets of all results; a new list only where there are new ones.
    fn keys(&mut self) -> Keys {
        if self.keys.len() != self.interner.len() {
            self.keys = self.interner.keys();
        }
        Keys::clone(&self.keys)
    }
}

/// Which labels the result of a pair carries.
struct ResultLabels<'a> {
    operator: Operator,
    matching: &'a Grouping,
    many: Many,
    include: &'a [String],
}

impl ResultLabels<'_> {
    fn of(&self, many: &Labels, one: &Labels) -> Labels {
        let named = if self.operator.keeps_name() { many.clone() } else { many.without_name() };
        match (self.many, self.matching) {
            (Many::Neither, Grouping::Only(names)) => named.only(names),
            // Unlike `without`, a comparison that ignores labels keeps the name.
            (Many::Neither, Grouping::AllBut(names)) => {
                let removed: Vec<(&str, &str)> = names.iter().map(|name| (name.as_str(), "")).collect();
                named.with(&removed)
            }
            (Many::Left | Many::Right, _) => {
                let taken = self.include.iter().map(|name| (name.as_str(), one.get(name).unwrap_or("")));
                named.with(&taken.collect::<Vec<_>>())
            }
        }
    }

    fn several(&self, labels: &Labels) -> EvalError {
        let group = self.matching.key(labels);
        EvalError(format!(
            "several series on the left side match {group} on the right side; \
             say group_left or group_right, or match on more labels"
        ))
    }
}
