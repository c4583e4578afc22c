//! How many samples each address sends in a second.

use std::collections::HashMap;
use std::net::IpAddr;
use std::num::NonZeroU32;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

/// What an address may save up: scrapes come in bursts, so the rate holds over half a minute.
const SAVED: Duration = Duration::from_secs(30);

/// Addresses that are remembered at once. Those that have saved up all are forgotten first: it is what a new one has.
const ADDRESSES_MAX: usize = 10_000;

/// What each address may still send.
#[derive(Debug)]
pub(super) struct Rates {
    /// Samples in a second; without one, all may send as they like.
    per_second: Option<NonZeroU32>,
    accounts: Mutex<HashMap<IpAddr, Account>>,
}

/// Samples that may be sent; fewer than none where a request held more. It is known only afterwards how many one holds.
#[derive(Debug)]
struct Account {
    samples: f64,
    at: Instant,
}

impl Rates {
    pub(super) fn new(per_second: Option<NonZeroU32>) -> Self {
        Self { per_second, accounts: Mutex::default() }
    }

    /// Whether an address may send a request now; if not, how long until it may.
    pub(super) fn may_send(&self, address: IpAddr, now: Instant) -> Result<(), Duration> {
        self.charge(address, now, 0)
    }

    /// Notes how many samples a request held.
    pub(super) fn sent(&self, address: IpAddr, now: Instant, samples: u64) {
        // What was taken in was taken in.
        let _ = self.charge(address, now, samples);
    }

    fn charge(&self, address: IpAddr, now: Instant, samples: u64) -> Result<(), Duration> {
        let Some(per_second) = self.per_second.map(|rate| f64::from(rate.get())) else { return Ok(()) };
        let full = per_second * SAVED.as_secs_f64();
        let grown = |account: &Account| {
            let since = now.saturating_duration_since(account.at).as_secs_f64();
            (account.samples + since * per_second).min(full)
        };
        let mut accounts = self.accounts.lock().unwrap_or_else(PoisonError::into_inner);
        if accounts.len() >= ADDRESSES_MAX {
            accounts.retain(|_, account| grown(account) < full);
        }
        let account = accounts.entry(address.to_canonical()).or_insert(Account { samples: full, at: now });
        account.samples = grown(account) - samples as f64;
        account.at = now;
        if account.samples >= 0.0 { Ok(()) } else { Err(Duration::from_secs_f64(-account.samples / per_second)) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_that_sent_too_much_waits_until_its_rate_has_made_up_for_it() {
        let rates = Rates::new(NonZeroU32::new(100));
        let [one, other] = ["10.0.0.1", "10.0.0.2"].map(|address| address.parse().unwrap());
        let now = Instant::now();
        assert_eq!(rates.may_send(one, now), Ok(()));
        rates.sent(one, now, 3_000);
        assert_eq!(rates.may_send(one, now), Ok(()), "half a minute's worth at once");
        rates.sent(one, now, 500);
        assert_eq!(rates.may_send(one, now), Err(Duration::from_secs(5)));
        assert_eq!(rates.may_send(other, now), Ok(()));
        assert_eq!(rates.may_send(one, now + Duration::from_secs(5)), Ok(()));
        assert_eq!(Rates::new(None).may_send(one, now), Ok(()));
    }
}
