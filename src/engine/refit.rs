//! Whose model is fitted anew, and when: one at a time, each in its turn, and at most a fifth of a core for all.

use std::ops::Bound;
use std::time::Duration;

use super::{Due, Effect, Engine, Refit};
use crate::time::Timestamp;
use crate::workload::Workload;

/// How often predictors are looked through where the last look found none that is due.
const LOOK_EVERY: Duration = Duration::from_mins(1);

/// After a fit that took a second, the next begins four seconds later.
const REST: u32 = 4;

/// A fit that has not come back for so long never will: its task has failed.
const LOST_AFTER: Duration = Duration::from_mins(10);

/// Whose turn it is.
#[derive(Debug, Default)]
pub(super) struct Turns {
    /// Predictors are to be looked through for one whose fit is due.
    pub due: bool,
    /// The workload whose predictor was fitted last; the next one's turn is after it.
    last: Option<Workload>,
}

impl Engine {
    /// Gives away the next predictor whose fit is due, where it is time to look.
    pub(super) fn refit(&mut self, now: Timestamp, effects: &mut Vec<Effect>) {
        if !std::mem::take(&mut self.turns.due) {
            return;
        }
        let after = self.turns.last.clone().map_or(Bound::Unbounded, Bound::Excluded);
        let mut found = None;
        // Those after the last one, and then from the first.
        for range in [(after, Bound::Unbounded), (Bound::Unbounded, Bound::Unbounded)] {
            found = self.workloads.range_mut(range).find_map(|(workload, known)| {
                let due = |(metric, foresight): (&std::sync::Arc<str>, &mut super::foresight::Foresight)| {
                    Some((metric.clone(), foresight.take_due()?))
                };
                let (metric, predictor) = known.foresights.iter_mut().find_map(due)?;
                Some(Refit { workload: workload.clone(), metric, predictor })
            });
            if found.is_some() {
                break;
            }
        }
        let wait = if found.is_some() { LOST_AFTER } else { LOOK_EVERY };
        self.agenda.set(Due::Refit, Some(now + wait));
        if let Some(refit) = found {
            self.turns.last = Some(refit.workload.clone());
            effects.push(Effect::Refit(refit));
        }
    }

    /// Takes a predictor back that was fitted. Its workload, or its rule's wish for forecasts, may be gone.
    pub(super) fn refitted(&mut self, refit: Refit, took: Duration, now: Timestamp) {
        let Refit { workload, metric, predictor } = refit;
        if let Some(foresight) = self.workloads.get_mut(&workload).and_then(|known| known.foresights.get_mut(&metric)) {
            foresight.put_back(predictor);
        }
        self.agenda.set(Due::Refit, Some(now + took.saturating_mul(REST)));
    }
}
