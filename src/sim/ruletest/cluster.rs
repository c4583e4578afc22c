//! The cluster of a rule test: it does what it is told, and its pods fare as the test says.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::config::Deed;
use crate::dispatch::{Action, Observation, Outcome, Status, Trouble};
use crate::time::Timestamp;
use crate::workload::{Replicas, Workload};

/// All workloads, by their name as decisions write it.
#[derive(Debug, Default)]
pub(super) struct Cluster {
    now: Timestamp,
    workloads: BTreeMap<String, Pods>,
    watched: BTreeMap<Workload, Watched>,
}

/// A workload that the loop watches.
#[derive(Debug)]
struct Watched {
    name: String,
    /// What it was last told.
    told: Option<Status>,
}

/// One workload's pods.
#[derive(Debug, Default)]
pub(super) struct Pods {
    /// Deleted, if not.
    exists: bool,
    startup: Duration,
    /// Started, in trouble or not.
    started: Replicas,
    /// So many are ready from a time on; the oldest first.
    starting: Vec<(Timestamp, Replicas)>,
    not_ready: Replicas,
    trouble: Trouble,
    /// Until when the cluster fails to scale it, and what it says.
    fails: Option<(Timestamp, String)>,
}

impl Pods {
    fn replicas(&self) -> Replicas {
        self.starting.iter().fold(self.started, |sum, (_, pods)| sum.saturating_add(*pods))
    }

    fn ready(&self) -> Replicas {
        let Trouble { crash_looping, unschedulable, .. } = self.trouble;
        self.started.saturating_sub(self.not_ready).saturating_sub(crash_looping).saturating_sub(unschedulable)
    }

    fn advance(&mut self, now: Timestamp) {
        let started = self.starting.iter().filter(|(ready_at, _)| *ready_at <= now).map(|(_, pods)| pods);
        self.started = self.started.saturating_add(started.sum());
        self.starting.retain(|(ready_at, _)| *ready_at > now);
    }

    /// Starts pods, or takes some away: those in trouble first, then the youngest, as Kubernetes does.
    fn scale(&mut self, now: Timestamp, to: Replicas) {
        let from = self.replicas();
        if to > from {
            self.starting.push((now + self.startup, to - from));
            self.advance(now);
            return;
        }
        let mut left = from - to;
        let Trouble { crash_looping, unschedulable, .. } = &mut self.trouble;
        for troubled in [unschedulable, crash_looping, &mut self.not_ready] {
            let gone = left.min(*troubled).min(self.started);
            *troubled -= gone;
            self.started -= gone;
            left -= gone;
        }
        for (_, pods) in self.starting.iter_mut().rev() {
            let gone = left.min(*pods);
            *pods -= gone;
            left -= gone;
        }
        self.starting.retain(|(_, pods)| *pods > 0);
        self.started -= left.min(self.started);
    }
}

impl Cluster {
    /// A workload of a test's `workloads`.
    pub(super) fn prepare(&mut self, workload: &Workload, replicas: Replicas, startup: Duration) {
        let pods = Pods { exists: true, startup, started: replicas, ..Pods::default() };
        self.workloads.insert(workload.to_string(), pods);
    }

    pub(super) fn knows(&self, workload: &Workload) -> bool {
        self.workloads.contains_key(&workload.to_string())
    }

    pub(super) fn watch(&mut self, workload: Workload) {
        let name = workload.to_string();
        self.watched.insert(workload, Watched { name, told: None });
    }

    pub(super) fn forget(&mut self, workload: &Workload) {
        self.watched.remove(workload);
    }

    /// Lives on until `now`.
    pub(super) fn advance(&mut self, now: Timestamp) {
        self.now = now;
        self.workloads.values_mut().for_each(|pods| pods.advance(now));
    }

    /// When it changes by itself.
    pub(super) fn next_change(&self) -> Timestamp {
        let starting = self.workloads.values().flat_map(|pods| &pods.starting);
        starting.map(|(ready_at, _)| *ready_at).min().unwrap_or(Timestamp::MAX)
    }

    /// Replicas that are asked for, and ready ones; nothing where the workload doesn't exist.
    pub(super) fn counts(&self, name: &str) -> Option<(Replicas, Replicas)> {
        let pods = self.workloads.get(name).filter(|pods| pods.exists)?;
        Some((pods.replicas(), pods.ready()))
    }

    /// What has changed on the workloads that are watched since this was last asked.
    pub(super) fn observe(&mut self) -> Vec<Observation> {
        let mut changed = Vec::new();
        for (workload, Watched { name, told }) in &mut self.watched {
            let status = status(self.workloads.get(name));
            if told.as_ref() != Some(&status) {
                *told = Some(status.clone());
                changed.push(Observation { workload: workload.clone(), status });
            }
        }
        changed
    }

    /// Does what the loop asks for.
    pub(super) fn apply(&mut self, action: &Action) -> Outcome {
        let now = self.now;
        let pods = self.workloads.get_mut(&action.workload.to_string()).filter(|pods| pods.exists);
        let Some(pods) = pods else { return Outcome::Refused("not found".to_owned()) };
        if let Some((_, reason)) = pods.fails.as_ref().filter(|(until, _)| *until > now) {
            return Outcome::Failed(reason.clone());
        }
        if pods.replicas() != action.from {
            return Outcome::Conflict;
        }
        pods.scale(now, action.to);
        Outcome::Done
    }

    /// Does what happens in a test; what concerns the loop and not the cluster is no business of this.
    pub(super) fn suffer(&mut self, deed: &Deed) {
        let now = self.now;
        match deed {
            Deed::Scale { workload, replicas } => self.pods(workload).scale(now, *replicas),
            Deed::NotReady { workload, pods } => self.pods(workload).not_ready = *pods,
            Deed::Crash { workload, pods } => self.pods(workload).trouble.crash_looping = *pods,
            Deed::Unschedulable { workload, pods } => self.pods(workload).trouble.unschedulable = *pods,
            Deed::Recover { workload } => {
                let pods = self.pods(workload);
                (pods.not_ready, pods.trouble, pods.fails) = (0, Trouble::default(), None);
            }
            Deed::Delete { workload } => self.pods(workload).exists = false,
            Deed::Create { workload, replicas } => {
                let pods = self.pods(workload);
                *pods = Pods { exists: true, startup: pods.startup, ..Pods::default() };
                pods.scale(now, *replicas);
            }
            Deed::Fail { workload, length, reason } => {
                self.pods(workload).fails = Some((now + *length, reason.clone()));
            }
            Deed::Silence { .. } | Deed::Alert { .. } | Deed::Manual { .. } => {}
        }
    }

    /// A workload of which something is told exists from then on.
    fn pods(&mut self, workload: &Workload) -> &mut Pods {
        self.workloads.entry(workload.to_string()).or_insert_with(|| Pods { exists: true, ..Pods::default() })
    }
}

fn status(pods: Option<&Pods>) -> Status {
    let Some(pods) = pods.filter(|pods| pods.exists) else { return Status::Unknown("not found".to_owned()) };
    let mut status = Status::found(pods.replicas(), pods.ready());
    if let Status::Found { trouble, .. } = &mut status {
        *trouble = pods.trouble;
    }
    status
}
