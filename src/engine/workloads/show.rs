//! What people are shown of a workload.

use std::sync::Arc;

use super::{Known, STARTUP_QUANTILE};
use crate::decision::{Manual, MetricInput};
use crate::dispatch::Status;
use crate::engine::foresight::Foresight;
use crate::engine::outlying::Replicated;
use crate::engine::view::{CostView, MetricView, WorkloadView};
use crate::time::Timestamp;
use crate::workload::Replicas;

impl Known {
    fn cost(&self, replicas: Option<Replicas>) -> Option<CostView> {
        let cost = self.rule.economy.cost.as_ref()?;
        Some(CostView {
            rate: cost.rate(replicas?).as_f64(),
            spent: self.memory.spend.as_ref().map_or(0.0, |spend| spend.spent().as_f64()),
            budget: cost.budget.as_ref().map(|budget| budget.amount.as_f64()),
        })
    }

    /// What somebody who scales by hand is told at `now`: the decision, and what keeps it from being carried out.
    pub(in crate::engine) fn answer(&self, now: Timestamp) -> String {
        let Some(decision) = self.decision.as_ref().filter(|decision| decision.at == now) else {
            return match &self.memory.manual {
                Some(Manual { replicas, until, .. }) => format!(
                    "{} is to have {replicas} until {until}; nothing is known of it yet, so nothing is decided",
                    self.named
                ),
                None => format!("nothing is asked of {} by hand any more", self.named),
            };
        };
        let text = format!("{}\n{decision}", decision.headline(&self.workload));
        match &self.muted {
            Some(muted) if decision.changes() => format!("{}\nnot carried out yet: {muted}", text.trim_end()),
            _ => text,
        }
    }

    pub(in crate::engine) fn view(&self, now: Timestamp) -> WorkloadView {
        let (replicas, ready, problem) = match &self.status {
            Some(Status::Found { replicas, ready, .. }) => (Some(*replicas), Some(*ready), None),
            Some(Status::Unknown(reason)) => (None, None, Some(reason.clone())),
            None => (None, None, None),
        };
        let metric = |metric: &MetricInput| MetricView {
            name: Arc::clone(&metric.name),
            demand: metric.demand,
            per_replica: metric.per_replica,
            z_score: metric.z_score,
            robust_score: self.robust.get(&metric.name).and_then(|(_, score)| *score),
            paused: metric.paused,
            activation: metric.activation,
            carried: self.memory.carried.get(&metric.name).and_then(|carried| carried.per_replica(now)),
            outlook: metric.outlook.clone(),
            point: self.foresights.get(&metric.name).and_then(Foresight::point),
            odd_pods: self.replicated.get(&metric.name).and_then(Replicated::odd),
        };
        let twin = self.twin.iter().flat_map(|twin| twin.views(&self.memory.ledgers));
        WorkloadView {
            workload: self.workload.clone(),
            rule: Arc::clone(&self.rule.name),
            labels: self.rule.labels.clone(),
            min: self.rule.policy.min,
            max: self.rule.policy.max,
            terms: self.terms,
            replicas,
            ready,
            problem,
            metrics: self.metrics.iter().map(metric).collect(),
            decision: self.decision.clone(),
            muted: self.muted.clone(),
            drift: self.drift,
            manual: self.memory.manual.clone().filter(|manual| manual.until > now),
            rollback: self.memory.rollback.clone().filter(|rollback| rollback.until > now),
            startup: self.memory.startup.quantile(STARTUP_QUANTILE),
            load: self.memory.load,
            cost: self.cost(replicas),
            shadows: self.shadows.iter().cloned().chain(twin).collect(),
            in_flight: self.in_flight,
            failures: self.failures,
            last_error: self.last_error.clone(),
        }
    }
}
