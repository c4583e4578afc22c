//! The fourth layer: what the money and the limits of a group allow.
//!
//! A cap never asks for fewer replicas than the workload's minimum, which the bounds would put back; and while its data
//! has holes, never for fewer than there are.

use std::sync::Arc;

use crate::decision::inputs::{Cap, Inputs};
use crate::decision::reason::Reason;
use crate::decision::{Layer, Step};
use crate::workload::Replicas;

/// Lowers the `wanted` count to the smallest cap, unless it is somebody's `direct` word; below the current count only
/// where the data `may_lower` it.
pub(in crate::decision) fn economy(
    inputs: &Inputs,
    wanted: Replicas,
    min: Replicas,
    direct: bool,
    may_lower: bool,
) -> Step {
    let from = inputs.replicas;
    let smallest = inputs.caps.iter().min_by_key(|cap| cap.replicas());
    let binding = smallest.filter(|cap| !direct && cap.replicas().max(min) < wanted);
    let (wants, reason) = match binding {
        None => (wanted, Reason::Affordable),
        Some(cap) if !may_lower && cap.replicas() < from => {
            (wanted.min(from), if wanted > from { reason(cap) } else { Reason::NotOnHoles { replicas: from } })
        }
        Some(cap) => (cap.replicas().max(min), reason(cap)),
    };
    Step { layer: Layer::Economy, given: wanted, wants, reason }
}

fn reason(cap: &Cap) -> Reason {
    match cap {
        Cap::Budget { affords, spent, budget, per } => {
            Reason::Budget { affords: *affords, spent: *spent, budget: *budget, per: *per }
        }
        Cap::Share { granted, group, resource } => {
            Reason::Share { granted: *granted, group: Arc::clone(group), resource: *resource }
        }
    }
}
