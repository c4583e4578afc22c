//! Several clusters at once: each workload in the one that its route leads to.

use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::{Action, Actuator, Applying, Outcome};
use crate::workload::Workload;

/// An actuator for each context of the kubeconfig that a receiver names, and one for the workloads whose receiver
/// names none.
pub struct Contexts {
    default: Arc<dyn Actuator>,
    named: BTreeMap<String, Arc<dyn Actuator>>,
    /// The context of each workload that is watched.
    placed: Mutex<HashMap<Workload, Option<String>>>,
}

impl Contexts {
    #[must_use]
    pub fn new(default: Arc<dyn Actuator>, named: BTreeMap<String, Arc<dyn Actuator>>) -> Self {
        Self { default, named, placed: Mutex::default() }
    }

    fn actuator(&self, context: Option<&str>) -> Option<&Arc<dyn Actuator>> {
        context.map_or(Some(&self.default), |context| self.named.get(context))
    }

    /// Where workloads are. A panic elsewhere leaves the map whole.
    fn placed(&self) -> MutexGuard<'_, HashMap<Workload, Option<String>>> {
        self.placed.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Actuator for Contexts {
    /// A workload that was in another context leaves it.
    fn watch(&self, workload: &Workload, context: Option<&str>) {
        let before = self.placed().insert(workload.clone(), context.map(str::to_owned));
        let left = before.filter(|before| before.as_deref() != context);
        if let Some(actuator) = left.and_then(|left| self.actuator(left.as_deref())) {
            actuator.forget(workload);
        }
        if let Some(actuator) = self.actuator(context) {
            actuator.watch(workload, context);
        }
    }

    fn forget(&self, workload: &Workload) {
        let before = self.placed().remove(workload);
        if let Some(actuator) = before.and_then(|before| self.actuator(before.as_deref())) {
            actuator.forget(workload);
        }
    }

    fn apply<'a>(&'a self, action: &'a Action) -> Applying<'a> {
        let context = self.placed().get(&action.workload).cloned().flatten();
        if let Some(actuator) = self.actuator(context.as_deref()) {
            return actuator.apply(action);
        }
        let refused = "its receiver's context is not connected; restart Headroom".to_owned();
        Box::pin(std::future::ready(Outcome::Refused(refused)))
    }
}

impl fmt::Debug for Contexts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Contexts").field("named", &self.named.keys()).finish_non_exhaustive()
    }
}
