//! What a demo plays: workloads, the measured traffic that each of them gets, and the rules they are scaled by.

use std::time::Duration;

use super::deployment::Spec;
use super::trace::{Trace, TraceError};
use crate::workload::{ObjectRef, Replicas, Workload};

/// Why there is nothing to play.
#[derive(Debug, thiserror::Error)]
pub enum ScenarioError {
    #[error("there is no trace \"{0}\"; known: {known}", known = Scenario::NAMES.join(", "))]
    Unknown(String),
    #[error("the built-in trace of {workload}")]
    Trace { workload: &'static str, source: TraceError },
}

/// A play in one act.
#[derive(Debug, Clone)]
pub struct Scenario {
    pub title: &'static str,
    /// The rule file, in the shape that `headroom serve` reads.
    pub rules: &'static str,
    /// How far into the traces it begins.
    pub begins: Duration,
    /// How often the cluster is scraped.
    pub scrape_interval: Duration,
    /// The first one's trace gives the time of day.
    pub loads: Vec<Load>,
    /// What happened when, in order.
    pub marks: &'static [Mark],
}

/// One workload and its traffic.
#[derive(Debug, Clone)]
pub struct Load {
    pub spec: Spec,
    /// Whose traffic this is.
    pub story: &'static str,
    /// Requests a second.
    pub trace: Trace,
    /// Requests a second that the rules plan for one replica: what a fixed replica count would be planned with too.
    pub per_replica: f64,
}

/// Something that happened in the outside world.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Mark {
    /// Since the start of the traces.
    pub into: Duration,
    /// A noun that "17m after" and "5m before" go before.
    pub what: &'static str,
}

/// The time of day `hours:minutes`.
const fn clock(hours: u64, minutes: u64) -> Duration {
    Duration::from_mins(hours * 60 + minutes)
}

/// 16:30 and 21:00 in France, two hours ahead of UTC in summer.
const MATCHES: &[Mark] = &[
    Mark { into: clock(14, 30), what: "kick-off of Romania – Croatia" },
    Mark { into: clock(19, 0), what: "kick-off of Argentina – England" },
];

impl Scenario {
    /// The names that [`named`](Self::named) knows.
    pub const NAMES: &[&str] = &["worldcup98"];

    /// A built-in scenario.
    pub fn named(name: &str) -> Result<Self, ScenarioError> {
        match name {
            "worldcup98" => Self::world_cup(),
            _ => Err(ScenarioError::Unknown(name.to_owned())),
        }
    }

    /// A shop under the traffic of the World Cup's site: quiet until the afternoon match, and at its peak 40 replicas
    /// wide as the evening's goes to penalties. Its search gets the evening of an ordinary service.
    fn world_cup() -> Result<Self, ScenarioError> {
        // Pods can do a fifth more than the rules plan with: the slack that a new pod's start-up lives on.
        let checkout = Shape { name: "checkout", replicas: 4, per_replica: 50.0, capacity: 60.0, peak: 2000.0 };
        let search = Shape { name: "search", replicas: 10, per_replica: 80.0, capacity: 96.0, peak: 1280.0 };
        Ok(Self {
            title: "World Cup 98, 30 June",
            rules: include_str!("demo.yaml"),
            begins: clock(14, 10),
            scrape_interval: Duration::from_secs(5),
            loads: vec![
                checkout.under("the World Cup's web site on 30 June 1998", include_str!("traces/worldcup98.csv"))?,
                search.under("a production service on 17 June 2022", include_str!("traces/crane-qps.csv"))?,
            ],
            marks: MATCHES,
        })
    }

    /// How long it plays: until the first of its traces ends.
    #[must_use]
    pub fn length(&self) -> Duration {
        let lengths = self.loads.iter().map(|load| load.trace.length());
        lengths.min().unwrap_or_default().saturating_sub(self.begins)
    }
}

/// A workload of the shop.
struct Shape {
    name: &'static str,
    replicas: Replicas,
    per_replica: f64,
    capacity: f64,
    peak: f64,
}

impl Shape {
    fn under(self, story: &'static str, trace: &str) -> Result<Load, ScenarioError> {
        let workload = Workload::from(ObjectRef {
            api_version: "apps/v1".to_owned(),
            kind: "Deployment".to_owned(),
            namespace: "shop".to_owned(),
            name: self.name.to_owned(),
        });
        let trace = Trace::parse(trace).and_then(|trace| trace.scaled_to_peak(self.peak));
        let trace = trace.map_err(|source| ScenarioError::Trace { workload: self.name, source })?;
        let spec = Spec {
            workload,
            replicas: self.replicas,
            capacity: self.capacity,
            startup: Duration::from_secs(40),
            grace: Duration::from_secs(20),
        };
        Ok(Load { spec, story, trace, per_replica: self.per_replica })
    }
}
