//! The desk where decisions and alerts are dispatched: what of them may go, to whom, and who is told.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use super::notable::Notable;
use super::workloads::Known;
use super::{Due, Effect, Engine};
use crate::config::Settings;
use crate::dispatch::{
    Action, Alert, Alerts, Dispatcher, Muted, Notification, Notified, Routing, Silences, Wish, is_due,
};
use crate::journal::Entry;
use crate::labels::Labels;
use crate::time::Timestamp;
use crate::workload::Workload;

/// How often alerts are looked at though nothing changed: some have to be sent again, some to be forgotten.
const LOOK_EVERY: Duration = Duration::from_secs(5);

/// Everything that stands between a decision and its action.
#[derive(Debug)]
pub(super) struct Desk {
    pub(super) dispatcher: Dispatcher,
    pub(super) silences: Silences,
    /// Those of our rules, notable decisions, and those that others posted.
    pub(super) alerts: Alerts,
    /// The fingerprints of ours, and when each was sent last.
    own: BTreeMap<u64, Option<Timestamp>>,
    resend_delay: Duration,
    looked_at: Timestamp,
    /// Something changed that alerts or wishes depend on.
    pub(super) stale: bool,
}

impl Desk {
    pub(super) fn new(settings: &Settings) -> Self {
        Self {
            dispatcher: Dispatcher::new(Arc::new(Routing::compile(&settings.routing))),
            silences: Silences::default(),
            alerts: Alerts::default(),
            own: BTreeMap::new(),
            resend_delay: settings.alerting.resend_delay,
            looked_at: Timestamp::MIN,
            stale: false,
        }
    }

    /// Takes in an alert of ours.
    pub(super) fn raise(&mut self, alert: Alert) {
        let fingerprint = alert.fingerprint();
        if self.alerts.set(alert) {
            self.own.entry(fingerprint).or_default();
        }
    }

    /// Our alerts that Alertmanagers are to be told of now.
    fn to_send(&mut self, now: Timestamp) -> Vec<Alert> {
        let mut due = Vec::new();
        let mut known = BTreeSet::new();
        for alert in self.alerts.iter() {
            let fingerprint = alert.fingerprint();
            let Some(sent_at) = self.own.get_mut(&fingerprint) else { continue };
            known.insert(fingerprint);
            if is_due(alert, *sent_at, now, self.resend_delay) {
                *sent_at = Some(now);
                due.push(alert.clone());
            }
        }
        self.own.retain(|fingerprint, _| known.contains(fingerprint));
        due
    }
}

/// The labels that a decision is routed by: the rule's, and what it is about.
fn labels(known: &Known, up: bool) -> Labels {
    let workload = &known.workload;
    known.rule.labels.with(&[
        ("direction", if up { "up" } else { "down" }),
        ("kind", &workload.kind),
        ("name", &workload.name),
        ("namespace", &workload.namespace),
        ("rule", &known.rule.name),
        ("workload", &known.named),
    ])
}

impl Engine {
    /// Says what a workload's present decision wants done.
    pub(super) fn wish(&mut self, workload: &Workload, acts: bool, now: Timestamp) {
        let Some(known) = self.workloads.get(workload) else { return };
        let Some(decision) = known.decision.as_ref().filter(|decision| decision.changes()) else {
            self.desk.dispatcher.withdraw(workload);
            return;
        };
        if !acts {
            self.desk.dispatcher.hold(workload);
            return;
        }
        let wish = Wish {
            workload: workload.clone(),
            labels: labels(known, decision.to > decision.from),
            from: decision.from,
            to: decision.to,
            order: known.rule.order,
            drifted_at: known.drifted_at,
        };
        self.desk.dispatcher.wish(wish, now);
    }

    /// Lets go what may go now, and tells whom it concerns.
    pub(super) fn dispatch(&mut self, now: Timestamp, effects: &mut Vec<Effect>) {
        if self.desk.stale || now.since(self.desk.looked_at) >= LOOK_EVERY {
            self.tell(now, effects);
        }
        for wish in self.desk.dispatcher.release(now, &self.desk.silences, &self.desk.alerts) {
            self.act(&wish, effects);
        }
        let next = self.desk.dispatcher.next_due();
        let next = next.unwrap_or(Timestamp::MAX).min(now + LOOK_EVERY);
        self.agenda.set(Due::Dispatch, Some(next));
        self.show_muted(now);
    }

