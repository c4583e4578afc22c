//! The simulated cluster's side of the actuator seam.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::mpsc;

use super::cluster::{Cluster, ScaleError};
use crate::actuate::{Action, Actuator, Applying, Observation, Outcome, Status};
use crate::workload::Workload;

/// Scales workloads of a shared [`Cluster`] and tells what becomes of them.
#[derive(Debug)]
pub struct SimActuator {
    cluster: Arc<Mutex<Cluster>>,
    observations: mpsc::Sender<Observation>,
    /// What was last told of each watched workload; `None` where nothing was.
    watched: Mutex<HashMap<Workload, Option<Status>>>,
}

impl SimActuator {
    #[must_use]
    pub fn new(cluster: Arc<Mutex<Cluster>>, observations: mpsc::Sender<Observation>) -> Self {
        Self { cluster, observations, watched: Mutex::default() }
    }

    /// Tells of every watched workload whose replicas or ready pods are not those last told.
    /// To be called after the cluster was advanced. Where the channel is full, the next call tells.
    pub fn publish(&self) {
        let cluster = lock(&self.cluster);
        for (workload, told) in lock(&self.watched).iter_mut() {
            let status = status(&cluster, workload);
            if told.as_ref() == Some(&status) {
                continue;
            }
            let observation = Observation { workload: workload.clone(), status: status.clone() };
            if self.observations.try_send(observation).is_ok() {
                *told = Some(status);
            }
        }
    }
}

impl Actuator for SimActuator {
    fn watch(&self, workload: &Workload, _context: Option<&str>) {
        lock(&self.watched).entry(workload.clone()).or_default();
        self.publish();
    }

    fn apply<'a>(&'a self, action: &'a Action) -> Applying<'a> {
        let scaled = lock(&self.cluster).scale(&action.workload, action.from, action.to);
        self.publish();
        Box::pin(std::future::ready(match scaled {
            Ok(()) => Outcome::Done,
            Err(ScaleError::Conflict { .. }) => Outcome::Conflict,
            Err(error) => Outcome::Refused(error.to_string()),
        }))
    }
}

fn status(cluster: &Cluster, workload: &Workload) -> Status {
    match cluster.pods(workload) {
        Some(pods) => Status::found(pods.replicas, pods.ready),
        None => Status::Unknown(ScaleError::NotFound(workload.clone()).to_string()),
    }
}

/// Locks; a holder that panicked left whole values behind, for none is changed in two steps.
pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
