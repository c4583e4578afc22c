//! The first layer: as many replicas as the demand of this moment takes.
//!
//! HPA's formula on totals: `wanted = ceil(demand / per_replica)`, and nothing changes while the ratio of that
//! quotient to the current count stays within the tolerance of 1. Each metric answers, the largest answer wins.
//! See <https://kubernetes.io/docs/tasks/run-application/horizontal-pod-autoscale/#algorithm-details>.
//!
//! At zero replicas there is no ratio: the quotient alone counts, so the first bit of demand wakes a workload
//! straight to as many as it takes. (HPA leaves a workload at zero alone.)

use std::sync::Arc;

use super::inputs::{Inputs, MetricInput};
use super::policy::Behavior;
use super::reason::Reason;
use super::{Layer, Step};
use crate::workload::Replicas;

/// Relative error that the arithmetic of floats may have brought in: `0.1 * 3.0 / 0.1` is a little more than 3 and
/// still takes 3 replicas. A billionth is far above the error of a sum of thousands, far below any real demand.
pub(super) const SLACK: f64 = 1e-9;

/// What the metrics that can be read ask for; the current count where none can.
pub(super) fn reactive(behavior: &Behavior, inputs: &Inputs) -> Step {
    let from = inputs.replicas;
    let mut largest: Option<(Replicas, &MetricInput, Answer)> = None;
    let mut metrics = 0;
    for metric in &inputs.metrics {
        let Ok((demand, per_replica)) = metric.read() else { continue };
        metrics += 1;
        let (wants, answer) = ask(behavior, from, demand, per_replica);
        if largest.as_ref().is_none_or(|(most, ..)| wants > *most) {
            largest = Some((wants, metric, answer));
        }
    }
    let (wants, reason) = match largest {
        Some((wants, metric, answer)) => (wants, answer.reason(&metric.name, wants, metrics)),
        None => (from, Reason::NoDemand),
    };
    Step { layer: Layer::Reactive, given: from, wants, reason }
}

/// The numbers behind one metric's wish.
struct Answer {
    demand: f64,
    per_replica: f64,
    /// The tolerance that kept the count as it is.
    tolerance: Option<f64>,
}

impl Answer {
    fn reason(self, metric: &Arc<str>, replicas: Replicas, metrics: usize) -> Reason {
        let Self { demand, per_replica, tolerance } = self;
        let metric = Arc::clone(metric);
        match tolerance {
            Some(tolerance) => Reason::Tolerance { metric, demand, per_replica, replicas, tolerance },
            None => Reason::Demand { metric, demand, per_replica, replicas, metrics },
        }
    }
}

/// One metric's wish, with `demand >= 0` and `per_replica > 0`.
fn ask(behavior: &Behavior, from: Replicas, demand: f64, per_replica: f64) -> (Replicas, Answer) {
    let quotient = demand / per_replica;
    let current = f64::from(from);
    let up = behavior.scale_up.tolerance;
    let down = behavior.scale_down.tolerance;
    let tolerated = from > 0
        && quotient <= current * (1.0 + up) * (1.0 + SLACK)
        && quotient >= current * (1.0 - down) * (1.0 - SLACK);
    let wants = ceil(quotient);
    if tolerated && wants != from {
        let tolerance = if quotient > current { up } else { down };
        return (from, Answer { demand, per_replica, tolerance: Some(tolerance) });
    }
    (wants, Answer { demand, per_replica, tolerance: None })
}

/// The smallest count that is not below `quotient` by more than [`SLACK`]; counts that do not fit saturate.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "saturating is what is wanted")]
pub(super) fn ceil(quotient: f64) -> Replicas {
    let nearest = quotient.round();
    let whole = if (quotient - nearest).abs() <= nearest * SLACK { nearest } else { quotient.ceil() };
    whole as Replicas
}
