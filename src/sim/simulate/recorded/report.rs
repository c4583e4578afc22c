//! A replay as a report of all policies: the rules as they were played, the others on the demand that the rules saw.

use std::sync::Arc;

use super::super::batch::{self, compared};
use super::super::score::{Score, Yardstick};
use super::super::{Case, Options, Plain, Policy, PolicyReport, Progress, Report};
use super::{Played, Reached, Replay, ReplayError};
use crate::rule::RuleSet;

impl Played {
    /// What it is measured with.
    pub(super) fn yardstick(&self, options: &Options) -> Yardstick {
        Yardstick {
            capacity: self.per_replica * options.slack,
            min: self.min.max(1),
            patience: options.patience,
            service: options.service,
            price: options.price.or(self.price),
            under_price: options.under_price,
        }
    }
}

/// Replays a tape through rules, and the demand that they saw through the other policies, on so many threads. Also gives
/// what is left out, a line each.
pub fn replay(
    replay: &Replay<'_>,
    rules: &RuleSet,
    policies: &[Policy],
    threads: usize,
    reached: Reached<'_>,
    progress: &(dyn Fn(Progress) + Sync),
) -> Result<(Report, Vec<String>), ReplayError> {
    let played = replay.play(rules, reached)?;
    let mut cases = Vec::new();
    for one in &played.workloads {
        // The others know bounds and capacity; of the rule they need no more.
        let plain = Plain { min: one.min, max: one.max, per_replica: one.per_replica, fields: Vec::new() };
        let Ok(mut subject) = plain.subject() else { continue };
        subject.price = one.price;
        subject.name.clone_from(&one.rule);
        cases.push(Case { load: one.load.clone(), subject: Arc::new(subject) });
    }
    let rivals: Vec<Policy> = policies.iter().copied().filter(|policy| *policy != Policy::Headroom).collect();
    let mut report = batch::run(&cases, &rivals, replay.options, threads, progress)?;
    let by_name = |name: &str| played.workloads.iter().find(|one| one.workload == name);
    for (trace, case) in report.traces.iter_mut().zip(&cases) {
        let Some(one) = by_name(&case.load.name) else { continue };
        let mut results = std::mem::take(&mut trace.results);
        if let Some(place) = policies.iter().position(|policy| *policy == Policy::Headroom) {
            let score = Score::of(&one.load, &one.course, &one.yardstick(replay.options));
            let ours = PolicyReport { policy: Policy::Headroom, score, course: one.course.clone() };
            results.insert(place.min(results.len()), ours);
        }
        *trace = compared(case, results, replay.options);
        trace.rule = format!("{} of {} to {}", one.rule, one.min, one.max);
    }
    Ok((report, played.notes))
}
