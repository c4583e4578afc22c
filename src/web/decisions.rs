//! `GET /api/v1/decisions`: pages of what was decided, from the journal.

use std::sync::Arc;

use http::StatusCode;
use serde_json::json;

use super::Context;
use super::api::Entry;
use super::params::Params;
use super::query::parse_time;
use super::read::error;
use super::reply::{self, Reply};
use crate::journal::Filter;
use crate::time::Timestamp;

/// Decisions that are shown where no limit is asked for, and at most.
const DECISIONS: usize = 100;
const DECISIONS_MAX: usize = 10_000;

/// Looks into the journal for one answer: each costs some 10 ms at most. What is not found by then is on the next page.
const LOOKS_MAX: usize = 20;

/// The newest first. `workload`, `since` and `until` (RFC 3339 or Unix seconds), `reason` (a code), `outcome` (a word);
/// `limit`, and `before`, which the page before gave as `next`.
pub(super) async fn handle(context: &Context, params: &Params) -> Reply {
    let filter = match filter(params) {
        Ok(filter) => filter,
        Err(text) => return error(StatusCode::BAD_REQUEST, &text),
    };
    let decisions = Arc::clone(&context.decisions);
    let found = tokio::task::spawn_blocking(move || {
        let (mut filter, wanted) = (filter.clone(), filter.limit);
        let mut entries = Vec::new();
        for _ in 0..LOOKS_MAX {
            filter.limit = wanted - entries.len();
            let page = decisions(&filter)?;
            entries.extend(page.entries);
            filter.before_id = page.next;
            if entries.len() == wanted || page.next.is_none() {
                break;
            }
        }
        Ok::<_, String>((entries, filter.before_id))
    });
    match found.await {
        Ok(Ok((entries, next))) => {
            let decisions: Vec<Entry> = entries.iter().map(Entry::from).collect();
            reply::json(StatusCode::OK, &json!({ "decisions": decisions, "next": next }))
        }
        Ok(Err(text)) => error(StatusCode::SERVICE_UNAVAILABLE, &format!("the journal can't be read: {text}")),
        Err(_) => error(StatusCode::INTERNAL_SERVER_ERROR, "reading the journal failed; the log has more"),
    }
}

fn filter(params: &Params) -> Result<Filter, String> {
    let given = |name: &str| params.get(name).filter(|text| !text.is_empty());
    let time = |name: &str| -> Result<Option<Timestamp>, String> {
        let Some(text) = given(name) else { return Ok(None) };
        let parsed = parse_time(text).map(Some);
        parsed.ok_or_else(|| format!("{name} must be a time as in 2026-01-05T08:00:00Z or 1767600000"))
    };
    let limit = match given("limit").map(str::parse::<usize>) {
        None => DECISIONS,
        Some(Ok(limit @ 1..=DECISIONS_MAX)) => limit,
        Some(_) => return Err(format!("limit must be a number from 1 to {DECISIONS_MAX}")),
    };
    let before = given("before").map(|text| text.parse().map_err(|_| "before must be the id that \"next\" gave"));
    Ok(Filter {
        workload: given("workload").map(str::to_owned),
        from: time("since")?,
        to: time("until")?,
        reason: given("reason").map(str::to_owned),
        outcome: given("outcome").map(|word| code(word).to_owned()),
        before_id: before.transpose()?,
        limit,
    })
}

/// An outcome's code, of the word that people see.
fn code(word: &str) -> &str {
    match word {
        "scaled" => "done",
        "pending" => "in_flight",
        code => code,
    }
}
