//! Expression + windows → vector.
//!
//! In: PromQL text, then the windows that its selectors subscribe to. Out: a [`Value`], by the rules of Prometheus 3.
//! Never here: a search for series, a clock, a panic on any input.
//!
//! `parse` takes the text apart, `lower` makes a typed `plan` of it, and the plan's operators evaluate themselves:
//! leaves (`reach`) read windows, the rest move numbers between label sets that were worked out before (`frame`).
//! A function is a line in `functions`. `benches/rules.rs` guards the way from windows to a vector.

mod aggregate;
mod arithmetic;
mod binary;
mod dates;
mod frame;
mod functions;
mod grouping;
mod histogram;
mod inline;
mod lower;
mod over_time;
mod parse;
mod plan;
mod quantile;
mod rate;
mod reach;
mod refusal;
mod regression;
mod rename;
mod stretch;
mod sums;
mod syntax;
#[cfg(test)]
mod tests;
mod token;
mod words;

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

pub use inline::inlined;

use frame::{Frame, Point};
use plan::{Expr, Scalar};

use crate::labels::Labels;
use crate::sample::{Sample, is_stale};
use crate::series::{Selector, Subscription, Window};
use crate::time::{Range, Timestamp};

/// How old the newest sample of a series may be for an instant selector to see it, as in Prometheus.
pub const LOOKBACK: Duration = Duration::from_mins(5);

/// A compiled expression. It names the selectors that it reads; bound to their subscriptions it is a [`Query`].
#[derive(Debug, Clone)]
pub struct Plan {
    text: Arc<str>,
    selectors: Vec<Selector>,
    expr: Expr,
}

/// Why a text is no expression.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct ParseError {
    /// What is wrong and, where it is known, the way out.
    pub message: String,
    /// Byte offset in the expression where it went wrong.
    pub at: usize,
}

impl ParseError {
    fn new(at: usize, message: impl Into<String>) -> Self {
        Self { message: message.into(), at }
    }
}

/// Why an expression could not be evaluated (Prometheus answers 422 `execution`).
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct EvalError(pub String);

/// What an expression gives.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    Scalar(f64),
    Vector(Vector),
    /// Only a bare range selector gives this.
    Matrix(Vec<(Labels, Vec<Sample>)>),
    String(String),
}

/// An instant vector: one value for each label set.
pub type Vector = Vec<(Labels, f64)>;

impl Plan {
    /// Parses and type-checks an expression, and lowers it into a plan.
    pub fn compile(text: &str) -> Result<Self, ParseError> {
        let parsed = parse::parse(text)?;
        let (expr, selectors) = lower::lower(&parsed)?;
        Ok(Self { text: text.into(), selectors, expr })
    }

    /// As written.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// What it reads, in the order in which [`Query::new`] wants the subscriptions. No selector comes twice.
    #[must_use]
    pub fn selectors(&self) -> &[Selector] {
        &self.selectors
    }
}

/// A plan with the subscriptions that it reads.
///
/// It keeps the label sets that it derived and the memory that it used for the next evaluation. One evaluation runs
/// at a time; a second one on another thread waits, so for evaluations side by side each takes a clone.
pub struct Query {
    plan: Arc<Plan>,
    inputs: Vec<Arc<Subscription>>,
    running: Mutex<Running>,
}

/// What an evaluation leaves for the next one.
struct Running {
    /// The plan's operators, with what they remember.
    expr: Expr,
    scratch: Scratch,
}

impl Query {
    /// Binds a plan to one subscription for each of its selectors, in their order.
    #[must_use]
    pub fn new(plan: Arc<Plan>, inputs: Vec<Arc<Subscription>>) -> Self {
        assert!(plan.selectors().len() == inputs.len(), "a query has one subscription for each selector of its plan");
        let running = Mutex::new(Running { expr: plan.expr.clone(), scratch: Scratch::default() });
        Self { plan, inputs, running }
    }

    /// Evaluates at `now`.
    pub fn eval(&self, now: Timestamp) -> Result<Value, EvalError> {
        self.eval_covered(now).map(|(value, _)| value)
    }

    /// Evaluates at `now`, and tells how much of their ranges the samples spoke for, 0 to 1, on average over the
    /// series. `rate`, `increase` and `delta` (and `sum_over_time`, `count_over_time`) of a source that has gone
    /// silent are too small by what is missing, until the range has passed and the series is gone.
    pub fn eval_covered(&self, now: Timestamp) -> Result<(Value, f64), EvalError> {
        let mut running = self.running.lock().unwrap_or_else(PoisonError::into_inner);
        let Running { expr, scratch } = &mut *running;
        scratch.coverage = Coverage::default();
        let value = expr.eval(&mut Context { inputs: &self.inputs, at: now, scratch })?;
        Ok((value, scratch.coverage.mean()))
    }
}

impl Query {
    /// Whether series match, and all of them have ended (staleness marker) or have been silent for longer than the
    /// lookback: what tells stale from absent.
    #[must_use]
    pub fn is_stale(&self, now: Timestamp) -> bool {
        let lookback = Range::ending_at(now, LOOKBACK);
        let ended = |window: &Arc<Window>| window.last(lookback).is_none_or(|sample| is_stale(sample.value));
        let mut windows = self.inputs.iter().flat_map(|input| input.windows().to_vec()).peekable();
        windows.peek().is_some() && windows.all(|window| ended(&window))
    }
}

impl Clone for Query {
    /// A query of the same plan and inputs that remembers nothing yet.
    fn clone(&self) -> Self {
        Self::new(Arc::clone(&self.plan), self.inputs.clone())
    }
}

impl fmt::Debug for Query {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Query").field("plan", &self.plan).finish_non_exhaustive()
    }
}

/// What operators need in order to evaluate themselves.
struct Context<'a> {
    inputs: &'a [Arc<Subscription>],
    at: Timestamp,
    scratch: &'a mut Scratch,
}

/// Memory that is used again.
#[derive(Debug, Default)]
struct Scratch {
    /// The samples of one series.
    samples: Vec<Sample>,
    /// Values to be sorted.
    sorted: Vec<f64>,
    /// Points of frames that are done with.
    points: Vec<Vec<Point>>,
    coverage: Coverage,
}

/// How much of their ranges the series of one evaluation covered.
#[derive(Debug, Default)]
struct Coverage {
    sum: f64,
    series: usize,
}

impl Coverage {
    fn add(&mut self, covered: f64) {
        self.sum += covered;
        self.series += 1;
    }

    /// 1 where no range was read.
    fn mean(&self) -> f64 {
        if self.series == 0 { 1.0 } else { self.sum / self.series as f64 }
    }
}

impl Context<'_> {
    /// An empty list of points.
    fn points(&mut self) -> Vec<Point> {
        self.scratch.points.pop().unwrap_or_default()
    }

    /// Takes back the memory of a frame that nobody needs any more.
    fn recycle(&mut self, frame: Frame) {
        let Frame { mut points, .. } = frame;
        points.clear();
        self.scratch.points.push(points);
    }

    fn scalars(&mut self, scalars: &mut [Scalar]) -> Result<Vec<f64>, EvalError> {
        scalars.iter_mut().map(|scalar| scalar.eval(self)).collect()
    }
}
