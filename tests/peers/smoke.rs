//! The peers themselves: that each starts and does what the other tests take for granted.

use std::time::Duration;

use anyhow::Result;
use k8s_openapi::api::core::v1::Pod;
use kube::Api;
use kube::api::ListParams;

use super::cluster::{self, Cluster};
use super::prometheus::{Prometheus, RECEIVER};

const SOON: Duration = Duration::from_mins(1);

/// A Deployment whose pods need no scheduler, and an account that may do nothing.
const SHOP: &str = "
apiVersion: v1
kind: ServiceAccount
metadata: {name: nobody}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: checkout}
spec:
  replicas: 2
  selector: {matchLabels: {app: checkout}}
  template:
    metadata: {labels: {app: checkout}}
    spec:
      nodeName: node-1
      containers: [{name: web, image: web}]
";

#[tokio::test]
async fn what_one_prometheus_scrapes_another_receives() -> Result<()> {
    let Some(peers) = super::need(&["prometheus"]) else { return Ok(()) };
    let receiver = Prometheus::start(&peers, "scrape_configs: []", &[RECEIVER]).await?;
    let config = format!(
        "
global: {{scrape_interval: 1s}}
scrape_configs: [{{job_name: peer, static_configs: [{{targets: ['{}']}}]}}]
remote_write: [{{url: '{}/api/v1/write', queue_config: {{batch_send_deadline: 100ms}}}}]
",
        receiver.address(),
        receiver.url()
    );
    let sender = Prometheus::start(&peers, &config, &[]).await?;
    sender.wait_for("up{job='peer'} == 1", SOON).await?;
    receiver.wait_for("up{job='peer'} == 1", SOON).await?;

    let refused = sender.query("sum(").await.unwrap_err().to_string();
    assert!(refused.contains("parse error"), "{refused}");
    let refused = sender.reload("nonsense: [").await.unwrap_err().to_string();
    assert!(refused.contains("status 500"), "{refused}");
    Ok(())
}

#[tokio::test]
async fn a_deployment_follows_its_scale_and_strangers_are_refused() -> Result<()> {
    let Some(peers) = super::need(&super::CLUSTER) else { return Ok(()) };
    let cluster = cluster::shared(&peers).await?;
    cluster.namespace("smoke").await?;
    cluster.apply("smoke", SHOP).await?;
    for replicas in [2, 4, 1] {
        cluster.scale("smoke", "checkout", replicas).await?;
        cluster.wait_scaled("smoke", "checkout", replicas, SOON).await?;
    }

    let token = cluster.token("smoke", "nobody").await?;
    let pods = Api::<Pod>::namespaced(cluster.client(&token).await?, "smoke");
    let refused = pods.list(&ListParams::default()).await.unwrap_err();
    assert!(matches!(&refused, kube::Error::Api(status) if status.code == 403), "{refused}");
    let asked = cluster.asked_by("smoke", "nobody")?;
    assert_eq!(asked.len(), 1, "{asked:?}");
    assert_eq!((&asked[0]["verb"], &asked[0]["responseStatus"]["code"]), (&"list".into(), &403.into()));
    Ok(())
}

#[tokio::test]
async fn a_paused_api_server_answers_nothing_until_resumed() -> Result<()> {
    let Some(peers) = super::need(&super::CLUSTER) else { return Ok(()) };
    let cluster = Cluster::start(&peers).await?;
    cluster.namespace("outage").await?;
    cluster.pause()?;
    let client = cluster.admin().await?;
    let call = tokio::time::timeout(Duration::from_secs(2), client.apiserver_version()).await;
    assert!(call.is_err(), "a paused API server answered: {call:?}");
    cluster.resume().await?;
    client.apiserver_version().await?;
    Ok(())
}
