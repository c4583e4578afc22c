//! Which decisions may be carried out now: groups that wait and act together, one rank after the other.
//!
//! A [`Wish`] joins the group that its route makes of its labels. A group waits `group_wait` from its first wish and
//! `group_interval` from its last batch; then its members that nothing mutes act as one batch: scale-ups first, those of
//! low order before those of high order, then scale-downs the other way round. A rank begins when all of the one before
//! have ended well; a failure stops the rest, which is decided anew.
//!
//! Where nothing is configured each workload is a group of its own that waits for nothing.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

use super::alerts::Alerts;
use super::inhibit::inhibited;
use super::muted::Muted;
use super::route::Routing;
use super::silences::Silences;
use crate::labels::Labels;
use crate::time::Timestamp;
use crate::workload::{Replicas, Workload};

/// What a workload is to become.
#[derive(Debug, Clone, PartialEq)]
pub struct Wish {
    pub workload: Workload,
    /// The rule's labels, and `workload`, `namespace`, `kind`, `name`, `rule` and `direction`.
    pub labels: Labels,
    pub from: Replicas,
    pub to: Replicas,
    /// In a batch, lower ones go up first and down last.
    pub order: i32,
    /// Since when somebody else's count stands in the place of ours.
    pub drifted_at: Option<Timestamp>,
}

/// A group: the route's place and the labels that its members share.
type GroupKey = (usize, Vec<(String, String)>);

/// In which order members act: up before down, then by order, then by turn.
type Rank = (bool, i32);

/// Holds wishes until they may be carried out.
#[derive(Debug, Default)]
pub struct Dispatcher {
    routing: Arc<Routing>,
    wishes: BTreeMap<Workload, Waiting>,
    groups: BTreeMap<GroupKey, Group>,
    /// The group of each action on its way.
    running: BTreeMap<Workload, GroupKey>,
    /// Groups in which something waits.
    open: BTreeSet<GroupKey>,
    /// When something may be released though nothing is heard.
    next_due: Option<Timestamp>,
}

/// A wish and where it stands.
#[derive(Debug)]
struct Waiting {
    wish: Wish,
    /// The group of the first route that scales.
    group: Option<GroupKey>,
    muted: Option<Muted>,
}

#[derive(Debug, Default)]
struct Group {
    members: BTreeSet<Workload>,
    first_at: Option<Timestamp>,
    batch_at: Option<Timestamp>,
    /// The ranks of the batch that have not begun.
    ranks: VecDeque<(Rank, Vec<Workload>)>,
    running: BTreeSet<Workload>,
    /// The member that failed; it goes first when it is tried again.
    stopped_by: Option<Workload>,
}

impl Dispatcher {
    #[must_use]
    pub fn new(routing: Arc<Routing>) -> Self {
        Self { routing, ..Self::default() }
    }

    /// The tree in force.
    #[must_use]
    pub fn routing(&self) -> &Arc<Routing> {
        &self.routing
    }

    /// Notes what a workload is to become; it takes the place of what was wished for it before.
    pub fn wish(&mut self, wish: Wish, now: Timestamp) {
        let before = self.wishes.get(&wish.workload);
        // The route is looked up once for labels that stay the same: a fleet wishes many times a second.
        let group = match before {
            Some(before) if before.wish.labels == wish.labels => before.group.clone(),
            _ => self.group_of(&wish.labels),
        };
        let left = before.and_then(|before| before.group.clone()).filter(|left| Some(left) != group.as_ref());
        if let Some(left) = left {
            self.leave(&left, &wish.workload);
        }
        let muted = if let Some(key) = &group {
            let joined = self.groups.entry(key.clone()).or_default();
            joined.members.insert(wish.workload.clone());
            joined.first_at.get_or_insert(now);
            self.open.insert(key.clone());
            None
        } else {
            Some(Muted::NoActuator)
        };
        self.wishes.insert(wish.workload.clone(), Waiting { wish, group, muted });
    }

