//! The parser crate's tree → the typed plan.
//!
//! Here the types are checked by our own table, regular expressions become our own matchers, and equal selectors
//! become one. Nothing behind this file knows the crate.

use std::time::Duration;

use promql_parser::label::{MatchOp as TreeOp, Matcher as TreeMatcher};
use promql_parser::parser as tree;
use promql_parser::parser::{LabelModifier, Offset, VectorMatchCardinality};

use super::aggregate::{Aggregate, Aggregator};
use super::arithmetic::{Arithmetic, Comparison, Operator};
use super::binary::{Many, Match, SetOperation, SetOperator, WithScalar};
use super::frame::{Keys, Memo, Relabel, Seen};
use super::functions::{self, Function, Kind, Type};
use super::grouping::Grouping;
use super::histogram::HistogramQuantile;
use super::parse::Parsed;
use super::plan::{Absent, Constant, EachCall, Expr, Instant, Scalar, Sort};
use super::reach::{RangeCall, Reach, SampleTime, Select, Source};
use super::rename::LabelReplace;
use super::token::Token;
use super::{LOOKBACK, ParseError};
use crate::labels::{Labels, MatchOp, Matcher, NAME};
use crate::series::Selector;

/// Lowers a tree into a plan and the selectors that it reads.
pub(super) fn lower(parsed: &Parsed<'_>) -> Result<(Expr, Vec<Selector>), ParseError> {
    let mut lowering = Lowering { tokens: &parsed.tokens, selectors: Vec::new() };
    let expr = lowering.expr(&parsed.tree)?;
    Ok((expr, lowering.selectors))
}

struct Lowering<'p, 'a> {
    tokens: &'p [Token<'a>],
    selectors: Vec<Selector>,
}

impl Lowering<'_, '_> {
    fn expr(&mut self, expr: &tree::Expr) -> Result<Expr, ParseError> {
        match expr {
            tree::Expr::Paren(paren) => self.expr(&paren.expr),
            tree::Expr::NumberLiteral(number) => Ok(Expr::Scalar(Scalar::Number(number.val))),
            tree::Expr::StringLiteral(text) => Ok(Expr::String(text.val.clone())),
            tree::Expr::VectorSelector(selector) => {
                let reach = self.reach(selector, None)?;
                Ok(Expr::Vector(Instant::Select(Select { reach })))
            }
            tree::Expr::MatrixSelector(selector) => self.reach(&selector.vs, Some(selector.range)).map(Expr::Matrix),
            tree::Expr::Unary(unary) => self.negated(&unary.expr),
            tree::Expr::Binary(binary) => self.binary(binary),
            tree::Expr::Aggregate(aggregate) => self.aggregate(aggregate).map(Expr::Vector),
            tree::Expr::Call(call) => self.call(call),
            tree::Expr::Subquery(_) => Err(self.refused("subqueries are not supported yet", "[")),
            tree::Expr::Extension(_) => Err(self.refused("this extension of PromQL is not supported", "")),
        }
    }

    /// An error at the first token that reads like this; at the beginning where none does.
    fn refused(&self, message: impl Into<String>, at: &str) -> ParseError {
        let found = self.tokens.iter().find(|token| token.text == at);
        ParseError::new(found.map_or(0, |token| token.at), message)
    }

    fn vector(&mut self, expr: &tree::Expr, at: &str) -> Result<Box<Instant>, ParseError> {
        match self.expr(expr)? {
            Expr::Vector(instant) => Ok(Box::new(instant)),
            other => Err(self.mistyped(Type::Vector, type_of(&other), at)),
        }
    }

    fn scalar(&mut self, expr: &tree::Expr, at: &str) -> Result<Scalar, ParseError> {
        match self.expr(expr)? {
            Expr::Scalar(scalar) => Ok(scalar),
            other => Err(self.mistyped(Type::Scalar, type_of(&other), at)),
        }
    }

    fn matrix(&mut self, expr: &tree::Expr, at: &str) -> Result<Reach, ParseError> {
        match self.expr(expr)? {
            Expr::Matrix(reach) => Ok(reach),
            other => Err(self.mistyped(Type::Matrix, type_of(&other), at)),
        }
    }

