//! All alerts: our rules' own and those posted from outside; what holds them back, and who is to be told.
//!
//! As in Alertmanager. An alert is kept while it fires and [`RESOLVED_RETENTION`] beyond; updates of one are merged. It
//! joins a group for each of its routes; groups tell their receivers after `group_wait`, look for news each
//! `group_interval`, and repeat themselves after `repeat_interval`. What is silenced, inhibited or closed by a time
//! interval is not told.

mod merge;
mod notices;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

pub use notices::{StoredNotice, Told};

use notices::Notices;

use super::alert::{Alert, AlertGroup, AlertState, AlertStatus};
use super::inhibitor::Inhibitor;
use super::interval::Hours;
use super::notification::Notification;
use super::resend::RESOLVED_RETENTION;
use super::routing::Routing;
use super::silences::Silences;
use crate::labels::Labels;
use crate::time::Timestamp;

/// Alerts that are kept: some 20 MB at 1 KiB each.
const ALERTS_MAX: usize = 20_000;

/// Why an alert is not taken in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{limit} alerts are kept already; a new one is taken in when another has ended")]
pub struct AlertsFull {
    pub limit: usize,
}

/// All alerts.
#[derive(Debug)]
pub struct Alerts {
    routing: Arc<Routing>,
    kept: BTreeMap<u64, Kept>,
    /// When each ends, or is forgotten.
    due: BTreeSet<(Timestamp, u64)>,
    inhibitor: Inhibitor,
    hours: Hours,
    notices: Notices,
}

#[derive(Debug)]
struct Kept {
    alert: Arc<Alert>,
    /// Places of the routes that its labels take.
    routes: Vec<usize>,
    due: Timestamp,
}

impl Alerts {
    #[must_use]
    pub fn new(routing: Arc<Routing>) -> Self {
        Self {
            inhibitor: Inhibitor::new(Arc::clone(&routing)),
            routing,
            kept: BTreeMap::new(),
            due: BTreeSet::new(),
            hours: Hours::new(),
            notices: Notices::default(),
        }
    }

    /// Takes other routes and inhibit rules. Groups that are still there remember what they have told.
    pub fn reconfigure(&mut self, routing: Arc<Routing>, now: Timestamp) {
        let version = self.inhibitor.version();
        self.inhibitor = Inhibitor::after(Arc::clone(&routing), version + 1);
        self.notices.reconfigure(&self.routing, &routing);
        self.hours.reset();
        self.routing = routing;
        for (fingerprint, kept) in &mut self.kept {
            kept.routes = self.routing.places_of(&kept.alert.labels);
            if !kept.alert.is_resolved(now) {
                self.inhibitor.fires(*fingerprint, &kept.alert);
            }
            self.notices.join(&self.routing, *fingerprint, &kept.alert, &kept.routes, now);
        }
        self.notices.drop_empty();
    }

    /// Takes in an alert, or what is new of one.
    pub fn put(&mut self, alert: Alert, now: Timestamp) -> Result<Arc<Alert>, AlertsFull> {
        let fingerprint = alert.fingerprint();
        let before = self.kept.remove(&fingerprint);
        if before.is_none() && self.kept.len() >= ALERTS_MAX {
            return Err(AlertsFull { limit: ALERTS_MAX });
        }
        let (alert, routes) = if let Some(Kept { alert: before, routes, due }) = before {
            self.due.remove(&(due, fingerprint));
            (merge::merged(&before, alert, now), routes)
        } else {
            let routes = self.routing.places_of(&alert.labels);
            (alert, routes)
        };
        let alert = Arc::new(alert);
        let resolved = alert.is_resolved(now);
        if resolved {
            self.inhibitor.ends(fingerprint, &alert.labels);
        } else {
            self.inhibitor.fires(fingerprint, &alert);
        }
        self.notices.join(&self.routing, fingerprint, &alert, &routes, now);
        let due = if resolved { alert.ends_at + RESOLVED_RETENTION } else { alert.ends_at };
        self.due.insert((due, fingerprint));
        self.kept.insert(fingerprint, Kept { alert: Arc::clone(&alert), routes, due });
        Ok(alert)
    }

    /// Lets alerts end whose time has come, and forgets those that ended [`RESOLVED_RETENTION`] ago.
    pub fn advance(&mut self, now: Timestamp) {
        while let Some((at, fingerprint)) = self.due.first().copied().filter(|(at, _)| *at <= now) {
            self.due.remove(&(at, fingerprint));
            let Some(kept) = self.kept.get_mut(&fingerprint) else { continue };
            self.inhibitor.ends(fingerprint, &kept.alert.labels);
            let gone_at = kept.alert.ends_at + RESOLVED_RETENTION;
            if gone_at <= now {
                self.notices.leave(&self.routing, fingerprint, &kept.alert, &kept.routes);
                self.kept.remove(&fingerprint);
            } else {
                kept.due = gone_at;
                self.due.insert((gone_at, fingerprint));
            }
        }
    }

    /// All alerts, by fingerprint.
    pub fn iter(&self) -> impl Iterator<Item = (u64, &Arc<Alert>)> {
        self.kept.iter().map(|(fingerprint, kept)| (*fingerprint, &kept.alert))
    }

