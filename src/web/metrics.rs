//! `/metrics`: what the service counts, then what it knows of each workload and rule.
//!
//! The exporter rebuilds and sorts every label set for each scrape, so the families that grow with the fleet are
//! written straight from the snapshot.

use std::collections::BTreeMap;

use http::StatusCode;

use super::reply::{self, Reply};
use super::senders::Senders;
use super::write::off_the_reactor;
use super::{Context, process};
use crate::decision::Layer;
use crate::demand::Load;
use crate::engine::{LimitGroupView, MetricView, RuleHealth, View, WorkloadView};
use crate::rivals::Side;
use crate::telemetry::{Exposition, Metric, names};
use crate::time::Timestamp;

/// `GET /metrics`
pub(super) fn handle(context: &Context, senders: &Senders) -> Reply {
    let text = off_the_reactor(true, || render(context, senders));
    reply::content(StatusCode::OK, "text/plain; version=0.0.4; charset=utf-8", text)
}

/// All families of the table.
pub(super) fn render(context: &Context, senders: &Senders) -> String {
    let view = context.view.borrow().clone();
    let mut text = Exposition::default();
    senders.render(&mut text, (context.clock)());
    workloads(&mut text, &view);
    groups(&mut text, &view);
    rules(&mut text, &view);
    text.family(&names::BUILD_INFO).sample(&[env!("CARGO_PKG_VERSION")], 1.0);
    process::render(&mut text);
    let mut all = context.telemetry.render();
    all.push_str(&text.into_text());
    all
}

