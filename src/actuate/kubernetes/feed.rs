//! One watch: the objects of one kind in one namespace, of which some are asked for.

use std::collections::{BTreeSet, HashMap};
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt as _;
use kube::runtime::watcher::{self, Event, watcher};
use kube::{Api, Client, core::ApiResource, core::DynamicObject};
use tokio::sync::mpsc;

use super::counts::{self, Counts};
use super::fault::{Call, Fault, missing};
use super::kinds::Kinds;
use super::trouble::{Looks, Scope, Suspects};
use crate::actuate::{Observation, Status};
use crate::time::Clock;
use crate::workload::{ObjectRef, Workload};

/// How long the API server keeps one watch request open. The watch goes on with the next request, from where the
/// last one ended. Short, for a dead connection shows by the missing end, [`SILENCE_MAX`] later at most.
const REQUEST_SECONDS: u32 = 30;
/// The longest silence on a live watch: a request's length, and the 5 s that the watcher grants for its end.
pub(super) const SILENCE_MAX: Duration = Duration::from_secs(REQUEST_SECONDS as u64 + 5);
/// How long the list that a watch begins with may take, all its pages together.
const LIST_TIMEOUT: Duration = Duration::from_secs(30);
/// The waits between attempts: doubling from the first, up to the last.
const WAIT_FIRST: Duration = Duration::from_millis(250);
const WAIT_LAST: Duration = Duration::from_secs(30);

/// What all feeds of an actuator have in common.
pub(super) struct Shared {
    pub(super) client: Client,
    pub(super) kinds: Kinds,
    pub(super) call_timeout: Duration,
    pub(super) observations: mpsc::Sender<Observation>,
    pub(super) clock: Clock,
    pub(super) looks: Looks,
}

/// What one watch covers, as targets are written.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Key {
    pub(super) api_version: String,
    pub(super) kind: String,
    pub(super) namespace: String,
}

/// What is asked of a watch, by an object's name.
#[derive(Debug)]
pub(super) enum Ask {
    /// Tell of it, now and at each change.
    Tell(String),
    /// Tell of it no more.
    Forget(String),
}

/// Follows one watch until the actuator is dropped; each change of an object that is asked for is an observation.
pub(super) struct Feed {
    shared: Arc<Shared>,
    key: Key,
    asks: mpsc::UnboundedReceiver<Ask>,
    asked: BTreeSet<String>,
    suspects: Suspects,
}

/// Why an attempt to follow ended.
enum End {
    /// Nobody listens or asks any more.
    Unheard,
    /// The watch could not begin: what is known is out of date.
    Unwatchable(Fault),
    /// A watch that went well broke off; likely the next one goes well too.
    BrokeOff,
}

impl Feed {
    pub(super) fn new(shared: Arc<Shared>, key: Key, asks: mpsc::UnboundedReceiver<Ask>) -> Self {
        Self { shared, key, asks, asked: BTreeSet::new(), suspects: Suspects::default() }
    }

    pub(super) async fn run(mut self) {
        let mut wait = WAIT_FIRST;
        loop {
            let Err(end) = self.follow(&mut wait).await;
            let problem = match end {
                End::Unheard => return,
                End::BrokeOff => None,
                End::Unwatchable(fault) => Some(fault.to_string()),
            };
            tracing::debug!(key = ?self.key, ?problem, ?wait, "watch ended, another begins");
            if self.pause(problem, wait).await.is_err() {
                return;
            }
            wait = (wait * 2).min(WAIT_LAST);
        }
    }

    /// Lists, then watches, until something goes wrong. `wait` begins anew once the list went well.
    async fn follow(&mut self, wait: &mut Duration) -> Result<std::convert::Infallible, End> {
        let resource =
            self.shared.kinds.resolve(&self.key.api_version, &self.key.kind).await.map_err(End::Unwatchable)?;
        let api = Api::<DynamicObject>::namespaced_with(self.shared.client.clone(), &self.key.namespace, &resource);
        let mut events = pin!(watcher(api.clone(), watcher::Config::default().timeout(REQUEST_SECONDS)));
        let mut too_late = pin!(tokio::time::sleep(LIST_TIMEOUT));
        let mut seen = Seen::default();
        let shared = Arc::clone(&self.shared);
        let scope = Scope { resource: resource.clone(), namespace: self.key.namespace.clone() };

        loop {
            tokio::select! {
                event = events.next() => {
                    let event = event.ok_or(End::BrokeOff)?.map_err(|error| self.end(&resource, &error))?;
                    match seen.take(event) {
                        Change::Nothing => {}
                        Change::One(name) => self.tell(&api, &resource, &seen, &name).await?,
                        Change::Gone(name) => self.tell_gone(&resource, name).await?,
                        Change::All => {
                            *wait = WAIT_FIRST;
                            for name in self.asked.clone() {
                                self.tell(&api, &resource, &seen, &name).await?;
                            }
                        }
                    }
                }
                ask = self.asks.recv() => {
                    if let Some(name) = self.take(ask.ok_or(End::Unheard)?) && seen.complete {
                        self.tell(&api, &resource, &seen, &name).await?;
                    }
                }
                (name, status) = self.suspects.next(&shared, &scope) => self.send(name, status).await?,
                () = &mut too_late, if !seen.complete => {
                    return Err(End::Unwatchable(self.call("list", &resource).unanswered(LIST_TIMEOUT)));
                }
            }
        }
    }

