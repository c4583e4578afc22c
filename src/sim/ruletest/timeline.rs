//! What each workload was at which time: what expectations are compared with, and where it is looked up when they held.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::config::{Muted, ScaleExpectation};
use crate::decision::Decision;
use crate::dispatch;
use crate::engine::{ShadowView, View, WorkloadView};
use crate::time::Timestamp;
use crate::workload::{Replicas, Workload};

/// Replicas that are asked for, and ready ones; `None` where the cluster doesn't have the workload.
pub(super) type Counts = Option<(Replicas, Replicas)>;

/// The moments at which something about a workload changed, oldest first.
#[derive(Debug, Default)]
pub(super) struct Timeline {
    moments: BTreeMap<String, (Workload, Vec<Moment>)>,
}

/// A workload at a time, until the next moment.
#[derive(Debug, Clone)]
pub(super) struct Moment {
    /// When it began. What follows at once counts as of the same time, so several moments may have one.
    pub(super) at: Timestamp,
    counts: Counts,
    /// How the loop sees it; `None` where it doesn't know it.
    view: Option<Arc<WorkloadView>>,
    pub(super) muted: Muted,
}

impl Moment {
    /// The decision on the workload, or that of the shadow of which something is expected.
    pub(super) fn decision(&self, expected: &ScaleExpectation) -> Option<&Decision> {
        match &expected.shadow {
            None => self.view.as_ref()?.decision.as_ref(),
            Some(name) => self.shadow(name)?.decision.as_ref(),
        }
    }

    /// The workload's counts, or those of the shadow.
    pub(super) fn counts(&self, expected: &ScaleExpectation) -> Counts {
        match &expected.shadow {
            None => self.counts,
            Some(name) => self.shadow(name).map(|shadow| (shadow.replicas, shadow.ready)),
        }
    }

    fn shadow(&self, name: &str) -> Option<&ShadowView> {
        self.view.as_ref()?.shadows.iter().find(|shadow| *shadow.name == *name)
    }

    /// Why the cluster's side is unknown, and what went wrong with the last action.
    pub(super) fn problems(&self) -> impl Iterator<Item = &str> {
        let view = self.view.iter();
        view.flat_map(|view| [&view.problem, &view.last_error]).filter_map(|text| text.as_deref())
    }

    fn is_as(&self, other: &Self) -> bool {
        let views = match (&self.view, &other.view) {
            (Some(view), Some(other)) => Arc::ptr_eq(view, other),
            (None, None) => true,
            _ => false,
        };
        views && self.counts == other.counts && self.muted == other.muted
    }
}

impl Timeline {
    /// Keeps a record of these workloads.
    pub(super) fn of<'w>(workloads: impl Iterator<Item = &'w Workload>) -> Self {
        Self { moments: workloads.map(|workload| (workload.to_string(), (workload.clone(), Vec::new()))).collect() }
    }

    /// Takes note of where everything stands after a step at `now`, one of those that belong to the time `at`.
    pub(super) fn record(&mut self, at: Timestamp, view: &View, counts: impl Fn(&str) -> Counts) {
        for (name, (workload, moments)) in &mut self.moments {
            let seen = view.workloads.iter().find(|seen| is_same(&seen.workload, workload));
            let muted = seen.map_or(Muted::No, |seen| muted(seen));
            let moment = Moment { at, counts: counts(name), view: seen.cloned(), muted };
            if moments.last().is_none_or(|last| !last.is_as(&moment)) {
                moments.push(moment);
            }
        }
    }

    /// The workloads that no rule ever scaled.
    pub(super) fn strangers(&self) -> impl Iterator<Item = &str> {
        let strange = |moments: &[Moment]| moments.iter().all(|moment| moment.view.is_none());
        self.moments.iter().filter(move |(_, (_, moments))| strange(moments)).map(|(name, _)| &**name)
    }

    pub(super) fn of_workload(&self, name: &str) -> &[Moment] {
        self.moments.get(name).map_or(&[], |(_, moments)| moments.as_slice())
    }
}

/// Whether two names mean one workload: a test names no version.
pub(super) fn is_same(one: &Workload, other: &Workload) -> bool {
    (&one.kind, &one.namespace, &one.name) == (&other.kind, &other.namespace, &other.name)
}

/// What keeps a workload's decisions from being carried out.
fn muted(workload: &WorkloadView) -> Muted {
    match workload.muted {
        None => Muted::No,
        Some(dispatch::Muted::Silenced { .. }) => Muted::Silenced,
        Some(dispatch::Muted::Inhibited { .. }) => Muted::Inhibited,
        Some(dispatch::Muted::TimeInterval { .. }) => Muted::Interval,
        Some(_) => Muted::Group,
    }
}
