//! What workloads cost, and who gets how much of what groups share.
//!
//! A limit is divided twice. First by what members want: who has more than that share is to come down to it. But that
//! takes time (windows, policies, silences, a freeze), so what there is to rise into is divided anew, with what each
//! member still holds as its own. While a member has not been seen in the cluster yet, nobody in its group rises.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::view::{CostView, LimitGroupView};
use crate::config::LimitGroup;
use crate::decision::Cap;
use crate::decision::economy::{Budget, Claim, Cost, Limit, Money, Per, Resource, Spend, divide};
use crate::rule;
use crate::time::Timestamp;
use crate::workload::{Replicas, Workload};

/// A workload without a budget is counted by the month, for people to see.
fn counting() -> Budget {
    Budget { amount: Money::from_billionths(u64::MAX), per: Per::Month, zone: jiff::tz::TimeZone::UTC }
}

/// Counts what a workload costs up to `now`.
pub(super) fn count(spend: &mut Option<Spend>, cost: &Cost, replicas: Replicas, now: Timestamp) {
    let budget = cost.budget.clone().unwrap_or_else(counting);
    spend.get_or_insert_with(|| Spend::new(&budget, now)).advance(&budget, now, cost.rate(replicas));
}

/// What a workload's own budget affords.
pub(super) fn affords(spend: Option<&Spend>, cost: &Cost, min: Replicas, now: Timestamp) -> Option<Cap> {
    let (budget, spend) = (cost.budget.as_ref()?, spend?);
    let affords = spend.affordable(budget, cost.per_replica_hour, min, now)?;
    Some(Cap::Budget { affords, spent: spend.spent().as_f64(), budget: budget.amount.as_f64(), per: budget.per })
}

/// What one member of a group asks for.
#[derive(Debug, Clone)]
pub(super) struct Member {
    pub(super) wants: Replicas,
    pub(super) min: Replicas,
    /// What it has, or what an action on its way gives it, if that is more; `None` before it was seen in the cluster.
    pub(super) holds: Option<Replicas>,
    pub(super) economy: rule::Economy,
}

/// The groups of the settings.
#[derive(Debug, Default)]
pub(super) struct Groups {
    groups: BTreeMap<Arc<str>, Group>,
    /// The group of each workload that is in one.
    of: BTreeMap<Workload, Arc<str>>,
}

#[derive(Debug, Clone)]
struct Group {
    limits: Vec<Limit>,
    budget: Option<Budget>,
    spend: Option<Spend>,
    members: BTreeMap<Workload, Member>,
    shares: BTreeMap<Workload, Cap>,
    /// Something is new since shares were last divided.
    stale: bool,
}

/// What a group has spent, for the journal and for people.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub(super) struct GroupSpend {
    pub(super) spend: Option<Spend>,
}

impl Groups {
    pub(super) fn new(written: &[LimitGroup]) -> Self {
        let group = |group: &LimitGroup| {
            let group_of = Group {
                limits: Limit::compile(&group.limits),
                budget: group.budget.as_ref().map(Budget::compile),
                spend: None,
                members: BTreeMap::new(),
                shares: BTreeMap::new(),
                stale: false,
            };
            (group.name.value.as_str().into(), group_of)
        };
        Self { groups: written.iter().map(group).collect(), of: BTreeMap::new() }
    }

    /// Takes other groups and limits. What a group of the same name has spent stays spent.
    pub(super) fn configure(&mut self, written: &[LimitGroup]) {
        let before = std::mem::replace(self, Self::new(written));
        for (name, spent) in before.spends() {
            self.restore(name, spent);
        }
        for (workload, name) in &before.of {
            let member = before.groups.get(name).and_then(|group| group.members.get(workload));
            if let Some(member) = member {
                self.claim(workload, member.clone());
            }
        }
    }

    /// Notes what a member asks for now.
    pub(super) fn claim(&mut self, workload: &Workload, member: Member) {
        let Some(name) = member.economy.group.clone() else { return self.forget(workload) };
        if self.of.get(workload).is_some_and(|before| *before != name) {
            self.forget(workload);
        }
        let Some(group) = self.groups.get_mut(&name) else { return };
        let asks = |member: &Member| (member.wants, member.min, member.holds);
        group.stale |= group.members.get(workload).is_none_or(|before| asks(before) != asks(&member));
        group.members.insert(workload.clone(), member);
        self.of.insert(workload.clone(), name);
    }

    /// An action on its way raises a member to so many.
    pub(super) fn raises(&mut self, workload: &Workload, to: Replicas) {
        let Some(group) = self.of.get(workload).and_then(|name| self.groups.get_mut(name)) else { return };
        if let Some(member) = group.members.get_mut(workload) {
            member.holds = member.holds.max(Some(to));
            group.stale = true;
        }
    }

