//! The typed plan: what the parser's tree is lowered to, and what the evaluator walks.
//!
//! Types are checked while lowering, so that a [`Scalar`] always gives a number and an [`Instant`] always a vector.
//! Each operator is evaluated at the time that its context tells: a range query or a subquery is a loop around it,
//! and `@` puts another time in its place. Operators keep what they derived from label sets (see `frame`) between
//! evaluations; a [`Query`](super::Query) therefore walks a copy of its own.

use super::aggregate::Aggregate;
use super::arithmetic::Operator;
use super::binary::{Match, SetOperation, WithScalar};
use super::frame::{Frame, Keys, Point, Relabel};
use super::functions::Each;
use super::histogram::HistogramQuantile;
use super::reach::{RangeCall, Reach, SampleTime, Select};
use super::rename::LabelReplace;
use super::{Context, EvalError, Value};

/// An expression of any type.
#[derive(Debug, Clone)]
pub(super) enum Expr {
    Scalar(Scalar),
    Vector(Instant),
    /// A range selector on its own.
    Matrix(Reach),
    String(String),
}

impl Expr {
    pub(super) fn eval(&mut self, cx: &mut Context<'_>) -> Result<Value, EvalError> {
        Ok(match self {
            Self::Scalar(scalar) => Value::Scalar(scalar.eval(cx)?),
            Self::Vector(instant) => {
                let frame = instant.eval(cx)?;
                let value = frame.value();
                cx.recycle(frame);
                value
            }
            Self::Matrix(reach) => Value::Matrix(reach.samples(cx)),
            Self::String(text) => Value::String(text.clone()),
        })
    }
}

/// What gives a number.
#[derive(Debug, Clone)]
pub(super) enum Scalar {
    Number(f64),
    /// `time()`
    Time,
    /// `scalar(…)`
    Of(Instant),
    Negated(Box<Scalar>),
    Binary(Operator, Box<[Scalar; 2]>),
}

impl Scalar {
    pub(super) fn eval(&mut self, cx: &mut Context<'_>) -> Result<f64, EvalError> {
        Ok(match self {
            Self::Number(number) => *number,
            Self::Time => cx.at.as_secs_f64(),
            Self::Of(instant) => {
                let frame = instant.eval(cx)?;
                let value = if let [only] = frame.points[..] { only.value } else { f64::NAN };
                cx.recycle(frame);
                value
            }
            Self::Negated(scalar) => -scalar.eval(cx)?,
            Self::Binary(operator, sides) => {
                let [left, right] = &mut **sides;
                operator.between_scalars(left.eval(cx)?, right.eval(cx)?)
            }
        })
    }
}

/// What gives an instant vector. Operators are boxed, so that trees of any kind cost little stack to build.
#[derive(Debug, Clone)]
pub(super) enum Instant {
    Select(Box<Select>),
    SampleTime(Box<SampleTime>),
    OfScalar(Box<OfScalar>),
    Range(Box<RangeCall>),
    Each(Box<EachCall>),
    WithScalar(Box<WithScalar>),
    Match(Box<Match>),
    Set(Box<SetOperation>),
    Aggregate(Box<Aggregate>),
    HistogramQuantile(Box<HistogramQuantile>),
    Absent(Box<Absent>),
    Sort(Box<Sort>),
    LabelReplace(Box<LabelReplace>),
}

/// Boxes each operator into the tree.
macro_rules! operators {
    ($($variant:ident($operator:ident)),* $(,)?) => {
        $(impl From<$operator> for Instant {
            fn from(operator: $operator) -> Self {
                Self::$variant(Box::new(operator))
            }
        })*
    };
}

operators! {
    Select(Select),
    SampleTime(SampleTime),
    OfScalar(OfScalar),
    Range(RangeCall),
    Each(EachCall),
    WithScalar(WithScalar),
    Match(Match),
    Set(SetOperation),
    Aggregate(Aggregate),
    HistogramQuantile(HistogramQuantile),
    Absent(Absent),
    Sort(Sort),
    LabelReplace(LabelReplace),
}

impl Instant {
    pub(super) fn eval(&mut self, cx: &mut Context<'_>) -> Result<Frame, EvalError> {
        match self {
            Self::Select(select) => Ok(select.eval(cx)),
            Self::SampleTime(call) => call.eval(cx),
            Self::OfScalar(call) => call.eval(cx),
            Self::Range(call) => call.eval(cx),
            Self::Each(call) => call.eval(cx),
            Self::WithScalar(operation) => operation.eval(cx),
            Self::Match(operation) => operation.eval(cx),
            Self::Set(operation) => operation.eval(cx),
            Self::Aggregate(aggregate) => aggregate.eval(cx),
            Self::HistogramQuantile(call) => call.eval(cx),
            Self::Absent(absent) => absent.eval(cx),
            Self::Sort(sort) => sort.eval(cx),
            Self::LabelReplace(call) => call.eval(cx),
        }
    }
}

/// A vector of one series whose labels are known beforehand.
#[derive(Debug, Clone)]
pub(super) struct Constant(pub(super) Keys);

impl Constant {
    fn frame(&self, value: f64, cx: &mut Context<'_>) -> Frame {
        let mut points = cx.points();
        points.push(Point { slot: 0, value });
        Frame { keys: Keys::clone(&self.0), points }
    }
}

/// `vector(…)`: one series without labels.
#[derive(Debug, Clone)]
pub(super) struct OfScalar {
    pub(super) scalar: Scalar,
    pub(super) labels: Constant,
}

impl OfScalar {
    fn eval(&mut self, cx: &mut Context<'_>) -> Result<Frame, EvalError> {
        let value = self.scalar.eval(cx)?;
        Ok(self.labels.frame(value, cx))
    }
}

/// A function of each value.
#[derive(Debug, Clone)]
pub(super) struct EachCall {
    pub(super) function: Each,
    pub(super) args: Vec<Scalar>,
    pub(super) input: Instant,
    pub(super) rename: Relabel,
}

impl EachCall {
    fn eval(&mut self, cx: &mut Context<'_>) -> Result<Frame, EvalError> {
        let args = cx.scalars(&mut self.args)?;
        let mut frame = self.input.eval(cx)?;
        let function = self.function;
        frame.points.retain_mut(|point| {
            let result = function(point.value, &args);
            point.value = result.unwrap_or_default();
            result.is_some()
        });
        self.rename.drop_name(frame)
    }
}

/// `absent` and `absent_over_time`: one, where the input is empty.
#[derive(Debug, Clone)]
pub(super) struct Absent {
    pub(super) input: Instant,
    /// The labels that the selector asks for by equality.
    pub(super) labels: Constant,
}

impl Absent {
    fn eval(&mut self, cx: &mut Context<'_>) -> Result<Frame, EvalError> {
        let frame = self.input.eval(cx)?;
        let absent = frame.points.is_empty();
        cx.recycle(frame);
        let mut frame = self.labels.frame(1.0, cx);
        if !absent {
            frame.points.clear();
        }
        Ok(frame)
    }
}

/// `sort` and `sort_desc`, with NaN at the end either way.
#[derive(Debug, Clone)]
pub(super) struct Sort {
    pub(super) input: Instant,
    pub(super) descending: bool,
}

impl Sort {
    fn eval(&mut self, cx: &mut Context<'_>) -> Result<Frame, EvalError> {
        let mut frame = self.input.eval(cx)?;
        let order = if self.descending { super::aggregate::largest_first } else { super::aggregate::smallest_first };
        frame.points.sort_by(order);
        Ok(frame)
    }
}
