//! From a formula's text to its tree: precedence climbing.

use super::{FormulaError, Function, Node, Operator};

/// The deepest nesting: a stack frame of each level is a few hundred bytes.
const DEPTH_MAX: usize = 64;

/// Operators by how tightly they bind, longest spelling first.
const OPERATORS: [(&str, u8, Operator); 12] = [
    ("||", 1, Operator::Or),
    ("&&", 2, Operator::And),
    ("==", 3, Operator::Equal),
    ("!=", 3, Operator::NotEqual),
    ("<=", 3, Operator::LessEqual),
    (">=", 3, Operator::GreaterEqual),
    ("<", 3, Operator::Less),
    (">", 3, Operator::Greater),
    ("+", 4, Operator::Add),
    ("-", 4, Operator::Subtract),
    ("*", 5, Operator::Multiply),
    ("/", 5, Operator::Divide),
];

const FUNCTIONS: [(&str, Function); 6] = [
    ("min", Function::Min),
    ("max", Function::Max),
    ("sum", Function::Sum),
    ("avg", Function::Avg),
    ("ceil", Function::Ceil),
    ("floor", Function::Floor),
];

/// The tree, and the metrics that it names, each once.
pub(super) fn parse(text: &str) -> Result<(Node, Vec<String>), FormulaError> {
    let mut parser = Parser { text, at: 0, depth: 0, names: Vec::new() };
    let root = parser.choice()?;
    parser.space();
    if parser.at < text.len() {
        return Err(parser.error(format!("unexpected \"{}\"", parser.rest().chars().next().unwrap_or(' '))));
    }
    Ok((root, parser.names))
}

/// A text on its way to a [`Node`].
struct Parser<'t> {
    text: &'t str,
    at: usize,
    depth: usize,
    names: Vec<String>,
}

impl<'t> Parser<'t> {
    fn rest(&self) -> &'t str {
        self.text.get(self.at..).unwrap_or_default()
    }

    fn space(&mut self) {
        self.at += self.rest().len() - self.rest().trim_start().len();
    }

    fn error(&self, message: impl Into<String>) -> FormulaError {
        FormulaError { message: message.into(), at: self.at }
    }

    fn eat(&mut self, sign: &str) -> bool {
        self.space();
        let there = self.rest().starts_with(sign);
        if there {
            self.at += sign.len();
        }
        there
    }

    fn expect(&mut self, sign: &str) -> Result<(), FormulaError> {
        if self.eat(sign) { Ok(()) } else { Err(self.error(format!("expected \"{sign}\""))) }
    }

    fn choice(&mut self) -> Result<Node, FormulaError> {
        self.depth += 1;
        if self.depth > DEPTH_MAX {
            return Err(self.error(format!("nested more than {DEPTH_MAX} deep")));
        }
        let condition = self.binary(1)?;
        let node = if self.eat("?") {
            let yes = self.choice()?;
            self.expect(":")?;
            Node::Choice(Box::new(condition), Box::new(yes), Box::new(self.choice()?))
        } else {
            condition
        };
        self.depth -= 1;
        Ok(node)
    }

    /// Operators that bind at least this tightly.
    fn binary(&mut self, tightness: u8) -> Result<Node, FormulaError> {
        let mut left = self.unary()?;
        loop {
            self.space();
            let found = OPERATORS.iter().find(|(sign, binds, _)| self.rest().starts_with(sign) && *binds >= tightness);
            let Some((sign, binds, operator)) = found else { return Ok(left) };
            self.at += sign.len();
            let right = self.binary(binds + 1)?;
            left = Node::Binary(*operator, Box::new(left), Box::new(right));
        }
    }

    fn unary(&mut self) -> Result<Node, FormulaError> {
        // A chain of signs is a level of nesting each.
        self.depth += 1;
        if self.depth > DEPTH_MAX {
            return Err(self.error(format!("nested more than {DEPTH_MAX} deep")));
        }
        self.space();
        let node = if self.rest().starts_with('!') && !self.rest().starts_with("!=") {
            self.at += 1;
            Node::Not(Box::new(self.unary()?))
        } else if self.eat("-") {
            Node::Negative(Box::new(self.unary()?))
        } else if self.eat("(") {
            let inner = self.choice()?;
            self.expect(")")?;
            inner
        } else {
            self.operand()?
        };
        self.depth -= 1;
        Ok(node)
    }

    fn operand(&mut self) -> Result<Node, FormulaError> {
        self.space();
        let rest = self.rest();
        let first = rest.chars().next().ok_or_else(|| self.error("the expression ends where a value should be"))?;
        if first.is_ascii_digit() || first == '.' {
            return self.number();
        }
        if first == '"' {
            let length =
                rest.get(1..).and_then(|text| text.find('"')).ok_or_else(|| self.error("a quote is not closed"))?;
            let name = rest.get(1..=length).unwrap_or_default().to_owned();
            self.at += length + 2;
            return Ok(self.metric(name));
        }
        let is_name = |sign: char| sign.is_alphanumeric() || sign == '_';
        let length = rest.find(|sign| !is_name(sign)).unwrap_or(rest.len());
        if length == 0 {
            return Err(self.error(format!("expected a metric's name, a number or \"(\", found \"{first}\"")));
        }
        let name = rest.get(..length).unwrap_or_default();
        let began = self.at;
        self.at += length;
        self.space();
        if !self.rest().starts_with('(') {
            return Ok(self.metric(name.to_owned()));
        }
        let Some((_, function)) = FUNCTIONS.iter().find(|(known, _)| *known == name) else {
            let known: Vec<&str> = FUNCTIONS.iter().map(|(name, _)| *name).collect();
            let message = format!("unknown function \"{name}\"; known: {}", known.join(", "));
            return Err(FormulaError { message, at: began });
        };
        self.expect("(")?;
        let mut values = vec![self.choice()?];
        while self.eat(",") {
            values.push(self.choice()?);
        }
        self.expect(")")?;
        Ok(Node::Call(*function, values))
    }

    fn number(&mut self) -> Result<Node, FormulaError> {
        let rest = self.rest();
        let length = rest.find(|sign: char| !sign.is_ascii_digit() && sign != '.').unwrap_or(rest.len());
        let number = rest.get(..length).unwrap_or_default();
        let value = number.parse().map_err(|_| self.error(format!("\"{number}\" is no number")))?;
        self.at += length;
        Ok(Node::Number(value))
    }

    fn metric(&mut self, name: String) -> Node {
        let at = self.names.iter().position(|known| *known == name).unwrap_or_else(|| {
            self.names.push(name);
            self.names.len() - 1
        });
        let raw = self
            .rest()
            .strip_prefix(".demand")
            .is_some_and(|after| !after.starts_with(|sign: char| sign.is_alphanumeric() || sign == '_'));
        if raw {
            self.at += ".demand".len();
            Node::Demand(at)
        } else {
            Node::Wish(at)
        }
    }
}
