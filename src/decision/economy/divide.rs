//! Divides what several workloads share: replicas, CPU, memory or money per hour.
//!
//! Minimums come first, whatever the limits say. Then comes strict priority, the higher first. Within one priority,
//! replicas are handed out one by one, in proportion to what each claim wants beyond its minimum, by the divisor method
//! of Webster and Sainte-Laguë: the n-th replica of a claim that wants `e` more has the turn `(2n - 1) / 2e`, and the
//! earliest turn is next; at the same turn the workload whose name sorts first. (Largest remainders would give some
//! workload fewer when the limit grows, the "Alabama paradox"; a divisor method never does.
//! M. L. Balinski and H. P. Young, "Fair Representation", 1982.)
//!
//! The first replica that no longer fits closes the resource that it lacks to all whose turn comes later: who needs less
//! of it does not slip past, so that a large pod of high priority is not starved by small ones that fill each gap. Those
//! who need nothing of that resource go on.
//!
//! It follows that a larger limit gives nobody fewer, as long as every claim needs some of each limited resource. Where
//! one does not, it may: more CPU lets a workload grow that then takes memory from one that needs no CPU.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use serde::{Deserialize, Serialize};

use crate::workload::{Replicas, Workload};

use super::Money;

/// What can be short.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Resource {
    /// Pods.
    Replicas,
    /// In thousandths of a core.
    Cpu,
    /// In bytes.
    Memory,
    /// In billionths of money per hour.
    Cost,
}

impl Resource {
    /// In the order in which they are reported.
    pub const ALL: [Self; 4] = [Self::Replicas, Self::Cpu, Self::Memory, Self::Cost];

    /// One word for logs, metrics and reasons.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Replicas => "replicas",
            Self::Cpu => "cpu",
            Self::Memory => "memory",
            Self::Cost => "cost",
        }
    }
}

/// How much there is of something, for all claims together, in the unit that [`Resource`] names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limit {
    pub resource: Resource,
    pub amount: u64,
}

/// What one replica asks of its node.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Requests {
    pub cpu_millis: u64,
    pub memory_bytes: u64,
}

/// What one workload would like to have.
#[derive(Debug, Clone, PartialEq)]
pub struct Claim<'a> {
    /// Each workload claims once.
    pub workload: &'a Workload,
    pub wants: Replicas,
    /// What it gets in any case, unless it wants less.
    pub min: Replicas,
    /// The higher is served first.
    pub priority: i32,
    /// Of one replica.
    pub requests: Requests,
    /// Of one replica, per hour.
    pub cost: Money,
}

impl Claim<'_> {
    /// What it gets whatever the limits are.
    fn base(&self) -> Replicas {
        self.wants.min(self.min)
    }

    /// What one replica needs of a resource.
    fn need(&self, resource: Resource) -> u64 {
        match resource {
            Resource::Replicas => 1,
            Resource::Cpu => self.requests.cpu_millis,
            Resource::Memory => self.requests.memory_bytes,
            Resource::Cost => self.cost.billionths(),
        }
    }
}

/// What one claim gets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Share {
    pub granted: Replicas,
    /// Which resource it would have needed more of; `None` where it gets all that it wants.
    pub limited_by: Option<Resource>,
}

/// What all claims get.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Division {
    /// In the order of the claims.
    pub shares: Vec<Share>,
    /// The resources that minimums alone exceed. They are granted nevertheless.
    pub exceeded: Vec<Resource>,
}

/// Divides what `limits` leave among `claims`. Of several limits on one resource the smallest counts.
///
/// Nobody gets more than it wants, nor less than its minimum (or what it wants, if that is less). Apart from minimums
/// all limits hold at once. The order of the claims changes nothing.
#[must_use]
pub fn divide(limits: &[Limit], claims: &[Claim<'_>]) -> Division {
    let mut pots = Pots::new(limits);
    let mut shares: Vec<Share> = claims.iter().map(|claim| Share { granted: claim.base(), limited_by: None }).collect();
    for claim in claims {
        pots.take(claim, claim.base());
    }
    let exceeded = pots.close_exceeded();

    let mut open: Vec<Open<'_>> = claims
        .iter()
        .zip(&mut shares)
        .filter(|(claim, _)| claim.wants > claim.base())
        .map(|(claim, share)| Open { claim, share, more: claim.wants - claim.base(), given: 0 })
        .collect();
    open.sort_by(|one, other| {
        (Reverse(one.claim.priority), &**one.claim.workload)
            .cmp(&(Reverse(other.claim.priority), &**other.claim.workload))
    });
    for rank in open.chunk_by_mut(|one, other| one.claim.priority == other.claim.priority) {
        serve(&mut pots, rank);
    }
    Division { shares, exceeded }
}

/// A claim that wants more than its minimum.
struct Open<'a> {
    claim: &'a Claim<'a>,
    share: &'a mut Share,
    /// How many it wants beyond the minimum; at least 1.
    more: Replicas,
    /// How many of these it has.
    given: Replicas,
}

