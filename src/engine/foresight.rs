//! What is foreseen of one metric's demand: its predictor, which learns with each evaluation and now and then anew.
//!
//! A fit of the slow lane may take long, so it is done elsewhere: the predictor leaves with [`Effect::Refit`] and comes
//! back with [`Event::Refitted`]. What is heard meanwhile waits for it, and what was foreseen last stands.
//!
//! [`Effect::Refit`]: super::Effect::Refit
//! [`Event::Refitted`]: super::Event::Refitted

use std::sync::Arc;
use std::time::Duration;

use super::command::MetricForecast;
use crate::decision::{Hold, Outlook};
use crate::demand::History;
use crate::forecast::{Holidays, Options, Point, Predictor, Shape};
use crate::rule::Forecasting;
use crate::time::Timestamp;

/// Heard while the predictor is away: an hour of evaluations each second.
const WAITING_MAX: usize = 3_600;
/// How often what is foreseen is worked out anew, at most: no step is shorter.
const LOOK_EVERY: Duration = Duration::from_secs(10);

/// What is looked at of the time to come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Windows {
    lead: Duration,
    until: Duration,
    hold: Duration,
}

/// The forecast of one metric of one workload.
#[derive(Debug)]
pub(super) struct Foresight {
    /// `None` while it is fitted elsewhere.
    predictor: Option<Box<Predictor>>,
    /// What was heard meanwhile.
    waiting: Vec<(Timestamp, Option<f64>)>,
    outlook: Option<Outlook>,
    point: Option<Point>,
    /// The windows that the outlook is about, from then on.
    looked: Option<(Timestamp, Windows)>,
    /// When demand was last found to have changed its ways.
    changed: Option<Timestamp>,
    /// When its snapshot was written down.
    pub(super) kept_at: Timestamp,
}

impl Foresight {
    pub(super) fn new(options: &Options, snapshot: Option<&[u8]>, now: Timestamp) -> Self {
        let restored = snapshot.and_then(|bytes| Predictor::restore(options.clone(), bytes));
        let predictor = restored.unwrap_or_else(|| Predictor::new(options.clone()));
        Self {
            predictor: Some(Box::new(predictor)),
            waiting: Vec::new(),
            outlook: None,
            point: None,
            looked: None,
            changed: None,
            kept_at: now,
        }
    }

    /// Takes the demand of `now`; `None` where it is not known.
    pub(super) fn observe(&mut self, now: Timestamp, demand: Option<f64>) {
        match &mut self.predictor {
            Some(predictor) => predictor.observe(now, demand),
            None if self.waiting.len() < WAITING_MAX => self.waiting.push((now, demand)),
            // Missing steps are what a predictor can do with.
            None => {}
        }
    }

    /// The fit has failed, and the predictor with it: another one begins with what was heard meanwhile.
    pub(super) fn give_up(&mut self, options: &Options) {
        if self.predictor.is_none() {
            self.put_back(Box::new(Predictor::new(options.clone())));
        }
    }

    /// What is foreseen of the window in which what is decided now will have effect, up to the next decision's, and of
    /// the time that a lower count would have to last: `hold`, or until others could be there in place of what was let go.
    pub(super) fn outlook(
        &mut self,
        forecasting: &Forecasting,
        startup: Duration,
        interval: Duration,
        hold: Duration,
        now: Timestamp,
    ) -> Option<Outlook> {
        let lead = forecasting.horizon.unwrap_or_else(|| startup.saturating_add(interval));
        let until = lead.saturating_add(interval.max(forecasting.options.step));
        let windows = Windows { lead, until, hold: hold.max(lead) };
        let fresh =
            |(at, looked): &(Timestamp, Windows)| now.since(*at) < LOOK_EVERY && *looked == windows && now >= *at;
        let Some(predictor) = &self.predictor else {
            // Foreseen for a time that has passed, it says nothing any more.
            return self.outlook.clone().filter(|outlook| outlook.by > now);
        };
        if !self.looked.as_ref().is_some_and(fresh) {
            let quantile = forecasting.quantile;
            self.looked = Some((now, windows));
            self.point = predictor.forecast(lead).and_then(|forecast| forecast.points.last().copied());
            let peak = |from, to| predictor.peak(from, to, quantile).filter(|demand| demand.is_finite());
            self.outlook = peak(lead, until).map(|demand| {
                let model = Arc::from(predictor.model());
                let hold = peak(Duration::ZERO, windows.hold).map(|demand| Hold { demand, by: now + windows.hold });
                Outlook { demand, quantile, by: now + until, hold, trust: predictor.trust(), model }
            });
        }
        self.outlook.clone()
    }

