//! Alerts of our own rules and of others, their groups, and whom to tell when.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::alert::{Alert, AlertGroup, AlertState, AlertStatus};
use super::inhibit::inhibited;
use super::notification::Notification;
use super::resend::RESOLVED_RETENTION;
use super::route::Routing;
use super::silences::Silences;
use crate::labels::Labels;
use crate::time::Timestamp;

/// The most alerts: at 1 KiB each some 20 MiB.
const ALERTS_MAX: usize = 20_000;

/// All alerts that fire, and for a while those that did.
#[derive(Debug, Default)]
pub struct Alerts {
    by_fingerprint: BTreeMap<u64, Alert>,
    told: BTreeMap<String, Told>,
}

/// What the receiver of a group was told last. It outlives a restart in the journal.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
struct Told {
    first_at: Timestamp,
    at: Option<Timestamp>,
    firing: BTreeSet<u64>,
    resolved: BTreeSet<u64>,
}

impl Alerts {
    /// Takes in news of an alert. As in Alertmanager, one that goes on keeps when it began. `false` where there is no
    /// room.
    pub fn set(&mut self, mut alert: Alert) -> bool {
        let fingerprint = alert.fingerprint();
        match self.by_fingerprint.get(&fingerprint) {
            Some(before) if before.ends_at > alert.starts_at => {
                alert.starts_at = alert.starts_at.min(before.starts_at);
            }
            None if self.by_fingerprint.len() >= ALERTS_MAX => return false,
            _ => {}
        }
        self.by_fingerprint.insert(fingerprint, alert);
        true
    }

    /// All alerts, resolved ones too.
    pub fn iter(&self) -> impl Iterator<Item = &Alert> + Clone {
        self.by_fingerprint.values()
    }

    /// Forgets alerts that ended a while ago.
    pub fn forget_old(&mut self, now: Timestamp) {
        self.by_fingerprint.retain(|_, alert| alert.ends_at + RESOLVED_RETENTION > now);
    }

    /// What dispatch makes of an alert.
    #[must_use]
    pub fn status(&self, alert: &Alert, routing: &Routing, silences: &Silences, now: Timestamp) -> AlertStatus {
        let silenced_by: Vec<String> = silences.muting(&alert.labels, now).map(|silence| silence.id.clone()).collect();
        let inhibited = inhibited(&routing.inhibitions, &alert.labels, self.iter(), now);
        let routes: Vec<_> = routing.route(&alert.labels).into_iter().filter_map(|at| routing.at(at)).collect();
        let muted_by: Vec<String> =
            routes.iter().filter_map(|route| routing.muted_by(route, now)).map(ToString::to_string).collect();
        let muted_everywhere = !routes.is_empty() && muted_by.len() == routes.len();
        let suppressed = !silenced_by.is_empty() || inhibited.is_some() || muted_everywhere;
        AlertStatus {
            state: if suppressed { AlertState::Suppressed } else { AlertState::Active },
            silenced_by,
            inhibited_by: inhibited.into_iter().map(|inhibited| inhibited.by).collect(),
            muted_by,
            receivers: routes.iter().map(|route| route.receiver.to_string()).collect(),
        }
    }

    /// The alerts by the groups of their routes.
    #[must_use]
    pub fn groups(&self, routing: &Routing, now: Timestamp) -> Vec<AlertGroup> {
        let mut groups: BTreeMap<(String, Arc<str>), AlertGroup> = BTreeMap::new();
        for (fingerprint, alert) in &self.by_fingerprint {
            for route in routing.route(&alert.labels).into_iter().filter_map(|at| routing.at(at)) {
                let labels = route.group_of_alert(&alert.labels);
                let key = (key(&route.key, &labels), Arc::clone(&route.receiver));
                let group = groups.entry(key).or_insert_with(|| AlertGroup {
                    labels,
                    receiver: route.receiver.to_string(),
                    muted_by: routing.muted_by(route, now).map(ToString::to_string).into_iter().collect(),
                    alerts: Vec::new(),
                });
                group.alerts.push(*fingerprint);
            }
        }
        groups.into_values().collect()
    }

