//! A service that starts knowing what was before, from a real Prometheus.

use std::f64::consts::TAU;

use anyhow::{Result, ensure};
use headroom::proto::{Label, Sample, TimeSeries, WriteRequest};
use headroom::sim::Sender;
use serde_json::Value;

use super::{Headroom, SOON};
use crate::peers;
use crate::peers::http;
use crate::peers::process::{eventually, free_address};
use crate::peers::prometheus::{Prometheus, RECEIVER};

const MINUTE: i64 = 60_000;
const DAYS: i64 = 3;

/// The demand is recorded here, under a name that Prometheus doesn't know.
const RULES: &str = "
groups:
  - name: shop
    interval: 1s
    rules:
      - {record: 'shop:load', expr: sum(load)}
      - scale: checkout
        target: {kind: Deployment, namespace: shop, name: checkout}
        replicas: {max: 9}
        metrics: [{name: requests, demand: 'shop:load', per_replica: 50}]
        forecast: {}
";

const ANOTHER: &str = "
groups:
  - {name: other, rules: [{record: seen, expr: 'max_over_time(queue_length{cluster=\"eu\"}[5m])'}]}
";

fn series(name: &str, samples: Vec<Sample>) -> TimeSeries {
    let labels = [("__name__", name), ("job", "shop")];
    let labels = labels.map(|(name, value)| Label { name: name.to_owned(), value: value.to_owned() }).to_vec();
    TimeSeries { labels, samples, ..TimeSeries::default() }
}

/// What demand is at a time: a wave of a day between 50 and 150.
fn wave(at_ms: f64) -> f64 {
    100.0 + 50.0 * (TAU * (at_ms / 86_400_000.0)).sin()
}

/// Three days of demand by the minute, and a queue for ten minutes.
async fn remember(prometheus: &Prometheus, now: i64) -> Result<()> {
    let minutes = (1..=DAYS * 1_440).rev().map(|ago| now - ago * MINUTE);
    let load: Vec<Sample> = minutes.map(|timestamp| Sample { value: wave(timestamp as f64), timestamp }).collect();
    let queue = (0..40).rev().map(|nth| Sample { value: f64::from(nth), timestamp: now - i64::from(nth) * 15_000 });
    let mut sender = Sender::new(format!("{}/api/v1/write", prometheus.url()).parse()?);
    for timeseries in [series("load", load), series("queue_length", queue.collect())] {
        sender.send(&WriteRequest { timeseries: vec![timeseries], metadata: Vec::new() }).await?;
    }
    Ok(())
}

async fn settled(headroom: &Headroom, questions: u64) -> Result<Value> {
    eventually("the end of the warm start", SOON, async || {
        let status = headroom.json("/api/v1/status").await?["warm_start"].take();
        let all: u64 =
            status["questions"].as_object().into_iter().flatten().filter_map(|(_, count)| count.as_u64()).sum();
        Ok((all == questions && status["pending"] == 0.0).then_some(status))
    })
    .await
}

fn number(data: &Value) -> f64 {
    data["result"][0]["value"][1].as_str().and_then(|text| text.parse().ok()).unwrap_or(f64::NAN)
}

