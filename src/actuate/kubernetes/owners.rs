//! Who else scales: other autoscalers, whose workloads are left alone.
//!
//! Two that scale one workload undo each other's changes, so before a change the autoscalers of the namespace are
//! listed: HPAs, and the objects of KEDA and of predictive autoscalers where the cluster has their definitions. An
//! answer is good for [`TRUSTED_FOR`]. A right that is missing stops nothing: it is told once, and that kind is not
//! looked for.

use std::collections::{BTreeMap, HashSet};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use kube::Api;
use kube::api::ListParams;
use kube::core::{ApiResource, DynamicObject};
use serde_json::Value;
use tokio::sync::mpsc;

use super::client::{self, ConnectError, Options};
use super::fault::{Call, Fault};
use super::feed::Shared;
use super::kinds::Kinds;
use crate::time::Timestamp;
use crate::workload::Workload;

/// How long it is trusted who scales what in a namespace.
const TRUSTED_FOR: Duration = Duration::from_mins(1);
/// Namespaces that are remembered; some 100 bytes for each autoscaler in them.
const NAMESPACES_MAX: usize = 1_000;
/// Objects of one page, and pages of one list: 20,000 autoscalers of a kind.
const PAGE: u32 = 500;
const PAGES_MAX: usize = 40;

/// The kinds that scale what has a scale subresource, by group. Who makes HPAs goes before HPA, so that the owner is
/// named whom a person knows.
const KINDS: [(&str, &str); 5] = [
    ("keda.sh", "ScaledObject"),
    ("autoscaling.crane.io", "EffectiveHorizontalPodAutoscaler"),
    ("jamiethompson.me", "PredictiveHorizontalPodAutoscaler"),
    ("autoscaling.alibabacloud.com", "AdvancedHorizontalPodAutoscaler"),
    ("autoscaling", "HorizontalPodAutoscaler"),
];

/// What is scaled, as autoscalers name it within their namespace.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
struct Target {
    /// Of the API; empty for the core group.
    group: String,
    kind: String,
    name: String,
}

/// The autoscalers of one namespace.
#[derive(Debug, Default)]
struct Namespace {
    listed_at: Option<Timestamp>,
    /// Each target's first owner: `HorizontalPodAutoscaler shop/checkout`.
    owners: BTreeMap<Target, String>,
    /// Of whose owner the log knows.
    told: HashSet<Target>,
}

/// What is known of who else scales.
#[derive(Debug, Default)]
pub(super) struct Owners {
    /// Each behind a lock of its own, which is held over a list: a hundred changes in a namespace make one.
    namespaces: Mutex<BTreeMap<String, Arc<tokio::sync::Mutex<Namespace>>>>,
    /// Kinds that we may not list, by their plural; each is told once.
    forbidden: Mutex<HashSet<String>>,
}

impl Owners {
    /// Refuses a workload that another autoscaler scales.
    pub(super) async fn check(
        &self,
        shared: &Shared,
        resource: &ApiResource,
        workload: &Workload,
    ) -> Result<(), Fault> {
        let namespace = self.namespace(&workload.namespace);
        let mut namespace = namespace.lock().await;
        let now = (shared.clock)();
        if namespace.listed_at.is_none_or(|at| now.since(at) >= TRUSTED_FOR) {
            let owners = self.list(shared, &workload.namespace).await?;
            namespace.told.retain(|target| owners.contains_key(target));
            (namespace.owners, namespace.listed_at) = (owners, Some(now));
        }
        let (kind, name) = (workload.kind.clone(), workload.name.clone());
        let target = Target { group: resource.group.clone(), kind, name };
        let Some(owner) = namespace.owners.get(&target).cloned() else { return Ok(()) };
        if namespace.told.insert(target) {
            tracing::warn!(%workload, owner, "another autoscaler scales this workload; it is left alone");
        }
        Err(Fault::Refused(format!("{owner} scales it already; delete it, or set kubernetes.conflicts: ignore")))
    }

    /// What is known of a namespace. Where too many are, the one that is nobody's at present makes room.
    fn namespace(&self, name: &str) -> Arc<tokio::sync::Mutex<Namespace>> {
        let mut namespaces = self.namespaces.lock().unwrap_or_else(PoisonError::into_inner);
        if namespaces.len() >= NAMESPACES_MAX && !namespaces.contains_key(name) {
            let idle = namespaces.iter().find(|(_, namespace)| Arc::strong_count(namespace) == 1);
            if let Some(idle) = idle.map(|(name, _)| name.clone()) {
                namespaces.remove(&idle);
            }
        }
        Arc::clone(namespaces.entry(name.to_owned()).or_default())
    }

