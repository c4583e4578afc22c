//! What of the dispatcher must survive a restart: wishes come anew, memories do not.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::Dispatcher;
use super::member::Asserted;
use crate::labels::Labels;
use crate::time::Timestamp;
use crate::workload::{Replicas, Workload};

/// What of the dispatcher must survive a restart.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct StoredDispatch {
    pub flushes: Vec<StoredFlush>,
    pub set: Vec<SetCount>,
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
        let set = self.members.iter().filter_map(|(workload, member)| {
            let Asserted { to: replicas, at } = member.asserted?;
            Some(SetCount { workload: workload.clone(), labels: member.labels.clone(), replicas, at })
        });
        StoredDispatch { flushes: flushes.collect(), set: set.collect() }
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
        stored.set.into_iter().for_each(|set| self.was_set(set));
    }
}