    fn string(&mut self, expr: &tree::Expr, at: &str) -> Result<String, ParseError> {
        match self.expr(expr)? {
            Expr::String(text) => Ok(text),
            other => Err(self.mistyped(Type::String, type_of(&other), at)),
        }
    }

    fn mistyped(&self, wanted: Type, got: Type, at: &str) -> ParseError {
        self.refused(format!("{at} takes a value of type {}, this is of type {}", wanted.as_str(), got.as_str()), at)
    }

    /// What a selector reads; `range` where it has one.
    fn reach(&mut self, selector: &tree::VectorSelector, range: Option<Duration>) -> Result<Reach, ParseError> {
        if selector.at.is_some() {
            return Err(self.refused("the @ modifier is not supported yet", "@"));
        }
        let mut matchers = self.matchers(selector)?;
        matchers.sort();
        matchers.dedup();
        let length = range.unwrap_or(LOOKBACK);
        let (offset_ms, span) = match &selector.offset {
            None => (0, length),
            Some(Offset::Pos(offset)) => (millis(*offset), length.saturating_add(*offset)),
            Some(Offset::Neg(offset)) => (-millis(*offset), length.saturating_sub(*offset)),
        };
        let selector = self.selector(Selector { matchers, span });
        Ok(Reach { selector, length, offset_ms, source: Source::default() })
    }

    /// The position of a selector among those that the plan reads.
    fn selector(&mut self, selector: Selector) -> usize {
        let known = self.selectors.iter().position(|known| *known == selector);
        known.unwrap_or_else(|| {
            self.selectors.push(selector);
            self.selectors.len() - 1
        })
    }

    fn matchers(&self, selector: &tree::VectorSelector) -> Result<Vec<Matcher>, ParseError> {
        if !selector.matchers.or_matchers.is_empty() {
            return Err(self.refused("or inside of braces is not PromQL; write two selectors", "or"));
        }
        let named = selector.name.as_ref().map(|name| matcher(NAME, MatchOp::Equal, name));
        let written = selector.matchers.matchers.iter().map(|written: &TreeMatcher| {
            let op = match written.op {
                TreeOp::Equal => MatchOp::Equal,
                TreeOp::NotEqual => MatchOp::NotEqual,
                TreeOp::Re(_) => MatchOp::Regex,
                TreeOp::NotRe(_) => MatchOp::NotRegex,
            };
            matcher(&written.name, op, &written.value)
        });
        named.into_iter().chain(written).collect()
    }

    fn negated(&mut self, expr: &tree::Expr) -> Result<Expr, ParseError> {
        match self.expr(expr)? {
            Expr::Scalar(scalar) => Ok(Expr::Scalar(Scalar::Negated(Box::new(scalar)))),
            Expr::Vector(input) => Ok(Expr::Vector(Instant::Each(EachCall {
                function: |value, _| Some(-value),
                args: Vec::new(),
                input: Box::new(input),
                rename: Relabel::default(),
            }))),
            other => Err(self.mistyped(Type::Vector, type_of(&other), "-")),
        }
    }

