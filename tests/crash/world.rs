//! What survives the kills: the simulated cluster, the load on it, and the ledger of what was done to it.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use anyhow::{Result, ensure};
use headroom::actuate::Actuator as _;
use headroom::app::clock;
use headroom::dispatch::{Action, Outcome, Status};
use headroom::proto::{Label, Sample, TimeSeries, WriteRequest};
use headroom::sim::{Cluster, Sender, SimActuator, Spec};
use headroom::workload::{ObjectRef, Replicas, Workload};
use tokio::io::BufReader;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;

use super::luck::Luck;
use super::wire::{Heard, Said, hear, say};

pub(super) const WORKLOADS: usize = 8;

/// How often the load changes and is sent.
const BEAT: Duration = Duration::from_millis(15);

/// Something that reached the cluster.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Deed {
    pub(super) workload: Workload,
    pub(super) from: Replicas,
    pub(super) to: Replicas,
    pub(super) outcome: Outcome,
}

/// What reached the cluster, by the journal's entry, and what went wrong with that.
#[derive(Debug, Default)]
pub(super) struct Ledger {
    pub(super) deeds: BTreeMap<u64, Deed>,
    pub(super) wrong: Vec<String>,
}

impl Ledger {
    fn note(&mut self, entry: u64, deed: Deed) {
        if let Some(before) = self.deeds.get(&entry) {
            self.wrong.push(format!("entry {entry} reached the cluster twice: {before:?}, then {deed:?}"));
        }
        self.deeds.insert(entry, deed);
    }
}

pub(super) fn workload(number: usize) -> Workload {
    let (kind, namespace) = ("Deployment".to_owned(), "shop".to_owned());
    Workload::from(ObjectRef { api_version: String::new(), kind, namespace, name: format!("w{number}") })
}

/// The cluster and its ledger; clones are the same ones.
#[derive(Debug, Clone)]
pub(super) struct World {
    cluster: Arc<Mutex<Cluster>>,
    ledger: Arc<Mutex<Ledger>>,
}

impl World {
    pub(super) fn new() -> Self {
        let spec = |number| Spec {
            workload: workload(number),
            replicas: 1,
            capacity: 10.0,
            startup: Duration::ZERO,
            grace: Duration::ZERO,
        };
        let cluster = Cluster::new(clock::now(), (0..WORKLOADS).map(spec));
        Self { cluster: Arc::new(Mutex::new(cluster)), ledger: Arc::default() }
    }

    pub(super) fn ledger(&self) -> MutexGuard<'_, Ledger> {
        self.ledger.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Serves one life of the service: its one connection, until it ends. Where it listens goes into `ready`.
    pub(super) async fn accept(self, listener: &TcpListener, ready: watch::Sender<Option<SocketAddr>>) -> Result<()> {
        let (stream, _) = listener.accept().await?;
        self.converse(stream, ready).await
    }

    async fn converse(self, stream: TcpStream, ready: watch::Sender<Option<SocketAddr>>) -> Result<()> {
        stream.set_nodelay(true)?;
        let (read, mut write) = stream.into_split();
        let (tell, mut told) = mpsc::channel(1_000);
        let actuator = Arc::new(SimActuator::new(Arc::clone(&self.cluster), tell));
        let (answer, mut answers) = mpsc::channel(1_000);
        let mut read = BufReader::new(read);
        let mut applying = JoinSet::new();
        let mut beat = tokio::time::interval(BEAT);
        let (hear_said, mut saids) = mpsc::channel(1_000);
        // Reading on its own: a line that is half read must not be dropped for a beat.
        let reading = tokio::spawn(async move {
            while let Some(said) = hear::<Said>(&mut read).await? {
                hear_said.send(said).await?;
            }
            anyhow::Ok(())
        });
        loop {
            let message = tokio::select! {
                said = saids.recv() => {
                    match said {
                        // What it said last is heard though it is dead.
                        None => break,
                        Some(Said::Ready(address)) => _ = ready.send_replace(Some(address)),
                        Some(Said::Watch(workload)) => actuator.watch(&workload, None),
                        Some(Said::Forget(workload)) => actuator.forget(&workload),
                        Some(Said::Apply { entry, workload, from, to }) => {
                            let (world, actuator, answer) = (self.clone(), Arc::clone(&actuator), answer.clone());
                            applying.spawn(async move {
                                let outcome = world.apply(&actuator, entry, workload, from, to).await;
                                let _ = answer.send(Heard::Applied { entry, outcome }).await;
                            });
                        }
                    }
                    continue;
                }
                Some(observation) = told.recv() => {
                    let Status::Found { replicas, ready, .. } = observation.status else { continue };
                    Heard::Observed { workload: observation.workload, replicas, ready }
                }
                Some(answer) = answers.recv() => answer,
                _ = beat.tick() => {
                    self.cluster.lock().unwrap_or_else(PoisonError::into_inner).advance(clock::now());
                    actuator.publish();
                    continue;
                }
            };
            // A dead service hears nothing.
            let _ = say(&mut write, &message).await;
        }
        while applying.join_next().await.is_some() {}
        reading.await?
    }

    /// As an API server does: a while later, and only where the scale is still what the service thinks.
    async fn apply(
        &self,
        actuator: &SimActuator,
        entry: u64,
        workload: Workload,
        from: Replicas,
        to: Replicas,
    ) -> Outcome {
        tokio::time::sleep(Duration::from_millis(entry % 7)).await;
        let action = Action { entry, workload, from, to, reason: String::new() };
        let outcome = actuator.apply(&action).await;
        let Action { workload, .. } = action;
        self.ledger().note(entry, Deed { workload, from, to, outcome: outcome.clone() });
        outcome
    }
}

/// Sends load that changes at every beat, until it is dropped.
pub(super) async fn load(address: SocketAddr, mut luck: Luck) {
    let Ok(url) = format!("http://{address}/api/v1/write").parse() else { return };
    let mut sender = Sender::new(url);
    loop {
        let series = (0..WORKLOADS).map(|number| {
            let labels = [("__name__", "load".to_owned()), ("app", format!("w{number}"))];
            let labels = labels.map(|(name, value)| Label { name: name.to_owned(), value });
            let samples = vec![Sample { value: luck.below(600) as f64, timestamp: clock::now().as_millis() }];
            TimeSeries { labels: labels.to_vec(), samples, exemplars: Vec::new(), histograms: Vec::new() }
        });
        let request = WriteRequest { timeseries: series.collect(), metadata: Vec::new() };
        // The service is killed at any time; what it does not answer is not sent again.
        let _ = sender.send(&request).await;
        tokio::time::sleep(BEAT).await;
    }
}

/// What the API shows as decided: somebody has been told.
pub(super) fn shown(body: &str) -> Result<Vec<(u64, String, u64, u64)>> {
    let json: serde_json::Value = serde_json::from_str(body)?;
    let decisions = json["decisions"].as_array().cloned().unwrap_or_default();
    ensure!(json["decisions"].is_array(), "no list of decisions: {body}");
    let number = |value: &serde_json::Value| value.as_u64().unwrap_or_default();
    let shown = |entry: &serde_json::Value| {
        let workload = entry["workload"].as_str().unwrap_or_default().to_owned();
        (number(&entry["id"]), workload, number(&entry["from"]), number(&entry["to"]))
    };
    Ok(decisions.iter().map(shown).collect())
}
