//! What HPA makes of one metric that each pod has its own value of, such as CPU, when some pods have none.
//!
//! The answer follows from the mean of the pods that can be counted, and is then asked again with the others filled in
//! so that they dampen it: a pod without a value stands for 0 on the way up and for the target on the way down, one
//! that is not ready yet for 0 on the way up. Where that takes the answer to the other direction, nothing moves.
//! See <https://kubernetes.io/docs/tasks/run-application/horizontal-pod-autoscale/#algorithm-details>.
//!
//! One difference to kube-controller-manager, below any real demand: it counts in thousandths, and percents of a
//! request in whole ones, and drops the rest after each division; here the numbers are taken as they are.

use super::reactive::{SLACK, ceil};
use crate::workload::Replicas;

/// The replicas that a metric of type `Pods`, or `Resource` with an average value, asks for.
///
/// `values` are those of the pods that count, in the unit of `target`; `unready` pods are pending, or not ready while
/// their CPU still tells of their start; `missing` ones run and have no value. Pods that have failed or are being
/// deleted are none of these. The tolerances are fractions: 0.1 is 10 %. Without a single value, with
/// values that are no numbers or less than nothing, or with a target that is not above zero, there is nothing to go by
/// and the `current` count stays.
#[must_use]
pub fn per_pod(
    values: &[f64],
    unready: u32,
    missing: u32,
    target: f64,
    current: Replicas,
    tolerance_up: f64,
    tolerance_down: f64,
) -> Replicas {
    // On the way down, a pod without a value is taken to do exactly what it should.
    PerPod { values, unready, missing, target, assumed: target, current, tolerance_up, tolerance_down }.wants()
}

/// The replicas that a metric of type `Resource` with an average utilization asks for: [`per_pod`], with values and
/// target as fractions of what a pod requests.
///
/// It differs in one point: on the way down, a pod without a value is taken to use all that it requests, or the
/// target where that is more. Pods are taken to request the same each, as those of one template do.
#[must_use]
pub fn per_pod_utilization(
    values: &[f64],
    unready: u32,
    missing: u32,
    target: f64,
    current: Replicas,
    tolerance_up: f64,
    tolerance_down: f64,
) -> Replicas {
    let assumed = target.max(1.0);
    PerPod { values, unready, missing, target, assumed, current, tolerance_up, tolerance_down }.wants()
}

struct PerPod<'a> {
    values: &'a [f64],
    unready: u32,
    missing: u32,
    target: f64,
    /// What a pod without a value stands for on the way down.
    assumed: f64,
    current: Replicas,
    tolerance_up: f64,
    tolerance_down: f64,
}

impl PerPod<'_> {
    fn wants(&self) -> Replicas {
        let total: f64 = self.values.iter().sum();
        let counted = self.values.len() as f64;
        let ratio = total / counted / self.target;
        // No value gives NaN, a target of zero an infinity, a negative one a negative ratio.
        if !ratio.is_finite() || ratio < 0.0 || self.target <= 0.0 {
            return self.current;
        }
        let (up, down) = (ratio > 1.0, ratio < 1.0);
        let starting = up && self.unready > 0;
        if !starting && self.missing == 0 {
            return if self.tolerates(ratio) { self.current } else { ceil(ratio * counted) };
        }

        let mut pods = counted;
        let mut work = total;
        if up || down {
            pods += f64::from(self.missing);
            work += if down { f64::from(self.missing) * self.assumed } else { 0.0 };
        }
        if starting {
            pods += f64::from(self.unready);
        }
        let damped = work / pods / self.target;
        if self.tolerates(damped) || (down && damped > 1.0) || (up && damped < 1.0) {
            return self.current;
        }
        let wants = ceil(damped * pods);
        let turned = (damped < 1.0 && wants > self.current) || (damped > 1.0 && wants < self.current);
        if turned { self.current } else { wants }
    }

    fn tolerates(&self, ratio: f64) -> bool {
        ratio <= (1.0 + self.tolerance_up) * (1.0 + SLACK) && ratio >= (1.0 - self.tolerance_down) * (1.0 - SLACK)
    }
}
