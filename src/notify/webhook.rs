//! Messages to a webhook, tried until it takes them.

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use bytes::Bytes;
use http::Uri;
use http::header::{HeaderName, HeaderValue};
use tokio::time::{Instant, sleep};
use tracing::warn;
use uuid::Uuid;

use super::backoff::Backoff;
use super::message::Message;
use super::{Notifier, signature};
use crate::client::{ClientError, Fault, Secret, SecretError};
use crate::config::Access;
use crate::dispatch::Notification;
use crate::telemetry::AddresseeMetrics;
use crate::template::{Template, World};

/// The header that is the same in each attempt to deliver one message: who has seen it has seen the message.
const DELIVERY: &str = "x-headroom-delivery";

/// How a webhook is told.
#[derive(Debug, Clone, PartialEq)]
pub struct WebhookConfig {
    pub address: Address,
    pub access: Access,
    /// The key that messages are signed with, read again for each attempt; none are signed without it.
    pub secret_file: Option<PathBuf>,
    /// The longest that one attempt may take.
    pub timeout: Duration,
    /// How long it is tried.
    pub give_up_after: Duration,
    /// Alerts in one message; 0 for all. How many are left out is in the message.
    pub alerts_max: usize,
    /// Where people reach Headroom, for the message.
    pub external_url: String,
    /// Sent with each message.
    pub headers: Vec<(HeaderName, HeaderValue)>,
    /// What is sent in the place of our JSON.
    pub body: Option<Template>,
}

impl WebhookConfig {
    /// With our patience and nothing to prove.
    #[must_use]
    pub fn new(address: Address) -> Self {
        Self {
            address,
            access: Access::default(),
            secret_file: None,
            timeout: Duration::from_secs(10),
            // As long as Alertmanager tries by default: until the next message of the group is due.
            give_up_after: Duration::from_mins(5),
            alerts_max: 0,
            external_url: String::new(),
            headers: Vec::new(),
            body: None,
        }
    }
}

/// Where a webhook is. Many have a secret in their path, so it is not shown.
#[derive(Clone, PartialEq, Eq)]
pub enum Address {
    Url(String),
    /// A file with the URL in it, read again for each attempt.
    File(PathBuf),
}

impl fmt::Debug for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Url(_) => f.write_str("Url(<secret>)"),
            Self::File(file) => f.debug_tuple("File").field(file).finish(),
        }
    }
}

/// Why a receiver was not told.
#[derive(Debug, thiserror::Error)]
pub enum NotifyError {
    #[error("{limit} messages are on their way already; this one is dropped")]
    Full { limit: usize },
    #[error(transparent)]
    Client(#[from] ClientError),
    #[error(transparent)]
    Secret(#[from] SecretError),
    #[error("the webhook's address is none; write it as in https://example.com/hook")]
    Address,
    #[error("the webhook's body can't be made: {0}")]
    Template(String),
    #[error("the webhook refuses the message: {0}")]
    Refused(String),
    #[error("given up after {attempts} attempts: {last}")]
    GivenUp { attempts: u32, last: String },
    #[error("stopped after {attempts} attempts, for the service ends: {last}")]
    Stopped { attempts: u32, last: String },
}

/// Sends one message, again and again where that may help.
pub(super) async fn tell(
    notifier: &Notifier,
    notification: &Notification,
    config: &WebhookConfig,
    metrics: &AddresseeMetrics,
) -> Result<(), NotifyError> {
    let message = Message::new(notification, &config.external_url, config.alerts_max);
    let body = match &config.body {
        None => serde_json::to_vec(&message).expect("texts, numbers and maps of texts are JSON"),
        Some(template) => {
            let world = World { now: notification.at, external_url: &config.external_url, query: None };
            let rendered = template.render(&message.data(), &world);
            rendered.map_err(|error| NotifyError::Template(error.placed(template.text())))?.into_bytes()
        }
    };
    let body = Bytes::from(body);
    let delivery = Uuid::new_v4().to_string();
    let mut backoff = Backoff::new(notifier.limits.retry_first, notifier.limits.retry_max);
    let began = Instant::now();
    let mut attempts = 0;
    loop {
        attempts += 1;
        let started = Instant::now();
        let fault = match attempt(notifier, config, &body, &delivery).await? {
            Ok(()) => {
                notifier.telemetry.latency.notification.record(started.elapsed());
                return Ok(());
            }
            Err(fault) => fault,
        };
        metrics.errors.add(1);
        if !fault.may_pass() {
            return Err(NotifyError::Refused(fault.to_string()));
        }
        let wait = backoff.wait(fault.retry_after());
        if began.elapsed() + wait > config.give_up_after {
            return Err(NotifyError::GivenUp { attempts, last: fault.to_string() });
        }
        if attempts == 1 {
            warn!(receiver = %notification.receiver, %fault, "a webhook can't be told; trying again");
        }
        tokio::select! {
            () = notifier.shutdown.cancelled() => return Err(NotifyError::Stopped { attempts, last: fault.to_string() }),
            () = sleep(wait) => {}
        }
    }
}

/// One attempt. The outer error is ours and final.
async fn attempt(
    notifier: &Notifier,
    config: &WebhookConfig,
    body: &Bytes,
    delivery: &str,
) -> Result<Result<(), Fault>, NotifyError> {
    let address = match &config.address {
        Address::Url(url) => url.clone(),
        Address::File(file) => match Secret::read(file) {
            Ok(secret) => secret.expose().to_owned(),
            Err(error) => return Ok(Err(error.into())),
        },
    };
    let uri: Uri = address.parse().map_err(|_| NotifyError::Address)?;
    let secure = match uri.scheme_str() {
        Some("https") => true,
        Some("http") => false,
        _ => return Err(NotifyError::Address),
    };
    let client = notifier.client(&config.access, secure)?;
    let headers = match headers(notifier, config, body, delivery) {
        Ok(headers) => headers,
        Err(error) => return Ok(Err(error.into())),
    };
    Ok(client.post(&uri, &headers, body.clone(), config.timeout).await)
}

fn headers(
    notifier: &Notifier,
    config: &WebhookConfig,
    body: &[u8],
    delivery: &str,
) -> Result<Vec<(HeaderName, HeaderValue)>, SecretError> {
    let mut headers = config.headers.clone();
    headers.push((HeaderName::from_static(DELIVERY), text(delivery)));
    if let Some(file) = &config.secret_file {
        let (timestamp, mac) = signature::sign(&Secret::read(file)?, body, (notifier.clock)());
        headers.push((HeaderName::from_static(signature::TIMESTAMP), text(&timestamp)));
        headers.push((HeaderName::from_static(signature::SIGNATURE), text(&mac)));
    }
    Ok(headers)
}

fn text(text: &str) -> HeaderValue {
    HeaderValue::from_str(text).expect("digits, letters and dashes are a header's value")
}
