//! Alerts on their way to one Alertmanager: `POST /api/v2/alerts`, in batches.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use http::Uri;
use serde::Serialize;
use tokio::sync::Notify;
use tokio::time::{Instant, sleep, timeout};
use tokio_util::sync::CancellationToken;
use tracing::{error, info, warn};

use super::Limits;
use super::backoff::Backoff;
use super::queue::Queue;
use crate::client::{Client, ClientError, Fault};
use crate::config::Alertmanager;
use crate::dispatch::Alert;
use crate::labels::Labels;
use crate::telemetry::{AddresseeMetrics, Telemetry};

/// One Alertmanager and what waits for it.
pub(super) struct Channel {
    name: String,
    uri: Uri,
    client: Client,
    timeout: Duration,
    limits: Limits,
    queue: Mutex<Queue>,
    /// Rung when something was put into the queue.
    work: Notify,
    metrics: AddresseeMetrics,
    telemetry: Arc<Telemetry>,
}

impl fmt::Debug for Channel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Channel").field("name", &self.name).field("queued", &self.queue().len()).finish_non_exhaustive()
    }
}

/// An alert as Prometheus sends it.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct PostableAlert<'a> {
    annotations: &'a BTreeMap<String, String>,
    ends_at: String,
    starts_at: String,
    #[serde(rename = "generatorURL", skip_serializing_if = "str::is_empty")]
    generator_url: &'a str,
    labels: &'a Labels,
}

/// Alerts as the body of a request.
pub(super) fn body(alerts: &[Alert]) -> Bytes {
    let alerts: Vec<PostableAlert<'_>> = alerts
        .iter()
        .map(|alert| PostableAlert {
            annotations: &alert.annotations,
            ends_at: alert.ends_at.to_string(),
            starts_at: alert.starts_at.to_string(),
            generator_url: &alert.generator_url,
            labels: &alert.labels,
        })
        .collect();
    serde_json::to_vec(&alerts).expect("texts and maps of texts are JSON").into()
}

impl Channel {
    pub(super) fn new(
        settings: &Alertmanager,
        telemetry: &Arc<Telemetry>,
        limits: Limits,
    ) -> Result<Self, ClientError> {
        let name = settings.to_string();
        let uri: Uri = format!("{name}/api/v2/alerts").parse().map_err(|_| ClientError::Address(name.clone()))?;
        let client = Client::new(&settings.access, uri.scheme_str() == Some("https"))?;
        let metrics = telemetry.notify.addressee(&name);
        metrics.queue_capacity.set(limits.queue_max as f64);
        Ok(Self {
            name,
            uri,
            client,
            timeout: settings.timeout,
            limits,
            queue: Mutex::new(Queue::new(limits.queue_max)),
            work: Notify::new(),
            metrics,
            telemetry: Arc::clone(telemetry),
        })
    }

    /// Queues alerts; the oldest go where there is no room.
    pub(super) fn add(&self, alerts: &[Alert]) {
        let dropped = self.changed(|queue| queue.add(alerts));
        self.count_pushed_out(dropped);
        self.work.notify_one();
    }

    /// Sends what comes, until the shutdown; then what is left, as far as that goes.
    pub(super) async fn run(self: Arc<Self>, shutdown: CancellationToken) {
        let mut backoff = Backoff::new(self.limits.retry_first, self.limits.retry_max);
        let mut failing = false;
        while !shutdown.is_cancelled() {
            let batch = self.changed(|queue| queue.take(self.limits.batch_max));
            if batch.is_empty() {
                tokio::select! {
                    () = shutdown.cancelled() => {}
                    () = self.work.notified() => {}
                }
                continue;
            }
            let fault = match self.send(&batch).await {
                Ok(()) => {
                    backoff.reset();
                    if std::mem::take(&mut failing) {
                        info!(alertmanager = self.name, "alerts are taken again");
                    }
                    continue;
                }
                Err(fault) => fault,
            };
            if !fault.may_pass() {
                self.give_up(batch.len(), &fault);
                continue;
            }
            let wait = backoff.wait(fault.retry_after());
            // One line for each outage, not one for each attempt.
            if !std::mem::replace(&mut failing, true) {
                warn!(alertmanager = self.name, %fault, "alerts can't be sent; trying again");
            }
            let dropped = self.changed(|queue| queue.restore(batch));
            self.count_pushed_out(dropped);
            tokio::select! {
                () = shutdown.cancelled() => {}
                () = sleep(wait) => {}
            }
        }
        // Time is short, and who doesn't answer now will not in a moment.
        let _ = timeout(self.limits.drain_timeout, self.drain()).await;
        let left = self.queue().len();
        if left > 0 {
            self.metrics.dropped.add(left as u64);
            warn!(alertmanager = self.name, alerts = left, "alerts were not sent before the end");
        }
    }

    async fn drain(&self) {
        loop {
            let batch = self.queue().take(self.limits.batch_max);
            if batch.is_empty() {
                return;
            }
            // Kept in the queue's count while it is on its way, for the time may end meanwhile.
            let taken = batch.clone();
            self.changed(|queue| queue.restore(batch));
            match self.send(&taken).await {
                Ok(()) => drop(self.changed(|queue| queue.take(taken.len()))),
                Err(fault) if fault.may_pass() => return,
                Err(fault) => {
                    self.changed(|queue| queue.take(taken.len()));
                    self.give_up(taken.len(), &fault);
                }
            }
        }
    }

    /// One attempt.
    async fn send(&self, alerts: &[Alert]) -> Result<(), Fault> {
        let count = alerts.len() as u64;
        let began = Instant::now();
        let sent = self.client.post(&self.uri, &[], body(alerts), self.timeout).await;
        if sent.is_ok() {
            self.telemetry.latency.notification.record(began.elapsed());
            self.metrics.sent.add(count);
        } else {
            self.metrics.errors.add(count);
        }
        sent
    }

    fn give_up(&self, count: usize, fault: &Fault) {
        self.metrics.dropped.add(count as u64);
        error!(alertmanager = self.name, alerts = count, %fault, "alerts were refused");
    }

    fn count_pushed_out(&self, dropped: usize) {
        if dropped > 0 {
            self.metrics.dropped.add(dropped as u64);
            warn!(alertmanager = self.name, alerts = dropped, "the queue is full; the oldest alerts were dropped");
        }
    }

    /// Changes the queue and says how long it is then.
    fn changed<T>(&self, change: impl FnOnce(&mut Queue) -> T) -> T {
        let mut queue = self.queue();
        let result = change(&mut queue);
        self.metrics.queue_length.set(queue.len() as f64);
        result
    }

    fn queue(&self) -> MutexGuard<'_, Queue> {
        // Each change of the queue leaves it whole.
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