    /// All autoscalers of a namespace, by what they scale.
    async fn list(&self, shared: &Shared, namespace: &str) -> Result<BTreeMap<Target, String>, Fault> {
        let mut owners = BTreeMap::new();
        for (group, kind) in KINDS {
            let Some(resource) = shared.kinds.find(group, kind).await? else { continue };
            let objects = match list(shared, &resource, Some(namespace)).await {
                Ok(objects) => objects,
                Err(Fault::Refused(problem)) => {
                    self.tell_forbidden(&resource, &problem);
                    continue;
                }
                Err(fault) => return Err(fault),
            };
            for object in objects.iter().filter(|object| acts(object)) {
                let Some(target) = target(object, kind) else { continue };
                let name = object.metadata.name.as_deref().unwrap_or_default();
                owners.entry(target).or_insert_with(|| format!("{kind} {namespace}/{name}"));
            }
        }
        Ok(owners)
    }

    fn tell_forbidden(&self, resource: &ApiResource, problem: &str) {
        let mut forbidden = self.forbidden.lock().unwrap_or_else(PoisonError::into_inner);
        if forbidden.insert(resource.plural.clone()) {
            tracing::warn!(
                problem,
                kind = resource.kind,
                "can't see whether other autoscalers scale the same workloads"
            );
        }
    }
}

/// Lists the objects of a kind, page by page, in a namespace or in all.
async fn list(shared: &Shared, resource: &ApiResource, namespace: Option<&str>) -> Result<Vec<DynamicObject>, Fault> {
    let api = match namespace {
        Some(namespace) => Api::<DynamicObject>::namespaced_with(shared.client.clone(), namespace, resource),
        None => Api::all_with(shared.client.clone(), resource),
    };
    let call = Call {
        verb: "list only",
        resource,
        subresource: "",
        namespace: namespace.unwrap_or("all namespaces"),
        name: "",
    };
    let mut objects = Vec::new();
    let mut params = ListParams::default().limit(PAGE);
    for _ in 0..PAGES_MAX {
        let page = call.within(shared.call_timeout, api.list(&params)).await?;
        objects.extend(page.items);
        match page.metadata.continue_.filter(|token| !token.is_empty()) {
            Some(token) => params = params.continue_token(&token),
            None => return Ok(objects),
        }
    }
    tracing::warn!(kind = resource.kind, ?namespace, "too many objects to look at all of them");
    Ok(objects)
}

/// Whether it scales, and does not only recommend.
fn acts(object: &DynamicObject) -> bool {
    let strategy = object.data.pointer("/spec/scaleStrategy").and_then(Value::as_str);
    !matches!(strategy, Some("Preview" | "observer"))
}

/// What an autoscaler scales.
fn target(object: &DynamicObject, owner: &str) -> Option<Target> {
    let reference = object.data.pointer("/spec/scaleTargetRef")?;
    let text = |name: &str| reference.get(name).and_then(Value::as_str).filter(|text| !text.is_empty());
    // KEDA's defaults. HPA's kind is required, and without an API version it is one of the core group.
    let default = |value| (owner == "ScaledObject").then_some(value);
    let kind = text("kind").or(default("Deployment"))?.to_owned();
    let api_version = text("apiVersion").or(default("apps/v1")).unwrap_or_default();
    let group = api_version.split_once('/').map_or("", |(group, _)| group).to_owned();
    Some(Target { group, kind, name: text("name")?.to_owned() })
}

/// The autoscalers of a cluster.
#[derive(Debug, Default)]
pub struct Listed {
    /// As the API server writes them, each with its kind and version.
    pub objects: Vec<Value>,
    /// Kinds that could not be listed, and why.
    pub problems: Vec<String>,
}

/// Lists the autoscalers of a cluster, in one namespace or in all.
pub async fn autoscalers(options: &Options, namespace: Option<&str>) -> Result<Listed, ConnectError> {
    let client = client::connect(options).await?;
    // One question, so time does not pass.
    let clock: crate::time::Clock = Arc::new(Timestamp::default);
    let kinds = Kinds::new(client.clone(), options.call_timeout, Arc::clone(&clock));
    let (observations, _) = mpsc::channel(1);
    let shared = Shared {
        client,
        kinds,
        call_timeout: options.call_timeout,
        observations,
        clock,
        looks: super::trouble::Looks::default(),
    };
    let mut listed = Listed::default();
    for (group, kind) in KINDS {
        let found = match shared.kinds.find(group, kind).await {
            Ok(Some(resource)) => list(&shared, &resource, namespace).await.map(|objects| (resource, objects)),
            Ok(None) => continue,
            Err(fault) => Err(fault),
        };
        match found {
            Ok((resource, objects)) => {
                listed.objects.extend(objects.iter().filter_map(|object| whole(object, &resource)))
            }
            Err(fault) => listed.problems.push(fault.to_string()),
        }
    }
    Ok(listed)
}

/// An object as a manifest: items of a list don't say their kind.
fn whole(object: &DynamicObject, resource: &ApiResource) -> Option<Value> {
    let mut value = serde_json::to_value(object).ok()?;
    let fields = value.as_object_mut()?;
    fields.insert("apiVersion".to_owned(), Value::from(resource.api_version.as_str()));
    fields.insert("kind".to_owned(), Value::from(resource.kind.as_str()));
    Some(value)
}
