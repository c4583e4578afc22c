//! Two sets of rules on the same tape, in step: what differs, since when, and why.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use serde::Serialize;

use super::super::score::{Score, Yardstick};
use super::world::World;
use super::{AllPlayed, Load, Options, Played, Reached, Replay, ReplayError, play};
use crate::rule::RuleSet;
use crate::time::Timestamp;
use crate::workload::{Replicas, Workload};

/// Moments that are told of one workload.
const MOMENTS_MAX: usize = 5;

/// Whose demand and capacity both are measured by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Judge {
    #[default]
    Old,
    New,
}

/// How two sets of rules differ, workload by workload.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Differences {
    /// RFC 3339.
    pub start: String,
    pub days: f64,
    pub workloads: Vec<Difference>,
    /// What is left out, a line each.
    pub notes: Vec<String>,
}

/// How two rules differ on one workload.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Difference {
    /// As decisions write it: `shop/checkout`.
    pub workload: String,
    /// `None` where the old rules don't scale it.
    pub old: Option<Side>,
    pub new: Option<Side>,
    /// The part of the time in which the two ask for different counts, in percent.
    pub differs_percent: f64,
    /// The replicas that the new rule plans for the same time, as a multiple of the old one's: above 1 where it sees more
    /// demand, or plans less for each replica. `None` where one of them does not scale it.
    pub planned_ratio: Option<f64>,
    /// When the two began to differ, and why: the first ones.
    pub moments: Vec<Moment>,
    /// When they were farthest apart, where that is none of these.
    pub widest: Option<Moment>,
    /// How often they began to differ.
    pub partings: usize,
}

/// What one rule made of a workload.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Side {
    pub rule: String,
    /// The fewest and the most replicas that it asked for.
    pub fewest: Replicas,
    pub most: Replicas,
    #[serde(flatten)]
    pub score: Score,
}

/// The two begin to differ.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Moment {
    /// RFC 3339.
    pub at: String,
    pub old: Replicas,
    pub new: Replicas,
    /// Each one's reason in one line.
    pub old_reason: String,
    pub new_reason: String,
}

impl Difference {
    /// Whether both ask for the same at all times.
    #[must_use]
    pub fn is_none(&self) -> bool {
        self.partings == 0 && self.old.is_some() == self.new.is_some()
    }
}

/// Replays a tape through both sets of rules.
pub fn diff(
    replay: &Replay<'_>,
    old: &RuleSet,
    new: &RuleSet,
    judge: Judge,
    reached: Reached<'_>,
) -> Result<Differences, ReplayError> {
    let mut worlds = [World::new(replay, old), World::new(replay, new)];
    let mut partings = Partings::default();
    play::play(replay, &mut worlds, reached, |worlds| partings.look(worlds))?;
    let [old, new] = worlds.map(World::finish);
    if old.workloads.is_empty() && new.workloads.is_empty() {
        return Err(ReplayError::NoWorkload);
    }
    let (start, end) = replay.tape.span().ok_or(ReplayError::Nothing)?;
    let names: BTreeSet<&str> =
        old.workloads.iter().chain(&new.workloads).map(|played| played.workload.as_str()).collect();
    let compared = names.into_iter().map(|name| compared(name, [&old, &new], judge, replay.options, &mut partings));
    let workloads = compared.collect();
    let note = |side: &'static str| move |note: &String| format!("{side}: {note}");
    let notes = old.notes.iter().map(note("old")).chain(new.notes.iter().map(note("new"))).collect();
    Ok(Differences { start: start.to_string(), days: end.since(start).as_secs_f64() / 86_400.0, workloads, notes })
}

fn compared(
    name: &str,
    sides: [&AllPlayed; 2],
    judge: Judge,
    options: &Options,
    partings: &mut Partings,
) -> Difference {
    let [old, new] = sides.map(|side| side.workloads.iter().find(|played| played.workload == name));
    let judging = match judge {
        Judge::Old => old.or(new),
        Judge::New => new.or(old),
    };
    let side = |played: &Played| judging.map(|judging| Side::of(played, &judging.load, &judging.yardstick(options)));
    let planned = |played: &Played| {
        let cells = (0..played.load.cells()).filter_map(|cell| played.load.measured(cell));
        cells.sum::<f64>() / played.per_replica
    };
    let ratio = old.zip(new).map(|(old, new)| planned(new) / planned(old)).filter(|ratio| ratio.is_finite());
    let parted = partings.take(name);
    let length = judging.map_or(Duration::ZERO, |judging| judging.load.end().since(judging.load.start()));
    let differs = if length.is_zero() { 0.0 } else { 100.0 * parted.length.as_secs_f64() / length.as_secs_f64() };
    Difference {
        workload: name.to_owned(),
        old: old.and_then(side),
        new: new.and_then(side),
        differs_percent: differs.min(100.0),
        planned_ratio: ratio,
        widest: parted.widest.filter(|widest| !parted.moments.contains(widest)),
        moments: parted.moments,
        partings: parted.count,
    }
}

impl Side {
    fn of(played: &Played, load: &Load, yardstick: &Yardstick) -> Self {
        let counts = || played.course.changes.iter().map(|change| change.requested);
        Self {
            rule: played.rule.clone(),
            fewest: counts().min().unwrap_or_default(),
            most: counts().max().unwrap_or_default(),
            score: Score::of(load, &played.course, yardstick),
        }
    }
}

/// Where two worlds part.
#[derive(Debug, Default)]
struct Partings(BTreeMap<Workload, Parted>);

#[derive(Debug, Default)]
struct Parted {
    since: Option<Timestamp>,
    length: Duration,
    moments: Vec<Moment>,
    widest: Option<Moment>,
    count: usize,
}

impl Partings {
    fn look(&mut self, [old, new]: &[World<'_>; 2]) {
        let now = old.now().max(new.now());
        let asked: BTreeMap<&Workload, Replicas> = new.requested().collect();
        for (workload, of_old) in old.requested() {
            let Some(of_new) = asked.get(workload).copied() else { continue };
            if of_old == of_new && self.0.is_empty() {
                continue;
            }
            if of_old == of_new {
                if let Some(parted) = self.0.get_mut(workload)
                    && let Some(since) = parted.since.take()
                {
                    parted.length += now.since(since);
                }
                continue;
            }
            let moment = || Moment {
                at: now.to_string(),
                old: of_old,
                new: of_new,
                old_reason: old.why(workload),
                new_reason: new.why(workload),
            };
            let parted = self.0.entry(workload.clone()).or_default();
            if parted.widest.as_ref().is_none_or(|widest| widest.old.abs_diff(widest.new) < of_old.abs_diff(of_new)) {
                parted.widest = Some(moment());
            }
            if parted.since.is_none() {
                parted.since = Some(now);
                parted.count += 1;
                if parted.moments.len() < MOMENTS_MAX {
                    parted.moments.push(moment());
                }
            }
        }
        self.end(now);
    }

    /// Counts the time in which they are apart up to now.
    fn end(&mut self, now: Timestamp) {
        for parted in self.0.values_mut() {
            if let Some(since) = &mut parted.since {
                parted.length += now.since(*since);
                *since = now;
            }
        }
    }

    fn take(&mut self, name: &str) -> Parted {
        let workload = self.0.keys().find(|workload| workload.to_string() == name).cloned();
        workload.and_then(|workload| self.0.remove(&workload)).unwrap_or_default()
    }
}
