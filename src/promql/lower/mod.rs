//! The parser crate's tree → the typed plan.
//!
//! Here the types are checked by our own table, regular expressions become our own matchers, and equal selectors
//! become one. Nothing behind this room knows the crate.

mod calls;
mod operators;

use std::time::Duration;

use promql_parser::label::{MatchOp as TreeOp, Matcher as TreeMatcher};
use promql_parser::parser as tree;
use promql_parser::parser::Offset;

use super::functions::Type;
use super::parse::Parsed;
use super::plan::{Expr, Instant, Scalar};
use super::reach::{Reach, Select, Source};
use super::token::Token;
use super::{LOOKBACK, ParseError};
use crate::labels::{MatchOp, Matcher, NAME};
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
                Ok(Expr::Vector(Select { reach }.into()))
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

    fn vector(&mut self, expr: &tree::Expr, at: &str) -> Result<Instant, ParseError> {
        match self.expr(expr)? {
            Expr::Vector(instant) => Ok(instant),
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
}

fn type_of(expr: &Expr) -> Type {
    match expr {
        Expr::Scalar(_) => Type::Scalar,
        Expr::Vector(_) => Type::Vector,
        Expr::Matrix(_) => Type::Matrix,
        Expr::String(_) => Type::String,
    }
}

/// Regular expressions were checked with their place already; this is for those that only the crate saw.
fn matcher(name: &str, op: MatchOp, value: &str) -> Result<Matcher, ParseError> {
    Matcher::new(name, op, value).map_err(|error| ParseError::new(0, error.to_string()))
}

fn millis(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}
