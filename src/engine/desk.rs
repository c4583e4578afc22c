//! The desk where decisions and alerts are dispatched: what of them may go, to whom, and who is told.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use super::notable::Notable;
use super::posted::Posted;
use super::workloads::{Known, Set};
use super::{Due, Effect, Engine};
use crate::config::Settings;
use crate::dispatch::{
    Action, Alert, Alerts, Dispatcher, End, Muted, Notification, Notified, Outcome, Receiver, Release, Routing,
    SetCount, Silences, Wish, is_due, valid_until,
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
    pub(super) routing: Arc<Routing>,
    pub(super) dispatcher: Dispatcher,
    pub(super) silences: Silences,
    /// Those of our rules, notable decisions, and those that others posted.
    pub(super) alerts: Alerts,
    /// What is written down of those that others posted.
    pub(super) posted: Posted,
    /// The fingerprints of ours, and when each was sent last.
    own: BTreeMap<u64, Option<Timestamp>>,
    /// How long an alert that goes on firing is not sent again.
    pub(super) resend_delay: Duration,
    looked_at: Timestamp,
    /// Something changed that alerts or wishes depend on.
    pub(super) stale: bool,
}

impl Desk {
    pub(super) fn new(settings: &Settings) -> Self {
        let routing = Arc::new(Routing::compile(&settings.routing));
        Self {
            dispatcher: Dispatcher::new(Arc::clone(&routing)),
            silences: Silences::default(),
            alerts: Alerts::new(Arc::clone(&routing)),
            routing,
            posted: Posted::default(),
            own: BTreeMap::new(),
            resend_delay: settings.alerting.resend_delay,
            looked_at: Timestamp::MIN,
            stale: false,
        }
    }

    /// Takes other routes, receivers and inhibit rules.
    pub(super) fn configure(&mut self, settings: &Settings, now: Timestamp) {
        let routing = Arc::new(Routing::compile(&settings.routing));
        self.dispatcher.reconfigure(Arc::clone(&routing));
        self.alerts.reconfigure(Arc::clone(&routing), now);
        self.routing = routing;
        self.resend_delay = settings.alerting.resend_delay;
        self.stale = true;
    }

    /// A workload's action has set a count, though its end did not say so.
    pub(super) fn took_effect(&mut self, known: &Known, Set { from, to, at }: Set) {
        let workload = known.workload.clone();
        self.dispatcher.was_set(SetCount { workload, labels: labels(known, to > from), replicas: to, at });
    }

    /// Takes up the alerts that others had posted before a restart.
    pub(super) fn take_up(&mut self, now: Timestamp) {
        for alert in self.posted.take_up(now) {
            // Where there is no room for more, those that are there are enough to look at.
            let _ = self.alerts.put(alert, now);
            self.stale = true;
        }
    }

    /// Takes in an alert of ours.
    pub(super) fn raise(&mut self, alert: Alert, now: Timestamp) {
        let fingerprint = alert.fingerprint();
        // Where there is no room for more, those that are there are enough to look at.
        if self.alerts.put(alert, now).is_ok() {
            self.own.entry(fingerprint).or_default();
        }
    }

    /// Ends those of ours that are not among the current ones: their rules or workloads are gone.
    fn end_others(&mut self, current: &[Alert], now: Timestamp) {
        let current: BTreeSet<u64> = current.iter().map(Alert::fingerprint).collect();
        let gone: Vec<u64> = self.own.keys().copied().filter(|fingerprint| !current.contains(fingerprint)).collect();
        for fingerprint in gone {
            let Some(alert) = self.alerts.get(fingerprint).cloned() else { continue };
            if !alert.is_resolved(now) {
                // It is there, so there is room for it.
                let _ = self.alerts.put(Alert { ends_at: now, updated_at: now, ..Alert::clone(&alert) }, now);
            }
        }
    }

