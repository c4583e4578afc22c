//! The first layer: as many replicas as the demand of this moment takes.
//!
//! HPA's formula on totals: `wanted = ceil(demand / per_replica)`, and nothing changes while the ratio of that
//! quotient to the current count stays within the tolerance of 1. Each metric answers, the largest answer wins, or the
//! rule's [`Formula`](super::Formula) makes one of them.
//! See <https://kubernetes.io/docs/tasks/run-application/horizontal-pod-autoscale/#algorithm-details>.
//!
//! Where the minimum is zero, activation decides between none and some, as KEDA's `activationThreshold`: a workload
//! wakes when a metric rises above its activation, straight to as many replicas as it takes, and may sleep when no
//! metric is above it. (HPA leaves a workload at zero alone.)

use std::sync::Arc;

use super::formula::{Formula, Term};
use super::inputs::{Inputs, MetricInput, Pods};
use super::per_pod::{per_pod, per_pod_utilization};
use super::policy::{Combine, Policy};
use super::reason::Reason;
use super::{Layer, Step};
use crate::workload::Replicas;

/// Relative error that the arithmetic of floats may have brought in: `0.1 * 3.0 / 0.1` is a little more than 3 and
/// still takes 3 replicas. A billionth is far above the error of a sum of thousands, far below any real demand.
pub(super) const SLACK: f64 = 1e-9;

/// What the demand of this moment comes to.
pub(super) struct Reactive {
    pub(super) step: Step,
    /// A metric is above its activation.
    pub(super) active: bool,
}

/// What the metrics that can be read ask for; the current count where none can.
pub(super) fn reactive(policy: &Policy, inputs: &Inputs) -> Reactive {
    let from = inputs.replicas;
    let (mut active, mut idle) = (false, None);
    for metric in going(inputs) {
        match metric.read() {
            Ok((demand, _)) if demand > metric.activation => active = true,
            Ok((demand, _)) => _ = idle.get_or_insert((metric, demand)),
            // What can't be read may be active: nothing sleeps on a guess.
            Err(_) if from > 0 => active = true,
            Err(_) => {}
        }
    }
    let (wants, reason) = match (idle, active) {
        (Some((metric, demand)), false) if policy.min == 0 => {
            let (metric, activation) = (Arc::clone(&metric.name), metric.activation);
            (0, Reason::Idle { metric, demand, activation })
        }
        _ => match &policy.combine {
            Combine::Max => largest(policy, inputs),
            Combine::Formula(formula) => combined(policy, inputs, formula),
        },
    };
    Reactive { step: Step { layer: Layer::Reactive, given: from, wants, reason }, active }
}

/// The metrics that are not paused.
pub(super) fn going(inputs: &Inputs) -> impl Iterator<Item = &MetricInput> {
    inputs.metrics.iter().filter(|metric| !metric.paused)
}

/// The largest answer of any metric.
fn largest(policy: &Policy, inputs: &Inputs) -> (Replicas, Reason) {
    let from = inputs.replicas;
    let mut largest: Option<(Replicas, &MetricInput, Answer)> = None;
    let mut metrics = 0;
    for metric in going(inputs) {
        let Ok((demand, per_replica)) = metric.read() else { continue };
        metrics += 1;
        let demand = demand * multiplier(inputs, metric);
        let (wants, answer) = match &metric.pods {
            _ if metric.absolute => (ceil(demand), Answer { demand, per_replica, tolerance: None }),
            Some(pods) => (of_pods(policy, inputs, pods, per_replica), Answer { demand, per_replica, tolerance: None }),
            None => ask(policy, from, demand, per_replica),
        };
        if largest.as_ref().is_none_or(|(most, ..)| wants > *most) {
            largest = Some((wants, metric, answer));
        }
    }
    match largest {
        Some((wants, metric, answer)) if metric.absolute => {
            let (metric, value) = (Arc::clone(&metric.name), answer.demand);
            (wants, Reason::Absolute { metric, value, replicas: wants, metrics })
        }
        Some((wants, metric, Answer { demand, per_replica, .. })) if let Some(pods) = &metric.pods => {
            let (unready, missing) = pods.others(from, inputs.ready);
            let (metric, counted) = (Arc::clone(&metric.name), pods.values.len());
            (wants, Reason::PerPod { metric, demand, counted, unready, missing, per_replica, replicas: wants })
        }
        Some((wants, metric, answer)) => (wants, answer.reason(&metric.name, wants, metrics)),
        None => (from, Reason::NoDemand),
    }
}

/// What the rule's formula makes of the metrics, under the same tolerance.
fn combined(policy: &Policy, inputs: &Inputs, formula: &Formula) -> (Replicas, Reason) {
    let from = inputs.replicas;
    let value = formula.eval(|name| {
        let metric = going(inputs).find(|metric| &*metric.name == name)?;
        let (demand, per_replica) = metric.read().ok()?;
        let demand = demand * multiplier(inputs, metric);
        let of_pods = |pods| f64::from(of_pods(policy, inputs, pods, per_replica));
        Some(Term { wish: metric.pods.as_ref().map_or(demand / per_replica, of_pods), demand })
    });
    let Some(value) = value.map(|value| value.max(0.0)) else { return (from, Reason::NoDemand) };
    let (wants, _) = ask(policy, from, value, 1.0);
    (wants, Reason::Combined { formula: formula.to_string(), value, replicas: wants })
}

/// What the values of single pods ask for, as HPA has it.
fn of_pods(policy: &Policy, inputs: &Inputs, pods: &Pods, target: f64) -> Replicas {
    let (unready, missing) = pods.others(inputs.replicas, inputs.ready);
    // So many times the work is as much as a part of the target.
    let target = target / inputs.calendar.multiplier;
    let (up, down) = (policy.behavior.scale_up.tolerance, policy.behavior.scale_down.tolerance);
    let ask = if pods.utilization { per_pod_utilization } else { per_pod };
    ask(&pods.values, unready, missing, target, inputs.replicas, up, down)
}

/// How many times a metric's demand counts: schedules multiply work, not counts.
fn multiplier(inputs: &Inputs, metric: &MetricInput) -> f64 {
    if metric.absolute { 1.0 } else { inputs.calendar.multiplier }
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
fn ask(policy: &Policy, from: Replicas, demand: f64, per_replica: f64) -> (Replicas, Answer) {
    let quotient = demand / per_replica;
    let current = f64::from(from);
    let up = policy.behavior.scale_up.tolerance;
    let down = policy.behavior.scale_down.tolerance;
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
