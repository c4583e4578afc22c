//! Whose model is fitted anew, and when: one at a time, each in its turn, and at most a fifth of a core for all.

use std::ops::Bound;
use std::sync::Arc;
use std::time::Duration;

use super::foresight::Foresight;
use super::workloads::Known;
use super::{Due, Effect, Engine, Refit};
use crate::time::Timestamp;
use crate::workload::Workload;

/// How often predictors are looked through where the last look found none that is due.
const LOOK_EVERY: Duration = Duration::from_mins(1);

/// After a fit that took a second, the next begins four seconds later.
const REST: u32 = 4;

/// A fit that has not come back for so long never will: its task has failed.
const LOST_AFTER: Duration = Duration::from_mins(10);

/// A workload, the shadow of it where it is that one's, and the metric.
type Away = (Workload, Option<Arc<str>>, Arc<str>);

/// Whose turn it is.
#[derive(Debug, Default)]
pub(super) struct Turns {
    /// Predictors are to be looked through for one whose fit is due.
    pub due: bool,
    /// The workload whose predictor was fitted last; the next one's turn is after it.
    last: Option<Workload>,
    /// Whose predictor is away.
    away: Option<Away>,
}

impl Engine {
    /// Gives away the next predictor whose fit is due, where it is time to look.
    pub(super) fn refit(&mut self, now: Timestamp, effects: &mut Vec<Effect>) {
        if !std::mem::take(&mut self.turns.due) {
            return;
        }
        if let Some(away) = self.turns.away.take()
            && let Some(known) = self.foreseer(&away.0, away.1.as_ref())
            && let Some(forecasting) = known.rule.forecast.clone()
            && let Some(foresight) = known.foresights.get_mut(&away.2)
        {
            foresight.give_up(&forecasting.options);
        }
        let after = self.turns.last.clone().map_or(Bound::Unbounded, Bound::Excluded);
        let mut found = None;
        // Those after the last one, and then from the first.
        for range in [(after, Bound::Unbounded), (Bound::Unbounded, Bound::Unbounded)] {
            found = self.workloads.range_mut(range).find_map(|(workload, known)| {
                let due =
                    |(metric, foresight): (&Arc<str>, &mut Foresight)| Some((metric.clone(), foresight.take_due()?));
                let (metric, predictor) = known.foresights.iter_mut().find_map(due)?;
                Some(Refit { workload: workload.clone(), shadow: None, metric, predictor })
            });
            if found.is_some() {
                break;
            }
        }
        // Those of shadows come last: nothing is scaled by them.
        let found = found.or_else(|| {
            self.shadows.iter_mut().find_map(|((workload, rule), shadow)| {
                let due =
                    |(metric, foresight): (&Arc<str>, &mut Foresight)| Some((metric.clone(), foresight.take_due()?));
                let (metric, predictor) = shadow.known.foresights.iter_mut().find_map(due)?;
                Some(Refit { workload: workload.clone(), shadow: Some(Arc::clone(rule)), metric, predictor })
            })
        });
        let wait = if found.is_some() { LOST_AFTER } else { LOOK_EVERY };
        self.agenda.set(Due::Refit, Some(now + wait));
        if let Some(refit) = found {
            self.turns.last = Some(refit.workload.clone());
            self.turns.away = Some((refit.workload.clone(), refit.shadow.clone(), Arc::clone(&refit.metric)));
            effects.push(Effect::Refit(refit));
        }
    }

    /// What is known of a workload, or of the shadow of it where a rule is named.
    pub(super) fn foreseer(&mut self, workload: &Workload, shadow: Option<&Arc<str>>) -> Option<&mut Known> {
        match shadow {
            None => self.workloads.get_mut(workload),
            Some(rule) => self.shadows.get_mut(&(workload.clone(), Arc::clone(rule))).map(|shadow| &mut shadow.known),
        }
    }

    /// Takes a predictor back that was fitted. Its workload, or its rule's wish for forecasts, may be gone.
    pub(super) fn refitted(&mut self, refit: Refit, took: Duration, now: Timestamp) {
        let Refit { workload, shadow, metric, predictor } = refit;
        let whose = (workload, shadow, metric);
        if self.turns.away.as_ref() == Some(&whose) {
            self.turns.away = None;
        }
        if let Some(foresight) =
            self.foreseer(&whose.0, whose.1.as_ref()).and_then(|known| known.foresights.get_mut(&whose.2))
        {
            foresight.put_back(predictor);
        }
        self.agenda.set(Due::Refit, Some(now + took.saturating_mul(REST)));
    }
}
