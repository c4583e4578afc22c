//! Counts of what was told to whom. Whom there is to tell is in the settings, so the label's values are made at the
//! start, where those of other families are closed enums.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use super::handles::{Counter, Gauge};
use super::names;
use super::text::Exposition;

/// Counts what one addressee is told: alerts where it is an Alertmanager, messages where it is a receiver.
#[derive(Debug, Clone, Default)]
pub struct AddresseeMetrics {
    /// Taken by the other side.
    pub sent: Counter,
    /// In attempts that failed; those that are tried again count each time.
    pub errors: Counter,
    /// Given up.
    pub dropped: Counter,
    /// Waiting.
    pub queue_length: Gauge,
    /// Waiting at most; the oldest is dropped for a newer one.
    pub queue_capacity: Gauge,
}

/// The counts of all addressees, by name.
#[derive(Debug, Clone, Default)]
pub struct NotifyMetrics {
    addressees: Arc<Mutex<BTreeMap<String, AddresseeMetrics>>>,
}

impl NotifyMetrics {
    /// The handles of an addressee, which are made when it is first asked for. Names are shown: no secrets in them.
    #[must_use]
    pub fn addressee(&self, name: &str) -> AddresseeMetrics {
        // A map that was being inserted to is a map still.
        let mut addressees = self.addressees.lock().unwrap_or_else(PoisonError::into_inner);
        addressees.entry(name.to_owned()).or_default().clone()
    }

    pub(super) fn render(&self, text: &mut Exposition) {
        let addressees = self.addressees.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let mut family = |metric, value: fn(&AddresseeMetrics) -> f64| {
            let mut family = text.family(metric);
            for (name, metrics) in &addressees {
                family.sample(&[name], value(metrics));
            }
        };
        family(&names::NOTIFICATIONS_SENT, |metrics| metrics.sent.get() as f64);
        family(&names::NOTIFICATION_ERRORS, |metrics| metrics.errors.get() as f64);
        family(&names::NOTIFICATIONS_DROPPED, |metrics| metrics.dropped.get() as f64);
        family(&names::NOTIFICATIONS_QUEUED, |metrics| metrics.queue_length.get());
        family(&names::NOTIFICATIONS_CAPACITY, |metrics| metrics.queue_capacity.get());
    }
}
