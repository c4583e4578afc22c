//! Who sends samples, and how far behind the newest of each lies: a sender that works off a backlog is seen here.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use crate::telemetry::{Exposition, names};
use crate::time::Timestamp;

/// Addresses that are followed at once. `/metrics` has a series for each.
const SENDERS_MAX: usize = 256;
/// How long a sender that has fallen silent is shown: its lag grows meanwhile.
const SHOWN: Duration = Duration::from_mins(10);

/// The newest kept sample of each address.
#[derive(Debug, Default)]
pub(super) struct Senders(Mutex<HashMap<IpAddr, Sender>>);

#[derive(Debug)]
struct Sender {
    newest: Timestamp,
    heard_at: Timestamp,
}

impl Senders {
    /// Notes the newest sample that a request brought.
    pub(super) fn sent(&self, address: IpAddr, newest: Timestamp, now: Timestamp) {
        let mut senders = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let address = address.to_canonical();
        if let Some(sender) = senders.get_mut(&address) {
            sender.newest = sender.newest.max(newest);
            sender.heard_at = now;
            return;
        }
        if senders.len() >= SENDERS_MAX {
            senders.retain(|_, sender| sender.heard_at + SHOWN > now);
        }
        if senders.len() < SENDERS_MAX {
            senders.insert(address, Sender { newest, heard_at: now });
        }
    }

    /// Each address with the seconds that its newest sample lies behind `now`, in order of addresses.
    fn lags(&self, now: Timestamp) -> Vec<(IpAddr, f64)> {
        let mut senders = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        senders.retain(|_, sender| sender.heard_at + SHOWN > now);
        let mut lags: Vec<_> = senders
            .iter()
            .map(|(address, sender)| (*address, now.as_secs_f64() - sender.newest.as_secs_f64()))
            .collect();
        lags.sort_unstable_by_key(|(address, _)| *address);
        lags
    }

    pub(super) fn render(&self, text: &mut Exposition, now: Timestamp) {
        let mut family = text.family(&names::INGEST_LAG);
        for (address, lag) in self.lags(now) {
            family.sample(&[&address.to_string()], lag);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_senders_lag_is_that_of_its_newest_sample_until_it_was_silent_for_long() {
        let (senders, at) = (Senders::default(), |s: i64| Timestamp::from_millis(s * 1_000));
        let [one, other]: [IpAddr; 2] = ["10.0.0.1", "10.0.0.2"].map(|address| address.parse().unwrap());
        senders.sent(one, at(100), at(101));
        senders.sent(one, at(40), at(102));
        senders.sent(other, at(30), at(103));
        assert_eq!(senders.lags(at(110)), [(one, 10.0), (other, 80.0)]);
        assert_eq!(senders.lags(at(702)), [(other, 672.0)]);
        assert_eq!(senders.lags(at(10_000)), []);
    }

    #[test]
    fn no_more_addresses_are_followed_than_there_may_be() {
        let senders = Senders::default();
        for number in 0..1_000_u32 {
            senders.sent(IpAddr::from(number.to_be_bytes()), Timestamp::from_millis(0), Timestamp::from_millis(0));
        }
        assert_eq!(senders.lags(Timestamp::from_millis(1)).len(), SENDERS_MAX);
    }
}
