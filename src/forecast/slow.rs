//! The slow lane: one model that is fitted seldom, and may take long; and what it foresees, kept at hand.

#![allow(
    clippy::cast_possible_truncation,
    clippy::cast_possible_wrap,
    clippy::cast_sign_loss,
    reason = "steps of a few days are few"
)]

use super::fast::{REACH, decay};
use super::{Forecaster, Series, models};
use crate::demand::History;
use crate::demand::packed::packed;
use crate::time::Timestamp;

/// The expert that the automatic choice fits in the slow lane.
const EXPERT: &str = "mstl";
/// How far ahead its path is kept, in means of the long memory: twelve hours of five minutes.
const PATH: usize = 144;
/// Days that a named model learns from.
const DAYS: f64 = 14.0;
/// Half-life in steps of what is added to an ageing path, so that it starts where demand is.
const OFFSET: f64 = 8.0;

/// A model with the path that it foresees, in the history's units.
#[derive(Debug, Default)]
pub(crate) struct Slow {
    /// The model that a rule names. The automatic choice's expert leaves only its path.
    named: Option<Box<dyn Forecaster>>,
    path: Vec<f32>,
    /// The step that the path begins with, and how many steps each of its values stands for.
    from: i64,
    stride: i64,
    /// What demand was more than the path says, of late.
    offset: f32,
    /// The step at which the last fit was made, and how many steps were known.
    fitted: Option<i64>,
    known: u64,
}

/// What a snapshot keeps: a named model itself is fitted anew.
#[derive(Debug, Default)]
pub(crate) struct Kept {
    pub(crate) length: u64,
    from: i64,
    stride: i64,
    offset: f32,
    fitted: Option<i64>,
    known: u64,
}
packed!(Kept: length, from, stride, offset, fitted, known);

impl Slow {
    pub(crate) fn new(name: Option<&str>) -> Self {
        Self { named: name.and_then(models::by_name), stride: 1, ..Self::default() }
    }

    /// Whether one model alone is to be heard.
    pub(crate) fn is_named(&self) -> bool {
        self.named.is_some()
    }

