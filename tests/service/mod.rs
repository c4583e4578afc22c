//! `headroom serve` as a whole: the real program, started as users start it.

mod catching_up;
mod doors;
mod end_to_end;
mod exporter;
mod knowledge;
mod recording;
mod senders;
mod warm_start;

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus};
use std::time::Duration;

use anyhow::{Context as _, Result};
use serde_json::Value;

use crate::peers::http::{self, Reply};
use crate::peers::process::{Folder, Process, eventually, free_address};

/// How long a start, an answer or a shutdown may take on a machine that is busy with other tests.
const SOON: Duration = Duration::from_secs(30);

/// A running `headroom serve`, in a folder of its own.
pub(crate) struct Headroom {
    process: Process,
    pub(crate) address: SocketAddr,
    folder: Folder,
}

impl Headroom {
    /// Writes the rule file and starts the service; `flags` go behind `serve`.
    pub(crate) async fn start(rules: &str, flags: &[&str]) -> Result<Self> {
        let (folder, address) = Self::folder(rules)?;
        let mut process = Self::spawn(&folder, address, flags)?;
        process.wait_http(address, "/-/ready", SOON).await?;
        Ok(Self { process, address, folder })
    }

    /// The same with settings.
    pub(crate) async fn start_with(rules: &str, settings: &str, flags: &[&str]) -> Result<Self> {
        let (folder, address) = Self::folder(rules)?;
        folder.write("headroom.yaml", settings)?;
        let mut process = Self::spawn(&folder, address, &[&["--config", "headroom.yaml"], flags].concat())?;
        process.wait_http(address, "/-/ready", SOON).await?;
        Ok(Self { process, address, folder })
    }

    /// A folder with the rule file `rules.yaml`, and an address to listen on.
    fn folder(rules: &str) -> Result<(Folder, SocketAddr)> {
        let name = std::thread::current().name().unwrap_or("test").to_owned();
        let folder = Folder::create(&Path::new(env!("CARGO_TARGET_TMPDIR")).join("service"), &name)?;
        folder.write("rules.yaml", rules)?;
        Ok((folder, free_address()?))
    }

    fn spawn(folder: &Folder, address: SocketAddr, flags: &[&str]) -> Result<Process> {
        let mut command = Command::new(env!("CARGO_BIN_EXE_headroom"));
        command.args(["serve", "--listen", &address.to_string(), "--rules", "rules.yaml"]).args(flags);
        // No cluster but the one that a test names.
        command.env("KUBECONFIG", "none").env_remove("HEADROOM_CONFIG").current_dir(folder.path());
        Process::spawn("headroom", command, folder.path(), SOON)
    }

    /// Resident bytes of the process.
    pub(crate) fn resident(&self) -> Result<u64> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.process.id()))?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).context("VmRSS")?;
        Ok(line.trim().trim_end_matches("kB").trim().parse::<u64>()? * 1_024)
    }

    /// What it has printed, to its last few thousand lines.
    pub(crate) fn log(&self) -> String {
        self.process.log_tail(5_000)
    }

    /// Asks it to end, as an orchestrator does.
    pub(crate) fn terminate(&self) -> Result<()> {
        self.process.terminate()
    }

    /// Waits for its end.
    pub(crate) async fn ended(&mut self, limit: Duration) -> Result<ExitStatus> {
        self.process.ended(limit).await
    }

    async fn get(&self, path: &str) -> Result<Reply> {
        http::get(self.address, path).await
    }

    async fn json(&self, path: &str) -> Result<Value> {
        let reply = self.get(path).await?;
        serde_json::from_str(&reply.body).with_context(|| format!("{path} answered {}: {}", reply.status, reply.body))
    }

    pub(crate) fn write_rules(&self, rules: &str) -> Result<PathBuf> {
        self.folder.write("rules.yaml", rules)
    }

    /// The one workload that the rules name, once `done` says that it is as wanted.
    async fn workload(&self, what: &str, limit: Duration, done: impl Fn(&Value) -> bool) -> Result<Value> {
        eventually(what, limit, async || {
            let workloads = self.json("/api/v1/workloads").await?;
            Ok(workloads["workloads"].get(0).filter(|workload| done(workload)).cloned())
        })
        .await
        .with_context(|| self.process.log_tail(40))
    }
}
