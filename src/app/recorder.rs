//! Writes the journal for the loop, and keeps house in it.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Instant, MissedTickBehavior, interval, sleep};
use tokio_util::sync::CancellationToken;
use tracing::{error, info, warn};

use crate::config;
use crate::journal::{Change, Directory, Durability, Journal, JournalError, Limits, Memory, Recovered};
use crate::telemetry::{JournalMetrics, Telemetry};
use crate::time::{Clock, Timestamp};

/// Changes that wait for a journal that can't be written: some 10 MiB. The oldest are given up first.
const WAITING_MAX: usize = 10_000;

/// How long a journal that could not be written is left alone.
const RETRY_AFTER: Duration = Duration::from_secs(1);

/// How often old entries are looked for, and the pause between two strokes where there are many.
const PRUNE_EVERY: Duration = Duration::from_secs(10);
const PRUNE_PAUSE: Duration = Duration::from_millis(100);

/// A journal in memory takes no more than this of it.
const MEMORY_BYTES_MAX: u64 = 64 << 20;

/// Opens the journal that the settings ask for.
pub(super) fn open(
    settings: &config::Journal,
    metrics: JournalMetrics,
    now: Timestamp,
) -> Result<(Journal, Recovered), JournalError> {
    let mut limits = Limits { retention: settings.retention, size_bytes_max: settings.size_bytes_max as u64 };
    let Some(directory) = &settings.directory else {
        limits.size_bytes_max = limits.size_bytes_max.min(MEMORY_BYTES_MAX);
        return Journal::open(Memory, limits, metrics, now);
    };
    let durability = match settings.durability {
        config::Durability::Immediate => Durability::Immediate,
        config::Durability::Eventual => Durability::Eventual,
    };
    Journal::open(Directory::new(directory, durability), limits, metrics, now)
}

/// Writes what the loop wants written. What could not be written is kept and goes with the next write, so that the
/// journal has no hole once it can be written again.
#[derive(Debug)]
pub(super) struct Recorder {
    journal: Journal,
    telemetry: Arc<Telemetry>,
    waiting: Vec<Change>,
    /// Why the last write failed, and when the next may be tried.
    failed: Option<(String, Timestamp)>,
}

impl Recorder {
    pub(super) fn new(journal: Journal, telemetry: &Arc<Telemetry>) -> Self {
        Self { journal, telemetry: Arc::clone(telemetry), waiting: Vec::new(), failed: None }
    }

    /// Writes the changes of a step in one transaction. An error says why what they cover must not be done.
    pub(super) fn record(&mut self, changes: Vec<Change>, now: Timestamp) -> Result<(), String> {
        self.waiting.extend(changes);
        let too_many = self.waiting.len().saturating_sub(WAITING_MAX);
        self.waiting.drain(..too_many);
        if self.waiting.is_empty() {
            return Ok(());
        }
        if let Some((reason, retry_at)) = &self.failed
            && now < *retry_at
        {
            return Err(reason.clone());
        }
        let began = Instant::now();
        let written = tokio::task::block_in_place(|| self.journal.write(&self.waiting, now));
        self.telemetry.latency.journal.record(began.elapsed());
        match written {
            Ok(()) => {
                self.waiting.clear();
                if self.failed.take().is_some() {
                    info!("the journal is written again");
                }
                Ok(())
            }
            Err(error) => {
                let reason = chain(&error);
                error!(
                    reason,
                    waiting = self.waiting.len(),
                    "the journal can't be written; nothing is scaled until it can"
                );
                self.failed = Some((reason.clone(), now + RETRY_AFTER));
                Err(reason)
            }
        }
    }
}

/// An error with its causes, in one line.
fn chain(error: &JournalError) -> String {
    let causes = std::iter::successors(std::error::Error::source(error), |cause| cause.source());
    causes.fold(error.to_string(), |text, cause| format!("{text}: {cause}"))
}

/// Removes old entries now and then, until the service stops.
pub(super) async fn prune(journal: Journal, clock: Clock, stop: CancellationToken) {
    let mut ticks = interval(PRUNE_EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            _ = ticks.tick() => {}
        }
        while !stop.is_cancelled() {
            let (journal, now) = (journal.clone(), clock());
            match tokio::task::spawn_blocking(move || journal.prune(now)).await {
                Ok(Ok(pruned)) if pruned.more => sleep(PRUNE_PAUSE).await,
                Ok(Err(error)) => {
                    warn!(reason = chain(&error), "old entries of the journal can't be removed");
                    break;
                }
                Ok(Ok(_)) | Err(_) => break,
            }
        }
    }
}
