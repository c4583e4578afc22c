//! `GET /api/v1/forecasts`: what is foreseen of a workload's demand.

use std::sync::Arc;
use std::time::Duration;

use http::StatusCode;
use serde::Serialize;

use super::Context;
use super::ask::ask;
use super::explain::find;
use super::params::Params;
use super::read::error;
use super::reply::{self, Reply};
use crate::decision;
use crate::engine::{Answer, Command, MetricForecast};
use crate::forecast::Point;
use crate::time::parse_duration;

/// Where nothing is said, and at most: a path of days is no path any more.
const HORIZON: Duration = Duration::from_hours(1);
const HORIZON_MAX: Duration = Duration::from_hours(48);

#[derive(Debug, Serialize)]
struct Shown {
    workload: String,
    metrics: Vec<Metric>,
}

#[derive(Debug, Serialize)]
struct Metric {
    name: String,
    model: String,
    trust: f64,
    /// Seconds from one point to the next; absent before the third sample.
    #[serde(skip_serializing_if = "Option::is_none")]
    step_seconds: Option<f64>,
    points: Vec<Step>,
    /// The workload whose usual day stands for its own, as long as that is not known.
    #[serde(skip_serializing_if = "Option::is_none")]
    lent_by: Option<Arc<str>>,
    /// The pattern that the recent minutes look like.
    #[serde(skip_serializing_if = "Option::is_none")]
    matched: Option<Matched>,
}

/// What a pattern says of the largest demand up to the next chance to act, as far as it weighs.
#[derive(Debug, Serialize)]
struct Matched {
    pattern: Arc<str>,
    weight: f64,
    demand: f64,
    by: f64,
}

/// As the columns of `headroom forecast`.
#[derive(Debug, Serialize)]
struct Step {
    timestamp: f64,
    mean: f64,
    p10: f64,
    p50: f64,
    p90: f64,
    p95: f64,
    pmax90: f64,
}

/// Each metric's path for the next `horizon`.
pub(super) async fn handle(context: &Context, params: &Params) -> Reply {
    let horizon = match params.get("horizon").map(parse_duration) {
        None => HORIZON,
        Some(Ok(horizon)) if !horizon.is_zero() && horizon <= HORIZON_MAX => horizon,
        Some(_) => return error(StatusCode::BAD_REQUEST, "horizon is a duration as in 30m, of 48h at most"),
    };
    let view = context.view.borrow().clone();
    let workload = match find(&view, params.get("workload").unwrap_or_default()) {
        Ok(found) => found.workload.clone(),
        Err((status, text)) => return error(status, &text),
    };
    let name = workload.to_string();
    match ask(context, Command::Forecasts { workload, horizon }).await {
        Ok(Answer::Forecasts(metrics)) => {
            let metrics = metrics.into_iter().map(Metric::from).collect();
            reply::json(StatusCode::OK, &Shown { workload: name, metrics })
        }
        Ok(_) => error(StatusCode::INTERNAL_SERVER_ERROR, "the loop answered something else"),
        Err(reply) => reply,
    }
}

impl From<MetricForecast> for Metric {
    fn from(foreseen: MetricForecast) -> Self {
        let MetricForecast { metric, model, trust, forecast, lent_by, matched } = foreseen;
        Self {
            name: metric.to_string(),
            model: model.to_string(),
            trust,
            step_seconds: forecast.as_ref().map(|forecast| forecast.step.as_secs_f64()),
            points: forecast.into_iter().flat_map(|forecast| forecast.points).map(Step::from).collect(),
            lent_by,
            matched: matched.map(|decision::Matched { pattern, weight, demand, by }| Matched {
                pattern,
                weight,
                demand,
                by: by.as_secs_f64(),
            }),
        }
    }
}

impl From<Point> for Step {
    fn from(point: Point) -> Self {
        let Point { at, mean, p10, p50, p90, p95, peak90 } = point;
        Self { timestamp: at.as_secs_f64(), mean, p10, p50, p90, p95, pmax90: peak90 }
    }
}
