//! A workload that is new borrows the shape of another's day: that of its look-alikes under the same rule, or of whoever
//! its own first hours are like. What it has is a guess until its own day has passed, and the API says whose it is.

use std::sync::Arc;

use super::Engine;
use super::workloads::Known;
use crate::demand::History;
use crate::demand::patterns::{DISTANCE_MAX, distance};
use crate::forecast::Shape;
use crate::workload::Workload;

/// Workloads that are looked at, at most: of 64 shapes each pair is compared in some milliseconds.
const LENDERS_MAX: usize = 64;

/// Points of a day that are compared: half-hours.
const POINTS: usize = 48;

/// Points of its own that a newcomer needs before it can be like somebody of another rule: a quarter of a day.
const OWN_MIN: usize = POINTS / 4;

/// The first day, in milliseconds: from then on a workload knows its own.
const DAY_MS: u128 = 86_400_000;

/// Somebody whose day is known.
struct Lender {
    workload: Workload,
    same_rule: bool,
    shape: Shape,
    /// The shape in [`POINTS`] points.
    points: Vec<f64>,
}

/// Whether a history is of less than a day.
pub(super) fn is_young(history: &History) -> bool {
    u128::from(history.known()).saturating_mul(history.step().as_millis()) < DAY_MS
}

impl Engine {
    /// Lends a newcomer a shape, where somebody has one to lend; tells whether it is still new.
    pub(super) fn lend(&mut self, workload: &Workload, metric: &Arc<str>) -> bool {
        let Some(known) = self.workloads.get(workload) else { return false };
        let Some(history) = known.foresights.get(metric).and_then(super::foresight::Foresight::history) else {
            return false;
        };
        if !is_young(history) {
            if let Some(known) = self.workloads.get_mut(workload) {
                known.unkept |= known.memory.lent.remove(metric).is_some();
            }
            return false;
        }
        let found = if known.memory.lent.contains_key(metric) {
            None
        } else {
            let own = course(history);
            chosen(self.lenders(known, metric), &own)
        };
        if let Some(lender) = found
            && let Some(known) = self.workloads.get_mut(workload)
            && let Some(foresight) = known.foresights.get_mut(metric)
            && foresight.lend(&lender.shape)
        {
            known.memory.lent.insert(Arc::clone(metric), lender.workload.to_string().into());
            known.unkept = true;
        }
        true
    }

    /// Whose day is known of the same metric: those of the same rule first.
    fn lenders(&self, newcomer: &Known, metric: &Arc<str>) -> Vec<Lender> {
        let step = newcomer.rule.forecast.as_ref().map(|forecast| &forecast.options);
        let of = |known: &Known, same_rule: bool| {
            let options = known.rule.forecast.as_ref().map(|forecast| &forecast.options);
            let day =
                |options: Option<&crate::forecast::Options>| options.and_then(|o| o.seasons.iter().min().copied());
            let may = known.workload != newcomer.workload
                && Arc::ptr_eq(&known.rule, &newcomer.rule) == same_rule
                && day(options) == day(step)
                && !known.memory.lent.contains_key(metric);
            let foresight = known.foresights.get(metric).filter(|_| may)?;
            let shape = foresight.history().filter(|history| !is_young(history)).and(foresight.shape())?;
            let points = resampled(&shape);
            Some(Lender { workload: known.workload.clone(), same_rule, shape, points })
        };
        let same = self.workloads.values().filter_map(|known| of(known, true));
        let others = self.workloads.values().filter_map(|known| of(known, false));
        same.chain(others).take(LENDERS_MAX).collect()
    }
}

/// A shape in [`POINTS`] points.
fn resampled(shape: &Shape) -> Vec<f64> {
    let values = shape.values();
    let at = |point: usize| values.get(point * values.len() / POINTS).copied().unwrap_or(1.0);
    (0..POINTS).map(|point| f64::from(at(point))).collect()
}

/// What is known of a newcomer's day, at the points; NaN where nothing is.
fn course(history: &History) -> Vec<f64> {
    let (start, step, values) = history.means();
    let (mut sums, mut counts) = (vec![0.0; POINTS], vec![0.0_f64; POINTS]);
    let mut at = start;
    for value in values {
        let of_day = u128::try_from(at.as_millis().rem_euclid(86_400_000)).unwrap_or(0);
        let point = usize::try_from(of_day * POINTS as u128 / DAY_MS).unwrap_or(0);
        if value.is_finite()
            && let (Some(sum), Some(count)) = (sums.get_mut(point), counts.get_mut(point))
        {
            *sum += value;
            *count += 1.0;
        }
        at = at + step;
    }
    sums.iter().zip(counts).map(|(sum, count)| if count > 0.0 { sum / count } else { f64::NAN }).collect()
}

/// Who lends: whoever the newcomer's own hours are like, once it has some; until then the most usual one of its rule, where
/// most of the rule's are like each other.
fn chosen(lenders: Vec<Lender>, own: &[f64]) -> Option<Lender> {
    let known: Vec<usize> = own.iter().enumerate().filter(|(_, value)| !value.is_nan()).map(|(at, _)| at).collect();
    let pick = |values: &[f64]| known.iter().filter_map(|at| values.get(*at).copied()).collect::<Vec<f64>>();
    if known.len() >= OWN_MIN {
        let own = pick(own);
        let near = lenders.into_iter().map(|lender| (distance(&own, &pick(&lender.points)), lender));
        let near = near.filter(|(distance, _)| *distance <= DISTANCE_MAX);
        return near.min_by(|one, other| one.0.total_cmp(&other.0)).map(|(_, lender)| lender);
    }
    let rule: Vec<Lender> = lenders.into_iter().filter(|lender| lender.same_rule).collect();
    if rule.len() <= 2 {
        return rule.into_iter().next();
    }
    let middle = |lender: &Lender| {
        let mut away: Vec<f64> = rule.iter().map(|other| distance(&lender.points, &other.points)).collect();
        away.sort_by(f64::total_cmp);
        away.get(away.len() / 2).copied().unwrap_or(f64::INFINITY)
    };
    let middles: Vec<f64> = rule.iter().map(middle).collect();
    let most = middles.into_iter().zip(rule).min_by(|one, other| one.0.total_cmp(&other.0));
    most.filter(|(away, _)| *away <= DISTANCE_MAX).map(|(_, lender)| lender)
}
