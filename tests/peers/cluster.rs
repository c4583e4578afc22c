//! A real Kubernetes control plane without kubelets: etcd, kube-apiserver, kube-controller-manager,
//! and kwok, which leads pods to Ready in the place of nodes.
//!
//! Everything listens on loopback, with RBAC on and keys of its own, and is gone with its guard.
//! There is no scheduler: a test's pods name their node in `spec.nodeName` (see
//! [`Cluster::node`]). What a test does inside the cluster is in `objects`.

mod objects;

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context as _, Result};
use k8s_openapi::api::core::v1::ServiceAccount;
use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::{Api, Client, Config};
use serde_json::{Value, json};
use tokio::sync::OnceCell;

use super::Peers;
use super::pki::{Identity, Pki};
use super::process::{Folder, Process, eventually, free_address};

/// A single API call of a fixture takes no longer; what needs more is asked again.
const CALL: Duration = Duration::from_secs(10);

/// A step of the start takes seconds on an idle machine; the rest is for a loaded one.
const STEP: Duration = Duration::from_secs(90);

/// A running cluster. Cheap to share: every method takes `&self`, but for those that end a process.
#[derive(Debug)]
pub(crate) struct Cluster {
    // Dropped in this order, each at once: their state goes with the folder.
    kwok: Process,
    controller_manager: Process,
    api_server: Process,
    etcd: Process,
    address: SocketAddr,
    admin: Value,
    pki: Pki,
    folder: Folder,
}

/// The node of the [`shared`] cluster, for `spec.nodeName`.
pub(crate) const NODE: &str = "node-1";

/// One cluster, with one node, for all tests of this process that leave it as it is: each works in
/// a namespace of its own and none pauses it. It ends with the process.
pub(crate) async fn shared(peers: &Peers) -> Result<&'static Cluster> {
    static SHARED: OnceCell<Cluster> = OnceCell::const_new();
    SHARED
        .get_or_try_init(|| async {
            let cluster = Cluster::start(peers).await?;
            cluster.node(NODE).await?;
            Ok(cluster)
        })
        .await
}

impl Cluster {
    /// Starts a cluster and waits until it takes work: some five seconds on two cores.
    pub(crate) async fn start(peers: &Peers) -> Result<Self> {
        let folder = peers.folder()?;
        let pki = Pki::create(&folder)?;
        let (etcd, storage) = start_etcd(peers, &folder).await?;

        let address = free_address()?;
        let admin = kubeconfig(address, &pki, &certificate_of(&pki.admin));
        let mut api_server = start_api_server(peers, &folder, &pki, storage, address)?;
        // The rest finds its server by itself, but each of its failures costs seconds of waiting.
        let client = client_for(&admin).await?;
        wait_ready(&client, &mut api_server).await?;

        let mut controller_manager = start_controller_manager(peers, &folder, &pki, address)?;
        let mut kwok = start_kwok(peers, &folder, &admin)?;
        let accounts = Api::<ServiceAccount>::namespaced(client, "default");
        eventually("the controller-manager makes ServiceAccounts", STEP, async || {
            controller_manager.check()?;
            kwok.check()?;
            Ok(accounts.get_opt("default").await.ok().flatten())
        })
        .await
        .with_context(|| format!("its log ends:\n{}", controller_manager.log_tail(15)))?;
        Ok(Self { kwok, controller_manager, api_server, etcd, address, admin, pki, folder })
    }

    /// The API server's URL.
    pub(crate) fn url(&self) -> String {
        format!("https://{}", self.address)
    }

    /// The certificate that proves the API server (PEM).
    pub(crate) fn authority(&self) -> &Path {
        &self.pki.authority
    }

    /// What proves a server behind an `APIService`, whose Service is `metrics` in the namespace `default`.
    pub(crate) fn extension(&self) -> &Identity {
        &self.pki.extension
    }

    /// A client that may do everything; one for each runtime, for it lives on the one it was made on.
    ///
    /// It gives up a call after ten seconds and does not retry by itself.
    pub(crate) async fn admin(&self) -> Result<Client> {
        client_for(&self.admin).await
    }

    /// A client that shows `token`, and so has the rights of that ServiceAccount only.
    pub(crate) async fn client(&self, token: &str) -> Result<Client> {
        client_for(&self.kubeconfig_of(token)).await
    }

