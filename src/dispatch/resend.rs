//! When an alert is told to Alertmanagers again, and for how long what they were told holds.
//!
//! An Alertmanager keeps no alert for ever: one that it hears nothing of ends by itself at its `endsAt`. So firing ones
//! are sent again and again, each time with a later end, and ended ones for a while, in case a message was lost. Sending
//! is idempotent: the labels are what an alert is. The numbers are those of Prometheus's rule manager.

use std::time::Duration;

use super::alert::Alert;
use crate::time::Timestamp;

/// How long an alert that has ended is told of.
pub const RESOLVED_RETENTION: Duration = Duration::from_mins(15);

/// Times that a firing alert may be sent before Alertmanager takes it for ended: three may be lost.
const SENDS: u32 = 4;

/// The `endsAt` of an alert that fires at `now`, in a group evaluated every `interval`.
#[must_use]
pub fn valid_until(now: Timestamp, interval: Duration, resend_delay: Duration) -> Timestamp {
    now + interval.max(resend_delay).saturating_mul(SENDS)
}

/// Whether an alert is to be sent at `now`, given when it last was: at once, then after each `resend_delay`, at once
/// when it has ended since, and no longer once it has been over for [`RESOLVED_RETENTION`].
#[must_use]
pub fn is_due(alert: &Alert, sent_at: Option<Timestamp>, now: Timestamp, resend_delay: Duration) -> bool {
    let over = alert.is_resolved(now);
    if over && now.since(alert.ends_at) > RESOLVED_RETENTION {
        return false;
    }
    let Some(sent_at) = sent_at else { return true };
    (over && alert.ends_at > sent_at) || now.since(sent_at) >= resend_delay
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::labels::Labels;

    /// Minutes at which an alert that lasts for `lasts` minutes is sent, looked at each minute.
    fn sends(lasts: u64) -> Vec<u64> {
        let at = |minutes: u64| Timestamp::MIN + Duration::from_mins(minutes);
        let (mut sent_at, mut sends) = (None, Vec::new());
        for minute in 0..30 {
            let now = at(minute);
            let firing = valid_until(now, Duration::from_mins(1), Duration::from_mins(3));
            let alert = Alert {
                labels: Labels::empty(),
                annotations: BTreeMap::new(),
                starts_at: at(0),
                ends_at: if minute < lasts { firing } else { at(lasts) },
                updated_at: now,
                generator_url: String::new(),
            };
            if is_due(&alert, sent_at, now, Duration::from_mins(3)) {
                sent_at = Some(now);
                sends.push(minute);
            }
        }
        sends
    }

    #[test]
    fn an_end_is_told_at_once_and_for_a_quarter_of_an_hour() {
        assert_eq!(sends(5), [0, 3, 5, 8, 11, 14, 17, 20]);
        assert_eq!(sends(100), [0, 3, 6, 9, 12, 15, 18, 21, 24, 27]);
    }

    #[test]
    fn what_is_told_holds_for_four_sends() {
        let now = Timestamp::from_millis(0);
        assert_eq!(valid_until(now, Duration::from_secs(15), Duration::from_mins(1)), now + Duration::from_mins(4));
        assert_eq!(valid_until(now, Duration::from_mins(2), Duration::from_mins(1)), now + Duration::from_mins(8));
    }
}
