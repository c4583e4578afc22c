//! `GET /api/v1/explain?workload=`: why a workload has the count that it has.

use std::sync::Arc;

use http::header::{ACCEPT, VARY};
use http::{HeaderMap, HeaderValue, StatusCode};
use serde_json::json;

use super::Context;
use super::params::Params;
use super::read::error;
use super::reply::{self, Reply};
use crate::dispatch::Outcome;
use crate::engine::{View, WorkloadView, explain};

/// As text where the client asks for `text/plain`, else as JSON.
pub(super) fn handle(context: &Context, params: &Params, headers: &HeaderMap) -> Reply {
    let view = context.view.borrow().clone();
    let wanted = params.get("workload").unwrap_or_default();
    let workload = match find(&view, wanted) {
        Ok(workload) => workload,
        Err((status, text)) => return error(status, &text),
    };
    let carried_out = view
        .decisions
        .iter()
        .rfind(|entry| entry.workload == workload.workload && entry.outcome == Some(Outcome::Done));
    let text = explain(workload, carried_out.map(|entry| &**entry), (context.clock)());
    let accept = headers.get(ACCEPT).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let mut answer = if accept.contains("text/plain") {
        reply::findings(StatusCode::OK, text)
    } else {
        let name = workload.workload.to_string();
        reply::json(StatusCode::OK, &json!({ "workload": name, "at": view.at.to_string(), "text": text }))
    };
    answer.headers_mut().insert(VARY, HeaderValue::from_static("accept"));
    answer
}

/// How many names an error tells.
const NAMES_MAX: usize = 5;

/// The workload of a name as people write it: in full, as in `shop/checkout`, or its last part, where only one has it.
pub(super) fn find<'a>(view: &'a View, wanted: &str) -> Result<&'a Arc<WorkloadView>, (StatusCode, String)> {
    if wanted.is_empty() {
        let text = "workload is missing; write it as in /api/v1/workloads: shop/checkout";
        return Err((StatusCode::BAD_REQUEST, text.to_owned()));
    }
    if let Some(found) = view.workloads.iter().find(|view| view.workload.to_string() == wanted) {
        return Ok(found);
    }
    let named: Vec<_> = view.workloads.iter().filter(|view| view.workload.name == wanted).collect();
    match named[..] {
        [only] => Ok(only),
        [] => {
            let known = names(view.by_name().into_iter());
            Err((StatusCode::NOT_FOUND, format!("no rule scales a workload \"{wanted}\"; there are: {known}")))
        }
        _ => {
            let several = names(named.iter().copied());
            Err((
                StatusCode::BAD_REQUEST,
                format!("several workloads are called \"{wanted}\": {several}; write one in full"),
            ))
        }
    }
}

/// The first names, and how many more there are.
fn names<'a>(workloads: impl Iterator<Item = &'a Arc<WorkloadView>>) -> String {
    let mut all: Vec<String> = workloads.map(|view| view.workload.to_string()).collect();
    let more = all.len().saturating_sub(NAMES_MAX);
    all.truncate(NAMES_MAX);
    match (all.is_empty(), more) {
        (true, _) => "none".to_owned(),
        (false, 0) => all.join(", "),
        (false, more) => format!("{}, and {more} more", all.join(", ")),
    }
}