#[tokio::test(flavor = "multi_thread")]
async fn windows_and_forecasts_begin_with_what_prometheus_remembers() -> Result<()> {
    let Some(peers) = peers::need(&["prometheus"]) else { return Ok(()) };
    let prometheus = Prometheus::start(&peers, "scrape_configs: []", &[RECEIVER]).await?;
    let now = headroom::app::clock::now().as_millis();
    remember(&prometheus, now).await?;
    let settings = format!(
        "warm_start: {{url: '{}', history: 4d, external_labels: {{cluster: eu}}}}\nwindows: {{retention: 8m}}\n",
        prometheus.url()
    );
    let headroom = Headroom::start_with(RULES, &settings, &[]).await?;

    // Two selectors, `load` and the recorded name, and one demand.
    let status = settled(&headroom, 3).await?;
    ensure!(status["questions"]["answered"] == 2 && status["questions"]["empty"] == 1, "{status}");
    ensure!(status["histories"] == 1, "{status}");
    let forecasts = eventually("a forecast", SOON, async || {
        let reply = http::get(headroom.address, "/api/v1/forecasts?workload=checkout").await?;
        let forecasts: Value = serde_json::from_str(&reply.body)?;
        Ok((forecasts["metrics"][0]["trust"].as_f64() > Some(0.5)).then_some(forecasts))
    })
    .await?;
    let points = forecasts["metrics"][0]["points"].as_array().cloned().unwrap_or_default();
    let last = points.last().cloned().unwrap_or_default();
    let (at, mean) = (last["timestamp"].as_f64().unwrap_or(0.0), last["mean"].as_f64().unwrap_or(0.0));
    let want = wave(at * 1_000.0);
    ensure!((mean - want).abs() < 5.0, "in an hour demand is {want}, foreseen is {mean}");

    // The samples themselves, at their own times: after eight minutes ago, and before now.
    let path = |expr: &str| format!("/api/v1/query?query={expr}&time={}", now as f64 / 1_000.0);
    let held = number(&headroom.json(&path("count_over_time(load%7Bcluster=%22eu%22%7D%5B8m%5D)")).await?["data"]);
    ensure!(held == 7.0, "{held} samples of the last 8 minutes");

    // A rule that is added is warm, too.
    ensure!(headroom.json(&path("queue_length")).await?["data"]["result"] == Value::Array(Vec::new()));
    headroom.write_rules(&format!("{RULES}{}", ANOTHER.trim_start().trim_start_matches("groups:\n")))?;
    let reloaded = http::post(headroom.address, "/-/reload", &[]).await?;
    ensure!(reloaded.status == 200, "{}", reloaded.body);
    settled(&headroom, 4).await?;
    for expr in ["count_over_time(queue_length%5B5m%5D)", "sum_over_time(queue_length%5B5m%5D)"] {
        let ours = number(&headroom.json(&path(expr)).await?["data"]);
        let plain = expr.replace("%5B", "[").replace("%5D", "]");
        let theirs = number(&prometheus.query_at(&plain, now as f64 / 1_000.0).await?);
        ensure!(ours == theirs && ours > 0.0, "{plain}: {ours}, Prometheus has {theirs}");
    }
    let metrics = headroom.get("/metrics").await?.body;
    ensure!(metrics.contains("headroom_warm_start_questions_pending 0"), "{metrics}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_is_not_there_is_given_up() -> Result<()> {
    let nobody = free_address()?;
    let settings = format!("warm_start: {{url: 'http://{nobody}', give_up_after: 1s}}\n");
    let headroom = Headroom::start_with(RULES, &settings, &[]).await?;
    let status = settled(&headroom, 3).await?;
    ensure!(status["questions"]["failed"] == 3, "{status}");
    let log = headroom.process.log_tail(40);
    ensure!(log.contains("warm start: given up") && log.contains("again_in"), "{log}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_comes_later_is_asked_then() -> Result<()> {
    let Some(peers) = peers::need(&["prometheus"]) else { return Ok(()) };
    let mut prometheus = Prometheus::start(&peers, "scrape_configs: []", &[RECEIVER]).await?;
    let now = headroom::app::clock::now().as_millis();
    remember(&prometheus, now).await?;
    prometheus.process().pause()?;
    let settings = format!("warm_start: {{url: '{}', timeout: 500ms}}\n", prometheus.url());
    let headroom = Headroom::start_with(RULES, &settings, &[]).await?;
    eventually("a question without an answer", SOON, async || {
        Ok(headroom.process.log_tail(40).contains("warm start: no answer").then_some(()))
    })
    .await?;
    prometheus.process().resume()?;
    let status = settled(&headroom, 3).await?;
    ensure!(status["questions"]["answered"] == 2, "{status}");
    Ok(())
}
