//! A recording replayed through whole rule files: every workload that they name, side by side, in the very loop that
//! `serve` runs. What simulates one rule on one trace is next door; here the series come as they came to the service.
//!
//! The demand that a workload is judged by is the demand that its rule sees: of all its metrics the one that takes the
//! most replicas. It is what was recorded, so it doesn't answer to what is decided now: where a rule reads what each pod
//! does (CPU, requests in flight), the pods are those that were there then. Totals of work that arrives (requests a
//! second) don't depend on them.

mod demand;
mod diff;
mod gate;
mod play;
mod report;
mod tape;
mod tell;
#[cfg(test)]
mod tests;
mod world;

use std::time::Duration;

pub use diff::{Difference, Differences, Judge, Moment, Side, diff};
pub use gate::{Gate, Tolerances, tripped};
pub use report::replay;
pub use tape::Tape;
pub use tell::{json as diff_json, table as diff_table};

use super::fleet::Course;
use super::load::Load;
use super::{Options, SimulateError};
use crate::config::Settings;
use crate::rule::RuleSet;
use crate::time::Timestamp;
use crate::workload::Replicas;

/// What is replayed, and how it is judged.
#[derive(Debug, Clone)]
pub struct Replay<'r> {
    pub tape: &'r Tape<'r>,
    /// What the rules were compiled under: windows, guards, shared limits.
    pub settings: &'r Settings,
    pub options: &'r Options,
    /// The cells in which demand is judged.
    pub step: Duration,
}

/// One rule's workload as it was replayed.
#[derive(Debug, Clone, PartialEq)]
pub struct Played {
    /// As decisions write it: `shop/checkout`.
    pub workload: String,
    pub rule: String,
    /// The demand that the rule saw, in its metric's unit; in replicas where it has several, or their capacity changes.
    pub load: Load,
    /// What one replica is planned to take of it.
    pub per_replica: f64,
    pub min: Replicas,
    pub max: Replicas,
    /// Money for a replica in an hour.
    pub price: Option<f64>,
    pub course: Course,
}

/// All workloads of a set of rules, sorted by name.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct AllPlayed {
    pub workloads: Vec<Played>,
    /// Why others are left out, a line each.
    pub notes: Vec<String>,
}

/// Why a recording can't be replayed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ReplayError {
    #[error("nothing was recorded in that time")]
    Nothing,
    #[error("the rules named no workload for what was recorded; do they read the series that were kept then?")]
    NoWorkload,
    #[error("the windows are full: {0}")]
    Refused(String),
    #[error(transparent)]
    Rivals(#[from] SimulateError),
}

/// How far a replay is: the time that it has reached, of this span.
pub type Reached<'p> = &'p dyn Fn(Timestamp);

impl Replay<'_> {
    /// Plays the tape through rules.
    pub fn play(&self, rules: &RuleSet, reached: Reached<'_>) -> Result<AllPlayed, ReplayError> {
        let mut worlds = [world::World::new(self, rules)];
        play::play(self, &mut worlds, reached, |_| {})?;
        let [world] = worlds;
        let played = world.finish();
        if played.workloads.is_empty() && played.notes.is_empty() { Err(ReplayError::NoWorkload) } else { Ok(played) }
    }
}
