//! Which demand would move the count, and how far.

use super::{hole, metrics, number, step};
use crate::decision::{Decision, Layer, Reason};
use crate::engine::view::{MetricView, Terms, WorkloadView};
use crate::workload::Replicas;

/// What demand makes of a count, where demand decides.
pub(super) struct Course<'a> {
    view: &'a WorkloadView,
    terms: Terms,
    replicas: Replicas,
}

impl<'a> Course<'a> {
    /// None where the count is unknown, and where somebody's word decides instead of demand: what is wanted tells that.
    pub(super) fn of(view: &'a WorkloadView) -> Option<Self> {
        let guard = view.decision.as_ref().and_then(|decision| step(decision, Layer::Guards));
        let word = guard.is_some_and(|step| {
            let reason = &step.reason;
            matches!(
                reason,
                Reason::Paused { .. }
                    | Reason::Manual { .. }
                    | Reason::SwitchedOff
                    | Reason::RolledBack { .. }
                    | Reason::Fallback { .. }
            )
        });
        (!word).then_some(Self { view, terms: view.terms, replicas: view.replicas? })
    }

    /// The metric that asks for the most, with its demand and what one replica takes: it is the first to move the count
    /// up, and the last to let it fall. Where a formula combines them, nobody can say.
    fn leading(&self) -> Option<(&MetricView, f64, f64)> {
        let read = metrics(self.view).filter(|_| !self.terms.formula).filter_map(|metric| {
            let (demand, per_replica) = (metric.demand.value()?, metric.per_replica.value()? / self.terms.multiplier);
            (demand >= 0.0 && per_replica > 0.0).then_some((metric, demand, per_replica))
        });
        read.max_by(|one, other| (one.1 / one.2).total_cmp(&(other.1 / other.2)))
    }

    pub(super) fn up(&self) -> Option<String> {
        let Self { replicas, view, terms } = *self;
        let most = terms.max;
        if replicas >= most {
            let asks_for_more = |decision: &Decision| decision.steps.iter().any(|step| step.wants > most);
            let asks_for_more = view.decision.as_ref().is_some_and(asks_for_more);
            return Some(match (most < view.max, asks_for_more) {
                (true, _) => format!("never above {most} while a schedule says so"),
                (false, true) => {
                    format!("never above the maximum of {most}; raise replicas.max if the load is real")
                }
                (false, false) => format!("never above the maximum of {most}"),
            });
        }
        let (metric, demand, per_replica) = self.leading()?;
        let limit = f64::from(replicas) * (1.0 + terms.tolerance_up);
        let wakes = if replicas == 0 { metric.activation } else { 0.0 };
        let threshold = (limit * per_replica).max(wakes);
        if demand > threshold {
            // What is wanted says so, and what holds it.
            return None;
        }
        let to = ceiling(threshold / per_replica).max(whole(limit).saturating_add(1)).min(most);
        let (name, threshold, now) = (&metric.name, number(threshold), number(demand));
        let other = self.with_others(", or when another metric asks for more");
        Some(format!("to {to} or more when {name} > {threshold} (now {now}){other}"))
    }

    pub(super) fn down(&self) -> Option<String> {
        let Self { replicas, view, terms } = *self;
        if replicas == 0 || metrics(view).any(|metric| hole(metric).is_some()) {
            // What is missing is told in a line of its own.
            return None;
        }
        if replicas <= terms.min {
            let least = terms.min;
            return Some(if least > view.min {
                format!("never below {least} while a schedule says so")
            } else {
                format!("never below the minimum of {least}")
            });
        }
        let (metric, demand, per_replica) = self.leading()?;
        let tolerated = f64::from(replicas) * (1.0 - terms.tolerance_down);
        // One fewer must do, and the ratio must leave the tolerance.
        let one_fewer = f64::from(replicas.saturating_sub(1));
        let (limit, sign) = if tolerated < one_fewer { (tolerated.max(0.0), "<") } else { (one_fewer, "<=") };
        let sleeps = if replicas == 1 { metric.activation } else { 0.0 };
        let threshold = (limit * per_replica).max(sleeps);
        let to = ceiling(limit).max(terms.min);
        let verb = if demand <= threshold { "while" } else { "when" };
        let (name, threshold, now) = (&metric.name, number(threshold), number(demand));
        let other = self.with_others(", and every other metric agrees");
        Some(format!("to {to} or fewer {verb} {name} {sign} {threshold} (now {now}){other}"))
    }

    /// A further condition, where there are other metrics.
    fn with_others(&self, text: &'static str) -> &'static str {
        if metrics(self.view).count() > 1 { text } else { "" }
    }
}

/// The whole part; what does not fit saturates.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "saturating is what is wanted")]
fn whole(value: f64) -> Replicas {
    // The product of a count and a tolerance is off by an ulp at times: 10 times 1.1 is 11.000000000000002.
    (value * (1.0 + 1e-9)).floor() as Replicas
}

/// The next whole number; what does not fit saturates.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "saturating is what is wanted")]
fn ceiling(value: f64) -> Replicas {
    (value * (1.0 - 1e-9)).ceil() as Replicas
}
