//! The Kubernetes actuator: any kind with a scale subresource.
//!
//! In: workloads to watch, actions. Out: observations from watches (one for each kind and namespace, however many
//! workloads are asked for), scale changes that hold only for what they were decided from.
//! Never here: a poll, a retry of an action, a change of anything but `spec.replicas`.
//!
//! Calls that it makes, and so the rights that it needs (`deploy/kubernetes/rbac.yaml`): discovery; list and watch
//! of each kind; get and update of its `scale`; list of pods while a workload is short of ready ones; create of
//! `events.k8s.io` Events; list of other autoscalers.

mod client;
mod counts;
mod event;
mod fault;
mod feed;
mod kinds;
mod owners;
#[cfg(test)]
mod tests;
mod trouble;

pub use client::{ConnectError, Options};
pub use owners::{Listed, autoscalers};

use std::collections::{HashMap, HashSet};
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use k8s_openapi::api::autoscaling::v1::{Scale, ScaleSpec};
use k8s_openapi::api::events::v1::Event;
use kube::api::PostParams;
use kube::core::{ApiResource, DynamicObject};
use kube::{Api, Client};
use tokio::runtime::Handle;
use tokio::sync::mpsc;
use tokio::task::JoinSet;

use super::{Action, Actuator, Applying, Observation, Outcome};
use crate::time::Clock;
use crate::workload::{ObjectRef, Workload};
use fault::{Call, Fault};
use feed::{Ask, Feed, Key, Shared};
use kinds::Kinds;
use owners::Owners;
use trouble::Looks;

/// Scales workloads of a Kubernetes cluster. Dropping it ends its watches.
pub struct Kubernetes {
    shared: Arc<Shared>,
    options: Options,
    owners: Owners,
    runtime: Handle,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    watched: HashSet<Workload>,
    /// Where to ask each watch for one more name, or one less.
    asks: HashMap<Key, mpsc::UnboundedSender<Ask>>,
    /// Watches, and Events on their way; dropping it ends them.
    tasks: JoinSet<()>,
}

impl Kubernetes {
    /// Finds the way to a cluster: a kubeconfig that `options` ask for, else the pod's ServiceAccount, else the
    /// user's kubeconfig. An API server that doesn't answer is no error here: observations tell, until it does.
    /// Must be called within a tokio runtime, which the watches then run on.
    pub async fn connect(
        options: Options,
        observations: mpsc::Sender<Observation>,
        clock: Clock,
    ) -> Result<Self, ConnectError> {
        let client = client::connect(&options).await?;
        Ok(Self::with_client(client, options, observations, clock))
    }

    /// Uses a client that is already there.
    fn with_client(client: Client, options: Options, observations: mpsc::Sender<Observation>, clock: Clock) -> Self {
        let call_timeout = options.call_timeout;
        let kinds = Kinds::new(client.clone(), call_timeout, Arc::clone(&clock));
        let shared = Arc::new(Shared { client, kinds, call_timeout, observations, clock, looks: Looks::default() });
        Self { shared, options, owners: Owners::default(), runtime: Handle::current(), state: Mutex::default() }
    }

    /// Reads the scale, checks that it is what the action was decided from, and replaces exactly that one.
    async fn scale(&self, action: &Action) -> Result<(), Fault> {
        let ObjectRef { api_version, kind, namespace, name } = &*action.workload;
        let resource = self.shared.kinds.resolve(api_version, kind).await?;
        if self.options.leave_owned {
            self.owners.check(&self.shared, &resource, &action.workload).await?;
        }
        let api = Api::<DynamicObject>::namespaced_with(self.shared.client.clone(), namespace, &resource);
        let limit = self.shared.call_timeout;
        let call = |verb| Call { verb, resource: &resource, subresource: "/scale", namespace, name };

        let mut scale = call("get").within(limit, api.get_scale(name)).await?;
        if counts::wanted(&scale) != Some(action.from) {
            return Err(Fault::Conflict);
        }
        if scale.metadata.resource_version.is_none() {
            // A replace without it would overwrite whatever anybody else does in between.
            return Err(Fault::Refused(format!("{}: the scale has no resourceVersion", call("get"))));
        }
        let replicas = i32::try_from(action.to)
            .map_err(|_| Fault::Refused(format!("{}: {} replicas are too many", call("update"), action.to)))?;
        scale.spec = Some(ScaleSpec { replicas: Some(replicas) });
        call("update").within(limit, api.replace_scale(name, &PostParams::default(), &scale)).await?;
        self.announce(action, &resource, &scale);
        Ok(())
    }

