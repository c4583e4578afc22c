//! Which API serves a kind, and whether it can be scaled: the API server's own discovery.

use std::time::Duration;

use kube::core::discovery::v2::{
    ACCEPT_AGGREGATED_DISCOVERY_V2, APIGroupDiscovery, APIGroupDiscoveryList, APIResourceDiscovery,
};
use kube::core::{ApiResource, GroupVersion};
use kube::{Client, discovery::verbs};
use serde_json::Value;
use tokio::sync::Mutex;

use super::fault::{Fault, reason};
use crate::time::Clock;
use crate::time::Timestamp;

/// How long an answer of discovery is trusted: custom resource definitions come and go, seldom.
const TRUSTED_FOR: Duration = Duration::from_mins(10);
/// How long it is trusted that a kind does *not* exist: somebody may be about to install it.
const ABSENT_FOR: Duration = Duration::from_secs(10);

/// One kind at one version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Served {
    pub(super) resource: ApiResource,
    /// It lives in namespaces, can be watched, and has a scale subresource.
    pub(super) scalable: bool,
}

/// Why a kind can't be scaled.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum Unscalable {
    #[error("no API of this cluster serves kind {0:?}; check its spelling, or install its custom resource definition")]
    UnknownKind(String),
    #[error("{api_version} doesn't serve kind {kind:?}, which is served by {others}; correct the target's apiVersion")]
    OtherVersion { api_version: String, kind: String, others: String },
    #[error("kind {kind:?} of {api_version} has no scale subresource, so it can't be scaled; target one that has")]
    NoScale { api_version: String, kind: String },
    #[error("kind {kind:?} is served by {candidates}; say which in the target's apiVersion")]
    Ambiguous { kind: String, candidates: String },
}

/// What the cluster serves, fetched when first asked for and kept.
pub(super) struct Kinds {
    client: Client,
    call_timeout: Duration,
    clock: Clock,
    /// Locked over a fetch, so that a thousand watches that begin at once make one.
    discovered: Mutex<Option<Discovered>>,
}

struct Discovered {
    at: Timestamp,
    served: Vec<Served>,
}

impl Kinds {
    pub(super) fn new(client: Client, call_timeout: Duration, clock: Clock) -> Self {
        Self { client, call_timeout, clock, discovered: Mutex::new(None) }
    }

    /// The API of a kind of this group, at its preferred version; `None` where the cluster has no such kind.
    pub(super) async fn find(&self, group: &str, kind: &str) -> Result<Option<ApiResource>, Fault> {
        let mut discovered = self.discovered.lock().await;
        if discovered.as_ref().is_none_or(|known| (self.clock)().since(known.at) >= TRUSTED_FOR) {
            let served = self.fetch().await?;
            *discovered = Some(Discovered { at: (self.clock)(), served });
        }
        let mut served = discovered.iter().flat_map(|known| &known.served).map(|served| &served.resource);
        Ok(served.find(|resource| resource.group == group && resource.kind == kind).cloned())
    }

    /// The API of a kind; an empty `api_version` means whichever has it.
    pub(super) async fn resolve(&self, api_version: &str, kind: &str) -> Result<ApiResource, Fault> {
        let mut discovered = self.discovered.lock().await;
        if let Some(known) = discovered.as_ref() {
            let age = (self.clock)().since(known.at);
            match choose(&known.served, api_version, kind) {
                Ok(resource) if age < TRUSTED_FOR => return Ok(resource),
                Err(error) if age < ABSENT_FOR => return Err(Fault::Refused(error.to_string())),
                _ => {}
            }
        }
        let served = self.fetch().await?;
        let chosen = choose(&served, api_version, kind).map_err(|error| Fault::Refused(error.to_string()));
        *discovered = Some(Discovered { at: (self.clock)(), served });
        chosen
    }

    /// Two requests tell everything: `/apis` for the named groups, `/api` for the core group.
    async fn fetch(&self) -> Result<Vec<Served>, Fault> {
        let both = async {
            let named = self.groups("/apis").await?;
            let core = self.groups("/api").await?;
            Ok::<_, kube::Error>((named, core))
        };
        match tokio::time::timeout(self.call_timeout, both).await {
            Ok(Ok((named, core))) => Ok(named.items.iter().chain(&core.items).flat_map(served_by).collect()),
            Ok(Err(error)) => Err(Fault::Failed(format!(
                "can't discover the cluster's APIs, check that the API server is up and accepts the credentials: {}",
                reason(&error)
            ))),
            Err(_) => Err(Fault::Failed(format!(
                "can't discover the cluster's APIs: the API server gave no answer within {:?}",
                self.call_timeout
            ))),
        }
    }

