//! Tells people: alerts to Alertmanagers, messages to the receivers of routes.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, PoisonError, RwLock};

use anyhow::Context as _;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::warn;

use crate::config::{self, Alerting, Settings, WebhookAddress};
use crate::dispatch::{Alert, Notification};
use crate::engine::Event;
use crate::notify::{self, Address, Notifier, WebhookConfig};
use crate::telemetry::Telemetry;
use crate::time::Clock;

/// Tells whom the settings name, and others once those change.
pub(super) struct Messenger {
    receivers: RwLock<Arc<Receivers>>,
    telemetry: Arc<Telemetry>,
    clock: Clock,
    shutdown: CancellationToken,
    /// Messages to webhooks that are on their way.
    tasks: TaskTracker,
}

impl fmt::Debug for Messenger {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Messenger").field("receivers", &self.receivers).finish_non_exhaustive()
    }
}

/// Everybody who is told.
#[derive(Debug)]
pub(super) struct Receivers {
    /// The Alertmanagers of `alerting`, which hear of every alert of ours.
    everywhere: Notifier,
    named: BTreeMap<Arc<str>, Receiver>,
    /// Ends the queues to Alertmanagers once others have taken their place.
    replaced: CancellationToken,
}

/// One receiver of the settings.
#[derive(Debug)]
struct Receiver {
    webhooks: Vec<(WebhookConfig, bool)>,
    alertmanagers: Option<Notifier>,
    log: bool,
}

impl Messenger {
    pub(super) fn start(
        settings: &Settings,
        telemetry: &Arc<Telemetry>,
        clock: &Clock,
        shutdown: &CancellationToken,
    ) -> anyhow::Result<Self> {
        let receivers = Receivers::start(settings, telemetry, clock, shutdown.child_token())?;
        Ok(Self {
            receivers: RwLock::new(Arc::new(receivers)),
            telemetry: Arc::clone(telemetry),
            clock: Arc::clone(clock),
            shutdown: shutdown.clone(),
            tasks: TaskTracker::new(),
        })
    }

    /// Makes ready to tell the receivers of other settings; an error says whom that is impossible for.
    pub(super) fn prepare(&self, settings: &Settings) -> anyhow::Result<Receivers> {
        Receivers::start(settings, &self.telemetry, &self.clock, self.shutdown.child_token())
    }

    /// Tells these from now on. What waits in queues to the former Alertmanagers is still sent, as at a shutdown.
    pub(super) fn adopt(&self, receivers: Receivers) {
        let mut present = self.receivers.write().unwrap_or_else(PoisonError::into_inner);
        std::mem::replace(&mut *present, Arc::new(receivers)).replaced.cancel();
    }

    fn receivers(&self) -> Arc<Receivers> {
        Arc::clone(&self.receivers.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Tells the Alertmanagers of a receiver, or those of the settings that hear of everything; it waits for none.
    pub(super) fn alerts(&self, receiver: Option<&str>, alerts: Vec<Alert>) {
        let receivers = self.receivers();
        let of_receiver = |name: &str| receivers.named.get(name).and_then(|receiver| receiver.alertmanagers.as_ref());
        if let Some(notifier) = receiver.map_or(Some(&receivers.everywhere), of_receiver) {
            notifier.alerts(alerts);
        }
    }

    /// Tells a receiver; it waits for nobody. `events` hears where it could not be told.
    pub(super) fn notify(&self, notification: &Notification, events: &mpsc::Sender<Event>) {
        let receivers = self.receivers();
        let Some(receiver) = receivers.named.get(&notification.receiver) else { return };
        if receiver.log {
            notify::log(notification);
        }
        for (webhook, resolved) in &receiver.webhooks {
            let mut notification = notification.clone();
            if !resolved {
                let at = notification.at;
                notification.alerts.retain(|alert| !alert.is_resolved(at));
            }
            if notification.alerts.is_empty() && notification.decisions.is_empty() {
                continue;
            }
            let (webhook, receivers, events) = (webhook.clone(), Arc::clone(&receivers), events.clone());
            self.tasks.spawn(async move {
                if let Err(error) = receivers.everywhere.notify(&notification, &webhook).await {
                    warn!(receiver = %notification.receiver, %error, "a webhook was not told");
                    // The loop may have ended.
                    let _ = events.send(Event::Untold(notification)).await;
                }
            });
        }
    }
}

impl Receivers {
    fn start(
        settings: &Settings,
        telemetry: &Arc<Telemetry>,
        clock: &Clock,
        replaced: CancellationToken,
    ) -> anyhow::Result<Self> {
        let start = |alerting: &Alerting| {
            let (telemetry, clock) = (Arc::clone(telemetry), Arc::clone(clock));
            Notifier::start(alerting, telemetry, clock, notify::Limits::default(), replaced.clone())
        };
        let everywhere = start(&settings.alerting).context("can't tell the Alertmanagers of the settings")?;
        let mut named = BTreeMap::new();
        for written in &settings.routing.receivers {
            let alertmanagers = if written.alertmanagers.is_empty() {
                None
            } else {
                let alerting = Alerting { alertmanagers: written.alertmanagers.clone(), ..settings.alerting.clone() };
                let name = &written.name.value;
                Some(start(&alerting).with_context(|| format!("can't tell the Alertmanagers of receiver {name}"))?)
            };
            let webhooks = written.webhooks.iter().map(|one| webhook(one, settings)).collect();
            named.insert(written.name.value.as_str().into(), Receiver { webhooks, alertmanagers, log: written.log });
        }
        Ok(Self { everywhere, named, replaced })
    }
}

/// A webhook as the notifier takes it, and whether it hears of what was resolved.
fn webhook(written: &config::Webhook, settings: &Settings) -> (WebhookConfig, bool) {
    let address = match &written.address {
        WebhookAddress::Url(url) => Address::Url(url.clone()),
        WebhookAddress::File(file) => Address::File(file.clone()),
    };
    let mut webhook = WebhookConfig::new(address);
    webhook.access = written.access.clone();
    webhook.secret_file.clone_from(&written.secret_file);
    webhook.timeout = written.timeout;
    webhook.alerts_max = written.max_alerts;
    webhook.external_url.clone_from(&settings.external_url);
    webhook.headers.clone_from(&written.headers);
    webhook.body.clone_from(&written.body);
    (webhook, written.send_resolved)
}