    /// The workload wants nothing any more, or is gone.
    pub fn withdraw(&mut self, workload: &Workload) {
        for key in &self.open {
            if let Some(group) = self.groups.get_mut(key) {
                group.stopped_by.take_if(|by| by == workload);
            }
        }
        if let Some(waiting) = self.wishes.remove(workload)
            && let Some(key) = waiting.group
        {
            self.leave(&key, workload);
        }
    }

    /// What keeps a workload's wish from being carried out, if there is a wish.
    #[must_use]
    pub fn muted(&self, workload: &Workload) -> Option<&Muted> {
        self.wishes.get(workload)?.muted.as_ref()
    }

    /// The workload can't be scaled for now (a retry waits, an action is on its way), but still wants it.
    pub fn hold(&mut self, workload: &Workload) {
        if let Some(waiting) = self.wishes.remove(workload)
            && let Some(key) = waiting.group
        {
            self.leave(&key, workload);
        }
    }

    /// All wishes that wait, with what keeps each.
    pub fn waiting(&self) -> impl Iterator<Item = (&Workload, Option<&Muted>)> {
        self.wishes.iter().map(|(workload, waiting)| (workload, waiting.muted.as_ref()))
    }

    /// An action has ended. Where it failed, the rest of its batch does not begin, and the group waits until the failed
    /// one has been tried again.
    pub fn ended(&mut self, workload: &Workload, well: bool) {
        let Some(key) = self.running.remove(workload) else { return };
        let Some(group) = self.groups.get_mut(&key) else { return };
        group.running.remove(workload);
        if !well {
            group.ranks.clear();
            group.stopped_by = Some(workload.clone());
        }
        self.open.insert(key);
    }

    /// Takes the wishes that may be carried out now. Each has to be answered by [`ended`](Self::ended).
    pub fn release(&mut self, now: Timestamp, silences: &Silences, alerts: &Alerts) -> Vec<Wish> {
        let mut released = Vec::new();
        let mut due: Option<Timestamp> = None;
        for key in self.open.clone() {
            let mut pass = Pass {
                routing: &self.routing,
                wishes: &mut self.wishes,
                silences,
                alerts,
                now,
                due: &mut due,
                released: &mut released,
            };
            let Some(group) = self.groups.get_mut(&key) else { continue };
            let before = pass.released.len();
            pass.group(&key, group);
            for wish in pass.released.iter().skip(before) {
                self.running.insert(wish.workload.clone(), key.clone());
            }
            if group.members.is_empty() && group.running.is_empty() && group.stopped_by.is_none() {
                self.open.remove(&key);
                // What a group waits for after its last batch has to be remembered; a group that waits for nothing has
                // nothing to remember.
                let waits = self.routing.at(key.0).map(|route| route.for_decisions().group_interval);
                if waits.is_none_or(|interval| interval.is_zero()) {
                    self.groups.remove(&key);
                }
            }
        }
        let quiet_ends = silences.next_change(now).filter(|_| !self.wishes.is_empty());
        self.next_due = due.into_iter().chain(quiet_ends).filter(|at| *at > now).min();
        released
    }

    /// When something may be released though nothing is heard.
    #[must_use]
    pub fn next_due(&self) -> Option<Timestamp> {
        self.next_due
    }

    /// The group of the first route whose receiver scales.
    fn group_of(&self, labels: &Labels) -> Option<GroupKey> {
        self.routing.route(labels).into_iter().find_map(|at| {
            let route = self.routing.at(at).filter(|route| self.routing.receiver(route).scales)?;
            let group = route.group_of_decision(labels);
            Some((at, group.iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect()))
        })
    }

    fn leave(&mut self, key: &GroupKey, workload: &Workload) {
        let Some(group) = self.groups.get_mut(key) else { return };
        group.members.remove(workload);
        for (_, rank) in &mut group.ranks {
            rank.retain(|one| one != workload);
        }
        if group.members.is_empty() {
            group.first_at = None;
        }
    }
}

/// One look at the groups.
struct Pass<'a> {
    routing: &'a Routing,
    wishes: &'a mut BTreeMap<Workload, Waiting>,
    silences: &'a Silences,
    alerts: &'a Alerts,
    now: Timestamp,
    due: &'a mut Option<Timestamp>,
    released: &'a mut Vec<Wish>,
}