    /// What a member was known to hold when it last claimed.
    pub(super) fn holds(&self, workload: &Workload) -> Option<Replicas> {
        self.groups.get(self.of.get(workload)?)?.members.get(workload)?.holds
    }

    pub(super) fn forget(&mut self, workload: &Workload) {
        let Some(name) = self.of.remove(workload) else { return };
        if let Some(group) = self.groups.get_mut(&name) {
            group.members.remove(workload);
            group.shares.remove(workload);
            group.stale = true;
        }
    }

    /// Divides anew what is shared, where something has changed; gives the workloads whose share is another now.
    pub(super) fn divide(&mut self, now: Timestamp) -> BTreeSet<Workload> {
        let mut changed = BTreeSet::new();
        for (name, group) in &mut self.groups {
            group.count(now);
            // A budget's pace changes with time; without one only what members ask for matters.
            if group.stale || (group.budget.is_some() && !group.members.is_empty()) {
                group.divide(name, now, &mut changed);
            }
        }
        changed
    }

    /// A workload's share, where a limit binds it.
    pub(super) fn share(&self, workload: &Workload) -> Option<&Cap> {
        self.groups.get(self.of.get(workload)?)?.shares.get(workload)
    }

    /// The share that a workload would have if it asked for this; nobody's share changes.
    pub(super) fn suppose(&self, workload: &Workload, member: Member, now: Timestamp) -> Option<Cap> {
        let (name, group) = self.groups.get_key_value(member.economy.group.as_ref()?)?;
        let mut group = group.clone();
        group.members.insert(workload.clone(), member);
        group.divide(name, now, &mut BTreeSet::new());
        group.shares.remove(workload)
    }

    /// What each group costs, for people to see.
    pub(super) fn views(&self) -> Vec<LimitGroupView> {
        self.groups.iter().map(|(name, group)| group.view(name)).collect()
    }

    /// What each group has spent.
    pub(super) fn spends(&self) -> impl Iterator<Item = (&Arc<str>, GroupSpend)> {
        let spent = self.groups.iter().filter(|(_, group)| group.spend.is_some());
        spent.map(|(name, group)| (name, GroupSpend { spend: group.spend }))
    }

    pub(super) fn restore(&mut self, name: &str, spent: GroupSpend) {
        if let Some(group) = self.groups.get_mut(name) {
            group.spend = spent.spend;
        }
    }
}

impl Group {
    /// Money per hour.
    fn rate(&self) -> Money {
        let price = |member: &Member| {
            let cost = member.economy.cost.as_ref().zip(member.holds);
            cost.map_or(Money::ZERO, |(cost, holds)| cost.rate(holds))
        };
        self.members.values().map(price).fold(Money::ZERO, |sum, rate| sum + rate)
    }

    fn count(&mut self, now: Timestamp) {
        let rate = self.rate();
        let budget = self.budget.clone().unwrap_or_else(counting);
        self.spend.get_or_insert_with(|| Spend::new(&budget, now)).advance(&budget, now, rate);
    }

    fn view(&self, name: &Arc<str>) -> LimitGroupView {
        let cost = CostView {
            rate: self.rate().as_f64(),
            spent: self.spend.as_ref().map_or(0.0, |spend| spend.spent().as_f64()),
            budget: self.budget.as_ref().map(|budget| budget.amount.as_f64()),
        };
        LimitGroupView { name: Arc::clone(name), members: self.members.len(), cost }
    }

    fn divide(&mut self, name: &Arc<str>, now: Timestamp, changed: &mut BTreeSet<Workload>) {
        self.stale = false;
        let mut limits = self.limits.clone();
        if let (Some(budget), Some(spend)) = (&self.budget, &self.spend) {
            limits.push(Limit { resource: Resource::Cost, amount: spend.pace(budget, now).billionths() });
        }
        let unseen = self.members.values().any(|member| member.holds.is_none());
        let claims: Vec<Claim<'_>> = self.members.iter().map(|(workload, member)| member.claim(workload)).collect();
        let wanted = divide(&limits, &claims);
        let held = self.members.values().map(|member| member.holds.unwrap_or_default());
        let held: Vec<Replicas> = held.collect();
        // Beyond what each holds, only what nobody does.
        let rises = claims.iter().zip(&wanted.shares).zip(&held).map(|((claim, share), held)| Claim {
            wants: share.granted.max(*held),
            min: claim.min.min(share.granted).max(*held),
            ..claim.clone()
        });
        let room = divide(&limits, &rises.collect::<Vec<_>>());
        let mut shares = BTreeMap::new();
        for (((claim, wanted), room), held) in claims.iter().zip(&wanted.shares).zip(&room.shares).zip(&held) {
            let rises = wanted.granted > *held;
            let (granted, limited_by) = match limits.first() {
                Some(limit) if rises && unseen => (*held, Some(limit.resource)),
                _ if rises && room.granted < wanted.granted => (room.granted, room.limited_by),
                _ => (wanted.granted, wanted.limited_by),
            };
            if let Some(resource) = limited_by {
                let cap = Cap::Share { granted, group: Arc::clone(name), resource };
                shares.insert(claim.workload.clone(), cap);
            }
        }
        let differs = |workload: &&Workload| shares.get(*workload) != self.shares.get(*workload);
        changed.extend(self.members.keys().filter(differs).cloned());
        self.shares = shares;
    }
}

