//! `/api/v1/metadata`: what senders say of their metrics, in the shape of Prometheus's API.

use std::collections::BTreeMap;

use http::StatusCode;
use serde::Serialize;
use serde_json::json;

use super::Context;
use super::params::Params;
use super::read::error;
use super::reply::{self, Reply};
use super::write::off_the_reactor;
use crate::ingest::Family;

/// What is said of one family.
#[derive(Debug, Serialize)]
struct Said {
    #[serde(rename = "type")]
    kind: &'static str,
    help: String,
    unit: String,
}

impl From<Family> for Said {
    fn from(family: Family) -> Self {
        Self { kind: family.kind, help: family.help, unit: family.unit }
    }
}

/// `GET /api/v1/metadata?metric=&limit=&limit_per_metric=`
pub(super) fn handle(context: &Context, params: &Params) -> Reply {
    // Of each family the newest word is kept, so each list has one item whatever `limit_per_metric` is.
    let limit = match number(params, "limit_per_metric").and_then(|_| number(params, "limit")) {
        // As in Prometheus, a number below zero is none.
        Ok(limit) => limit.and_then(|limit| usize::try_from(limit).ok()).unwrap_or(usize::MAX),
        Err(text) => return error(StatusCode::BAD_REQUEST, &text),
    };
    off_the_reactor(true, || {
        let metadata = context.receiver.metadata();
        let families = match params.get("metric").filter(|name| !name.is_empty()) {
            Some(name) => metadata.family(name).map(|family| (name.to_owned(), family)).into_iter().collect(),
            None => metadata.families(),
        };
        let said = |(name, family): (String, Family)| (name, [Said::from(family)]);
        let data: BTreeMap<String, [Said; 1]> = families.into_iter().take(limit).map(said).collect();
        reply::json(StatusCode::OK, &json!({ "status": "success", "data": data }))
    })
}

/// A number, where the parameter has one; nothing where it is missing or empty.
fn number(params: &Params, name: &str) -> Result<Option<i64>, String> {
    let written = params.get(name).filter(|text| !text.is_empty());
    written.map(|text| text.parse().map_err(|_| format!("{name} must be a number"))).transpose()
}
