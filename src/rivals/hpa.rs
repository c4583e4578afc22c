//! Kubernetes's `HorizontalPodAutoscaler`, `autoscaling/v2`, with the defaults of kube-controller-manager.
//!
//! Algorithm and defaults:
//! <https://kubernetes.io/docs/tasks/run-application/horizontal-pod-autoscale/#algorithm-details>: a sync every 15 s,
//! a tolerance of 0.1, up by 100 % or 4 pods in 15 s, down to the highest recommendation of 300 s.
//!
//! It reads metrics that metrics-server, or an adapter, has scraped before: at a sync the newest sample is between one
//! sync and a scrape interval old. The syncs lie 12 s after the scrapes, so that from a step in the demand to its full
//! answer 27 s pass at a 15 s scrape interval; with phases drawn at random the mean is 29 s.

use std::time::Duration;

use super::controller::Controller;
use super::meter::{Beat, Meter};
use super::{Setup, View};
use crate::time::Timestamp;
use crate::workload::Replicas;

/// `--horizontal-pod-autoscaler-sync-period`.
pub(super) const SYNC: Duration = Duration::from_secs(15);

/// How long after the scrapes the syncs come.
pub(super) const PHASE: Duration = Duration::from_secs(12);

/// metrics-server forgets a pod that it could not read for so long; HPA then keeps the count.
pub(super) const STALE: Duration = Duration::from_mins(2);

/// An HPA on the newest sample of the demand.
#[derive(Debug, Clone)]
pub struct Hpa {
    controller: Controller,
    meter: Meter,
    sync: Beat,
}

impl Hpa {
    #[must_use]
    pub fn new(setup: &Setup) -> Self {
        Self {
            controller: Controller::new(setup, "load"),
            meter: Meter::new(STALE),
            sync: Beat::new(setup.start + PHASE, SYNC),
        }
    }

    pub(super) fn observe(&mut self, at: Timestamp, demand: Option<f64>) {
        self.meter.observe(at, demand);
    }

    pub(super) fn due(&self) -> Timestamp {
        self.sync.next()
    }

    pub(super) fn decide(&mut self, now: Timestamp, view: View) -> Replicas {
        if !self.sync.take(now) {
            return view.replicas;
        }
        self.controller.sync(now, view, self.meter.newest(now), None)
    }
}
