//! How a workload is to be scaled: Kubernetes's `autoscaling/v2` words and defaults.
//! <https://kubernetes.io/docs/tasks/run-application/horizontal-pod-autoscale/#configurable-scaling-behavior>

use std::fmt;
use std::time::Duration;

use crate::time::format_duration;
use crate::workload::Replicas;

/// How one workload is to be scaled.
#[derive(Debug, Clone, PartialEq)]
pub struct Policy {
    pub min: Replicas,
    pub max: Replicas,
    pub behavior: Behavior,
    /// After any scaling, how long no scale-down follows.
    pub cooldown: Duration,
}

/// HPA v2's `behavior`.
#[derive(Debug, Clone, PartialEq)]
pub struct Behavior {
    pub scale_up: ScalingRules,
    pub scale_down: ScalingRules,
}

/// One direction of HPA v2's `behavior`.
#[derive(Debug, Clone, PartialEq)]
pub struct ScalingRules {
    /// How far back recommendations count: up goes the lowest of them, down the highest.
    pub stabilization_window: Duration,
    pub select: SelectPolicy,
    /// Without any, the direction is not limited.
    pub policies: Vec<ScalingPolicy>,
    /// How far demand may be from what the replicas take before anything changes: 0.1 is 10 %.
    pub tolerance: f64,
}

/// Which of several policies counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SelectPolicy {
    /// The one that allows the largest change.
    Max,
    /// The one that allows the smallest change.
    Min,
    /// None: the direction is off.
    Disabled,
}

/// How much may change within a period.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ScalingPolicy {
    pub change: Change,
    pub period: Duration,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Change {
    Pods(u32),
    /// Of the replicas at the start of the period.
    Percent(u32),
}

/// What HPA does where `behavior` says nothing: up by the larger of 100 % and 4 pods every 15 s, at once; down as far
/// as the highest recommendation of the last five minutes.
impl Default for Behavior {
    fn default() -> Self {
        let period = Duration::from_secs(15);
        let rules = |window, changes: &[Change]| ScalingRules {
            stabilization_window: window,
            select: SelectPolicy::Max,
            policies: changes.iter().map(|&change| ScalingPolicy { change, period }).collect(),
            tolerance: 0.1,
        };
        Self {
            scale_up: rules(Duration::ZERO, &[Change::Percent(100), Change::Pods(4)]),
            scale_down: rules(Duration::from_mins(5), &[Change::Percent(100)]),
        }
    }
}

impl fmt::Display for ScalingPolicy {
    /// `4 pods per 15s`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.change {
            Change::Pods(1) => write!(f, "1 pod")?,
            Change::Pods(pods) => write!(f, "{pods} pods")?,
            Change::Percent(percent) => write!(f, "{percent}%")?,
        }
        write!(f, " per {}", format_duration(self.period))
    }
}
