//! Construction, the clock, reload and shutdown: what turns the rooms into a service.
//!
//! [`App::start`] builds everything in one straight function and spawns two tasks: the door (`web::serve`) and the
//! loop ([`pacemaker`]). Nothing below this floor spawns the loop or reads the clock.

pub mod clock;
mod limits;
mod messenger;
mod pacemaker;
mod recorder;
mod recording;
mod rules;
mod settings;
#[cfg(test)]
mod tests;
mod warm_start;

use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use tokio::net::TcpListener;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use tracing::info;

use crate::actuate::Actuator;
use crate::backfill::Server;
use crate::config::Settings;
use crate::dispatch::Observation;
use crate::engine::View;
use crate::ingest::Receiver;
use crate::journal::{Filter, Journal};
use crate::promql::{Plan, Query, Value};
use crate::series::Store;
use crate::telemetry::Telemetry;
use crate::time::{Clock, Timestamp};
use crate::web::{self, QueryError};

pub use rules::RuleSource;
pub use settings::{SettingsFile, read_web};

/// What a service is made of.
pub struct Options {
    pub settings: Settings,
    pub rules: RuleSource,
    /// What workloads run on, and where its observations come from.
    pub actuator: Arc<dyn Actuator>,
    pub observations: mpsc::Receiver<Observation>,
    pub clock: Clock,
    /// How many times faster than life the clock runs; 1 but in a demo.
    pub speed: u32,
}

impl fmt::Debug for Options {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Options").field("settings", &self.settings).field("rules", &self.rules).finish_non_exhaustive()
    }
}

/// A running service.
#[derive(Debug)]
pub struct App {
    /// Where it listens.
    pub addr: SocketAddr,
    /// The newest snapshot of the loop.
    pub view: watch::Receiver<Arc<View>>,
    pub telemetry: Arc<Telemetry>,
    journal: Journal,
    recording: Option<recording::Recording>,
    shutdown: CancellationToken,
    tasks: Vec<JoinHandle<()>>,
}