    /// The named model, once it has been fitted.
    pub(crate) fn name(&self) -> Option<&'static str> {
        self.named.as_ref().filter(|_| self.fitted.is_some()).map(|model| model.name())
    }

    /// What a named model foresees of `steps` steps after the step `number`, in the history's units; empty where none is
    /// named, or nothing is known yet. Its own path is only as long as forecasts are judged.
    pub(crate) fn far(&self, number: i64, steps: usize, unit: f64) -> Vec<f64> {
        let Some(model) = self.named.as_ref().filter(|_| self.fitted.is_some()) else { return Vec::new() };
        let passed = usize::try_from(number.saturating_add(1).saturating_sub(self.from)).unwrap_or(0);
        let mut points = Vec::with_capacity(passed + steps);
        model.forecast(passed.saturating_add(steps), &mut points);
        points.drain(..passed.min(points.len()));
        for point in &mut points {
            *point /= unit;
        }
        points
    }

    /// What is foreseen of the step `number`; NaN where nothing is.
    pub(crate) fn at(&self, number: i64) -> f64 {
        let offset = number.saturating_sub(self.from);
        let get = |index: i64| {
            usize::try_from(index)
                .ok()
                .and_then(|index| self.path.get(index))
                .map_or(f64::NAN, |value| f64::from(*value))
        };
        let index = offset.div_euclid(self.stride.max(1));
        let here = get(index);
        if self.stride <= 1 {
            return here + f64::from(self.offset);
        }
        // Values stand for the middles of their stretches.
        let way = (offset.rem_euclid(self.stride) as f64 + 0.5) / self.stride as f64 - 0.5;
        let there = get(if way < 0.0 { index - 1 } else { index + 1 });
        let value = if there.is_nan() { here } else { here + (there - here) * way.abs() };
        value + f64::from(self.offset)
    }

    /// Takes the step `number`, which has closed.
    #[allow(clippy::cast_possible_truncation)]
    pub(crate) fn close(&mut self, number: i64, y: f64, unit: f64) {
        if let Some(model) = &mut self.named {
            model.update((!y.is_nan()).then_some(y * unit));
            self.refresh(number, unit);
            return;
        }
        let expected = self.at(number);
        if !y.is_nan() && expected.is_finite() {
            self.offset += ((1.0 - decay(OFFSET)) * (y - expected)) as f32;
        }
    }

    #[allow(clippy::cast_possible_truncation)]
    fn refresh(&mut self, number: i64, unit: f64) {
        let Some(model) = &self.named else { return };
        let mut points = Vec::with_capacity(REACH);
        if self.fitted.is_some() {
            model.forecast(REACH, &mut points);
        }
        self.path.clear();
        self.path.extend(points.iter().map(|point| (point / unit) as f32));
        (self.from, self.stride, self.offset) = (number.saturating_add(1), 1, 0.0);
    }

    /// Values that were of one unit are of another now, of which the old one is `factor`.
    #[allow(clippy::cast_possible_truncation)]
    pub(crate) fn rescale(&mut self, factor: f64) {
        self.path.iter_mut().for_each(|value| *value = (f64::from(*value) * factor) as f32);
        self.offset = (f64::from(self.offset) * factor) as f32;
    }

    /// Whether a fit would pay: while young each time that twice as much is known, later every six hours (an hour for a
    /// named model).
    pub(crate) fn is_due(&self, history: &History, day_steps: f64) -> bool {
        let (Some(open), known) = (history.open(), history.known()) else { return false };
        let every = if self.is_named() { day_steps / 24.0 } else { day_steps / 4.0 };
        let least = if self.is_named() { 3 } else { 2 * day_steps as u64 };
        match self.fitted {
            None => known >= least && known >= 2 * self.known,
            Some(fitted) => {
                let aged = open.saturating_sub(fitted) as f64 >= every.max(1.0);
                aged || (self.is_named() && known >= 2 * self.known)
            }
        }
    }

    /// Fits the model to all that is remembered. `seasons` are lengths in steps.
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
    pub(crate) fn refit(&mut self, history: &History, closed: i64, seasons: &[i64], day_steps: f64) {
        self.known = history.known();
        let unit = history.unit();
        if let Some(model) = &mut self.named {
            let length = (DAYS * day_steps) as i64;
            let begin = history.first().max(closed.saturating_sub(length.saturating_sub(1)));
            let values: Vec<f64> = (begin..=closed).map(|number| history.units(number) * unit).collect();
            let seasons: Vec<usize> = seasons.iter().filter_map(|steps| usize::try_from(*steps).ok()).collect();
            let series =
                Series { start: history.start_of(begin), step: history.step(), values: &values, seasons: &seasons };
            self.fitted = model.fit(&series).is_ok().then_some(closed).or(self.fitted);
            self.refresh(closed, unit);
            return;
        }
        let ratio = history.ratio();
        let (start, step, values) = history.means();
        let seasons: Vec<usize> = seasons.iter().filter_map(|steps| usize::try_from(steps / ratio).ok()).collect();
        let seasons: Vec<usize> =
            seasons.into_iter().filter(|season| *season > 1 && values.len() >= 2 * season).collect();
        if seasons.is_empty() {
            return;
        }
        let Some(mut model) = models::by_name(EXPERT) else { return };
        let mut points = Vec::with_capacity(PATH);
        let kept = values.len().saturating_sub((DAYS * day_steps / ratio as f64) as usize);
        let begin = start + step.saturating_mul(u32::try_from(kept).unwrap_or(u32::MAX));
        let series = Series { start: begin, step, values: &values[kept..], seasons: &seasons };
        if model.fit(&series).is_ok() {
            model.forecast(PATH, &mut points);
            self.path = points.iter().map(|point| (point / unit) as f32).collect();
            let end: Timestamp = begin + step.saturating_mul(u32::try_from(series.values.len()).unwrap_or(u32::MAX));
            (self.from, self.stride, self.offset) = (history.number(end), ratio, 0.0);
            self.fitted = Some(closed);
        }
    }

    /// What a snapshot keeps, and the path.
    pub(crate) fn keep(&self) -> (Kept, &[f32]) {
        let kept = Kept {
            length: self.path.len() as u64,
            from: self.from,
            stride: self.stride,
            offset: self.offset,
            fitted: self.fitted.filter(|_| !self.is_named()),
            known: if self.is_named() { 0 } else { self.known },
        };
        (kept, &self.path)
    }

    pub(crate) fn put_back(&mut self, kept: &Kept, path: Vec<f32>) {
        self.path = path;
        (self.from, self.stride, self.offset) = (kept.from, kept.stride.max(1), kept.offset);
        (self.fitted, self.known) = (kept.fitted, kept.known);
    }

    pub(crate) fn size(&self) -> usize {
        size_of::<Self>() + self.path.capacity() * size_of::<f32>()
    }
}