impl Open<'_> {
    fn served(&self) -> bool {
        self.given == self.more || self.share.limited_by.is_some()
    }

    fn give(&mut self, count: Replicas) {
        self.given += count;
        self.share.granted += count;
    }

    /// How many replicas have had their turn by `turn`, in parts of [`TURNS`].
    fn due(&self, turn: u64) -> Replicas {
        // (2n - 1) / 2e <= turn / TURNS, solved for n.
        let due = (2 * u128::from(self.more) * u128::from(turn) + u128::from(TURNS)) / (2 * u128::from(TURNS));
        Replicas::try_from(due).unwrap_or(self.more).clamp(self.given, self.more)
    }

    /// When the next replica has its turn: `(2n - 1) / e`, as a fraction.
    fn turn(&self) -> Turn {
        Turn { over: 2 * u64::from(self.given) + 1, under: self.more.into() }
    }
}

/// The whole round, in which everybody gets all. Finer than one in the largest count, so that few replicas are left
/// to hand out one by one.
const TURNS: u64 = 1 << 33;

/// A fraction, compared exactly.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Turn {
    over: u64,
    under: u64,
}

impl Ord for Turn {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        let cross = |one: &Self, other: &Self| u128::from(one.over) * u128::from(other.under);
        cross(self, other).cmp(&cross(other, self))
    }
}

impl PartialOrd for Turn {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

/// Serves the claims of one priority, which are sorted by workload.
fn serve(pots: &mut Pots, rank: &mut [Open<'_>]) {
    // Each round closes a resource or serves everybody.
    loop {
        for open in rank.iter_mut().filter(|open| !open.served()) {
            open.share.limited_by = pots.closed_to(open.claim);
        }
        if rank.iter().all(Open::served) {
            return;
        }
        leap(pots, rank);
        step(pots, rank);
    }
}

/// Hands out all replicas up to the latest turn at which everything still fits.
fn leap(pots: &mut Pots, rank: &mut [Open<'_>]) {
    let fits = |turn: u64| {
        let mut after = pots.clone();
        for open in rank.iter().filter(|open| !open.served()) {
            after.take(open.claim, open.due(turn) - open.given);
        }
        after.within()
    };
    let (mut fit, mut misfit) = (0, TURNS + 1);
    if fits(TURNS) {
        fit = TURNS;
    } else {
        while misfit - fit > 1 {
            let middle = fit + (misfit - fit) / 2;
            if fits(middle) {
                fit = middle;
            } else {
                misfit = middle;
            }
        }
    }
    for open in rank.iter_mut().filter(|open| !open.served()) {
        let count = open.due(fit) - open.given;
        pots.take(open.claim, count);
        open.give(count);
    }
}

/// Hands out replicas one by one until one does not fit, and closes the resource that it lacks.
fn step(pots: &mut Pots, rank: &mut [Open<'_>]) {
    let waiting = rank.iter().enumerate().filter(|(_, open)| !open.served());
    let mut queue: BinaryHeap<Reverse<(Turn, usize)>> = waiting.map(|(at, open)| Reverse((open.turn(), at))).collect();
    while let Some(Reverse((_, at))) = queue.pop() {
        let Some(open) = rank.get_mut(at) else { continue };
        if pots.close(open.claim) {
            return;
        }
        pots.take(open.claim, 1);
        open.give(1);
        if !open.served() {
            queue.push(Reverse((open.turn(), at)));
        }
    }
}

/// What there is and what is taken of it.
#[derive(Debug, Clone)]
struct Pots {
    list: Vec<Pot>,
}

#[derive(Debug, Clone)]
struct Pot {
    resource: Resource,
    amount: u128,
    used: u128,
    /// A replica lacked it.
    closed: bool,
}

impl Pots {
    fn new(limits: &[Limit]) -> Self {
        let smallest =
            |resource| limits.iter().filter(|limit| limit.resource == resource).map(|limit| limit.amount).min();
        let pot = |resource| {
            let amount = smallest(resource)?.into();
            Some(Pot { resource, amount, used: 0, closed: false })
        };
        Self { list: Resource::ALL.into_iter().filter_map(pot).collect() }
    }

    fn take(&mut self, claim: &Claim<'_>, count: Replicas) {
        for pot in &mut self.list {
            pot.used += u128::from(claim.need(pot.resource)) * u128::from(count);
        }
    }

    /// Closes what is taken beyond what there is, and names it.
    fn close_exceeded(&mut self) -> Vec<Resource> {
        for pot in &mut self.list {
            pot.closed = pot.used > pot.amount;
        }
        self.list.iter().filter(|pot| pot.closed).map(|pot| pot.resource).collect()
    }

    /// Whether every pot that is open can give what is taken.
    fn within(&self) -> bool {
        self.list.iter().all(|pot| pot.closed || pot.used <= pot.amount)
    }

    /// The closed resource that a claim needs.
    fn closed_to(&self, claim: &Claim<'_>) -> Option<Resource> {
        let needed = self.list.iter().find(|pot| pot.closed && claim.need(pot.resource) > 0);
        needed.map(|pot| pot.resource)
    }

    /// Closes what one more replica of a claim lacks. Says whether it lacks anything.
    fn close(&mut self, claim: &Claim<'_>) -> bool {
        let mut lacks = false;
        for pot in &mut self.list {
            let need = u128::from(claim.need(pot.resource));
            if need > 0 && pot.used + need > pot.amount {
                pot.closed = true;
                lacks = true;
            }
        }
        lacks
    }
}
