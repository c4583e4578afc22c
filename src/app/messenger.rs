//! Tells people: alerts to Alertmanagers, messages to the receivers of routes.

use std::collections::BTreeMap;
use std::sync::Arc;

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

/// Everybody who is told.
#[derive(Debug)]
pub(super) struct Messenger {
    /// The Alertmanagers of `alerting`, which hear of every alert of ours.
    everywhere: Arc<Notifier>,
    receivers: BTreeMap<Arc<str>, Receiver>,
    /// Messages to webhooks that are on their way.
    tasks: TaskTracker,
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
        let start = |alerting: &Alerting| {
            let (telemetry, clock) = (Arc::clone(telemetry), Arc::clone(clock));
            Notifier::start(alerting, telemetry, clock, notify::Limits::default(), shutdown.clone())
        };
        let everywhere = Arc::new(start(&settings.alerting).context("can't tell the Alertmanagers of the settings")?);
        let mut receivers = BTreeMap::new();
        for written in &settings.routing.receivers {
            let alertmanagers = if written.alertmanagers.is_empty() {
                None
            } else {
                let alerting = Alerting { alertmanagers: written.alertmanagers.clone(), ..settings.alerting.clone() };
                let name = &written.name.value;
                Some(start(&alerting).with_context(|| format!("can't tell the Alertmanagers of receiver {name}"))?)
            };
            let webhooks = written.webhooks.iter().map(|one| webhook(one, settings)).collect();
            receivers
                .insert(written.name.value.as_str().into(), Receiver { webhooks, alertmanagers, log: written.log });
        }
        Ok(Self { everywhere, receivers, tasks: TaskTracker::new() })
    }

    /// Tells the Alertmanagers of a receiver, or those of the settings that hear of everything; it waits for none.
    pub(super) fn alerts(&self, receiver: Option<&str>, alerts: Vec<Alert>) {
        let of_receiver = |name: &str| self.receivers.get(name).and_then(|receiver| receiver.alertmanagers.as_ref());
        if let Some(notifier) = receiver.map_or(Some(&*self.everywhere), of_receiver) {
            notifier.alerts(alerts);
        }
    }

    /// Tells a receiver; it waits for nobody. `events` hears where it could not be told.
    pub(super) fn notify(&self, notification: &Notification, events: &mpsc::Sender<Event>) {
        let Some(receiver) = self.receivers.get(&notification.receiver) else { return };
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
            let (webhook, notifier, events) = (webhook.clone(), Arc::clone(&self.everywhere), events.clone());
            self.tasks.spawn(async move {
                if let Err(error) = notifier.notify(&notification, &webhook).await {
                    warn!(receiver = %notification.receiver, %error, "a webhook was not told");
                    // The loop may have ended.
                    let _ = events.send(Event::Untold(notification)).await;
                }
            });
        }
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
