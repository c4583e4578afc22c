//! Pods that will not become ready by waiting: looked for while a workload has fewer ready pods than it wants.
//!
//! In: the statuses that a watch tells. Out: the same with their [`Trouble`], and again when that changes. A workload
//! that has all its pods ready costs nothing, and neither does one that starts within [`LOOK_EVERY`]. Otherwise its
//! scale says how its pods are selected, and its pods, in one list, which of them are in trouble. What can't be seen is
//! no trouble: without the right to list pods nothing is held back, and a warning says so once.

use std::collections::BTreeMap;
use std::future::{Future, pending};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use k8s_openapi::api::core::v1::{ContainerStatus, Pod};
use kube::Api;
use kube::api::ListParams;
use kube::core::{ApiResource, DynamicObject};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio::time::Instant;

use super::fault::{Call, Fault};
use super::feed::Shared;
use crate::actuate::Status;
use crate::dispatch::Trouble;
use crate::workload::Replicas;

/// How long a workload is short of pods before they are looked at, and until they are looked at again. A container
/// that crashes waits at least 10 s between its starts, so nothing that lasts is missed.
const LOOK_EVERY: Duration = Duration::from_secs(5);
/// When to look again where pods can't be listed: a role or an object has to be changed first.
const BLIND_FOR: Duration = Duration::from_mins(1);
/// The most looks at once, over all workloads. A list of 500 pods is some 5 MB on the wire and takes the API server
/// tens of milliseconds: 4 at once see 200 workloads within [`LOOK_EVERY`]; where there are more, they wait in line.
const LOOKS_MAX: usize = 4;
/// The most pods of one workload that are looked at; where more are in trouble, these are enough to know.
const PODS_MAX: u32 = 500;

/// What all looks of an actuator have in common.
#[derive(Debug)]
pub(super) struct Looks {
    places: Semaphore,
    /// The warning that pods can't be listed was given.
    warned: AtomicBool,
}

impl Default for Looks {
    fn default() -> Self {
        Self { places: Semaphore::new(LOOKS_MAX), warned: AtomicBool::new(false) }
    }
}

/// The workloads of one watch that are short of ready pods.
#[derive(Debug, Default)]
pub(super) struct Suspects {
    by_name: BTreeMap<String, Suspect>,
    looks: JoinSet<(String, Result<Trouble, Blind>)>,
}

#[derive(Debug)]
struct Suspect {
    replicas: Replicas,
    ready: Replicas,
    trouble: Trouble,
    /// When to look; `None` while somebody looks.
    due_at: Option<Instant>,
}

/// Why a look showed nothing.
#[derive(Debug)]
enum Blind {
    /// The next one may: no answer, overload.
    ForNow(Fault),
    /// None will, until somebody changes something.
    Until(Fault),
}

impl Suspects {
    /// Takes in a status that is about to be told, and adds what trouble is known.
    pub(super) fn note(&mut self, name: &str, status: Status) -> Status {
        let Status::Found { replicas, ready, .. } = status else {
            self.forget(name);
            return status;
        };
        if ready >= replicas {
            self.forget(name);
            return Status::found(replicas, ready);
        }
        let suspect = self.by_name.entry(name.to_owned()).or_insert_with(|| Suspect {
            replicas,
            ready,
            trouble: Trouble::default(),
            due_at: Some(Instant::now() + LOOK_EVERY),
        });
        (suspect.replicas, suspect.ready) = (replicas, ready);
        suspect.status()
    }

    pub(super) fn forget(&mut self, name: &str) {
        self.by_name.remove(name);
    }

    /// Looks at what is due, until the trouble of one has changed: gives its name and what to tell. Never ends
    /// otherwise. It can be dropped at any time and called again.
    pub(super) async fn next(&mut self, shared: &Arc<Shared>, scope: &Scope) -> (String, Status) {
        loop {
            let due_at = self.begin(|name| look(Arc::clone(shared), scope.clone(), name));
            tokio::select! {
                Some(look) = self.looks.join_next() => {
                    if let Ok((name, found)) = look && let Some(status) = self.learn(&name, found) {
                        return (name, status);
                    }
                }
                () = until(due_at) => {}
            }
        }
    }

    /// Begins the looks that are due; says when the next one is.
    fn begin<F>(&mut self, look: impl Fn(String) -> F) -> Option<Instant>
    where
        F: Future<Output = Result<Trouble, Blind>> + Send + 'static,
    {
        let now = Instant::now();
        for (name, suspect) in &mut self.by_name {
            if suspect.due_at.is_some_and(|due_at| due_at <= now) {
                suspect.due_at = None;
                let (name, look) = (name.clone(), look(name.clone()));
                self.looks.spawn(async move { (name, look.await) });
            }
        }
        self.by_name.values().filter_map(|suspect| suspect.due_at).min()
    }

