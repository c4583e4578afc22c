//! Those who send for real: Prometheus as a server and as an agent, in both versions of the protocol, and `VictoriaMetrics`'
//! agent. Each loses nothing, complains of nothing, and its counts are ours.

use std::net::SocketAddr;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};

use super::exporter::Exporter;
use super::{Headroom, SOON};
use crate::peers::http;
use crate::peers::process::{Process, eventually, free_address};
use crate::peers::prometheus::Prometheus;
use crate::peers::{self, Peers};

const RULES: &str = "groups: [{name: all, rules: [{record: load, expr: 'sum(rate(http_requests_total[5s]))'}, \
                     {record: threads, expr: 'sum(go_goroutines)'}]}]\n";

/// Scrapes the program, and itself for a few hundred series more.
fn config(headroom: &Headroom, targets: &[SocketAddr], message: &str) -> String {
    let targets: Vec<String> = targets.iter().map(|at| format!("'{at}'")).collect();
    format!(
        "global: {{scrape_interval: 500ms, scrape_timeout: 400ms}}\n\
         scrape_configs: [{{job_name: app, static_configs: [{{targets: [{}]}}]}}]\n\
         remote_write:\n  - url: http://{}/api/v1/write\n    protobuf_message: {message}\n    send_exemplars: true\n    \
         send_native_histograms: true\n    queue_config: {{batch_send_deadline: 100ms}}\n    \
         metadata_config: {{send_interval: 1s}}\n",
        targets.join(", "),
        headroom.address
    )
}

async fn counter(headroom: &Headroom, series: &str) -> Result<f64> {
    let body = headroom.get("/metrics").await?.body;
    let line = body.lines().find_map(|line| line.strip_prefix(series)?.strip_prefix(' '));
    Ok(line.and_then(|value| value.trim().parse().ok()).unwrap_or(0.0))
}

async fn rate(headroom: &Headroom) -> Result<f64> {
    let data = headroom.json("/api/v1/query?query=load").await?;
    Ok(data["data"]["result"][0]["value"][1].as_str().and_then(|text| text.parse().ok()).unwrap_or(0.0))
}

/// The load as the program has it, by way of the sender.
async fn arrives(headroom: &Headroom) -> Result<()> {
    eventually("the load", SOON, async || Ok(((rate(headroom).await? - 40.0).abs() < 8.0).then_some(()))).await
}

/// How many samples were accepted; `None` where not each is kept, or not kept for one of the reasons, for now: a request may be
/// under way.
async fn reconciled(headroom: &Headroom) -> Result<Option<f64>> {
    let page = headroom.get("/metrics").await?.body;
    let total = |name: &str| -> f64 {
        let values =
            page.lines().filter(|line| line.strip_prefix(name).is_some_and(|rest| rest.starts_with(['{', ' '])));
        values.filter_map(|line| line.rsplit(' ').next()?.parse::<f64>().ok()).sum()
    };
    let accepted = total("headroom_ingest_samples_accepted_total");
    let told = total("headroom_ingest_samples_kept_total") + total("headroom_ingest_samples_not_kept_total");
    Ok((accepted == told).then_some(accepted))
}

