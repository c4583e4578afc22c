//! Wishes → releases: the state machine between a decision and its action.
//!
//! A wish is routed by its labels to the first of its routes that can act, and joins the group of that route which its
//! labels belong to. A group waits `group_wait` from the oldest wish that may be carried out, and `group_interval` from
//! its last batch; then all of it that may be carried out is a batch. A batch acts in ranks: what goes up by ascending
//! order, then what goes down by descending order. A rank is released when the one before has ended well; where one has
//! not, the rest is stopped, and waits for it to be tried again (a minute at most).
//!
//! What is silenced, inhibited or closed by a time interval is left out of batches, and the others go on without it:
//! whoever silences a workload has taken it over.
//!
//! Drift: what was released and ended well is what we have set. Where a later decision finds another count, something
//! else has changed it. A wish to go back to what was set is held until `repeat_interval` after the last time that it
//! was set, where the route gives one. A wish for any other count is a new decision, and is not held.
//!
//! Never here: a clock, an actuator. What is released is in flight until [`Dispatcher::ended`].

mod examine;
mod group;
mod member;
mod stored;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

pub use member::{Drift, Wish};
pub use stored::{SetCount, StoredDispatch, StoredFlush};

use group::Group;
use member::{Asserted, Member, Pending};

use super::action::Outcome;
use super::alerts::Alerts;
use super::interval::Hours;
use super::muted::Muted;
use super::routing::Routing;
use super::silences::Silences;
use crate::config::Receiver;
use crate::labels::Labels;
use crate::time::Timestamp;
use crate::workload::{Replicas, Workload};

/// A group: the place of its route, and what its members have in common.
type GroupId = (usize, Labels);

/// A wish that may be carried out now.
#[derive(Debug, Clone, PartialEq)]
pub struct Release {
    pub workload: Workload,
    pub labels: Labels,
    pub from: Replicas,
    pub to: Replicas,
    /// Who carries it out. `None` where its routes lead only to receivers that tell: it ends by itself.
    pub actor: Option<Arc<Receiver>>,
    /// Who is told of it.
    pub tell: Vec<Arc<Receiver>>,
    /// The group that it acts in, as Alertmanager writes group keys.
    pub group_key: String,
    pub group_labels: Labels,
    /// Something else had changed what we set before.
    pub drift: Option<Drift>,
}

/// How a release ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// The workload was scaled.
    Scaled,
    /// All is well, and nothing was set: a dry run.
    Told,
    /// It was not scaled.
    Failed,
}

impl From<&Outcome> for End {
    fn from(outcome: &Outcome) -> Self {
        match outcome {
            Outcome::Done => Self::Scaled,
            Outcome::Simulated => Self::Told,
            Outcome::Conflict | Outcome::Failed(_) | Outcome::Refused(_) => Self::Failed,
        }
    }
}

/// Holds each workload's newest wish until it may be carried out.
#[derive(Debug)]
pub struct Dispatcher {
    routing: Arc<Routing>,
    members: BTreeMap<Workload, Member>,
    groups: BTreeMap<GroupId, Group>,
    /// Groups to look at in the next release.
    changed: BTreeSet<GroupId>,
    agenda: BTreeSet<(Timestamp, GroupId)>,
    hours: Hours,
    /// What silences and alerts were like when last looked at.
    seen: Seen,
    /// Counts the times that those, or the hours, have changed.
    epoch: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Seen {
    silences: u64,
    inhibition: u64,
    /// Until when that is so.
    until: Timestamp,
}

impl Dispatcher {
    #[must_use]
    pub fn new(routing: Arc<Routing>) -> Self {
        Self {
            routing,
            members: BTreeMap::new(),
            groups: BTreeMap::new(),
            changed: BTreeSet::new(),
            agenda: BTreeSet::new(),
            hours: Hours::new(),
            seen: Seen { silences: 0, inhibition: 0, until: Timestamp::MIN },
            epoch: 0,
        }
    }

