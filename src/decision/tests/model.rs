//! The stability rules told naively: everything is kept, nothing is merged, each question walks all of the past.
//!
//! The real thing must say the same for every history (see [`super::properties`]).

use super::*;

/// All that was ever recommended and changed.
#[derive(Default)]
pub(super) struct Model {
    recommended: Vec<(Timestamp, Replicas)>,
    scaled: Vec<(Timestamp, i64)>,
    active_at: Option<Timestamp>,
}

impl Model {
    /// What to make of `wanted`, which is within the bounds as `from` is.
    pub(super) fn decide(
        &mut self,
        policy: &Policy,
        from: Replicas,
        wanted: Replicas,
        active: bool,
        now: Timestamp,
    ) -> Replicas {
        if active {
            self.active_at = Some(now);
        }
        if self.recommended.is_empty() {
            self.recommended.push((now, from));
        }
        self.recommended.push((now, wanted));
        let Behavior { scale_up, scale_down } = &policy.behavior;
        let lowest = self.within(scale_up.stabilization_window, now).min().unwrap_or(wanted).min(wanted);
        let highest = self.within(scale_down.stabilization_window, now).max().unwrap_or(wanted).max(wanted);
        let target = from.max(lowest).min(highest);
        if target > from {
            return target.min(self.ceiling(scale_up, from, now).max(from));
        }
        if self.scaled.last().is_some_and(|(at, _)| now.since(*at) < policy.cooldown) {
            return from;
        }
        let awake = target == 0 && from > 0 && self.active_at.is_some_and(|at| now.since(at) < policy.cooldown);
        let target = if awake { 1 } else { target };
        target.max(self.floor(scale_down, from, now).min(from))
    }

    pub(super) fn scaled(&mut self, at: Timestamp, from: Replicas, to: Replicas) {
        self.scaled.push((at, i64::from(to) - i64::from(from)));
    }

    fn within(&self, window: Duration, now: Timestamp) -> impl Iterator<Item = Replicas> {
        let recent = self.recommended.iter().filter(move |(at, _)| now.since(*at) < window);
        recent.map(|(_, replicas)| *replicas)
    }

    /// The count at the start of the period that ends `now`.
    fn start(&self, from: Replicas, period: Duration, now: Timestamp) -> i64 {
        let recent = self.scaled.iter().filter(|(at, _)| now.since(*at) < period);
        i64::from(from) - recent.map(|(_, change)| change).sum::<i64>()
    }

    /// How far up the rules allow.
    fn ceiling(&self, rules: &ScalingRules, from: Replicas, now: Timestamp) -> Replicas {
        let limits = rules.policies.iter().map(|policy| {
            let start = self.start(from, policy.period, now);
            match policy.change {
                Change::Pods(pods) => start + i64::from(pods),
                Change::Percent(_) if start == 0 => 1,
                Change::Percent(percent) => (start * (100 + i64::from(percent)) + 99) / 100,
            }
        });
        let limit = match rules.select {
            SelectPolicy::Disabled => return from,
            SelectPolicy::Max => limits.max(),
            SelectPolicy::Min => limits.min(),
        };
        limit.map_or(Replicas::MAX, |limit| limit.try_into().unwrap())
    }

    /// How far down the rules allow.
    fn floor(&self, rules: &ScalingRules, from: Replicas, now: Timestamp) -> Replicas {
        let limits = rules.policies.iter().map(|policy| {
            let start = self.start(from, policy.period, now);
            match policy.change {
                Change::Pods(pods) => start - i64::from(pods),
                Change::Percent(percent) => start * (100 - i64::from(percent)) / 100,
            }
        });
        let limit = match rules.select {
            SelectPolicy::Disabled => return from,
            SelectPolicy::Max => limits.min(),
            SelectPolicy::Min => limits.max(),
        };
        limit.map_or(0, |limit| limit.max(0).try_into().unwrap())
    }
}
