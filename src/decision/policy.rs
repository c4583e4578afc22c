//! How a workload may be scaled: bounds, HPA v2's `behavior` with HPA's defaults, and a cooldown.
//!
//! The words and their meaning are those of `HorizontalPodAutoscaler` `autoscaling/v2`, described under
//! <https://kubernetes.io/docs/tasks/run-application/horizontal-pod-autoscale/#configurable-scaling-behavior>.

use std::cmp::Ordering;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::formula::Formula;
use crate::time::format_duration;
use crate::workload::Replicas;

/// How one workload is to be scaled.
#[derive(Debug, Clone, PartialEq)]
pub struct Policy {
    /// Fewer are never asked for; a workload found below is raised to it.
    pub min: Replicas,
    /// More are never asked for; a workload found above is lowered to it. Where it is below `min`, it wins.
    pub max: Replicas,
    pub behavior: Behavior,
    /// After any scaling, how long no scale-down follows; after the last activity of any metric, how long the workload
    /// is not scaled to zero.
    pub cooldown: Duration,
    /// After the first decision on a workload, how long no scale-down follows.
    pub initial_cooldown: Duration,
    /// Changes of so many replicas or fewer are not made, except into the bounds and from and to zero.
    pub dead_band: Replicas,
    /// How the metrics' wishes become one.
    pub combine: Combine,
    /// What counts in place of data that is missing for long.
    pub fallback: Option<Fallback>,
    /// Keeps everything as it is, or at a count.
    pub pause: Option<Pause>,
    /// How often the direction may change.
    pub flaps: Option<FlapBudget>,
    /// The trust from which on a forecast counts in full; below half of it, it doesn't count at all.
    pub confidence: f64,
}

impl Policy {
    /// HPA's default behavior within `min..=max`, without anything that HPA doesn't have.
    #[must_use]
    pub fn new(min: Replicas, max: Replicas) -> Self {
        Self {
            min,
            max,
            behavior: Behavior::default(),
            cooldown: Duration::ZERO,
            initial_cooldown: Duration::ZERO,
            dead_band: 0,
            combine: Combine::Max,
            fallback: None,
            pause: None,
            flaps: None,
            confidence: CONFIDENCE,
        }
    }
}

/// Where a rule names no confidence: more right than wrong.
pub const CONFIDENCE: f64 = 0.5;

/// How the wishes of several metrics become one.
#[derive(Debug, Clone, PartialEq, Default)]
pub enum Combine {
    /// The largest, as in HPA.
    #[default]
    Max,
    /// As an expression over the metrics' names says.
    Formula(Arc<Formula>),
}

/// What counts in place of data that is missing for long; KEDA's `fallback`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fallback {
    /// So many evaluations in a row without data.
    pub after: u32,
    /// How often an evaluation counts, at most: the group's interval. Samples of another metric make more of them.
    pub every: Duration,
    pub replicas: Replicas,
    pub behavior: FallbackBehavior,
}

/// KEDA's `fallback.behavior`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FallbackBehavior {
    /// The fallback's replicas, also where that is fewer.
    Static,
    /// The current count.
    Current,
    /// The current count where it is higher than the fallback's.
    CurrentIfHigher,
    /// The current count where it is lower than the fallback's.
    CurrentIfLower,
}

impl Fallback {
    /// What is wanted in place of the data, from the current count.
    pub(super) fn wants(self, from: Replicas) -> Replicas {
        match self.behavior {
            FallbackBehavior::Static => self.replicas,
            FallbackBehavior::Current => from,
            FallbackBehavior::CurrentIfHigher => from.max(self.replicas),
            FallbackBehavior::CurrentIfLower => from.min(self.replicas),
        }
    }
}

/// A pause that stands in the rule. (One with an end and an author is a silence.)
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pause {
    /// The count to pause at; the current one where there is none.
    pub at: Option<Replicas>,
    pub reason: Arc<str>,
}

/// How often the direction of scaling may change. Turning down waits until the budget has room again; turning up never
/// waits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FlapBudget {
    pub max: u32,
    pub per: Duration,
}

/// HPA v2's `behavior`.
#[derive(Debug, Clone, PartialEq)]
pub struct Behavior {
    pub scale_up: ScalingRules,
    pub scale_down: ScalingRules,
}

