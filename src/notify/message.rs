//! What a webhook is sent: Alertmanager's message, version 4, and our decisions beside the alerts.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::dispatch::{Alert, Notification, Notified};
use crate::labels::Labels;
use crate::template::Value;
use crate::time::Timestamp;
use crate::workload::Replicas;

/// What Go's programs say where there is no time: an alert that fires has no end yet.
const NO_TIME: &str = "0001-01-01T00:00:00Z";

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Message<'a> {
    version: &'static str,
    group_key: &'a str,
    /// Alerts that were left out.
    truncated_alerts: usize,
    /// `firing` while one of the alerts does, and for news of decisions.
    status: &'static str,
    receiver: &'a str,
    group_labels: &'a Labels,
    /// What all alerts and decisions have alike.
    common_labels: BTreeMap<&'a str, &'a str>,
    common_annotations: BTreeMap<&'a str, &'a str>,
    #[serde(rename = "externalURL")]
    external_url: &'a str,
    alerts: Vec<AlertShape<'a>>,
    decisions: Vec<DecisionShape<'a>>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct AlertShape<'a> {
    status: &'static str,
    labels: &'a Labels,
    annotations: &'a BTreeMap<String, String>,
    starts_at: String,
    ends_at: String,
    #[serde(rename = "generatorURL")]
    generator_url: &'a str,
    fingerprint: String,
}

#[derive(Debug, Serialize)]
struct DecisionShape<'a> {
    id: u64,
    workload: String,
    labels: &'a Labels,
    annotations: &'a BTreeMap<String, String>,
    from: Replicas,
    to: Replicas,
    reason: &'a str,
    explanation: &'a str,
}

impl<'a> Message<'a> {
    /// At most `alerts_max` alerts (0 for all) stand in it.
    pub(super) fn new(notification: &'a Notification, external_url: &'a str, alerts_max: usize) -> Self {
        let Notification { alerts, decisions, at, .. } = notification;
        let shown = if alerts_max == 0 { alerts.len() } else { alerts_max.min(alerts.len()) };
        let label_sets = alerts.iter().map(|alert| &alert.labels).chain(decisions.iter().map(|one| &one.labels));
        let annotations = alerts.iter().map(|alert| alert.annotations.iter());
        let firing = !decisions.is_empty() || alerts.iter().any(|alert| !alert.is_resolved(*at));
        Self {
            version: "4",
            group_key: &notification.group_key,
            truncated_alerts: alerts.len() - shown,
            status: status(!firing),
            receiver: &notification.receiver,
            group_labels: &notification.group_labels,
            common_labels: common(label_sets.map(Labels::iter)),
            common_annotations: common(annotations.map(|all| all.map(|(name, text)| (name.as_str(), text.as_str())))),
            external_url,
            alerts: alerts.iter().take(shown).map(|alert| AlertShape::new(alert, *at)).collect(),
            decisions: decisions.iter().map(DecisionShape::from).collect(),
        }
    }
}

impl Message<'_> {
    /// The data of templates, in the names of Alertmanager's (`.CommonLabels.alertname`), and `.Decisions` beside them.
    pub(super) fn data(&self) -> Value {
        let pairs = |pairs: &BTreeMap<&str, &str>| {
            Value::map(pairs.iter().map(|(name, text)| ((*name).to_owned(), Value::from(*text))))
        };
        Value::record(vec![
            ("Receiver", self.receiver.into()),
            ("Status", self.status.into()),
            ("GroupKey", self.group_key.into()),
            ("TruncatedAlerts", Value::Int(self.truncated_alerts.try_into().unwrap_or(i64::MAX))),
            ("GroupLabels", self.group_labels.into()),
            ("CommonLabels", pairs(&self.common_labels)),
            ("CommonAnnotations", pairs(&self.common_annotations)),
            ("ExternalURL", self.external_url.into()),
            ("Alerts", self.alerts.iter().map(AlertShape::data).collect::<Vec<Value>>().into()),
            ("Decisions", self.decisions.iter().map(DecisionShape::data).collect::<Vec<Value>>().into()),
        ])
    }
}

impl<'a> AlertShape<'a> {
    fn new(alert: &'a Alert, now: Timestamp) -> Self {
        let resolved = alert.is_resolved(now);
        Self {
            status: status(resolved),
            labels: &alert.labels,
            annotations: &alert.annotations,
            starts_at: alert.starts_at.to_string(),
            ends_at: if resolved { alert.ends_at.to_string() } else { NO_TIME.to_owned() },
            generator_url: &alert.generator_url,
            fingerprint: format!("{:016x}", alert.fingerprint()),
        }
    }
}

impl AlertShape<'_> {
    fn data(&self) -> Value {
        Value::record(vec![
            ("Status", self.status.into()),
            ("Labels", self.labels.into()),
            ("Annotations", texts(self.annotations)),
            ("StartsAt", self.starts_at.as_str().into()),
            ("EndsAt", self.ends_at.as_str().into()),
            ("GeneratorURL", self.generator_url.into()),
            ("Fingerprint", self.fingerprint.as_str().into()),
        ])
    }
}

impl DecisionShape<'_> {
    fn data(&self) -> Value {
        Value::record(vec![
            ("ID", Value::Int(self.id.try_into().unwrap_or(i64::MAX))),
            ("Workload", self.workload.as_str().into()),
            ("Labels", self.labels.into()),
            ("Annotations", texts(self.annotations)),
            ("From", Value::Int(self.from.into())),
            ("To", Value::Int(self.to.into())),
            ("Reason", self.reason.into()),
            ("Explanation", self.explanation.into()),
        ])
    }
}

fn texts(texts: &BTreeMap<String, String>) -> Value {
    Value::map(texts.iter().map(|(name, text)| (name.clone(), Value::from(text.as_str()))))
}

impl<'a> From<&'a Notified> for DecisionShape<'a> {
    fn from(notified: &'a Notified) -> Self {
        let Notified { id, workload, labels, annotations, from, to, reason, explanation } = notified;
        Self { id: *id, workload: workload.to_string(), labels, annotations, from: *from, to: *to, reason, explanation }
    }
}

fn status(resolved: bool) -> &'static str {
    if resolved { "resolved" } else { "firing" }
}

/// The pairs that all sets have.
fn common<'a>(mut sets: impl Iterator<Item = impl Iterator<Item = (&'a str, &'a str)>>) -> BTreeMap<&'a str, &'a str> {
    let Some(first) = sets.next() else { return BTreeMap::new() };
    let mut common: BTreeMap<&str, &str> = first.collect();
    for set in sets {
        let set: BTreeMap<&str, &str> = set.collect();
        common.retain(|name, value| set.get(name) == Some(value));
    }
    common
}
