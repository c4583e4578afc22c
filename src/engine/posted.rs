//! Alerts that others posted, over a restart. Alertmanager keeps none and waits for Prometheus to send them again; here
//! those that may hold decisions back are journalled, for what is scaled in between can't be taken back.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::dispatch::{Alert, Alerts};
use crate::labels::Labels;
use crate::promql::LOOKBACK;
use crate::rule::OUTAGE_TOLERANCE;
use crate::time::Timestamp;

/// An alert as the journal has it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct KeptAlert {
    labels: Labels,
    annotations: BTreeMap<String, String>,
    starts_at: Timestamp,
    ends_at: Timestamp,
    updated_at: Timestamp,
    generator_url: String,
}

impl KeptAlert {
    fn new(alert: &Alert) -> Self {
        let Alert { labels, annotations, starts_at, ends_at, updated_at, generator_url } = alert.clone();
        Self { labels, annotations, starts_at, ends_at, updated_at, generator_url }
    }

    fn alert(self) -> Alert {
        let Self { labels, annotations, starts_at, ends_at, updated_at, generator_url } = self;
        Alert { labels, annotations, starts_at, ends_at, updated_at, generator_url }
    }

    pub(super) fn updated_at(&self) -> Timestamp {
        self.updated_at
    }
}

/// A row of an alert: what it says now, or that it is over.
pub(super) type Row = (String, Option<KeptAlert>);

/// Which of the posted alerts the journal has.
#[derive(Debug, Default)]
pub(super) struct Posted {
    /// From the journal, until the first step.
    stored: Vec<Alert>,
    stopped_at: Timestamp,
    /// To be written down with this step.
    fresh: BTreeSet<u64>,
    written: BTreeSet<u64>,
}

impl Posted {
    /// Takes in what was stored when the service stopped, at `stopped_at` or shortly after.
    pub(super) fn store(&mut self, stored: impl IntoIterator<Item = KeptAlert>, stopped_at: Timestamp) {
        self.stored = stored.into_iter().map(KeptAlert::alert).collect();
        self.stopped_at = stopped_at;
    }

    /// The stored alerts as they go on at `now`. One that fired when the service stopped goes on firing until
    /// [`LOOKBACK`] has passed, in which senders come back; after [`OUTAGE_TOLERANCE`] only its own end counts.
    pub(super) fn take_up(&mut self, now: Timestamp) -> Vec<Alert> {
        let mut stored = std::mem::take(&mut self.stored);
        let known_until = if now.since(self.stopped_at) > OUTAGE_TOLERANCE { now } else { now + LOOKBACK };
        for alert in &mut stored {
            let fingerprint = alert.fingerprint();
            self.written.insert(fingerprint);
            self.fresh.insert(fingerprint);
            if alert.ends_at > self.stopped_at {
                alert.ends_at = alert.ends_at.max(known_until);
            }
        }
        stored
    }

    /// An alert was posted.
    pub(super) fn note(&mut self, alert: &Alert, alerts: &Alerts) {
        let fingerprint = alert.fingerprint();
        if self.written.contains(&fingerprint) || alerts.may_inhibit(&alert.labels) {
            self.fresh.insert(fingerprint);
        }
    }

    /// What is to be written down with this step.
    pub(super) fn take_fresh(&mut self, alerts: &Alerts, now: Timestamp) -> Vec<Row> {
        let fresh = std::mem::take(&mut self.fresh);
        fresh.into_iter().filter_map(|fingerprint| self.row(fingerprint, alerts, now)).collect()
    }

    /// Those that are over by time alone.
    pub(super) fn take_over(&mut self, alerts: &Alerts, now: Timestamp) -> Vec<Row> {
        let over = |fingerprint: &u64| alerts.get(*fingerprint).is_none_or(|alert| alert.is_resolved(now));
        let over: Vec<u64> = self.written.iter().copied().filter(over).collect();
        over.into_iter().filter_map(|fingerprint| self.row(fingerprint, alerts, now)).collect()
    }

    fn row(&mut self, fingerprint: u64, alerts: &Alerts, now: Timestamp) -> Option<Row> {
        let key = format!("posted/{fingerprint:016x}");
        let Some(alert) = alerts.get(fingerprint).filter(|alert| !alert.is_resolved(now)) else {
            return self.written.remove(&fingerprint).then_some((key, None));
        };
        self.written.insert(fingerprint);
        Some((key, Some(KeptAlert::new(alert))))
    }
}
