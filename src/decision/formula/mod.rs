//! Expressions over a rule's metrics: how several wishes become one. `max(requests, queue)`, `web + 0.5 * batch`,
//! `queue.demand > 1000 ? queue : min(queue, cpu)`.
//!
//! A metric's name stands for the replicas that it asks for, before rounding (KEDA's `formula` works on the metrics'
//! values: that is `NAME.demand`). Numbers, `+ - * /`, comparisons (1 or 0), `&& || !`, `a ? b : c`, parentheses, and
//! `min max sum avg ceil floor` of any number of values. A name that holds other signs than letters, digits and `_` is
//! written in quotes.

mod parse;

use std::fmt;

/// A compiled expression.
#[derive(Debug, Clone, PartialEq)]
pub struct Formula {
    text: String,
    root: Node,
    /// The metrics that it names, each once.
    names: Vec<String>,
}

/// Why a text is no formula.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct FormulaError {
    pub message: String,
    /// Byte offset in the text.
    pub at: usize,
}

#[derive(Debug, Clone, PartialEq)]
enum Node {
    Number(f64),
    /// What the metric of this place in `names` asks for, in replicas.
    Wish(usize),
    /// Its raw demand.
    Demand(usize),
    Not(Box<Node>),
    Negative(Box<Node>),
    Binary(Operator, Box<Node>, Box<Node>),
    Choice(Box<Node>, Box<Node>, Box<Node>),
    Call(Function, Vec<Node>),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Operator {
    Or,
    And,
    Equal,
    NotEqual,
    Less,
    LessEqual,
    Greater,
    GreaterEqual,
    Add,
    Subtract,
    Multiply,
    Divide,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Function {
    Min,
    Max,
    Sum,
    Avg,
    Ceil,
    Floor,
}

/// One metric, as formulas see it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Term {
    /// In replicas, not rounded.
    pub(super) wish: f64,
    pub(super) demand: f64,
}

impl Formula {
    /// Reads an expression.
    pub fn compile(text: &str) -> Result<Self, FormulaError> {
        let (root, names) = parse::parse(text)?;
        Ok(Self { text: text.trim().to_owned(), root, names })
    }

    /// The metrics that it names, each once.
    #[must_use]
    pub fn names(&self) -> &[String] {
        &self.names
    }

    /// Its value; `term` gives each named metric. `None` where one of them has nothing to say or the result is no
    /// number.
    pub(super) fn eval(&self, term: impl Fn(&str) -> Option<Term>) -> Option<f64> {
        let terms = self.names.iter().map(|name| term(name)).collect::<Option<Vec<_>>>()?;
        Some(self.root.eval(&terms)).filter(|value| value.is_finite())
    }
}

impl fmt::Display for Formula {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl Node {
    fn eval(&self, terms: &[Term]) -> f64 {
        let term = |at: &usize| terms.get(*at).copied().unwrap_or(Term { wish: f64::NAN, demand: f64::NAN });
        match self {
            Self::Number(number) => *number,
            Self::Wish(at) => term(at).wish,
            Self::Demand(at) => term(at).demand,
            Self::Not(node) => truth(node.eval(terms) == 0.0),
            Self::Negative(node) => -node.eval(terms),
            Self::Binary(operator, left, right) => operator.apply(left.eval(terms), right.eval(terms)),
            Self::Choice(condition, yes, no) => {
                if condition.eval(terms) == 0.0 {
                    no.eval(terms)
                } else {
                    yes.eval(terms)
                }
            }
            Self::Call(function, nodes) => function.apply(nodes.iter().map(|node| node.eval(terms)), nodes.len()),
        }
    }
}

fn truth(holds: bool) -> f64 {
    f64::from(u8::from(holds))
}

impl Operator {
    fn apply(self, left: f64, right: f64) -> f64 {
        match self {
            Self::Or => truth(left != 0.0 || right != 0.0),
            Self::And => truth(left != 0.0 && right != 0.0),
            Self::Equal => truth(left == right),
            Self::NotEqual => truth(left != right),
            Self::Less => truth(left < right),
            Self::LessEqual => truth(left <= right),
            Self::Greater => truth(left > right),
            Self::GreaterEqual => truth(left >= right),
            Self::Add => left + right,
            Self::Subtract => left - right,
            Self::Multiply => left * right,
            Self::Divide => left / right,
        }
    }
}

impl Function {
    fn apply(self, values: impl Iterator<Item = f64>, count: usize) -> f64 {
        match self {
            Self::Min => values.fold(f64::INFINITY, f64::min),
            Self::Max => values.fold(f64::NEG_INFINITY, f64::max),
            Self::Sum => values.sum(),
            Self::Avg => values.sum::<f64>() / count as f64,
            Self::Ceil => values.map(f64::ceil).sum(),
            Self::Floor => values.map(f64::floor).sum(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `a` asks for 2.5 replicas (250 of 100), `b` for 4 (8 of 2).
    #[track_caller]
    fn check(text: &str, want: Option<f64>) {
        let formula = Formula::compile(text).unwrap();
        let value = formula.eval(|name| match name {
            "a" => Some(Term { wish: 2.5, demand: 250.0 }),
            "b" | "b-c" => Some(Term { wish: 4.0, demand: 8.0 }),
            _ => None,
        });
        assert_eq!(value, want, "{text}");
    }

    #[test]
    fn expressions_mean_what_they_say() {
        check("a", Some(2.5));
        check("max(a, b)", Some(4.0));
        check("min(a, b) + 1", Some(3.5));
        check("a + b * 2", Some(10.5));
        check("(a + b) * 2", Some(13.0));
        check("a - b - 1", Some(-2.5));
        check("-a", Some(-2.5));
        check("avg(a, b, 1)", Some(2.5));
        check("sum(a,b)", Some(6.5));
        check("ceil(a)", Some(3.0));
        check("floor(a)", Some(2.0));
        check("a.demand / 50", Some(5.0));
        check("a.demand > 200 ? b : a", Some(4.0));
        check("a.demand > 300 ? b : a > 2 ? 7 : 9", Some(7.0));
        check("a > 2 && b < 5", Some(1.0));
        check("a > 9 || !(b == 4)", Some(0.0));
        check("a != b", Some(1.0));
        check("\"b-c\" * 0.5", Some(2.0));
        check("c", None);
        check("a / (b - 4)", None);
    }

    #[track_caller]
    fn refuses(text: &str, at: usize, message: &str) {
        let error = Formula::compile(text).unwrap_err();
        assert_eq!((error.at, error.message.as_str()), (at, message), "{text}");
    }

    #[test]
    fn mistakes_are_told_with_their_place() {
        refuses("", 0, "the expression ends where a value should be");
        refuses("a +", 3, "the expression ends where a value should be");
        refuses("a b", 2, "unexpected \"b\"");
        refuses("(a", 2, "expected \")\"");
        refuses("median(a)", 0, "unknown function \"median\"; known: min, max, sum, avg, ceil, floor");
        refuses("max(a,)", 6, "expected a metric's name, a number or \"(\", found \")\"");
        refuses("a ? b", 5, "expected \":\"");
        refuses("1.2.3", 0, "\"1.2.3\" is no number");
        refuses("\"a", 0, "a quote is not closed");
        refuses(&"(".repeat(100), 32, "nested more than 64 deep");
        refuses(&"-".repeat(100), 63, "nested more than 64 deep");
    }

    #[test]
    fn names_are_known_once_each() {
        assert_eq!(Formula::compile("max(a, b, a.demand)").unwrap().names(), ["a", "b"]);
    }
}
