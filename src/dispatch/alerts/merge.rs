//! What two messages about one alert come to.

use crate::dispatch::alert::Alert;
use crate::time::Timestamp;

/// The newer of two alerts of the same labels, with the older one's span where they overlap: Alertmanager's rules,
/// save that it tells an end that was given from one that it assumed. Here the later end of two firing ones counts.
pub(super) fn merged(before: &Alert, after: Alert, now: Timestamp) -> Alert {
    let within = |at: Timestamp| before.starts_at < at && at < before.ends_at;
    let overlap = within(after.ends_at) || within(after.starts_at) || before.starts_at == after.starts_at;
    if !overlap {
        return after;
    }
    let (older, newer) =
        if after.updated_at < before.updated_at { (after, before.clone()) } else { (before.clone(), after) };
    let starts_at = newer.starts_at.min(older.starts_at);
    let ends_at = match (newer.is_resolved(now), older.is_resolved(now)) {
        // What is over is over, though the older message had expected it to last.
        (true, false) => newer.ends_at,
        _ => newer.ends_at.max(older.ends_at),
    };
    Alert { starts_at, ends_at, ..newer }
}
