//! `headroom serve`: the service.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::Context as _;
use tokio::sync::mpsc;
use tracing::{info, warn};

use super::stop::told_to_stop;
use crate::actuate::{Actuator, Contexts, DryRun};
use crate::app::{App, Options, RuleSource, SettingsFile, clock};
use crate::config::{self, Enabled, Settings};
use crate::dispatch::Observation;
use crate::telemetry::{LogFormat, init_log};

/// Observations that wait for the loop: one for each of ten thousand workloads.
const OBSERVATIONS_MAX: usize = 10_000;

#[derive(Debug, Clone, clap::Args)]
pub(super) struct Args {
    /// Settings file; every field has a default.
    #[arg(long, env = "HEADROOM_CONFIG")]
    config: Option<PathBuf>,
    /// Address to listen on; goes before the settings file.
    #[arg(long, env = "HEADROOM_LISTEN")]
    listen: Option<SocketAddr>,
    /// File with TLS and authentication in the shape of Prometheus's web configuration; goes before the settings file.
    #[arg(long = "web.config.file", alias = "web-config-file", env = "HEADROOM_WEB_CONFIG", value_name = "FILE")]
    web_config: Option<PathBuf>,
    /// Rule files, in place of those that the settings name; may be repeated.
    #[arg(long)]
    rules: Vec<String>,
    /// Decide and say so, but scale nothing.
    #[arg(long)]
    dry_run: bool,
}

pub(super) fn run(args: &Args) -> anyhow::Result<ExitCode> {
    let Args { config: path, listen, web_config, rules, .. } = args.clone();
    let file = SettingsFile { path, listen, web_config, rules };
    let settings = match file.read() {
        Ok(settings) => settings,
        Err(findings) => {
            for finding in findings {
                eprintln!("{finding}");
            }
            return Ok(ExitCode::FAILURE);
        }
    };
    let format = match settings.log.format {
        config::LogFormat::Text => LogFormat::Text,
        config::LogFormat::Json => LogFormat::Json,
    };
    init_log(format, settings.log.level.as_str())?;
    super::runtime()?.block_on(serve(settings, file, args.dry_run))
}

async fn serve(settings: Settings, file: SettingsFile, dry_run: bool) -> anyhow::Result<ExitCode> {
    let (observed, observations) = mpsc::channel(OBSERVATIONS_MAX);
    let actuator = actuators(&settings, dry_run, &observed).await?;
    let rules = RuleSource::Files(file);
    let app = App::start(Options { settings, rules, actuator, observations, clock: clock::system(), speed: 1 }).await?;
    tokio::select! {
        () = told_to_stop() => info!("stopping"),
        () = app.ended() => warn!("stopping after a fault"),
    }
    app.shutdown().await;
    info!("stopped");
    Ok(ExitCode::SUCCESS)
}

/// The cluster of the settings, and those of the contexts that receivers name.
async fn actuators(
    settings: &Settings,
    dry_run: bool,
    observed: &mpsc::Sender<Observation>,
) -> anyhow::Result<Arc<dyn Actuator>> {
    let default = actuator(&settings.kubernetes, dry_run, observed.clone()).await?;
    let mut named = BTreeMap::new();
    for context in settings.routing.receivers.iter().filter_map(|receiver| receiver.kubernetes.clone().flatten()) {
        if named.contains_key(&context) || settings.kubernetes.enabled == Enabled::Never {
            continue;
        }
        let kubernetes = config::Kubernetes {
            enabled: Enabled::Always,
            context: Some(context.clone()),
            ..settings.kubernetes.clone()
        };
        let connected = actuator(&kubernetes, dry_run, observed.clone()).await;
        named.insert(
            context.clone(),
            connected.with_context(|| format!("can't use the context {context} of a receiver"))?,
        );
    }
    Ok(if named.is_empty() { default } else { Arc::new(Contexts::new(default, named)) })
}

/// Kubernetes where there is one; else decisions are made and shown, and nothing is scaled.
#[cfg(feature = "kubernetes")]
async fn actuator(
    settings: &config::Kubernetes,
    dry_run: bool,
    observed: mpsc::Sender<Observation>,
) -> anyhow::Result<Arc<dyn Actuator>> {
    use crate::actuate::kubernetes::{ConnectError, Kubernetes};

    if settings.enabled == Enabled::Never {
        return Ok(recommender(observed, "kubernetes.enabled is false"));
    }
    match Kubernetes::connect(options(settings), observed.clone(), clock::system()).await {
        Ok(kubernetes) if dry_run => Ok(Arc::new(DryRun::over(Arc::new(kubernetes)))),
        Ok(kubernetes) => Ok(Arc::new(kubernetes)),
        // Nobody asked for a cluster, and there is none.
        Err(ConnectError::Kubeconfig { cause, .. })
            if settings.enabled == Enabled::Auto && settings.kubeconfig.is_none() && settings.context.is_none() =>
        {
            Ok(recommender(observed, &cause))
        }
        Err(error) => Err(error.into()),
    }
}

#[cfg(feature = "kubernetes")]
fn options(settings: &config::Kubernetes) -> crate::actuate::kubernetes::Options {
    let defaults = crate::actuate::kubernetes::Options::default();
    crate::actuate::kubernetes::Options {
        kubeconfig: settings.kubeconfig.clone(),
        context: settings.context.clone(),
        call_timeout: settings.timeout,
        events: settings.events,
        // The Deployment sets it, so that Events name the pod.
        instance: std::env::var("POD_NAME").unwrap_or(defaults.instance),
        leave_owned: settings.conflicts == config::Conflicts::Refuse,
    }
}

#[cfg(not(feature = "kubernetes"))]
#[allow(clippy::unused_async, reason = "the signature is that of the other build")]
async fn actuator(
    settings: &config::Kubernetes,
    _dry_run: bool,
    observed: mpsc::Sender<Observation>,
) -> anyhow::Result<Arc<dyn Actuator>> {
    anyhow::ensure!(settings.enabled != Enabled::Always, "this program was built without the feature \"kubernetes\"");
    Ok(recommender(observed, "built without the feature \"kubernetes\""))
}

fn recommender(observed: mpsc::Sender<Observation>, reason: &str) -> Arc<dyn Actuator> {
    warn!(reason, "no Kubernetes cluster: decisions are made and shown, and nothing is scaled");
    Arc::new(DryRun::alone(|_| 1, observed))
}
