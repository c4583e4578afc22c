//! What demand was before the service knew it: predictors that have learned from another memory take the place of those
//! that know less.

use std::sync::Arc;

use super::Engine;
use super::foresight::Foresight;
use super::shadow;
use super::workloads::foreseen_key;
use crate::forecast::Predictor;
use crate::rule::Forecasting;
use crate::workload::Workload;

/// Steps of the present that a predictor from the past is shown, at most: a day of the shortest.
const REPLAYED_MAX: i64 = 8_640;

/// A predictor that has learned from the past of one metric of a workload.
#[derive(Debug)]
pub struct Past {
    pub workload: Workload,
    /// The shadow rule that it foresees for; `None` is the rule that acts.
    pub shadow: Option<Arc<str>>,
    pub metric: Arc<str>,
    pub predictor: Box<Predictor>,
}

impl Past {
    /// A predictor for what a rule wants, that has seen `demand`: times and values, oldest first.
    #[must_use]
    pub fn learned(forecasting: &Forecasting, demand: crate::rule::Past) -> Box<Predictor> {
        let mut predictor = Box::new(Predictor::new(forecasting.options.clone()));
        predictor.keep_holidays(forecasting.holidays.clone());
        predictor.observe_all(demand.into_iter());
        predictor
    }
}

impl Engine {
    /// Lets a predictor take the place of the present one, unless that one knows more. One whose workload has not been met
    /// yet waits for it, as those of the journal do.
    pub(super) fn learn_past(&mut self, past: Past) {
        let Past { workload, shadow, metric, predictor } = past;
        let named = match &shadow {
            None => workload.to_string(),
            Some(rule) => shadow::named(&workload, rule),
        };
        let known = self.foreseer(&workload, shadow.as_ref());
        if let Some(foresight) = known.and_then(|known| known.foresights.get_mut(&metric)) {
            return foresight.learn_past(predictor);
        }
        let knows_more = |bytes: &Vec<u8>| {
            let restored = Predictor::restore(predictor.options().clone(), bytes);
            restored.is_some_and(|restored| restored.history().known() >= predictor.history().known())
        };
        let key = foreseen_key(&named, &metric);
        if !self.foreseen.get(&key).is_some_and(knows_more) {
            self.foreseen.insert(key, predictor.snapshot());
        }
    }
}

impl Foresight {
    /// Takes a predictor that has learned from the past, and shows it what has come since. One set up otherwise, before the
    /// rules changed, is of no use.
    fn learn_past(&mut self, mut past: Box<Predictor>) {
        // While the present one is fitted elsewhere, it comes back and stays.
        let Some(present) = self.predictor() else { return };
        if present.options() != past.options() || present.history().known() >= past.history().known() {
            return;
        }
        let history = present.history();
        let (first, open) = (past.history().open(), history.open());
        if let Some((first, open)) = first.zip(open) {
            for number in first.max(open.saturating_sub(REPLAYED_MAX)).saturating_add(1)..=open {
                past.observe(history.start_of(number), history.value(number));
            }
        }
        self.replace(past);
    }
}
