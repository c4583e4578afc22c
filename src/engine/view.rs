//! What the outside may see of the loop: a snapshot, published after each step.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use super::{Counts, OddPod};
use crate::decision::{Behavior, Calendar, Combine, Decision, Manual, Outlook, Policy, Rollback};
use crate::demand::Load;
use crate::demand::Presence;
use crate::demand::anomaly::episode::Episode;
use crate::demand::patterns::Pattern;
use crate::dispatch::{Alert, AlertGroup, AlertStatus, Drift, Muted, Silence};
use crate::forecast::Point;
use crate::journal::Entry;
use crate::labels::Labels;
use crate::time::Timestamp;
use crate::workload::{ObjectRef, Replicas, Workload};

/// A snapshot of the loop.
#[derive(Debug, Clone, Default)]
pub struct View {
    pub at: Timestamp,
    /// In the order of the loop's maps; [`View::by_name`] has them in that of people.
    pub workloads: Vec<Arc<WorkloadView>>,
    /// The newest last; bounded.
    pub decisions: VecDeque<Arc<Entry>>,
    /// A line for each rule, in the order of the files.
    pub rules: Vec<Arc<RuleHealth>>,
    pub counts: Counts,
    /// Sorted by id; expired ones stay for a while.
    pub silences: Vec<Arc<Silence>>,
    /// Firing ones, and resolved ones for a while.
    pub alerts: Vec<Arc<AlertView>>,
    /// The groups that these alerts are in, sorted by labels, then by receiver.
    pub alert_groups: Vec<Arc<AlertGroup>>,
    /// The groups that share limits, sorted by name.
    pub limit_groups: Vec<LimitGroupView>,
    /// Shapes of demand that come again, sorted by workload.
    pub patterns: Arc<Vec<Arc<Pattern>>>,
    /// What was unusual lately, oldest first; bounded.
    pub anomalies: Arc<Vec<Arc<Episode>>>,
}

impl View {
    /// The workloads as people list them: by namespace, then by name.
    #[must_use]
    pub fn by_name(&self) -> Vec<&Arc<WorkloadView>> {
        let mut workloads: Vec<&Arc<WorkloadView>> = self.workloads.iter().collect();
        workloads.sort_unstable_by(|one, other| ObjectRef::cmp(&one.workload, &other.workload));
        workloads
    }
}

/// What a group of workloads costs together.
#[derive(Debug, Clone, PartialEq)]
pub struct LimitGroupView {
    pub name: Arc<str>,
    /// Workloads in it.
    pub members: usize,
    pub cost: CostView,
}

/// An alert and what dispatch makes of it.
#[derive(Debug, Clone, PartialEq)]
pub struct AlertView {
    pub alert: Alert,
    pub status: AlertStatus,
}

/// One workload as the loop knows it.
#[derive(Debug, Clone)]
pub struct WorkloadView {
    pub workload: Workload,
    /// The scale rule's name.
    pub rule: Arc<str>,
    /// The rule's routing labels.
    pub labels: Labels,
    pub min: Replicas,
    pub max: Replicas,
    pub terms: Terms,
    /// What the cluster asks for and has ready; `None` while unknown.
    pub replicas: Option<Replicas>,
    pub ready: Option<Replicas>,
    /// Why the cluster's side is unknown.
    pub problem: Option<String>,
    pub metrics: Vec<MetricView>,
    /// The newest decision, also where it changed nothing.
    pub decision: Option<Decision>,
    /// What keeps the decision from being carried out; `None` where nothing does or nothing is to be done.
    pub muted: Option<Muted>,
    /// Somebody else changed what we had set.
    pub drift: Option<Drift>,
    /// A count asked for by hand.
    pub manual: Option<Manual>,
    /// The last scaling was taken back.
    pub rollback: Option<Rollback>,
    /// How long pods take to become ready: the 90 % quantile of what was seen; `None` before the first.
    pub startup: Option<Duration>,
    pub load: Load,
    /// Money per hour at the present count, and spent in the budget's period; `None` without a price.
    pub cost: Option<CostView>,
    /// An action is on its way.
    pub in_flight: bool,
    /// Actions that failed in a row, and what the last one said.
    pub failures: u32,
    pub last_error: Option<String>,
}

/// On which terms demand moves the count at this moment.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Terms {
    /// The rule's minimum and maximum, as schedules move them.
    pub min: Replicas,
    pub max: Replicas,
    /// Demand counts so many times.
    pub multiplier: f64,
    /// How far demand may be from what the replicas take before the count follows: 0.1 is 10 %.
    pub tolerance_up: f64,
    pub tolerance_down: f64,
    /// A formula combines the metrics, and not the largest of them counts.
    pub formula: bool,
}

impl Terms {
    pub(super) fn of(policy: &Policy, calendar: &Calendar) -> Self {
        let (min, max) = policy.bounds(calendar);
        let Behavior { scale_up, scale_down } = &policy.behavior;
        Self {
            min,
            max,
            multiplier: calendar.multiplier,
            tolerance_up: scale_up.tolerance,
            tolerance_down: scale_down.tolerance,
            formula: policy.combine != Combine::Max,
        }
    }
}

impl WorkloadView {
    /// What the ready replicas take together, in the metric's unit; `None` where either is unknown.
    #[must_use]
    pub fn capacity(&self, metric: &MetricView) -> Option<f64> {
        Some(f64::from(self.ready?) * metric.per_replica.value()?)
    }
}

/// What a workload costs.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct CostView {
    /// Money per hour.
    pub rate: f64,
    /// In the budget's period, or this month where there is no budget.
    pub spent: f64,
    pub budget: Option<f64>,
}

#[derive(Debug, Clone)]
pub struct MetricView {
    pub name: Arc<str>,
    pub demand: Presence,
    pub per_replica: Presence,
    /// How far the demand is from what it has been lately, in standard deviations.
    pub z_score: Option<f64>,
    /// The same by median and median absolute deviation.
    pub robust_score: Option<f64>,
    pub paused: bool,
    /// Up to which demand the workload may have no replicas at all.
    pub activation: f64,
    /// What one replica has proved to carry while the objective held; `None` where nothing tells.
    pub carried: Option<f64>,
    /// What is provided for: the rule's quantile of the largest demand of the window ahead.
    pub outlook: Option<Outlook>,
    /// The step at which what is decided now will have effect.
    pub point: Option<Point>,
    /// Pods whose values are unlike the others'; `None` where the metric has no values of single pods, or too few.
    pub odd_pods: Option<Arc<Vec<OddPod>>>,
}

/// How one rule fares.
#[derive(Debug, Clone)]
pub struct RuleHealth {
    pub group: Arc<str>,
    pub rule: Arc<str>,
    /// Why the last evaluation failed; `None` where it went well.
    pub last_error: Option<String>,
    pub evaluated_at: Option<Timestamp>,
}

impl RuleHealth {
    pub(super) fn new(group: &Arc<str>, rule: &Arc<str>) -> Self {
        Self { group: Arc::clone(group), rule: Arc::clone(rule), last_error: None, evaluated_at: None }
    }
}
