//! Who we are, and whom we can tell.

use std::sync::Arc;

use http::StatusCode;
use serde_json::{Value, json};

use super::super::Context;
use super::super::reply::{self, Reply};

/// The Alertmanager whose API this is, for tools compare it with what they know, and who we are.
const VERSION: &str = concat!("0.31.1+headroom-", env!("CARGO_PKG_VERSION"));

/// `GET /api/v2/status`
pub(super) fn status(context: &Context) -> Reply {
    let body = json!({
        "cluster": { "status": "disabled", "peers": [] },
        "versionInfo": {
            "version": VERSION,
            "revision": "",
            "branch": "",
            "buildUser": "",
            "buildDate": "",
            "goVersion": "",
        },
        "config": { "original": context.routing.borrow().original },
        "uptime": context.started_at.to_string(),
    });
    reply::json(StatusCode::OK, &body)
}

/// `GET /api/v2/receivers`
pub(super) fn receivers(context: &Context) -> Reply {
    let routing = Arc::clone(&context.routing.borrow());
    let receivers: Vec<Value> = routing.receivers.iter().map(|name| json!({ "name": name })).collect();
    reply::json(StatusCode::OK, &receivers)
}
