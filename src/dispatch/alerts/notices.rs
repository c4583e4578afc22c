//! Who was told of what: groups of alerts, and when they speak.
//!
//! Alertmanager's rules: a group tells its receiver when an alert has begun that it was not told of, when all have
//! ended, when another has ended (where the receiver wants to know), and else only after `repeat_interval`. Of alerts
//! that ended before anybody was told of them nothing is said.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::dispatch::alert::Alert;
use crate::dispatch::notification::Notification;
use crate::dispatch::routing::{Route, Routing};
use crate::labels::Labels;
use crate::time::Timestamp;

/// A group: the place of its route, and what its alerts have in common.
type GroupId = (usize, Labels);

/// The least wait between two looks at a group, for a `group_interval` of zero is meant for scaling.
const INTERVAL_MIN: Duration = Duration::from_secs(1);

/// What a group has told its receiver last.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Told {
    /// Fingerprints.
    pub firing: BTreeSet<u64>,
    /// Fingerprints.
    pub resolved: BTreeSet<u64>,
    pub at: Timestamp,
}

/// What must survive a restart, so that nobody is told twice.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoredNotice {
    pub group_key: String,
    pub receiver: String,
    pub told: Told,
}

#[derive(Debug, Default)]
pub(super) struct Notices {
    groups: BTreeMap<GroupId, Group>,
    agenda: BTreeSet<(Timestamp, GroupId)>,
    /// From before a restart, by group key and receiver, until the groups come.
    restored: BTreeMap<(String, String), Told>,
}

#[derive(Debug, Default)]
struct Group {
    key: String,
    receiver: Arc<str>,
    alerts: BTreeSet<u64>,
    /// Those that had ended at the last look: they go at the next, unless they fire again.
    leaving: BTreeSet<u64>,
    told: Option<Told>,
    /// What was told before that, in case it did not arrive.
    told_before: Option<Told>,
    /// When to look next; `None` where nobody wants messages.
    due: Option<Timestamp>,
    looked_at: bool,
}

impl Notices {
    /// Puts an alert into a group of each of its routes.
    pub(super) fn join(
        &mut self,
        routing: &Routing,
        fingerprint: u64,
        alert: &Alert,
        routes: &[usize],
        now: Timestamp,
    ) {
        for place in routes {
            let route = routing.at(*place);
            let id = (*place, route.group_of(&alert.labels));
            let group = self.groups.entry(id.clone()).or_insert_with(|| {
                let (key, receiver) = (route.group_key(&id.1), route.receiver.name.value.clone());
                let told = self.restored.remove(&(key.clone(), receiver.clone()));
                Group { key, receiver: receiver.into(), told, ..Group::default() }
            });
            group.alerts.insert(fingerprint);
            if !alert.is_resolved(now) {
                group.leaving.remove(&fingerprint);
            }
            if !route.receiver.wants_groups() || group.looked_at {
                continue;
            }
            // One that began long ago has waited elsewhere already.
            let waited = alert.starts_at + route.alerts.group_wait < now;
            let due = if waited { now } else { now + route.alerts.group_wait };
            let due = group.due.map_or(due, |before| if waited { due.min(before) } else { before });
            if let Some(before) = group.due.replace(due) {
                self.agenda.remove(&(before, id.clone()));
            }
            self.agenda.insert((due, id));
        }
    }

    /// Forgets an alert.
    pub(super) fn leave(&mut self, routing: &Routing, fingerprint: u64, alert: &Alert, routes: &[usize]) {
        for place in routes {
            let id = (*place, routing.at(*place).group_of(&alert.labels));
            if let Some(group) = self.groups.get_mut(&id) {
                group.alerts.remove(&fingerprint);
                group.leaving.remove(&fingerprint);
                self.drop_if_empty(&id);
            }
        }
    }

    fn drop_if_empty(&mut self, id: &GroupId) {
        if self.groups.get(id).is_some_and(|group| group.alerts.is_empty())
            && let Some(Group { due: Some(due), .. }) = self.groups.remove(id)
        {
            self.agenda.remove(&(due, id.clone()));
        }
    }

    /// Takes the next group that is to be looked at.
    pub(super) fn take_due(&mut self, now: Timestamp) -> Option<GroupId> {
        let (at, _) = self.agenda.first()?;
        if *at > now {
            return None;
        }
        self.agenda.pop_first().map(|(_, id)| id)
    }

    pub(super) fn next_due(&self) -> Option<Timestamp> {
        self.agenda.first().map(|(at, _)| *at)
    }

