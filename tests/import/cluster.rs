//! Autoscalers of a real cluster: imported, and their workloads left alone.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use headroom::actuate::kubernetes::{Kubernetes, Options};
use headroom::actuate::{Action, Actuator, DryRun, Outcome};
use headroom::time::Timestamp;
use headroom::workload::{ObjectRef, Workload};
use k8s_openapi::api::autoscaling::v2::HorizontalPodAutoscaler;
use kube::Api;
use kube::api::DeleteParams;
use tokio::sync::mpsc;

use super::{headroom as command, text};
use crate::peers::cluster::Cluster;
use crate::peers::{self, CLUSTER, cluster};

const NAMESPACE: &str = "import-shop";

/// Three Deployments without pods to wait for. One has an HPA, one a ScaledObject, one nobody.
const OBJECTS: &str = "
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: scaledobjects.keda.sh}
spec:
  group: keda.sh
  scope: Namespaced
  names: {kind: ScaledObject, plural: scaledobjects, singular: scaledobject}
  versions:
    - name: v1alpha1
      served: true
      storage: true
      schema: {openAPIV3Schema: {type: object, x-kubernetes-preserve-unknown-fields: true}}
---
apiVersion: autoscaling/v2
kind: HorizontalPodAutoscaler
metadata: {name: web-hpa}
spec:
  scaleTargetRef: {apiVersion: apps/v1, kind: Deployment, name: web}
  maxReplicas: 5
  metrics: [{type: Resource, resource: {name: cpu, target: {type: Utilization, averageUtilization: 70}}}]
---
apiVersion: keda.sh/v1alpha1
kind: ScaledObject
metadata: {name: mails}
spec:
  scaleTargetRef: {name: mails}
  minReplicaCount: 1
  triggers: [{type: prometheus, metadata: {query: sum(backlog), threshold: '10', ignoreNullValues: 'false'}}]
";

fn deployment(name: &str) -> String {
    format!(
        "
apiVersion: apps/v1
kind: Deployment
metadata: {{name: {name}}}
spec:
  replicas: 1
  selector: {{matchLabels: {{app: {name}}}}}
  template:
    metadata: {{labels: {{app: {name}}}}}
    spec: {{nodeName: {}, containers: [{{name: app, image: app}}]}}
",
        cluster::NODE
    )
}

/// An actuator with the rights of `account`, on a clock that the test moves.
async fn actuator(cluster: &Cluster, account: &str, leave_owned: bool) -> Result<(Kubernetes, Arc<AtomicI64>)> {
    let token = cluster.token(NAMESPACE, account).await?;
    let kubeconfig = cluster.kubeconfig(&format!("{NAMESPACE}-{account}"), &token)?;
    let options = Options { kubeconfig: Some(kubeconfig), leave_owned, ..Options::default() };
    let now = Arc::new(AtomicI64::new(1_767_225_600_000));
    let clock = Arc::clone(&now);
    let (observations, _) = mpsc::channel(16);
    let clock = Arc::new(move || Timestamp::from_millis(clock.load(Ordering::Relaxed)));
    Ok((Kubernetes::connect(options, observations, clock).await?, now))
}

async fn apply(actuator: &dyn Actuator, name: &str, from: u32, to: u32) -> Outcome {
    let workload = Workload::from(ObjectRef {
        api_version: String::new(),
        kind: "Deployment".to_owned(),
        namespace: NAMESPACE.to_owned(),
        name: name.to_owned(),
    });
    actuator.apply(&Action { entry: 1, workload, from, to, reason: "a test".to_owned() }).await
}

/// The rights of `deploy/kubernetes`, in this namespace, for an account of its own.
async fn account(cluster: &Cluster, name: &str, rights: impl Fn(&str) -> String) -> Result<()> {
    let role = std::fs::read_to_string("deploy/kubernetes/rbac-namespaced.yaml")?;
    let role = role.replace("name: headroom", &format!("name: {name}"));
    let role = rights(&role).replace("namespace: headroom", &format!("namespace: {NAMESPACE}"));
    cluster
        .apply(NAMESPACE, &format!("apiVersion: v1\nkind: ServiceAccount\nmetadata: {{name: {name}}}\n---\n{role}"))
        .await
}

