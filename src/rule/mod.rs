//! Groups of record, alert and scale rules → demand and alerts, when due.
//!
//! In: rule files ([`load`]), compiled all or nothing ([`compile`]), then bound to the subscriptions that they read
//! ([`RuleSet::bind`]). Out: samples of record rules, alerts, and the inputs of each workload's
//! decision.
//! Never here: a clock, a schedule, a workload's history, which are the engine's.

mod alert;
mod bound;
mod compile;
mod forecast;
mod load;
mod past;
mod policy;
mod record;
mod restore;
mod scale;
mod spread;
mod target;
#[cfg(test)]
mod tests;
mod wanted;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use crate::decision;
use crate::decision::economy::{Cost, Requests};
use crate::labels::Labels;
use crate::promql::Plan;
use crate::rivals;
use crate::schedule::Calendar;
use crate::series::Selector;

pub use alert::{
    ALERT_NAME, ALERTS_MAX, AlertError, AlertPhase, AlertRule, AlertState, AlertStates, BoundAlert, External,
    RESOLVED_RETENTION,
};
pub use bound::{BoundGroup, BoundRule, BoundRules};
pub use compile::compile;
pub use forecast::Forecasting;
pub use load::{Loaded, load, read};
pub use past::Past;
pub use record::BoundRecord;
pub use restore::{GRACE_PERIOD, OUTAGE_TOLERANCE};
pub use scale::{Answers, BoundScale, WorkloadAnswer};
pub use target::{TargetError, TargetTemplate, Template};
pub use wanted::{AnyName, Wanted};

/// Everything that the rule files say.
#[derive(Debug, Clone, Default)]
pub struct RuleSet {
    pub groups: Vec<Group>,
}

/// Rules that are evaluated one after the other.
#[derive(Debug, Clone)]
pub struct Group {
    pub name: Arc<str>,
    /// The file that it comes from.
    pub file: PathBuf,
    /// The longest wait between two evaluations.
    pub interval: Duration,
    pub rules: Vec<Rule>,
}

#[derive(Debug, Clone)]
pub enum Rule {
    Record(Arc<RecordRule>),
    Alert(Arc<AlertRule>),
    Scale(Arc<ScaleRule>),
}

/// The result of an expression becomes series of a new name.
#[derive(Debug, Clone)]
pub struct RecordRule {
    pub name: Arc<str>,
    /// Names and values to set; an empty value removes the label.
    pub labels: Vec<(String, String)>,
    pub plan: Arc<Plan>,
}

/// How workloads are scaled.
#[derive(Debug, Clone)]
pub struct ScaleRule {
    pub name: Arc<str>,
    /// It decides over pods that are only counted, and never acts.
    pub shadow: bool,
    /// The scalers that run beside it, each once.
    pub compare: Vec<rivals::Kind>,
    pub target: TargetTemplate,
    pub policy: decision::Policy,
    /// At least one.
    pub metrics: Vec<Metric>,
    /// How demand is foreseen; `None` where the rule does not ask for it.
    pub forecast: Option<Forecasting>,
    /// What must hold after a scaling.
    pub objective: Option<Objective>,
    /// Schedules and planned events.
    pub calendar: Arc<Calendar>,
    pub economy: Economy,
    /// In a group's batch, lower ones go up first and down last.
    pub order: i32,
    /// For routing, as on an alert.
    pub labels: Labels,
    /// Told with a decision; its data are the decision's labels, and as value the count that it wants.
    pub annotations: Vec<(String, crate::template::Template)>,
}

/// What a workload costs, and what it shares.
#[derive(Debug, Clone, Default)]
pub struct Economy {
    pub cost: Option<Cost>,
    pub requests: Requests,
    /// The higher is served first where a limit is shared.
    pub priority: i32,
    /// The group of the settings whose limits it shares.
    pub group: Option<Arc<str>>,
}

/// One reason to scale.
#[derive(Debug, Clone)]
pub struct Metric {
    pub name: Arc<str>,
    /// Total work arriving; the count itself where `per_replica` says so.
    pub demand: Arc<Plan>,
    pub per_replica: PerReplica,
    /// The demand is a value of each pod.
    pub per_pod: Option<PerPod>,
    /// Demand up to here doesn't wake a workload that has no replicas.
    pub activation: f64,
    pub paused: bool,
    /// A series for each target that should report, above zero where it does.
    pub targets: Option<Arc<Plan>>,
}

/// The work that one replica takes, in the demand's unit.
#[derive(Debug, Clone)]
pub enum PerReplica {
    /// More than zero.
    Number(f64),
    Expr(Arc<Plan>),
    /// The demand is a count of replicas already.
    Absolute,
}

/// How the values of single pods are taken.
#[derive(Debug, Clone)]
pub struct PerPod {
    /// A series for each pod, above zero where it is ready, with the label `pod` as the values have it.
    pub ready: Option<Arc<Plan>>,
    /// They are fractions of what a pod requests.
    pub utilization: bool,
}

/// What must hold after a scaling, or it is taken back.
#[derive(Debug, Clone)]
pub struct Objective {
    /// A condition: its value is not zero while it holds.
    pub plan: Option<Arc<Plan>>,
    /// How long it may take until the pods are ready and the condition holds.
    pub within: Duration,
    /// How long the last good count is kept where it does not.
    pub hold: Duration,
}

impl RuleSet {
    /// How many rules there are in all groups.
    #[must_use]
    pub fn rules(&self) -> usize {
        self.groups.iter().map(|group| group.rules.len()).sum()
    }

    /// Every selector of every rule, in the order in which [`bind`](Self::bind) wants the subscriptions.
    /// Rules that read the same have the same selector, each its own.
    #[must_use]
    pub fn selectors(&self) -> Vec<Selector> {
        let rules = self.groups.iter().flat_map(|group| &group.rules);
        rules.flat_map(Rule::plans).flat_map(|plan| plan.selectors().iter().cloned()).collect()
    }
}

impl Rule {
    #[must_use]
    pub fn name(&self) -> &Arc<str> {
        match self {
            Self::Record(rule) => &rule.name,
            Self::Alert(rule) => &rule.name,
            Self::Scale(rule) => &rule.name,
        }
    }

    /// Its plans, in the order in which they are bound.
    fn plans(&self) -> Vec<&Arc<Plan>> {
        match self {
            Self::Record(rule) => vec![&rule.plan],
            Self::Alert(rule) => std::iter::once(&rule.plan).chain(rule.queries.iter().map(|(_, plan)| plan)).collect(),
            Self::Scale(rule) => {
                let objective = rule.objective.as_ref().and_then(|objective| objective.plan.as_ref());
                rule.metrics.iter().flat_map(Metric::plans).chain(objective).collect()
            }
        }
    }
}

impl Metric {
    fn plans(&self) -> impl Iterator<Item = &Arc<Plan>> {
        let per_replica = match &self.per_replica {
            PerReplica::Number(_) | PerReplica::Absolute => None,
            PerReplica::Expr(plan) => Some(plan),
        };
        let ready = self.per_pod.as_ref().and_then(|per_pod| per_pod.ready.as_ref());
        std::iter::once(&self.demand).chain(per_replica).chain(ready).chain(&self.targets)
    }
}
