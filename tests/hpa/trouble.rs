//! Pods in trouble on a real API server: the actuator, with the rights of `rbac.yaml`, tells of pods that crash or
//! can't be scheduled while a Deployment is short of ready ones.

use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use headroom::actuate::kubernetes::{Kubernetes, Options};
use headroom::actuate::{Actuator as _, Observation, Status};
use headroom::app::clock;
use headroom::dispatch::Trouble;
use headroom::workload::{ObjectRef, Workload};
use k8s_openapi::api::core::v1::Pod;
use kube::Api;
use kube::api::{ListParams, Patch, PatchParams};
use serde_json::{Value, json};
use tokio::sync::mpsc;

use super::side_by_side::SOON;
use crate::peers::cluster::{self, Cluster, NODE};
use crate::peers::process::eventually;
use crate::peers::{self, CLUSTER};

const NAMESPACE: &str = "trouble";

/// Three pods that start for an hour: whatever they say of themselves meanwhile is the test's.
const DEPLOYMENT: &str = "
apiVersion: apps/v1
kind: Deployment
metadata: {name: checkout}
spec:
  replicas: 3
  selector: {matchLabels: {app: checkout}}
  template:
    metadata: {labels: {app: checkout}, annotations: {headroom.dev/ready-after: 1h}}
    spec:
      nodeName: NODE
      terminationGracePeriodSeconds: 0
      containers: [{name: web, image: web}]
---
apiVersion: v1
kind: Pod
metadata: {name: stranger, labels: {app: stranger}, annotations: {headroom.dev/ready-after: 1h}}
spec:
  nodeName: NODE
  terminationGracePeriodSeconds: 0
  containers: [{name: web, image: web}]
";

#[tokio::test(flavor = "multi_thread")]
async fn pods_in_trouble_are_told_of_and_so_is_its_end() -> Result<()> {
    let Some(peers) = peers::need(&CLUSTER) else { return Ok(()) };
    let cluster = cluster::shared(&peers).await?;
    for namespace in ["headroom", NAMESPACE] {
        cluster.namespace(namespace).await?;
    }
    cluster.apply("headroom", &std::fs::read_to_string("deploy/kubernetes/rbac.yaml")?).await?;
    cluster.apply(NAMESPACE, &DEPLOYMENT.replace("NODE", NODE)).await?;
    let pods = Api::<Pod>::namespaced(cluster.admin().await?, NAMESPACE);
    let names = pod_names(&pods).await?;
    let crashing = json!({"containerStatuses": [{
        "name": "web", "image": "web", "imageID": "", "ready": false, "restartCount": 5,
        "state": {"waiting": {"reason": "CrashLoopBackOff"}},
    }]});
    let nowhere = json!({"conditions": [{"type": "PodScheduled", "status": "False", "reason": "Unschedulable"}]});
    // The stranger's trouble is nobody's: the Deployment doesn't select it.
    set_status(&pods, "stranger", &crashing).await?;

    let (_watch, mut observations) = watch(cluster, "headroom", "headroom").await?;
    let trouble = |crash_looping, unschedulable| Trouble { crash_looping, unschedulable };
    told(&mut observations, 0, trouble(0, 0)).await?;
    set_status(&pods, &names[0], &crashing).await?;
    told(&mut observations, 0, trouble(1, 0)).await?;
    set_status(&pods, &names[1], &nowhere).await?;
    told(&mut observations, 0, trouble(1, 1)).await?;
    let running =
        json!({"phase": "Running", "conditions": [{"type": "Ready", "status": "True"}], "containerStatuses": []});
    set_status(&pods, &names[0], &running).await?;
    told(&mut observations, 1, trouble(0, 1)).await?;
    for name in &names {
        set_status(&pods, name, &running).await?;
    }
    told(&mut observations, 3, trouble(0, 0)).await?;
    Ok(())
}

/// Watches the Deployment with the rights of an account.
async fn watch(cluster: &Cluster, namespace: &str, account: &str) -> Result<(Kubernetes, mpsc::Receiver<Observation>)> {
    let token = cluster.token(namespace, account).await?;
    let kubeconfig = cluster.kubeconfig(&format!("trouble-{account}"), &token)?;
    let (observed, observations) = mpsc::channel(64);
    let options = Options { kubeconfig: Some(kubeconfig), ..Options::default() };
    let kubernetes = Kubernetes::connect(options, observed, clock::system()).await?;
    kubernetes.watch(
        &Workload::from(ObjectRef {
            api_version: String::new(),
            kind: "Deployment".to_owned(),
            namespace: NAMESPACE.to_owned(),
            name: "checkout".to_owned(),
        }),
        None,
    );
    Ok((kubernetes, observations))
}

/// Waits until so many of the three pods are told to be ready, and this trouble with the others.
async fn told(observations: &mut mpsc::Receiver<Observation>, ready: u32, trouble: Trouble) -> Result<()> {
    let want = Status::Found { replicas: 3, ready, trouble };
    let mut last = None;
    let waited = tokio::time::timeout(SOON, async {
        while let Some(observation) = observations.recv().await {
            if observation.status == want {
                return true;
            }
            last = Some(observation.status);
        }
        false
    })
    .await;
    ensure!(waited.unwrap_or(false), "not told within {SOON:?}: {want:?}; last told: {last:?}");
    Ok(())
}

async fn pod_names(pods: &Api<Pod>) -> Result<Vec<String>> {
    eventually("three pods", SOON, async || {
        let Ok(list) = pods.list(&ListParams::default().labels("app=checkout")).await else { return Ok(None) };
        let names: Vec<String> = list.items.into_iter().filter_map(|pod| pod.metadata.name).collect();
        Ok((names.len() == 3).then_some(names))
    })
    .await
}

/// Says something of a pod, as its kubelet or the scheduler would.
async fn set_status(pods: &Api<Pod>, name: &str, status: &Value) -> Result<()> {
    let patch = Patch::Merge(json!({"status": status}));
    tokio::time::timeout(Duration::from_secs(10), pods.patch_status(name, &PatchParams::default(), &patch))
        .await?
        .with_context(|| format!("set the status of {name}"))?;
    Ok(())
}
