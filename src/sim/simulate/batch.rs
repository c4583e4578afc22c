//! Many traces under many policies, on all cores.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

use super::{Case, Options, OursError, Policy, PolicyReport, Report, SimulateError, TraceReport};
use crate::rivals::Kind;

/// How far a run is.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Progress {
    /// A policy on a trace is one.
    pub done: usize,
    pub all: usize,
    /// The days of the trace that was just played.
    pub days: f64,
}

/// Plays each policy on each case, on so many threads, and tells how far it is. The report doesn't depend on the
/// threads.
pub fn run(
    cases: &[Case],
    policies: &[Policy],
    options: &Options,
    threads: usize,
    progress: &(dyn Fn(Progress) + Sync),
) -> Result<Report, SimulateError> {
    let days = |case: usize| cases.get(case).map_or(0.0, |case| case.load.days());
    let mut jobs: Vec<(usize, Policy)> =
        (0..cases.len()).flat_map(|case| policies.iter().map(move |policy| (case, *policy))).collect();
    // The longest first: else one thread plays it in the end while the others have nothing to do.
    jobs.sort_by(|(one, _), (other, _)| days(*other).total_cmp(&days(*one)));
    let played = all(
        &jobs,
        threads,
        |(case, policy)| Some(cases.get(*case)?.play(*policy, options)),
        |job, done| {
            let days = jobs.get(job).map_or(0.0, |(case, _)| days(*case));
            progress(Progress { done, all: jobs.len(), days });
        },
    );
    let mut by_case: Vec<Vec<Result<PolicyReport, OursError>>> = cases.iter().map(|_| Vec::new()).collect();
    for ((case, _), result) in jobs.iter().zip(played) {
        if let Some(results) = by_case.get_mut(*case) {
            results.extend(result);
        }
    }
    let mut traces = Vec::new();
    for (case, results) in cases.iter().zip(by_case) {
        let results: Result<Vec<PolicyReport>, OursError> = results.into_iter().collect();
        let results = results.map_err(|source| SimulateError { trace: case.load.name.clone(), source })?;
        traces.push(compared(case, results, options));
    }
    Ok(Report { options: options.clone(), traces })
}

/// What is relative to HPA and to the oracle.
pub(super) fn compared(case: &Case, mut results: Vec<PolicyReport>, options: &Options) -> TraceReport {
    let of = |kind| {
        let score = results.iter().find(|result| result.policy == Policy::Rival(kind));
        score.map(|result| result.score.clone())
    };
    let (hpa, oracle) = (of(Kind::Hpa), of(Kind::Oracle));
    for PolicyReport { score, .. } in &mut results {
        score.speedup = hpa.as_ref().map(|hpa| score.speedup_over(hpa));
        let hours = oracle.as_ref().map(|oracle| oracle.replica_hours).filter(|hours| *hours > 0.0);
        score.replica_hours_by_oracle = hours.map(|hours| score.replica_hours / hours);
    }
    TraceReport {
        load: case.load.clone(),
        rule: case.subject.described(),
        per_replica: case.subject.per_replica,
        capacity: case.subject.per_replica * options.slack,
        min: case.subject.min,
        max: case.subject.max,
        results,
    }
}

/// Does all jobs, each thread taking the next one; the answers are in the jobs' order.
pub(super) fn all<J: Sync, R: Send>(
    jobs: &[J],
    threads: usize,
    work: impl Fn(&J) -> Option<R> + Sync,
    done: impl Fn(usize, usize) + Sync,
) -> Vec<Option<R>> {
    let (next, finished) = (AtomicUsize::new(0), AtomicUsize::new(0));
    let answers: Mutex<Vec<Option<R>>> = Mutex::new(jobs.iter().map(|_| None).collect());
    std::thread::scope(|scope| {
        for _ in 0..threads.clamp(1, jobs.len().max(1)) {
            scope.spawn(|| {
                while let at = next.fetch_add(1, Ordering::Relaxed)
                    && let Some(job) = jobs.get(at)
                {
                    let answer = work(job);
                    let mut answers = answers.lock().unwrap_or_else(PoisonError::into_inner);
                    if let Some(slot) = answers.get_mut(at) {
                        *slot = answer;
                    }
                    drop(answers);
                    done(at, finished.fetch_add(1, Ordering::Relaxed) + 1);
                }
            });
        }
    });
    answers.into_inner().unwrap_or_else(PoisonError::into_inner)
}
