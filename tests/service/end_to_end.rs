//! A real Prometheus scrapes a program and remote-writes to the real service, which scales a Deployment on a real API
//! server with nothing but the rights of `deploy/kubernetes/rbac.yaml`.

use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use serde_json::Value;
use tokio::time::Instant;

use super::exporter::Exporter;
use super::{Headroom, SOON};
use crate::peers::cluster::{self, Cluster};
use crate::peers::prometheus::Prometheus;
use crate::peers::{self, CLUSTER};

const NAMESPACE: &str = "shop";

const DEPLOYMENT: &str = "
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

/// Short windows, so that the test is over in a minute; the shapes are those that users write.
const RULES: &str = r#"
groups:
  - name: shop
    interval: 5s
    rules:
      - scale: checkout
        target: {kind: Deployment, namespace: shop, name: checkout}
        replicas: {min: 2, max: 20}
        metrics:
          - name: requests
            demand: sum(rate(http_requests_total{app="checkout"}[3s]))
            per_replica: 50
        behavior:
          scale_up:
            policies: [{type: Pods, value: 20, period: 1s}]
          scale_down:
            stabilization_window: 5s
            policies: [{type: Percent, value: 100, period: 1s}]
"#;

/// The fast sender profile of `deploy/prometheus`: a scrape each second, a short deadline.
fn prometheus_config(exporter: &Exporter, headroom: &Headroom) -> String {
    format!(
        "
global: {{scrape_interval: 1s}}
scrape_configs:
  - job_name: app
    static_configs: [{{targets: ['{}']}}]
remote_write:
  - url: http://{}/api/v1/write
    queue_config: {{batch_send_deadline: 100ms, max_samples_per_send: 2000}}
",
        exporter.address(),
        headroom.address
    )
}

/// Rights as users install them, a token for them, and the service that has nothing else.
async fn install(cluster: &Cluster) -> Result<Headroom> {
    for namespace in ["headroom", NAMESPACE] {
        cluster.namespace(namespace).await?;
    }
    let rbac = std::fs::read_to_string("deploy/kubernetes/rbac.yaml")?;
    cluster.apply("headroom", &rbac).await?;
    cluster.apply(NAMESPACE, DEPLOYMENT).await?;
    cluster.wait_scaled(NAMESPACE, "checkout", 2, SOON).await?;
    let token = cluster.token("headroom", "headroom").await?;
    let kubeconfig = cluster.kubeconfig("headroom", &token)?;
    let (folder, address) = Headroom::folder(RULES)?;
    let settings = format!("kubernetes: {{enabled: true, kubeconfig: '{}'}}\n", kubeconfig.display());
    folder.write("headroom.yaml", &settings)?;
    let mut process = Headroom::spawn(&folder, address, &["--config", "headroom.yaml"])?;
    process.wait_http(address, "/-/ready", SOON).await?;
    Ok(Headroom { process, address, folder })
}

fn replicas(workload: &Value) -> Option<u64> {
    workload["replicas"].as_u64()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_real_prometheus_scales_a_real_deployment_up_and_down_and_holds_without_data() -> Result<()> {
    let mut programs = CLUSTER.to_vec();
    programs.push("prometheus");
    let Some(peers) = peers::need(&programs) else { return Ok(()) };
    let cluster = cluster::shared(&peers).await?;
    let headroom = install(cluster).await?;
    let exporter = Exporter::start(40.0).await?;
    let prometheus = Prometheus::start(&peers, &prometheus_config(&exporter, &headroom), &[]).await?;

    let settled = |workload: &Value| workload["metrics"][0]["demand"].as_f64().is_some_and(|demand| demand > 30.0);
    headroom.workload("demand of about 40/s at 2 replicas", SOON, settled).await?;

    // Load goes up: 480/s need ten replicas of 50/s each.
    let (stepped, before) = (Instant::now(), latency(&headroom).await?);
    exporter.set(480.0);
    headroom.workload("a decision to scale up", SOON, |workload| replicas(workload) > Some(2)).await?;
    let first_action = stepped.elapsed();
    cluster.wait_scaled(NAMESPACE, "checkout", 10, SOON).await.with_context(|| headroom.process.log_tail(40))?;
    let ten_ready = stepped.elapsed();
    let after = latency(&headroom).await?;
    report(first_action, ten_ready, &before, &after);

    // Load falls: after the stabilization window it goes back to the minimum, and not before.
    let fell = Instant::now();
    exporter.set(20.0);
    cluster.wait_scaled(NAMESPACE, "checkout", 2, SOON).await.with_context(|| headroom.process.log_tail(40))?;
    ensure!(
        fell.elapsed() >= Duration::from_secs(5),
        "down after {:?}, within the stabilization window",
        fell.elapsed()
    );

    // Up again, to whatever count the tolerance leaves it at; then the exporter dies, and nothing goes down.
    exporter.set(480.0);
    let risen = |workload: &Value| replicas(workload) >= Some(9) && workload["ready"] == workload["replicas"];
    let before = headroom.workload("9 replicas or 10", SOON, risen).await?;
    drop(exporter);
    let absent = |workload: &Value| workload["metrics"][0]["demand"].is_null();
    let silent = headroom.workload("demand to be missing", SOON, absent).await?;
    tokio::time::sleep(Duration::from_secs(10)).await;
    let held = headroom.workload("the last word", SOON, |_| true).await?;
    ensure!(replicas(&silent) >= replicas(&before), "as the data ended it went down: {silent}");
    ensure!(replicas(&held) == replicas(&silent), "without data it went to {held}");
    ensure!(held["decision"]["layer"] == "guards", "{held}");
    drop(prometheus);

    // Every request that changed something went to a scale subresource.
    let asked = cluster.asked_by("headroom", "headroom")?;
    let changes =
        asked.iter().filter(|request| matches!(request["verb"].as_str(), Some("update" | "patch" | "create")));
    for request in changes {
        let (resource, sub) = (&request["objectRef"]["resource"], &request["objectRef"]["subresource"]);
        ensure!(sub == "scale" || resource == "events", "{request}");
    }
    Ok(())
}

/// Count and sum of the time from a sample's arrival to its decision, as `/metrics` has them.
async fn latency(headroom: &Headroom) -> Result<(f64, f64)> {
    let metrics = headroom.get("/metrics").await?.body;
    let figure = |suffix: &str| {
        let name = format!("headroom_sample_to_decision_duration_seconds_{suffix} ");
        let line = metrics.lines().find_map(|line| line.strip_prefix(&name));
        line.and_then(|value| value.parse().ok()).with_context(|| format!("/metrics has no {name}"))
    };
    Ok((figure("count")?, figure("sum")?))
}

/// What the user feels beside what Headroom adds. Printed, not asserted: these are timings.
fn report(first_action: Duration, ten_ready: Duration, before: &(f64, f64), after: &(f64, f64)) {
    let mean_ms = (after.1 - before.1) / (after.0 - before.0).max(1.0) * 1_000.0;
    println!(
        "step -> first action {:.1} s, -> 10 ready pods {:.1} s; sample -> decision {mean_ms:.1} ms on average \
         (scrape interval 1 s, batch_send_deadline 100 ms, rate over 3 s)",
        first_action.as_secs_f64(),
        ten_ready.as_secs_f64()
    );
}
