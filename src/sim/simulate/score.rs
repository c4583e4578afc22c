//! How well a course served a load: the step metrics of elasticity, as Herbst, Bauer, the SPEC cloud group and Ilyushkin
//! define them, and what users ask first: cost, missed demand, minutes short of replicas.
//!
//! `d` is the demand in replicas (the fewest that take the load), `s` the supply (the ready ones). Accuracy and
//! timeshare are integrals over all time; instability looks from one cell to the next; flaps are turns between one
//! change of the requested count and the next. Time in which the load is not known counts for cost only.

use std::time::Duration;

use serde::Serialize;

use super::fleet::{Change, Course};
use super::load::Load;
use super::queue::Queue;
use crate::time::Timestamp;
use crate::workload::Replicas;

/// What courses are measured with.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Yardstick {
    /// Work that one ready replica does at most while the objective holds, in the demand's unit.
    pub capacity: f64,
    /// The fewest replicas that are ever needed.
    pub min: Replicas,
    /// How long work waits before it is lost.
    pub patience: Duration,
    /// The mean time that one replica works on one piece of work.
    pub service: Duration,
    /// Money for one replica in one hour.
    pub price: Option<f64>,
    /// Money for each hour in which there are fewer ready replicas than needed.
    pub under_price: Option<f64>,
}

impl Yardstick {
    /// The fewest replicas that take a load.
    #[must_use]
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "counts that don't fit saturate")]
    pub fn needed(&self, load: f64) -> Replicas {
        let quotient = load / self.capacity;
        let nearest = quotient.round();
        // A float's error is no replica.
        let whole = if (quotient - nearest).abs() <= nearest * 1e-9 { nearest } else { quotient.ceil() };
        (whole as Replicas).max(self.min)
    }
}

/// What one policy made of one load. Percentages are of the time or the work in which the load is known.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Score {
    /// Hours of requested replicas.
    pub replica_hours: f64,
    /// Hours of needed replicas: Σ d.
    pub ideal_replica_hours: f64,
    /// Replica-hours as a multiple of the oracle's; `None` where it did not run.
    pub replica_hours_by_oracle: Option<f64>,
    /// Money: for the replica-hours, and for the hours under-provisioned where those have a price.
    pub cost: Option<f64>,
    /// Work that came while the ready replicas could not take it at once, in percent.
    pub missed_percent: f64,
    /// Work that waited longer than the patience, in percent.
    pub lost_percent: f64,
    /// Minutes with fewer ready replicas than needed.
    pub under_minutes: f64,
    /// Under-provisioning accuracy: the mean of (d-s)⁺/d, in percent.
    pub theta_u: f64,
    /// Over-provisioning accuracy: the mean of (s-d)⁺/d, in percent.
    pub theta_o: f64,
    /// Under-provisioning timeshare, in percent.
    pub tau_u: f64,
    /// Over-provisioning timeshare, in percent.
    pub tau_o: f64,
    /// Instability: the supply moves up where the demand doesn't, in percent of all cells.
    pub k: f64,
    /// Instability the other way.
    pub k_prime: f64,
    /// Both.
    pub upsilon: f64,
    /// Changes of supply less changes of demand, for each hour.
    pub jitter: f64,
    /// The length of the vector of accuracies and timeshares, as parts of 1: the distance from perfection.
    pub sigma: f64,
    /// Elastic speedup over HPA; `None` where that did not run. Terms are one percentage point at least. It praises
    /// plain over-provisioning: read it beside the replica-hours.
    pub speedup: Option<f64>,
    pub flaps: u32,
    pub scaled_up: u32,
    pub scaled_down: u32,
    /// Seconds from a rise of demand until the supply has reached it: median, 95th percentile, largest.
    pub adaptation_p50: f64,
    pub adaptation_p95: f64,
    pub adaptation_max: f64,
    /// The 99th percentile of the response time, in seconds, by the model of `queue`.
    pub latency_p99: f64,
    #[serde(skip)]
    pub supply_changes: u32,
    #[serde(skip)]
    pub demand_changes: u32,
}

