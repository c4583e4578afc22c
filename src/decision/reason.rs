//! Why a layer wants what it wants: a closed list, so that log, journal, API, metrics and tests say the same.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::inputs::Missing;
use super::policy::{Direction, ScalingPolicy};
use crate::time::format_duration;
use crate::workload::Replicas;

/// Why a layer wants what it wants, with the numbers that decided.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "code", rename_all = "snake_case")]
pub enum Reason {
    /// Reactive: this metric's demand takes the most replicas, of `metrics` that can be read.
    Demand { metric: Arc<str>, demand: f64, per_replica: f64, replicas: Replicas, metrics: usize },
    /// Reactive: the metric that takes the most is close enough to what the current replicas carry.
    Tolerance { metric: Arc<str>, demand: f64, per_replica: f64, replicas: Replicas, tolerance: f64 },
    /// Reactive: no metric can be read.
    NoDemand,
    /// Guards: every input can be used and every pod is ready.
    Clear,
    /// Guards: every input can be used; some pods are not ready, which changes nothing.
    NotReady { ready: Replicas, replicas: Replicas },
    /// Guards: some metrics can't be read; the others may keep or raise the count.
    Partial { first: Missing, missing: usize },
    /// Guards: metrics can't be read, so the count does not fall.
    Held { first: Missing, missing: usize },
    /// Guards: the rule has no metrics to go by.
    NoMetrics,
    /// Bounds: the wish is allowed.
    WithinBounds { min: Replicas, max: Replicas },
    /// Bounds: the wish is below the minimum.
    BelowMin { replicas: Replicas, min: Replicas },
    /// Bounds: the wish is above the maximum.
    AboveMax { replicas: Replicas, max: Replicas },
    /// Bounds: the current count is below the minimum.
    CurrentBelowMin { replicas: Replicas, min: Replicas },
    /// Bounds: the current count is above the maximum.
    CurrentAboveMax { replicas: Replicas, max: Replicas },
    /// Stability: no change is wanted.
    Settled,
    /// Stability: the bounds moved the count, and nothing slows that.
    BoundsRule,
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

impl Reason {
    /// The reason's name in APIs and metric labels.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Demand { .. } => "demand",
            Self::Tolerance { .. } => "tolerance",
            Self::NoDemand => "no_demand",
            Self::Clear => "clear",
            Self::NotReady { .. } => "not_ready",
            Self::Partial { .. } => "partial",
            Self::Held { .. } => "held",
            Self::NoMetrics => "no_metrics",
            Self::WithinBounds { .. } => "within_bounds",
            Self::BelowMin { .. } => "below_min",
            Self::AboveMax { .. } => "above_max",
            Self::CurrentBelowMin { .. } => "current_below_min",
            Self::CurrentAboveMax { .. } => "current_above_max",
            Self::Settled => "settled",
            Self::BoundsRule => "bounds_rule",
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
            Self::Clear | Self::WithinBounds { .. } | Self::Settled | Self::BoundsRule | Self::Unlimited { .. }
        )
    }

    /// Holds the current count, where it may look as if nothing had happened.
    pub(super) fn holds(&self) -> bool {
        matches!(self, Self::Held { .. } | Self::NoMetrics)
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Demand { metric, demand, per_replica, replicas, metrics } => {
                write!(f, "{metric} {} / {} = {replicas}", Number(*demand), Number(*per_replica))?;
                if *metrics > 1 { write!(f, ", the most of {metrics} metrics") } else { Ok(()) }
            }
            Self::Tolerance { metric, demand, per_replica, replicas, tolerance } => {
                let quotient = Number(demand / per_replica);
                write!(f, "{metric} {} / {} = {quotient}", Number(*demand), Number(*per_replica))?;
                write!(f, ", within {}% of {replicas}", Number(tolerance * 100.0))
            }
            Self::NoDemand => f.write_str("no metric can be read"),
            Self::Clear => f.write_str("every input can be used"),
            Self::NotReady { ready, replicas } => write!(f, "{ready} of {replicas} pods ready"),
            Self::Partial { first, missing } => write!(f, "may only rise: {}", Missings(first, *missing)),
            Self::Held { first, missing } => Missings(first, *missing).fmt(f),
            Self::NoMetrics => f.write_str("the rule has no metrics"),
            Self::WithinBounds { min, max } => write!(f, "within {min}..{max}"),
            Self::BelowMin { replicas, min } => write!(f, "{replicas} is below the minimum {min}"),
            Self::AboveMax { replicas, max } => write!(f, "{replicas} is above the maximum {max}"),
            Self::CurrentBelowMin { replicas, min } => write!(f, "current {replicas} is below the minimum {min}"),
            Self::CurrentAboveMax { replicas, max } => write!(f, "current {replicas} is above the maximum {max}"),
            Self::Settled => f.write_str("no change is wanted"),
            Self::BoundsRule => f.write_str("nothing slows the way into the bounds"),
            Self::Window { replicas, window } => write!(f, "{replicas} within {}", format_duration(*window)),
            Self::Cooldown { since, cooldown } => {
                write!(f, "cooldown {}, scaled {} ago", format_duration(*cooldown), format_duration(*since))
            }
            Self::Disabled { direction } => write!(f, "scaling {} is disabled", direction.as_str()),
            Self::Rate { policy, from, allows } if from == allows => write!(f, "{policy} used up"),
            Self::Rate { policy, allows, .. } => write!(f, "{policy} allows {allows}"),
            Self::Fits { from, to, policy } => write!(f, "{} fits {policy}", Signed(*from, *to)),
            Self::Unlimited { from, to } => write!(f, "no policy limits {}", Signed(*from, *to)),
        }
    }
}

/// The first of several missing inputs, and how many more there are.
struct Missings<'a>(&'a Missing, usize);

impl fmt::Display for Missings<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(first, missing) = self;
        if *missing > 1 { write!(f, "{first}, and {} more", missing - 1) } else { first.fmt(f) }
    }
}

/// A change of count with its sign: `+2`.
struct Signed(Replicas, Replicas);

impl fmt::Display for Signed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:+}", i64::from(self.1) - i64::from(self.0))
    }
}

/// A float as people write it: whole numbers whole, others with four significant digits.
struct Number(f64);

/// From here on a float's text is an exponent's: no demand that anyone reads is written with more digits.
const EXPONENT_FROM: f64 = 1e15;

impl fmt::Display for Number {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let size = self.0.abs();
        if size >= EXPONENT_FROM || (size < 1e-4 && size > 0.0) {
            return write!(f, "{:.3e}", self.0);
        }
        let decimals = match size {
            1000.0.. => 0,
            100.0.. => 1,
            10.0.. => 2,
            1.0.. => 3,
            0.1.. => 4,
            _ => 6,
        };
        let text = format!("{:.decimals$}", self.0);
        let text = if decimals > 0 { text.trim_end_matches('0').trim_end_matches('.') } else { &text };
        f.write_str(text)
    }
}
