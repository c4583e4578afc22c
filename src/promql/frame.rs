//! What operators hand each other: numbers that name their series by slot.
//!
//! Label sets change only when series come and go, numbers change with every sample. So the label sets of an
//! operator's result stand in a shared list of [`Keys`], worked out once for each generation of series, and an
//! evaluation moves only [`Point`]s. Whoever derives label sets from others remembers the list it derived them
//! from, and compares the two by address.

use std::collections::HashMap;
use std::sync::Arc;

use foldhash::fast::RandomState;

use super::{EvalError, Value};
use crate::labels::Labels;

/// Label sets that are all different. A list is never changed, so the same address means the same list.
pub(super) type Keys = Arc<[Labels]>;

/// Where a label set stands in its list.
pub(super) type Slot = u32;

/// The value of one series.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Point {
    pub(super) slot: Slot,
    pub(super) value: f64,
}

/// An instant vector: at most one point for each label set of `keys`.
#[derive(Debug)]
pub(super) struct Frame {
    pub(super) keys: Keys,
    pub(super) points: Vec<Point>,
}

impl Frame {
    /// The label set of a point of this frame.
    pub(super) fn labels(&self, point: Point) -> &Labels {
        &self.keys[point.slot as usize]
    }

    /// The vector as it leaves the engine.
    pub(super) fn value(&self) -> Value {
        Value::Vector(self.points.iter().map(|&point| (self.labels(point).clone(), point.value)).collect())
    }
}

/// A position in a list as a slot. Lists are bounded by the number of series, which is far below 2^32.
pub(super) fn slot(position: usize) -> Slot {
    Slot::try_from(position).unwrap_or(Slot::MAX)
}

/// Gives each different label set a slot.
#[derive(Debug, Clone, Default)]
pub(super) struct Interner {
    slots: HashMap<Labels, Slot, RandomState>,
    keys: Vec<Labels>,
}

impl Interner {
    /// The slot of a label set, and whether it is new.
    pub(super) fn slot(&mut self, labels: Labels) -> Slot {
        let next = slot(self.keys.len());
        let keys = &mut self.keys;
        *self.slots.entry(labels).or_insert_with_key(|labels| {
            keys.push(labels.clone());
            next
        })
    }

    pub(super) fn len(&self) -> usize {
        self.keys.len()
    }

    /// The list as it is now.
    pub(super) fn keys(&self) -> Keys {
        Keys::from(self.keys.as_slice())
    }
}

/// Remembers what was derived from lists of keys until one of them is replaced.
#[derive(Debug)]
pub(super) struct Memo<const N: usize, T> {
    from: Option<[Keys; N]>,
    derived: T,
}

impl<const N: usize, T: Default> Memo<N, T> {
    /// What `derive` makes of these keys; made anew only where they are not those of the last time.
    pub(super) fn get(&mut self, from: [&Keys; N], derive: impl FnOnce() -> T) -> &mut T {
        let known =
            self.from.as_ref().is_some_and(|known| known.iter().zip(from).all(|(one, other)| Arc::ptr_eq(one, other)));
        if !known {
            self.derived = derive();
            self.from = Some(from.map(Arc::clone));
        }
        &mut self.derived
    }
}

impl<const N: usize, T: Default> Default for Memo<N, T> {
    fn default() -> Self {
        Self { from: None, derived: T::default() }
    }
}

/// A copy begins with nothing remembered: plans are copied to be bound anew.
impl<const N: usize, T: Default> Clone for Memo<N, T> {
    fn clone(&self) -> Self {
        Self::default()
    }
}

/// Remembers what was derived from one list of keys. Where series only were added, as mostly, it is continued.
#[derive(Debug, Default)]
pub(super) struct Grown<T> {
    from: Keys,
    derived: T,
}

impl<T: Default> Grown<T> {
    /// What `extend` makes of these keys, of which it is given those that are new.
    pub(super) fn get(&mut self, keys: &Keys, extend: impl FnOnce(&mut T, &[Labels])) -> &T {
        if !Arc::ptr_eq(&self.from, keys) {
            // Keys that stayed share their memory, so that comparing them is comparing addresses.
            let new = keys.strip_prefix(&*self.from).unwrap_or_else(|| {
                self.derived = T::default();
                keys
            });
            extend(&mut self.derived, new);
            self.from = Arc::clone(keys);
        }
        &self.derived
    }
}

/// A copy begins with nothing remembered: plans are copied to be bound anew.
impl<T: Default> Clone for Grown<T> {
    fn clone(&self) -> Self {
        Self::default()
    }
}

/// Gives the series of a vector other labels.
#[derive(Debug, Clone, Default)]
pub(super) struct Relabel {
    renamed: Grown<Renamed>,
    seen: Seen,
}

/// The new label sets of a list of keys.
#[derive(Debug, Default)]
struct Renamed {
    interner: Interner,
    keys: Keys,
    /// Old slot → new slot.
    slots: Vec<Slot>,
}

impl Relabel {
    /// Applies `rename`, which has to be the same each time. Two series that end up with the same labels are
    /// an error, as in Prometheus, but only where both have a value now.
    pub(super) fn apply(&mut self, frame: Frame, rename: impl Fn(&Labels) -> Labels) -> Result<Frame, EvalError> {
        let Renamed { keys, slots, .. } = self.renamed.get(&frame.keys, |renamed, new| {
            renamed.slots.extend(new.iter().map(|labels| renamed.interner.slot(rename(labels))));
            renamed.keys = renamed.interner.keys();
        });
        let mut points = frame.points;
        // Where all new label sets differ, the slots are the same.
        if keys.len() < slots.len() {
            self.seen.clear(keys.len());
            for point in &mut points {
                point.slot = slots[point.slot as usize];
                self.seen.only_once(point.slot, keys)?;
            }
        }
        Ok(Frame { keys: Arc::clone(keys), points })
    }

    /// Drops the metric's name, as all do that change what a value means.
    pub(super) fn drop_name(&mut self, frame: Frame) -> Result<Frame, EvalError> {
        self.apply(frame, Labels::without_name)
    }
}

/// Which slots have a point already.
#[derive(Debug, Clone, Default)]
pub(super) struct Seen(Vec<bool>);

impl Seen {
    pub(super) fn clear(&mut self, slots: usize) {
        self.0.clear();
        self.0.resize(slots, false);
    }

    /// Notes a slot; `true` where it was not noted yet.
    pub(super) fn first(&mut self, slot: Slot) -> bool {
        !std::mem::replace(&mut self.0[slot as usize], true)
    }

    /// Whether a slot is noted.
    pub(super) fn has(&self, slot: Slot) -> bool {
        self.0[slot as usize]
    }

    /// Notes the slot of a result, which may come up only once.
    pub(super) fn only_once(&mut self, slot: Slot, keys: &Keys) -> Result<(), EvalError> {
        if self.first(slot) {
            return Ok(());
        }
        let labels = &keys[slot as usize];
        Err(EvalError(format!(
            "two series of the result have the same labels {labels}; keep a label that tells them apart, or aggregate"
        )))
    }
}