    /// Tells of an action in a Kubernetes Event: best effort, in the background.
    fn announce(&self, action: &Action, resource: &ApiResource, scale: &Scale) {
        if !self.options.events {
            return;
        }
        let event = event::scaled(action, resource, scale, &self.options.instance, (self.shared.clock)());
        let api = Api::<Event>::namespaced(self.shared.client.clone(), &action.workload.namespace);
        let limit = self.shared.call_timeout;
        let workload = action.workload.clone();
        self.with_state(|state| {
            while state.tasks.try_join_next().is_some() {}
            state.tasks.spawn_on(
                async move {
                    match tokio::time::timeout(limit, api.create(&PostParams::default(), &event)).await {
                        Ok(Ok(_)) => {}
                        Ok(Err(error)) => tracing::warn!(%workload, error = fault::reason(&error), "no Event written"),
                        Err(_) => tracing::warn!(%workload, ?limit, "no Event written in time"),
                    }
                },
                &self.runtime,
            );
        });
    }

    /// A panic elsewhere leaves the state whole: it only grows, an entry at a time.
    fn with_state<T>(&self, f: impl FnOnce(&mut State) -> T) -> T {
        f(&mut self.state.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Actuator for Kubernetes {
    fn watch(&self, workload: &Workload, _context: Option<&str>) {
        self.with_state(|state| {
            if !state.watched.insert(workload.clone()) {
                return;
            }
            let ObjectRef { api_version, kind, namespace, name } = workload.clone().into();
            let key = Key { api_version, kind, namespace };
            let asks = state.asks.entry(key).or_insert_with_key(|key| {
                let (ask, asks) = mpsc::unbounded_channel();
                state.tasks.spawn_on(Feed::new(Arc::clone(&self.shared), key.clone(), asks).run(), &self.runtime);
                ask
            });
            // A watch ends only when nobody listens to observations any more; then there is nobody to tell.
            let _ = asks.send(Ask::Tell(name));
        });
    }

    /// The watch itself goes on, for the others of its kind and namespace, and for the next who asks.
    fn forget(&self, workload: &Workload) {
        self.with_state(|state| {
            if !state.watched.remove(workload) {
                return;
            }
            let ObjectRef { api_version, kind, namespace, name } = workload.clone().into();
            if let Some(asks) = state.asks.get(&Key { api_version, kind, namespace }) {
                let _ = asks.send(Ask::Forget(name));
            }
        });
    }

    fn apply<'a>(&'a self, action: &'a Action) -> Applying<'a> {
        Box::pin(async move {
            match self.scale(action).await {
                Ok(()) => Outcome::Done,
                Err(fault) => fault.into(),
            }
        })
    }

    /// Tells of another autoscaler that would keep it from being scaled.
    fn rehearse<'a>(&'a self, action: &'a Action) -> Applying<'a> {
        Box::pin(async move {
            let ObjectRef { api_version, kind, .. } = &*action.workload;
            if self.options.leave_owned
                && let Ok(resource) = self.shared.kinds.resolve(api_version, kind).await
            {
                // Who owns it is told by the check; what can't be asked is told by the watch.
                let _ = self.owners.check(&self.shared, &resource, &action.workload).await;
            }
            Outcome::Simulated
        })
    }
}

impl fmt::Debug for Kubernetes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Kubernetes").field("options", &self.options).finish_non_exhaustive()
    }
}
