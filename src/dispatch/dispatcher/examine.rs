//! What one group may do now.

use std::collections::BTreeMap;

use super::group::Batch;
use super::member::{Asserted, InFlight, Pending, Rank};
use super::{Dispatcher, GroupId, Release};
use crate::config::Receiver;
use crate::dispatch::alerts::Alerts;
use crate::dispatch::muted::Muted;
use crate::dispatch::silences::Silences;
use crate::time::Timestamp;
use crate::workload::Workload;
use std::collections::BTreeSet;
use std::sync::Arc;

/// What keeps a group from beginning a batch.
#[derive(Debug)]
struct Gate {
    muted: Muted,
    until: Timestamp,
}

impl Dispatcher {
    /// Releases what the group may do now, and gives when it is to be looked at again.
    pub(super) fn examine(
        &mut self,
        id: &GroupId,
        now: Timestamp,
        alerts: &Alerts,
        silences: &Silences,
        released: &mut Vec<Release>,
    ) -> Option<Timestamp> {
        loop {
            let group = self.groups.get_mut(id)?;
            let Some(batch) = &mut group.batch else {
                match self.begin(id, now, alerts, silences) {
                    Ok(()) => continue,
                    Err(due) => return due,
                }
            };
            if !batch.in_flight.is_empty() {
                self.explain_batch(id, now, alerts, silences);
                return None;
            }
            let Some((rank, workloads)) = batch.waiting.pop_first() else {
                group.batch = None;
                continue;
            };
            for workload in workloads {
                self.release_one(id, &workload, rank, now, (alerts, silences), released);
            }
        }
    }

    /// Begins a batch with all that may be carried out. Where there is nothing to begin, gives when there may be.
    fn begin(
        &mut self,
        id: &GroupId,
        now: Timestamp,
        alerts: &Alerts,
        silences: &Silences,
    ) -> Result<(), Option<Timestamp>> {
        let pending: Vec<Workload> =
            self.groups.get(id).map(|g| g.pending.iter().cloned().collect()).unwrap_or_default();
        let mut ready: Vec<(Workload, Pending)> = Vec::new();
        let mut due: Option<Timestamp> = None;
        for workload in pending {
            let muted = self.muted_now(&workload, now, alerts, silences);
            let stopped = self.groups.get(id).and_then(|group| group.waits_for(&workload, now));
            let stopped = stopped.filter(|_| muted.is_none()).map(|(by, until)| (by.clone(), until));
            let Some(member) = self.members.get_mut(&workload) else { continue };
            let until = match (&muted, &stopped) {
                (Some(Muted::RepeatInterval { until, .. }), _) | (None, Some((_, until))) => Some(*until),
                _ => None,
            };
            due = due.into_iter().chain(until).min();
            let muted = muted.or_else(|| stopped.map(|(by, _)| Muted::BatchStopped { by }));
            let free = muted.is_none() && member.in_flight.is_none();
            member.muted = muted;
            if let Some(wish) = member.wish.filter(|_| free) {
                ready.push((workload, wish));
            }
        }
        let Some(oldest) = ready.iter().map(|(_, wish)| wish.since).min() else {
            return Err(due.into_iter().chain(self.tidy_up(id, now)).min());
        };
        if let Some(Gate { muted, until }) = self.gate(id, oldest, now) {
            for (workload, _) in ready {
                if let Some(member) = self.members.get_mut(&workload) {
                    member.muted = Some(muted.clone());
                }
            }
            return Err(Some(due.map_or(until, |due| due.min(until))));
        }
        let Some(group) = self.groups.get_mut(id) else { return Err(None) };
        let mut waiting: BTreeMap<Rank, BTreeSet<Workload>> = BTreeMap::new();
        for (workload, wish) in ready {
            group.pending.remove(&workload);
            waiting.entry(wish.rank()).or_default().insert(workload);
        }
        group.batch = Some(Batch { in_flight: BTreeSet::new(), waiting });
        group.flushed_at = Some(now);
        Ok(())
    }

    /// What a group's next batch waits for.
    fn gate(&self, id: &GroupId, oldest: Timestamp, now: Timestamp) -> Option<Gate> {
        let (group, waits) = (self.groups.get(id)?, self.routing.at(id.0).decisions);
        let mut gates = Vec::new();
        if let Some(flushed_at) = group.flushed_at {
            let until = flushed_at + waits.group_interval;
            gates.push(Gate { muted: Muted::GroupInterval { until }, until });
        }
        let until = oldest + waits.group_wait;
        gates.push(Gate { muted: Muted::GroupWait { until }, until });
        // The last one to open; of several, the first in this list.
        gates.into_iter().filter(|gate| gate.until > now).rev().max_by_key(|gate| gate.until)
    }

    /// Lets go of a group that nobody waits in, once it may begin a batch at any time.
    fn tidy_up(&mut self, id: &GroupId, now: Timestamp) -> Option<Timestamp> {
        // One that fails is heard of again: it is tried again, settled or forgotten.
        let group = self.groups.get(id).filter(|group| group.is_idle() && !group.has_failing())?;
        let interval = self.routing.at(id.0).decisions.group_interval;
        let until = group.flushed_at.map_or(now, |at| at + interval);
        if until > now {
            return Some(until);
        }
        let due = group.due;
        self.groups.remove(id);
        if let Some(due) = due {
            self.agenda.remove(&(due, id.clone()));
        }
        None
    }