impl Behavior {
    /// The rules for one direction.
    #[must_use]
    pub fn toward(&self, direction: Direction) -> &ScalingRules {
        match direction {
            Direction::Up => &self.scale_up,
            Direction::Down => &self.scale_down,
        }
    }

    /// How long a scale event can matter: the longest period of any policy.
    pub(super) fn longest_period(&self) -> Duration {
        let policies = self.scale_up.policies.iter().chain(&self.scale_down.policies);
        policies.map(|policy| policy.period).max().unwrap_or_default()
    }
}

impl Default for Behavior {
    fn default() -> Self {
        Self { scale_up: ScalingRules::default_up(), scale_down: ScalingRules::default_down() }
    }
}

/// One direction of HPA v2's `behavior`.
#[derive(Debug, Clone, PartialEq)]
pub struct ScalingRules {
    /// A move goes no further than the most cautious recommendation of this long.
    pub stabilization_window: Duration,
    /// Which of several policies counts.
    pub select: SelectPolicy,
    /// How much may change within which period; none means that nothing limits the pace.
    pub policies: Vec<ScalingPolicy>,
    /// Fraction of the ratio of wanted to current replicas within which nothing changes: 0.1 is 10 %.
    pub tolerance: f64,
    /// How long the direction must have been wanted without a break.
    pub wanted_for: Duration,
}

/// HPA's default tolerance: `--horizontal-pod-autoscaler-tolerance`.
const TOLERANCE: f64 = 0.1;
/// The period of HPA's default policies.
const PERIOD: Duration = Duration::from_secs(15);

impl ScalingRules {
    /// HPA's `scaleUp` where nothing is written: at once, by 100 % or 4 pods each 15 s, whichever is more.
    #[must_use]
    pub fn default_up() -> Self {
        Self {
            stabilization_window: Duration::ZERO,
            select: SelectPolicy::Max,
            policies: vec![
                ScalingPolicy { change: Change::Percent(100), period: PERIOD },
                ScalingPolicy { change: Change::Pods(4), period: PERIOD },
            ],
            tolerance: TOLERANCE,
            wanted_for: Duration::ZERO,
        }
    }

    /// HPA's `scaleDown` where nothing is written: to the highest recommendation of 5 minutes, then freely.
    #[must_use]
    pub fn default_down() -> Self {
        Self {
            stabilization_window: Duration::from_mins(5),
            select: SelectPolicy::Max,
            policies: vec![ScalingPolicy { change: Change::Percent(100), period: PERIOD }],
            tolerance: TOLERANCE,
            wanted_for: Duration::ZERO,
        }
    }
}

/// HPA v2's `selectPolicy`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SelectPolicy {
    /// The policy that allows the largest change.
    Max,
    /// The policy that allows the smallest change.
    Min,
    /// No change in this direction.
    Disabled,
}

/// One HPA v2 policy: how much may change within a period.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct ScalingPolicy {
    pub change: Change,
    pub period: Duration,
}

/// A size of change.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Change {
    /// So many replicas.
    Pods(u32),
    /// So many percent of the replicas at the period's start.
    Percent(u32),
}

impl fmt::Display for ScalingPolicy {
    /// `4 pods per 15s`, `100% per 15s`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.change {
            Change::Pods(1) => f.write_str("1 pod")?,
            Change::Pods(pods) => write!(f, "{pods} pods")?,
            Change::Percent(percent) => write!(f, "{percent}%")?,
        }
        write!(f, " per {}", format_duration(self.period))
    }
}

/// Which way a count moves.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Direction {
    Up,
    Down,
}

impl Direction {
    /// The way from one count to another; `None` where they are the same.
    #[must_use]
    pub fn of(from: Replicas, to: Replicas) -> Option<Self> {
        match to.cmp(&from) {
            Ordering::Greater => Some(Self::Up),
            Ordering::Less => Some(Self::Down),
            Ordering::Equal => None,
        }
    }

    /// One word for reasons and metrics.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Up => "up",
            Self::Down => "down",
        }
    }

    /// The one of two counts that lies further this way.
    pub(super) fn further<T: Ord>(self, one: T, other: T) -> T {
        match self {
            Self::Up => one.max(other),
            Self::Down => one.min(other),
        }
    }

    /// The one of two counts that lies less far this way.
    pub(super) fn nearer<T: Ord>(self, one: T, other: T) -> T {
        match self {
            Self::Up => one.min(other),
            Self::Down => one.max(other),
        }
    }
}
