//! The second layer: data that is not there never lowers a count.
//!
//! As in HPA, metrics that can be read may raise the count while others can not, but no count falls until every
//! metric can be read again; where none can, the count stays. A value from windows that are filled in part only may be
//! too small: it raises and does not lower. Meanwhile the window that restrains moves down does not age
//! ([`super::state`]), so that data which comes back is heard for as long as it should be. Pods that are not ready are
//! named and change nothing: demand is a total, so pods that do not answer yet do not make it look smaller or larger.

use super::inputs::{Inputs, MetricInput, Missing};
use super::reason::Reason;
use super::{Layer, Step};
use crate::workload::Replicas;

/// Holds the current count against a `wanted` one that rests on data with holes.
pub(super) fn guards(inputs: &Inputs, wanted: Replicas) -> Step {
    let from = inputs.replicas;
    let (wants, reason) = match holes(inputs) {
        Holes::None if inputs.ready < from => (wanted, Reason::NotReady { ready: inputs.ready, replicas: from }),
        Holes::None => (wanted, Reason::Clear),
        Holes::Some { first, missing }
            if wanted < from || inputs.metrics.iter().all(|metric| metric.read().is_err()) =>
        {
            (from, Reason::Held { first, missing })
        }
        Holes::Some { first, missing } => (wanted, Reason::Partial { first, missing }),
        Holes::NoMetrics => (from, Reason::NoMetrics),
    };
    Step { layer: Layer::Guards, given: wanted, wants, reason }
}

/// What the inputs lack.
enum Holes {
    None,
    Some {
        first: Missing,
        /// How many metrics can't be read, or only in part.
        missing: usize,
    },
    NoMetrics,
}

fn holes(inputs: &Inputs) -> Holes {
    if inputs.metrics.is_empty() {
        return Holes::NoMetrics;
    }
    let mut missing = inputs.metrics.iter().filter_map(MetricInput::hole);
    match missing.next() {
        Some(first) => Holes::Some { first, missing: 1 + missing.count() },
        None => Holes::None,
    }
}
