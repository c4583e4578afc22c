//! Why a layer wants what it wants: a closed list, so that log, journal, API, metrics and tests say the same.

mod text;
mod words;

use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::economy::{Per, Resource};
use super::inputs::{Freeze, Missing};
use super::policy::{Direction, FallbackBehavior, ScalingPolicy};
use crate::time::Timestamp;
use crate::workload::Replicas;

/// Why a layer wants what it wants, with the numbers that decided.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "code", rename_all = "snake_case")]
pub enum Reason {
    /// Reactive: this metric's demand takes the most replicas, of `metrics` that can be read.
    Demand { metric: Arc<str>, demand: f64, per_replica: f64, replicas: Replicas, metrics: usize },
    /// Reactive: the metric that takes the most is close enough to what the current replicas carry.
    Tolerance { metric: Arc<str>, demand: f64, per_replica: f64, replicas: Replicas, tolerance: f64 },
    /// Reactive: the mean of `counted` pods' values, which are `demand` together, takes the most replicas.
    PerPod {
        metric: Arc<str>,
        demand: f64,
        counted: usize,
        unready: u32,
        missing: u32,
        per_replica: f64,
        replicas: Replicas,
    },
    /// Reactive: a metric that gives the count itself asks for the most, of `metrics` that can be read.
    Absolute { metric: Arc<str>, value: f64, replicas: Replicas, metrics: usize },
    /// Reactive: the rule's formula over the metrics.
    Combined { formula: String, value: f64, replicas: Replicas },
    /// Reactive: no metric is above its activation, so the workload may have no replicas at all. The first such metric.
    Idle { metric: Arc<str>, demand: f64, activation: f64 },
    /// Reactive: no metric can be read.
    NoDemand,
    /// Predictive: nothing is foreseen.
    NoForecast,
    /// Predictive: the forecast takes no more replicas than the demand of this moment.
    Foreseen { metric: Arc<str>, demand: f64, quantile: f64, replicas: Replicas },
    /// Predictive: the forecast takes more.
    Forecast {
        metric: Arc<str>,
        demand: f64,
        quantile: f64,
        by: Timestamp,
        per_replica: f64,
        /// So many times as much may a replica take of what is foreseen.
        #[serde(default = "one")]
        room: f64,
        replicas: Replicas,
        model: Arc<str>,
        trust: f64,
    },
    /// Predictive: the forecast says that what would be let go will be needed again, or nearly.
    Keeps {
        metric: Arc<str>,
        demand: f64,
        quantile: f64,
        by: Timestamp,
        per_replica: f64,
        room: f64,
        replicas: Replicas,
        trust: f64,
    },
    /// Predictive: the forecast's recent record does not earn the trust to follow it.
    Abstains { metric: Arc<str>, trust: f64, confidence: f64 },
    /// Predictive: a planned event is near or on, and expected to take so many times what it took before.
    Event { event: Arc<str>, multiplier: f64, baseline: Replicas, replicas: Replicas },
    /// Predictive: the recent minutes look like a known pattern, which takes more.
    Matched {
        metric: Arc<str>,
        pattern: Arc<str>,
        weight: f64,
        demand: f64,
        by: Timestamp,
        per_replica: f64,
        replicas: Replicas,
    },
    /// Guards: every input can be used and every pod is ready.
    Clear,
    /// Guards: every input can be used; some pods' values are unlike the others', which changes nothing.
    Outlying { metric: Arc<str>, pod: Arc<str>, pods: u32, of: u32 },
    /// Guards: every input can be used; some pods are not ready, which changes nothing.
    NotReady { ready: Replicas, replicas: Replicas },
    /// Guards: some metrics can't be read; the others may keep or raise the count.
    Partial { first: Missing, missing: usize },
    /// Guards: metrics can't be read, so the count does not fall.
    Held { first: Missing, missing: usize },
    /// Guards: the rule has no metrics to go by, or all are paused.
    NoMetrics,
    /// Guards: the rule pauses the workload, at a count or as it is.
    Paused { at: Option<Replicas>, why: Arc<str> },
    /// Guards: somebody asked for this count.
    Manual { replicas: Replicas, author: Arc<str>, why: Arc<str>, until: Timestamp },
    /// Guards: somebody has scaled the workload to zero, though its minimum is above.
    SwitchedOff,
    /// Guards: the last scaling went wrong and was taken back.
    RolledBack { good: Replicas, bad: Replicas, why: Arc<str>, until: Timestamp },
    /// Guards: data has been missing for so many evaluations that the fallback counts.
    Fallback { behavior: FallbackBehavior, replicas: Replicas, evaluations: u32, first: Missing },
    /// Guards: demand fell so suddenly that its source may be broken; the count does not fall.
    Drop { metric: Arc<str>, z_score: f64 },
    /// Guards: demand rose suddenly, and is followed at once, as the behavior allows.
    Spike { metric: Arc<str>, z_score: f64 },
    /// Guards: pods crash or can't be placed.
    Trouble { crash_looping: Replicas, unschedulable: Replicas, replicas: Replicas },
    /// Guards: no workload may be lowered now.
    Frozen { freeze: Freeze },
    /// Economy: nothing limits the wish.
    Affordable,
    /// Economy: the budget pays no more.
    Budget { affords: Replicas, spent: f64, budget: f64, per: Per },
    /// Economy: the group has no more for this workload.
    Share { granted: Replicas, group: Arc<str>, resource: Resource },
    /// Economy: a limit would lower the count, and the data has holes, fell suddenly or is frozen: it stays.
    NotOnHoles { replicas: Replicas },
    /// Bounds: the wish is allowed.
    WithinBounds { min: Replicas, max: Replicas },
    /// Bounds: the wish is below the minimum.
    BelowMin { replicas: Replicas, min: Replicas },
    /// Bounds: the wish is above the maximum.
    AboveMax { replicas: Replicas, max: Replicas },
    /// Bounds: a schedule asks for more.
    BelowFloor { replicas: Replicas, floor: Replicas, schedule: Arc<str> },
    /// Bounds: a schedule asks for fewer.
    AboveCeiling { replicas: Replicas, ceiling: Replicas, schedule: Arc<str> },
    /// Bounds: the current count is below the minimum.
    CurrentBelowMin { replicas: Replicas, min: Replicas },
    /// Bounds: the current count is above the maximum.
    CurrentAboveMax { replicas: Replicas, max: Replicas },
    /// Stability: no change is wanted.
    Settled,
    /// Stability: the bounds moved the count, and nothing slows that.
    BoundsRule,
    /// Stability: what was decided before needs no slowing.
    Direct,
    /// Stability: the direction is wanted since then, and has to be for so long.
    WantedFor { direction: Direction, since: Duration, wanted_for: Duration },
    /// Stability: the change is too small.
    DeadBand { from: Replicas, to: Replicas, dead_band: Replicas },
    /// Stability: the direction has changed too often.
    Flaps { changes: u32, per: Duration },
    /// Stability: the workload is known since then only.
    InitialCooldown { since: Duration, initial_cooldown: Duration },
    /// Stability: not to zero so soon after the last activity.
    Active { since: Duration, cooldown: Duration },
    /// Stability: a recommendation of the stabilization window is more cautious.
    Window { replicas: Replicas, window: Duration },
    /// Stability: the last change was so long ago, less than the cooldown.
    Cooldown { since: Duration, cooldown: Duration },
    /// Stability: `selectPolicy: Disabled`.
    Disabled { direction: Direction },
    /// Stability: the selected policy allows a count no further than this.
    Rate { policy: ScalingPolicy, from: Replicas, allows: Replicas },
    /// Stability: the change is within the selected policy.
    Fits { from: Replicas, to: Replicas, policy: ScalingPolicy },
    /// Stability: no policy limits this direction.
    Unlimited { from: Replicas, to: Replicas },
}

