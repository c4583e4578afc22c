//! The actuator that scales nothing.

use std::collections::{BTreeSet, HashMap};
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::{Notify, mpsc};
use tokio_util::task::AbortOnDropHandle;

use super::{Action, Actuator, Applying, Observation, Outcome, Status};
use crate::workload::{Replicas, Workload};

/// Answers every action with [`Outcome::Simulated`].
///
/// Over a cluster ([`DryRun::over`]) it shows what would be done next to what is really there. Alone
/// ([`DryRun::alone`]) it makes a pure recommender: each workload is taken to follow the actions at once.
pub struct DryRun {
    world: World,
}

enum World {
    /// Observations come from another actuator's watches; its `apply` is never called.
    Real(Arc<dyn Actuator>),
    /// Observations tell what was applied last; the task reports them.
    Imagined { imagined: Arc<Imagined>, _reporter: AbortOnDropHandle<()> },
}

impl DryRun {
    /// A dry run that watches a real cluster through `inner`.
    #[must_use]
    pub fn over(inner: Arc<dyn Actuator>) -> Self {
        Self { world: World::Real(inner) }
    }

    /// A dry run without a cluster. A workload starts at `start` replicas (its policy's minimum, say), and all of
    /// its replicas are always ready. Must be called within a tokio runtime.
    #[must_use]
    pub fn alone(
        start: impl Fn(&Workload) -> Replicas + Send + Sync + 'static,
        observations: mpsc::Sender<Observation>,
    ) -> Self {
        let imagined = Arc::new(Imagined { start: Box::new(start), counts: Mutex::default(), changed: Notify::new() });
        let reporter = tokio::spawn(report(Arc::clone(&imagined), observations));
        Self { world: World::Imagined { imagined, _reporter: AbortOnDropHandle::new(reporter) } }
    }
}

impl Actuator for DryRun {
    fn watch(&self, workload: &Workload, context: Option<&str>) {
        match &self.world {
            World::Real(inner) => inner.watch(workload, context),
            World::Imagined { imagined, .. } => imagined.watch(workload),
        }
    }

    fn forget(&self, workload: &Workload) {
        match &self.world {
            World::Real(inner) => inner.forget(workload),
            World::Imagined { imagined, .. } => imagined.forget(workload),
        }
    }

    fn apply<'a>(&'a self, action: &'a Action) -> Applying<'a> {
        match &self.world {
            World::Real(inner) => inner.rehearse(action),
            World::Imagined { imagined, .. } => {
                imagined.set(&action.workload, action.to);
                Box::pin(std::future::ready(Outcome::Simulated))
            }
        }
    }
}

impl fmt::Debug for DryRun {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let world = match &self.world {
            World::Real(_) => "real",
            World::Imagined { .. } => "imagined",
        };
        f.debug_struct("DryRun").field("world", &world).finish_non_exhaustive()
    }
}

/// The replica counts that there would be.
struct Imagined {
    start: Box<dyn Fn(&Workload) -> Replicas + Send + Sync>,
    counts: Mutex<Counts>,
    /// Wakes the reporter.
    changed: Notify,
}

#[derive(Default)]
struct Counts {
    replicas: HashMap<Workload, Replicas>,
    /// What the reporter has still to tell: at most one entry for each workload, however slow the receiver is.
    untold: BTreeSet<Workload>,
}

impl Imagined {
    fn watch(&self, workload: &Workload) {
        if !self.lock().replicas.contains_key(workload) {
            self.set(workload, (self.start)(workload));
        }
    }

    /// Whoever asks again begins anew.
    fn forget(&self, workload: &Workload) {
        let mut counts = self.lock();
        counts.replicas.remove(workload);
        counts.untold.remove(workload);
    }

    fn set(&self, workload: &Workload, replicas: Replicas) {
        let mut counts = self.lock();
        counts.replicas.insert(workload.clone(), replicas);
        counts.untold.insert(workload.clone());
        drop(counts);
        self.changed.notify_one();
    }

    /// The next workload to tell of, and its count by now.
    fn take_untold(&self) -> Option<(Workload, Replicas)> {
        let mut counts = self.lock();
        let workload = counts.untold.pop_first()?;
        let replicas = *counts.replicas.get(&workload)?;
        Some((workload, replicas))
    }

    /// A panic elsewhere leaves the counts whole: every change above is one insertion.
    fn lock(&self) -> MutexGuard<'_, Counts> {
        self.counts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Sends an observation for each change, until nobody listens.
async fn report(imagined: Arc<Imagined>, observations: mpsc::Sender<Observation>) {
    loop {
        while let Some((workload, replicas)) = imagined.take_untold() {
            let status = Status::found(replicas, replicas);
            if observations.send(Observation { workload, status }).await.is_err() {
                return;
            }
        }
        imagined.changed.notified().await;
    }
}