    #[must_use]
    pub fn get(&self, fingerprint: u64) -> Option<&Arc<Alert>> {
        self.kept.get(&fingerprint).map(|kept| &kept.alert)
    }

    /// The first alert that holds back what has these labels, as of the last [`advance`](Self::advance).
    #[must_use]
    pub fn inhibits(&self, labels: &Labels) -> Option<&Arc<Alert>> {
        self.inhibitor.inhibits(labels)
    }

    /// Whether an alert with these labels may hold others back, by the rules.
    #[must_use]
    pub fn may_inhibit(&self, labels: &Labels) -> bool {
        self.inhibitor.is_source(labels)
    }

    /// Grows when an alert begins or ends to hold others back.
    #[must_use]
    pub fn inhibition_version(&self) -> u64 {
        self.inhibitor.version()
    }

    /// What dispatch makes of an alert now.
    #[must_use]
    pub fn status(&self, fingerprint: u64, now: Timestamp, silences: &Silences) -> Option<AlertStatus> {
        let Kept { alert, routes, .. } = self.kept.get(&fingerprint)?;
        let silenced_by: Vec<String> = silences.muting(&alert.labels, now).map(|one| one.id.clone()).collect();
        let inhibited_by: Vec<u64> = self.inhibits(&alert.labels).map(|by| by.fingerprint()).into_iter().collect();
        let (mut muted_by, mut receivers) = (Vec::new(), Vec::new());
        for place in routes {
            let route = self.routing.at(*place);
            push_new(&mut receivers, route.receiver.name.value.clone());
            for name in self.closed_by(*place, now) {
                push_new(&mut muted_by, name);
            }
        }
        let suppressed = !(silenced_by.is_empty() && inhibited_by.is_empty() && muted_by.is_empty());
        let state = if suppressed { AlertState::Suppressed } else { AlertState::Active };
        Some(AlertStatus { state, silenced_by, inhibited_by, muted_by, receivers })
    }

    /// The names of the intervals that close a route.
    fn closed_by(&self, place: usize, now: Timestamp) -> Vec<String> {
        let route = self.routing.at(place);
        if route.mute.is_empty() && route.active.is_empty() {
            return Vec::new();
        }
        let mut hours = Hours::new();
        hours.refresh(&self.routing, now);
        let names = hours.closed_by(&self.routing, route).map(|(names, _)| names);
        names.unwrap_or_default().iter().map(ToString::to_string).collect()
    }

    /// All groups, by labels and then by receiver. Routes to the same receiver give one group for the same labels.
    #[must_use]
    pub fn groups(&self, now: Timestamp) -> Vec<AlertGroup> {
        let mut groups: BTreeMap<(Labels, String), AlertGroup> = BTreeMap::new();
        for ((place, labels), alerts) in self.notices.groups() {
            let receiver = self.routing.at(*place).receiver.name.value.clone();
            let group = groups.entry((labels.clone(), receiver.clone())).or_insert_with(|| AlertGroup {
                labels: labels.clone(),
                receiver,
                muted_by: Vec::new(),
                alerts: Vec::new(),
            });
            for name in self.closed_by(*place, now) {
                push_new(&mut group.muted_by, name);
            }
            for fingerprint in alerts {
                push_new(&mut group.alerts, *fingerprint);
            }
        }
        groups.into_values().collect()
    }

    /// What webhooks and log receivers are to be told now. It counts as told, unless [`failed`](Self::failed) is called.
    pub fn notifications(&mut self, now: Timestamp, silences: &Silences) -> Vec<Notification> {
        self.hours.refresh(&self.routing, now);
        let mut notifications = Vec::new();
        while let Some(id) = self.notices.take_due(now) {
            let route = self.routing.at(id.0);
            let closed = self.hours.closed_by(&self.routing, route).is_some();
            let news = |fingerprint: u64| {
                let alert = &self.kept.get(&fingerprint)?.alert;
                let held = closed
                    || silences.muting(&alert.labels, now).next().is_some()
                    || self.inhibitor.inhibits(&alert.labels).is_some();
                Some((Arc::clone(alert), held))
            };
            notifications.extend(self.notices.flush(&id, route, now, news));
        }
        notifications
    }

    /// A message could not be delivered: the group's next one counts it as never sent.
    pub fn failed(&mut self, notification: &Notification) {
        self.notices.failed(&notification.group_key, &notification.receiver);
    }

    /// What has been told, to be stored.
    #[must_use]
    pub fn stored(&self) -> Vec<StoredNotice> {
        self.notices.stored()
    }

    /// Takes in what had been told before a restart, before any alert comes in.
    pub fn restore(&mut self, stored: Vec<StoredNotice>) {
        self.notices.restore(stored);
    }

    /// When to advance and to look for notifications again.
    #[must_use]
    pub fn next_due(&self) -> Option<Timestamp> {
        let ends = self.due.first().map(|(at, _)| *at);
        ends.into_iter().chain(self.notices.next_due()).min()
    }
}

fn push_new<T: PartialEq>(list: &mut Vec<T>, item: T) {
    if !list.contains(&item) {
        list.push(item);
    }
}
