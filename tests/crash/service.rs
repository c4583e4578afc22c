//! The process that is killed: the real service, with an actuator whose cluster lives with the one who kills.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::{Context as _, Result};
use headroom::actuate::{Actuator, Applying};
use headroom::app::{App, Options, RuleSource, clock};
use headroom::config::{Journal, Settings};
use headroom::dispatch::{Action, Observation, Outcome, Status};
use headroom::telemetry::{LogFormat, init_log};
use headroom::workload::Workload;
use tokio::io::BufReader;
use tokio::net::TcpStream;
use tokio::sync::{mpsc, oneshot};

use super::wire::{Heard, Said, hear, say};

/// Names the world's address to the process that is to be the service.
pub(super) const WORLD: &str = "HEADROOM_CRASH_WORLD";
/// Names the journal's directory.
pub(super) const DIRECTORY: &str = "HEADROOM_CRASH_JOURNAL";

/// A workload for each series, at 10 a replica, quick to move both ways.
const RULES: &str = r#"
groups:
  - name: shop
    interval: 1s
    rules:
      - scale: every-workload
        target: {kind: Deployment, namespace: shop, name: "{{ $labels.app }}"}
        replicas: {min: 1, max: 100}
        metrics: [{name: load, demand: load, per_replica: 10}]
        behavior:
          scale_up: {policies: [{type: Pods, value: 1000, period: 1s}]}
          scale_down: {stabilization_window: 0s, policies: [{type: Pods, value: 1000, period: 1s}]}
"#;

/// The cluster on the other side of the line.
struct Remote {
    said: mpsc::UnboundedSender<Said>,
    answers: Answers,
}

type Answers = Arc<Mutex<HashMap<u64, oneshot::Sender<Outcome>>>>;

impl Actuator for Remote {
    fn watch(&self, workload: &Workload, _context: Option<&str>) {
        let _ = self.said.send(Said::Watch(workload.clone()));
    }

    fn forget(&self, workload: &Workload) {
        let _ = self.said.send(Said::Forget(workload.clone()));
    }

    fn apply<'a>(&'a self, action: &'a Action) -> Applying<'a> {
        let (answer, answered) = oneshot::channel();
        self.answers.lock().unwrap_or_else(PoisonError::into_inner).insert(action.entry, answer);
        let Action { entry, workload, from, to, .. } = action.clone();
        let _ = self.said.send(Said::Apply { entry, workload, from, to });
        Box::pin(async move { answered.await.unwrap_or_else(|_| Outcome::Failed("the world is gone".to_owned())) })
    }
}

/// Serves until the world ends, or this process is killed.
pub(super) async fn serve(world: SocketAddr, directory: PathBuf) -> Result<()> {
    init_log(LogFormat::Text, "info")?;
    let (read, mut write) = TcpStream::connect(world).await.context("the world")?.into_split();
    let (said, mut to_say) = mpsc::unbounded_channel();
    tokio::spawn(async move {
        while let Some(message) = to_say.recv().await {
            if say(&mut write, &message).await.is_err() {
                return;
            }
        }
    });
    let (observed, observations) = mpsc::channel(1_000);
    let answers = Answers::default();
    let actuator = Arc::new(Remote { said: said.clone(), answers: Arc::clone(&answers) });
    let journal = Journal { directory: Some(directory), ..Journal::default() };
    let app = App::start(Options {
        settings: Settings { listen: ([127, 0, 0, 1], 0).into(), journal, ..Settings::default() },
        rules: RuleSource::Embedded("crash.yaml", RULES),
        actuator,
        observations,
        clock: clock::system(),
        speed: 1,
    })
    .await?;
    said.send(Said::Ready(app.addr))?;
    let mut read = BufReader::new(read);
    while let Some(heard) = hear(&mut read).await? {
        match heard {
            Heard::Observed { workload, replicas, ready } => {
                observed.send(Observation { workload, status: Status::found(replicas, ready) }).await?;
            }
            Heard::Applied { entry, outcome } => {
                let answer = answers.lock().unwrap_or_else(PoisonError::into_inner).remove(&entry);
                let _ = answer.context("an answer that nobody waits for")?.send(outcome);
            }
        }
    }
    app.shutdown().await;
    Ok(())
}
