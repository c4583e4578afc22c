//! Leaves: where a plan reads windows.

use std::sync::Arc;
use std::time::Duration;

use super::EvalError;
use super::frame::{Frame, Keys, Point, Relabel, slot};
use super::functions::OverRange;
use super::plan::Scalar;
use super::stretch::Stretch;
use super::{Context, Scratch};
use crate::labels::Labels;
use crate::sample::{Sample, is_stale};
use crate::series::Window;
use crate::time::{Range, Timestamp};

/// A selector with the stretch of time that is read, relative to the evaluation.
#[derive(Debug, Clone)]
pub(super) struct Reach {
    /// Which of the plan's selectors.
    pub(super) selector: usize,
    /// Its range, or the lookback where it has none.
    pub(super) length: Duration,
    /// How long before the evaluation the range ends; negative where it ends after it.
    pub(super) offset_ms: i64,
    pub(super) source: Source,
}

/// The windows of a selector and their label sets, as of the last evaluation.
#[derive(Debug, Clone, Default)]
pub(super) struct Source {
    windows: Arc<Vec<Arc<Window>>>,
    keys: Keys,
}

impl Reach {
    /// What is read in an evaluation at `at`.
    fn range(&self, at: Timestamp) -> Range {
        let end = Timestamp::from_millis(at.as_millis().saturating_sub(self.offset_ms));
        Range::ending_at(end, self.length)
    }

    /// The windows that match now. Their label sets are listed anew only where series came or went.
    fn source(&mut self, cx: &Context<'_>) -> (Arc<Vec<Arc<Window>>>, Keys) {
        let windows = cx.inputs[self.selector].windows();
        if !Arc::ptr_eq(&windows, &self.source.windows) {
            // Mostly series were only added; what is known already need not be fetched from every window again.
            let known =
                self.source.windows.iter().zip(&*windows).take_while(|(old, new)| Arc::ptr_eq(old, new)).count();
            let old = self.source.keys.iter().take(known).cloned();
            self.source.keys = old.chain(windows.iter().skip(known).map(|window| window.labels().clone())).collect();
            self.source.windows = Arc::clone(&windows);
        }
        (windows, Arc::clone(&self.source.keys))
    }

    /// The newest sample of each series, unless it is a staleness marker, as `of` wants to see it.
    fn newest(&mut self, cx: &mut Context<'_>, of: impl Fn(Sample) -> f64) -> Frame {
        let range = self.range(cx.at);
        let (windows, keys) = self.source(cx);
        let mut points = cx.points();
        for (at, window) in windows.iter().enumerate() {
            if let Some(sample) = window.last(range).filter(|sample| !is_stale(sample.value)) {
                points.push(Point { slot: slot(at), value: of(sample) });
            }
        }
        Frame { keys, points }
    }

    /// One number of the samples of each series, where `of` gives one.
    fn each(&mut self, cx: &mut Context<'_>, of: impl Fn(&mut Stretch<'_>) -> Option<f64>) -> Frame {
        let (range, at) = (self.range(cx.at), cx.at);
        let (windows, keys) = self.source(cx);
        let mut points = cx.points();
        let Scratch { samples, sorted, coverage, .. } = &mut *cx.scratch;
        for (position, window) in windows.iter().enumerate() {
            samples.clear();
            window.read(range, samples);
            samples.retain(|sample| !is_stale(sample.value));
            if samples.is_empty() {
                continue;
            }
            let mut stretch = Stretch { samples, range, at, sorted, covered: 1.0 };
            if let Some(value) = of(&mut stretch) {
                points.push(Point { slot: slot(position), value });
            }
            coverage.add(stretch.covered);
        }
        Frame { keys, points }
    }

    /// The samples themselves.
    pub(super) fn samples(&mut self, cx: &Context<'_>) -> Vec<(Labels, Vec<Sample>)> {
        let range = self.range(cx.at);
        let (windows, _) = self.source(cx);
        let read = |window: &Arc<Window>| {
            let mut samples = Vec::new();
            window.read(range, &mut samples);
            samples.retain(|sample| !is_stale(sample.value));
            (window.labels().clone(), samples)
        };
        windows.iter().map(read).filter(|(_, samples)| !samples.is_empty()).collect()
    }
}

/// An instant selector, or `timestamp` of one.
#[derive(Debug, Clone)]
pub(super) struct Select {
    pub(super) reach: Reach,
}

impl Select {
    pub(super) fn eval(&mut self, cx: &mut Context<'_>) -> Frame {
        self.reach.newest(cx, |sample| sample.value)
    }
}

/// `timestamp` of a selector: when its samples were taken.
#[derive(Debug, Clone)]
pub(super) struct SampleTime {
    pub(super) reach: Reach,
    pub(super) rename: Relabel,
}

impl SampleTime {
    pub(super) fn eval(&mut self, cx: &mut Context<'_>) -> Result<Frame, EvalError> {
        let frame = self.reach.newest(cx, |sample| sample.at.as_secs_f64());
        self.rename.drop_name(frame)
    }
}

/// A function of a range selector.
#[derive(Debug, Clone)]
pub(super) struct RangeCall {
    pub(super) function: OverRange,
    pub(super) args: Vec<Scalar>,
    pub(super) reach: Reach,
    pub(super) rename: Relabel,
}

impl RangeCall {
    pub(super) fn eval(&mut self, cx: &mut Context<'_>) -> Result<Frame, EvalError> {
        let args = cx.scalars(&mut self.args)?;
        let eval = self.function.eval;
        let frame = self.reach.each(cx, |stretch| eval(stretch, &args));
        if self.function.keeps_name { Ok(frame) } else { self.rename.drop_name(frame) }
    }
}