    /// Writes a kubeconfig file, of the cluster's folder, for whoever shows `token`.
    pub(crate) fn kubeconfig(&self, name: &str, token: &str) -> Result<PathBuf> {
        self.folder.write(&format!("{name}.kubeconfig"), &self.kubeconfig_of(token).to_string())
    }

    /// An outage of the API server: connections stay open, nothing answers.
    pub(crate) fn pause(&self) -> Result<()> {
        self.api_server.pause()
    }

    /// The end of the outage; gives back when the server answers again.
    pub(crate) async fn resume(&self) -> Result<()> {
        self.api_server.resume()?;
        let client = self.admin().await?;
        eventually("the API server answers again", STEP, async || Ok(get(&client, "/readyz").await.ok())).await?;
        Ok(())
    }

    fn kubeconfig_of(&self, token: &str) -> Value {
        kubeconfig(self.address, &self.pki, &json!({"token": token}))
    }
}

/// A kubeconfig with one context. It is written as JSON, which is YAML too.
fn kubeconfig(address: SocketAddr, pki: &Pki, user: &Value) -> Value {
    json!({
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "test",
        "contexts": [{"name": "test", "context": {"cluster": "test", "user": "test"}}],
        "clusters": [{"name": "test", "cluster": {
            "server": format!("https://{address}"),
            "certificate-authority": pki.authority,
        }}],
        "users": [{"name": "test", "user": user}],
    })
}

fn certificate_of(identity: &Identity) -> Value {
    json!({"client-certificate": identity.certificate, "client-key": identity.key})
}

async fn client_for(kubeconfig: &Value) -> Result<Client> {
    let kubeconfig: Kubeconfig = serde_json::from_value(kubeconfig.clone())?;
    let mut config = Config::from_custom_kubeconfig(kubeconfig, &KubeConfigOptions::default()).await?;
    config.connect_timeout = Some(CALL);
    config.read_timeout = Some(CALL);
    config.write_timeout = Some(CALL);
    config.default_retry = false;
    Ok(Client::try_from(config)?)
}

/// The text that the API server has at `path`, within [`CALL`].
async fn get(client: &Client, path: &str) -> Result<String> {
    let request = http::Request::get(path).body(Vec::new())?;
    Ok(tokio::time::timeout(CALL, client.request_text(request)).await??)
}

async fn wait_ready(client: &Client, api_server: &mut Process) -> Result<()> {
    let waited = eventually("the API server is ready", STEP, async || {
        api_server.check()?;
        Ok(get(client, "/readyz").await.ok())
    })
    .await;
    waited.map(drop).with_context(|| format!("its log ends:\n{}", api_server.log_tail(15)))
}

/// Starts one of the cluster's programs with `flags`, a name and a value each.
fn start(peers: &Peers, folder: &Folder, program: &str, flags: &[(&str, &str)]) -> Result<Process> {
    let mut command = Command::new(peers.program(program));
    command.args(flags.iter().map(|(name, value)| format!("--{name}={value}")));
    Process::spawn(program, command, folder.path(), Duration::ZERO)
}

async fn start_etcd(peers: &Peers, folder: &Folder) -> Result<(Process, SocketAddr)> {
    let (clients, members) = (free_address()?, free_address()?);
    let (clients_url, members_url) = (format!("http://{clients}"), format!("http://{members}"));
    let mut etcd = start(
        peers,
        folder,
        "etcd",
        &[
            ("name", "test"),
            ("data-dir", &folder.path().join("etcd").to_string_lossy()),
            ("listen-client-urls", &clients_url),
            ("advertise-client-urls", &clients_url),
            ("listen-peer-urls", &members_url),
            ("initial-advertise-peer-urls", &members_url),
            ("initial-cluster", &format!("test={members_url}")),
            // Nothing here has to survive a power cut.
            ("unsafe-no-fsync", "true"),
            ("log-level", "warn"),
        ],
    )?;
    etcd.wait_http(clients, "/health", STEP).await?;
    Ok((etcd, clients))
}

