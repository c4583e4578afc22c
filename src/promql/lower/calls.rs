//! Function calls.

use promql_parser::parser as tree;

use super::Lowering;
use crate::labels::{Labels, MatchOp, NAME};
use crate::promql::ParseError;
use crate::promql::arithmetic::{Arithmetic, Operator};
use crate::promql::binary::WithScalar;
use crate::promql::frame::{Keys, Memo, Relabel};
use crate::promql::functions::{self, Function, Kind, Type};
use crate::promql::histogram::HistogramQuantile;
use crate::promql::plan::{Absent, Constant, EachCall, Expr, Instant, OfScalar, Scalar, Sort};
use crate::promql::reach::{RangeCall, SampleTime};
use crate::promql::rename::{self, LabelReplace};

impl Lowering<'_, '_> {
    pub(super) fn call(&mut self, call: &tree::Call) -> Result<Expr, ParseError> {
        let name = call.func.name;
        let Some(function) = functions::find(name) else {
            return Err(self.refused(format!("function \"{name}\" is not supported yet"), name));
        };
        let args: Vec<&tree::Expr> = call.args.args.iter().map(|arg| &**arg).collect();
        let wanted = function.args.len();
        if args.len() > wanted || args.len() + function.optional < wanted {
            return Err(self.refused(format!("{name} takes {wanted} argument(s), here are {}", args.len()), name));
        }
        match function.kind {
            Kind::Time => Ok(Expr::Scalar(Scalar::Time)),
            Kind::Pi => Ok(Expr::Scalar(Scalar::Number(std::f64::consts::PI))),
            Kind::Scalar => {
                let input = self.vector(args[0], name)?;
                Ok(Expr::Scalar(Scalar::Of(input)))
            }
            _ => self.vector_call(function, &args).map(Expr::Vector),
        }
    }

    /// A call that gives a vector.
    fn vector_call(&mut self, function: &Function, args: &[&tree::Expr]) -> Result<Instant, ParseError> {
        let name = function.name;
        let rename = Relabel::default();
        Ok(match function.kind {
            Kind::OverRange(over_range) => {
                let at = function.args.iter().position(|wanted| *wanted == Type::Matrix).unwrap_or_default();
                let reach = self.matrix(args[at], name)?;
                let scalars = self.scalars(args, at, name)?;
                RangeCall { function: over_range, args: scalars, reach, rename }.into()
            }
            Kind::Each(function) => {
                let input = match args.first() {
                    Some(input) => self.vector(input, name)?,
                    None => OfScalar { scalar: Scalar::Time, labels: constant(Labels::empty()) }.into(),
                };
                let args = self.scalars(args, 0, name)?;
                EachCall { function, args, input, rename }.into()
            }
            Kind::Vector => {
                let scalar = self.scalar(args[0], name)?;
                OfScalar { scalar, labels: constant(Labels::empty()) }.into()
            }
            Kind::Timestamp => self.timestamp(args[0])?,
            Kind::Absent => {
                let labels = self.asked_for(args[0])?;
                Absent { input: self.vector(args[0], name)?, labels }.into()
            }
            Kind::AbsentOverTime => {
                let labels = self.asked_for(args[0])?;
                let reach = self.matrix(args[0], name)?;
                let call = RangeCall { function: functions::PRESENT, args: Vec::new(), reach, rename };
                Absent { input: call.into(), labels }.into()
            }
            Kind::HistogramQuantile => {
                let (q, input) = (self.scalar(args[0], name)?, self.vector(args[1], name)?);
                HistogramQuantile { q, input, layout: Memo::default() }.into()
            }
            Kind::Sort { descending } => Sort { input: self.vector(args[0], name)?, descending }.into(),
            Kind::LabelReplace => self.label_replace(args)?,
            Kind::Time | Kind::Pi | Kind::Scalar => return Err(self.refused(format!("{name} gives no vector"), name)),
        })
    }

    /// The arguments but the one at `but`.
    fn scalars(&mut self, args: &[&tree::Expr], but: usize, name: &str) -> Result<Vec<Scalar>, ParseError> {
        let others = args.iter().enumerate().filter(|(at, _)| *at != but);
        others.map(|(_, arg)| self.scalar(arg, name)).collect()
    }

    /// The sample's own time for a selector, else the evaluation's.
    fn timestamp(&mut self, arg: &tree::Expr) -> Result<Instant, ParseError> {
        let rename = Relabel::default();
        Ok(match self.vector(arg, "timestamp")? {
            Instant::Select(select) => SampleTime { reach: select.reach, rename }.into(),
            vector => {
                let operator = Operator::Compute(Arithmetic::Second);
                WithScalar { operator, vector, scalar: Scalar::Time, scalar_first: false, rename }.into()
            }
        })
    }

    /// The labels that a selector asks for by exactly one `=` and nothing else.
    fn asked_for(&self, arg: &tree::Expr) -> Result<Constant, ParseError> {
        let selector = match arg {
            tree::Expr::Paren(paren) => return self.asked_for(&paren.expr),
            tree::Expr::VectorSelector(selector) => selector,
            tree::Expr::MatrixSelector(selector) => &selector.vs,
            _ => return Ok(constant(Labels::empty())),
        };
        let mut asked: Vec<(String, String)> = Vec::new();
        let mut equal: Vec<String> = Vec::new();
        for matcher in self.matchers(selector)?.iter().filter(|matcher| matcher.name() != NAME) {
            let name = matcher.name().to_owned();
            if matcher.op() == MatchOp::Equal && !equal.contains(&name) {
                asked.push((name.clone(), matcher.value().to_owned()));
                equal.push(name);
            } else {
                asked.retain(|(other, _)| *other != name);
            }
        }
        let labels = Labels::from_pairs(asked);
        labels.map(constant).map_err(|error| self.refused(error.to_string(), ""))
    }

    fn label_replace(&mut self, args: &[&tree::Expr]) -> Result<Instant, ParseError> {
        let name = "label_replace";
        let input = self.vector(args[0], name)?;
        let [target, replacement, source, pattern] = [
            self.string(args[1], name)?,
            self.string(args[2], name)?,
            self.string(args[3], name)?,
            self.string(args[4], name)?,
        ];
        if target.is_empty() {
            return Err(self.refused("label_replace needs the name of the label that it sets", name));
        }
        let pattern = rename::pattern(&pattern).map_err(|error| self.refused(error, name))?;
        Ok(LabelReplace { input, target, replacement, source, pattern, rename: Relabel::default() }.into())
    }
}

fn constant(labels: Labels) -> Constant {
    Constant(Keys::from([labels]))
}