    fn binary(&mut self, binary: &tree::BinaryExpr) -> Result<Expr, ParseError> {
        let sign = binary.op.to_string();
        let modifier = binary.modifier.as_ref();
        if modifier.is_some_and(|modifier| modifier.fill_values.lhs.is_some() || modifier.fill_values.rhs.is_some()) {
            return Err(self.refused("the modifier fill is not supported yet", "fill"));
        }
        let (left, right) = (self.expr(&binary.lhs)?, self.expr(&binary.rhs)?);
        let matching = match modifier.and_then(|modifier| modifier.matching.as_ref()) {
            Some(modifier) => grouping(modifier),
            None => Grouping::AllBut(Vec::new()),
        };
        if let Some(operator) = set_operator(&sign) {
            return self.set(operator, left, right, matching, &sign);
        }
        let returns_bool = modifier.is_some_and(|modifier| modifier.return_bool);
        let Some(operator) = operator(&sign, returns_bool) else {
            return Err(self.refused(format!("operator {sign} is not supported"), &sign));
        };
        let with_scalar = |vector, scalar, scalar_first| {
            let vector = Box::new(vector);
            let rename = Relabel::default();
            Ok(Expr::Vector(Instant::WithScalar(WithScalar { operator, vector, scalar, scalar_first, rename })))
        };
        match (left, right) {
            (Expr::Scalar(left), Expr::Scalar(right)) => {
                Ok(Expr::Scalar(Scalar::Binary(operator, Box::new([left, right]))))
            }
            (Expr::Vector(vector), Expr::Scalar(scalar)) => with_scalar(vector, scalar, false),
            (Expr::Scalar(scalar), Expr::Vector(vector)) => with_scalar(vector, scalar, true),
            (Expr::Vector(left), Expr::Vector(right)) => {
                let (many, include) = cardinality(modifier.map(|modifier| &modifier.card));
                Ok(Expr::Vector(Instant::Match(Match {
                    operator,
                    left: Box::new(left),
                    right: Box::new(right),
                    matching,
                    many,
                    include,
                    pairs: Memo::default(),
                    seen: Seen::default(),
                })))
            }
            (left, right) => {
                let wrong = if matches!(left, Expr::Scalar(_) | Expr::Vector(_)) { right } else { left };
                Err(self.mistyped(Type::Vector, type_of(&wrong), &sign))
            }
        }
    }

    fn set(
        &self,
        operator: SetOperator,
        left: Expr,
        right: Expr,
        matching: Grouping,
        sign: &str,
    ) -> Result<Expr, ParseError> {
        match (left, right) {
            (Expr::Vector(left), Expr::Vector(right)) => Ok(Expr::Vector(Instant::Set(SetOperation {
                operator,
                left: Box::new(left),
                right: Box::new(right),
                matching,
                sides: Memo::default(),
                seen: Seen::default(),
            }))),
            (left, right) => {
                let wrong = if matches!(left, Expr::Vector(_)) { right } else { left };
                Err(self.mistyped(Type::Vector, type_of(&wrong), sign))
            }
        }
    }

    fn aggregate(&mut self, aggregate: &tree::AggregateExpr) -> Result<Instant, ParseError> {
        let name = aggregate.op.to_string();
        let input = self.vector(&aggregate.expr, &name)?;
        let param = match &aggregate.param {
            Some(param) if matches!(name.as_str(), "quantile" | "topk" | "bottomk") => Some(self.scalar(param, &name)?),
            _ => None,
        };
        let aggregator = match (name.as_str(), param) {
            ("sum", None) => Aggregator::Sum,
            ("avg", None) => Aggregator::Avg,
            ("min", None) => Aggregator::Min,
            ("max", None) => Aggregator::Max,
            ("count", None) => Aggregator::Count,
            ("group", None) => Aggregator::Group,
            ("stddev", None) => Aggregator::Stddev,
            ("stdvar", None) => Aggregator::Stdvar,
            ("quantile", Some(q)) => Aggregator::Quantile(q),
            ("topk", Some(k)) => Aggregator::TopK(k),
            ("bottomk", Some(k)) => Aggregator::BottomK(k),
            _ => return Err(self.refused(format!("aggregation {name} is not supported yet"), &name)),
        };
        let grouping = aggregate.modifier.as_ref().map_or(Grouping::Only(Vec::new()), grouping);
        Ok(Instant::Aggregate(Aggregate { aggregator, grouping, input, groups: Memo::default() }))
    }

