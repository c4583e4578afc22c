//! Operators and aggregations.

use promql_parser::parser as tree;
use promql_parser::parser::{LabelModifier, VectorMatchCardinality};

use super::{Lowering, type_of};
use crate::promql::ParseError;
use crate::promql::aggregate::{Aggregate, Aggregator};
use crate::promql::arithmetic::{Arithmetic, Comparison, Operator};
use crate::promql::binary::{Many, Match, SetOperation, SetOperator, WithScalar};
use crate::promql::frame::{Grown, Memo, Relabel, Seen};
use crate::promql::functions::Type;
use crate::promql::grouping::Grouping;
use crate::promql::plan::{EachCall, Expr, Instant, Scalar};

impl Lowering<'_, '_> {
    pub(super) fn negated(&mut self, expr: &tree::Expr) -> Result<Expr, ParseError> {
        match self.expr(expr)? {
            Expr::Scalar(scalar) => Ok(Expr::Scalar(Scalar::Negated(Box::new(scalar)))),
            Expr::Vector(input) => {
                let (args, rename) = (Vec::new(), Relabel::default());
                Ok(Expr::Vector(EachCall { function: |value, _| Some(-value), args, input, rename }.into()))
            }
            other => Err(self.mistyped(Type::Vector, type_of(&other), "-")),
        }
    }

    pub(super) fn binary(&mut self, binary: &tree::BinaryExpr) -> Result<Expr, ParseError> {
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
        match (left, right) {
            (Expr::Scalar(left), Expr::Scalar(right)) => {
                Ok(Expr::Scalar(Scalar::Binary(operator, Box::new([left, right]))))
            }
            (Expr::Vector(vector), Expr::Scalar(scalar)) => Ok(with_scalar(operator, vector, scalar, false)),
            (Expr::Scalar(scalar), Expr::Vector(vector)) => Ok(with_scalar(operator, vector, scalar, true)),
            (Expr::Vector(left), Expr::Vector(right)) => {
                let (many, include) = cardinality(modifier.map(|modifier| &modifier.card));
                let (pairs, seen) = (Memo::default(), Seen::default());
                Ok(Expr::Vector(Match { operator, left, right, matching, many, include, pairs, seen }.into()))
            }
            (Expr::Scalar(_) | Expr::Vector(_), wrong) | (wrong, _) => {
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
            (Expr::Vector(left), Expr::Vector(right)) => {
                let (sides, seen) = (Memo::default(), Seen::default());
                Ok(Expr::Vector(SetOperation { operator, left, right, matching, sides, seen }.into()))
            }
            (Expr::Vector(_), wrong) | (wrong, _) => Err(self.mistyped(Type::Vector, type_of(&wrong), sign)),
        }
    }

    pub(super) fn aggregate(&mut self, aggregate: &tree::AggregateExpr) -> Result<Instant, ParseError> {
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
        Ok(Aggregate { aggregator, grouping, input, groups: Grown::default() }.into())
    }
}

/// A vector and a number, whichever stands first.
fn with_scalar(operator: Operator, vector: Instant, scalar: Scalar, scalar_first: bool) -> Expr {
    Expr::Vector(WithScalar { operator, vector, scalar, scalar_first, rename: Relabel::default() }.into())
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
