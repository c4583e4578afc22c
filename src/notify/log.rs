//! The receiver that is always there: the log.

use tracing::{info, warn};

use crate::dispatch::Notification;

/// Writes a line for each alert and each decision.
pub fn tell(notification: &Notification) {
    let Notification { receiver, group_key, alerts, decisions, at, .. } = notification;
    for alert in alerts {
        let (labels, summary) = (&alert.labels, alert.annotations.get("summary").map(String::as_str));
        if alert.is_resolved(*at) {
            info!(%receiver, group_key, %labels, summary, "alert resolved");
        } else {
            warn!(%receiver, group_key, %labels, summary, "alert firing");
        }
    }
    for decision in decisions {
        let (id, from, to) = (decision.id, decision.from, decision.to);
        info!(%receiver, group_key, id, workload = %decision.workload, from, to, reason = decision.reason, "decided");
    }
}