    fn act(&mut self, wish: &Wish, effects: &mut Vec<Effect>) {
        let Some(known) = self.workloads.get_mut(&wish.workload) else { return };
        let Some(decision) = known.decision.as_ref() else { return };
        let (from, to, reason) = (decision.from, decision.to, decision.summary());
        let mut entry = self.history.open(&wish.workload, &known.rule.name, decision.clone());
        if let Some(manual) = &known.memory.manual {
            let asked = Arc::make_mut(&mut entry);
            (asked.author, asked.note) = (Some(manual.author.to_string()), Some(manual.reason.to_string()));
            self.history.amend(&entry);
        }
        self.announce(wish, &entry, effects);
        let Some(known) = self.workloads.get_mut(&wish.workload) else { return };
        known.in_flight = true;
        self.kept.extend([wish.workload.clone()]);
        let action = Action { entry: entry.id, workload: wish.workload.clone(), from, to, reason };
        effects.extend([Effect::Record(entry), Effect::Act(action)]);
    }

    /// Tells the receivers of a decision's routes that are told.
    fn announce(&self, wish: &Wish, entry: &Entry, effects: &mut Vec<Effect>) {
        let routing = self.desk.dispatcher.routing();
        for route in routing.route(&wish.labels).into_iter().filter_map(|at| routing.at(at)) {
            if !routing.receiver(route).tells {
                continue;
            }
            effects.push(Effect::Notify(Notification {
                receiver: Arc::clone(&route.receiver),
                group_key: format!("{}:{}", route.key, wish.workload),
                group_labels: wish.labels.only(&["workload".to_owned()]),
                at: entry.decision.at,
                alerts: Vec::new(),
                decisions: vec![Notified {
                    id: entry.id,
                    workload: wish.workload.clone(),
                    labels: wish.labels.clone(),
                    from: entry.decision.from,
                    to: entry.decision.to,
                    reason: entry.decision.summary(),
                    explanation: entry.decision.to_string(),
                }],
            }));
        }
    }

    /// Brings alerts up to date and sends what is due.
    fn tell(&mut self, now: Timestamp, effects: &mut Vec<Effect>) {
        for alert in self.alerts.current(&self.rules, now) {
            self.desk.raise(alert);
        }
        for known in self.workloads.values().filter(|known| known.notable.is_some()) {
            if let Some(notable) = &known.notable {
                self.desk.raise(notable.alert(&known.workload, &known.rule.labels, false, now));
            }
        }
        let desk = &mut self.desk;
        desk.alerts.forget_old(now);
        (desk.looked_at, desk.stale) = (now, false);
        let alerts = desk.to_send(now);
        if !alerts.is_empty() {
            effects.push(Effect::Alerts(alerts));
        }
        let routing = Arc::clone(desk.dispatcher.routing());
        let (messages, _) = desk.alerts.notifications(&routing, &desk.silences, now);
        effects.extend(messages.into_iter().map(Effect::Notify));
        self.show_alerts(now);
    }

    /// A workload's decision became notable, stays so, or is not any more.
    pub(super) fn note(&mut self, workload: &Workload, now: Timestamp) {
        let Some(known) = self.workloads.get_mut(workload) else { return };
        let found = known.decision.as_ref().and_then(super::notable::of);
        let goes_on = match (&mut known.notable, &found) {
            (Some(before), Some((alertname, summary))) if before.alertname == *alertname => {
                before.summary.clone_from(summary);
                true
            }
            (None, None) => true,
            _ => false,
        };
        if goes_on {
            return;
        }
        if let Some(before) = known.notable.take() {
            let ended = before.alert(workload, &known.rule.labels, true, now);
            self.desk.raise(ended);
        }
        known.notable = found.map(|(alertname, summary)| Notable { alertname, since: now, summary });
        self.desk.stale = true;
    }

    /// What keeps wishes from being carried out is shown with their workloads.
    fn show_muted(&mut self, now: Timestamp) {
        let muted = self.desk.dispatcher.waiting().map(|(workload, muted)| (workload.clone(), muted.cloned()));
        let mut muted: BTreeMap<Workload, Option<Muted>> = muted.collect();
        let before = std::mem::take(&mut self.muted);
        for workload in before.into_iter().chain(muted.keys().cloned().collect::<Vec<_>>()) {
            let Some(known) = self.workloads.get_mut(&workload) else { continue };
            let muted = muted.remove(&workload).flatten();
            if muted.is_some() {
                self.muted.insert(workload.clone());
            }
            if known.muted != muted {
                known.muted = muted;
                self.views.insert(workload, Arc::new(known.view(now)));
            }
        }
    }
}
