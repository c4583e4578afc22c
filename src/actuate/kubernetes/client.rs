//! The way to the API server: in-cluster or kubeconfig, with limits on every wait.

use std::path::{Path, PathBuf};
use std::time::Duration;

use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::{Client, Config};

use super::fault::{chain, reason};
use super::feed;

/// How the cluster is reached and told.
#[derive(Debug, Clone)]
pub struct Options {
    /// A kubeconfig file. Without it `$KUBECONFIG` or `~/.kube/config`, unless the process runs in a cluster.
    pub kubeconfig: Option<PathBuf>,
    /// A context of the kubeconfig; without it the current one.
    pub context: Option<String>,
    /// How long one call may take, from its first byte to the end of the answer.
    pub call_timeout: Duration,
    /// Whether each change is told in a Kubernetes Event on the object.
    pub events: bool,
    /// Who tells it: the pod's name.
    pub instance: String,
    /// Whether workloads that another autoscaler scales are left alone.
    pub leave_owned: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            kubeconfig: None,
            context: None,
            // An API server under load answers a scale request within a second; its own limit is 60 s.
            call_timeout: Duration::from_secs(10),
            events: true,
            instance: "headroom".to_owned(),
            leave_owned: true,
        }
    }
}

/// Why there is no way to a cluster. That an API server doesn't answer is none of these: it may come back.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    #[error("can't use the pod's ServiceAccount: {0}; mount its token (automountServiceAccountToken: true)")]
    InCluster(String),
    #[error("can't use {file}: {cause}; name a kubeconfig and a context that it has, or run with dry run")]
    Kubeconfig { file: String, cause: String },
    #[error("can't make a client for {url}: {cause}")]
    Client { url: String, cause: String },
}

/// Where Kubernetes mounts a pod's credentials.
const SERVICE_ACCOUNT_TOKEN: &str = "/var/run/secrets/kubernetes.io/serviceaccount/token";

/// Makes a client. Reads files and nothing else: the API server is first called when something is watched.
pub(super) async fn connect(options: &Options) -> Result<Client, ConnectError> {
    let mut config = find_config(options).await?;
    config.connect_timeout = Some(options.call_timeout);
    config.write_timeout = Some(options.call_timeout);
    // Only a watch may wait longer than a call, and it hears from the API server at least as often as this.
    config.read_timeout = Some(options.call_timeout.max(feed::SILENCE_MAX));
    config.reset_reader_on_write = true;
    // A retry hidden in the client could repeat a decision that a fresh one has replaced, and would keep from the
    // user that the API server is overloaded. Watches have their own back-off.
    config.default_retry = false;

    let url = config.cluster_url.to_string();
    Client::try_from(config).map_err(|error| ConnectError::Client { url, cause: reason(&error) })
}

/// A kubeconfig that was asked for; else the pod's ServiceAccount; else the user's kubeconfig.
async fn find_config(options: &Options) -> Result<Config, ConnectError> {
    let asked_for = options.kubeconfig.is_some() || options.context.is_some();
    if !asked_for && Path::new(SERVICE_ACCOUNT_TOKEN).exists() {
        return Config::incluster().map_err(|error| ConnectError::InCluster(chain(&error)));
    }
    let context = KubeConfigOptions { context: options.context.clone(), ..KubeConfigOptions::default() };
    let (file, config) = match &options.kubeconfig {
        Some(path) => {
            let config = match Kubeconfig::read_from(path) {
                Ok(file) => Config::from_custom_kubeconfig(file, &context).await,
                Err(error) => Err(error),
            };
            (path.display().to_string(), config)
        }
        None => ("the kubeconfig ($KUBECONFIG or ~/.kube/config)".to_owned(), Config::from_kubeconfig(&context).await),
    };
    config.map_err(|error| ConnectError::Kubeconfig { file, cause: chain(&error) })
}
