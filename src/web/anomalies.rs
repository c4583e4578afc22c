//! `GET /api/v1/anomalies`: what was unusual lately, and which pods are unlike the others of their workload now.

use std::sync::Arc;

use http::StatusCode;
use serde::Serialize;
use serde_json::json;

use super::Context;
use super::params::Params;
use super::query::parse_time;
use super::read::error;
use super::reply::{self, Reply};
use crate::demand::anomaly::Kind;
use crate::demand::anomaly::episode::Episode;
use crate::engine::View;
use crate::workload::Workload;

/// A time in which a demand was unusual; the value is the one that was furthest from what was expected.
#[derive(Debug, Serialize)]
struct Anomaly {
    workload: String,
    metric: Arc<str>,
    /// `spike`, `drop`, or `shift` where demand has changed its ways.
    kind: &'static str,
    began_at: String,
    began_at_ms: i64,
    last_at: String,
    last_at_ms: i64,
    value: f64,
    expected: f64,
    /// Standard deviations from the mean; unusual beyond 3.
    z_score: Option<f64>,
    /// Robust standard deviations from the median; unusual by itself beyond 7.
    robust_score: Option<f64>,
}

impl From<&Episode> for Anomaly {
    fn from(episode: &Episode) -> Self {
        Self {
            workload: episode.workload.to_string(),
            metric: Arc::clone(&episode.metric),
            kind: episode.kind.as_str(),
            began_at: episode.began_at.to_string(),
            began_at_ms: episode.began_at.as_millis(),
            last_at: episode.last_at.to_string(),
            last_at_ms: episode.last_at.as_millis(),
            value: episode.worst.value,
            expected: episode.worst.expected,
            z_score: episode.worst.z_score,
            robust_score: episode.worst.robust_score,
        }
    }
}

/// A pod that is unlike the others of its workload now.
#[derive(Debug, Serialize)]
struct Odd {
    workload: String,
    metric: Arc<str>,
    pod: Arc<str>,
    /// Robust standard deviations from the median of the pods; negative below.
    score: f64,
    /// `level`, or `course` where only its ups and downs are others.
    by: &'static str,
    since: String,
    since_ms: i64,
}

/// The pods that stand apart, of the workloads that are `wanted`.
fn odd_pods(view: &View, wanted: impl Fn(&Workload) -> bool) -> Vec<Odd> {
    let workloads = view.by_name().into_iter().filter(|workload| wanted(&workload.workload));
    let metrics = workloads.flat_map(|workload| workload.metrics.iter().map(move |metric| (workload, metric)));
    let pods = metrics.flat_map(|(workload, metric)| {
        metric.odd_pods.iter().flat_map(|pods| pods.iter()).map(move |odd| Odd {
            workload: workload.workload.to_string(),
            metric: Arc::clone(&metric.name),
            pod: Arc::clone(&odd.pod),
            score: odd.score,
            by: if odd.by_level { "level" } else { "course" },
            since: odd.since.to_string(),
            since_ms: odd.since.as_millis(),
        })
    });
    pods.collect()
}

/// Whether a workload is the one that is asked for, in full (`shop/checkout`) or by its last part.
pub(super) fn is_named(workload: &Workload, wanted: &str) -> bool {
    workload.name == wanted || workload.to_string() == wanted
}

/// The newest first. `workload`, `kind` (`spike`, `drop` or `shift`), `since` (RFC 3339 or Unix seconds).
pub(super) fn handle(context: &Context, params: &Params) -> Reply {
    let given = |name: &str| params.get(name).filter(|text| !text.is_empty());
    let kinds = [Kind::Spike, Kind::Drop, Kind::Shift].map(Kind::as_str);
    if given("kind").is_some_and(|kind| !kinds.contains(&kind)) {
        return error(StatusCode::BAD_REQUEST, "kind must be spike, drop or shift");
    }
    let since = given("since").map(parse_time);
    if since == Some(None) {
        let text = "since must be a time as in 2026-01-05T08:00:00Z or 1767600000";
        return error(StatusCode::BAD_REQUEST, text);
    }
    let since = since.flatten();
    let view = context.view.borrow().clone();
    let wanted = |episode: &&Arc<Episode>| {
        given("workload").is_none_or(|wanted| is_named(&episode.workload, wanted))
            && given("kind").is_none_or(|kind| episode.kind.as_str() == kind)
            && since.is_none_or(|since| episode.last_at >= since)
    };
    let anomalies: Vec<Anomaly> = view.anomalies.iter().rev().filter(wanted).map(|one| Anomaly::from(&**one)).collect();
    let pods = odd_pods(&view, |workload| given("workload").is_none_or(|wanted| is_named(workload, wanted)));
    reply::json(StatusCode::OK, &json!({ "anomalies": anomalies, "pods": pods }))
}
