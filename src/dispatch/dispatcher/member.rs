//! One workload on its way: what is wished for it, where that is routed, and what became of it.

use std::cmp::Reverse;
use std::sync::Arc;

use super::GroupId;
use crate::decision::Direction;
use crate::dispatch::muted::Muted;
use crate::dispatch::routing::Routing;
use crate::labels::Labels;
use crate::time::Timestamp;
use crate::workload::{Replicas, Workload};

/// What a decision asks for.
#[derive(Debug, Clone, PartialEq)]
pub struct Wish {
    pub workload: Workload,
    /// What it is routed, silenced and inhibited by.
    pub labels: Labels,
    /// The count that the decision was made from.
    pub from: Replicas,
    /// The count that is wished; the same as `from` withdraws what was wished before.
    pub to: Replicas,
    /// Its place in its group: the lowest go up first and down last.
    pub order: i32,
    pub at: Timestamp,
}

/// Something else changed what we had set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Drift {
    /// What we had set.
    pub set: Replicas,
    /// What was found.
    pub found: Replicas,
    /// When it was found first.
    pub since: Timestamp,
}

/// The part of a wish that is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Pending {
    pub(super) from: Replicas,
    pub(super) to: Replicas,
    pub(super) order: i32,
    /// Since when it is wished to go this way.
    pub(super) since: Timestamp,
}

impl Pending {
    pub(super) fn direction(&self) -> Direction {
        if self.to > self.from { Direction::Up } else { Direction::Down }
    }

    pub(super) fn rank(&self) -> Rank {
        match self.direction() {
            Direction::Up => Rank::Up(self.order),
            Direction::Down => Rank::Down(Reverse(self.order)),
        }
    }
}

/// A place in a batch. What goes up comes first: it takes nothing from anybody.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Rank {
    Up(i32),
    Down(Reverse<i32>),
}

/// A release that has not ended.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct InFlight {
    pub(super) to: Replicas,
    /// The group whose batch it belongs to; `None` where that group is no more.
    pub(super) group: Option<GroupId>,
}

/// What we have set last.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Asserted {
    pub(super) to: Replicas,
    pub(super) at: Timestamp,
}

#[derive(Debug)]
pub(super) struct Member {
    pub(super) labels: Labels,
    /// Places of the routes that the labels take: looked up again only when labels or routes change.
    pub(super) routes: Vec<usize>,
    /// The group that it acts in: of the first of its routes that can act, or of its first.
    pub(super) group: GroupId,
    pub(super) wish: Option<Pending>,
    pub(super) muted: Option<Muted>,
    pub(super) in_flight: Option<InFlight>,
    /// No rule scales it any more; it is let go of when its release has ended.
    pub(super) forgotten: bool,
    pub(super) asserted: Option<Asserted>,
    pub(super) drift: Option<Drift>,
    /// The change that those were told of who only listen.
    pub(super) told: Option<(Replicas, Replicas)>,
    /// What silences and alerts say of the labels, and of which epoch that is.
    pub(super) held: Option<Muted>,
    pub(super) held_epoch: Option<u64>,
}

impl Member {
    pub(super) fn new(routing: &Routing, labels: Labels) -> Self {
        let (routes, group) = placed(routing, &labels);
        Self {
            labels,
            routes,
            group,
            wish: None,
            muted: None,
            in_flight: None,
            forgotten: false,
            asserted: None,
            drift: None,
            told: None,
            held: None,
            held_epoch: None,
        }
    }

    /// Routes it by other labels, or by the same ones anew.
    pub(super) fn place(&mut self, routing: &Routing, labels: Labels) {
        (self.routes, self.group) = placed(routing, &labels);
        self.labels = labels;
        self.held_epoch = None;
    }

    /// Takes note of the count that was found.
    pub(super) fn found(&mut self, found: Replicas, now: Timestamp) {
        // While a release is on its way, either count may be seen.
        let Some(Asserted { to: set, .. }) = self.asserted.filter(|_| self.in_flight.is_none()) else { return };
        if found == set {
            self.drift = None;
        } else {
            let since = self.drift.map_or(now, |drift| drift.since);
            self.drift = Some(Drift { set, found, since });
        }
    }

    /// Whether it is to be told only, by whom.
    pub(super) fn told_by(&self, routing: &Routing) -> Option<Arc<str>> {
        let receiver = &routing.at(self.group.0).receiver;
        (!receiver.acts()).then(|| receiver.name.value.as_str().into())
    }
}

fn placed(routing: &Routing, labels: &Labels) -> (Vec<usize>, GroupId) {
    let routes = routing.places_of(labels);
    let acting = routes.iter().find(|place| routing.at(**place).receiver.acts());
    let route = acting.or(routes.first()).copied().unwrap_or(0);
    let group = (route, routing.at(route).group_of_decision(labels));
    (routes, group)
}
