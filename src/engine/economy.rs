//! What workloads cost, and who gets how much of what groups share.

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
    pub(super) current: Replicas,
    pub(super) economy: rule::Economy,
}

/// The groups of the settings.
#[derive(Debug, Default)]
pub(super) struct Groups {
    groups: BTreeMap<Arc<str>, Group>,
    /// The group of each workload that is in one.
    of: BTreeMap<Workload, Arc<str>>,
}

#[derive(Debug)]
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

    /// Notes what a member asks for now.
    pub(super) fn claim(&mut self, workload: &Workload, member: Member) {
        let Some(name) = member.economy.group.clone() else { return self.forget(workload) };
        if self.of.get(workload).is_some_and(|before| *before != name) {
            self.forget(workload);
        }
        let Some(group) = self.groups.get_mut(&name) else { return };
        let asks = |member: &Member| (member.wants, member.min, member.current);
        group.stale |= group.members.get(workload).is_none_or(|before| asks(before) != asks(&member));
        group.members.insert(workload.clone(), member);
        self.of.insert(workload.clone(), name);
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
        let price =
            |member: &Member| member.economy.cost.as_ref().map_or(Money::ZERO, |cost| cost.rate(member.current));
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
        let claims: Vec<Claim<'_>> = self.members.iter().map(|(workload, member)| member.claim(workload)).collect();
        let division = divide(&limits, &claims);
        let mut shares = BTreeMap::new();
        for (claim, share) in claims.iter().zip(&division.shares) {
            if let Some(resource) = share.limited_by {
                let cap = Cap::Share { granted: share.granted, group: Arc::clone(name), resource };
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
