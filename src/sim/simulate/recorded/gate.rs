//! What a difference must not be, for who judges a change of rules by an exit code.

use super::diff::{Difference, Differences, Side};

/// What may be asked of a change.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Gate {
    /// No workload misses more of its demand, nor is left alone.
    Missed,
    /// All workloads together take no more replica-hours.
    Cost,
    /// No workload turns more often.
    Flaps,
    /// Nothing changes at all.
    Change,
}

impl Gate {
    pub const ALL: [Self; 4] = [Self::Missed, Self::Cost, Self::Flaps, Self::Change];

    /// As flags write it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Missed => "missed",
            Self::Cost => "cost",
            Self::Flaps => "flaps",
            Self::Change => "change",
        }
    }
}

/// How much worse is no worse.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Tolerances {
    /// Percentage points of missed demand, for each workload.
    pub missed: f64,
    /// Percent of replica-hours, of all workloads together.
    pub cost: f64,
}

impl Default for Tolerances {
    fn default() -> Self {
        Self { missed: 0.01, cost: 1.0 }
    }
}

/// Which gates a change does not pass, a line each.
#[must_use]
pub fn tripped(differences: &Differences, gates: &[Gate], tolerances: Tolerances) -> Vec<String> {
    let both = |one: &Difference| Some((one.old.clone()?, one.new.clone()?));
    let pairs: Vec<(&Difference, (Side, Side))> =
        differences.workloads.iter().filter_map(|one| Some((one, both(one)?))).collect();
    let mut lines = Vec::new();
    for gate in gates {
        match gate {
            Gate::Missed => {
                lines.extend(pairs.iter().filter_map(|(one, (old, new))| {
                    let (old, new) = (old.score.missed_percent, new.score.missed_percent);
                    let more = new - old > tolerances.missed;
                    more.then(|| format!("missed: {} misses {new:.3}% of its demand, {old:.3}% before", one.workload))
                }));
                let left = differences.workloads.iter().filter(|one| one.old.is_some() && one.new.is_none());
                lines.extend(left.map(|one| format!("missed: {} is no longer scaled", one.workload)));
            }
            Gate::Cost => {
                // What is no longer scaled is paid for all the same.
                let kept = |one: &&Difference| one.old.is_none() || one.new.is_some();
                let hours = |side: fn(&Difference) -> Option<&Side>| -> f64 {
                    let kept = differences.workloads.iter().filter(kept);
                    kept.filter_map(side).map(|side| side.score.replica_hours).sum()
                };
                let (old, new) = (hours(|one| one.old.as_ref()), hours(|one| one.new.as_ref()));
                if new > old * (1.0 + tolerances.cost / 100.0) {
                    lines.push(format!("cost: {new:.1} replica-hours, {old:.1} before"));
                }
            }
            Gate::Flaps => lines.extend(pairs.iter().filter_map(|(one, (old, new))| {
                let (old, new) = (old.score.flaps, new.score.flaps);
                (new > old).then(|| format!("flaps: {} turns {new} times, {old} before", one.workload))
            })),
            Gate::Change => {
                let changed = differences.workloads.iter().filter(|one| !one.is_none());
                lines.extend(changed.map(|one| format!("change: {} is scaled differently", one.workload)));
            }
        }
    }
    lines
}
