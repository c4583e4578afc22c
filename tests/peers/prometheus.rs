//! A real Prometheus, with the configuration that a test gives it.
//!
//! In goes its YAML, out come answers of its HTTP API. Its data lives in the run's folder and goes
//! with it. Never here: the page (it is not built in), alerts, anything of ours.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use anyhow::{Result, anyhow, bail};
use serde_json::Value;

use super::Peers;
use super::http::{self, form};
use super::process::{Folder, Process, eventually, free_address};

/// A flag: take remote-write requests at `/api/v1/write`.
pub(crate) const RECEIVER: &str = "--web.enable-remote-write-receiver";

/// Ready within a second on an idle machine; the rest is for a loaded one.
const READY: Duration = Duration::from_mins(1);

#[derive(Debug)]
pub(crate) struct Prometheus {
    process: Process,
    address: SocketAddr,
    config: PathBuf,
    folder: Folder,
}

impl Prometheus {
    /// Starts a Prometheus with `config` (YAML) and further `flags`, and waits until it is ready.
    pub(crate) async fn start(peers: &Peers, config: &str, flags: &[&str]) -> Result<Self> {
        let folder = peers.folder()?;
        let address = free_address()?;
        let config = folder.write("prometheus.yml", config)?;
        let mut command = Command::new(peers.program("prometheus"));
        command
            .arg(format!("--config.file={}", config.display()))
            .arg(format!("--storage.tsdb.path={}", folder.path().join("data").display()))
            .arg(format!("--web.listen-address={address}"))
            .arg("--web.enable-lifecycle")
            // Scrape new targets at once; else the first scrape is up to five seconds away.
            .arg("--scrape.discovery-reload-interval=100ms")
            .args(flags);
        let mut process = Process::spawn("prometheus", command, folder.path(), Duration::from_secs(3))?;
        process.wait_http(address, "/-/ready", READY).await?;
        Ok(Self { process, address, config, folder })
    }

    /// Starts a Prometheus that only scrapes and sends, and answers no queries.
    pub(crate) async fn agent(peers: &Peers, config: &str, flags: &[&str]) -> Result<Self> {
        let folder = peers.folder()?;
        let address = free_address()?;
        let config = folder.write("prometheus.yml", config)?;
        let mut command = Command::new(peers.program("prometheus"));
        command
            .arg("--agent")
            .arg(format!("--config.file={}", config.display()))
            .arg(format!("--storage.agent.path={}", folder.path().join("data").display()))
            .arg(format!("--web.listen-address={address}"))
            .arg("--web.enable-lifecycle")
            .arg("--scrape.discovery-reload-interval=100ms")
            .args(flags);
        let mut process = Process::spawn("prometheus-agent", command, folder.path(), Duration::from_secs(3))?;
        process.wait_http(address, "/-/ready", READY).await?;
        Ok(Self { process, address, config, folder })
    }

    /// One of its own metrics, summed over its series.
    pub(crate) async fn metric(&self, name: &str) -> Result<f64> {
        let body = http::get(self.address, "/metrics").await?.body;
        let of = |line: &str| {
            let rest = line.strip_prefix(name)?;
            (rest.starts_with(['{', ' '])).then(|| rest.rsplit(' ').next()?.parse::<f64>().ok())?
        };
        Ok(body.lines().filter_map(of).sum())
    }

    pub(crate) fn log(&self) -> String {
        self.process.log_tail(2_000)
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Where it is, as a URL without a final slash.
    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The process, to pause, kill or question.
    pub(crate) fn process(&mut self) -> &mut Process {
        &mut self.process
    }

    /// Puts `config` in the place of the present one; a bad one is an error and changes nothing.
    pub(crate) async fn reload(&self, config: &str) -> Result<()> {
        std::fs::write(&self.config, config)?;
        let reply = http::post(self.address, "/-/reload", &[]).await?;
        match reply.status {
            200 => Ok(()),
            status => bail!("reload: status {status}: {}", reply.body.trim()),
        }
    }

    /// An instant query, now; gives the API's `data` (`resultType` and `result`).
    pub(crate) async fn query(&self, expr: &str) -> Result<Value> {
        self.api("/api/v1/query", &[("query", expr)]).await
    }

    /// An instant query at `at`, in seconds since 1970.
    pub(crate) async fn query_at(&self, expr: &str, at: f64) -> Result<Value> {
        self.api("/api/v1/query", &[("query", expr), ("time", &at.to_string())]).await
    }

    /// A range query; times in seconds since 1970, `step` in seconds.
    pub(crate) async fn query_range(&self, expr: &str, start: f64, end: f64, step: f64) -> Result<Value> {
        let times = [start, end, step].map(|time| time.to_string());
        let [start, end, step] = &times;
        self.api("/api/v1/query_range", &[("query", expr), ("start", start), ("end", end), ("step", step)]).await
    }

    /// Waits until `expr` gives at least one sample; gives them all, as `result` has them.
    pub(crate) async fn wait_for(&self, expr: &str, limit: Duration) -> Result<Vec<Value>> {
        eventually(&format!("Prometheus has a sample of {expr}"), limit, async || {
            let samples = self.query(expr).await?["result"].as_array().cloned().unwrap_or_default();
            Ok((!samples.is_empty()).then_some(samples))
        })
        .await
    }

    /// Asks its API and takes the envelope off; an `error` in there is an error here.
    async fn api(&self, path: &str, fields: &[(&str, &str)]) -> Result<Value> {
        let reply = http::get(self.address, &format!("{path}?{}", form(fields))).await?;
        let mut envelope: Value = serde_json::from_str(&reply.body)
            .map_err(|error| anyhow!("{path}: status {}, no JSON ({error}): {}", reply.status, reply.body))?;
        match envelope["status"].as_str() {
            Some("success") => Ok(envelope["data"].take()),
            _ => bail!("{path}: {}: {}", envelope["errorType"], envelope["error"]),
        }
    }
}
