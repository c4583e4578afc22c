//! Action → Kubernetes, or nothing at all (dry run), or the simulated cluster; and what the world says back.
//!
//! In: [`Action`]s. Out: an [`Outcome`] for each, and [`Observation`]s of the workloads that are watched.
//! Never here: a retry (a fresh decision may have replaced the old one) or any policy.

mod contexts;
mod dry_run;
#[cfg(feature = "kubernetes")]
pub mod kubernetes;
#[cfg(test)]
mod tests;

pub use contexts::Contexts;
pub use dry_run::DryRun;

use std::future::Future;
use std::pin::Pin;

pub use crate::dispatch::{Action, Observation, Outcome, Status};
use crate::workload::Workload;

/// The future that [`Actuator::apply`] returns.
pub type Applying<'a> = Pin<Box<dyn Future<Output = Outcome> + Send + 'a>>;

/// Something that workloads run on.
pub trait Actuator: Send + Sync {
    /// Begins to watch a workload; observations come through the channel that the actuator was made with.
    /// Watching the same workload again changes nothing. It returns at once, and is cheap to call again. `context` is
    /// the one of the kubeconfig that its receiver names; who has one cluster has no use for it.
    fn watch(&self, workload: &Workload, context: Option<&str>);

    /// Ends the watch of a workload.
    fn forget(&self, workload: &Workload) {
        let _ = workload;
    }

    /// Applies an action: one try, within a time limit of the actuator's own.
    fn apply<'a>(&'a self, action: &'a Action) -> Applying<'a>;

    /// Looks at what would stand in an action's way, and says so in the log; does nothing else.
    fn rehearse<'a>(&'a self, action: &'a Action) -> Applying<'a> {
        let _ = action;
        Box::pin(std::future::ready(Outcome::Simulated))
    }
}
