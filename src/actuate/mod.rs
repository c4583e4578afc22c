//! Action → Kubernetes, or nothing at all (dry run), or the simulated cluster; and what the world says back.
//!
//! In: [`Action`]s. Out: an [`Outcome`] for each, and [`Observation`]s of the workloads that are watched.
//! Never here: a retry (a fresh decision may have replaced the old one) or any policy.

mod dry_run;
#[cfg(feature = "kubernetes")]
pub mod kubernetes;
#[cfg(test)]
mod tests;

pub use dry_run::DryRun;

use std::future::Future;
use std::pin::Pin;

use crate::time::Timestamp;
use crate::workload::{Replicas, Workload};

/// A change of one workload's scale.
#[derive(Debug, Clone, PartialEq)]
pub struct Action {
    pub workload: Workload,
    /// What the decision was made from: the change is refused where the cluster says otherwise by now.
    pub from: Replicas,
    pub to: Replicas,
    /// The decision's reason in one line, for Kubernetes Events.
    pub reason: String,
}

/// What became of an action.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// The cluster accepted it.
    Done,
    /// It would have been done; nothing is really scaled here (dry run).
    Simulated,
    /// The object changed in between, its scale or only its status; a fresh observation brings a fresh decision.
    Conflict,
    /// It failed, and may succeed later.
    Failed(String),
    /// It can't succeed until somebody changes something: not found, forbidden, no scale subresource.
    Refused(String),
}

/// What is known of one workload in the cluster.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Observation {
    pub workload: Workload,
    /// When it was learnt, by the clock that the actuator was made with.
    pub at: Timestamp,
    pub status: Status,
}

/// A workload's scale in the cluster.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Status {
    /// `replicas` is what the scale subresource asks for, `ready` the pods that are ready.
    Found { replicas: Replicas, ready: Replicas },
    /// It doesn't exist, or can't be read: the reason says which, and what to do. It may become `Found` by itself.
    Unknown(String),
}

/// The clock that an actuator stamps its observations with: `app::clock::now`, or a test's.
pub type Clock = fn() -> Timestamp;

/// The future that [`Actuator::apply`] returns.
pub type Applying<'a> = Pin<Box<dyn Future<Output = Outcome> + Send + 'a>>;

/// Something that workloads run on.
pub trait Actuator: Send + Sync {
    /// Begins to watch a workload; observations come through the channel that the actuator was made with.
    /// Watching the same workload again changes nothing. It returns at once, and is cheap to call again.
    fn watch(&self, workload: &Workload);

    /// Applies an action: one try, within a time limit of the actuator's own.
    fn apply<'a>(&'a self, action: &'a Action) -> Applying<'a>;
}