impl Score {
    /// Measures a course under a load.
    #[must_use]
    pub fn of(load: &Load, course: &Course, yardstick: &Yardstick) -> Self {
        let mut tally = Tally::new(yardstick);
        let mut supply = Supply::new(&course.changes);
        for cell in 0..load.cells() {
            let (offered, known) = (load.offered(cell), load.measured(cell).is_some());
            let (begins, ends) = (load.begins(cell), load.begins(cell + 1));
            tally.cell(supply.at(begins).ready, known.then(|| yardstick.needed(offered)), begins);
            let mut at = begins;
            while at < ends {
                let Change { requested, ready, .. } = supply.at(at);
                let until = supply.next().min(ends);
                tally.span(at, until.since(at).as_secs_f64(), offered, known, requested, ready);
                at = until;
            }
        }
        tally.finish(course)
    }

    /// Elastic speedup over another score.
    #[must_use]
    pub fn speedup_over(&self, other: &Self) -> f64 {
        let terms = |score: &Self| [score.theta_u, score.theta_o, score.tau_u, score.tau_o].map(|term| term.max(1.0));
        let product: f64 = terms(other).iter().zip(terms(self)).map(|(other, own)| other / own).product();
        product.powf(0.25)
    }
}

/// Walks the changes of a course.
struct Supply<'c> {
    now: Change,
    rest: std::iter::Peekable<std::slice::Iter<'c, Change>>,
}

impl<'c> Supply<'c> {
    fn new(changes: &'c [Change]) -> Self {
        let none = Change { at: Timestamp::MIN, requested: 0, ready: 0 };
        Self { now: none, rest: changes.iter().peekable() }
    }

    /// What there is at a time; times do not go back.
    fn at(&mut self, at: Timestamp) -> Change {
        while let Some(change) = self.rest.next_if(|change| change.at <= at) {
            self.now = *change;
        }
        self.now
    }

    /// When that changes.
    fn next(&mut self) -> Timestamp {
        self.rest.peek().map_or(Timestamp::MAX, |change| change.at)
    }
}

/// The sums.
struct Tally<'y> {
    yardstick: &'y Yardstick,
    queue: Queue,
    seconds: f64,
    requested: f64,
    needed: f64,
    short: f64,
    spare: f64,
    short_seconds: f64,
    spare_seconds: f64,
    /// The need in the cell; `None` where it isn't known.
    need: Option<Replicas>,
    /// Supply and need of the cell before.
    before: Option<(Replicas, Replicas)>,
    pairs: u32,
    too_much: u32,
    too_little: u32,
    supply_changes: u32,
    demand_changes: u32,
    /// Since when the supply is behind a rise of the demand.
    behind: Option<Timestamp>,
    delays: Vec<f64>,
}

impl<'y> Tally<'y> {
    fn new(yardstick: &'y Yardstick) -> Self {
        Self {
            yardstick,
            queue: Queue::new(yardstick.patience, yardstick.service),
            seconds: 0.0,
            requested: 0.0,
            needed: 0.0,
            short: 0.0,
            spare: 0.0,
            short_seconds: 0.0,
            spare_seconds: 0.0,
            need: None,
            before: None,
            pairs: 0,
            too_much: 0,
            too_little: 0,
            supply_changes: 0,
            demand_changes: 0,
            behind: None,
            delays: Vec::new(),
        }
    }

    /// A cell begins.
    fn cell(&mut self, supply: Replicas, need: Option<Replicas>, begins: Timestamp) {
        if let (Some((supply_before, need_before)), Some(need)) = (self.before, need) {
            let (moved, asked) = (supply.cmp(&supply_before), need.cmp(&need_before));
            self.pairs += 1;
            self.too_much += u32::from(moved > asked);
            self.too_little += u32::from(moved < asked);
            self.supply_changes += u32::from(moved.is_ne());
            self.demand_changes += u32::from(asked.is_ne());
            if asked.is_gt() {
                self.behind.get_or_insert(begins);
            }
        }
        self.need = need;
        self.before = need.map(|need| (supply, need));
        if need.is_none() {
            self.behind = None;
        }
    }

