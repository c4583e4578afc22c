//! Alert rules, evaluated as Prometheus evaluates them.
//!
//! Each series of the expression is an alert. It is pending until it has been there for `for`, then it fires, and once
//! its series is gone (and `keep_firing_for` is over) it is resolved. A resolved one is remembered for a quarter of an
//! hour, so that whoever missed the news hears it again. A failed evaluation changes nothing.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::config::Settings;
use crate::labels::{Labels, NAME};
use crate::promql::{EvalError, Plan, Query, Value, Vector};
use crate::sample::STALE;
use crate::series::Subscription;
use crate::template::{self, Template, World};
use crate::time::Timestamp;

/// The label that carries an alert's name.
pub const ALERT_NAME: &str = "alertname";

/// How long a resolved alert is remembered, and told again: Prometheus's `resolvedRetention`.
pub const RESOLVED_RETENTION: Duration = Duration::from_mins(15);

/// The most alerts of one rule: ten thousand, of about a kilobyte each.
pub const ALERTS_MAX: usize = 10_000;

/// Which series become alerts, and what they say.
#[derive(Debug, Clone)]
pub struct AlertRule {
    pub name: Arc<str>,
    /// As written.
    pub expr: Arc<str>,
    pub plan: Arc<Plan>,
    /// How long an alert is pending before it fires (`for`).
    pub holds_for: Duration,
    /// How long it goes on firing after its series is gone.
    pub keep_firing_for: Duration,
    /// Set over the series' own; one that comes out empty removes the label.
    pub labels: Vec<(String, Template)>,
    pub annotations: Vec<(String, Template)>,
    /// What the templates ask with `query`, by its text.
    pub queries: Vec<(String, Arc<Plan>)>,
}

impl AlertRule {
    /// What makes it the same rule before and after a reload: its name and its labels as written.
    #[must_use]
    pub fn identity(&self) -> String {
        let labels = self.labels.iter().map(|(name, text)| format!("{name}={:?}", text.text()));
        format!("{}{{{}}}", self.name, labels.collect::<Vec<_>>().join(","))
    }
}

/// What alerts may know of the world around them.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct External {
    /// Where people reach this service, without a final slash.
    pub url: Arc<str>,
    /// Prometheus's `external_labels`, for templates.
    pub labels: Labels,
}

impl External {
    /// What the settings say.
    #[must_use]
    pub fn of(settings: &Settings) -> Self {
        let labels = Labels::from_pairs(settings.alerting.external_labels.clone());
        // The settings have checked the names, and a map has each once.
        Self { url: settings.external_url.as_str().into(), labels: labels.unwrap_or_default() }
    }

    /// Where an alert's expression can be looked at.
    #[must_use]
    pub fn generator_url(&self, expr: &str) -> String {
        format!("{}{}", self.url, template::table_link(expr))
    }
}

/// Where an alert stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum AlertPhase {
    Pending,
    Firing,
    Resolved,
}

impl AlertPhase {
    /// As the label `alertstate` and Prometheus's API have it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Firing => "firing",
            Self::Resolved => "inactive",
        }
    }
}

/// One alert of a rule.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct AlertState {
    /// What it is, with `alertname`.
    pub labels: Labels,
    pub annotations: BTreeMap<String, String>,
    /// Of the last evaluation that gave it.
    pub value: f64,
    pub active_at: Timestamp,
    pub fired_at: Option<Timestamp>,
    pub resolved_at: Option<Timestamp>,
    /// When its series was first missed, while `keep_firing_for` holds it.
    pub keep_firing_since: Option<Timestamp>,
    /// Restored after a restart, and not seen since: until then a missing series says nothing, for its samples may
    /// not have come yet.
    pub unconfirmed_until: Option<Timestamp>,
}

impl AlertState {
    #[must_use]
    pub fn phase(&self) -> AlertPhase {
        match (self.fired_at, self.resolved_at) {
            (_, Some(_)) => AlertPhase::Resolved,
            (Some(_), None) => AlertPhase::Firing,
            (None, None) => AlertPhase::Pending,
        }
    }
}