    /// Looks at a group. `look` gives an alert, and whether it is held back.
    pub(super) fn flush(
        &mut self,
        id: &GroupId,
        route: &Route,
        now: Timestamp,
        look: impl Fn(u64) -> Option<(Arc<Alert>, bool)>,
    ) -> Option<Notification> {
        let group = self.groups.get_mut(id)?;
        for gone in std::mem::take(&mut group.leaving) {
            group.alerts.remove(&gone);
        }
        let next = now + route.alerts.group_interval.max(INTERVAL_MIN);
        (group.due, group.looked_at) = (Some(next), true);
        if group.alerts.is_empty() {
            group.due = None;
            self.groups.remove(id);
            return None;
        }
        self.agenda.insert((next, id.clone()));
        let (mut firing, mut resolved) = (Vec::new(), Vec::new());
        for fingerprint in &group.alerts {
            let Some((alert, held)) = look(*fingerprint) else { continue };
            let over = alert.is_resolved(now);
            if over {
                group.leaving.insert(*fingerprint);
            }
            if !held {
                if over { &mut resolved } else { &mut firing }.push((*fingerprint, alert));
            }
        }
        let news = Told {
            firing: firing.iter().map(|(fingerprint, _)| *fingerprint).collect(),
            resolved: resolved.iter().map(|(fingerprint, _)| *fingerprint).collect(),
            at: now,
        };
        if !is_news(group.told.as_ref(), &news, route) {
            return None;
        }
        group.told_before = group.told.replace(news);
        if !route.receiver.wants_resolved() {
            resolved.clear();
        }
        for alerts in [&mut firing, &mut resolved] {
            alerts.sort_by(|(_, one), (_, other)| one.labels.cmp(&other.labels));
        }
        let alerts: Vec<Alert> = firing.into_iter().chain(resolved).map(|(_, alert)| Alert::clone(&alert)).collect();
        (!alerts.is_empty()).then(|| Notification {
            receiver: Arc::clone(&group.receiver),
            group_key: group.key.clone(),
            group_labels: id.1.clone(),
            at: now,
            alerts,
            decisions: Vec::new(),
        })
    }

    /// A group's last message did not arrive.
    pub(super) fn failed(&mut self, key: &str, receiver: &str) {
        let groups = self.groups.values_mut();
        for group in groups.filter(|group| group.key == *key && *group.receiver == *receiver) {
            group.told = group.told_before.take();
            group.leaving.clear();
        }
    }

    /// All groups, with the fingerprints of their alerts.
    pub(super) fn groups(&self) -> impl Iterator<Item = (&GroupId, &BTreeSet<u64>)> {
        self.groups.iter().map(|(id, group)| (id, &group.alerts))
    }

    /// Empties all groups, for their alerts to join anew; those with the same key remember what they have told.
    pub(super) fn reconfigure(&mut self, before: &Routing, after: &Routing) {
        self.agenda.clear();
        for ((place, labels), mut group) in std::mem::take(&mut self.groups) {
            let key = &before.at(place).key;
            let Some(place) = after.place_of(key) else { continue };
            let route = after.at(place);
            if *route.receiver.name.value != *group.receiver || route.group_of(&labels) != labels {
                continue;
            }
            group.alerts.clear();
            let id = (place, labels);
            if let Some(due) = group.due.filter(|_| route.receiver.wants_groups()) {
                self.agenda.insert((due, id.clone()));
            } else {
                (group.due, group.looked_at) = (None, false);
            }
            self.groups.insert(id, group);
        }
    }

    /// Drops the groups that no alert has joined.
    pub(super) fn drop_empty(&mut self) {
        let empty: Vec<GroupId> = self.groups.keys().cloned().collect();
        for id in empty {
            self.drop_if_empty(&id);
        }
    }

    pub(super) fn stored(&self) -> Vec<StoredNotice> {
        let stored = |group: &Group| {
            let (group_key, receiver) = (group.key.clone(), group.receiver.to_string());
            Some(StoredNotice { group_key, receiver, told: group.told.clone()? })
        };
        self.groups.values().filter_map(stored).collect()
    }

    pub(super) fn restore(&mut self, stored: Vec<StoredNotice>) {
        self.restored.extend(stored.into_iter().map(|one| ((one.group_key, one.receiver), one.told)));
    }
}

/// Whether a receiver is to be told.
fn is_news(told: Option<&Told>, now: &Told, route: &Route) -> bool {
    if now.firing.is_empty() && now.resolved.is_empty() {
        return false;
    }
    let Some(told) = told else { return !now.firing.is_empty() };
    if !now.firing.is_subset(&told.firing) {
        return true;
    }
    if now.firing.is_empty() {
        return !told.firing.is_empty();
    }
    if route.receiver.wants_resolved() && !now.resolved.is_subset(&told.resolved) {
        return true;
    }
    route.alerts.repeat_interval.is_some_and(|repeat| now.at.since(told.at) >= repeat)
}
