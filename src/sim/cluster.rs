//! The simulated cluster: workloads by name, one time for all of them.

use std::collections::BTreeMap;

use super::deployment::{Deployment, Pods, Spec, Totals};
use crate::labels::Labels;
use crate::time::Timestamp;
use crate::workload::{ObjectRef, Replicas, Workload};

/// Pods that one workload may have: 10,000 × about 500 bytes each is 5 MB, and far above what a demo or a test needs.
const PODS_MAX: Replicas = 10_000;

/// Why a workload was not scaled.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ScaleError {
    #[error("{0} does not exist in the simulated cluster")]
    NotFound(Workload),
    #[error("{workload} has {replicas} replicas, the change expects {from}")]
    Conflict { workload: Workload, replicas: Replicas, from: Replicas },
    #[error("{replicas} replicas of {workload} are more than the simulated cluster's limit of {PODS_MAX}")]
    TooMany { workload: Workload, replicas: Replicas },
}

/// A cluster in memory. The same calls always have the same results.
#[derive(Debug)]
pub struct Cluster {
    now: Timestamp,
    /// By [`key`].
    workloads: BTreeMap<Workload, Served>,
}

#[derive(Debug)]
struct Served {
    deployment: Deployment,
    /// The load until it is changed, in requests a second.
    offered: f64,
}

/// A workload's identity: two API versions of one object are the same object.
fn key(workload: &Workload) -> Workload {
    Workload::from(ObjectRef { api_version: String::new(), ..ObjectRef::clone(workload) })
}

impl Cluster {
    /// A cluster whose time begins at `now`.
    #[must_use]
    pub fn new(now: Timestamp, workloads: impl IntoIterator<Item = Spec>) -> Self {
        let served = |spec| Served { deployment: Deployment::new(spec), offered: 0.0 };
        let workloads = workloads.into_iter().map(|spec| (key(&spec.workload), served(spec))).collect();
        Self { now, workloads }
    }

    /// How far this cluster has lived.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        self.now
    }

    /// From now on, `per_second` requests a second arrive for a workload. One that doesn't exist gets none.
    pub fn offer(&mut self, workload: &Workload, per_second: f64) {
        if let Some(served) = self.workloads.get_mut(&key(workload)) {
            served.offered = per_second;
        }
    }

    /// Lives on until `now`. A time that has passed already changes nothing.
    pub fn advance(&mut self, now: Timestamp) {
        for Served { deployment, offered } in self.workloads.values_mut() {
            deployment.advance(self.now, now, *offered);
        }
        self.now = self.now.max(now);
    }

    /// Sets a workload's replicas, provided that it still has `from`.
    pub fn scale(&mut self, workload: &Workload, from: Replicas, to: Replicas) -> Result<(), ScaleError> {
        let Some(Served { deployment, .. }) = self.workloads.get_mut(&key(workload)) else {
            return Err(ScaleError::NotFound(workload.clone()));
        };
        let replicas = deployment.pods().replicas;
        if replicas != from {
            return Err(ScaleError::Conflict { workload: workload.clone(), replicas, from });
        }
        if to > PODS_MAX {
            return Err(ScaleError::TooMany { workload: workload.clone(), replicas: to });
        }
        deployment.scale(self.now, to);
        Ok(())
    }

    /// A workload's pods; `None` where it doesn't exist.
    #[must_use]
    pub fn pods(&self, workload: &Workload) -> Option<Pods> {
        self.deployment(workload).map(Deployment::pods)
    }

    /// What a workload did so far; nothing where it doesn't exist.
    #[must_use]
    pub fn totals(&self, workload: &Workload) -> Totals {
        self.deployment(workload).map(Deployment::totals).unwrap_or_default()
    }

    /// Requests a second that a workload's ready pods serve at most.
    #[must_use]
    pub fn capacity(&self, workload: &Workload) -> f64 {
        let of = |deployment: &Deployment| f64::from(deployment.pods().ready) * deployment.spec().capacity;
        self.deployment(workload).map(of).unwrap_or_default()
    }

    /// The load that a workload is under, in requests a second.
    #[must_use]
    pub fn offered(&self, workload: &Workload) -> f64 {
        self.workloads.get(&key(workload)).map(|served| served.offered).unwrap_or_default()
    }

    /// Every series that the pods, the gateway before them and kube-state-metrics would expose now.
    #[must_use]
    pub fn collect(&self) -> Vec<(Labels, f64)> {
        let mut series = Vec::new();
        for Served { deployment, .. } in self.workloads.values() {
            deployment.collect(&mut series);
        }
        series
    }

    fn deployment(&self, workload: &Workload) -> Option<&Deployment> {
        self.workloads.get(&key(workload)).map(|served| &served.deployment)
    }
}