/// The alerts of one rule.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct AlertStates {
    alerts: BTreeMap<Labels, AlertState>,
    /// The series that the last evaluation wrote.
    written: BTreeSet<Labels>,
}

impl AlertStates {
    /// As they were, by their labels.
    #[must_use]
    pub fn new(alerts: impl IntoIterator<Item = AlertState>) -> Self {
        let alerts = alerts.into_iter().map(|alert| (alert.labels.clone(), alert));
        Self { alerts: alerts.collect(), written: BTreeSet::new() }
    }

    /// All of them, sorted by labels.
    pub fn iter(&self) -> impl Iterator<Item = &AlertState> {
        self.alerts.values()
    }

    #[must_use]
    pub fn len(&self) -> usize {
        self.alerts.len()
    }

    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.alerts.is_empty()
    }

    /// Staleness markers for what was written last: the rule is gone, and so are its series.
    #[must_use]
    pub fn farewell(self) -> Vector {
        self.written.into_iter().map(|labels| (labels, STALE)).collect()
    }
}

/// Why an alert rule could not be evaluated.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AlertError {
    #[error(transparent)]
    Eval(#[from] EvalError),
    #[error("vector contains metrics with the same labelset after applying alert labels: {0} comes twice")]
    Duplicate(Labels),
    #[error("{0} alerts, the limit of a rule is {ALERTS_MAX}; aggregate the expression")]
    TooMany(usize),
}

/// An [`AlertRule`], ready to be evaluated.
#[derive(Debug)]
pub struct BoundAlert {
    pub rule: Arc<AlertRule>,
    pub(super) query: Query,
    pub(super) queries: BTreeMap<String, Query>,
    pub(super) subscriptions: Vec<Arc<Subscription>>,
}

impl BoundAlert {
    /// Evaluates the rule at `now` and brings the alerts to where they stand then. Gives the samples of `ALERTS` and
    /// `ALERTS_FOR_STATE`, and staleness markers for those of them that ended. An error leaves the alerts as they are.
    pub fn eval(&self, now: Timestamp, external: &External, states: &mut AlertStates) -> Result<Vector, AlertError> {
        let found = self.found(now, external)?;
        for (labels, (value, annotations)) in &found {
            match states.alerts.get_mut(labels).filter(|alert| alert.phase() != AlertPhase::Resolved) {
                Some(alert) => {
                    alert.value = *value;
                    alert.annotations.clone_from(annotations);
                    alert.unconfirmed_until = None;
                }
                None => _ = states.alerts.insert(labels.clone(), new(labels, *value, annotations, now)),
            }
        }
        states.alerts.retain(|labels, alert| self.advance(alert, found.contains_key(labels), now));
        Ok(write(states))
    }

    /// What the expression gives now: by its labels, an alert's value and annotations.
    fn found(&self, now: Timestamp, external: &External) -> Result<BTreeMap<Labels, Found>, AlertError> {
        let vector = match self.query.eval(now)? {
            Value::Vector(vector) => vector,
            Value::Scalar(value) => vec![(Labels::empty(), value)],
            Value::Matrix(_) | Value::String(_) => {
                return Err(
                    EvalError("an alert's expression must give an instant vector or a scalar".to_owned()).into()
                );
            }
        };
        if vector.len() > ALERTS_MAX {
            return Err(AlertError::TooMany(vector.len()));
        }
        let query = |text: &str| self.answer(text, now);
        let world = World { now, external_url: &external.url, query: Some(&query) };
        let mut found = BTreeMap::new();
        for (series, value) in vector {
            let data = template::Value::alert(&series, &external.labels, &external.url, value);
            let rendered: Vec<(&str, String)> = self
                .rule
                .labels
                .iter()
                .map(|(name, text)| (name.as_str(), text.render_or_say(&data, &world)))
                .collect();
            let mut changes = vec![(NAME, "")];
            changes.extend(rendered.iter().map(|(name, text)| (*name, text.as_str())));
            changes.push((ALERT_NAME, &self.rule.name));
            let labels = series.with(&changes);
            if found.contains_key(&labels) {
                return Err(AlertError::Duplicate(labels));
            }
            let annotations = self.rule.annotations.iter();
            let annotations = annotations.map(|(name, text)| (name.clone(), text.render_or_say(&data, &world)));
            found.insert(labels, (value, annotations.collect()));
        }
        Ok(found)
    }