    /// The step at the end of the lead time, as of the last outlook.
    pub(super) fn point(&self) -> Option<Point> {
        self.point
    }

    /// The path of the next steps, for people to see; without one for the moment of a fit.
    pub(super) fn forecast(&self, metric: &Arc<str>, horizon: Duration) -> MetricForecast {
        let predictor = self.predictor.as_ref();
        MetricForecast {
            metric: Arc::clone(metric),
            model: predictor.map_or("", |predictor| predictor.model()).into(),
            trust: predictor.map_or(0.0, |predictor| predictor.trust()),
            forecast: predictor.and_then(|predictor| predictor.forecast(horizon)),
            lent_by: None,
            matched: None,
        }
    }

    /// What demand has been; `None` while the predictor is away.
    pub(super) fn history(&self) -> Option<&History> {
        self.predictor.as_ref().map(|predictor| predictor.history())
    }

    /// Whether demand has been found to have changed its ways since this was asked last.
    pub(super) fn has_changed(&mut self) -> bool {
        let changed = self.predictor.as_ref().and_then(|predictor| predictor.changed_at());
        let news = changed.is_some() && changed > self.changed;
        self.changed = changed.max(self.changed);
        news
    }

    /// The usual shape of its day, for a newcomer.
    pub(super) fn shape(&self) -> Option<Shape> {
        self.predictor.as_ref().and_then(|predictor| predictor.shape())
    }

    /// Takes another's shape, unless the predictor is away.
    pub(super) fn lend(&mut self, shape: &Shape) -> bool {
        let lent = self.predictor.as_mut().map(|predictor| predictor.lend(shape));
        lent.is_some()
    }

    /// Says which days are not like the others.
    pub(super) fn keep_holidays(&mut self, holidays: &Holidays) {
        if let Some(predictor) = &mut self.predictor {
            predictor.keep_holidays(holidays.clone());
        }
    }

    /// `None` while it is away.
    pub(super) fn predictor(&self) -> Option<&Predictor> {
        self.predictor.as_deref()
    }

    /// Puts another predictor in the place of the present one.
    pub(super) fn replace(&mut self, predictor: Box<Predictor>) {
        self.predictor = Some(predictor);
        self.looked = None;
    }

    /// The window that the last outlook is about, from its time on.
    pub(super) fn window(&self) -> Option<(Duration, Duration)> {
        self.looked.map(|(_, Windows { lead, until, .. })| (lead, until))
    }

    /// Gives the predictor away where a fit is due.
    pub(super) fn take_due(&mut self) -> Option<Box<Predictor>> {
        self.predictor.take_if(|predictor| predictor.refit_due())
    }

    /// Takes the predictor back, with what was heard meanwhile. One that was set up otherwise, before the rules changed, has
    /// been replaced.
    pub(super) fn put_back(&mut self, mut predictor: Box<Predictor>) {
        if self.predictor.is_some() {
            return;
        }
        for (at, demand) in self.waiting.drain(..) {
            predictor.observe(at, demand);
        }
        self.predictor = Some(predictor);
        self.looked = None;
    }

    /// All of it as bytes; `None` while it is away.
    pub(super) fn snapshot(&self) -> Option<Vec<u8>> {
        self.predictor.as_ref().map(|predictor| predictor.snapshot())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn options(step: u64) -> Options {
        Options { step: Duration::from_secs(step), ..Options::default() }
    }

    #[test]
    fn a_predictor_that_was_replaced_meanwhile_does_not_come_back() {
        let mut foresight = Foresight::new(&options(60), None, Timestamp::MIN);
        let away = foresight.predictor.take().unwrap();
        let mut anew = Foresight::new(&options(30), None, Timestamp::MIN);
        anew.put_back(away);
        assert_eq!(anew.predictor.unwrap().options().step, Duration::from_secs(30));
    }

    #[test]
    fn a_fit_that_fails_costs_what_was_learned_and_no_more() {
        let start = Timestamp::from_millis(1_700_000_000_000);
        let mut foresight = Foresight::new(&options(60), None, start);
        foresight.predictor = None;
        for minute in 0..5 {
            foresight.observe(start + Duration::from_mins(minute), Some(7.0));
        }
        foresight.give_up(&options(60));
        assert!(foresight.predictor.is_some_and(|predictor| predictor.forecast(Duration::from_mins(5)).is_some()));
    }
}
