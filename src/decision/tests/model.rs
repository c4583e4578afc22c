//! The stability rules told naively: everything is kept, nothing is merged, each question walks all of the past.
//!
//! The real thing must say the same for every history (see [`super::properties`]).

use super::*;

/// All that was ever recommended and changed.
#[derive(Default)]
pub(super) struct Model {
    recommended: Vec<(Timestamp, Replicas)>,
    scaled: Vec<(Timestamp, i64)>,
}

impl Model {
    /// What to make of `wanted`, which is within the bounds as `from` is. The cooldown bars moves down.
    pub(super) fn decide(&mut self, policy: &Policy, from: Replicas, wanted: Replicas, now: Timestamp) -> Replicas {
        if self.recommended.is_empty() {
            self.recommended.push((now, from));
        }
        self.recommended.push((now, wanted));
        let Behavior { scale_up, scale_down } = &policy.behavior;
        let within = |window: Duration| {
            let recent = self.recommended.iter().filter(move |(at, _)| now.since(*at) < window);
            recent.map(|(_, replicas)| *replicas).chain([wanted])
        };
        let up = within(scale_up.stabilization_window).min().unwrap();
        let down = within(scale_down.stabilization_window).max().unwrap();
        let target = from.max(up).min(down);
        if target > from {
            return self
                .limit(
                    scale_up,
                    from,
                    now,
                    |start, change| match change {
                        Change::Pods(pods) => start + f64::from(pods),
                        Change::Percent(percent) => (start + start * f64::from(percent) / 100.0 - 1e-9).ceil(),
                    },
                    SelectPolicy::Max,
                )
                .map_or(target, |limit| target.min(limit.max(from)));
        }
        let cooling = self.scaled.last().is_some_and(|(at, _)| now.since(*at) < policy.cooldown);
        if target == from || cooling {
            return from;
        }
        self.limit(
            scale_down,
            from,
            now,
            |start, change| match change {
                Change::Pods(pods) => (start - f64::from(pods)).max(0.0),
                Change::Percent(percent) => (start - start * f64::from(percent) / 100.0 + 1e-9).floor().max(0.0),
            },
            SelectPolicy::Min,
        )
        .map_or(target, |limit| target.max(limit.min(from)))
    }

    pub(super) fn scaled(&mut self, at: Timestamp, from: Replicas, to: Replicas) {
        self.scaled.push((at, i64::from(to) - i64::from(from)));
    }

    /// The count that the policies allow; `highest` is the `select` that takes the highest of them.
    fn limit(
        &self,
        rules: &ScalingRules,
        from: Replicas,
        now: Timestamp,
        reach: impl Fn(f64, Change) -> f64,
        highest: SelectPolicy,
    ) -> Option<Replicas> {
        if rules.select == SelectPolicy::Disabled {
            return Some(from);
        }
        let limits = rules.policies.iter().map(|policy| {
            let recent = self.scaled.iter().filter(|(at, _)| now.since(*at) < policy.period);
            let start = i64::from(from) - recent.map(|(_, change)| change).sum::<i64>();
            let awake = if start == 0 && highest == SelectPolicy::Max && matches!(policy.change, Change::Percent(_)) {
                1.0
            } else {
                0.0
            };
            reach(start as f64, policy.change).max(awake) as Replicas
        });
        if rules.select == highest { limits.max() } else { limits.min() }
    }
}
