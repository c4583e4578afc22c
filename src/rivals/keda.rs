//! KEDA's Prometheus scaler: a poll of `rate(…[1m])` feeds an HPA, and KEDA itself decides between none and some.
//!
//! Defaults: <https://keda.sh/docs/latest/reference/scaledobject-spec/>: `pollingInterval` 30 s, `cooldownPeriod` 300 s
//! (to zero only). The HPA that KEDA makes is an ordinary one, so between `max(1, min)` and `max` it is [`Controller`].
//! A query without a result counts as zero (`ignoreNullValues` is true by default).

use std::time::Duration;

use super::controller::Controller;
use super::hpa::{PHASE, SYNC};
use super::meter::{Beat, Meter};
use super::{Setup, View};
use crate::time::Timestamp;
use crate::workload::Replicas;

/// `pollingInterval`.
const POLL: Duration = Duration::from_secs(30);

/// How long after the scrapes the polls come.
const POLL_PHASE: Duration = Duration::from_secs(9);

/// `cooldownPeriod`.
const COOLDOWN: Duration = Duration::from_mins(5);

/// The range of the query, as KEDA's own examples have it.
const RANGE: Duration = Duration::from_mins(1);

/// A `ScaledObject` with one Prometheus trigger.
#[derive(Debug, Clone)]
pub struct Keda {
    controller: Controller,
    meter: Meter,
    poll: Beat,
    sync: Beat,
    /// What the last poll found.
    polled: Option<f64>,
    may_sleep: bool,
    active_at: Timestamp,
}

impl Keda {
    #[must_use]
    pub fn new(setup: &Setup) -> Self {
        let awake = Setup { min: setup.min.max(1), ..*setup };
        Self {
            controller: Controller::new(&awake, "load"),
            meter: Meter::new(RANGE),
            poll: Beat::new(setup.start + POLL_PHASE, POLL),
            sync: Beat::new(setup.start + PHASE, SYNC),
            polled: None,
            may_sleep: setup.min == 0,
            active_at: setup.start,
        }
    }

    pub(super) fn observe(&mut self, at: Timestamp, demand: Option<f64>) {
        self.meter.observe(at, demand);
    }

    pub(super) fn due(&self) -> Timestamp {
        self.poll.next().min(self.sync.next())
    }

    pub(super) fn decide(&mut self, now: Timestamp, view: View) -> Replicas {
        let mut replicas = view.replicas;
        if self.poll.take(now) {
            let value = self.meter.rate(now).unwrap_or(0.0);
            self.polled = Some(value);
            if value > 0.0 {
                self.active_at = now;
                // KEDA wakes a workload to one replica; HPA takes it from there.
                replicas = replicas.max(1);
            } else if self.may_sleep && now.since(self.active_at) >= COOLDOWN {
                replicas = 0;
            }
        }
        // HPA leaves alone what has no replicas.
        if self.sync.take(now) && replicas > 0 && self.polled.is_some() {
            replicas = self.controller.sync(now, View { replicas, ..view }, self.polled, None);
        }
        replicas
    }
}