fn start_api_server(
    peers: &Peers,
    folder: &Folder,
    pki: &Pki,
    storage: SocketAddr,
    address: SocketAddr,
) -> Result<Process> {
    let audit = folder.write("audit.yaml", include_str!("kubernetes/audit.yaml"))?;
    start(
        peers,
        folder,
        "kube-apiserver",
        &[
            ("etcd-servers", &format!("http://{storage}")),
            ("bind-address", "127.0.0.1"),
            ("advertise-address", "127.0.0.1"),
            ("secure-port", &address.port().to_string()),
            // A loopback address is not allowed in Endpoints.
            ("endpoint-reconciler-type", "none"),
            ("service-cluster-ip-range", "10.96.0.0/16"),
            ("cert-dir", &folder.path().join("api").to_string_lossy()),
            ("tls-cert-file", &pki.server.certificate.to_string_lossy()),
            ("tls-private-key-file", &pki.server.key.to_string_lossy()),
            ("client-ca-file", &pki.authority.to_string_lossy()),
            // What the API server shows to the servers of APIServices, and they to each other.
            ("requestheader-client-ca-file", &pki.authority.to_string_lossy()),
            ("requestheader-allowed-names", "front-proxy"),
            ("requestheader-username-headers", "X-Remote-User"),
            ("requestheader-group-headers", "X-Remote-Group"),
            ("requestheader-extra-headers-prefix", "X-Remote-Extra-"),
            ("proxy-client-cert-file", &pki.front_proxy.certificate.to_string_lossy()),
            ("proxy-client-key-file", &pki.front_proxy.key.to_string_lossy()),
            ("service-account-issuer", "https://kubernetes.default.svc"),
            ("service-account-signing-key-file", &pki.tokens_private.to_string_lossy()),
            ("service-account-key-file", &pki.tokens_public.to_string_lossy()),
            ("authorization-mode", "Node,RBAC"),
            ("audit-policy-file", &audit.to_string_lossy()),
            ("audit-log-path", &folder.path().join("audit.log").to_string_lossy()),
            // Written before the answer is sent: a test may read it right after its call.
            ("audit-log-mode", "blocking-strict"),
        ],
    )
}

fn start_controller_manager(peers: &Peers, folder: &Folder, pki: &Pki, address: SocketAddr) -> Result<Process> {
    let identity = certificate_of(&pki.controller_manager);
    let kubeconfig = folder.write("controller-manager.kubeconfig", &kubeconfig(address, pki, &identity).to_string())?;
    let kubeconfig = kubeconfig.to_string_lossy();
    start(
        peers,
        folder,
        "kube-controller-manager",
        &[
            ("kubeconfig", &kubeconfig),
            ("authentication-kubeconfig", &kubeconfig),
            ("authorization-kubeconfig", &kubeconfig),
            ("bind-address", "127.0.0.1"),
            ("secure-port", &free_address()?.port().to_string()),
            ("cert-dir", &folder.path().join("controller-manager").to_string_lossy()),
            // Else it makes its default folder, outside ours.
            ("flex-volume-plugin-dir", &folder.path().join("volume-plugins").to_string_lossy()),
            ("service-account-private-key-file", &pki.tokens_private.to_string_lossy()),
            ("root-ca-file", &pki.authority.to_string_lossy()),
            // Each controller as the account that RBAC's own roles know.
            ("use-service-account-credentials", "true"),
            ("leader-elect", "false"),
            // On a loaded machine kwok renews a node's lease late.
            ("node-monitor-grace-period", "120s"),
            // Tests wait for it: no throttling of its own.
            ("kube-api-qps", "500"),
            ("kube-api-burst", "1000"),
            ("horizontal-pod-autoscaler-sync-period", "1s"),
        ],
    )
}

fn start_kwok(peers: &Peers, folder: &Folder, admin: &Value) -> Result<Process> {
    let kubeconfig = folder.write("kwok.kubeconfig", &admin.to_string())?;
    let stages = folder.write("stages.yaml", include_str!("kwok/stages.yaml"))?;
    start(
        peers,
        folder,
        "kwok",
        &[
            ("kubeconfig", &kubeconfig.to_string_lossy()),
            ("config", &stages.to_string_lossy()),
            ("manage-all-nodes", "true"),
            ("node-ip", "127.0.0.1"),
            ("server-address", &free_address()?.to_string()),
        ],
    )
}
