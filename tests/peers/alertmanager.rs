//! A real Alertmanager, and its tool.
//!
//! In goes its YAML, out come answers of its HTTP API, or what `amtool` prints. Its data lives in the run's folder and
//! goes with it. Never here: a cluster of several (each stands alone), anything of ours.

use std::net::SocketAddr;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context as _, Result, anyhow, bail};
use serde_json::Value;

use super::Peers;
use super::http::{self, Reply, form};
use super::process::{Folder, Process, eventually};

/// Routes everything to one of two receivers, neither of which tells anybody.
pub(crate) const CONFIG: &str = "
route: {receiver: default, group_by: [alertname], group_wait: 10ms, group_interval: 10ms}
receivers: [{name: default}, {name: oncall}]
";

/// Ready within a second on an idle machine; the rest is for a loaded one.
const READY: Duration = Duration::from_mins(1);

#[derive(Debug)]
pub(crate) struct Alertmanager {
    process: Process,
    address: SocketAddr,
    folder: Folder,
}

impl Alertmanager {
    /// Starts an Alertmanager at `address` and waits until it is ready.
    pub(crate) async fn start(peers: &Peers, address: SocketAddr, config: &str) -> Result<Self> {
        let mut alertmanager = Self::spawn(peers, address, config, |_| Ok(Vec::new()))?;
        alertmanager.process.wait_http(address, "/-/ready", READY).await?;
        Ok(alertmanager)
    }

    /// As [`start`](Self::start) without the wait, with flags that may name files of the folder.
    pub(crate) fn spawn(
        peers: &Peers,
        address: SocketAddr,
        config: &str,
        flags: impl FnOnce(&Folder) -> Result<Vec<String>>,
    ) -> Result<Self> {
        let folder = peers.folder()?;
        let config = folder.write("alertmanager.yml", config)?;
        let mut command = Command::new(peers.program("alertmanager"));
        command
            .arg(format!("--config.file={}", config.display()))
            .arg(format!("--storage.path={}", folder.path().join("data").display()))
            .arg(format!("--web.listen-address={address}"))
            // No cluster: it would listen on every address of the machine.
            .arg("--cluster.listen-address=")
            .args(flags(&folder)?);
        let process = Process::spawn("alertmanager", command, folder.path(), Duration::from_secs(3))?;
        Ok(Self { process, address, folder })
    }

    /// Where it is, as a URL without a final slash.
    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    pub(crate) fn folder(&self) -> &Folder {
        &self.folder
    }

    /// The process, to pause, kill or question.
    pub(crate) fn process(&mut self) -> &mut Process {
        &mut self.process
    }

    /// The alerts that pass `filter` (a matcher), as its API has them; those that have ended are not among them.
    pub(crate) async fn alerts(&self, filter: &str) -> Result<Vec<Value>> {
        alerts(self.address, filter).await
    }

    /// Waits until as many alerts pass `filter`; gives them.
    pub(crate) async fn wait_alerts(&self, filter: &str, count: usize, limit: Duration) -> Result<Vec<Value>> {
        let what = format!("{} has {count} alerts of {filter}", self.url());
        let waited = eventually(&what, limit, async || {
            Ok(Some(self.alerts(filter).await?).filter(|alerts| alerts.len() == count))
        })
        .await;
        waited.with_context(|| self.process.log_tail(15))
    }
}

/// The alerts at any address that speaks the API.
pub(crate) async fn alerts(address: SocketAddr, filter: &str) -> Result<Vec<Value>> {
    let path = format!("/api/v2/alerts?{}", form(&[("filter", filter)]));
    let Reply { status, body } = http::get(address, &path).await?;
    let list: Option<Vec<Value>> = serde_json::from_str(&body).ok();
    list.filter(|_| status == 200).ok_or_else(|| anyhow!("{path}: status {status}: {body}"))
}

/// Runs `amtool` against an address and gives what it prints; an error has what it complains of.
pub(crate) async fn amtool(peers: &Peers, address: SocketAddr, args: &[&str]) -> Result<String> {
    let folder = peers.folder()?;
    let mut command = Command::new(peers.program("amtool"));
    // Home: it would read settings there.
    command.env("HOME", folder.path()).env("USER", "ann").current_dir(folder.path());
    command.arg(format!("--alertmanager.url=http://{address}")).arg("--timeout=20s").args(args);
    let line = format!("amtool {}", args.join(" "));
    let output = tokio::task::spawn_blocking(move || command.output()).await?.with_context(|| line.clone())?;
    let complaints = String::from_utf8_lossy(&output.stderr);
    if !output.status.success() || !complaints.trim().is_empty() {
        bail!("{line}: {}: {}", output.status, complaints.trim());
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}
