//! What rules say of a workload: its demand, how unusual that is, and what is foreseen of it.

use std::sync::Arc;
use std::time::Duration;

use super::Known;
use crate::decision::MetricInput;
use crate::demand::Presence;
use crate::demand::anomaly;
use crate::demand::anomaly::episode::{Judged, judge};
use crate::dispatch::Status;
use crate::engine::foresight::Foresight;
use crate::engine::lending::is_young;
use crate::engine::patterns::Lore;
use crate::engine::twin::Twin;
use crate::engine::verify::holds;
use crate::time::Timestamp;

/// The journal's key of what is known of a metric's demand.
pub(in crate::engine) fn foreseen_key(workload: &str, metric: &str) -> String {
    format!("{workload}|{metric}")
}

impl Known {
    /// Every metric is absent: the rule's vector no longer has this workload.
    pub(in crate::engine) fn miss(&mut self, now: Timestamp) {
        self.evaluated_at = now;
        for metric in &mut self.metrics {
            metric.demand = Presence::Absent;
        }
        self.compare(now);
    }

    /// Lets the rivals of its twin live on.
    fn compare(&mut self, now: Timestamp) {
        let world = (self.status.as_ref(), self.startup());
        Twin::live(&mut self.twin, &self.rule, &mut self.memory, world, &self.metrics, now);
    }

    /// Takes what the rule says of it; gives what is unusual. `interval` is the longest wait between two evaluations,
    /// and `lore` what is known besides.
    pub(in crate::engine) fn hear(
        &mut self,
        mut metrics: Vec<MetricInput>,
        objective: Presence,
        interval: Duration,
        lore: &mut Lore<'_>,
        now: Timestamp,
    ) -> Vec<(Arc<str>, Judged)> {
        let startup = self.startup();
        let mut unusual = Vec::new();
        for metric in &mut metrics {
            // A value that rests on holes teaches nothing, nor does a count that a rule makes.
            let value = match metric.demand {
                Presence::Present(value) if !metric.absolute && !metric.paused => Some(value),
                _ => None,
            };
            let detector = self.memory.detectors.entry(Arc::clone(&metric.name)).or_default();
            let (robust, score) = self.robust.entry(Arc::clone(&metric.name)).or_default();
            let judged = judge(detector, robust, now, value);
            metric.z_score = judged.and_then(|judged| judged.z_score);
            *score = judged.and_then(|judged| judged.robust_score);
            let odd = judged.filter(|judged| judged.kind != anomaly::Kind::None);
            unusual.extend(odd.map(|judged| (Arc::clone(&metric.name), judged)));
            if let Some(pods) = &metric.pods {
                let replicated = self.replicated.entry(Arc::clone(&metric.name)).or_default();
                replicated.observe(pods, now);
                metric.outlying = replicated.note();
            }
            let Some(forecasting) = self.rule.forecast.as_ref().filter(|_| !metric.absolute) else { continue };
            let foresight = self.foresights.entry(Arc::clone(&metric.name)).or_insert_with(|| {
                let snapshot = lore.foreseen.remove(&foreseen_key(&self.named, &metric.name));
                Foresight::new(&forecasting.options, snapshot.as_deref(), now)
            });
            foresight.keep_holidays(&forecasting.holidays);
            foresight.observe(now, value);
            if let Some(judged) = judged.filter(|_| foresight.has_changed()) {
                unusual.push((Arc::clone(&metric.name), Judged { kind: anomaly::Kind::Shift, ..judged }));
            }
            let hold = self.rule.policy.behavior.scale_down.stabilization_window;
            metric.outlook = foresight.outlook(forecasting, startup, interval, hold, now);
            let under = self.under.entry(Arc::clone(&metric.name)).or_default();
            let demand = (lore.patterns, &self.workload, &*metric.name);
            metric.matched = under.voice(demand, foresight, value, now);
        }
        (self.metrics, self.objective, self.evaluated_at) = (metrics, objective, now);
        self.learn_capacity(now);
        self.compare(now);
        unusual
    }

    /// What a replica carries, where the rule says when it carries too much.
    fn learn_capacity(&mut self, now: Timestamp) {
        let Some(Status::Found { ready, .. }) = self.status else { return };
        if self.rule.objective.as_ref().is_none_or(|objective| objective.plan.is_none()) {
            return;
        }
        let held = holds(self.objective) == Some(true);
        for metric in self.metrics.iter().filter(|metric| !metric.absolute && !metric.paused) {
            let carried = self.memory.carried.entry(Arc::clone(&metric.name)).or_default();
            carried.observe(metric.demand, ready, held, now);
        }
    }

    /// Whether any of its demands is known for less than a day.
    pub(in crate::engine) fn is_new(&self) -> bool {
        self.foresights.values().filter_map(Foresight::history).any(is_young)
    }

    /// Whose day stands for its own, which is not known yet.
    pub(in crate::engine) fn lent_by(&self, metric: &Arc<str>) -> Option<Arc<str>> {
        let young = self.foresights.get(metric).and_then(Foresight::history).is_some_and(is_young);
        self.memory.lent.get(metric).filter(|_| young).cloned()
    }
}
