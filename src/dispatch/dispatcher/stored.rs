//! What of the dispatcher must survive a restart: wishes come anew, memories do not.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::Dispatcher;
use super::member::{Asserted, Member};
use crate::labels::Labels;
use crate::time::Timestamp;
use crate::workload::{Replicas, Workload};

/// What of the dispatcher must survive a restart, besides what each workload was set to
/// ([`Dispatcher::set_count`]): that belongs to the workload.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct StoredDispatch {
    pub flushes: Vec<StoredFlush>,
}

/// When a group's last batch began.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct StoredFlush {
    pub route: Arc<str>,
    pub group: Labels,
    pub at: Timestamp,
}

/// What a workload was set to last, and when.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SetCount {
    pub workload: Workload,
    pub labels: Labels,
    pub replicas: Replicas,
    pub at: Timestamp,
}

impl Dispatcher {
    /// What is to be stored.
    #[must_use]
    pub fn stored(&self) -> StoredDispatch {
        let flushes = self.groups.iter().filter_map(|((place, group), state)| {
            let route = Arc::clone(&self.routing.at(*place).key);
            Some(StoredFlush { route, group: group.clone(), at: state.flushed_at? })
        });
        StoredDispatch { flushes: flushes.collect() }
    }

    /// What a workload was set to last.
    #[must_use]
    pub fn set_count(&self, workload: &Workload) -> Option<SetCount> {
        let member = self.members.get(workload)?;
        let Asserted { to: replicas, at } = member.asserted?;
        Some(SetCount { workload: workload.clone(), labels: member.labels.clone(), replicas, at })
    }

    /// What a workload was set to otherwise than by a release that ended well here: by one that seemed to fail, or by
    /// a former process.
    pub fn was_set(&mut self, set: SetCount) {
        let SetCount { workload, labels, replicas: to, at } = set;
        let routing = &self.routing;
        let member = self.members.entry(workload).or_insert_with(|| Member::new(routing, labels));
        (member.asserted, member.drift) = (Some(Asserted { to, at }), None);
    }

    /// Takes in what was stored, before anything is wished. What belongs to a route that is gone is left out.
    pub fn restore(&mut self, stored: StoredDispatch) {
        for StoredFlush { route, group, at } in stored.flushes {
            if let Some(place) = self.routing.place_of(&route) {
                let id = (place, group);
                self.groups.entry(id.clone()).or_default().flushed_at = Some(at);
                self.changed.insert(id);
            }
        }
    }
}