    /// Not by the client's own call, which takes no `null` for a list.
    async fn groups(&self, path: &str) -> kube::Result<APIGroupDiscoveryList> {
        let request = http::Request::get(path).header(http::header::ACCEPT, ACCEPT_AGGREGATED_DISCOVERY_V2);
        let request = request.body(Vec::new()).map_err(kube::Error::HttpError)?;
        read_groups(&self.client.request_text(request).await?).map_err(kube::Error::SerdeError)
    }
}

/// Reads an answer of discovery, in which lists may be `null`: so API servers write the verbs of a resource that an
/// extension serves only parts of, such as `pods` of an adapter for metrics of pods.
pub(super) fn read_groups(text: &str) -> serde_json::Result<APIGroupDiscoveryList> {
    let mut value = serde_json::from_str(text)?;
    drop_nulls(&mut value);
    serde_json::from_value(value)
}

fn drop_nulls(value: &mut Value) {
    match value {
        Value::Object(fields) => {
            fields.retain(|_, field| !field.is_null());
            fields.values_mut().for_each(drop_nulls);
        }
        Value::Array(items) => items.iter_mut().for_each(drop_nulls),
        _ => {}
    }
}

/// Everything that a group serves, its preferred version first.
pub(super) fn served_by(group: &APIGroupDiscovery) -> impl Iterator<Item = Served> + '_ {
    let name = group.metadata.as_ref().and_then(|metadata| metadata.name.as_deref()).unwrap_or_default();
    group.versions.iter().flat_map(move |version| {
        let group_version = GroupVersion::gv(name, version.version.as_deref().unwrap_or_default());
        version.resources.iter().filter_map(move |resource| served(&group_version, resource))
    })
}

fn served(group_version: &GroupVersion, resource: &APIResourceDiscovery) -> Option<Served> {
    let scalable = resource.scope.as_deref() == Some("Namespaced")
        && [verbs::LIST, verbs::WATCH].iter().all(|needed| resource.verbs.iter().any(|verb| verb == needed))
        && resource.subresources.iter().any(|sub| sub.subresource.as_deref() == Some("scale"));
    let kind = resource.response_kind.as_ref()?.kind.as_ref()?;
    Some(Served {
        resource: ApiResource {
            group: group_version.group.clone(),
            version: group_version.version.clone(),
            api_version: group_version.api_version(),
            kind: kind.clone(),
            plural: resource.resource.clone()?,
        },
        scalable,
    })
}

/// Finds the API of a kind. Where no version is asked for, each group offers its first version that can scale the
/// kind; `apps`, whose kinds everybody means, goes before the others, and among several others the user must choose.
pub(super) fn choose(served: &[Served], api_version: &str, kind: &str) -> Result<ApiResource, Unscalable> {
    let of_kind = || served.iter().filter(|served| served.resource.kind == kind);
    let Some(first) = of_kind().next() else {
        return Err(Unscalable::UnknownKind(kind.to_owned()));
    };
    let no_scale =
        |api_version: &str| Unscalable::NoScale { api_version: api_version.to_owned(), kind: kind.to_owned() };

    if !api_version.is_empty() {
        return match of_kind().find(|served| served.resource.api_version == api_version) {
            Some(served) if served.scalable => Ok(served.resource.clone()),
            Some(_) => Err(no_scale(api_version)),
            None => Err(Unscalable::OtherVersion {
                api_version: api_version.to_owned(),
                kind: kind.to_owned(),
                others: joined(of_kind()),
            }),
        };
    }

    let mut candidates: Vec<&Served> = Vec::new();
    for served in of_kind().filter(|served| served.scalable) {
        if served.resource.group == "apps" {
            return Ok(served.resource.clone());
        }
        if candidates.iter().all(|known| known.resource.group != served.resource.group) {
            candidates.push(served);
        }
    }
    match candidates[..] {
        [] => Err(no_scale(&first.resource.api_version)),
        [only] => Ok(only.resource.clone()),
        _ => Err(Unscalable::Ambiguous { kind: kind.to_owned(), candidates: joined(candidates.into_iter()) }),
    }
}

/// `a/v1 and b/v1`.
fn joined<'a>(served: impl Iterator<Item = &'a Served>) -> String {
    let versions: Vec<&str> = served.map(|served| served.resource.api_version.as_str()).collect();
    versions.join(" and ")
}
