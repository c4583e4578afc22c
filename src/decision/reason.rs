//! Why a layer wants what it wants: a closed list, so that log, journal, API, metrics and tests say the same.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::economy::{Per, Resource};
use super::inputs::{Freeze, Missing};
use super::policy::{Direction, FallbackBehavior, ScalingPolicy};
use crate::time::{Timestamp, format_duration};
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

impl fmt::Display for Reason {
    #[expect(clippy::too_many_lines, reason = "a line or two for each reason")]
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
            Self::PerPod { metric, demand, counted, unready, missing, per_replica, replicas } => {
                let mean = demand / (*counted).max(1) as f64;
                write!(f, "{metric} {} a pod / {}, {counted} pods", Number(mean), Number(*per_replica))?;
                if *unready > 0 {
                    write!(f, ", {unready} not ready")?;
                }
                if *missing > 0 {
                    write!(f, ", {missing} without a value")?;
                }
                write!(f, " = {replicas}")
            }
            Self::Absolute { metric, value, replicas, metrics } => {
                write!(f, "{metric} {}", Number(*value))?;
                if *value != f64::from(*replicas) {
                    write!(f, " = {replicas}")?;
                }
                if *metrics > 1 { write!(f, ", the most of {metrics} metrics") } else { Ok(()) }
            }
            Self::Combined { formula, value, replicas } => {
                write!(f, "{formula} = {}", Number(*value))?;
                if *value == f64::from(*replicas) { Ok(()) } else { write!(f, " = {replicas}") }
            }
            Self::Idle { metric, demand, activation } => {
                write!(f, "idle: {metric} {} is not above {}", Number(*demand), Number(*activation))
            }
            Self::NoDemand => f.write_str("no metric can be read"),
            Self::NoForecast => f.write_str("nothing is foreseen"),
            Self::Foreseen { metric, demand, quantile, replicas } => {
                write!(f, "{metric} {} {} = {replicas}, no more than now", Quantile(*quantile), Number(*demand))
            }
            Self::Forecast { metric, demand, quantile, by, per_replica, room, replicas, model, trust } => {
                write!(f, "{metric} {} {} by {}", Quantile(*quantile), Number(*demand), Clock(*by))?;
                write!(f, " / {} = {replicas} ({model}, trust {trust:.2})", Roomy(*per_replica, *room))
            }
            Self::Keeps { metric, demand, quantile, by, per_replica, room, replicas, trust } => {
                write!(f, "keeps {replicas}: {metric} {} {}", Quantile(*quantile), Number(*demand))?;
                let quotient = Number(demand / (per_replica * room));
                write!(f, " by {} / {} = {quotient} (trust {trust:.2})", Clock(*by), Roomy(*per_replica, *room))
            }
            Self::Abstains { metric, trust, confidence } => {
                write!(f, "abstains: {metric} forecast has trust {trust:.2}, below {confidence:.2}")
            }
            Self::Event { event, multiplier, baseline, replicas } => {
                write!(f, "event {event}: {baseline} x {} = {replicas}", Number(*multiplier))
            }
            Self::Matched { metric, pattern, weight, demand, by, per_replica, replicas } => {
                write!(f, "{metric} {} by {} / {}", Number(*demand), Clock(*by), Number(*per_replica))?;
                write!(f, " = {replicas} ({pattern} matched, {weight:.2})")
            }
            Self::Clear => f.write_str("every input can be used"),
            Self::Outlying { metric, pod, pods: 1, of } => write!(f, "{metric} of {pod} is unlike that of {of} pods"),
            Self::Outlying { metric, pod, pods, of } => {
                write!(f, "{metric} of {pods} of {of} pods is unlike the others', most of all {pod}")
            }
            Self::NotReady { ready, replicas } => write!(f, "{ready} of {replicas} pods ready"),
            Self::Partial { first, missing } => write!(f, "may only rise: {}", Missings(first, *missing)),
            Self::Held { first, missing } => Missings(first, *missing).fmt(f),
            Self::NoMetrics => f.write_str("no metric to go by"),
            Self::Paused { at: None, why } => write!(f, "paused{}", Why(why)),
            Self::Paused { at: Some(at), why } => write!(f, "paused at {at}{}", Why(why)),
            Self::Manual { replicas, author, why, until } => {
                write!(f, "{replicas} asked for by {author}{}, until {}", Why(why), Moment(*until))
            }
            Self::SwitchedOff => {
                f.write_str("somebody scaled it to 0, and it stays so until somebody gives it a replica")
            }
            Self::RolledBack { good, bad, why, until } => {
                write!(f, "back to {good}, for {bad} went wrong{}, until {}", Why(why), Moment(*until))
            }
            Self::Fallback { behavior, replicas, evaluations, first } => {
                let behavior = match behavior {
                    FallbackBehavior::Static => "",
                    FallbackBehavior::Current => " (current)",
                    FallbackBehavior::CurrentIfHigher => " (current if higher)",
                    FallbackBehavior::CurrentIfLower => " (current if lower)",
                };
                write!(f, "fallback {replicas}{behavior}: {first} for {evaluations} evaluations")
            }
            Self::Drop { metric, z_score } => {
                write!(f, "{metric} fell suddenly (z {z_score:.1}), its source may be broken")
            }
            Self::Spike { metric, z_score } => write!(f, "{metric} rose suddenly (z {z_score:.1})"),
            Self::Trouble { crash_looping, unschedulable, replicas } => match (crash_looping, unschedulable) {
                (crashing, 0) => write!(f, "{crashing} of {replicas} pods crash in a loop"),
                (0, homeless) => write!(f, "{homeless} of {replicas} pods find no node"),
                (crashing, homeless) => {
                    write!(f, "{crashing} of {replicas} pods crash in a loop, {homeless} find no node")
                }
            },
            Self::Frozen { freeze: Freeze::Breaker { down, of } } => {
                write!(f, "frozen: {down} of {of} workloads want down at once")
            }
            Self::Frozen { freeze: Freeze::Ingestion { part } } => {
                write!(f, "frozen: only {:.0}% of the usual samples come in", part * 100.0)
            }
            Self::Affordable => f.write_str("nothing limits the wish"),
            Self::Budget { affords, spent, budget, per } => {
                write!(
                    f,
                    "budget affords {affords}: {} of {} a {} spent",
                    Number(*spent),
                    Number(*budget),
                    per.as_str()
                )
            }
            Self::Share { granted, group, resource } => {
                write!(f, "{granted} is the share of group {group}'s {}", resource.as_str())
            }
            Self::NotOnHoles { replicas } => write!(f, "stays at {replicas}, for its data may be wrong"),
            Self::WithinBounds { min, max } => write!(f, "within {min}..{max}"),
            Self::BelowMin { replicas, min } => write!(f, "{replicas} is below the minimum {min}"),
            Self::AboveMax { replicas, max } => write!(f, "{replicas} is above the maximum {max}"),
            Self::BelowFloor { replicas, floor, schedule } => {
                write!(f, "{replicas} is below the floor {floor} of {schedule}")
            }
            Self::AboveCeiling { replicas, ceiling, schedule } => {
                write!(f, "{replicas} is above the ceiling {ceiling} of {schedule}")
            }
            Self::CurrentBelowMin { replicas, min } => write!(f, "current {replicas} is below the minimum {min}"),
            Self::CurrentAboveMax { replicas, max } => write!(f, "current {replicas} is above the maximum {max}"),
            Self::Settled => f.write_str("no change is wanted"),
            Self::BoundsRule => f.write_str("nothing slows the way into the bounds"),
            Self::Direct => f.write_str("nothing slows it"),
            Self::WantedFor { direction, since, wanted_for } => {
                let (direction, since) = (direction.as_str(), format_duration(*since));
                write!(f, "{direction} wanted for {since}, has to be for {}", format_duration(*wanted_for))
            }
            Self::DeadBand { from, to, dead_band } => {
                write!(f, "{} is within the dead band of {dead_band}", Signed(*from, *to))
            }
            Self::Flaps { changes, per } => {
                write!(f, "direction changed {changes} times within {}", format_duration(*per))
            }
            Self::InitialCooldown { since, initial_cooldown } => {
                let (since, length) = (format_duration(*since), format_duration(*initial_cooldown));
                write!(f, "initial cooldown {length}, known for {since}")
            }
            Self::Active { since, cooldown } => {
                write!(
                    f,
                    "not to zero: active {} ago, cooldown {}",
                    format_duration(*since),
                    format_duration(*cooldown)
                )
            }
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

/// A reason in somebody's words, in brackets; nothing where there is none.
struct Why<'a>(&'a str);

impl fmt::Display for Why<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_empty() { Ok(()) } else { write!(f, " ({})", self.0) }
    }
}

/// A quantile as operators write it: `p90`, `p99.9`.
struct Quantile(f64);

impl fmt::Display for Quantile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "p{}", Number(self.0 * 100.0))
    }
}

/// The time of day, UTC: `12:03`.
struct Clock(Timestamp);

impl fmt::Display for Clock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let minutes = self.0.as_millis().div_euclid(60_000).rem_euclid(24 * 60);
        write!(f, "{:02}:{:02}", minutes / 60, minutes % 60)
    }
}

/// A time that may be weeks away, UTC: `2026-11-23 12:03 UTC`.
struct Moment(Timestamp);

impl fmt::Display for Moment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = self.0.to_string();
        let day = text.split('T').next().unwrap_or_default();
        write!(f, "{day} {} UTC", Clock(self.0))
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

/// Work that one replica takes, and how many times as much it may take.
struct Roomy(f64, f64);

impl fmt::Display for Roomy {
    /// `50`, `(50 x 1.15)`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(per_replica, room) = *self;
        if room == 1.0 { Number(per_replica).fmt(f) } else { write!(f, "({} x {})", Number(per_replica), Number(room)) }
    }
}