    /// Answers `query` in a template: the texts that were known when the rule was bound.
    fn answer(&self, text: &str, now: Timestamp) -> Result<Vector, String> {
        let query = self.queries.get(text).ok_or_else(|| {
            format!("query({text:?}) is not answered: only constant texts are, for the samples must be kept beforehand")
        })?;
        match query.eval(now).map_err(|error| error.to_string())? {
            Value::Vector(vector) => Ok(vector),
            Value::Scalar(value) => Ok(vec![(Labels::empty(), value)]),
            Value::Matrix(_) | Value::String(_) => Err(format!("query({text:?}) gives no vector")),
        }
    }

    /// Brings one alert to where it stands at `now`; `false` where it is to be forgotten.
    fn advance(&self, alert: &mut AlertState, found: bool, now: Timestamp) -> bool {
        let AlertRule { holds_for, keep_firing_for, .. } = *self.rule;
        if found {
            alert.keep_firing_since = None;
        } else {
            match alert.phase() {
                AlertPhase::Resolved => {
                    return alert.resolved_at.is_none_or(|at| now.since(at) <= RESOLVED_RETENTION);
                }
                _ if alert.unconfirmed_until.is_some_and(|until| now < until) => return true,
                AlertPhase::Pending => return false,
                AlertPhase::Firing => {
                    alert.unconfirmed_until = None;
                    let since = (!keep_firing_for.is_zero()).then(|| *alert.keep_firing_since.get_or_insert(now));
                    if since.is_none_or(|since| now.since(since) >= keep_firing_for) {
                        alert.resolved_at = Some(now);
                        return true;
                    }
                }
            }
        }
        let held = now.since(alert.active_at) >= holds_for;
        match alert.phase() {
            AlertPhase::Pending if held => alert.fired_at = Some(now),
            // A reload has made `for` longer.
            AlertPhase::Firing if !held => {
                (alert.fired_at, alert.keep_firing_since) = (None, None);
            }
            _ => {}
        }
        true
    }
}

/// An alert's value and annotations.
type Found = (f64, BTreeMap<String, String>);

fn new(labels: &Labels, value: f64, annotations: &BTreeMap<String, String>, now: Timestamp) -> AlertState {
    AlertState {
        labels: labels.clone(),
        annotations: annotations.clone(),
        value,
        active_at: now,
        fired_at: None,
        resolved_at: None,
        keep_firing_since: None,
        unconfirmed_until: None,
    }
}

/// The samples of the alerts that are pending or firing, and markers for the series that are no more.
fn write(states: &mut AlertStates) -> Vector {
    let mut samples = Vec::new();
    for alert in states.alerts.values().filter(|alert| alert.phase() != AlertPhase::Resolved) {
        let state = alert.phase().as_str();
        samples.push((alert.labels.with(&[(NAME, "ALERTS"), ("alertstate", state)]), 1.0));
        // Whole seconds, as in Prometheus.
        let active_s = alert.active_at.as_millis().div_euclid(1000) as f64;
        samples.push((alert.labels.with(&[(NAME, "ALERTS_FOR_STATE")]), active_s));
    }
    let written = samples.iter().map(|(labels, _)| labels.clone()).collect();
    let before = std::mem::replace(&mut states.written, written);
    samples.extend(before.difference(&states.written).map(|labels| (labels.clone(), STALE)));
    samples
}
