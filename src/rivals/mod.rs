//! What other scalers would have said: their documented algorithms as pure state machines.
//!
//! In: the samples that they would see, what the cluster asks for and has ready, the time. Out: a replica count.
//! The simulator drives them over a trace, and the live loop beside itself. HPA's formula and `behavior` are not written
//! twice: they are [`decision::decide`](crate::decision::decide) under HPA's defaults. Each scaler's own delays (how it
//! samples, how often it looks) belong to its algorithm and live here too.
//!
//! Never here: a clock, I/O, randomness, and knowledge of the future, save for the [`Oracle`], which says so.

mod controller;
mod fixed;
mod hpa;
mod keda;
mod ledger;
mod meter;
mod models;
mod oracle;
mod pods;
mod predictive;
mod run;
#[cfg(test)]
mod tests;

use serde::{Deserialize, Serialize};

use crate::time::Timestamp;
use crate::workload::Replicas;

pub use fixed::Static;
pub use hpa::Hpa;
pub use keda::Keda;
pub use ledger::{Ledger, SLACK, Side, Span, Track};
pub use models::{HoltWinters, linear};
pub use oracle::{Oracle, Plan};
pub use pods::{Change, Pods};
pub use predictive::Predictive;
pub use run::Run;

/// How a rival is set up: what a user would have written in its place of our rule.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Setup {
    pub min: Replicas,
    pub max: Replicas,
    /// Work that one replica is planned to take, in the demand's unit: HPA's `averageValue`, KEDA's `threshold`. More
    /// than zero.
    pub per_replica: f64,
    /// From when on it runs. Its periods are counted from here.
    pub start: Timestamp,
}

/// What the cluster says when a rival decides.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct View {
    /// What the scale subresource asks for.
    pub replicas: Replicas,
    pub ready: Replicas,
}

/// The scalers that we know.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// A fixed count.
    Static,
    /// Kubernetes's `HorizontalPodAutoscaler`, `autoscaling/v2`, with its defaults.
    Hpa,
    /// KEDA's Prometheus scaler over an HPA.
    Keda,
    /// The open-source Predictive Horizontal Pod Autoscaler: HPA's count, or what one of its models foresees.
    PredictiveHpa,
    /// Knows the future and provisions exactly in time: what no scaler can beat.
    Oracle,
}

impl Kind {
    pub const ALL: [Self; 5] = [Self::Static, Self::Hpa, Self::Keda, Self::PredictiveHpa, Self::Oracle];

    /// One word for tables, flags and metric labels.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Static => "static",
            Self::Hpa => "hpa",
            Self::Keda => "keda",
            Self::PredictiveHpa => "predictive_hpa",
            Self::Oracle => "oracle",
        }
    }
}

/// One scaler with its state.
#[derive(Debug, Clone)]
pub enum Rival {
    Static(Static),
    Hpa(Hpa),
    Keda(Keda),
    Predictive(Predictive),
    Oracle(Oracle),
}

impl Rival {
    #[must_use]
    pub fn kind(&self) -> Kind {
        match self {
            Self::Static(_) => Kind::Static,
            Self::Hpa(_) => Kind::Hpa,
            Self::Keda(_) => Kind::Keda,
            Self::Predictive(_) => Kind::PredictiveHpa,
            Self::Oracle(_) => Kind::Oracle,
        }
    }

    /// Hands over a sample of the demand: its mean over the scrape interval that ended at `at`; `None` where the scrape
    /// brought nothing. Times do not go back.
    pub fn observe(&mut self, at: Timestamp, demand: Option<f64>) {
        match self {
            Self::Static(_) | Self::Oracle(_) => {}
            Self::Hpa(hpa) => hpa.observe(at, demand),
            Self::Keda(keda) => keda.observe(at, demand),
            Self::Predictive(predictive) => predictive.observe(at, demand),
        }
    }

    /// When it looks next; asked before, [`decide`](Self::decide) gives the count that there is.
    #[must_use]
    pub fn due(&self) -> Timestamp {
        match self {
            Self::Static(_) => Timestamp::MAX,
            Self::Hpa(hpa) => hpa.due(),
            Self::Keda(keda) => keda.due(),
            Self::Predictive(predictive) => predictive.due(),
            Self::Oracle(oracle) => oracle.due(),
        }
    }

    /// The count that it asks for. What it asks for is taken to be done at once.
    #[must_use]
    pub fn decide(&mut self, now: Timestamp, view: View) -> Replicas {
        match self {
            Self::Static(fixed) => fixed.replicas(),
            Self::Hpa(hpa) => hpa.decide(now, view),
            Self::Keda(keda) => keda.decide(now, view),
            Self::Predictive(predictive) => predictive.decide(now, view),
            Self::Oracle(oracle) => oracle.decide(now, view),
        }
    }
}
