//! Receivers as written: who scales, and who is told.

use std::fmt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use http::{HeaderName, HeaderValue};

use crate::config::reader::{Fields, Reader};
use crate::config::scalar::{At, Read};
use crate::config::settings::alerting::{Access, Alertmanager};
use crate::config::settings::read::set_time;
use crate::config::tree::Node;
use crate::template::Template;

/// A receiver: what happens with what its routes lead to it.
#[derive(Debug, Clone, PartialEq)]
pub struct Receiver {
    pub name: At<String>,
    /// Whether it scales, and in which context of the kubeconfig. Without a context, in the one of the settings.
    pub kubernetes: Option<Option<String>>,
    pub webhooks: Vec<Webhook>,
    pub alertmanagers: Vec<Alertmanager>,
    /// Whether it writes log lines.
    pub log: bool,
}

/// A webhook that is told.
#[derive(Debug, Clone, PartialEq)]
pub struct Webhook {
    pub address: WebhookAddress,
    pub access: Access,
    /// The key that messages are signed with; without one they are not signed.
    pub secret_file: Option<PathBuf>,
    /// The longest that one attempt may take.
    pub timeout: Duration,
    /// Alerts in one message; 0 for all.
    pub max_alerts: usize,
    /// Whether it is told of alerts that have ended.
    pub send_resolved: bool,
    /// Sent with each message, beside those that we write.
    pub headers: Vec<(HeaderName, HeaderValue)>,
    /// What it is sent in the place of our JSON; its data are those of Alertmanager's templates.
    pub body: Option<Template>,
}

/// Where a webhook is. Many have a secret in their path, so it is not shown.
#[derive(Clone, PartialEq, Eq)]
pub enum WebhookAddress {
    Url(String),
    /// A file with the URL in it.
    File(PathBuf),
}

impl fmt::Debug for WebhookAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Url(_) => f.write_str("Url(<secret>)"),
            Self::File(file) => f.debug_tuple("File").field(file).finish(),
        }
    }
}

impl Receiver {
    /// One that scales and tells nobody.
    pub(super) fn scaling(name: At<String>) -> Self {
        Self { name, kubernetes: Some(None), webhooks: Vec::new(), alertmanagers: Vec::new(), log: false }
    }

    /// Whether it scales.
    #[must_use]
    pub fn acts(&self) -> bool {
        self.kubernetes.is_some()
    }

    /// Whether it tells somebody.
    #[must_use]
    pub fn tells(&self) -> bool {
        self.log || !self.webhooks.is_empty() || !self.alertmanagers.is_empty()
    }

    /// Whether somebody wants messages of groups: Alertmanagers are told of single alerts, and group them themselves.
    #[must_use]
    pub fn wants_groups(&self) -> bool {
        self.log || !self.webhooks.is_empty()
    }

    /// Whether somebody wants to know of alerts that have ended.
    #[must_use]
    pub fn wants_resolved(&self) -> bool {
        self.log || self.webhooks.iter().any(|webhook| webhook.send_resolved)
    }

    /// Lets files with relative paths begin at `folder`.
    pub(super) fn files_below(&mut self, folder: &Path) {
        for webhook in &mut self.webhooks {
            webhook.access.files_below(folder);
            let address = match &mut webhook.address {
                WebhookAddress::File(file) => Some(file),
                WebhookAddress::Url(_) => None,
            };
            for file in address.into_iter().chain(&mut webhook.secret_file) {
                *file = folder.join(&*file);
            }
        }
        for alertmanager in &mut self.alertmanagers {
            alertmanager.access.files_below(folder);
        }
    }
}

impl Read for Receiver {
    fn read(reader: &Reader<'_>, node: &Node) -> Option<Self> {
        let mut fields = reader.fields(node, "a receiver")?;
        let name = fields.required("name");
        let kubernetes: Option<At<Vec<Context>>> = fields.optional("kubernetes_configs");
        let logs: Option<Vec<Line>> = fields.optional("log_configs");
        let webhooks = fields.optional("webhook_configs").unwrap_or_default();
        let alertmanagers = fields.optional("alertmanager_configs").unwrap_or_default();
        fields.finish();
        if let Some(At { value, span }) = &kubernetes
            && value.len() > 1
        {
            reader.report(*span, "a receiver scales in one cluster; give each context a receiver of its own");
        }
        let kubernetes = kubernetes.and_then(|contexts| contexts.value.into_iter().next());
        Some(Self {
            name: name?,
            kubernetes: kubernetes.map(|Context(context)| context),
            webhooks,
            alertmanagers,
            log: logs.is_some_and(|lines| !lines.is_empty()),
        })
    }
}

