//! The guards: what must be known before anything goes down.

use super::Inputs;
use super::step::{Layer, Reason, Step};
use crate::demand::Presence;
use crate::workload::Replicas;

/// Holds where a metric is missing and the others want less, as HPA does: what is missing might be what needs the
/// replicas. On the way up the metrics that are there suffice.
pub(super) fn guards(inputs: &Inputs, wants: Replicas) -> Option<Step> {
    if wants > inputs.replicas {
        return None;
    }
    let missing = inputs.metrics.iter().find_map(|metric| {
        let missing = |what, presence: Presence| {
            let usable = presence.value().is_some_and(|value| what == "demand" || value > 0.0);
            let presence = if presence.value().is_some() { Presence::Invalid } else { presence };
            (!usable).then(|| Reason::Missing { metric: metric.name.clone(), what, presence })
        };
        missing("demand", metric.demand).or_else(|| missing("per_replica", metric.per_replica))
    })?;
    Some(Step { layer: Layer::Guards, wants: inputs.replicas, reason: missing })
}
