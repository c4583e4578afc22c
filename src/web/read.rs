//! What the loop knows, as JSON.

use http::StatusCode;
use serde::Serialize;
use serde_json::{Value, json};

use super::Context;
use super::api;
use super::params::Params;
use super::reply::{self, Reply};
use super::stream::Hub;
use crate::telemetry::{Counters, LabelValue, Snapshot};

/// `GET /api/v1/workloads`
pub(super) fn workloads(context: &Context) -> Reply {
    let view = context.view.borrow().clone();
    reply::json(StatusCode::OK, &api::Snapshot::from(&*view))
}

/// `GET /api/v1/history?workload=`: what the page draws before the stream has brought anything.
pub(super) fn history(hub: &Hub, params: &Params) -> Reply {
    let Some(workload) = params.get("workload") else {
        return bad_request("workload is missing; write it as in /api/v1/workloads: ?workload=shop/checkout");
    };
    match hub.history(workload) {
        Some(history) => reply::json(StatusCode::OK, &history),
        None => error(StatusCode::NOT_FOUND, &format!("no history of workload \"{workload}\"")),
    }
}

/// `GET /api/v1/status`
pub(super) fn status(context: &Context) -> Reply {
    let view = context.view.borrow().clone();
    let telemetry = &context.telemetry;
    let (ingest, series, latency) = (&telemetry.ingest, &telemetry.series, &telemetry.latency);
    let warm_start = &telemetry.warm_start;
    let missing = context.missing.borrow().clone();
    let body = json!({
        "version": env!("CARGO_PKG_VERSION"),
        "started_at": context.started_at.to_string(),
        "uptime_seconds": (context.clock)().since(context.started_at).as_secs_f64(),
        "ready": missing.is_empty() && !context.shutdown.is_cancelled(),
        "missing": missing,
        "groups": api::groups(&view.rules),
        "ingest": {
            "requests": counts(&ingest.requests),
            "received_bytes": ingest.bytes.get(),
            "samples_accepted": ingest.accepted.get(),
            "samples_kept": ingest.kept.get(),
            "samples_not_kept": counts(&ingest.not_kept),
            "samples_rejected": counts(&ingest.rejected),
            "in_flight_bytes": ingest.in_flight_bytes.get(),
            "in_flight_bytes_limit": ingest.in_flight_bytes_limit.get(),
        },
        "series": {
            "kept": series.kept.get(),
            "unread": series.unread.get(),
            "window_bytes": series.window_bytes.get(),
            "window_bytes_limit": series.window_bytes_limit.get(),
            "index_bytes": series.index_bytes.get(),
        },
        "warm_start": {
            "pending": warm_start.pending.get(),
            "questions": counts(&warm_start.questions),
            "samples": warm_start.samples.get(),
            "histories": warm_start.histories.get(),
        },
        "latency": {
            "request": quantiles(&latency.request.snapshot()),
            "sample_to_decision": quantiles(&latency.sample_to_decision.snapshot()),
            "evaluation": quantiles(&latency.evaluation.snapshot()),
            "action": quantiles(&latency.action.snapshot()),
        },
    });
    reply::json(StatusCode::OK, &body)
}

fn counts<L: LabelValue>(counters: &Counters<L>) -> Value {
    counters.iter().map(|(value, counter)| (value.as_str().to_owned(), Value::from(counter.get()))).collect()
}

fn quantiles(snapshot: &Snapshot) -> Value {
    let ms = |quantile| snapshot.quantile(quantile).as_secs_f64() * 1000.0;
    json!({
        "count": snapshot.count(),
        "ms_p50": ms(0.5),
        "ms_p90": ms(0.9),
        "ms_p99": ms(0.99),
        "ms_max": snapshot.max().as_secs_f64() * 1000.0,
    })
}

/// The shape of an error; the same as in Prometheus's API.
#[derive(Debug, Serialize)]
struct ErrorBody<'a> {
    status: &'static str,
    #[serde(rename = "errorType")]
    error_type: &'static str,
    error: &'a str,
}

/// An error as Prometheus's API gives it.
pub(super) fn error(status: StatusCode, error: &str) -> Reply {
    let error_type = match status {
        StatusCode::NOT_FOUND => "not_found",
        StatusCode::UNPROCESSABLE_ENTITY => "execution",
        StatusCode::SERVICE_UNAVAILABLE => "unavailable",
        _ => "bad_data",
    };
    reply::json(status, &ErrorBody { status: "error", error_type, error })
}

fn bad_request(text: &str) -> Reply {
    error(StatusCode::BAD_REQUEST, text)
}
