//! The JSON of Headroom's own API. Inner types convert here and stay free to change.

use std::sync::Arc;

use serde::Serialize;

use crate::decision;
use crate::engine::{self, MetricView, RuleHealth, WorkloadView};
use crate::labels::Labels;
use crate::workload::Replicas;

/// `GET /api/v1/workloads`, and the stream's `workloads` event.
#[derive(Debug, Serialize)]
pub(super) struct Snapshot {
    pub(super) at: String,
    pub(super) at_ms: i64,
    pub(super) workloads: Vec<Workload>,
}

#[derive(Debug, Serialize)]
pub(super) struct Workload {
    /// `shop/checkout`: as logs, metrics and the journal write it.
    #[serde(rename = "workload")]
    id: String,
    namespace: String,
    kind: String,
    name: String,
    rule: Arc<str>,
    labels: Labels,
    min: Replicas,
    max: Replicas,
    /// What the cluster asks for, and what is ready; `null` while unknown.
    replicas: Option<Replicas>,
    ready: Option<Replicas>,
    problem: Option<String>,
    metrics: Vec<Metric>,
    decision: Option<Decision>,
    /// What keeps the decision from being carried out, as a word and in words.
    muted: Option<Held>,
    /// Somebody else changed what had been set.
    drift: Option<Drifted>,
    /// A count asked for by hand: who, why and until when.
    manual: Option<Asked>,
    /// The last scaling went wrong; this is the count to which it was taken back.
    rolled_back_to: Option<Replicas>,
    /// How long pods take to become ready; 90 % quantile.
    startup_seconds: Option<f64>,
    load: &'static str,
    cost: Option<Cost>,
    in_flight: bool,
    failures: u32,
    last_error: Option<String>,
}

#[derive(Debug, Serialize)]
struct Held {
    by: &'static str,
    reason: String,
}

#[derive(Debug, Serialize)]
struct Drifted {
    set: Replicas,
    found: Replicas,
    since: String,
}

#[derive(Debug, Serialize)]
struct Asked {
    replicas: Replicas,
    author: Arc<str>,
    reason: Arc<str>,
    until: String,
}

/// In the currency of the settings.
#[derive(Debug, Serialize)]
struct Cost {
    per_hour: f64,
    spent: f64,
    budget: Option<f64>,
}

#[derive(Debug, Serialize)]
struct Metric {
    name: Arc<str>,
    /// `null` unless `demand_state` is `present`.
    demand: Option<f64>,
    demand_state: &'static str,
    per_replica: Option<f64>,
    capacity: Option<f64>,
    /// What one replica has carried while the objective held.
    carried_per_replica: Option<f64>,
    /// How unusual the demand is, in standard deviations.
    z_score: Option<f64>,
    /// The same by median and median absolute deviation.
    robust_score: Option<f64>,
    /// What its rule provides for; `null` where nothing is foreseen.
    forecast: Option<Foreseen>,
}

/// The quantile of the largest demand until `by`, and how far it is trusted.
#[derive(Debug, Serialize)]
struct Foreseen {
    demand: f64,
    quantile: f64,
    by: String,
    trust: f64,
    model: Arc<str>,
}

#[derive(Debug, Serialize)]
pub(super) struct Decision {
    at: String,
    at_ms: i64,
    from: Replicas,
    to: Replicas,
    /// The layer that had the last word, and its reason.
    layer: &'static str,
    reason: String,
    /// The reason's name, as filters write it.
    reason_code: &'static str,
    steps: Vec<Step>,
}

#[derive(Debug, Serialize)]
struct Step {
    layer: &'static str,
    wants: Replicas,
    reason: String,
}

/// One item of `GET /api/v1/decisions`, and the stream's `decision` event.
#[derive(Debug, Serialize)]
pub(super) struct Entry {
    id: u64,
    workload: String,
    rule: Arc<str>,
    #[serde(flatten)]
    decision: Decision,
    /// The textual form: a line for each step that has something to say.
    explanation: String,
    /// Empty while the action is on its way.
    outcome: String,
}

/// One group of rules, in the order of the files.
#[derive(Debug, Serialize)]
pub(super) struct Group {
    name: Arc<str>,
    rules: Vec<Rule>,
}

#[derive(Debug, Serialize)]
struct Rule {
    name: Arc<str>,
    healthy: bool,
    last_error: Option<String>,
    evaluated_at: Option<String>,
}