    /// What an error of the watch means.
    fn end(&self, resource: &ApiResource, error: &watcher::Error) -> End {
        match error {
            watcher::Error::InitialListFailed(error) => End::Unwatchable(self.call("list", resource).fault(error)),
            watcher::Error::WatchStartFailed(error) => End::Unwatchable(self.call("watch", resource).fault(error)),
            watcher::Error::NoResourceVersion => End::Unwatchable(Fault::Refused(format!(
                "{}: the answer has no resourceVersion, so {} can't be watched",
                self.call("list", resource),
                resource.kind
            ))),
            watcher::Error::WatchError(_) | watcher::Error::WatchFailed(_) => End::BrokeOff,
        }
    }

    fn call<'a>(&'a self, verb: &'static str, resource: &'a ApiResource) -> Call<'a> {
        Call { verb, resource, subresource: "", namespace: &self.key.namespace, name: "" }
    }

    /// Observes one object as it is by now, where it is asked for.
    async fn tell(
        &mut self,
        api: &Api<DynamicObject>,
        resource: &ApiResource,
        seen: &Seen,
        name: &str,
    ) -> Result<(), End> {
        if !self.asked.contains(name) {
            return Ok(());
        }
        let status = match seen.objects.get(name) {
            None => Status::Unknown(missing(&resource.kind, &self.key.namespace, name)),
            Some(counts) if counts::counts_itself(resource) => counts.status(),
            Some(counts) => self.status_by_scale(api, resource, *counts, name).await?,
        };
        let status = self.suspects.note(name, status);
        self.send(name.to_owned(), status).await
    }

    /// Custom kinds may keep their counts anywhere; only the scale subresource knows where.
    async fn status_by_scale(
        &self,
        api: &Api<DynamicObject>,
        resource: &ApiResource,
        counts: Counts,
        name: &str,
    ) -> Result<Status, End> {
        let call = Call { subresource: "/scale", name, ..self.call("get", resource) };
        match call.within(self.shared.call_timeout, api.get_scale(name)).await {
            Ok(scale) => Ok(counts.status_with(&scale)),
            Err(Fault::Refused(text)) => Ok(Status::Unknown(text)),
            // Nothing else would ask again: the whole watch begins anew.
            Err(fault) => Err(End::Unwatchable(fault)),
        }
    }

    async fn tell_gone(&mut self, resource: &ApiResource, name: String) -> Result<(), End> {
        self.suspects.forget(&name);
        if !self.asked.contains(&name) {
            return Ok(());
        }
        let reason = format!("{} (it was deleted)", missing(&resource.kind, &self.key.namespace, &name));
        self.send(name, Status::Unknown(reason)).await
    }

    /// Waits before the next attempt. A problem is told for all that is asked for, and for what is asked meanwhile.
    async fn pause(&mut self, problem: Option<String>, wait: Duration) -> Result<(), End> {
        if let Some(problem) = &problem {
            for name in self.asked.clone() {
                self.send(name, Status::Unknown(problem.clone())).await?;
            }
        }
        let mut over = pin!(tokio::time::sleep(self.spread(wait)));
        loop {
            tokio::select! {
                () = &mut over => return Ok(()),
                ask = self.asks.recv() => {
                    if let Some(name) = self.take(ask.ok_or(End::Unheard)?) && let Some(problem) = &problem {
                        self.send(name, Status::Unknown(problem.clone())).await?;
                    }
                }
            }
        }
    }

    /// Takes in what is asked; gives the name that is asked for anew.
    fn take(&mut self, ask: Ask) -> Option<String> {
        match ask {
            Ask::Tell(name) => self.asked.insert(name.clone()).then_some(name),
            Ask::Forget(name) => {
                self.asked.remove(&name);
                self.suspects.forget(&name);
                None
            }
        }
    }

    /// Up to a quarter longer, by the watch's name: the watches of a thousand namespaces shall not all come back at
    /// the same moment to an API server that has just started.
    fn spread(&self, wait: Duration) -> Duration {
        let hash = xxhash_rust::xxh3::xxh3_64(format!("{}/{}", self.key.namespace, self.key.kind).as_bytes());
        wait + wait.mul_f64((hash % 1024) as f64 / 4096.0)
    }

    async fn send(&self, name: String, status: Status) -> Result<(), End> {
        let Key { api_version, kind, namespace } = self.key.clone();
        let workload = Workload::from(ObjectRef { namespace, name, kind, api_version });
        let observation = Observation { workload, status };
        self.shared.observations.send(observation).await.map_err(|_| End::Unheard)
    }
}

/// The objects that a watch has shown, asked for or not: one that is asked for later is known at once.
#[derive(Default)]
pub(super) struct Seen {
    pub(super) objects: HashMap<String, Counts>,
    /// The list is through: what isn't here doesn't exist.
    pub(super) complete: bool,
}

/// What an event changed.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Change {
    Nothing,
    One(String),
    Gone(String),
    All,
}

impl Seen {
    /// Takes in an event. During a list nothing is told, for the picture is not whole.
    pub(super) fn take(&mut self, event: Event<DynamicObject>) -> Change {
        match event {
            Event::Init => {
                *self = Self::default();
                Change::Nothing
            }
            Event::InitApply(object) => {
                self.insert(&object);
                Change::Nothing
            }
            Event::InitDone => {
                self.complete = true;
                Change::All
            }
            Event::Apply(object) => Change::One(self.insert(&object)),
            Event::Delete(object) => {
                let name = object.metadata.name.unwrap_or_default();
                self.objects.remove(&name);
                Change::Gone(name)
            }
        }
    }

    fn insert(&mut self, object: &DynamicObject) -> String {
        let name = object.metadata.name.clone().unwrap_or_default();
        self.objects.insert(name.clone(), Counts::of(object));
        name
    }
}
