//! Automatic tuning: the rule in many variants, and which of them are worth their money.
//!
//! A variant is worth its replica-hours where none misses less for fewer: the Pareto front. With prices for a
//! replica-hour and for an hour under-provisioned the cheapest is the best one; without, the one with the fewest
//! replica-hours that misses no more than is allowed.

use std::sync::Arc;
use std::time::Duration;

use super::table::aligned;
use super::{Case, Load, Options, OursError, Plain, Policy, Score, SimulateError, SubjectError, batch};
use crate::time::format_duration;

/// Quantiles that are tried, where a price doesn't give one.
const QUANTILES: [f64; 5] = [0.5, 0.8, 0.9, 0.95, 0.99];

/// Horizons that are tried.
const HORIZONS: [&str; 3] = ["auto", "5m", "15m"];

/// How long scale-downs wait.
const WINDOWS: [Duration; 4] =
    [Duration::from_mins(1), Duration::from_mins(3), Duration::from_mins(5), Duration::from_mins(10)];

/// Shares of what the rule plans for a replica: below 1 is more room for what can't be foreseen.
const SHARES: [f64; 4] = [0.85, 1.0, 1.1, 1.2];

/// One variant of the rule.
#[derive(Debug, Clone, PartialEq)]
pub struct Candidate {
    /// A multiple of the planned work per replica.
    pub share: f64,
    /// Of the forecast; `None` tries the rule without one.
    pub forecast: Option<(f64, &'static str)>,
    /// How long scale-downs wait.
    pub window: Duration,
}

impl Candidate {
    /// The fields of a scale rule that make it.
    #[must_use]
    pub fn fields(&self) -> Vec<String> {
        let mut fields = Vec::new();
        if let Some((quantile, horizon)) = self.forecast {
            fields.push(format!("forecast: {{horizon: {horizon}, quantile: {quantile}}}"));
        }
        let window = format_duration(self.window);
        fields.push(format!("behavior: {{scale_down: {{stabilization_window: {window}}}}}"));
        fields
    }
}

/// The quantile of demand to provision for, from the price of an hour short and of a replica-hour: the newsvendor's
/// critical ratio `under / (under + over)`.
#[must_use]
pub fn newsvendor(under: f64, over: f64) -> f64 {
    if under + over > 0.0 { (under / (under + over)).clamp(0.0, 1.0) } else { 0.5 }
}

/// All variants. `quantile` is tried alone where it is given.
#[must_use]
pub fn candidates(forecasts: bool, quantile: Option<f64>) -> Vec<Candidate> {
    let quantiles = quantile.map_or_else(|| QUANTILES.to_vec(), |quantile| vec![quantile]);
    let mut looks: Vec<Option<(f64, &'static str)>> = vec![None];
    if forecasts {
        looks.extend(HORIZONS.iter().flat_map(|horizon| quantiles.iter().map(move |one| Some((*one, *horizon)))));
    }
    let mut all = Vec::new();
    for share in SHARES {
        for forecast in &looks {
            all.extend(WINDOWS.map(|window| Candidate { share, forecast: *forecast, window }));
        }
    }
    all
}

/// What the variants came to.
#[derive(Debug, Clone, PartialEq)]
pub struct Swept {
    /// Those on the Pareto front, the fewest replica-hours first, and how each fared over all traces.
    pub front: Vec<(Candidate, Sum)>,
    /// The place of the best one in the front.
    pub best: usize,
    pub tried: usize,
    rule: Plain,
    verdict: String,
}

/// How a variant fared over all traces.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Sum {
    pub replica_hours: f64,
    /// The mean over the traces.
    pub missed_percent: f64,
    pub under_minutes: f64,
    pub flaps: u32,
    /// Money; nothing where there is no price.
    pub cost: Option<f64>,
}

impl Sum {
    fn of(scores: &[Score]) -> Self {
        let mut sum = Self::default();
        for score in scores {
            sum.replica_hours += score.replica_hours;
            sum.missed_percent += score.missed_percent / scores.len() as f64;
            sum.under_minutes += score.under_minutes;
            sum.flaps += score.flaps;
            if let Some(cost) = score.cost {
                sum.cost = Some(sum.cost.unwrap_or_default() + cost);
            }
        }
        sum
    }
}

/// Why a sweep came to nothing.
#[derive(Debug, thiserror::Error)]
pub enum SweepError {
    #[error(transparent)]
    Rule(#[from] SubjectError),
    #[error(transparent)]
    Simulate(#[from] SimulateError),
}

/// Tries variants of a rule on loads. `missed_max` (percent) is what the best one may miss where there is no price;
/// `progress` hears how many of all runs are done.
pub fn sweep(
    loads: &[(Load, Plain)],
    options: &Options,
    candidates: &[Candidate],
    missed_max: f64,
    threads: usize,
    progress: &(dyn Fn(usize, usize) + Sync),
) -> Result<Swept, SweepError> {
    let mut jobs = Vec::new();
    for candidate in candidates {
        for (load, plain) in loads {
            let plain =
                Plain { per_replica: plain.per_replica * candidate.share, fields: candidate.fields(), ..plain.clone() };
            // What a replica can do doesn't change with what is planned for it.
            let options = Options { slack: options.slack / candidate.share, ..options.clone() };
            jobs.push((load, Arc::new(plain.subject()?), options));
        }
    }
    let all = jobs.len();
    let work = |(load, subject, options): &(&Load, Arc<super::Subject>, Options)| -> Option<Result<Score, OursError>> {
        let case = Case { load: (*load).clone(), subject: Arc::clone(subject) };
        Some(case.play(Policy::Headroom, options).map(|result| result.score))
    };
    let mut scores = batch::all(&jobs, threads, work, |_, done| progress(done, all)).into_iter().flatten();
    let mut sums = Vec::new();
    for candidate in candidates {
        let mut of_traces = Vec::new();
        for (load, _) in loads {
            let Some(score) = scores.next() else { continue };
            of_traces.push(score.map_err(|source| SimulateError { trace: load.name.clone(), source })?);
        }
        sums.push((candidate.clone(), Sum::of(&of_traces)));
    }
    let front = pareto(sums);
    let priced = front.iter().all(|(_, sum)| sum.cost.is_some()) && options.under_price.is_some();
    let best = best(&front, priced, missed_max);
    let verdict = verdict(&front, best, candidates.len(), priced, missed_max);
    let rule = loads.first().map(|(_, plain)| plain.clone());
    let rule = rule.unwrap_or(Plain { min: 1, max: 1, per_replica: 1.0, fields: Vec::new() });
    Ok(Swept { front, best, tried: candidates.len(), rule, verdict })
}

/// Those of which none other is better in both: fewer replica-hours and less missed. The fewest replica-hours first.
#[must_use]
pub fn pareto(mut all: Vec<(Candidate, Sum)>) -> Vec<(Candidate, Sum)> {
    all.sort_by(|(_, one), (_, other)| {
        let hours = one.replica_hours.total_cmp(&other.replica_hours);
        hours.then(one.missed_percent.total_cmp(&other.missed_percent))
    });
    let mut least = f64::INFINITY;
    all.retain(|(_, sum)| {
        let better = sum.missed_percent < least;
        if better {
            least = sum.missed_percent;
        }
        better
    });
    all
}

fn best(front: &[(Candidate, Sum)], priced: bool, missed_max: f64) -> usize {
    let cheapest = || {
        let costs = front.iter().map(|(_, sum)| sum.cost.unwrap_or(f64::INFINITY)).enumerate();
        costs.min_by(|one, other| one.1.total_cmp(&other.1)).map_or(0, |(place, _)| place)
    };
    let allowed = || front.iter().position(|(_, sum)| sum.missed_percent <= missed_max);
    if priced { cheapest() } else { allowed().unwrap_or(front.len().saturating_sub(1)) }
}

fn verdict(front: &[(Candidate, Sum)], best: usize, tried: usize, priced: bool, missed_max: f64) -> String {
    let Some((_, sum)) = front.get(best) else { return "nothing was tried".to_owned() };
    let why = match sum.cost {
        Some(cost) if priced => format!("the cheapest, at {cost:.2}"),
        _ if sum.missed_percent <= missed_max => format!("the fewest replica-hours that miss {missed_max}% at most"),
        _ => format!("the one that misses least; none misses {missed_max}% at most"),
    };
    format!(
        "Of {tried} variants {} are worth their replica-hours; the best is {why}: {:.0} replica-hours, {:.3}% missed.",
        front.len(),
        sum.replica_hours,
        sum.missed_percent
    )
}

impl Swept {
    /// In a sentence.
    #[must_use]
    pub fn verdict(&self) -> String {
        self.verdict.clone()
    }

    /// The rule to paste.
    #[must_use]
    pub fn best_yaml(&self) -> String {
        let Some((candidate, _)) = self.front.get(self.best) else { return String::new() };
        let per_replica = self.rule.per_replica * candidate.share;
        Plain { per_replica, fields: candidate.fields(), ..self.rule.clone() }.yaml()
    }

    /// Heads and rows of the front.
    pub(super) fn cells(&self) -> (Vec<&'static str>, Vec<Vec<String>>) {
        let heads = vec!["variant", "replica-h", "missed%", "under min", "flaps", "cost"];
        let row = |(place, (candidate, sum)): (usize, &(Candidate, Sum))| {
            let look = candidate.forecast.map_or_else(
                || "reactive".to_owned(),
                |(quantile, horizon)| format!("p{} {horizon}", quantile * 100.0),
            );
            let sign = if place == self.best { "* " } else { "  " };
            let window = format_duration(candidate.window);
            vec![
                format!("{sign}{look}, down after {window}, {:.0}% a replica", candidate.share * 100.0),
                format!("{:.1}", sum.replica_hours),
                format!("{:.3}", sum.missed_percent),
                format!("{:.1}", sum.under_minutes),
                sum.flaps.to_string(),
                sum.cost.map(|cost| format!("{cost:.2}")).unwrap_or_default(),
            ]
        };
        (heads, self.front.iter().enumerate().map(row).collect())
    }

    /// The front as text, the best one with a star, and the rule to paste.
    #[must_use]
    pub fn text(&self) -> String {
        let (heads, rows) = self.cells();
        format!("{}\n{}\n{}", self.verdict, aligned(&heads, &rows), self.best_yaml())
    }
}