    /// Says of those who wait whom they wait for.
    fn explain_batch(&mut self, id: &GroupId, now: Timestamp, alerts: &Alerts, silences: &Silences) {
        let Some(group) = self.groups.get(id) else { return };
        let Some(batch) = &group.batch else { return };
        let Some(waits_for) = batch.in_flight.first().cloned() else { return };
        let waiting: Vec<Workload> = batch.waiting.values().flatten().chain(&group.pending).cloned().collect();
        for workload in waiting {
            let muted = self.muted_now(&workload, now, alerts, silences);
            let Some(member) = self.members.get_mut(&workload) else { continue };
            if member.in_flight.is_none() {
                member.muted = muted.or_else(|| Some(Muted::Batch { waits_for: waits_for.clone() }));
            }
        }
    }

    /// Releases a member of a batch, if it is still to be scaled this way.
    fn release_one(
        &mut self,
        id: &GroupId,
        workload: &Workload,
        rank: Rank,
        now: Timestamp,
        (alerts, silences): (&Alerts, &Silences),
        released: &mut Vec<Release>,
    ) {
        let muted = self.muted_now(workload, now, alerts, silences);
        let (Some(group), Some(member)) = (self.groups.get_mut(id), self.members.get_mut(workload)) else { return };
        let Some(wish) = member.wish.filter(|_| member.group == *id) else { return };
        if muted.is_some() || member.in_flight.is_some() || wish.rank() != rank {
            member.muted = muted;
            group.pending.insert(workload.clone());
            return;
        }
        let route = self.routing.at(id.0);
        let told_by = member.told_by(&self.routing);
        let mut tell: Vec<Arc<Receiver>> = Vec::new();
        for place in &member.routes {
            let route = self.routing.at(*place);
            let open = || self.hours.closed_by(&self.routing, route).is_none();
            let known = tell.iter().any(|one| Arc::ptr_eq(one, &route.receiver));
            if route.receiver.tells() && !known && open() {
                tell.push(Arc::clone(&route.receiver));
            }
        }
        released.push(Release {
            workload: workload.clone(),
            labels: member.labels.clone(),
            from: wish.from,
            to: wish.to,
            actor: told_by.is_none().then(|| Arc::clone(&route.receiver)),
            tell,
            group_key: route.group_key(&id.1),
            group_labels: id.1.clone(),
            drift: member.drift,
        });
        if let Some(receiver) = told_by {
            // Nothing is on its way; the wish stays, and is told of again when it is another.
            member.told = Some((wish.from, wish.to));
            member.muted = Some(Muted::NoActuator { receiver });
            group.pending.insert(workload.clone());
            return;
        }
        member.muted = None;
        member.in_flight = Some(InFlight { to: wish.to, group: Some(id.clone()) });
        if let Some(batch) = &mut group.batch {
            batch.in_flight.insert(workload.clone());
        }
    }

    /// What keeps a workload from being released, whatever its group does.
    fn muted_now(
        &mut self,
        workload: &Workload,
        now: Timestamp,
        alerts: &Alerts,
        silences: &Silences,
    ) -> Option<Muted> {
        let epoch = self.epoch;
        let member = self.members.get_mut(workload)?;
        if member.held_epoch != Some(epoch) {
            member.held = held(member, now, alerts, silences);
            member.held_epoch = Some(epoch);
        }
        if member.held.is_some() {
            return member.held.clone();
        }
        let route = self.routing.at(member.group.0);
        if let Some((names, holds)) = self.hours.closed_by(&self.routing, route) {
            return names.into_iter().next().map(|name| Muted::TimeInterval { name, holds });
        }
        let wish = member.wish?;
        if let (Some(Asserted { to: set, at }), Some(repeat)) = (member.asserted, route.decisions.repeat_interval)
            && wish.to == set
            && at + repeat > now
        {
            return Some(Muted::RepeatInterval { set, found: wish.from, until: at + repeat });
        }
        let told = member.told == Some((wish.from, wish.to));
        member.told_by(&self.routing).filter(|_| told).map(|receiver| Muted::NoActuator { receiver })
    }
}

/// What silences and alerts say.
fn held(member: &super::member::Member, now: Timestamp, alerts: &Alerts, silences: &Silences) -> Option<Muted> {
    if let Some(silence) = silences.muting(&member.labels, now).next() {
        return Some(Muted::Silenced {
            id: silence.id.clone(),
            author: silence.created_by.clone(),
            comment: silence.comment.clone(),
            until: silence.ends_at,
        });
    }
    let alert = alerts.inhibits(&member.labels)?;
    let alertname = alert.labels.get("alertname").unwrap_or("").to_owned();
    Some(Muted::Inhibited { fingerprint: alert.fingerprint(), alertname })
}
