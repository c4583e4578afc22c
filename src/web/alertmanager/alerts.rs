//! Alerts: listed from the view, alone and in groups; taken in by asking the loop.

use std::collections::BTreeMap;
use std::time::Duration;

use http::{Request, StatusCode};
use hyper::body::Incoming;

use super::super::Context;
use super::super::params::Params;
use super::super::reply::{self, Reply};
use super::super::router::Service;
use super::filter::AlertFilter;
use super::refusal::Refusal;
use super::shapes::{AlertGroup, GettableAlert, Object, PostableAlert, Receiver};
use super::{ask, body};
use crate::dispatch::Alert;
use crate::engine::{AlertView, Answer, Command};
use crate::labels::Labels;
use crate::time::Timestamp;

/// How long an alert without an end counts as firing once nothing more is heard of it: Alertmanager's default.
const RESOLVE_TIMEOUT: Duration = Duration::from_mins(5);

/// `GET /api/v2/alerts`, sorted by fingerprint.
pub(super) fn list(context: &Context, params: &Params) -> Result<Reply, Refusal> {
    let filter = AlertFilter::read(params)?;
    let (view, now) = (context.view.borrow().clone(), (context.clock)());
    let wanted = |alert: &AlertView| {
        filter.wants_receiver(&alert.status.receivers) && filter.wants(&alert.alert, &alert.status, now)
    };
    let alerts = view.alerts.iter().map(|alert| &**alert).filter(|alert| wanted(alert));
    let mut shapes: Vec<GettableAlert> = alerts.map(GettableAlert::from).collect();
    shapes.sort_by(|one, other| one.fingerprint.cmp(&other.fingerprint));
    Ok(reply::json(StatusCode::OK, &shapes))
}

/// `GET /api/v2/alerts/groups`: those that have an alert to show.
pub(super) fn groups(context: &Context, params: &Params) -> Result<Reply, Refusal> {
    let filter = AlertFilter::read(params)?;
    let (view, now) = (context.view.borrow().clone(), (context.clock)());
    let alerts: BTreeMap<u64, &AlertView> =
        view.alerts.iter().map(|alert| (alert.alert.fingerprint(), &**alert)).collect();
    let wanted = view.alert_groups.iter().filter(|group| {
        filter.wants_receiver(std::slice::from_ref(&group.receiver)) && (filter.muted || group.muted_by.is_empty())
    });
    let shapes = wanted.filter_map(|group| {
        let alerts = group.alerts.iter().filter_map(|fingerprint| alerts.get(fingerprint).copied());
        let shown = alerts.filter(|alert| filter.wants(&alert.alert, &alert.status, now));
        let shown: Vec<GettableAlert> = shown.map(GettableAlert::from).collect();
        let receiver = Receiver { name: group.receiver.clone() };
        (!shown.is_empty()).then(|| AlertGroup { alerts: shown, labels: group.labels.clone(), receiver })
    });
    Ok(reply::json(StatusCode::OK, &shapes.collect::<Vec<_>>()))
}

/// `POST /api/v2/alerts`: takes in those that are valid, and names the others.
pub(super) async fn take(service: &Service, request: Request<Incoming>) -> Result<Reply, Refusal> {
    let context = &service.context;
    let posted: Vec<Object<PostableAlert>> = body::read(service, request, "alerts").await?;
    if let Some(at) = posted.iter().position(|Object(alert)| alert.labels.is_none()) {
        return Err(Refusal::required(&format!("{at}.labels")));
    }
    let now = (context.clock)();
    let (mut alerts, mut errors) = (Vec::new(), Vec::new());
    for result in posted.into_iter().map(|Object(alert)| alert_of(alert, now)) {
        match result {
            Ok(alert) => alerts.push(alert),
            Err(error) => errors.push(error),
        }
    }
    if !alerts.is_empty()
        && let Answer::Refused(text) | Answer::NotFound(text) = ask(context, Command::Alerts(alerts)).await?
    {
        return Err(Refusal::Bad(text));
    }
    if !errors.is_empty() {
        return Err(Refusal::Bad(errors.join("; ")));
    }
    Ok(reply::empty(StatusCode::OK))
}

/// An alert with its times filled in as Alertmanager does it.
fn alert_of(posted: PostableAlert, now: Timestamp) -> Result<Alert, String> {
    let starts_at = posted.starts_at.or(posted.ends_at).unwrap_or(now);
    let ends_at = posted.ends_at.unwrap_or(now + RESOLVE_TIMEOUT);
    if ends_at < starts_at {
        return Err("start time must be before end time".to_owned());
    }
    let labels = Labels::from_pairs(posted.labels.unwrap_or_default());
    let labels = labels.map_err(|error| format!("invalid label set: {error}"))?;
    if labels.is_empty() {
        return Err("at least one label pair required".to_owned());
    }
    let annotations = posted.annotations.unwrap_or_default();
    if annotations.contains_key("") {
        return Err("invalid annotations: invalid name \"\"".to_owned());
    }
    let generator_url = posted.generator_url.unwrap_or_default();
    Ok(Alert { labels, annotations, starts_at, ends_at, updated_at: now, generator_url })
}