    /// A time without changes.
    fn span(&mut self, at: Timestamp, seconds: f64, load: f64, known: bool, requested: Replicas, ready: Replicas) {
        self.requested += f64::from(requested) * seconds;
        let Some(need) = self.need.filter(|_| known) else { return };
        let (supply, need) = (f64::from(ready), f64::from(need));
        let unit = need.max(1.0);
        self.seconds += seconds;
        self.needed += need * seconds;
        self.short += (need - supply).max(0.0) / unit * seconds;
        self.spare += (supply - need).max(0.0) / unit * seconds;
        self.short_seconds += if supply < need { seconds } else { 0.0 };
        self.spare_seconds += if supply > need { seconds } else { 0.0 };
        self.queue.live(seconds, load, ready, self.yardstick.capacity);
        if supply >= need
            && let Some(since) = self.behind.take()
        {
            self.delays.push(at.since(since).as_secs_f64());
        }
    }

    fn finish(mut self, course: &Course) -> Score {
        let percent = |part: f64, whole: f64| if whole > 0.0 { 100.0 * part / whole } else { 0.0 };
        let of_time = |part: f64| percent(part, self.seconds);
        let of_pairs = |part: u32| percent(part.into(), self.pairs.into());
        self.delays.sort_by(f64::total_cmp);
        let delay = |part: usize| self.delays.get((self.delays.len().saturating_sub(1)) * part / 100).copied();
        let (theta_u, theta_o) = (of_time(self.short), of_time(self.spare));
        let (tau_u, tau_o) = (of_time(self.short_seconds), of_time(self.spare_seconds));
        let replica_hours = self.requested / 3600.0;
        let under = self.yardstick.under_price.map_or(0.0, |price| price * self.short_seconds / 3600.0);
        let (scaled_up, scaled_down, flaps) = turns(course);
        let jitter = f64::from(self.supply_changes) - f64::from(self.demand_changes);
        Score {
            replica_hours,
            ideal_replica_hours: self.needed / 3600.0,
            replica_hours_by_oracle: None,
            cost: self.yardstick.price.map(|price| price * replica_hours + under),
            missed_percent: percent(self.queue.missed, self.queue.offered),
            lost_percent: percent(self.queue.lost, self.queue.offered),
            under_minutes: self.short_seconds / 60.0,
            theta_u,
            theta_o,
            tau_u,
            tau_o,
            k: of_pairs(self.too_much),
            k_prime: of_pairs(self.too_little),
            upsilon: of_pairs(self.too_much + self.too_little),
            jitter: if self.seconds > 0.0 { jitter / (self.seconds / 3600.0) } else { 0.0 },
            sigma: [theta_u, theta_o, tau_u, tau_o].iter().map(|term| (term / 100.0).powi(2)).sum::<f64>().sqrt(),
            speedup: None,
            flaps,
            scaled_up,
            scaled_down,
            adaptation_p50: delay(50).unwrap_or_default(),
            adaptation_p95: delay(95).unwrap_or_default(),
            adaptation_max: delay(100).unwrap_or_default(),
            latency_p99: self.queue.quantile(0.99),
            supply_changes: self.supply_changes,
            demand_changes: self.demand_changes,
        }
    }
}

/// Changes of the requested count up and down, and how often the direction turned.
fn turns(course: &Course) -> (u32, u32, u32) {
    let (mut up, mut down, mut flaps) = (0_u32, 0_u32, 0_u32);
    let mut last = None;
    let mut requested = course.changes.first().map(|change| change.requested);
    for change in &course.changes {
        let Some(before) = requested.replace(change.requested).filter(|before| *before != change.requested) else {
            continue;
        };
        let rises = change.requested > before;
        up += u32::from(rises);
        down += u32::from(!rises);
        flaps += u32::from(last.replace(rises).is_some_and(|last| last != rises));
    }
    (up, down, flaps)
}