#[tokio::test(flavor = "multi_thread")]
async fn workloads_of_other_autoscalers_are_left_alone_and_can_be_imported() -> Result<()> {
    let Some(peers) = peers::need(&CLUSTER) else { return Ok(()) };
    let cluster = cluster::shared(&peers).await?;
    cluster.namespace(NAMESPACE).await?;
    cluster.apply(NAMESPACE, OBJECTS).await?;
    for name in ["web", "mails", "free"] {
        cluster.apply(NAMESPACE, &deployment(name)).await?;
    }
    account(cluster, "whole", str::to_owned).await?;
    // Without the rules about other autoscalers, as somebody has it who installed an older version.
    account(cluster, "partial", |role| {
        let (before, rest) = role.split_once("  - apiGroups: [autoscaling]").unwrap();
        format!("{before}---{}", rest.split_once("---").unwrap().1)
    })
    .await?;

    let (kubernetes, now) = actuator(cluster, "whole", true).await?;
    ensure!(apply(&kubernetes, "free", 1, 2).await == Outcome::Done);
    let by = |owner: &str| {
        Outcome::Refused(format!("{owner} scales it already; delete it, or set kubernetes.conflicts: ignore"))
    };
    let refused = apply(&kubernetes, "web", 1, 2).await;
    ensure!(refused == by("HorizontalPodAutoscaler import-shop/web-hpa"), "{refused:?}");
    let refused = apply(&kubernetes, "mails", 1, 2).await;
    ensure!(refused == by("ScaledObject import-shop/mails"), "{refused:?}");

    // Three changes, one list of each kind.
    let lists = |account: &str| -> Result<usize> {
        let asked = cluster.asked_by(NAMESPACE, account)?;
        Ok(asked.iter().filter(|event| event["objectRef"]["resource"] == "horizontalpodautoscalers").count())
    };
    ensure!(lists("whole")? == 1, "{}", lists("whole")?);
    // A dry run looks as well, for its log is to tell; it scales nothing.
    let dry_run = DryRun::over(Arc::new(actuator(cluster, "whole", true).await?.0));
    ensure!(apply(&dry_run, "web", 1, 2).await == Outcome::Simulated);
    ensure!(lists("whole")? == 2, "{}", lists("whole")?);

    // What they would be as rules.
    let folder = tempfile::tempdir()?;
    let token = cluster.token(NAMESPACE, "whole").await?;
    let kubeconfig = cluster.kubeconfig("import-command", &token)?;
    let kubeconfig = kubeconfig.to_str().context("a path")?;
    let args = ["import", "--from-cluster", "--namespace", NAMESPACE, "--kubeconfig", kubeconfig];
    let output = command(folder.path(), &args);
    let (rules, told) = (text(&output.stdout), text(&output.stderr));
    ensure!(rules.contains("- scale: web-hpa\n") && rules.contains("- scale: mails\n"), "{rules}\n{told}");
    ensure!(told == "2 autoscalers -> 2 rules: 0 left out, 0 changed; 0 objects of other kinds\n", "{told}");
    ensure!(output.status.code() == Some(0), "{output:?}");

    // The HPA goes; a minute later its workload is ours.
    let hpas = Api::<HorizontalPodAutoscaler>::namespaced(cluster.admin().await?, NAMESPACE);
    hpas.delete("web-hpa", &DeleteParams::default()).await?;
    now.fetch_add(59_000, Ordering::Relaxed);
    ensure!(matches!(apply(&kubernetes, "web", 1, 2).await, Outcome::Refused(_)), "within the minute");
    now.fetch_add(1_000, Ordering::Relaxed);
    let done = apply(&kubernetes, "web", 1, 2).await;
    ensure!(done == Outcome::Done, "{done:?}");

    // Who is told to, scales all the same; and who may not look, too.
    let (ignoring, _) = actuator(cluster, "whole", false).await?;
    ensure!(apply(&ignoring, "mails", 1, 2).await == Outcome::Done);
    let (partial, _) = actuator(cluster, "partial", true).await?;
    let done = apply(&partial, "mails", 2, 3).await;
    ensure!(done == Outcome::Done, "{done:?}");
    cluster.wait_scaled(NAMESPACE, "mails", 3, Duration::from_mins(1)).await
}