struct Context(Option<String>);

impl Read for Context {
    fn read(reader: &Reader<'_>, node: &Node) -> Option<Self> {
        let mut fields = reader.fields(node, "an item of kubernetes_configs")?;
        let context = fields.optional("context");
        fields.finish();
        Some(Self(context))
    }
}

struct Line;

impl Read for Line {
    fn read(reader: &Reader<'_>, node: &Node) -> Option<Self> {
        reader.fields(node, "an item of log_configs")?.finish();
        Some(Self)
    }
}

impl Read for Webhook {
    fn read(reader: &Reader<'_>, node: &Node) -> Option<Self> {
        let mut fields = reader.fields(node, "a webhook")?;
        let address = address(&mut fields);
        let mut webhook = Self {
            address: address.unwrap_or(WebhookAddress::Url(String::new())),
            access: Access::default(),
            secret_file: fields.optional("secret_file"),
            timeout: Duration::from_secs(10),
            max_alerts: 0,
            send_resolved: true,
            headers: fields.node("headers").map_or_else(Vec::new, |node| headers(reader, node)),
            body: fields.optional("body").and_then(|body| template(reader, &body)),
        };
        fields.refuse("secret", "secrets are not written here; name a file with secret_file");
        set_time(&mut fields, "timeout", &mut webhook.timeout);
        fields.set("max_alerts", &mut webhook.max_alerts);
        fields.set("send_resolved", &mut webhook.send_resolved);
        if let Some(node) = fields.node("http_config")
            && let Some(mut http) = reader.fields(node, "http_config")
        {
            webhook.access = Access::take(&mut http);
            http.finish();
        }
        fields.finish();
        Some(webhook)
    }
}

/// Headers that a webhook wants. Those that make a request whole, or prove who we are, have their own ways.
fn headers(reader: &Reader<'_>, node: &Node) -> Vec<(HeaderName, HeaderValue)> {
    let Some(fields) = reader.fields(node, "headers") else { return Vec::new() };
    let header = |(key, value): (&Node, &Node)| {
        let (name, text) = (String::read(reader, key)?, String::read(reader, value)?);
        let Ok(name) = name.parse::<HeaderName>() else {
            reader.report(key.span, format!("\"{name}\" is not the name of a header"));
            return None;
        };
        if name == "authorization" {
            reader.report(key.span, "secrets are not written here; name a file in http_config");
            return None;
        }
        if RESERVED.contains(&name.as_str()) || name.as_str().starts_with("x-headroom-") {
            reader.report(key.span, format!("the header {name} is written by Headroom itself"));
            return None;
        }
        let Ok(value) = HeaderValue::from_str(&text) else {
            reader.report(value.span, "a header's value has visible characters of ASCII only");
            return None;
        };
        Some((name, value))
    };
    fields.into_entries().filter_map(header).collect()
}

/// Headers that the connection needs to be what it is.
const RESERVED: [&str; 4] = ["host", "content-length", "transfer-encoding", "connection"];

fn template(reader: &Reader<'_>, text: &At<String>) -> Option<Template> {
    Template::compile(&text.value).map_err(|error| reader.report(text.span, error.placed(&text.value))).ok()
}

/// `url` or `url_file`.
fn address(fields: &mut Fields<'_, '_>) -> Option<WebhookAddress> {
    let file: Option<At<PathBuf>> = fields.optional("url_file");
    if let Some(At { value, span }) = file {
        if fields.has("url") {
            fields.reader.report(span, "url is given too; remove one");
        }
        let _: Option<String> = fields.optional("url");
        return Some(WebhookAddress::File(value));
    }
    let At { value, span }: At<String> = fields.required("url")?;
    let uri: Option<http::Uri> = value.parse().ok();
    let right = uri.is_some_and(|uri| {
        matches!(uri.scheme_str(), Some("http" | "https")) && uri.host().is_some_and(|host| !host.is_empty())
    });
    if !right {
        fields.reader.report(span, "expected an address as in https://example.com/hook");
    }
    Some(WebhookAddress::Url(value))
}