    /// Our alerts that are to be sent now, with the names of the receivers that their routes lead to.
    fn take_due(&mut self, now: Timestamp) -> Vec<(Alert, Vec<String>)> {
        let mut due = Vec::new();
        self.own.retain(|fingerprint, sent_at| {
            let Some(alert) = self.alerts.get(*fingerprint) else { return false };
            if is_due(alert, *sent_at, now, self.resend_delay) {
                *sent_at = Some(now);
                let status = self.alerts.status(*fingerprint, now, &self.silences);
                due.push((Alert::clone(alert), status.map(|status| status.receivers).unwrap_or_default()));
            }
            true
        });
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

/// The context of the kubeconfig in which a workload is: that of the receiver that carries out its decisions. Where
/// that depends on the direction, it is the one of the way up, for a workload is in one cluster.
pub(super) fn context(known: &Known, routing: &Routing) -> Option<Arc<str>> {
    routing.context(&labels(known, true)).map(Arc::from)
}

impl Engine {
    /// Says what a workload's present decision wants done. What can't be tried now (a retry waits, an action is on its
    /// way) is not wished.
    pub(super) fn wish(&mut self, workload: &Workload, acts: bool, now: Timestamp) {
        let Some(known) = self.workloads.get(workload) else { return };
        let Some(decision) = &known.decision else { return };
        if !decision.changes() {
            self.desk.dispatcher.settled(workload, decision.from, now);
            return;
        }
        if !acts {
            return;
        }
        self.desk.dispatcher.wish(Wish {
            workload: workload.clone(),
            labels: labels(known, decision.to > decision.from),
            from: decision.from,
            to: decision.to,
            order: known.rule.order,
            at: now,
        });
    }

    /// Lets go what may go now, and tells whom it concerns.
    pub(super) fn dispatch(&mut self, now: Timestamp, effects: &mut Vec<Effect>) {
        let due = self.desk.alerts.next_due().is_some_and(|at| at <= now);
        if self.desk.stale || due || now.since(self.desk.looked_at) >= LOOK_EVERY {
            self.tell(now, effects);
        }
        for release in self.desk.dispatcher.release(now, &self.desk.alerts, &self.desk.silences) {
            self.act(&release, now, effects);
        }
        let next = [self.desk.dispatcher.next_due(), self.desk.alerts.next_due(), Some(now + LOOK_EVERY)];
        let next = next.into_iter().flatten().min().map(|at| at.max(now + Duration::from_millis(1)));
        self.agenda.set(Due::Dispatch, next);
        self.show_muted(now);
    }

    fn act(&mut self, release: &Release, now: Timestamp, effects: &mut Vec<Effect>) {
        let Some(known) = self.workloads.get_mut(&release.workload) else { return };
        let Some(decision) = known.decision.clone() else { return };
        let (from, to, reason) = (decision.from, decision.to, decision.summary());
        let annotations = known.rule.annotations(&release.labels, to, self.alerts.external(), now);
        let mut entry = self.history.open(&release.workload, &known.rule.name, decision);
        if let Some(manual) = &known.memory.manual {
            let asked = Arc::make_mut(&mut entry);
            (asked.author, asked.note) = (Some(manual.author.to_string()), Some(manual.reason.to_string()));
            self.history.amend(&entry);
        }
        known.begin(to, now);
        self.groups.raises(&release.workload, to);
        self.kept.insert(release.workload.clone());
        effects.push(Effect::Record(Arc::clone(&entry)));
        for receiver in &release.tell {
            effects.push(Effect::Notify(announcement(receiver, release, &entry, &annotations)));
        }
        if release.actor.is_some() {
            let action = Action { entry: entry.id, workload: release.workload.clone(), from, to, reason };
            effects.push(Effect::Act(action));
            return;
        }
        // Who is only told does nothing that could be waited for.
        known.acted(from, to, &Outcome::Simulated, now);
        effects.extend(self.history.close(entry.id, Outcome::Simulated, now).map(Effect::Record));
        self.desk.dispatcher.ended(&release.workload, End::Told, now);
    }

    /// Brings alerts up to date and sends what is due.
    fn tell(&mut self, now: Timestamp, effects: &mut Vec<Effect>) {
        let resend_delay = self.desk.resend_delay;
        let mut current = self.alerts.current(&self.rules, resend_delay, now);
        // They are looked at all the time.
        let until = valid_until(now, LOOK_EVERY, resend_delay);
        current.extend(self.workloads.values().filter_map(|known| {
            let notable = known.notable.as_ref()?;
            Some(notable.alert(&known.workload, &known.rule.labels, until, now))
        }));
        let desk = &mut self.desk;
        desk.end_others(&current, now);
        for alert in current {
            desk.raise(alert, now);
        }
        desk.alerts.advance(now);
        (desk.looked_at, desk.stale) = (now, false);
        let due = desk.take_due(now);
        for receiver in desk.routing.receivers().iter().filter(|receiver| !receiver.alertmanagers.is_empty()) {
            let name = &receiver.name.value;
            let alerts = due.iter().filter(|(_, receivers)| receivers.contains(name)).map(|(alert, _)| alert.clone());
            let alerts: Vec<Alert> = alerts.collect();
            if !alerts.is_empty() {
                effects.push(Effect::Alerts { receiver: Some(name.as_str().into()), alerts });
            }
        }
        if !due.is_empty() {
            let alerts = due.into_iter().map(|(alert, _)| alert).collect();
            effects.push(Effect::Alerts { receiver: None, alerts });
        }
        effects.extend(desk.alerts.notifications(now, &desk.silences).into_iter().map(Effect::Notify));
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
            let ended = before.alert(workload, &known.rule.labels, now, now);
            self.desk.raise(ended, now);
        }
        known.notable = found.map(|(alertname, summary)| Notable { alertname, since: now, summary });
        self.desk.stale = true;
    }

    /// What keeps wishes from being carried out is shown with their workloads.
    fn show_muted(&mut self, now: Timestamp) {
        for (workload, known) in &mut self.workloads {
            let muted: Option<&Muted> = self.desk.dispatcher.muted(workload);
            let drift = self.desk.dispatcher.drift(workload);
            if known.muted.as_ref() != muted || known.drift != drift {
                (known.muted, known.drift) = (muted.cloned(), drift);
                self.views.insert(workload.clone(), Arc::new(known.view(now)));
            }
        }
    }
}

/// What a receiver is told of a decision.
fn announcement(
    receiver: &Receiver,
    release: &Release,
    entry: &Entry,
    annotations: &BTreeMap<String, String>,
) -> Notification {
    Notification {
        receiver: receiver.name.value.as_str().into(),
        group_key: release.group_key.clone(),
        group_labels: release.group_labels.clone(),
        at: entry.decision.at,
        alerts: Vec::new(),
        decisions: vec![Notified {
            id: entry.id,
            workload: release.workload.clone(),
            labels: release.labels.clone(),
            annotations: annotations.clone(),
            from: entry.decision.from,
            to: entry.decision.to,
            reason: entry.decision.summary(),
            explanation: entry.decision.to_string(),
        }],
    }
}