impl From<&engine::View> for Snapshot {
    fn from(view: &engine::View) -> Self {
        let workloads = view.by_name().into_iter().map(|workload| Workload::from(&**workload)).collect();
        Self { at: view.at.to_string(), at_ms: view.at.as_millis(), workloads }
    }
}

impl From<&WorkloadView> for Workload {
    fn from(view: &WorkloadView) -> Self {
        Self {
            id: view.workload.to_string(),
            namespace: view.workload.namespace.clone(),
            kind: view.workload.kind.clone(),
            name: view.workload.name.clone(),
            rule: Arc::clone(&view.rule),
            labels: view.labels.clone(),
            min: view.min,
            max: view.max,
            replicas: view.replicas,
            ready: view.ready,
            problem: view.problem.clone(),
            metrics: view.metrics.iter().map(|metric| Metric::new(view, metric)).collect(),
            decision: view.decision.as_ref().map(Decision::from),
            muted: view.muted.as_ref().map(|muted| Held { by: muted.as_str(), reason: muted.to_string() }),
            drift: view.drift.map(|drift| Drifted {
                set: drift.set,
                found: drift.found,
                since: drift.since.to_string(),
            }),
            manual: view.manual.as_ref().map(|manual| Asked {
                replicas: manual.replicas,
                author: Arc::clone(&manual.author),
                reason: Arc::clone(&manual.reason),
                until: manual.until.to_string(),
            }),
            rolled_back_to: view.rollback.as_ref().map(|rollback| rollback.good),
            startup_seconds: view.startup.map(|startup| startup.as_secs_f64()),
            load: view.load.as_str(),
            cost: view.cost.map(|cost| Cost { per_hour: cost.rate, spent: cost.spent, budget: cost.budget }),
            in_flight: view.in_flight,
            failures: view.failures,
            last_error: view.last_error.clone(),
        }
    }
}

impl Metric {
    fn new(workload: &WorkloadView, metric: &MetricView) -> Self {
        Self {
            name: Arc::clone(&metric.name),
            demand: metric.demand.value(),
            demand_state: metric.demand.as_str(),
            per_replica: metric.per_replica.value(),
            capacity: workload.capacity(metric),
            carried_per_replica: metric.carried,
            z_score: metric.z_score,
            robust_score: metric.robust_score,
            forecast: metric.outlook.as_ref().map(|outlook| Foreseen {
                demand: outlook.demand,
                quantile: outlook.quantile,
                by: outlook.by.to_string(),
                trust: outlook.trust,
                model: Arc::clone(&outlook.model),
            }),
        }
    }
}

impl From<&decision::Decision> for Decision {
    fn from(decision: &decision::Decision) -> Self {
        Self {
            at: decision.at.to_string(),
            at_ms: decision.at.as_millis(),
            from: decision.from,
            to: decision.to,
            layer: decision.layer.as_str(),
            reason: decision.decisive().map_or_else(String::new, |step| step.reason.to_string()),
            reason_code: decision.decisive().map_or("", |step| step.reason.code()),
            steps: decision.steps.iter().map(Step::from).collect(),
        }
    }
}

impl From<&decision::Step> for Step {
    fn from(step: &decision::Step) -> Self {
        Self { layer: step.layer.as_str(), wants: step.wants, reason: step.reason.to_string() }
    }
}

impl From<&engine::Entry> for Entry {
    fn from(entry: &engine::Entry) -> Self {
        Self {
            id: entry.id,
            workload: entry.workload.to_string(),
            rule: Arc::clone(&entry.rule),
            decision: Decision::from(&entry.decision),
            explanation: entry.decision.to_string(),
            outcome: entry.outcome.as_ref().map(ToString::to_string).unwrap_or_default(),
        }
    }
}

/// The rules under their groups.
pub(super) fn groups(rules: &[Arc<RuleHealth>]) -> Vec<Group> {
    let groups = rules.chunk_by(|one, next| one.group == next.group);
    groups
        .filter_map(|rules| {
            Some(Group { name: Arc::clone(&rules.first()?.group), rules: rules.iter().map(rule).collect() })
        })
        .collect()
}

fn rule(health: &Arc<RuleHealth>) -> Rule {
    Rule {
        name: Arc::clone(&health.rule),
        healthy: health.last_error.is_none(),
        last_error: health.last_error.clone(),
        evaluated_at: health.evaluated_at.map(|at| at.to_string()),
    }
}
