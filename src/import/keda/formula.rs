//! `scalingModifiers.formula` → PromQL.
//!
//! KEDA's formulas are expressions of the language `expr` over the values of named triggers. Here is the part of it that
//! people use: numbers, names, `+ - * / %`, comparisons, `&& || !`, `a ? b : c`, `a ?? b`, `min` and `max`, and
//! parentheses. In PromQL a condition is a vector that is empty where it does not hold, so a choice is
//! `(b and c) or d`.
//!
//! See <https://keda.sh/docs/latest/reference/scaledobject-spec/#scalingmodifiersformula>.

use std::collections::BTreeMap;

use crate::promql::Plan;

/// How deep parentheses may stand within one another.
const DEPTH_MAX: u32 = 50;

/// Writes a formula as PromQL, given each name's expression. The error says what can't be carried over.
pub(super) fn to_promql(formula: &str, operands: &BTreeMap<&str, &str>) -> Result<String, String> {
    let tokens = tokens(formula)?;
    let mut parser = Parser { tokens: &tokens, at: 0, operands, depth: 0 };
    let expr = parser.choice()?;
    if let Some(token) = parser.peek() {
        return Err(format!("\"{token}\" is not expected there"));
    }
    let Expr::Value(text) = expr else { return Err("it is a condition, not a number".to_owned()) };
    Plan::compile(&text).map_err(|error| error.to_string())?;
    Ok(text)
}

/// A part of a formula in PromQL.
enum Expr {
    /// A vector of one element.
    Value(String),
    /// A vector that is empty where the condition does not hold.
    Condition(String),
}

impl Expr {
    fn value(self) -> Result<String, String> {
        match self {
            Self::Value(text) => Ok(text),
            Self::Condition(_) => Err("a condition stands where a number is needed".to_owned()),
        }
    }

    fn condition(self) -> Result<String, String> {
        match self {
            Self::Condition(text) => Ok(text),
            Self::Value(text) => Err(format!("{text} stands where a condition is needed")),
        }
    }
}

struct Parser<'a> {
    tokens: &'a [String],
    at: usize,
    operands: &'a BTreeMap<&'a str, &'a str>,
    depth: u32,
}

impl<'a> Parser<'a> {
    fn peek(&self) -> Option<&'a str> {
        self.tokens.get(self.at).map(String::as_str)
    }

    fn take(&mut self, token: &str) -> bool {
        let found = self.peek() == Some(token);
        self.at += usize::from(found);
        found
    }

    fn expect(&mut self, token: &str) -> Result<(), String> {
        if self.take(token) { Ok(()) } else { Err(format!("\"{token}\" is missing")) }
    }

    /// `condition ? one : other`, or what binds tighter.
    fn choice(&mut self) -> Result<Expr, String> {
        self.depth += 1;
        if self.depth > DEPTH_MAX {
            return Err(format!("it is nested more than {DEPTH_MAX} deep"));
        }
        let first = self.fallback()?;
        let chosen = if self.take("?") {
            let condition = first.condition()?;
            let one = self.choice()?.value()?;
            self.expect(":")?;
            let other = self.choice()?.value()?;
            Expr::Value(format!("(({one} and {condition}) or {other})"))
        } else {
            first
        };
        self.depth -= 1;
        Ok(chosen)
    }

    /// `one ?? other`: the other where the one has no value.
    fn fallback(&mut self) -> Result<Expr, String> {
        let mut expr = self.any()?;
        while self.take("??") {
            let (one, other) = (expr.value()?, self.any()?.value()?);
            expr = Expr::Value(format!("({one} or {other})"));
        }
        Ok(expr)
    }

    fn any(&mut self) -> Result<Expr, String> {
        let mut expr = self.all()?;
        while self.take("||") || self.take("or") {
            let (one, other) = (expr.condition()?, self.all()?.condition()?);
            expr = Expr::Condition(format!("({one} or {other})"));
        }
        Ok(expr)
    }

    fn all(&mut self) -> Result<Expr, String> {
        let mut expr = self.comparison()?;
        while self.take("&&") || self.take("and") {
            let (one, other) = (expr.condition()?, self.comparison()?.condition()?);
            expr = Expr::Condition(format!("({one} and {other})"));
        }
        Ok(expr)
    }

    fn comparison(&mut self) -> Result<Expr, String> {
        let one = self.sum()?;
        for sign in ["==", "!=", "<=", ">=", "<", ">"] {
            if self.take(sign) {
                let (one, other) = (one.value()?, self.sum()?.value()?);
                return Ok(Expr::Condition(format!("({one} {sign} {other})")));
            }
        }
        Ok(one)
    }

    fn sum(&mut self) -> Result<Expr, String> {
        self.chain(&["+", "-"], Self::product)
    }

    fn product(&mut self) -> Result<Expr, String> {
        self.chain(&["*", "/", "%"], Self::single)
    }

    /// Operands of one precedence, from left to right.
    fn chain(&mut self, signs: &[&str], next: fn(&mut Self) -> Result<Expr, String>) -> Result<Expr, String> {
        let mut expr = next(self)?;
        while let Some(sign) = signs.iter().find(|sign| self.take(sign)) {
            let (one, other) = (expr.value()?, next(self)?.value()?);
            expr = Expr::Value(format!("({one} {sign} {other})"));
        }
        Ok(expr)
    }

    fn single(&mut self) -> Result<Expr, String> {
        if self.take("-") {
            return self.single_deeper().and_then(Expr::value).map(|value| Expr::Value(format!("(0 - {value})")));
        }
        if self.take("(") {
            let inner = self.choice()?;
            self.expect(")")?;
            return Ok(inner);
        }
        let token = self.peek().ok_or("it ends too early")?;
        self.at += 1;
        if token.starts_with(|first: char| first.is_ascii_digit()) {
            let number: f64 = token.parse().map_err(|_| format!("\"{token}\" is no number"))?;
            return Ok(Expr::Value(format!("vector({number})")));
        }
        if matches!(token, "min" | "max") && self.take("(") {
            return self.extreme(if token == "max" { ">" } else { "<" });
        }
        if self.peek() == Some("(") {
            return Err(format!("the function {token} has no counterpart here; write the demand as PromQL"));
        }
        let operand = self.operands.get(token).ok_or_else(|| {
            let known: Vec<&str> = self.operands.keys().copied().collect();
            format!("\"{token}\" names no trigger that is carried over; there are: {}", known.join(", "))
        })?;
        Ok(Expr::Value((*operand).to_owned()))
    }

    fn single_deeper(&mut self) -> Result<Expr, String> {
        self.depth += 1;
        if self.depth > DEPTH_MAX {
            return Err(format!("it is nested more than {DEPTH_MAX} deep"));
        }
        let single = self.single();
        self.depth -= 1;
        single
    }

    /// The larger or smaller of several: one where it is that, else the other.
    fn extreme(&mut self, sign: &str) -> Result<Expr, String> {
        let mut expr = self.choice()?.value()?;
        while self.take(",") {
            let other = self.choice()?.value()?;
            expr = format!("(({expr} {sign} {other}) or {other})");
            // Each operand stands there twice, so the text doubles with every further one.
            if expr.len() > 20_000 {
                return Err("it grows too long as PromQL; write the demand by hand".to_owned());
            }
        }
        self.expect(")")?;
        Ok(Expr::Value(expr))
    }
}