/// What a family shows of a workload.
type Shown = (&'static Metric, fn(&WorkloadView) -> Option<f64>);
/// What a family shows of a group that shares limits.
type ShownGroup = (&'static Metric, fn(&LimitGroupView) -> Option<f64>);
/// What a family shows of a workload's metric.
type ShownMetric = (&'static Metric, fn(&WorkloadView, &MetricView) -> Option<f64>);

const WORKLOAD: [Shown; 14] = [
    (&names::REPLICAS_CURRENT, |workload| workload.replicas.map(f64::from)),
    (&names::REPLICAS_READY, |workload| workload.ready.map(f64::from)),
    (&names::REPLICAS_DESIRED, |workload| workload.decision.as_ref().map(|decision| f64::from(decision.to))),
    (&names::REPLICAS_MIN, |workload| Some(f64::from(workload.min))),
    (&names::REPLICAS_MAX, |workload| Some(f64::from(workload.max))),
    (&names::DECISION_TIME, |workload| workload.decision.as_ref().map(|decision| decision.at.as_secs_f64())),
    (&names::ACTION_IN_FLIGHT, |workload| Some(flag(workload.in_flight))),
    (&names::ACTION_FAILURES, |workload| Some(f64::from(workload.failures))),
    (&names::MUTED, |workload| Some(flag(workload.muted.is_some()))),
    (&names::DRIFTED, |workload| Some(flag(workload.drift.is_some()))),
    (&names::STARTUP, |workload| workload.startup.map(|startup| startup.as_secs_f64())),
    (&names::COST_RATE, |workload| workload.cost.map(|cost| cost.rate)),
    (&names::COST_SPENT, |workload| workload.cost.map(|cost| cost.spent)),
    (&names::COST_BUDGET, |workload| workload.cost.and_then(|cost| cost.budget)),
];

const METRIC: [ShownMetric; 8] = [
    (&names::DEMAND, |_, metric| metric.demand.value()),
    (&names::PER_REPLICA, |_, metric| metric.per_replica.value()),
    (&names::CAPACITY, WorkloadView::capacity),
    (&names::CARRIED, |_, metric| metric.carried),
    (&names::HEADROOM, headroom),
    (&names::Z_SCORE, |_, metric| metric.z_score),
    (&names::ROBUST_SCORE, |_, metric| metric.robust_score),
    (&names::OUTLYING, |_, metric| metric.odd_pods.as_ref().map(|pods| pods.len() as f64)),
];

const GROUP: [ShownGroup; 4] = [
    (&names::GROUP_MEMBERS, |group| Some(group.members as f64)),
    (&names::GROUP_COST_RATE, |group| Some(group.cost.rate)),
    (&names::GROUP_COST_SPENT, |group| Some(group.cost.spent)),
    (&names::GROUP_COST_BUDGET, |group| group.cost.budget),
];

fn groups(text: &mut Exposition, view: &View) {
    for (metric, of) in GROUP {
        let mut family = text.family(metric);
        for group in &view.limit_groups {
            family.maybe(&[&group.name], of(group));
        }
    }
}

fn workloads(text: &mut Exposition, view: &View) {
    let named: Vec<(String, &WorkloadView)> =
        view.by_name().into_iter().map(|workload| (workload.workload.to_string(), &**workload)).collect();
    let mut info = text.family(&names::WORKLOAD_INFO);
    for (name, view) in &named {
        let workload = &view.workload;
        info.sample(&[name, &workload.namespace, &workload.kind, &workload.name, &view.rule], 1.0);
    }
    for (metric, of) in WORKLOAD {
        let mut family = text.family(metric);
        for (name, workload) in &named {
            family.maybe(&[name], of(workload));
        }
    }
    for (metric, of) in METRIC {
        let mut family = text.family(metric);
        for (name, workload) in &named {
            for own in &workload.metrics {
                family.maybe(&[name, &own.name], of(workload, own));
            }
        }
    }
    forecasts(text, &named);
    shadows(text, &named);
    let mut classes = text.family(&names::LOAD_CLASS);
    for (name, workload) in &named {
        for class in Load::ALL {
            classes.sample(&[name, class.as_str()], flag(workload.load == class));
        }
    }
    let mut layers = text.family(&names::DECIDING_LAYER);
    for (name, workload) in &named {
        let Some(decision) = &workload.decision else { continue };
        for layer in Layer::ALL {
            layers.sample(&[name, layer.as_str()], flag(decision.layer == layer));
        }
    }
}

fn forecasts(text: &mut Exposition, named: &[(String, &WorkloadView)]) {
    let metrics = || named.iter().flat_map(|(name, workload)| workload.metrics.iter().map(move |own| (name, own)));
    let mut demands = text.family(&names::FORECAST);
    for (name, metric) in metrics() {
        let Some(point) = metric.point else { continue };
        let all =
            [("mean", point.mean), ("p10", point.p10), ("p50", point.p50), ("p90", point.p90), ("p95", point.p95)];
        for (statistic, demand) in all {
            demands.sample(&[name, &metric.name, statistic], demand);
        }
    }
    let mut peaks = text.family(&names::FORECAST_PEAK);
    for (name, metric) in metrics() {
        peaks.maybe(&[name, &metric.name], metric.outlook.as_ref().map(|outlook| outlook.demand));
    }
    let mut trust = text.family(&names::FORECAST_TRUST);
    for (name, metric) in metrics() {
        if let Some(outlook) = &metric.outlook {
            trust.sample(&[name, &metric.name, &outlook.model], outlook.trust);
        }
    }
}

fn shadows(text: &mut Exposition, named: &[(String, &WorkloadView)]) {
    let shadows =
        || named.iter().flat_map(|(name, workload)| workload.shadows.iter().map(move |shadow| (name, shadow)));
    let mut replicas = text.family(&names::SHADOW_REPLICAS);
    for (name, shadow) in shadows() {
        replicas.sample(&[name, &shadow.name], f64::from(shadow.replicas));
    }
    let mut sums = |metric: &'static Metric, of: fn(Side) -> f64| {
        let mut family = text.family(metric);
        for (name, shadow) in shadows() {
            family.sample(&[name, &shadow.name, "shadow"], of(shadow.ledger.shadow));
            family.sample(&[name, &shadow.name, "live"], of(shadow.ledger.live));
        }
    };
    sums(&names::SHADOW_COST, |side| side.replica_seconds);
    sums(&names::SHADOW_MISSED, |side| side.missed);
    let mut demand = text.family(&names::SHADOW_DEMAND);
    for (name, shadow) in shadows() {
        demand.sample(&[name, &shadow.name], shadow.ledger.offered);
    }
}

/// A group may hold several rules of one name, as `record` rules with different labels do; they share their series.
fn rules(text: &mut Exposition, view: &View) {
    let mut named: BTreeMap<[&str; 2], Vec<&RuleHealth>> = BTreeMap::new();
    for rule in &view.rules {
        named.entry([&rule.group, &rule.rule]).or_default().push(rule);
    }
    let mut healthy = text.family(&names::RULE_HEALTHY);
    for (name, rules) in &named {
        healthy.sample(name, flag(rules.iter().all(|rule| rule.last_error.is_none())));
    }
    let mut evaluated = text.family(&names::RULE_EVALUATED);
    for (name, rules) in &named {
        let newest = rules.iter().filter_map(|rule| rule.evaluated_at).max();
        evaluated.maybe(name, newest.map(Timestamp::as_secs_f64));
    }
}

/// The part of the capacity that is free; unknown where there is no capacity to be part of.
fn headroom(workload: &WorkloadView, metric: &MetricView) -> Option<f64> {
    let capacity = workload.capacity(metric).filter(|capacity| *capacity > 0.0)?;
    Some(1.0 - metric.demand.value()? / capacity)
}

fn flag(value: bool) -> f64 {
    if value { 1.0 } else { 0.0 }
}
