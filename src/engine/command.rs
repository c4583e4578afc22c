//! What people ask of the loop, and what it answers. An answer is given after what it promises has been journalled.

use std::sync::Arc;
use std::time::Duration;

use crate::decision::Matched;
use crate::demand::patterns::Edit;
use crate::dispatch::{Alert, Silence};
use crate::forecast::Forecast;
use crate::workload::{Replicas, Workload};

/// What somebody asks of the loop.
#[derive(Debug, Clone)]
pub enum Command {
    /// Sets a silence, or changes the one of this id: as Alertmanager does, one whose matchers or start change after
    /// it has begun is ended, and a new one of the id `spare_id` takes its place.
    Silence { silence: Silence, spare_id: String },
    /// Ends a silence.
    Expire { id: String },
    /// Takes in alerts from outside.
    Alerts(Vec<Alert>),
    /// Scales by hand.
    Scale(ManualScale),
    /// Wants to see what is foreseen of a workload's demand.
    Forecasts { workload: Workload, horizon: Duration },
    /// Adds, labels or removes a pattern of demand.
    Pattern(Edit),
}

/// What is foreseen of one metric's demand.
#[derive(Debug, Clone, PartialEq)]
pub struct MetricForecast {
    pub metric: Arc<str>,
    /// The model that leads now.
    pub model: Arc<str>,
    /// 0..1.
    pub trust: f64,
    /// `None` before the third sample.
    pub forecast: Option<Forecast>,
    /// The workload whose usual day stands for its own, which is not known yet.
    pub lent_by: Option<Arc<str>>,
    /// The pattern that the recent minutes look like, and what it says.
    pub matched: Option<Matched>,
}

/// A count asked for by hand. It is decided, explained and journalled like the rest, and holds for its time.
#[derive(Debug, Clone, PartialEq)]
pub struct ManualScale {
    pub workload: Workload,
    /// `None` ends what was asked for before.
    pub replicas: Option<Replicas>,
    pub author: String,
    pub reason: String,
    pub ttl: Duration,
    /// Only shows what would be decided.
    pub dry_run: bool,
}

impl Answer {
    /// Whether it says that something has changed, so that it may be given only once that is written down.
    #[must_use]
    pub fn promises(&self) -> bool {
        matches!(self, Self::Done | Self::Silence(_) | Self::Scaled { .. })
    }
}

/// What is answered.
#[derive(Debug, Clone, PartialEq)]
pub enum Answer {
    /// Done, and journalled.
    Done,
    /// A silence's id.
    Silence(String),
    /// A pattern's id.
    Pattern(String),
    /// What was decided: the decision's textual form under its headline.
    Scaled { decision: String },
    /// What is foreseen, by metric. Empty where the rule does not ask for forecasts.
    Forecasts(Vec<MetricForecast>),
    /// What would be decided; nothing has changed.
    Supposed { decision: String },
    /// It is in effect, and nobody knows whether a restart will know of it: it could not be written down yet.
    Unwritten(String),
    /// There is no such thing.
    NotFound(String),
    /// It can't be done as asked for; the text says what to change.
    Refused(String),
}
