//! Would it have been better? Recorded demand replayed through a rule, and through what else there is.
//!
//! In: traces, one scale rule, and how the simulated workload behaves. Out: a [`Report`] with a [`Score`] for each policy
//! on each trace, as text, JSON and a page with plots. The rule runs in the very loop that `serve` runs
//! ([`Engine::step`](crate::engine::Engine::step) over a real [`Store`](crate::series::Store)); the others are
//! [`rivals`](crate::rivals). All of them begin with the same count, see the same samples and get the same pods.
//!
//! Never here: a clock, randomness (the same input gives the same bytes), and knowledge of the future for anybody but
//! the oracle, and the fixed count that is planned for the peak.

mod batch;
mod curve;
mod fleet;
mod json;
mod load;
mod ours;
mod page;
mod queue;
pub mod recorded;
mod score;
mod subject;
mod sweep;
mod table;
#[cfg(test)]
mod tests;
mod theirs;
mod verdict;

use std::sync::Arc;
use std::time::Duration;

pub use batch::{Progress, run};
pub use fleet::{Change, Course, Move};
pub use json::json;
pub use load::{Load, LoadError, Shape};
pub use ours::OursError;
pub use page::page;
pub use score::{Score, Yardstick};
pub use subject::{Choice, Plain, Subject, SubjectError, series};
pub use sweep::{Candidate, Sum, SweepError, Swept, candidates, newsvendor, pareto, sweep};
pub use table::{summary, table};
pub use verdict::verdicts;

use crate::rivals::{Hpa, Keda, Kind, Oracle, Plan, Predictive, Rival, Setup, Static};
use crate::workload::Replicas;

/// How the simulated workload behaves, and what it is measured with.
#[derive(Debug, Clone, PartialEq)]
pub struct Options {
    /// From a pod's creation until it is ready.
    pub startup: Duration,
    /// From a scrape until its sample has arrived here.
    pub delay: Duration,
    /// What a replica can do at most, as a multiple of what the rule plans for it. HPA's usual target of 80 %
    /// utilisation leaves 1.25.
    pub slack: f64,
    pub patience: Duration,
    pub service: Duration,
    pub price: Option<f64>,
    pub under_price: Option<f64>,
    /// The fixed count; planned for the peak where none is given.
    pub fixed: Option<Replicas>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            startup: Duration::from_mins(1),
            // Prometheus sends a batch that is not full after 5 s.
            delay: Duration::from_secs(5),
            slack: 1.25,
            patience: Duration::from_secs(10),
            service: Duration::from_millis(100),
            price: None,
            under_price: None,
            fixed: None,
        }
    }
}

/// Whose decisions are played.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Policy {
    /// The rule, in our loop.
    Headroom,
    Rival(Kind),
}

impl Policy {
    pub const ALL: [Self; 6] = [
        Self::Headroom,
        Self::Rival(Kind::Hpa),
        Self::Rival(Kind::Keda),
        Self::Rival(Kind::PredictiveHpa),
        Self::Rival(Kind::Static),
        Self::Rival(Kind::Oracle),
    ];

    /// One word for tables and flags.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Headroom => "headroom",
            Self::Rival(kind) => kind.as_str(),
        }
    }
}

/// One trace and the rule that is tried on it.
#[derive(Debug, Clone)]
pub struct Case {
    pub load: Load,
    pub subject: Arc<Subject>,
}

/// What all policies made of all cases.
#[derive(Debug, Clone, PartialEq)]
pub struct Report {
    pub options: Options,
    pub traces: Vec<TraceReport>,
}

/// What all policies made of one trace.
#[derive(Debug, Clone, PartialEq)]
pub struct TraceReport {
    pub load: Load,
    pub rule: String,
    pub per_replica: f64,
    pub capacity: f64,
    pub min: Replicas,
    pub max: Replicas,
    /// In the order that was asked for.
    pub results: Vec<PolicyReport>,
}

/// What one policy made of one trace.
#[derive(Debug, Clone, PartialEq)]
pub struct PolicyReport {
    pub policy: Policy,
    pub score: Score,
    pub course: Course,
}

impl TraceReport {
    /// What one policy made of it; `None` where it did not run.
    #[must_use]
    pub fn of(&self, policy: Policy) -> Option<&PolicyReport> {
        self.results.iter().find(|result| result.policy == policy)
    }
}

impl Case {
    fn yardstick(&self, options: &Options) -> Yardstick {
        Yardstick {
            capacity: self.subject.per_replica * options.slack,
            min: self.subject.min.max(1),
            patience: options.patience,
            service: options.service,
            price: options.price.or(self.subject.price),
            under_price: options.under_price,
        }
    }

    /// What a plan without slack takes for a load.
    fn planned(&self, load: f64) -> Replicas {
        let plain = Yardstick { capacity: self.subject.per_replica, ..self.yardstick(&Options::default()) };
        plain.needed(load).min(self.subject.max)
    }

    /// Plays one policy.
    fn play(&self, policy: Policy, options: &Options) -> Result<PolicyReport, OursError> {
        let Self { load, subject } = self;
        let yardstick = self.yardstick(options);
        let setup = Setup { min: subject.min, max: subject.max, per_replica: subject.per_replica, start: load.start() };
        // All begin with what the first measurement takes.
        let begin = self.planned(load.offered(0));
        let theirs = |rival: Rival, begin| theirs::run(rival, load, options.startup, begin);
        let course = match policy {
            Policy::Headroom => ours::run(subject, load, options, begin)?,
            Policy::Rival(Kind::Hpa) => theirs(Rival::Hpa(Hpa::new(&setup)), begin),
            Policy::Rival(Kind::Keda) => theirs(Rival::Keda(Keda::new(&setup)), begin),
            Policy::Rival(Kind::PredictiveHpa) => {
                theirs(Rival::Predictive(Predictive::new(&setup, options.startup)), begin)
            }
            Policy::Rival(Kind::Static) => {
                let fixed = options.fixed.unwrap_or_else(|| self.planned(load.peak()));
                theirs(Rival::Static(Static::new(fixed)), fixed)
            }
            Policy::Rival(Kind::Oracle) => {
                let needed: Vec<Replicas> =
                    (0..load.cells()).map(|cell| yardstick.needed(load.offered(cell)).min(subject.max)).collect();
                let plan = Plan::new(load.start(), load.step(), &needed, options.startup);
                let begin = plan.at(load.start());
                theirs(Rival::Oracle(Oracle::new(Arc::new(plan))), begin)
            }
        };
        let score = Score::of(load, &course, &yardstick);
        Ok(PolicyReport { policy, score, course })
    }
}

/// Why a simulation came to nothing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{trace}: {source}")]
pub struct SimulateError {
    pub trace: String,
    pub source: OursError,
}
