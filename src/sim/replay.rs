//! A scenario played on a cluster: trace time follows the virtual clock, and the ledger is kept.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use super::actuator::lock;
use super::cluster::Cluster;
use super::deployment::{Pods, Spec, Totals};
use super::scenario::{Load, Scenario};
use super::scrape::Scraper;
use crate::proto::WriteRequest;
use crate::time::Timestamp;
use crate::workload::{Replicas, Workload};

/// Plays a [`Scenario`].
#[derive(Debug)]
pub struct Replay {
    scenario: Scenario,
    started_at: Timestamp,
    cluster: Arc<Mutex<Cluster>>,
    /// For each load, the replicas that the largest load so far would have needed.
    peaks: Vec<Replicas>,
}

/// How one workload fares.
#[derive(Debug, Clone, PartialEq)]
pub struct Pace {
    pub workload: Workload,
    /// Requests a second that arrive.
    pub offered: f64,
    /// Requests a second that the ready pods can serve.
    pub capacity: f64,
    pub pods: Pods,
    pub totals: Totals,
    /// The replicas that the largest load so far needed: what a fixed count would have had to be.
    pub peak: Replicas,
}

impl Replay {
    /// Sets up the scenario's cluster, with the beginning of its traces at `now`.
    #[must_use]
    pub fn new(scenario: Scenario, now: Timestamp) -> Self {
        let specs: Vec<Spec> = scenario.loads.iter().map(|load| load.spec.clone()).collect();
        let peaks = vec![0; specs.len()];
        let cluster = Arc::new(Mutex::new(Cluster::new(now, specs)));
        let mut replay = Self { scenario, started_at: now, cluster, peaks };
        replay.advance(now);
        replay
    }

    #[must_use]
    pub fn cluster(&self) -> &Arc<Mutex<Cluster>> {
        &self.cluster
    }

    #[must_use]
    pub fn scenario(&self) -> &Scenario {
        &self.scenario
    }

    /// Lives until `now` under the load that began with the last call, then puts on the load of `now`.
    /// Where a trace has no value, the load stays as it was: it is the measurement that is missing, not the traffic.
    pub fn advance(&mut self, now: Timestamp) {
        let into = self.progress(now);
        let mut cluster = lock(&self.cluster);
        cluster.advance(now);
        for (load, peak) in self.scenario.loads.iter().zip(&mut self.peaks) {
            if let Some(offered) = load.trace.at(into) {
                cluster.offer(&load.spec.workload, offered);
                *peak = (*peak).max(needed(load, offered));
            }
        }
    }

    /// How far the cluster has lived.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        lock(&self.cluster).now()
    }

    /// What a scrape finds now.
    #[must_use]
    pub fn scrape(&self, scraper: &mut Scraper) -> WriteRequest {
        scraper.scrape(&lock(&self.cluster))
    }

    /// How far into the traces `now` is.
    #[must_use]
    pub fn progress(&self, now: Timestamp) -> Duration {
        self.scenario.begins.saturating_add(now.since(self.started_at))
    }

    /// The time at which the first trace was measured.
    #[must_use]
    pub fn measured_at(&self, now: Timestamp) -> Timestamp {
        let start = self.scenario.loads.first().map(|load| load.trace.start()).unwrap_or_default();
        start + self.progress(now)
    }

    /// Whether a trace has ended.
    #[must_use]
    pub fn is_over(&self, now: Timestamp) -> bool {
        now.since(self.started_at) >= self.scenario.length()
    }

    /// How each workload fares, in the scenario's order.
    #[must_use]
    pub fn paces(&self) -> Vec<Pace> {
        let cluster = lock(&self.cluster);
        let pace = |(load, peak): (&Load, &Replicas)| {
            let workload = &load.spec.workload;
            Some(Pace {
                workload: workload.clone(),
                offered: cluster.offered(workload),
                capacity: cluster.capacity(workload),
                pods: cluster.pods(workload)?,
                totals: cluster.totals(workload),
                peak: *peak,
            })
        };
        self.scenario.loads.iter().zip(&self.peaks).filter_map(pace).collect()
    }
}

/// The replicas that a load needs by the rules' plan.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "`as` saturates, and a load is not negative"
)]
fn needed(load: &Load, offered: f64) -> Replicas {
    (offered / load.per_replica).ceil() as Replicas
}