    /// Takes other routes. What is wished is routed anew; a batch goes on with those of its members that stay in its
    /// group, where that is still there.
    pub fn reconfigure(&mut self, routing: Arc<Routing>) {
        let moved = |(place, labels): &GroupId| {
            let place = routing.place_of(&self.routing.at(*place).key)?;
            Some((place, labels.clone()))
        };
        let mut groups = BTreeMap::new();
        for (id, mut group) in std::mem::take(&mut self.groups) {
            if let Some(id) = moved(&id) {
                (group.due, group.pending) = (None, BTreeSet::new());
                groups.insert(id, group);
            }
        }
        for (workload, member) in &mut self.members {
            let before = moved(&member.group);
            // A release whose group is gone ends in none.
            if let Some(flight) = &mut member.in_flight {
                flight.group = flight.group.as_ref().and_then(moved);
            }
            member.place(&routing, member.labels.clone());
            let stays = before.as_ref() == Some(&member.group);
            let waits = |group: &Group| group.batch.as_ref().is_some_and(|batch| batch.holds(workload));
            if !stays && let Some(group) = before.and_then(|id| groups.get_mut(&id)) {
                group.remove(workload);
                group.resume(workload);
            }
            if member.wish.is_some() && !(stays && groups.get(&member.group).is_some_and(waits)) {
                groups.entry(member.group.clone()).or_default().pending.insert(workload.clone());
            }
        }
        self.changed = groups.keys().cloned().collect();
        self.groups = groups;
        self.agenda.clear();
        self.hours.reset();
        self.seen.until = Timestamp::MIN;
        self.epoch += 1;
        self.routing = routing;
    }

    /// The newest decision on a workload. Wish only what may be tried now: a workload that waits after a failure is
    /// not to be wished before its time, for its group waits for it.
    pub fn wish(&mut self, wish: Wish) {
        let Wish { workload, labels, from, to, order, at } = wish;
        if from == to {
            self.settled(&workload, from, at);
            return;
        }
        let member = match self.members.get_mut(&workload) {
            Some(member) => {
                if member.labels != labels {
                    let before = member.group.clone();
                    member.place(&self.routing, labels);
                    if before != member.group {
                        leave(&mut self.groups, &mut self.changed, &before, &workload);
                    }
                }
                member
            }
            None => self.members.entry(workload.clone()).or_insert_with(|| Member::new(&self.routing, labels)),
        };
        member.forgotten = false;
        member.found(from, at);
        let mut pending = Pending { from, to, order, since: at };
        let before = member.wish;
        if let Some(before) = before.filter(|before| before.direction() == pending.direction()) {
            pending.since = before.since;
        }
        if before == Some(pending) && self.groups.get(&member.group).is_some_and(|group| group.knows(&workload)) {
            return;
        }
        member.wish = Some(pending);
        let group = self.groups.entry(member.group.clone()).or_default();
        let same_rank = before.is_some_and(|before| before.rank() == pending.rank());
        if !same_rank && let Some(batch) = &mut group.batch {
            batch.remove(&workload);
        }
        if !group.batch.as_ref().is_some_and(|batch| batch.waits(&workload)) {
            group.pending.insert(workload);
        }
        self.changed.insert(member.group.clone());
    }

    /// Nothing is wished for a workload, or no longer: the count that was found is as it should be. The same as a wish
    /// for that count, without the labels that nobody looks at then.
    pub fn settled(&mut self, workload: &Workload, found: Replicas, now: Timestamp) {
        let Some(member) = self.members.get_mut(workload) else { return };
        member.forgotten = false;
        member.found(found, now);
        self.withdraw(workload);
    }

    /// Nothing is wished for a workload any longer, for nobody knows how many it has.
    pub fn withdraw(&mut self, workload: &Workload) {
        let Some(member) = self.members.get_mut(workload) else { return };
        let awaited = self.groups.get(&member.group).is_some_and(|group| group.is_failing(workload));
        if member.wish.take().is_some() || member.muted.is_some() || awaited {
            (member.muted, member.told) = (None, None);
            leave(&mut self.groups, &mut self.changed, &member.group, workload);
        }
    }

    /// No rule scales it any more. Its group goes on without it.
    pub fn forget(&mut self, workload: &Workload) {
        let Some(member) = self.members.get_mut(workload) else { return };
        leave(&mut self.groups, &mut self.changed, &member.group, workload);
        if member.in_flight.is_some() {
            member.forgotten = true;
            (member.wish, member.muted) = (None, None);
        } else {
            self.members.remove(workload);
        }
    }

