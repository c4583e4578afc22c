//! What a test does inside a cluster: namespaces, nodes, manifests, tokens, scales, and reading what
//! a ServiceAccount asked for. All of it as the admin, each call and each wait with a limit.

use std::time::Duration;

use anyhow::{Context as _, Result, anyhow};
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::authentication::v1::TokenRequest;
use k8s_openapi::api::core::v1::{Namespace, Node, ServiceAccount};
use kube::api::{DynamicObject, Patch, PatchParams, PostParams};
use kube::core::GroupVersionKind;
use kube::discovery::{ApiCapabilities, ApiResource, Scope};
use kube::{Api, Client};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::{CALL, Cluster, STEP};
use crate::peers::process::eventually;

/// Whose fields the admin's server-side apply are.
const MANAGER: &str = "test";

impl Cluster {
    /// Makes a namespace, if it is not there, and waits for its `default` ServiceAccount: without
    /// it no pod can be made.
    ///
    /// Give each test its own. Deleting one takes some ten seconds, so don't wait for it.
    pub(crate) async fn namespace(&self, name: &str) -> Result<()> {
        let client = self.admin().await?;
        let manifest = json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}});
        apply_to(&Api::<Namespace>::all(client.clone()), name, &manifest).await?;
        let accounts = Api::<ServiceAccount>::namespaced(client, name);
        eventually(&format!("namespace {name} has its default ServiceAccount"), STEP, async || {
            Ok(accounts.get_opt("default").await.ok().flatten())
        })
        .await?;
        Ok(())
    }

    /// Makes a node that kwok keeps alive, and waits until it is Ready. Pods that name it in
    /// `spec.nodeName` become Ready there, at once or after the time in their annotation
    /// `headroom.dev/ready-after` (`3s`).
    pub(crate) async fn node(&self, name: &str) -> Result<()> {
        let nodes = Api::<Node>::all(self.admin().await?);
        let manifest = json!({"apiVersion": "v1", "kind": "Node", "metadata": {"name": name}});
        apply_to(&nodes, name, &manifest).await?;
        let waited = eventually(&format!("node {name} is Ready"), STEP, async || {
            let node = nodes.get_opt(name).await.ok().flatten();
            let conditions = node.and_then(|node| node.status?.conditions).unwrap_or_default();
            Ok(conditions.iter().any(|c| c.type_ == "Ready" && c.status == "True").then_some(()))
        })
        .await;
        waited.with_context(|| format!("kwok's log ends:\n{}", self.kwok.log_tail(15)))
    }

    /// Applies each document of `manifest` (YAML); what is namespaced and names no namespace goes
    /// into `namespace`.
    pub(crate) async fn apply(&self, namespace: &str, manifest: &str) -> Result<()> {
        let client = self.admin().await?;
        let documents: Vec<Value> = serde_yaml::from_multiple(manifest).context("read the manifest")?;
        for document in documents.iter().filter(|document| !document.is_null()) {
            apply_document(&client, namespace, document).await?;
        }
        Ok(())
    }

    /// A token of a ServiceAccount, good for an hour, as the `TokenRequest` API gives it.
    pub(crate) async fn token(&self, namespace: &str, account: &str) -> Result<String> {
        let accounts = Api::<ServiceAccount>::namespaced(self.admin().await?, namespace);
        let request: TokenRequest = serde_json::from_value(json!({
            "metadata": {}, "spec": {"audiences": [], "expirationSeconds": 3600},
        }))?;
        let params = PostParams::default();
        let answer = limited(accounts.create_token_request(account, &params, &request)).await;
        let answer = answer.with_context(|| format!("token of {namespace}/{account}"))?;
        Ok(answer.status.context("the TokenRequest came back without a token")?.token)
    }

    /// Sets the replicas of a Deployment through its scale, as a person would.
    pub(crate) async fn scale(&self, namespace: &str, deployment: &str, replicas: i32) -> Result<()> {
        let deployments = Api::<Deployment>::namespaced(self.admin().await?, namespace);
        let patch = Patch::Merge(json!({"spec": {"replicas": replicas}}));
        let scaled = limited(deployments.patch_scale(deployment, &PatchParams::default(), &patch)).await;
        scaled.map(drop).with_context(|| format!("scale {namespace}/{deployment} to {replicas}"))
    }

    /// Waits until a Deployment wants `replicas` and as many of its pods, and no others, are ready.
    pub(crate) async fn wait_scaled(
        &self,
        namespace: &str,
        deployment: &str,
        replicas: i32,
        limit: Duration,
    ) -> Result<()> {
        let deployments = Api::<Deployment>::namespaced(self.admin().await?, namespace);
        let mut last = String::from("never seen");
        let what = format!("{namespace}/{deployment} has {replicas} replicas, all ready");
        let waited = eventually(&what, limit, async || {
            // A call that fails or is late, as in an outage, is asked again.
            let Ok(found) = deployments.get(deployment).await else { return Ok(None) };
            let wanted = found.spec.and_then(|spec| spec.replicas);
            let status = found.status.unwrap_or_default();
            let (pods, ready) = (status.replicas.unwrap_or(0), status.ready_replicas.unwrap_or(0));
            last = format!("last seen with {wanted:?} wanted, {pods} pods, {ready} ready");
            Ok((wanted == Some(replicas) && pods == replicas && ready == replicas).then_some(()))
        })
        .await;
        waited.map_err(|error| anyhow!("{error}; {last}"))
    }

    /// What a ServiceAccount has asked the API server for, oldest first, as audit events
    /// (`verb`, `requestURI`, `objectRef`, `requestObject`, `responseStatus`).
    pub(crate) fn asked_by(&self, namespace: &str, account: &str) -> Result<Vec<Value>> {
        let user = format!("system:serviceaccount:{namespace}:{account}");
        let log = match std::fs::read_to_string(self.folder.path().join("audit.log")) {
            Ok(log) => log,
            // It is made with the first event.
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => String::new(),
            Err(error) => return Err(error).context("read the audit log"),
        };
        // The last line may still be in writing.
        let whole = log.rfind('\n').map_or("", |end| &log[..end]);
        let events: Vec<Value> = whole.lines().map(serde_json::from_str).collect::<Result<_, _>>()?;
        Ok(events.into_iter().filter(|event| event["user"]["username"] == user.as_str()).collect())
    }
}

