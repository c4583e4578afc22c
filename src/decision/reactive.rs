//! The reactive layer: what the demand of this moment needs.
//!
//! HPA's algorithm with demand in place of an average per pod: `ceil(demand / per_replica)` for each metric, no change
//! within the tolerance, the largest answer wins.
//! <https://kubernetes.io/docs/tasks/run-application/horizontal-pod-autoscale/#algorithm-details>

use super::policy::Behavior;
use super::step::{Layer, Reason, Step};
use super::{Inputs, MetricInput};
use crate::demand::Presence;
use crate::workload::Replicas;

/// Relative slack of the division, so that 0.3 / 0.1 = 3.0000000000000004 needs three replicas and not four.
const SLACK: f64 = 1e-9;

/// What the metrics that have a value want; the present count where none has.
pub(super) fn reactive(inputs: &Inputs, behavior: &Behavior) -> Step {
    let wanted = inputs.metrics.iter().filter_map(|metric| wanted(metric, inputs.replicas, behavior));
    // Of equal answers the first metric gives the reason.
    let largest = wanted.reduce(|best, next| if next.wants > best.wants { next } else { best });
    largest.unwrap_or(Step { layer: Layer::Reactive, wants: inputs.replicas, reason: Reason::Silent })
}

fn wanted(input: &MetricInput, current: Replicas, behavior: &Behavior) -> Option<Step> {
    let (Presence::Present(demand), Presence::Present(per_replica)) = (input.demand, input.per_replica) else {
        return None;
    };
    if per_replica <= 0.0 {
        return None;
    }
    let metric = input.name.clone();
    let needed = ceil(demand / per_replica);
    let taken = f64::from(current) * per_replica;
    let rules = if demand > taken { &behavior.scale_up } else { &behavior.scale_down };
    // A workload at zero replicas has no ratio; any demand is outside of the tolerance.
    let tolerated = current > 0 && (demand / taken - 1.0).abs() <= rules.tolerance;
    let (wants, reason) = if tolerated {
        let tolerance = rules.tolerance;
        (current, Reason::Tolerated { metric, demand, per_replica, replicas: current, tolerance })
    } else {
        (needed, Reason::Demand { metric, demand, per_replica, replicas: needed })
    };
    Some(Step { layer: Layer::Reactive, wants, reason })
}

/// The least whole number that is enough; none for a demand below zero.
#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a float beyond the range saturates")]
fn ceil(replicas: f64) -> Replicas {
    (replicas * (1.0 - SLACK)).ceil() as Replicas
}
