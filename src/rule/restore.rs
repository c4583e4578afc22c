//! Alerts after a restart.

use std::time::Duration;

use super::alert::{AlertPhase, AlertRule, AlertState, AlertStates};
use crate::promql::LOOKBACK;
use crate::time::Timestamp;

/// How long we may have been away for alerts to go on as they were: Prometheus's `--rules.alert.for-outage-tolerance`.
pub const OUTAGE_TOLERANCE: Duration = Duration::from_hours(1);

/// How long a pending alert waits at least after a restart before it fires: Prometheus's
/// `--rules.alert.for-grace-period`. One whose `for` is shorter waits its `for` again.
pub const GRACE_PERIOD: Duration = Duration::from_mins(10);

impl AlertRule {
    /// The rule's alerts as they go on at `now`, from what was stored when the service stopped at `stopped_at`.
    ///
    /// As in Prometheus, `for` does not run while nobody looks. A pending alert goes on with the wait that it had left
    /// when the service stopped, but at least [`GRACE_PERIOD`] of it, so that it can't fire on the first samples after
    /// an outage; one whose `for` is shorter than that begins anew; after [`OUTAGE_TOLERANCE`] all begin anew.
    ///
    /// Two things are other than in Prometheus, whose samples survive a restart while our windows are empty. An alert
    /// whose series is missing is not taken for ended until [`LOOKBACK`] has passed, in which senders come back. And a
    /// firing alert goes on firing, whatever its `for`: what it inhibits stays inhibited.
    #[must_use]
    pub fn restore(&self, stored: Vec<AlertState>, stopped_at: Timestamp, now: Timestamp) -> AlertStates {
        let away = now.since(stopped_at);
        if away > OUTAGE_TOLERANCE {
            return AlertStates::default();
        }
        let unconfirmed_until = Some(now + LOOKBACK);
        AlertStates::new(stored.into_iter().filter_map(|mut alert| {
            match alert.phase() {
                AlertPhase::Pending if self.holds_for < GRACE_PERIOD => return None,
                AlertPhase::Pending => {
                    let spent = stopped_at.since(alert.active_at);
                    let left = self.holds_for.saturating_sub(spent);
                    if !left.is_zero() && left < GRACE_PERIOD {
                        alert.active_at = now + GRACE_PERIOD - self.holds_for;
                    } else if !left.is_zero() {
                        alert.active_at = alert.active_at + away;
                    }
                    alert.unconfirmed_until = unconfirmed_until;
                }
                AlertPhase::Firing => alert.unconfirmed_until = unconfirmed_until,
                AlertPhase::Resolved => {}
            }
            Some(alert)
        }))
    }
}
