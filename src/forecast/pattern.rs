//! A forecast by patterns: where the recent steps look like a shape that has come before, it goes on as that did.
//!
//! It knows those that it is given ([`Patterned::with`], from the library) and those that it finds in the series it is
//! fitted to. Where nothing is like the present it says nothing, and the others speak: a model for what is rare and has
//! been seen before.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use super::{Forecaster, Series, Unfit};
use crate::demand::patterns::{Library, Pattern, Stretch, best, continuation};
use crate::time::Timestamp;
use crate::workload::{ObjectRef, Workload};

/// Steps that are remembered: nine hours of minutes, the longest event and its lead.
const RECENT: usize = 9 * 60;

/// Known steps without which nothing is found.
const STEPS_MIN: usize = 8;

/// The name under which a lone model keeps what it finds.
const METRIC: &str = "demand";

/// Patterns as a model of demand.
#[derive(Debug, Default)]
pub struct Patterned {
    given: Vec<Arc<Pattern>>,
    found: Library,
    step: Duration,
    recent: VecDeque<f64>,
    /// Where the newest step ends; `None` before the first fit.
    end: Option<Timestamp>,
}

impl Patterned {
    /// A model that knows `patterns` already, those of its demand.
    #[must_use]
    pub fn with(patterns: impl IntoIterator<Item = Arc<Pattern>>) -> Self {
        Self { given: patterns.into_iter().collect(), ..Self::default() }
    }

    /// As in the journal; a model alone has no workload.
    fn workload() -> Workload {
        Workload::from(ObjectRef {
            api_version: String::new(),
            kind: String::new(),
            namespace: String::new(),
            name: String::new(),
        })
    }
}

impl Forecaster for Patterned {
    fn name(&self) -> &'static str {
        "pattern"
    }

    fn fit(&mut self, series: &Series<'_>) -> Result<(), Unfit> {
        let known = series.values.iter().filter(|value| value.is_finite()).count();
        if known < STEPS_MIN || series.step.is_zero() {
            self.end = None;
            return Err(Unfit::TooShort { needs: STEPS_MIN, has: known });
        }
        let stretch = Stretch { start: series.start, step: series.step, values: series.values };
        let (workload, metric, end) = (Self::workload(), Arc::from(METRIC), stretch.end());
        self.found = Library::default();
        self.found.restore(self.given.iter().map(|pattern| {
            // Its own, under the model's name, so that what is found again is known.
            Pattern { workload: workload.clone(), metric: Arc::clone(&metric), ..Pattern::clone(pattern) }
        }));
        self.found.learn(&workload, &metric, &stretch, end);
        (self.step, self.end) = (series.step, Some(end));
        let newest = series.values.get(series.values.len().saturating_sub(RECENT)..).unwrap_or_default();
        self.recent = newest.iter().copied().collect();
        Ok(())
    }

    fn update(&mut self, value: Option<f64>) {
        let Some(end) = &mut self.end else { return };
        *end = *end + self.step;
        if self.recent.len() >= RECENT {
            self.recent.pop_front();
        }
        self.recent.push_back(value.unwrap_or(f64::NAN));
    }

    fn forecast(&self, horizon: usize, points: &mut Vec<f64>) {
        points.clear();
        let Some(end) = self.end else { return };
        let values: Vec<f64> = self.recent.iter().copied().collect();
        let length = self.step.saturating_mul(u32::try_from(values.len()).unwrap_or(u32::MAX));
        let recent = Stretch { start: end - length, step: self.step, values: &values };
        let matches = self.found.matches(&Self::workload(), METRIC, &recent);
        if let Some(found) = best(&matches) {
            points.extend(continuation(found, self.step, horizon));
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const STEP: Duration = Duration::from_mins(5);

    /// A batch of an hour at 02:00 each day, over 50.
    fn batch(nth: usize) -> f64 {
        if (24..36).contains(&(nth % 288)) { 300.0 } else { 50.0 + (nth % 3) as f64 }
    }

    fn series(values: &[f64]) -> Series<'_> {
        Series { start: Timestamp::default(), step: STEP, values, seasons: &[288] }
    }

    #[test]
    fn a_batch_is_foreseen_before_it_begins() {
        let values: Vec<f64> = (0..288 * 6 + 20).map(batch).collect();
        let mut model = Patterned::default();
        model.fit(&series(&values)).unwrap();
        let mut points = Vec::new();
        model.forecast(20, &mut points);
        let quiet = points.iter().take(3).all(|point| (40.0..70.0).contains(point));
        let busy = points.iter().skip(5).take(10).all(|point| (280.0..320.0).contains(point));
        assert!(quiet && busy, "{points:?}");
        // Half an hour later it is under way.
        (values.len()..values.len() + 8).for_each(|nth| model.update(Some(batch(nth))));
        model.forecast(12, &mut points);
        assert!(
            points[..7].iter().all(|point| *point > 250.0) && points[9..].iter().all(|point| *point < 80.0),
            "{points:?}"
        );
    }

    #[test]
    fn what_is_like_nothing_has_no_forecast() {
        let mut model = Patterned::default();
        let mut points = vec![1.0];
        model.forecast(3, &mut points);
        assert!(points.is_empty());
        assert_eq!(model.fit(&series(&[1.0; 3])), Err(Unfit::TooShort { needs: 8, has: 3 }));
        model.fit(&series(&[5.0; 2000])).unwrap();
        model.forecast(3, &mut points);
        assert!(points.is_empty());
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 32, ..ProptestConfig::default() })]

        #[test]
        fn whatever_comes_points_are_finite(values in prop::collection::vec(any::<f64>(), 8..600), horizon in 0..100_usize) {
            let mut model = Patterned::default();
            let repeated: Vec<f64> = values.repeat(4);
            let mut points = Vec::new();
            if model.fit(&series(&repeated)).is_ok() {
                for value in &values {
                    model.update(Some(*value));
                }
                model.forecast(horizon, &mut points);
            }
            prop_assert!(points.iter().all(|point| point.is_finite()));
        }
    }
}