    fn call(&mut self, call: &tree::Call) -> Result<Expr, ParseError> {
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
                Instant::Range(RangeCall { function: over_range, args: scalars, reach, rename })
            }
            Kind::Each(function) => {
                let input = match args.first() {
                    Some(input) => self.vector(input, name)?,
                    None => Box::new(Instant::OfScalar(Scalar::Time, constant(Labels::empty()))),
                };
                let args = self.scalars(args, 0, name)?;
                Instant::Each(EachCall { function, args, input, rename })
            }
            Kind::Vector => Instant::OfScalar(self.scalar(args[0], name)?, constant(Labels::empty())),
            Kind::Timestamp => self.timestamp(args[0])?,
            Kind::Absent => {
                let labels = self.asked_for(args[0])?;
                Instant::Absent(Absent { input: self.vector(args[0], name)?, labels })
            }
            Kind::AbsentOverTime => {
                let labels = self.asked_for(args[0])?;
                let reach = self.matrix(args[0], name)?;
                let call = RangeCall { function: functions::PRESENT, args: Vec::new(), reach, rename };
                Instant::Absent(Absent { input: Box::new(Instant::Range(call)), labels })
            }
            Kind::HistogramQuantile => {
                let (q, input) = (self.scalar(args[0], name)?, self.vector(args[1], name)?);
                Instant::HistogramQuantile(HistogramQuantile { q, input, layout: Memo::default() })
            }
            Kind::Sort { descending } => Instant::Sort(Sort { input: self.vector(args[0], name)?, descending }),
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
        Ok(match *self.vector(arg, "timestamp")? {
            Instant::Select(Select { reach }) => Instant::SampleTime(SampleTime { reach, rename }),
            input => {
                let operator = Operator::Compute(Arithmetic::Second);
                let (vector, scalar) = (Box::new(input), Scalar::Time);
                Instant::WithScalar(WithScalar { operator, vector, scalar, scalar_first: false, rename })
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
        let pattern = super::rename::pattern(&pattern).map_err(|error| self.refused(error, name))?;
        let rename = Relabel::default();
        Ok(Instant::LabelReplace(LabelReplace { input, target, replacement, source, pattern, rename }))
    }
}

fn type_of(expr: &Expr) -> Type {
    match expr {
        Expr::Scalar(_) => Type::Scalar,
        Expr::Vector(_) => Type::Vector,
        Expr::Matrix(_) => Type::Matrix,
        Expr::String(_) => Type::String,
    }
}

fn constant(labels: Labels) -> Constant {
    Constant(Keys::from([labels]))
}

/// Regular expressions were checked with their place already; this is for those that only the crate saw.
fn matcher(name: &str, op: MatchOp, value: &str) -> Result<Matcher, ParseError> {
    Matcher::new(name, op, value).map_err(|error| ParseError::new(0, error.to_string()))
}

fn millis(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}

fn grouping(modifier: &LabelModifier) -> Grouping {
    match modifier {
        LabelModifier::Include(labels) => Grouping::Only(labels.labels.clone()),
        LabelModifier::Exclude(labels) => Grouping::AllBut(labels.labels.clone()),
    }
}

fn cardinality(card: Option<&VectorMatchCardinality>) -> (Many, Vec<String>) {
    match card {
        Some(VectorMatchCardinality::ManyToOne(labels)) => (Many::Left, labels.labels.clone()),
        Some(VectorMatchCardinality::OneToMany(labels)) => (Many::Right, labels.labels.clone()),
        _ => (Many::Neither, Vec::new()),
    }
}

fn set_operator(sign: &str) -> Option<SetOperator> {
    Some(match sign {
        "and" => SetOperator::And,
        "or" => SetOperator::Or,
        "unless" => SetOperator::Unless,
        _ => return None,
    })
}

fn operator(sign: &str, returns_bool: bool) -> Option<Operator> {
    let compare = |comparison| Operator::Compare { comparison, returns_bool };
    Some(match sign {
        "+" => Operator::Compute(Arithmetic::Add),
        "-" => Operator::Compute(Arithmetic::Subtract),
        "*" => Operator::Compute(Arithmetic::Multiply),
        "/" => Operator::Compute(Arithmetic::Divide),
        "%" => Operator::Compute(Arithmetic::Modulo),
        "^" => Operator::Compute(Arithmetic::Power),
        "atan2" => Operator::Compute(Arithmetic::Atan2),
        "==" => compare(Comparison::Equal),
        "!=" => compare(Comparison::NotEqual),
        "<" => compare(Comparison::Less),
        "<=" => compare(Comparison::LessOrEqual),
        ">" => compare(Comparison::Greater),
        ">=" => compare(Comparison::GreaterOrEqual),
        _ => return None,
    })
}
