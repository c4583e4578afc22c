//! Every panel of the dashboard against a real Prometheus that scrapes a real Headroom, which in turn decides from
//! what that Prometheus sends.

use std::time::Duration;

use anyhow::{Context as _, Result, ensure};

use super::panel_queries;
use crate::peers;
use crate::peers::process::eventually;
use crate::peers::prometheus::Prometheus;
use crate::service::Headroom;

/// A workload whose demand is there as soon as Headroom is scraped, and a record rule.
const RULES: &str = "
groups:
  - name: self
    interval: 1s
    rules:
      - record: job:up:sum
        expr: sum by (job) (up)
      - scale: checkout
        compare: [hpa]
        target: {kind: Deployment, namespace: shop, name: checkout}
        replicas: {min: 2, max: 60}
        metrics:
          - {name: targets, demand: sum(up) * 1000, per_replica: 50}
";

/// A rate needs two scrapes a second apart, a busy machine some more.
const PATIENCE: Duration = Duration::from_mins(1);

#[tokio::test(flavor = "multi_thread")]
async fn every_panel_has_data() -> Result<()> {
    let Some(peers) = peers::need(&["prometheus"]) else { return Ok(()) };
    let headroom = Headroom::start(RULES, &[]).await?;
    let config = format!(
        "
global: {{scrape_interval: 1s}}
scrape_configs: [{{job_name: headroom, static_configs: [{{targets: ['{0}']}}]}}]
remote_write: [{{url: 'http://{0}/api/v1/write', queue_config: {{batch_send_deadline: 100ms}}}}]
",
        headroom.address
    );
    let prometheus = Prometheus::start(&peers, &config, &[]).await?;
    let mut open = panel_queries();
    ensure!(open.len() >= 12, "there are only {} queries", open.len());
    let answered = eventually("an answer for every panel", PATIENCE, async || {
        let mut without = Vec::new();
        for (title, expr) in std::mem::take(&mut open) {
            let data = prometheus.query(&expr).await.with_context(|| format!("panel \"{title}\": {expr}"))?;
            if data["result"].as_array().is_none_or(Vec::is_empty) {
                without.push((title, expr));
            }
        }
        open = without;
        Ok(open.is_empty().then_some(()))
    })
    .await;
    answered.with_context(|| format!("panels without data: {open:#?}"))
}
