//! A real Prometheus that is told to come later, and comes.

use std::time::Duration;

use anyhow::{Result, ensure};
use serde_json::Value;

use super::{Headroom, SOON};
use crate::peers;
use crate::peers::process::eventually;
use crate::peers::prometheus::Prometheus;

const RULES: &str =
    "groups: [{name: all, rules: [{record: seen, expr: 'count(max_over_time({job=\"self\"}[10m]))'}]}]\n";

/// Metrics of which every sample is counted.
const METRICS: [&str; 6] = [
    "up",
    "scrape_duration_seconds",
    "go_goroutines",
    "prometheus_tsdb_head_series",
    "prometheus_http_requests_total",
    "go_gc_duration_seconds_count",
];

/// A Prometheus that scrapes itself, as long as `scrape` says so, and sends what it finds in small requests.
fn config(headroom: &Headroom, itself: Option<std::net::SocketAddr>) -> String {
    let scrape = itself.map_or_else(String::new, |itself| {
        format!("scrape_configs: [{{job_name: self, static_configs: [{{targets: ['{itself}']}}]}}]\n")
    });
    format!(
        "global: {{scrape_interval: 500ms, scrape_timeout: 400ms}}\n{scrape}\
         remote_write:\n  - url: http://{}/api/v1/write\n    \
         queue_config: {{max_samples_per_send: 100, batch_send_deadline: 200ms, max_shards: 2, min_backoff: 50ms, retry_on_http_429: true}}\n",
        headroom.address
    )
}

fn count(data: &Value) -> f64 {
    data["result"][0]["value"][1].as_str().and_then(|text| text.parse().ok()).unwrap_or(0.0)
}

async fn metric(headroom: &Headroom, series: &str) -> Result<f64> {
    let body = headroom.get("/metrics").await?.body;
    let line = body.lines().find_map(|line| line.strip_prefix(series));
    Ok(line.and_then(|value| value.trim().parse().ok()).unwrap_or(0.0))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_prometheus_that_sent_too_much_catches_up_and_nothing_is_lost() -> Result<()> {
    let Some(peers) = peers::need(&["prometheus"]) else { return Ok(()) };
    // Thirty seconds' worth may come at once; a few scrapes of some 700 series are more.
    let settings = "ingest: {sender_samples_per_second_max: 60}\n";
    let headroom = Headroom::start_with(RULES, settings, &[]).await?;
    let prometheus = Prometheus::start(&peers, &config(&headroom, None), &[]).await?;
    prometheus.reload(&config(&headroom, Some(prometheus.address()))).await?;
    let overloaded = r#"headroom_ingest_requests_total{outcome="overloaded"}"#;
    eventually("a request that is told to come later", SOON, async || {
        Ok((metric(&headroom, overloaded).await? > 0.0).then_some(()))
    })
    .await?;
    // No more samples: what waits is all there is.
    prometheus.reload(&config(&headroom, None)).await?;
    let now = headroom::app::clock::now().as_millis() as f64 / 1_000.0 + 1.0;
    for metric in METRICS {
        let sent = count(&prometheus.query_at(&format!("sum(count_over_time({metric}[10m]))"), now).await?);
        ensure!(sent >= 3.0, "{sent} samples of {metric} were sent");
        let path = format!("/api/v1/query?query=sum(count_over_time({metric}%5B10m%5D))&time={now}");
        let mut taken = 0.0;
        let caught_up = eventually("all samples", Duration::from_secs(90), async || {
            taken = count(&headroom.json(&path).await?["data"]);
            Ok((taken >= sent).then_some(()))
        })
        .await;
        ensure!(caught_up.is_ok() && taken == sent, "{taken} of {sent} samples of {metric} came");
    }
    Ok(())
}