impl App {
    /// Opens the journal, loads the rules, binds the address and starts to serve. An error says what to do; nothing is left running.
    pub async fn start(options: Options) -> anyhow::Result<Self> {
        let Options { settings, rules, actuator, observations, clock, speed } = options;
        let telemetry = Arc::new(Telemetry::new());
        let store = Arc::new(Store::new(settings.window_limits()));
        let shutdown = CancellationToken::new();
        let (journal, recovered) = recorder::open(&settings.journal, telemetry.journal.clone(), clock())?;
        info!(last_id = recovered.last_id, unsettled = recovered.unsettled.len(), "the journal is open");
        let gate = Arc::new(web::Gate::open(&settings.web, telemetry.web.clone()).context("web")?);
        let listener = TcpListener::bind(settings.listen)
            .await
            .with_context(|| format!("can't listen on {}; choose another address with --listen", settings.listen))?;
        let addr = listener.local_addr()?;

        let recorder = recorder::Recorder::new(journal.clone(), &telemetry);
        let messenger = Arc::new(messenger::Messenger::start(&settings, &telemetry, &clock, &shutdown)?);
        let (heart, pulse) = pacemaker::Heart::new(
            &store,
            &telemetry,
            observations,
            &settings,
            recorder,
            Arc::clone(&messenger),
            &recovered,
        );
        let (reload, reloads) = mpsc::channel(8);
        let (missing_sender, missing) = watch::channel(vec!["rules are not loaded".to_owned()]);
        let (routing_sender, routing) = watch::channel(Arc::default());
        let mut rules = rules::Rules::new(
            rules,
            settings.clone(),
            Arc::clone(&store),
            Arc::clone(&telemetry),
            (messenger, routing_sender),
            Arc::clone(&gate),
            pulse.events.clone(),
        );
        let loaded = rules.load().await.map_err(|findings| anyhow::anyhow!("{findings}"))?;
        info!(rules = %loaded, "rules loaded");
        missing_sender.send_replace(Vec::new());

        let recording =
            recording::Recording::start(&settings.recording, telemetry.recording.clone(), Arc::clone(&clock))?;
        let receiver = Receiver::new(Arc::clone(&store), limits::of_ingest(&settings), seed(), {
            let wake = Arc::clone(&pulse.wake);
            move || wake.ring()
        });
        let receiver = receiver.counting(telemetry.ingest.clone());
        let receiver = match &recording {
            Some(recording) => receiver.recording(recording.tap()),
            None => receiver,
        };
        let receiver = Arc::new(receiver);
        let warming = match &settings.warm_start {
            None => None,
            Some(warm_start) => Some(warm_start::WarmStart {
                settings: warm_start.clone(),
                retention: settings.windows.retention,
                server: Server::new(warm_start).context("warm_start")?,
                receiver: Arc::clone(&receiver),
                events: pulse.events.clone(),
                clock: Arc::clone(&clock),
                metrics: telemetry.warm_start.clone(),
            }),
        };
        let view = heart.view();
        let context = web::Context {
            receiver,
            telemetry: Arc::clone(&telemetry),
            view: view.clone(),
            missing,
            reload,
            commands: pulse.commands.clone(),
            routing,
            decisions: Arc::new({
                let reader = journal.reader();
                move |filter: &Filter| reader.decisions(filter).map_err(|error| error.to_string())
            }),
            query: Arc::new(query(Arc::clone(&store))),
            gate,
            clock: Arc::clone(&clock),
            started_at: clock(),
            shutdown: shutdown.clone(),
            limits: limits::of_web(&settings),
        };
        let door = tokio::spawn({
            let shutdown = shutdown.clone();
            async move {
                if let Err(error) = web::serve(listener, context).await {
                    tracing::error!(%error, "the HTTP server ended");
                    shutdown.cancel();
                }
            }
        });
        let pace = pacemaker::Pace { debounce: settings.evaluation.debounce, speed };
        let pruning = tokio::spawn(recorder::prune(journal.clone(), Arc::clone(&clock), shutdown.clone()));
        let beating = tokio::spawn(heart.beat(actuator, clock, pace, shutdown.clone()));
        let in_force = rules.in_force();
        let reloading = tokio::spawn(rules.follow(reloads, shutdown.clone()));
        let mut tasks = vec![door, beating, reloading, pruning];
        tasks.extend(warming.map(|warming| tokio::spawn(warming.follow(in_force, shutdown.clone()))));
        Ok(Self { addr, view, telemetry, journal, recording, shutdown, tasks })
    }

    /// Ends when the service has ended by itself, which it does not but for a fault.
    pub async fn ended(&self) {
        self.shutdown.cancelled().await;
    }

    /// Stops accepting, answers what is on its way, lets actions in flight end, and returns.
    pub async fn shutdown(self) {
        self.shutdown.cancel();
        for task in self.tasks {
            // A task that panicked has said so already.
            drop(tokio::time::timeout(SHUTDOWN_MAX, task).await);
        }
        if let Some(recording) = self.recording {
            drop(tokio::time::timeout(SHUTDOWN_MAX, recording.finish()).await);
        }
        let compacted = tokio::task::spawn_blocking(move || self.journal.compact()).await;
        if let Ok(Err(error)) = compacted {
            tracing::warn!(%error, "the journal can't be compacted");
        }
    }
}

/// The longest that one part of the service may take to stop.
const SHUTDOWN_MAX: Duration = Duration::from_secs(15);

/// A number that nobody outside knows: std seeds its hash maps from the system's randomness.
fn seed() -> u64 {
    use std::hash::{BuildHasher, Hasher};
    std::collections::hash_map::RandomState::new().build_hasher().finish()
}

/// Answers questions about the windows, at a time.
fn query(store: Arc<Store>) -> impl Fn(&str, Timestamp) -> Result<Value, QueryError> {
    move |expr, at| {
        let plan = Plan::compile(expr).map_err(|error| QueryError::BadData(error.to_string()))?;
        let inputs = plan.selectors().iter().map(|selector| store.search(selector)).collect();
        Query::new(Arc::new(plan), inputs).eval(at).map_err(|error| QueryError::Execution(error.to_string()))
    }
}