async fn check(agent: bool, message: &str, shown: &str) -> Result<()> {
    let Some(peers) = peers::need(&["prometheus"]) else { return Ok(()) };
    let headroom = Headroom::start(RULES, &[]).await?;
    let exporter = Exporter::start(40.0).await?;
    let none = config(&headroom, &[], message);
    let prometheus = if agent {
        Prometheus::agent(&peers, &none, &[]).await?
    } else {
        Prometheus::start(&peers, &none, &[]).await?
    };
    prometheus.reload(&config(&headroom, &[exporter.address(), prometheus.address()], message)).await?;
    arrives(&headroom).await?;
    if message == V1 {
        eventually("metadata", SOON, async || {
            let metadata = headroom.json("/api/v1/metadata?metric=go_goroutines").await?;
            Ok((metadata["data"]["go_goroutines"][0]["type"] == "gauge").then_some(()))
        })
        .await?;
    }

    // No more samples: what is on its way arrives.
    prometheus.reload(&none).await?;
    let (mut sent, mut taken) = (0.0, None);
    eventually("as many samples as were sent", SOON, async || {
        sent = prometheus.metric("prometheus_remote_storage_samples_total").await?;
        taken = reconciled(&headroom).await?;
        let pending = prometheus.metric("prometheus_remote_storage_samples_pending").await?;
        Ok((pending == 0.0 && sent > 0.0 && taken == Some(sent)).then_some(()))
    })
    .await
    .with_context(|| format!("{sent} sent, {taken:?} taken"))?;
    for lost in ["samples_failed_total", "samples_dropped_total", "samples_retried_total", "metadata_failed_total"] {
        let name = format!("prometheus_remote_storage_{lost}");
        ensure!(prometheus.metric(&name).await? == 0.0, "{name}: {}", prometheus.log());
    }
    let log = prometheus.log();
    ensure!(!log.contains("level=ERROR") && !log.contains("non-recoverable"), "{log}");
    let messages = counter(&headroom, &format!("headroom_ingest_messages_total{{message=\"{shown}\"}}")).await?;
    ensure!(messages > 3.0, "{messages} messages of {shown}");
    Ok(())
}

const V1: &str = "prometheus.WriteRequest";
const V2: &str = "io.prometheus.write.v2.Request";

#[tokio::test(flavor = "multi_thread")]
async fn a_prometheus_sends_by_1_0_and_nothing_is_lost() -> Result<()> {
    check(false, V1, "remote_write_1.0").await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_prometheus_sends_by_2_0_and_nothing_is_lost() -> Result<()> {
    check(false, V2, "remote_write_2.0").await
}

#[tokio::test(flavor = "multi_thread")]
async fn an_agent_sends_by_1_0_and_nothing_is_lost() -> Result<()> {
    check(true, V1, "remote_write_1.0").await
}

#[tokio::test(flavor = "multi_thread")]
async fn an_agent_sends_by_2_0_and_nothing_is_lost() -> Result<()> {
    check(true, V2, "remote_write_2.0").await
}

/// Starts with zstd and is told by 415 to speak snappy.
fn vmagent(peers: &Peers, headroom: &Headroom, exporter: &Exporter, at: SocketAddr) -> Result<Process> {
    let folder = peers.folder()?;
    let scrape = format!(
        "global: {{scrape_interval: 500ms}}\nscrape_configs: [{{job_name: app, static_configs: [{{targets: ['{}']}}]}}]\n",
        exporter.address()
    );
    let scrape = folder.write("scrape.yml", &scrape)?;
    let mut command = Command::new(peers.program("vmagent"));
    command
        .arg(format!("-promscrape.config={}", scrape.display()))
        .arg(format!("-remoteWrite.url=http://{}/api/v1/write", headroom.address))
        .arg(format!("-remoteWrite.tmpDataPath={}", folder.path().join("queue").display()))
        .arg("-remoteWrite.flushInterval=100ms")
        .arg(format!("-httpListenAddr={at}"));
    Process::spawn("vmagent", command, folder.path(), Duration::from_secs(3))
}

#[tokio::test(flavor = "multi_thread")]
async fn vmagent_sends_and_nothing_is_lost() -> Result<()> {
    let Some(peers) = peers::need(&["vmagent"]) else { return Ok(()) };
    let headroom = Headroom::start(RULES, &[]).await?;
    let exporter = Exporter::start(40.0).await?;
    let at = free_address()?;
    let agent = vmagent(&peers, &headroom, &exporter, at)?;
    arrives(&headroom).await?;
    eventually("counts that add up", SOON, async || Ok(reconciled(&headroom).await?.filter(|taken| *taken > 0.0)))
        .await?;
    let metrics = http::get(at, "/metrics").await?.body;
    let total = |name: &str| -> f64 {
        let values = metrics.lines().filter(|line| line.starts_with(name));
        values.filter_map(|line| line.rsplit(' ').next()?.parse::<f64>().ok()).sum()
    };
    ensure!(total("vmagent_remotewrite_packets_dropped_total") == 0.0, "{}", agent.log_tail(40));
    ensure!(total("vmagent_remotewrite_requests_total{") > 0.0, "{metrics}");
    Ok(())
}