    /// Takes in what a look showed; gives the new status where the trouble is another.
    fn learn(&mut self, name: &str, found: Result<Trouble, Blind>) -> Option<Status> {
        // It may have all its pods by now.
        let suspect = self.by_name.get_mut(name)?;
        let (trouble, wait) = match found {
            Ok(trouble) => (trouble, LOOK_EVERY),
            Err(Blind::ForNow(fault)) => {
                tracing::debug!(name, %fault, "can't see pods for now");
                (suspect.trouble, LOOK_EVERY)
            }
            Err(Blind::Until(fault)) => {
                tracing::debug!(name, %fault, "can't see pods");
                (Trouble::default(), BLIND_FOR)
            }
        };
        suspect.due_at = Some(Instant::now() + wait);
        let changed = suspect.trouble != trouble;
        suspect.trouble = trouble;
        changed.then(|| suspect.status())
    }
}

impl Suspect {
    fn status(&self) -> Status {
        Status::Found { replicas: self.replicas, ready: self.ready, trouble: self.trouble }
    }
}

/// Waits for a time, for ever where there is none.
async fn until(due_at: Option<Instant>) {
    match due_at {
        Some(due_at) => tokio::time::sleep_until(due_at).await,
        None => pending().await,
    }
}

/// What one watch covers, as its looks need it.
#[derive(Debug, Clone)]
pub(super) struct Scope {
    pub(super) resource: ApiResource,
    pub(super) namespace: String,
}

/// Looks at the pods of one workload.
async fn look(shared: Arc<Shared>, scope: Scope, name: String) -> Result<Trouble, Blind> {
    // The places are never closed.
    let _place = shared.looks.places.acquire().await.ok();
    let Scope { resource, namespace } = &scope;
    let limit = shared.call_timeout;

    let api = Api::<DynamicObject>::namespaced_with(shared.client.clone(), namespace, resource);
    let call = Call { verb: "get", resource, subresource: "/scale", namespace, name: &name };
    let scale = call.within(limit, api.get_scale(&name)).await?;
    // Without a selector the list would be of all pods of the namespace.
    let Some(selector) = scale.status.and_then(|status| status.selector).filter(|text| !text.is_empty()) else {
        return Err(Blind::Until(Fault::Refused(format!("{call}: the scale has no status.selector"))));
    };

    let pods = Api::<Pod>::namespaced(shared.client.clone(), namespace);
    let resource = ApiResource::erase::<Pod>(&());
    let call = Call { verb: "list", resource: &resource, subresource: "", namespace, name: "" };
    let selected = ListParams::default().labels(&selector).limit(PODS_MAX);
    match call.within(limit, pods.list(&selected)).await {
        Ok(list) => Ok(count(&list.items)),
        Err(fault) => {
            if matches!(fault, Fault::Refused(_)) && !shared.looks.warned.swap(true, Ordering::Relaxed) {
                tracing::warn!(%fault, "pods that crash or can't be scheduled are not seen");
            }
            Err(fault.into())
        }
    }
}

impl From<Fault> for Blind {
    fn from(fault: Fault) -> Self {
        match fault {
            Fault::Refused(_) => Self::Until(fault),
            Fault::Conflict | Fault::Failed(_) => Self::ForNow(fault),
        }
    }
}

/// Counts the pods in trouble. Pods that are being deleted or have ended are on their way out, not in.
pub(super) fn count(pods: &[Pod]) -> Trouble {
    let mut trouble = Trouble::default();
    for pod in pods.iter().filter(|pod| is_wanted(pod)) {
        trouble.crash_looping += Replicas::from(is_crash_looping(pod));
        trouble.unschedulable += Replicas::from(is_unschedulable(pod));
    }
    trouble
}

fn is_wanted(pod: &Pod) -> bool {
    let phase = pod.status.as_ref().and_then(|status| status.phase.as_deref());
    pod.metadata.deletion_timestamp.is_none() && !matches!(phase, Some("Failed" | "Succeeded"))
}

fn is_crash_looping(pod: &Pod) -> bool {
    let Some(status) = &pod.status else { return false };
    let containers = [&status.init_container_statuses, &status.container_statuses];
    let waits = |container: &ContainerStatus| {
        let waiting = container.state.as_ref().and_then(|state| state.waiting.as_ref());
        waiting.and_then(|waiting| waiting.reason.as_deref()) == Some("CrashLoopBackOff")
    };
    containers.into_iter().flatten().flatten().any(waits)
}

fn is_unschedulable(pod: &Pod) -> bool {
    let conditions = pod.status.iter().flat_map(|status| status.conditions.iter().flatten());
    conditions.into_iter().any(|condition| {
        condition.type_ == "PodScheduled"
            && condition.status == "False"
            && condition.reason.as_deref() == Some("Unschedulable")
    })
}
