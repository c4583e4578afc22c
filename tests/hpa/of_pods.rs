//! Metrics of single pods: what [`per_pod`] answers, a real HPA does.
//!
//! Each row has a Deployment with pods that run, of which the first have a value, and beside them pods of the same
//! label that are still pending. What counts is the first move: pods that it adds have no value, and change the case.

use std::collections::BTreeMap;

use anyhow::{Context as _, Result};
use futures_util::future::join_all;
use headroom::decision::per_pod;
use k8s_openapi::api::core::v1::Pod;
use kube::api::{Api, ListParams};
use tokio::time::Instant;

use super::metrics_api::MetricsApi;
use super::side_by_side::{Counts, LOOKS, NAMESPACE, PLATEAU_MAX, REST, deployment, pause};
use crate::peers::cluster::{Cluster, NODE};

const TARGET: f64 = 50.0;

/// The values, the running pods, those that are pending, and the count that follows.
type Row = (&'static [f64], u32, u32, u32);

const ROWS: [Row; 12] = [
    (&[50.0, 50.0, 50.0], 3, 0, 3),
    (&[100.0, 100.0, 100.0], 3, 0, 6),
    (&[10.0, 40.0, 20.0], 3, 0, 2),    // a mean of 23.3: 0.467 x 3 = 1.4
    (&[100.0, 100.0, 100.0], 4, 0, 6), // 300 / 4 = 75: 1.5 x 4
    (&[60.0, 60.0, 60.0], 4, 0, 4),    // 180 / 4 = 45: 0.9 is tolerated
    (&[70.0, 70.0], 4, 0, 4),          // 140 / 4 = 35: would be down
    (&[20.0, 20.0, 20.0], 4, 0, 3),    // (60 + 50) / 4 = 27.5: 0.55 x 4 = 2.2
    (&[100.0, 100.0], 2, 2, 2),        // 200 / 4 = 50
    (&[200.0, 200.0], 2, 1, 8),        // 400 / 3 = 133: 2.667 x 3
    (&[20.0, 20.0], 2, 2, 1),          // 0.4 x 2 = 0.8: pending pods are left out
    (&[200.0, 200.0], 3, 1, 8),        // 400 / 4 = 100: 2 x 4
    (&[20.0, 20.0], 3, 1, 2),          // (40 + 50) / 3 = 30: 0.6 x 3 = 1.8
];

#[test]
fn the_rows_are_worked_out_as_per_pod_does() {
    for (values, running, pending, want) in ROWS {
        let missing = running - u32::try_from(values.len()).unwrap();
        let got = per_pod(values, pending, missing, TARGET, running, 0.1, 0.1);
        assert_eq!(got, want, "{values:?} of {running} running, {pending} pending");
    }
}

pub(super) const DEPLOYMENTS: usize = ROWS.len();

fn name(number: usize) -> String {
    format!("of-pods-{number}")
}

/// The Deployments, and the pods that stay pending beside theirs.
pub(super) fn manifests() -> String {
    let mut documents = Vec::new();
    for (number, (_, running, pending, _)) in ROWS.iter().enumerate() {
        let name = name(number);
        documents.push(deployment(&name, *running));
        documents.extend((0..*pending).map(|pod| {
            format!(
                "
apiVersion: v1
kind: Pod
metadata: {{name: {name}-pending-{pod}, labels: {{app: {name}}}, annotations: {{headroom.dev/ready-after: 1h}}}}
spec:
  nodeName: {NODE}
  terminationGracePeriodSeconds: 0
  containers: [{{name: web, image: web}}]
"
            )
        }));
    }
    documents.join("\n---\n")
}

fn hpa(name: &str) -> String {
    format!(
        "
apiVersion: autoscaling/v2
kind: HorizontalPodAutoscaler
metadata: {{name: {name}}}
spec:
  scaleTargetRef: {{apiVersion: apps/v1, kind: Deployment, name: {name}}}
  minReplicas: 1
  maxReplicas: 12
  metrics: [{{type: Pods, pods: {{metric: {{name: {name}}}, target: {{type: AverageValue, averageValue: '{TARGET}'}}}}}}]
  behavior:
    scaleUp: {{policies: [{{type: Pods, value: 100, periodSeconds: 1}}]}}
    scaleDown: {{stabilizationWindowSeconds: 0}}
"
    )
}

/// Gives the running pods their values, hands them to HPA, and says where it did otherwise.
pub(super) async fn drive(cluster: &Cluster, metrics: &MetricsApi, counts: &Counts) -> Result<Vec<String>> {
    let pods = Api::<Pod>::namespaced(cluster.admin().await?, NAMESPACE);
    let pods = pods.list(&ListParams::default()).await.context("list the pods")?.items;
    for (number, (values, ..)) in ROWS.iter().enumerate() {
        let name = name(number);
        let of_row = pods
            .iter()
            .filter(|pod| pod.metadata.labels.iter().flatten().any(|label| label == (&"app".to_owned(), &name)));
        let running = of_row.filter_map(|pod| pod.metadata.name.clone()).filter(|pod| !pod.contains("pending"));
        let values: BTreeMap<String, f64> = running.zip(values.iter().copied()).collect();
        metrics.set_pods(NAMESPACE, &name, values);
    }
    let hpas: Vec<String> = (0..ROWS.len()).map(|number| hpa(&name(number))).collect();
    cluster.apply(NAMESPACE, &hpas.join("\n---\n")).await?;
    let wrong = join_all(ROWS.iter().enumerate().map(|(number, row)| first_move(number, row, metrics, counts)));
    Ok(wrong.await.into_iter().flatten().collect())
}

async fn first_move(
    number: usize,
    (values, running, pending, want): &Row,
    metrics: &MetricsApi,
    counts: &Counts,
) -> Option<String> {
    let name = name(number);
    let began = Instant::now();
    let mut to = *running;
    while began.elapsed() < PLATEAU_MAX {
        pause().await;
        if let Some(first) = counts.of(&name).went.first() {
            to = *first;
            break;
        }
        let looked = metrics.asked(NAMESPACE, &name) >= LOOKS && began.elapsed() >= REST;
        if looked && want == running {
            break;
        }
    }
    let wrong = || format!("{values:?} of {running} running, {pending} pending: HPA went to {to}, not {want}");
    (to != *want).then(wrong)
}
