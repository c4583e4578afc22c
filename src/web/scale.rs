//! `POST /api/v1/scale`: a count asked for by hand.

use std::time::Duration;

use http::header::CONTENT_TYPE;
use http::{HeaderMap, Request, StatusCode};
use http_body_util::{BodyExt as _, Limited};
use hyper::body::Incoming;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::json;
use tokio::time::timeout;

use super::Context;
use super::ask::ask;
use super::explain::find;
use super::read::error;
use super::reply::{self, Reply};
use crate::engine::{Answer, Command, ManualScale};
use crate::time::{format_duration, parse_duration};
use crate::workload::Replicas;

/// The longest body: names, and a reason of a few lines.
const BODY_BYTES_MAX: usize = 64 << 10;
/// The longest author and reason; both are kept with the decision.
const TEXT_CHARS_MAX: usize = 1000;
/// Where nothing is said, and at most: a month, for whoever forgets it.
const TTL: Duration = Duration::from_hours(1);
const TTL_MAX: Duration = Duration::from_hours(31 * 24);

/// What is asked for.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Body {
    /// As in `/api/v1/workloads`: `shop/checkout`.
    workload: String,
    /// None, or `null`, ends what was asked for before.
    #[serde(default)]
    replicas: Option<Replicas>,
    author: String,
    reason: String,
    /// A duration as in `1h30m`.
    #[serde(default)]
    ttl: Option<String>,
    #[serde(default)]
    dry_run: bool,
}

/// Passes the wish on to the loop, and its answer back.
pub(super) async fn handle(context: &Context, request: Request<Incoming>) -> Reply {
    match asked(context, request).await {
        Ok(scale) => answered(context, Command::Scale(scale)).await,
        Err((status, text)) => error(status, &text),
    }
}

/// Why a wish is not passed on.
pub(super) type Turned = (StatusCode, String);

pub(super) fn bad(text: impl Into<String>) -> Turned {
    (StatusCode::BAD_REQUEST, text.into())
}

async fn asked(context: &Context, request: Request<Incoming>) -> Result<ManualScale, Turned> {
    scale(context, body(context, request, r#"{"workload", "replicas", "author", "reason"}"#).await?)
}

/// Reads a body of JSON; `shape` is what an error shows.
pub(super) async fn body<T: DeserializeOwned>(
    context: &Context,
    request: Request<Incoming>,
    shape: &str,
) -> Result<T, Turned> {
    let (head, body) = request.into_parts();
    // A page of another site can make a browser post a form, but not this.
    if !is_json(&head.headers) {
        return Err((StatusCode::UNSUPPORTED_MEDIA_TYPE, "send the header content-type: application/json".to_owned()));
    }
    let reading = timeout(context.limits.body_timeout, Limited::new(body, BODY_BYTES_MAX).collect());
    let body =
        reading.await.map_err(|_| (StatusCode::REQUEST_TIMEOUT, "the body did not arrive in time".to_owned()))?;
    let body =
        body.map_err(|error| bad(format!("the body can't be read: {error}; its limit is {BODY_BYTES_MAX} bytes")))?;
    serde_json::from_slice(&body.to_bytes()).map_err(|error| bad(format!("{error}; send {shape}")))
}

fn is_json(headers: &HeaderMap) -> bool {
    let value = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    value.split(';').next().unwrap_or_default().trim().eq_ignore_ascii_case("application/json")
}

fn scale(context: &Context, body: Body) -> Result<ManualScale, Turned> {
    let ttl = match body.ttl.as_deref() {
        None => TTL,
        Some(text) => parse_duration(text).map_err(|error| bad(format!("ttl: {error}")))?,
    };
    if ttl.is_zero() || ttl > TTL_MAX {
        return Err(bad(format!("ttl must be more than zero, and {} at most", format_duration(TTL_MAX))));
    }
    for (name, text) in [("author", &body.author), ("reason", &body.reason)] {
        if text.trim().is_empty() {
            return Err(bad(format!("{name} is empty; whoever reads the journal wants to know")));
        }
        if text.chars().count() > TEXT_CHARS_MAX {
            return Err(bad(format!("{name} is longer than {TEXT_CHARS_MAX} characters")));
        }
    }
    let view = context.view.borrow().clone();
    let workload = find(&view, &body.workload)?.workload.clone();
    let Body { replicas, author, reason, dry_run, .. } = body;
    Ok(ManualScale { workload, replicas, author, reason, ttl, dry_run })
}

/// Asks the loop, and tells what it answers.
pub(super) async fn answered(context: &Context, command: Command) -> Reply {
    match ask(context, command).await {
        Ok(Answer::Scaled { decision } | Answer::Supposed { decision }) => {
            reply::json(StatusCode::OK, &json!({ "decision": decision }))
        }
        Ok(Answer::Pattern(id)) => reply::json(StatusCode::OK, &json!({ "id": id })),
        Ok(_) => reply::json(StatusCode::OK, &json!({ "status": "done" })),
        Err(reply) => reply,
    }
}
