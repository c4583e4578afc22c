//! Bounds and `behavior` as written → the policy that `decision` follows, with HPA's defaults and limits.

use std::sync::Arc;
use std::time::Duration;

use crate::config::{self, At, Direction, Findings, Select, Source, Unit};
use crate::decision::{
    Behavior, CONFIDENCE, Change, Combine, Fallback, FallbackBehavior, FlapBudget, Formula, Pause, Policy,
    ScalingPolicy, ScalingRules, SelectPolicy,
};

/// HPA's limits (`autoscaling/v2`).
const PERIOD_MAX: Duration = Duration::from_mins(30);
const STABILIZATION_MAX: Duration = Duration::from_hours(1);

/// Compiles how a rule's workloads may be scaled, in a group of this `interval`; `findings` hears what may not be.
pub(super) fn compile(
    rule: &config::ScaleRule,
    interval: Duration,
    source: Source<'_>,
    findings: &mut Findings<'_>,
) -> Policy {
    let config::Bounds { min, max } = &rule.replicas;
    if max.value == 0 {
        findings.report(max.span, "max must be at least 1");
    } else if max.value < min.value {
        findings.report(max.span, format!("max {} is less than min {}", max.value, min.value));
    }
    let combine = combine(rule, source, findings);
    if let Some(config::Fallback { after, .. }) = &rule.fallback
        && after.value == 0
    {
        findings.report(after.span, "after must be at least 1: evaluations in a row without data");
    }
    if let Some(config::Flaps { max, per }) = &rule.flaps {
        if !(1..=FLAPS_MAX).contains(&max.value) {
            findings.report(max.span, format!("max must be from 1 to {FLAPS_MAX}: changes of direction"));
        }
        if per.value.is_zero() {
            findings.report(per.span, "per must be more than zero");
        }
    }
    let mut directions = Directions { findings };
    Policy {
        min: min.value,
        max: max.value,
        behavior: Behavior {
            scale_up: directions.compile(&rule.behavior.scale_up, ScalingRules::default_up()),
            scale_down: directions.compile(&rule.behavior.scale_down, ScalingRules::default_down()),
        },
        cooldown: rule.cooldown,
        initial_cooldown: rule.initial_cooldown,
        dead_band: rule.dead_band,
        combine,
        fallback: rule.fallback.as_ref().map(|written| fallback(written, interval)),
        pause: rule.pause.as_ref().map(|pause| Pause { at: pause.at, reason: pause.reason.as_str().into() }),
        flaps: rule.flaps.as_ref().map(|flaps| FlapBudget { max: flaps.max.value, per: flaps.per.value }),
        confidence: confidence(rule),
    }
}

fn confidence(rule: &config::ScaleRule) -> f64 {
    let written = rule.forecast.as_ref().and_then(|forecast| forecast.confidence.as_ref());
    written.map_or(CONFIDENCE, |confidence| confidence.value)
}

/// As many turns as a workload's state remembers.
const FLAPS_MAX: u32 = 64;

fn combine(rule: &config::ScaleRule, source: Source<'_>, findings: &mut Findings<'_>) -> Combine {
    let Some(written) = &rule.combine else { return Combine::Max };
    match Formula::compile(&written.value) {
        Ok(formula) => {
            for name in formula.names() {
                let mut known = rule.metrics.value.iter().map(|metric| metric.name.value.as_str());
                if !known.any(|known| known == name) {
                    let known: Vec<&str> = rule.metrics.value.iter().map(|metric| metric.name.value.as_str()).collect();
                    let message = format!("\"{name}\" is no metric of this rule; known: {}", known.join(", "));
                    findings.report(written.span, message);
                }
            }
            Combine::Formula(Arc::new(formula))
        }
        Err(error) => {
            findings.report(written.locate(source.text, error.at), error.message);
            Combine::Max
        }
    }
}

fn fallback(written: &config::Fallback, every: Duration) -> Fallback {
    let behavior = match written.behavior {
        config::FallbackBehavior::Static => FallbackBehavior::Static,
        config::FallbackBehavior::Current => FallbackBehavior::Current,
        config::FallbackBehavior::CurrentIfHigher => FallbackBehavior::CurrentIfHigher,
        config::FallbackBehavior::CurrentIfLower => FallbackBehavior::CurrentIfLower,
    };
    Fallback { after: written.after.value, every, replicas: written.replicas.value, behavior }
}

struct Directions<'a, 'f> {
    findings: &'a mut Findings<'f>,
}

impl Directions<'_, '_> {
    /// Puts what is written in place of the defaults.
    fn compile(&mut self, written: &Direction, mut rules: ScalingRules) -> ScalingRules {
        if let Some(window) = &written.stabilization_window {
            self.at_most(window, STABILIZATION_MAX, "a stabilization window is at most 1h");
            rules.stabilization_window = window.value;
        }
        if let Some(select) = written.select_policy {
            rules.select = match select {
                Select::Max => SelectPolicy::Max,
                Select::Min => SelectPolicy::Min,
                Select::Disabled => SelectPolicy::Disabled,
            };
        }
        if let Some(tolerance) = &written.tolerance {
            if tolerance.value < 0.0 {
                self.refuse(tolerance, "a tolerance is not negative");
            }
            rules.tolerance = tolerance.value;
        }
        rules.wanted_for = written.wanted_for;
        if let Some(policies) = &written.policies {
            if policies.value.is_empty() {
                self.refuse(policies, "policies is empty; remove it for HPA's default, or use select_policy: Disabled");
            }
            rules.policies = policies.value.iter().map(|policy| self.policy(policy)).collect();
        }
        rules
    }

    fn policy(&mut self, policy: &config::Policy) -> ScalingPolicy {
        let config::Policy { unit, value, period } = policy;
        if value.value == 0 {
            self.refuse(
                value,
                "a policy's value must be more than zero; use select_policy: Disabled to forbid a direction",
            );
        }
        if period.value.is_zero() {
            self.refuse(period, "a policy's period must be more than zero");
        }
        self.at_most(period, PERIOD_MAX, "a policy's period is at most 30m");
        let change = match unit {
            Unit::Pods => Change::Pods(value.value),
            Unit::Percent => Change::Percent(value.value),
        };
        ScalingPolicy { change, period: period.value }
    }

    fn at_most(&mut self, written: &At<Duration>, limit: Duration, message: &str) {
        if written.value > limit {
            self.refuse(written, message);
        }
    }

    fn refuse<T>(&mut self, written: &At<T>, message: &str) {
        self.findings.report(written.span, message);
    }
}