impl Pass<'_> {
    fn group(&mut self, key: &GroupKey, group: &mut Group) {
        if !group.running.is_empty() {
            self.wait_for_batch(group);
            return;
        }
        if self.next_rank(group) {
            return;
        }
        if let Some(by) = group.stopped_by.clone().filter(|by| !group.members.contains(by)) {
            self.stopped(group, &by);
            return;
        }
        group.stopped_by = None;
        let Some(route) = self.routing.at(key.0) else { return };
        let waits = route.for_decisions();
        let opens_at = group.first_at.map(|at| at + waits.group_wait);
        let again_at = group.batch_at.map(|at| at + waits.group_interval);
        let until = opens_at.max(again_at).filter(|until| *until > self.now);
        let mut ranks: BTreeMap<Rank, Vec<Workload>> = BTreeMap::new();
        for workload in &group.members {
            let Some(waiting) = self.wishes.get(workload) else { continue };
            let wish = waiting.wish.clone();
            let muted = self.muted(key.0, &wish).or(until.map(|until| Muted::Group { until }));
            if muted.is_none() {
                let down = wish.to < wish.from;
                let order = if down { wish.order.saturating_neg() } else { wish.order };
                ranks.entry((down, order)).or_default().push(workload.clone());
            }
            if let Some(waiting) = self.wishes.get_mut(workload) {
                waiting.muted = muted;
            }
        }
        if let Some(until) = until.filter(|_| !group.members.is_empty()) {
            self.due_at(until);
        }
        if let Some(change) = self.routing.next_change(route, self.now).filter(|_| !group.members.is_empty()) {
            self.due_at(change);
        }
        if !ranks.is_empty() {
            group.batch_at = Some(self.now);
            group.first_at = None;
            group.ranks = ranks.into_iter().collect();
            self.next_rank(group);
            self.wait_for_batch(group);
        }
    }

    /// Begins the next rank of a batch in which somebody still wishes something; `false` where there is none.
    fn next_rank(&mut self, group: &mut Group) -> bool {
        while let Some((_, workloads)) = group.ranks.pop_front() {
            for workload in workloads {
                let Some(waiting) = self.wishes.remove(&workload) else { continue };
                group.members.remove(&workload);
                group.running.insert(workload);
                self.released.push(waiting.wish);
            }
            if !group.running.is_empty() {
                return true;
            }
        }
        false
    }

    fn stopped(&mut self, group: &Group, by: &Workload) {
        for workload in &group.members {
            if let Some(waiting) = self.wishes.get_mut(workload) {
                waiting.muted = Some(Muted::BatchStopped { by: by.clone() });
            }
        }
    }

    fn wait_for_batch(&mut self, group: &Group) {
        let Some(first) = group.running.first() else { return };
        for workload in &group.members {
            if let Some(waiting) = self.wishes.get_mut(workload) {
                waiting.muted = Some(Muted::Batch { after: first.clone() });
            }
        }
    }

    fn muted(&mut self, route: usize, wish: &Wish) -> Option<Muted> {
        let route = self.routing.at(route)?;
        if let Some(silence) = self.silences.muting(&wish.labels, self.now).next() {
            let (id, by, comment) = (silence.id.clone(), silence.created_by.clone(), silence.comment.clone());
            return Some(Muted::Silenced { id, by, comment });
        }
        if let Some(by) = inhibited(&self.routing.inhibitions, &wish.labels, self.alerts.iter(), self.now) {
            return Some(Muted::Inhibited(by));
        }
        if let Some(name) = self.routing.muted_by(route, self.now) {
            return Some(Muted::TimeInterval { name: Arc::clone(name) });
        }
        let until = wish.drifted_at? + route.for_decisions().repeat_interval?;
        (until > self.now).then(|| {
            self.due_at(until);
            Muted::Drift { until }
        })
    }

    fn due_at(&mut self, at: Timestamp) {
        *self.due = Some(self.due.map_or(at, |due| due.min(at)));
    }
}
