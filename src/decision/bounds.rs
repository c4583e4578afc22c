//! The fifth layer: what the operator set as minimum and maximum, always or for a time.
//!
//! A wish outside is moved to the nearer bound. A *current* count outside goes straight to the nearer bound, as in HPA,
//! whatever the demand, the guards, the windows and the policies say: bounds are an operator's explicit word and rest on
//! no data. So "never down on absent data" reads, to the letter: with absent data, `to >= min(current, max)`.
//!
//! A schedule's floor lies above the minimum and below the maximum; its ceiling lies below the maximum and may lie
//! below the minimum ("nothing at night"), but never below an active floor: of two schedules that contradict each
//! other, the one that keeps replicas wins.
//!
//! Zero replicas that somebody else has set are no count below the minimum: see `guards`.

use std::sync::Arc;

use super::inputs::Calendar;
use super::policy::Policy;
use super::reason::Reason;
use super::{Layer, Step};
use crate::workload::Replicas;

impl Policy {
    /// The least and the most replicas while a calendar says this.
    #[must_use]
    pub fn bounds(&self, calendar: &Calendar) -> (Replicas, Replicas) {
        let Bounds { min, max, .. } = Bounds::of(self, calendar);
        (min, max)
    }
}

/// The bounds at one moment.
pub(super) struct Bounds<'a> {
    pub(super) min: Replicas,
    pub(super) max: Replicas,
    /// The schedules that set them, where those are not the policy's own.
    floor: Option<&'a Arc<str>>,
    ceiling: Option<&'a Arc<str>>,
}

impl<'a> Bounds<'a> {
    pub(super) fn of(policy: &Policy, calendar: &'a Calendar) -> Self {
        let floor = calendar.floor.as_ref().map(|(floor, name)| ((*floor).min(policy.max), name));
        let floor = floor.filter(|(floor, _)| *floor > policy.min);
        let least = floor.map_or(0, |(floor, _)| floor);
        let ceiling = calendar.ceiling.as_ref().map(|(ceiling, name)| ((*ceiling).max(least), name));
        let ceiling = ceiling.filter(|(ceiling, _)| *ceiling < policy.max);
        let max = ceiling.map_or(policy.max, |(ceiling, _)| ceiling);
        let min = floor.map_or(policy.min, |(floor, _)| floor).min(max);
        Self { min, max, floor: floor.map(|(_, name)| name), ceiling: ceiling.map(|(_, name)| name) }
    }

    /// Whether a count has to move because of the bounds alone.
    pub(super) fn exclude(&self, replicas: Replicas) -> bool {
        replicas > self.max || replicas < self.min
    }

    fn too_many(&self, replicas: Replicas, otherwise: Reason) -> Reason {
        let ceiling = self.max;
        match self.ceiling {
            Some(schedule) => Reason::AboveCeiling { replicas, ceiling, schedule: Arc::clone(schedule) },
            None => otherwise,
        }
    }

    fn too_few(&self, replicas: Replicas, otherwise: Reason) -> Reason {
        let floor = self.min;
        match self.floor {
            Some(schedule) => Reason::BelowFloor { replicas, floor, schedule: Arc::clone(schedule) },
            None => otherwise,
        }
    }
}

/// The step where nothing is bounded.
pub(super) fn none(wanted: Replicas) -> Step {
    Step { layer: Layer::Bounds, given: wanted, wants: wanted, reason: Reason::Direct }
}

/// Moves `wanted` into the bounds, or the current count where that is outside.
pub(super) fn bounds(bounds: &Bounds<'_>, from: Replicas, wanted: Replicas, direct: bool) -> Step {
    let Bounds { min, max, .. } = *bounds;
    let (wants, reason) = if from > max && (!direct || wanted > max) {
        (max, bounds.too_many(from, Reason::CurrentAboveMax { replicas: from, max }))
    } else if from < min && (!direct || wanted < min) {
        (min, bounds.too_few(from, Reason::CurrentBelowMin { replicas: from, min }))
    } else if wanted > max {
        (max, bounds.too_many(wanted, Reason::AboveMax { replicas: wanted, max }))
    } else if wanted < min {
        (min, bounds.too_few(wanted, Reason::BelowMin { replicas: wanted, min }))
    } else {
        (wanted, Reason::WithinBounds { min, max })
    };
    Step { layer: Layer::Bounds, given: wanted, wants, reason }
}