impl Member {
    fn claim<'a>(&self, workload: &'a Workload) -> Claim<'a> {
        Claim {
            workload,
            wants: self.wants,
            min: self.min,
            priority: self.economy.priority,
            requests: self.economy.requests,
            cost: self.economy.cost.as_ref().map_or(Money::ZERO, |cost| cost.per_replica_hour),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::*;
    use crate::workload::ObjectRef;

    fn named(number: usize) -> Workload {
        let (kind, namespace) = ("Deployment".to_owned(), "shop".to_owned());
        Workload::from(ObjectRef { api_version: String::new(), kind, namespace, name: format!("w{number}") })
    }

    fn groups(replicas: u64) -> Groups {
        let group = Group {
            limits: vec![Limit { resource: Resource::Replicas, amount: replicas }],
            budget: None,
            spend: None,
            members: BTreeMap::new(),
            shares: BTreeMap::new(),
            stale: false,
        };
        Groups { groups: BTreeMap::from([("g".into(), group)]), of: BTreeMap::new() }
    }

    fn member(wants: Replicas, holds: Option<Replicas>, priority: i32) -> Member {
        let economy = rule::Economy { priority, group: Some("g".into()), ..rule::Economy::default() };
        Member { wants, min: 0, holds, economy }
    }

    /// How far a member may go.
    fn granted(groups: &Groups, number: usize) -> Option<Replicas> {
        groups.share(&named(number)).map(|cap| match cap {
            Cap::Share { granted, .. } => *granted,
            Cap::Budget { .. } => unreachable!("a group gives shares"),
        })
    }

    #[test]
    fn what_a_member_still_holds_is_nobody_elses() {
        let mut groups = groups(12);
        groups.claim(&named(0), member(2, Some(10), 0));
        groups.claim(&named(1), member(10, Some(2), 0));
        groups.divide(Timestamp::MIN);
        assert_eq!((granted(&groups, 0), granted(&groups, 1)), (None, Some(2)));
        groups.claim(&named(0), member(2, Some(2), 0));
        groups.divide(Timestamp::MIN);
        assert_eq!((granted(&groups, 0), granted(&groups, 1)), (None, None));
        groups.raises(&named(1), 10);
        groups.claim(&named(0), member(9, Some(2), 0));
        groups.divide(Timestamp::MIN);
        assert_eq!(granted(&groups, 0), Some(2), "what is on its way is held already");
    }

    #[test]
    fn nobody_rises_while_a_member_has_not_been_seen() {
        let mut groups = groups(12);
        groups.claim(&named(0), member(5, Some(3), 0));
        groups.claim(&named(1), member(0, None, 0));
        groups.divide(Timestamp::MIN);
        assert_eq!(granted(&groups, 0), Some(3));
        groups.claim(&named(1), member(0, Some(0), 0));
        groups.divide(Timestamp::MIN);
        assert_eq!(granted(&groups, 0), None);
    }

    proptest! {
        #[test]
        fn together_they_never_rise_beyond_the_limit(
            limit in 0..40u64,
            mut holds in vec(0..15u32, 1..6),
            rounds in vec(vec((0..30u32, -1..2i32, 0..=8u32), 6), 1..8),
        ) {
            let mut groups = groups(limit);
            for round in rounds {
                for (number, (holds, (wants, priority, _))) in holds.iter().zip(&round).enumerate() {
                    groups.claim(&named(number), member(*wants, Some(*holds), *priority));
                }
                groups.divide(Timestamp::MIN);
                let before: u32 = holds.iter().sum();
                // Each goes some eighths of the way, up or down.
                for (number, (holds, (wants, _, part))) in holds.iter_mut().zip(&round).enumerate() {
                    let to = (*wants).min(granted(&groups, number).unwrap_or(*wants));
                    *holds = (*holds * (8 - part) + to * part) / 8;
                }
                let after: u32 = holds.iter().sum();
                prop_assert!(u64::from(after) <= limit.max(before.into()), "{before} -> {after} of {limit}");
            }
        }
    }
}
