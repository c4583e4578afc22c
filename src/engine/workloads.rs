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

/// One workload.
#[derive(Debug)]
pub(super) struct Known {
    pub(super) workload: Workload,
    pub(super) rule: Arc<ScaleRule>,
    /// The rule's place, by which a reload finds it again.
    pub(super) metrics: Vec<MetricInput>,
    status: Option<Status>,
    state: State,
    pub(super) decision: Option<Decision>,
    pub(super) in_flight: bool,
    failures: u32,
    last_error: Option<String>,
    /// No action before this.
    retry_at: Option<Timestamp>,
    /// The last action met a scale that somebody else had changed: a fresh observation ends the wait.
    conflicted: bool,
    /// What a dry run was last told: from and to. It is told again when the decision is another.
    recommended: Option<(Replicas, Replicas)>,
}

impl Known {
    pub(super) fn new(workload: Workload, rule: Arc<ScaleRule>) -> Self {
        Self {
            workload,
            rule,
            metrics: Vec::new(),
            status: None,
            state: State::default(),
            decision: None,
            in_flight: false,
            failures: 0,
            last_error: None,
            retry_at: None,
            conflicted: false,
            recommended: None,
        }
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
        if std::mem::take(&mut self.conflicted) {
            self.retry_at = None;
        }
        self.status = Some(status);
    }

    /// Every metric is absent: the rule's vector no longer has this workload.
    pub(super) fn miss(&mut self) {
        for metric in &mut self.metrics {
            metric.demand = Presence::Absent;
        }
    }

    /// Decides anew; gives the decision where something is to be done now. Without an observation of the cluster
    /// there is nothing to decide from.
    pub(super) fn decide(&mut self, now: Timestamp) -> Option<&Decision> {
        let Some(Status::Found { replicas, ready }) = self.status else { return None };
        if self.metrics.is_empty() {
            return None;
        }
        let inputs = Inputs { metrics: self.metrics.clone(), replicas, ready };
        let (decision, state) = decide(&self.rule.policy, &inputs, &self.state, now);
        self.state = state;
        let change = (decision.from, decision.to);
        if decision.to == decision.from {
            self.recommended = None;
        }
        let ready_to_act = !self.in_flight && self.retry_at.is_none_or(|at| at <= now);
        let acts = decision.to != decision.from && ready_to_act && self.recommended != Some(change);
        let decision = self.decision.insert(decision);
        acts.then_some(&*decision)
    }

    /// When this workload has to be looked at again though nothing new is heard of it. Never now: it has just been
    /// looked at, and what keeps it from acting (no word from the cluster, say) ends by an event.
    pub(super) fn revisit_at(&self, now: Timestamp) -> Option<Timestamp> {
        let decision = self.decision.as_ref()?;
        let waits = decision.to != decision.from && !self.in_flight;
        let retry_at = self.retry_at.filter(|_| waits);
        decision.revisit_at.into_iter().chain(retry_at).filter(|at| *at > now).min()
    }

    /// Takes note of what became of an action.
    pub(super) fn acted(&mut self, from: Replicas, to: Replicas, outcome: &Outcome, now: Timestamp) {
        self.in_flight = false;
        let failed = match outcome {
            // What is watched stays as it is, or follows by itself: either way an observation tells.
            Outcome::Simulated => {
                self.recommended = Some((from, to));
                None
            }
            Outcome::Done => {
                self.state.scaled(now, from, to);
                // Until the watch says the same; an older observation is refused by the actuator's `from`.
                if let Some(Status::Found { replicas, .. }) = &mut self.status {
                    *replicas = to;
                }
                None
            }
            // Nobody's failure. Should no observation come, it is tried again.
            Outcome::Conflict => {
                self.conflicted = true;
                self.retry_at = Some(now + RETRY_FIRST);
                return;
            }
            Outcome::Failed(reason) => {
                let wait = RETRY_FIRST.saturating_mul(2_u32.saturating_pow(self.failures)).min(RETRY_MAX);
                Some((reason, wait))
            }
            Outcome::Refused(reason) => Some((reason, RETRY_MAX)),
        };
        let Some((reason, wait)) = failed else {
            (self.failures, self.last_error, self.retry_at) = (0, None, None);
            return;
        };
        self.failures = self.failures.saturating_add(1);
        self.last_error = Some(reason.clone());
        self.retry_at = Some(now + wait);
    }

    /// The cluster doesn't know it, or does not let us look.
    pub(super) fn is_unknown(&self) -> bool {
        matches!(self.status, Some(Status::Unknown(_)))
    }

    pub(super) fn view(&self) -> WorkloadView {
        let (replicas, ready, problem) = match &self.status {
            Some(Status::Found { replicas, ready }) => (Some(*replicas), Some(*ready), None),
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