    /// The messages that are due at `now` for receivers that are told, and when to ask again. A group is told
    /// `group_wait` after its first alert, `group_interval` after that when something is new, and each
    /// `repeat_interval` while something fires.
    pub fn notifications(
        &mut self,
        routing: &Routing,
        silences: &Silences,
        now: Timestamp,
    ) -> (Vec<Notification>, Option<Timestamp>) {
        let mut messages = Vec::new();
        let mut due: Option<Timestamp> = None;
        let mut seen = BTreeSet::new();
        for (group_key, (at, labels, fingerprints)) in self.audiences(routing, silences, now) {
            let Some(route) = routing.at(at) else { continue };
            seen.insert(group_key.clone());
            let (mut firing, mut resolved) = (BTreeSet::new(), BTreeSet::new());
            for fingerprint in fingerprints {
                let ended = self.by_fingerprint.get(&fingerprint).is_none_or(|alert| alert.is_resolved(now));
                if ended {
                    resolved.insert(fingerprint)
                } else {
                    firing.insert(fingerprint)
                };
            }
            let waits = route.for_alerts();
            let told = self.told.entry(group_key.clone()).or_insert_with(|| Told { first_at: now, ..Told::default() });
            // Who was never told that it fires is not told that it ended.
            resolved.retain(|one| told.firing.contains(one) || told.resolved.contains(one));
            let news = !firing.is_subset(&told.firing) || resolved.iter().any(|one| !told.resolved.contains(one));
            let wait = if news { waits.group_interval } else { waits.repeat_interval.unwrap_or(waits.group_interval) };
            let tell_at = told.at.map_or(told.first_at + waits.group_wait, |at| at + wait);
            if !news && firing.is_empty() {
                continue;
            }
            if tell_at > now {
                due = Some(due.map_or(tell_at, |due| due.min(tell_at)));
                continue;
            }
            let alerts = firing.iter().chain(&resolved).filter_map(|one| self.by_fingerprint.get(one).cloned());
            messages.push(Notification {
                receiver: Arc::clone(&route.receiver),
                group_key,
                group_labels: labels,
                at: now,
                alerts: alerts.collect(),
                decisions: Vec::new(),
            });
            (told.at, told.firing, told.resolved) = (Some(now), firing, resolved);
        }
        // A group without alerts is over.
        self.told.retain(|key, _| seen.contains(key));
        (messages, due)
    }

    /// The alerts that nothing suppresses, by the groups of routes whose receiver is told.
    fn audiences(
        &self,
        routing: &Routing,
        silences: &Silences,
        now: Timestamp,
    ) -> BTreeMap<String, (usize, Labels, Vec<u64>)> {
        let mut groups: BTreeMap<String, (usize, Labels, Vec<u64>)> = BTreeMap::new();
        for (fingerprint, alert) in &self.by_fingerprint {
            let taken = routing.route(&alert.labels);
            let tells = |at: &usize| routing.at(*at).is_some_and(|route| routing.receiver(route).tells);
            let mut taken = taken.into_iter().filter(tells).peekable();
            if taken.peek().is_none() || self.status(alert, routing, silences, now).state == AlertState::Suppressed {
                continue;
            }
            for at in taken {
                let Some(route) = routing.at(at).filter(|route| routing.muted_by(route, now).is_none()) else {
                    continue;
                };
                let labels = route.group_of_alert(&alert.labels);
                groups.entry(key(&route.key, &labels)).or_insert((at, labels, Vec::new())).2.push(*fingerprint);
            }
        }
        groups
    }

    /// What receivers were told, to be journalled, by group.
    #[must_use]
    pub fn told(&self) -> Vec<(String, serde_json::Value)> {
        let told = self.told.iter();
        told.filter_map(|(key, told)| Some((key.clone(), serde_json::to_value(told).ok()?))).collect()
    }

    /// Takes in what receivers were told before a restart.
    pub fn restore_told(&mut self, told: impl IntoIterator<Item = (String, serde_json::Value)>) {
        let told = told.into_iter().filter_map(|(key, told)| Some((key, serde_json::from_value(told).ok()?)));
        self.told.extend(told);
    }
}

/// A group's key, as Alertmanager writes it.
fn key(route: &str, labels: &Labels) -> String {
    format!("{route}:{labels}")
}