fn tokens(formula: &str) -> Result<Vec<String>, String> {
    let mut tokens = Vec::new();
    let mut rest = formula.trim_start();
    while let Some(first) = rest.chars().next() {
        let word = |sign: char| sign.is_alphanumeric() || matches!(sign, '_' | '.');
        let length = if word(first) {
            rest.find(|sign| !word(sign)).unwrap_or(rest.len())
        } else {
            let double = ["==", "!=", "<=", ">=", "&&", "||", "??"].iter().any(|sign| rest.starts_with(sign));
            if !double && !"+-*/%()<>?:,".contains(first) {
                return Err(format!("\"{first}\" is not known there"));
            }
            if double { 2 } else { 1 }
        };
        let (token, after) = rest.split_at(length);
        tokens.push(token.to_owned());
        rest = after.trim_start();
    }
    Ok(tokens)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(formula: &str, want: &str) {
        let operands = BTreeMap::from([("a", "sum(x)"), ("b", "sum(y)")]);
        let got = to_promql(formula, &operands).unwrap_or_else(|error| format!("error: {error}"));
        assert_eq!(got, want, "{formula}");
    }

    #[test]
    fn formulas_become_promql() {
        check("a", "sum(x)");
        check("(a + b) / 2", "((sum(x) + sum(y)) / vector(2))");
        check("a + b * 2 - 1", "((sum(x) + (sum(y) * vector(2))) - vector(1))");
        check("max(a, b)", "((sum(x) > sum(y)) or sum(y))");
        check("min(a, 5)", "((sum(x) < vector(5)) or vector(5))");
        check("a ?? b", "(sum(x) or sum(y))");
        check("a > 2 ? b : 0", "((sum(y) and (sum(x) > vector(2))) or vector(0))");
        check(
            "a > 2 && b < 3 ? a + b : a",
            "(((sum(x) + sum(y)) and ((sum(x) > vector(2)) and (sum(y) < vector(3)))) or sum(x))",
        );
        check("-a", "(0 - sum(x))");
    }

    #[test]
    fn what_has_no_counterpart_says_so() {
        check("c + 1", "error: \"c\" names no trigger that is carried over; there are: a, b");
        check("count([a, b], # > 1)", "error: \"[\" is not known there");
        check("float(a)", "error: the function float has no counterpart here; write the demand as PromQL");
        check("a > 2", "error: it is a condition, not a number");
        check("a +", "error: it ends too early");
        check("a b", "error: \"b\" is not expected there");
        check("(a", "error: \")\" is missing");
        check("a ? b : 1", "error: sum(x) stands where a condition is needed");
        check("1.2.3", "error: \"1.2.3\" is no number");
        check(&"(".repeat(5000), "error: it is nested more than 50 deep");
        check(&"-".repeat(5000), "error: it is nested more than 50 deep");
    }
}