/// What a forecast was sized with before it was given room.
fn one() -> f64 {
    1.0
}

impl Reason {
    /// The reason's name in APIs and metric labels.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Demand { .. } => "demand",
            Self::Tolerance { .. } => "tolerance",
            Self::PerPod { .. } => "per_pod",
            Self::Absolute { .. } => "absolute",
            Self::Combined { .. } => "combined",
            Self::Idle { .. } => "idle",
            Self::NoDemand => "no_demand",
            Self::NoForecast => "no_forecast",
            Self::Foreseen { .. } => "foreseen",
            Self::Forecast { .. } => "forecast",
            Self::Keeps { .. } => "keeps",
            Self::Abstains { .. } => "abstains",
            Self::Event { .. } => "event",
            Self::Matched { .. } => "matched",
            Self::Clear => "clear",
            Self::Outlying { .. } => "outlying",
            Self::NotReady { .. } => "not_ready",
            Self::Partial { .. } => "partial",
            Self::Held { .. } => "held",
            Self::NoMetrics => "no_metrics",
            Self::Paused { .. } => "paused",
            Self::Manual { .. } => "manual",
            Self::SwitchedOff => "switched_off",
            Self::RolledBack { .. } => "rolled_back",
            Self::Fallback { .. } => "fallback",
            Self::Drop { .. } => "drop",
            Self::Spike { .. } => "spike",
            Self::Trouble { .. } => "trouble",
            Self::Frozen { .. } => "frozen",
            Self::Affordable => "affordable",
            Self::Budget { .. } => "budget",
            Self::Share { .. } => "share",
            Self::NotOnHoles { .. } => "not_on_holes",
            Self::WithinBounds { .. } => "within_bounds",
            Self::BelowMin { .. } => "below_min",
            Self::AboveMax { .. } => "above_max",
            Self::BelowFloor { .. } => "below_floor",
            Self::AboveCeiling { .. } => "above_ceiling",
            Self::CurrentBelowMin { .. } => "current_below_min",
            Self::CurrentAboveMax { .. } => "current_above_max",
            Self::Settled => "settled",
            Self::BoundsRule => "bounds_rule",
            Self::Direct => "direct",
            Self::WantedFor { .. } => "wanted_for",
            Self::DeadBand { .. } => "dead_band",
            Self::Flaps { .. } => "flaps",
            Self::InitialCooldown { .. } => "initial_cooldown",
            Self::Active { .. } => "active",
            Self::Window { .. } => "window",
            Self::Cooldown { .. } => "cooldown",
            Self::Disabled { .. } => "disabled",
            Self::Rate { .. } => "rate",
            Self::Fits { .. } => "fits",
            Self::Unlimited { .. } => "unlimited",
        }
    }

    /// Nothing to report: the textual form leaves such a step out.
    #[must_use]
    pub fn is_quiet(&self) -> bool {
        matches!(
            self,
            Self::Clear
                | Self::NoForecast
                | Self::Affordable
                | Self::WithinBounds { .. }
                | Self::Settled
                | Self::BoundsRule
                | Self::Direct
                | Self::Unlimited { .. }
        )
    }

    /// Holds the current count, where it may look as if nothing had happened.
    pub(super) fn holds(&self) -> bool {
        matches!(
            self,
            Self::Held { .. }
                | Self::NoMetrics
                | Self::Paused { .. }
                | Self::Manual { .. }
                | Self::SwitchedOff
                | Self::RolledBack { .. }
                | Self::Fallback { .. }
                | Self::Drop { .. }
                | Self::Trouble { .. }
                | Self::Frozen { .. }
        )
    }
}
