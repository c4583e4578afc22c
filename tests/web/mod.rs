//! TLS and authentication of the real program: who may come in, who may not, and what that costs.

mod auth;
mod client;
mod commands;
mod flood;
mod peers;
mod pki;
mod tls;

use std::net::SocketAddr;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context as _, Result};

use self::client::Client;
use self::pki::Authority;
use crate::peers::process::{Folder, Process, eventually, free_address};

/// How long a start, an answer or a reload may take on a machine that is busy with other tests.
const SOON: Duration = Duration::from_secs(30);

const RULES: &str = "groups: [{name: shop, rules: [{record: total, expr: sum(up)}]}]\n";

/// A folder for one test.
fn folder() -> Result<Folder> {
    let name = std::thread::current().name().unwrap_or("test").to_owned();
    Folder::create(&Path::new(env!("CARGO_TARGET_TMPDIR")).join("web"), &name)
}

/// A hash as `htpasswd` makes it, of the lowest cost.
fn hash(password: &str) -> String {
    bcrypt::hash(password, 4).unwrap()
}

/// A running `headroom serve` with a file of Prometheus's web configuration.
struct Service {
    process: Process,
    address: SocketAddr,
    folder: Folder,
}

impl Service {
    /// Starts it in `folder`, and waits until `client` is told that it is ready.
    async fn start(folder: Folder, web_config: &str, client: &Client) -> Result<Self> {
        folder.write("web-config.yml", web_config)?;
        // What is said at that level too shows no secret.
        folder.write("headroom.yaml", "log: {level: debug}\n")?;
        Self::serve(folder, &["--config", "headroom.yaml", "--web.config.file", "web-config.yml"], client).await
    }

    async fn serve(folder: Folder, flags: &[&str], client: &Client) -> Result<Self> {
        folder.write("rules.yaml", RULES)?;
        let address = free_address()?;
        let mut command = Command::new(env!("CARGO_BIN_EXE_headroom"));
        command.args(["serve", "--listen", &address.to_string(), "--rules", "rules.yaml"]).args(flags);
        command.env("KUBECONFIG", "none").env_remove("HEADROOM_CONFIG");
        let mut process = Process::spawn("headroom", command, folder.path(), SOON)?;
        eventually("the service is ready", SOON, async || {
            process.check()?;
            let ready = client.get(address, "/-/ready", "").await;
            Ok(ready.is_ok_and(|answer| answer.status == 200).then_some(()))
        })
        .await
        .with_context(|| process.log_tail(20))?;
        Ok(Self { process, address, folder })
    }

    /// The value of a series of `/metrics`.
    async fn metric(&self, client: &Client, headers: &str, series: &str) -> Result<f64> {
        let text = client.get(self.address, "/metrics", headers).await?.text;
        let line = text.lines().find_map(|line| line.strip_prefix(series)?.strip_prefix(' '));
        Ok(line.with_context(|| format!("no {series} in {text}"))?.parse()?)
    }

    /// Everything that it has printed.
    fn log(&self) -> String {
        self.process.log_tail(100_000)
    }
}

/// A folder with an authority's and a server's certificates, and a client that trusts them.
fn prepared() -> Result<(Folder, Authority, Client)> {
    let folder = folder()?;
    let authority = Authority::create(&folder, "ca")?;
    authority.server(&folder, "tls")?;
    let client = Client::tls(&authority.file)?;
    Ok((folder, authority, client))
}

/// The TLS of [`prepared`]; further lines of the section follow it.
const TLS: &str = "tls_server_config:\n  cert_file: tls.crt\n  key_file: tls.key\n";
