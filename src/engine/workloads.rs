//! What the loop knows of each workload, and its decision.

use std::sync::Arc;
use std::time::Duration;

use super::view::{MetricView, WorkloadView};
use crate::decision::{Decision, Inputs, MetricInput, State, decide};
use crate::demand::Presence;
use crate::dispatch::{Outcome, Status};
use crate::rule::ScaleRule;
use crate::time::Timestamp;
use crate::workload::{Replicas, Workload};

/// The wait after the first failure; it doubles with each further one.
const RETRY_FIRST: Duration = Duration::from_secs(1);
const RETRY_MAX: Duration = Duration::from_mins(1);

/// The wait before the next action.
#[derive(Debug, Clone, Copy)]
struct Wait {
    until: Timestamp,
    /// What is waited for is to be seen: an observation ends the wait.
    ends_when_observed: bool,
}

/// One workload.
#[derive(Debug)]
pub(super) struct Known {
    pub(super) workload: Workload,
    pub(super) rule: Arc<ScaleRule>,
    /// No rule scales it any more; it is forgotten when its action has ended.
    pub(super) orphaned: bool,
    pub(super) metrics: Vec<MetricInput>,
    status: Option<Status>,
    state: State,
    pub(super) decision: Option<Decision>,
    pub(super) in_flight: bool,
    failures: u32,
    last_error: Option<String>,
    /// No action before it has ended.
    wait: Option<Wait>,
    /// What a dry run was last told: from and to. It is told again when the decision is another.
    recommended: Option<(Replicas, Replicas)>,
}

impl Known {
    pub(super) fn new(workload: Workload, rule: Arc<ScaleRule>) -> Self {
        Self {
            workload,
            rule,
            orphaned: false,
            metrics: Vec::new(),
            status: None,
            state: State::default(),
            decision: None,
            in_flight: false,
            failures: 0,
            last_error: None,
            wait: None,
            recommended: None,
        }
    }

    /// Goes on under a rule.
    pub(super) fn adopt(&mut self, rule: &Arc<ScaleRule>) {
        self.rule = Arc::clone(rule);
        self.orphaned = false;
    }

    /// Takes note of what the cluster says.
    pub(super) fn observe(&mut self, status: Status, now: Timestamp) {
        if let (Some((from, to)), Status::Found { replicas, .. }) = (self.recommended, &status)
            && *replicas == to
        {
            // Somebody followed the recommendation: it counts as scaled.
            self.state.scaled(now, from, to);
            self.recommended = None;
        }
        if self.wait.is_some_and(|wait| wait.ends_when_observed) {
            self.wait = None;
        }
        self.status = Some(status);
    }

    /// Every metric is absent: the rule's vector no longer has this workload.
    pub(super) fn miss(&mut self) {
        for metric in &mut self.metrics {
            metric.demand = Presence::Absent;
        }
    }

    /// Decides anew, and tells whether something is to be done now. Without an observation of the cluster there is
    /// nothing to decide from: `None`, and the decision before stays to be seen.
    pub(super) fn decide(&mut self, now: Timestamp) -> Option<bool> {
        let Some(Status::Found { replicas, ready, .. }) = self.status else { return None };
        if self.orphaned || self.metrics.is_empty() {
            return None;
        }
        let inputs = Inputs { metrics: self.metrics.clone(), replicas, ready, ..Inputs::default() };
        let (decision, state) = decide(&self.rule.policy, &inputs, &self.state, now);
        self.state = state;
        let change = (decision.from, decision.to);
        if decision.to == decision.from {
            self.recommended = None;
        }
        let ready_to_act = !self.in_flight && self.wait.is_none_or(|wait| wait.until <= now);
        let acts = decision.to != decision.from && ready_to_act && self.recommended != Some(change);
        self.decision = Some(decision);
        Some(acts)
    }

    /// When the decision has to be made again though nothing new is heard. Never at once: it has just been made, and what
    /// else keeps it from being carried out ends by an event.
    pub(super) fn revisit_at(&self) -> Option<Timestamp> {
        let decision = self.decision.as_ref()?;
        let waits = decision.to != decision.from && !self.in_flight;
        let retry_at = self.wait.map(|wait| wait.until).filter(|_| waits);
        decision.revisit_at.into_iter().chain(retry_at).filter(|at| *at > decision.at).min()
    }

    /// Takes note of what became of an action.
    pub(super) fn acted(&mut self, from: Replicas, to: Replicas, outcome: &Outcome, now: Timestamp) {
        self.in_flight = false;
        match outcome {
            // What is watched stays as it is, or follows by itself: either way an observation tells.
            Outcome::Simulated => {
                self.recommended = Some((from, to));
                self.succeeded();
            }
            Outcome::Done => {
                self.state.scaled(now, from, to);
                // Until the watch says the same; an older observation is refused by the actuator's `from`.
                if let Some(Status::Found { replicas, .. }) = &mut self.status {
                    *replicas = to;
                }
                self.succeeded();
            }
            // No failure: the cluster has moved on, and an observation of it is on its way.
            Outcome::Conflict => self.wait = Some(Wait { until: now + RETRY_FIRST, ends_when_observed: true }),
            Outcome::Failed(reason) => {
                let wait = RETRY_FIRST.saturating_mul(2_u32.saturating_pow(self.failures)).min(RETRY_MAX);
                self.failed(reason, now + wait);
            }
            Outcome::Refused(reason) => self.failed(reason, now + RETRY_MAX),
        }
    }

    fn succeeded(&mut self) {
        (self.failures, self.last_error, self.wait) = (0, None, None);
    }

    fn failed(&mut self, reason: &str, until: Timestamp) {
        self.failures = self.failures.saturating_add(1);
        self.last_error = Some(reason.to_owned());
        self.wait = Some(Wait { until, ends_when_observed: false });
    }

    /// The cluster doesn't know it, or does not let us look.
    pub(super) fn is_unknown(&self) -> bool {
        matches!(self.status, Some(Status::Unknown(_)))
    }

    pub(super) fn view(&self) -> WorkloadView {
        let (replicas, ready, problem) = match &self.status {
            Some(Status::Found { replicas, ready, .. }) => (Some(*replicas), Some(*ready), None),
            Some(Status::Unknown(reason)) => (None, None, Some(reason.clone())),
            None => (None, None, None),
        };
        let metric = |metric: &MetricInput| MetricView {
            name: Arc::clone(&metric.name),
            demand: metric.demand,
            per_replica: metric.per_replica,
        };
        WorkloadView {
            workload: self.workload.clone(),
            rule: Arc::clone(&self.rule.name),
            labels: self.rule.labels.clone(),
            min: self.rule.policy.min,
            max: self.rule.policy.max,
            replicas,
            ready,
            problem,
            metrics: self.metrics.iter().map(metric).collect(),
            decision: self.decision.clone(),
            in_flight: self.in_flight,
            failures: self.failures,
            last_error: self.last_error.clone(),
        }
    }
}
