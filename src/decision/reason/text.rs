//! Each reason as a line that people read.

use std::fmt;

use super::Reason;
use super::words::{Clock, Missings, Moment, Number, Quantile, Roomy, Signed, Why};
use crate::decision::inputs::Freeze;
use crate::decision::policy::FallbackBehavior;
use crate::time::format_duration;

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