async fn apply_document(client: &Client, namespace: &str, document: &Value) -> Result<()> {
    let text = |pointer: &str| document.pointer(pointer).and_then(Value::as_str).unwrap_or_default();
    let (kind, name) = (text("/kind"), text("/metadata/name"));
    let (group, version) = match text("/apiVersion").split_once('/') {
        Some((group, version)) => (group, version),
        None => ("", text("/apiVersion")),
    };
    let gvk = GroupVersionKind::gvk(group, version, kind);
    let (resource, capabilities) = discover(client, &gvk).await?;
    let objects: Api<DynamicObject> = match (capabilities.scope, text("/metadata/namespace")) {
        (Scope::Cluster, _) => Api::all_with(client.clone(), &resource),
        (Scope::Namespaced, "") => Api::namespaced_with(client.clone(), namespace, &resource),
        (Scope::Namespaced, own) => Api::namespaced_with(client.clone(), own, &resource),
    };
    apply_to(&objects, name, document).await
}

/// Finds how the API server serves a kind; one whose definition was just applied takes a moment.
async fn discover(client: &Client, gvk: &GroupVersionKind) -> Result<(ApiResource, ApiCapabilities)> {
    let what = format!("the API server knows {}/{} {}", gvk.group, gvk.version, gvk.kind);
    eventually(&what, CALL, async || Ok(kube::discovery::pinned_kind(client, gvk).await.ok())).await
}

/// Server-side apply of `manifest`, ours by force.
async fn apply_to<K>(objects: &Api<K>, name: &str, manifest: &Value) -> Result<()>
where
    K: Clone + DeserializeOwned + std::fmt::Debug,
{
    let params = PatchParams::apply(MANAGER).force();
    let applied = limited(objects.patch(name, &params, &Patch::Apply(manifest))).await;
    applied.map(drop).with_context(|| format!("apply {} {name}", manifest["kind"]))
}

/// The answer of one call, within [`CALL`].
async fn limited<T>(call: impl Future<Output = kube::Result<T>>) -> Result<T> {
    Ok(tokio::time::timeout(CALL, call).await.map_err(|_| anyhow!("no answer within {CALL:?}"))??)
}