    /// What became of a release.
    pub fn ended(&mut self, workload: &Workload, end: End, now: Timestamp) {
        let Some(member) = self.members.get_mut(workload) else { return };
        let Some(flight) = member.in_flight.take() else { return };
        let ok = end != End::Failed;
        if end == End::Scaled {
            member.asserted = Some(Asserted { to: flight.to, at: now });
            member.drift = None;
        }
        // A wish that was made from the count before is out of date.
        if !(ok && member.wish.is_some_and(|wish| wish.from == flight.to)) {
            member.wish = None;
            if let Some(group) = self.groups.get_mut(&member.group) {
                group.remove(workload);
            }
        }
        self.changed.insert(member.group.clone());
        // Nobody waits for one that has left.
        let left = member.forgotten || flight.group.as_ref() != Some(&member.group);
        if member.forgotten {
            self.members.remove(workload);
        }
        let Some(id) = flight.group else { return };
        let interval = self.routing.at(id.0).decisions.group_interval;
        let group = self.groups.get_mut(&id);
        for other in group.map(|group| group.ended(workload, ok || left, interval, now)).unwrap_or_default() {
            if let Some(other) = self.members.get_mut(&other) {
                (other.wish, other.muted) = (None, Some(Muted::BatchStopped { by: workload.clone() }));
            }
        }
        self.changed.insert(id);
    }

    /// The wishes that may be carried out now; they are in flight from now on. `alerts` have been advanced to `now`.
    pub fn release(&mut self, now: Timestamp, alerts: &Alerts, silences: &Silences) -> Vec<Release> {
        self.look(now, alerts, silences);
        while let Some((at, id)) = self.agenda.first() {
            if *at > now {
                break;
            }
            self.changed.insert(id.clone());
            self.agenda.pop_first();
        }
        let mut released = Vec::new();
        for id in std::mem::take(&mut self.changed) {
            let due = self.examine(&id, now, alerts, silences, &mut released);
            self.set_due(&id, due);
        }
        released
    }

    /// Looks whether silences, alerts or hours have changed: then all that is wished is looked at again.
    fn look(&mut self, now: Timestamp, alerts: &Alerts, silences: &Silences) {
        let (silenced, inhibition) = (silences.version(), alerts.inhibition_version());
        let hours = self.hours.refresh(&self.routing, now);
        let same = (self.seen.silences, self.seen.inhibition) == (silenced, inhibition) && now < self.seen.until;
        if same && !hours {
            return;
        }
        let until = silences.next_change(now).unwrap_or(Timestamp::MAX);
        self.seen = Seen { silences: silenced, inhibition, until };
        self.epoch += 1;
        self.changed.extend(self.groups.iter().filter(|(_, group)| !group.is_idle()).map(|(id, _)| id.clone()));
    }

    fn set_due(&mut self, id: &GroupId, due: Option<Timestamp>) {
        let Some(group) = self.groups.get_mut(id) else { return };
        if group.due == due {
            // Its entry may have been taken off.
            self.agenda.extend(due.map(|at| (at, id.clone())));
            return;
        }
        if let Some(before) = std::mem::replace(&mut group.due, due) {
            self.agenda.remove(&(before, id.clone()));
        }
        self.agenda.extend(due.map(|at| (at, id.clone())));
    }

    /// What keeps a workload's wish from being carried out; as of the last release.
    #[must_use]
    pub fn muted(&self, workload: &Workload) -> Option<&Muted> {
        self.members.get(workload)?.muted.as_ref()
    }

    /// What something else has made of what we set.
    #[must_use]
    pub fn drift(&self, workload: &Workload) -> Option<Drift> {
        self.members.get(workload)?.drift
    }

    /// Whether a release of it has not ended.
    #[must_use]
    pub fn in_flight(&self, workload: &Workload) -> bool {
        self.members.get(workload).is_some_and(|member| member.in_flight.is_some())
    }

    /// When to release again though nothing is heard before.
    #[must_use]
    pub fn next_due(&self) -> Option<Timestamp> {
        let agenda = self.agenda.first().map(|(at, _)| *at);
        let waits = self.groups.values().any(|group| !group.is_idle());
        let outside = [self.seen.until, self.hours.until()];
        let outside = outside.into_iter().filter(|at| waits && *at != Timestamp::MAX && *at != Timestamp::MIN);
        agenda.into_iter().chain(outside).min()
    }
}

/// Takes a workload out of a group, which is to be looked at.
fn leave(groups: &mut BTreeMap<GroupId, Group>, changed: &mut BTreeSet<GroupId>, id: &GroupId, workload: &Workload) {
    if let Some(group) = groups.get_mut(id) {
        group.remove(workload);
        group.resume(workload);
        changed.insert(id.clone());
    }
}
