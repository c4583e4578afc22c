//! The bounds: minimum and maximum. They are the operator's word and no measurement, so they hold without data too.

use super::policy::Policy;
use super::step::{Layer, Reason, Step};
use crate::workload::Replicas;

pub(super) fn bounds(policy: &Policy, wants: Replicas) -> Option<Step> {
    let step = |wants, reason| Some(Step { layer: Layer::Bounds, wants, reason });
    if wants < policy.min {
        step(policy.min, Reason::Minimum)
    } else if wants > policy.max {
        step(policy.max, Reason::Maximum)
    } else {
        None
    }
}
