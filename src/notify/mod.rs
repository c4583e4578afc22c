//! The door to those who are told: Alertmanagers, webhooks, the log.
//!
//! In: alerts and [`Notification`]s that `dispatch` has routed. Out: HTTP requests, retries, counts.
//! Never here: whom something concerns, whether it is silenced, when it is said again; that is decided before.
//!
//! Alerts go to every Alertmanager on its own queue ([`Notifier::alerts`] never waits): one that is down is tried again
//! and holds up no other. A message to a receiver is one call ([`Notifier::notify`]) that ends once the receiver has
//! taken it, refused it, or been tried for too long. Secrets are read from their files for each request, and stand in
//! no log line, error or `Debug` text.

mod alertmanager;
mod backoff;
mod log;
mod message;
mod queue;
mod signature;
mod webhook;

#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::fmt;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use self::alertmanager::Channel;
pub use self::log::tell as log;
pub use self::webhook::{Address, NotifyError, WebhookConfig};
use crate::client::{Client, ClientError};
use crate::config::{Access, Alerting};
use crate::dispatch::{Alert, Notification};
use crate::telemetry::{Gauge, Telemetry};
use crate::time::Clock;

/// How patient the door is, and how much it holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Alerts that wait for one Alertmanager, as in Prometheus: some 10 MB at 1 KB each.
    pub queue_max: usize,
    /// Alerts in one request, as in Prometheus's older versions; newer ones allow more.
    pub batch_max: usize,
    /// Messages to receivers that are on their way or wait to be tried again; further ones are dropped.
    pub messages_max: usize,
    /// The wait after the first failure; each further one doubles it.
    pub retry_first: Duration,
    /// The longest wait between two attempts.
    pub retry_max: Duration,
    /// How long a shutdown goes on sending what waits.
    pub drain_timeout: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            queue_max: 10_000,
            batch_max: 64,
            messages_max: 1_000,
            retry_first: Duration::from_millis(500),
            retry_max: Duration::from_secs(30),
            drain_timeout: Duration::from_secs(5),
        }
    }
}

/// Tells people and programs.
pub struct Notifier {
    channels: Vec<Arc<Channel>>,
    external_labels: Vec<(String, String)>,
    telemetry: Arc<Telemetry>,
    clock: Clock,
    limits: Limits,
    shutdown: CancellationToken,
    tasks: TaskTracker,
    /// Messages on their way.
    messages: AtomicUsize,
    /// Clients of webhooks, which keep connections and trusted certificates.
    clients: Mutex<HashMap<(Access, bool), Arc<Client>>>,
}

impl Notifier {
    /// Starts a task for each Alertmanager of the settings. An error names the file or the address that is at fault;
    /// an Alertmanager that doesn't answer is none. `shutdown` ends the tasks, once they have said what they can.
    pub fn start(
        settings: &Alerting,
        telemetry: Arc<Telemetry>,
        clock: Clock,
        limits: Limits,
        shutdown: CancellationToken,
    ) -> Result<Self, ClientError> {
        let channels: Result<Vec<Arc<Channel>>, ClientError> =
            settings.alertmanagers.iter().map(|one| Channel::new(one, &telemetry, limits).map(Arc::new)).collect();
        let (channels, tasks) = (channels?, TaskTracker::new());
        for channel in &channels {
            tasks.spawn(Arc::clone(channel).run(shutdown.clone()));
        }
        tasks.close();
        let external_labels = settings.external_labels.clone().into_iter().collect();
        let (messages, clients) = (AtomicUsize::new(0), Mutex::default());
        Ok(Self { channels, external_labels, telemetry, clock, limits, shutdown, tasks, messages, clients })
    }

    /// Puts alerts into the queue of every Alertmanager. An alert takes the place of one with the same labels that
    /// still waits, for only the newest word on an alert counts.
    ///
    /// The caller says again what still holds: [`is_due`](crate::dispatch::is_due) says when, and
    /// [`valid_until`](crate::dispatch::valid_until) gives a firing alert's `ends_at`.
    pub fn alerts(&self, alerts: Vec<Alert>) {
        let alerts: Vec<Alert> = alerts.into_iter().map(|alert| self.with_external_labels(alert)).collect();
        for channel in &self.channels {
            channel.add(&alerts);
        }
    }

    fn with_external_labels(&self, mut alert: Alert) -> Alert {
        let missing = self.external_labels.iter().filter(|(name, _)| alert.labels.get(name).is_none());
        let missing: Vec<(&str, &str)> = missing.map(|(name, value)| (name.as_str(), value.as_str())).collect();
        if !missing.is_empty() {
            alert.labels = alert.labels.with(&missing);
        }
        alert
    }

    /// Tells a webhook, trying again where that may help. It ends at the latest when `config.give_up_after` is over or
    /// the service stops.
    pub async fn notify(&self, notification: &Notification, config: &WebhookConfig) -> Result<(), NotifyError> {
        let metrics = self.telemetry.notify.addressee(&format!("webhook/{}", notification.receiver));
        metrics.queue_capacity.set(self.limits.messages_max as f64);
        let Some(_place) = Place::take(&self.messages, self.limits.messages_max, &metrics.queue_length) else {
            metrics.dropped.add(1);
            return Err(NotifyError::Full { limit: self.limits.messages_max });
        };
        let told = webhook::tell(self, notification, config, &metrics).await;
        match &told {
            Ok(()) => metrics.sent.add(1),
            Err(_) => metrics.dropped.add(1),
        }
        told
    }

    /// Waits for the tasks to end, which they do soon after the shutdown has begun.
    pub async fn ended(&self) {
        self.tasks.wait().await;
    }

    /// A client for `access`, made when it is first asked for.
    fn client(&self, access: &Access, secure: bool) -> Result<Arc<Client>, ClientError> {
        let mut clients = self.clients.lock().unwrap_or_else(PoisonError::into_inner);
        let key = (access.clone(), secure);
        if let Some(client) = clients.get(&key) {
            return Ok(Arc::clone(client));
        }
        let client = Arc::new(Client::new(access, secure)?);
        clients.insert(key, Arc::clone(&client));
        Ok(client)
    }
}

impl fmt::Debug for Notifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Notifier")
            .field("channels", &self.channels)
            .field("limits", &self.limits)
            .finish_non_exhaustive()
    }
}

/// One of the places for messages on their way; given back when dropped, also where nobody waits for the end.
struct Place<'a> {
    taken: &'a AtomicUsize,
    shown: &'a Gauge,
}

impl<'a> Place<'a> {
    fn take(taken: &'a AtomicUsize, max: usize, shown: &'a Gauge) -> Option<Self> {
        let more = |count| (count < max).then_some(count + 1);
        taken.fetch_update(Ordering::Relaxed, Ordering::Relaxed, more).ok()?;
        shown.add(1.0);
        Some(Self { taken, shown })
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        self.taken.fetch_sub(1, Ordering::Relaxed);
        self.shown.add(-1.0);
    }
}
