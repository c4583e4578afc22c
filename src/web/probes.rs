//! `/-/healthy`, `/-/ready` and `/-/reload`, as in Prometheus.

use http::StatusCode;
use tokio::sync::oneshot;

use super::Context;
use super::reply::{self, Reply};

/// Whoever reads this is alive.
pub(super) fn healthy() -> Reply {
    reply::text(StatusCode::OK, "Headroom is healthy.")
}

/// 503 with what is missing, a line each, until nothing is.
pub(super) fn ready(context: &Context) -> Reply {
    if context.shutdown.is_cancelled() {
        return reply::text(StatusCode::SERVICE_UNAVAILABLE, "Headroom is shutting down.");
    }
    let missing = context.missing.borrow();
    if missing.is_empty() {
        return reply::text(StatusCode::OK, "Headroom is ready.");
    }
    reply::text(StatusCode::SERVICE_UNAVAILABLE, &format!("Headroom is not ready:\n{}", missing.join("\n")))
}

/// Asks for a reload and waits for what comes of it.
pub(super) async fn reload(context: &Context) -> Reply {
    let (answer, answered) = oneshot::channel();
    if context.reload.send(answer).await.is_err() {
        return reply::text(StatusCode::SERVICE_UNAVAILABLE, "shutting down, nothing is reloaded");
    }
    match answered.await {
        Ok(Ok(line)) => reply::text(StatusCode::OK, &line),
        Ok(Err(findings)) => reply::findings(StatusCode::INTERNAL_SERVER_ERROR, findings),
        Err(_) => reply::text(StatusCode::INTERNAL_SERVER_ERROR, "the reload gave no answer; the log has more"),
    }
}
