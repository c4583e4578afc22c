//! The third layer: what the operator set as minimum and maximum.
//!
//! A wish outside is moved to the nearer bound. A *current* count outside goes straight to the nearer bound, as in HPA,
//! whatever the demand, the guards, the windows and the policies say: bounds are an operator's explicit word and rest on
//! no data. So "never down on absent data" reads, to the letter: with absent data, `to >= min(current, max)`.
//!
//! Unlike HPA, which takes zero replicas as "switched off" while the minimum is above zero, zero is a count like any
//! other here and is raised to the minimum: what pauses a workload is a silence, which says who, why and until when.

use super::policy::Policy;
use super::reason::Reason;
use super::{Layer, Step};
use crate::workload::Replicas;

/// Moves `wanted` into the bounds, or the current count where that is outside.
pub(super) fn bounds(policy: &Policy, from: Replicas, wanted: Replicas) -> Step {
    let Policy { min, max, .. } = *policy;
    let (wants, reason) = if from > max {
        (max, Reason::CurrentAboveMax { replicas: from, max })
    } else if from < min.min(max) {
        (min.min(max), Reason::CurrentBelowMin { replicas: from, min: min.min(max) })
    } else if wanted > max {
        (max, Reason::AboveMax { replicas: wanted, max })
    } else if wanted < min.min(max) {
        (min.min(max), Reason::BelowMin { replicas: wanted, min: min.min(max) })
    } else {
        (wanted, Reason::WithinBounds { min, max })
    };
    Step { layer: Layer::Bounds, given: wanted, wants, reason }
}

/// Whether the current count has to move because of the bounds alone.
pub(super) fn outside(policy: &Policy, from: Replicas) -> bool {
    from > policy.max || from < policy.min.min(policy.max)
}
