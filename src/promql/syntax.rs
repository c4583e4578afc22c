//! Whether tokens stand where the grammar wants them, told with the place of the first that does not.
//!
//! The parser crate decides what an expression is. This only walks along: operands and operators take turns, brackets
//! close what they opened. It needs no recursion, so that no text can exhaust the stack.

use std::ops::Range;

use super::ParseError;
use super::token::{Kind, Token};
use super::words::{is_aggregator, is_operator};
use crate::labels::{MatchOp, Matcher};

/// Tokens that stand in order.
#[derive(Debug)]
pub(super) struct Shape<'a> {
    pub(super) tokens: Vec<Token<'a>>,
    /// Selectors with braces, calls, aggregations and parentheses as positions of tokens, inner ones before outer ones.
    pub(super) pieces: Vec<Range<usize>>,
    /// The tokens that are ranges and offsets.
    pub(super) lengths: Vec<usize>,
}

impl Shape<'_> {
    /// Whether a token belongs to an offset of nothing, which says nothing.
    pub(super) fn is_blank(&self, at: usize) -> bool {
        let nothing = |length: &usize| self.tokens[*length].length().is_some_and(|length| length.is_zero());
        self.lengths.iter().filter(|length| nothing(length)).any(|&length| {
            let first = length.saturating_sub(if self.tokens[length - 1].kind == Kind::Sign { 2 } else { 1 });
            (first..=length).contains(&at)
        })
    }
}

/// Signs that join two operands.
const SIGNS: [&str; 12] = ["+", "-", "*", "/", "%", "^", "==", "!=", "<=", ">=", "<", ">"];

/// Checks the order of tokens; `end` is where the text ends.
pub(super) fn check(tokens: Vec<Token<'_>>, end: usize) -> Result<Shape<'_>, ParseError> {
    let mut walk = Walk { tokens: &tokens, end, at: 0, open: Vec::new(), pieces: Vec::new(), lengths: Vec::new() };
    walk.expression()?;
    let Walk { pieces, lengths, .. } = walk;
    Ok(Shape { tokens, pieces, lengths })
}

struct Walk<'t, 'a> {
    tokens: &'t [Token<'a>],
    end: usize,
    at: usize,
    open: Vec<Open>,
    pieces: Vec<Range<usize>>,
    lengths: Vec<usize>,
}

/// A parenthesis that is not closed yet.
struct Open {
    /// The token at which its piece begins.
    first: usize,
    parenthesis: usize,
    /// It holds arguments, separated by commas.
    call: bool,
}

/// What an operand was, for what may follow it.
#[derive(Clone, Copy, PartialEq)]
enum Operand {
    Selector,
    RangeSelector,
    Other,
}

/// What comes behind an operand.
enum Next {
    Operand,
    End,
}

impl<'a> Walk<'_, 'a> {
    fn expression(&mut self) -> Result<(), ParseError> {
        loop {
            let operand = self.operand()?;
            if let Next::End = self.after(operand)? {
                return Ok(());
            }
        }
    }

    fn peek(&self) -> Option<Token<'a>> {
        self.tokens.get(self.at).copied()
    }

    fn next_is(&self, text: &str) -> bool {
        self.peek().is_some_and(|token| token.is(text))
    }

    fn next_is_word(&self, words: &[&str]) -> bool {
        self.peek().is_some_and(|token| words.iter().any(|word| token.is_word(word)))
    }

    /// Steps over a sign or bracket, if it is the next token.
    fn take(&mut self, text: &str) -> bool {
        let found = self.next_is(text);
        self.at += usize::from(found);
        found
    }

    fn take_word(&mut self, words: &[&str]) -> bool {
        let found = self.next_is_word(words);
        self.at += usize::from(found);
        found
    }

    /// The next token is not what the grammar wants.
    fn unexpected(&self, wanted: &str) -> ParseError {
        match self.peek() {
            Some(token) => ParseError::new(token.at, format!("unexpected {}; expected {wanted}", shown(token))),
            None => ParseError::new(self.end, format!("expression ends too early; expected {wanted}")),
        }
    }

    fn expect(&mut self, text: &str, wanted: &str) -> Result<(), ParseError> {
        if self.take(text) { Ok(()) } else { Err(self.unexpected(wanted)) }
    }

    /// Steps over one operand, or into its parentheses and over the first operand there.
    fn operand(&mut self) -> Result<Operand, ParseError> {
        loop {
            let Some(token) = self.peek() else { return Err(self.unexpected("an expression")) };
            let first = self.at;
            match token.kind {
                Kind::Sign if token.is("+") || token.is("-") => self.at += 1,
                Kind::Number(_) | Kind::Duration(_) => {
                    self.at += 1;
                    return Ok(Operand::Other);
                }
                Kind::Text => {
                    token.unquoted()?;
                    self.at += 1;
                    return Ok(Operand::Other);
                }
                Kind::Open if token.is("(") => {
                    self.at += 1;
                    self.open.push(Open { first, parenthesis: first, call: false });
                }
                Kind::Open if token.is("{") => {
                    self.matchers()?;
                    self.pieces.push(first..self.at);
                    return Ok(Operand::Selector);
                }
                Kind::Word => {
                    if let Some(operand) = self.named(token)? {
                        return Ok(operand);
                    }
                }
                _ => return Err(self.unexpected("an expression")),
            }
        }
    }

    /// A metric, or the head of a call or an aggregation; the latter is no whole operand yet.
    fn named(&mut self, token: Token<'a>) -> Result<Option<Operand>, ParseError> {
        let first = self.at;
        self.at += 1;
        if is_aggregator(&token) && self.take_word(&["by", "without"]) {
            self.labels()?;
            if !self.next_is("(") {
                return Err(self.unexpected("\"(\" and what is aggregated"));
            }
        }
        if self.next_is("(") {
            self.open.push(Open { first, parenthesis: self.at, call: true });
            self.at += 1;
            // A call without arguments is whole at once.
            return if self.next_is(")") { self.close().map(Some) } else { Ok(None) };
        }
        if self.next_is("{") {
            self.matchers()?;
            self.pieces.push(first..self.at);
        }
        Ok(Some(Operand::Selector))
    }

    /// Steps over a closing parenthesis that has a partner, and over the `by (…)` behind an aggregation.
    fn close(&mut self) -> Result<Operand, ParseError> {
        self.at += 1;
        if let Some(open) = self.open.pop() {
            self.pieces.push(open.first..self.at);
            let ungrouped = open.first + 1 == open.parenthesis && is_aggregator(&self.tokens[open.first]);
            if ungrouped && self.take_word(&["by", "without"]) {
                self.labels()?;
            }
        }
        Ok(Operand::Other)
    }

    /// Steps over what may follow an operand, up to the next one or to the end.
    fn after(&mut self, mut operand: Operand) -> Result<Next, ParseError> {
        loop {
            let Some(token) = self.peek() else { return self.finish() };
            if token.is("[") {
                operand = self.range(operand)?;
            } else if token.is_word("offset") {
                self.offset(operand)?;
            } else if token.is("@") {
                return Err(ParseError::new(token.at, "the @ modifier is not supported yet"));
            } else if token.is(")") {
                if self.open.is_empty() {
                    return Err(ParseError::new(token.at, "this \")\" closes nothing"));
                }
                operand = self.close()?;
            } else if token.is(",") {
                if !self.open.last().is_some_and(|open| open.call) {
                    return Err(self.unexpected("an operator or the end"));
                }
                self.at += 1;
                return Ok(Next::Operand);
            } else if is_operator(&token) || SIGNS.iter().any(|sign| token.is(sign)) {
                self.at += 1;
                self.modifiers()?;
                return Ok(Next::Operand);
            } else {
                return Err(self.unexpected(if self.open.is_empty() {
                    "an operator or the end"
                } else {
                    "an operator or \")\""
                }));
            }
        }
    }

    fn finish(&self) -> Result<Next, ParseError> {
        match self.open.last() {
            Some(open) => Err(ParseError::new(self.tokens[open.parenthesis].at, "this \"(\" is never closed")),
            None => Ok(Next::End),
        }
    }

    /// `[5m]`
    fn range(&mut self, operand: Operand) -> Result<Operand, ParseError> {
        let open = self.tokens[self.at].at;
        self.at += 1;
        self.length("a range such as 5m")?;
        if self.next_is(":") {
            return Err(ParseError::new(
                open,
                "subqueries are not supported yet; record the inner expression by a rule",
            ));
        }
        if self.tokens[self.at - 1].length().is_some_and(|length| length.is_zero()) {
            return Err(ParseError::new(self.tokens[self.at - 1].at, "a range must be at least a millisecond long"));
        }
        self.expect("]", "\"]\"")?;
        if operand != Operand::Selector {
            return Err(ParseError::new(open, "a range may only follow a selector, as in http_requests_total[5m]"));
        }
        Ok(Operand::RangeSelector)
    }

    /// `offset 5m`
    fn offset(&mut self, operand: Operand) -> Result<(), ParseError> {
        let word = self.tokens[self.at].at;
        if operand == Operand::Other {
            return Err(ParseError::new(word, "an offset may only follow a selector, as in sum(x offset 5m)"));
        }
        self.at += 1;
        if !self.take("-") {
            self.take("+");
        }
        self.length("a duration such as 5m")
    }

    /// A length of time that is not too long.
    fn length(&mut self, wanted: &str) -> Result<(), ParseError> {
        let Some(token) = self.peek() else { return Err(self.unexpected(wanted)) };
        match token.kind {
            Kind::Number(_) | Kind::Duration(_) if token.length().is_some() => {
                self.lengths.push(self.at);
                self.at += 1;
                Ok(())
            }
            Kind::Number(_) | Kind::Duration(_) => {
                Err(ParseError::new(token.at, format!("{} is no length of time, or too long a one", token.text)))
            }
            _ => Err(self.unexpected(wanted)),
        }
    }

    /// `bool on (a, b) group_left (c)`
    fn modifiers(&mut self) -> Result<(), ParseError> {
        self.take_word(&["bool"]);
        let matching = self.take_word(&["on", "ignoring"]);
        if matching {
            self.labels()?;
        }
        if self.next_is_word(&["group_left", "group_right"]) {
            if !matching {
                return Err(self.unexpected("on (…) or ignoring (…) before it"));
            }
            self.at += 1;
            if self.next_is("(") {
                self.labels()?;
            }
        }
        match self.peek() {
            // Before a parenthesis these words are modifiers; elsewhere they may be metrics.
            Some(token)
                if ["fill", "fill_left", "fill_right"].iter().any(|word| token.is_word(word))
                    && self.parenthesis_follows() =>
            {
                Err(ParseError::new(token.at, format!("the modifier {} is not supported yet", token.text)))
            }
            _ => Ok(()),
        }
    }

    fn parenthesis_follows(&self) -> bool {
        self.tokens.get(self.at + 1).is_some_and(|token| token.is("("))
    }

    /// `(a, b)`
    fn labels(&mut self) -> Result<(), ParseError> {
        self.expect("(", "\"(\" and labels")?;
        while !self.take(")") {
            match self.peek() {
                Some(token) if token.kind == Kind::Word => {}
                Some(token) if token.kind == Kind::Text => _ = token.unquoted()?,
                _ => return Err(self.unexpected("a label")),
            }
            self.at += 1;
            if !self.take(",") && !self.next_is(")") {
                return Err(self.unexpected("\",\" or \")\""));
            }
        }
        Ok(())
    }

    /// `{a="b", c=~"d"}`
    fn matchers(&mut self) -> Result<(), ParseError> {
        self.expect("{", "\"{\"")?;
        while !self.take("}") {
            self.matcher()?;
            if !self.take(",") && !self.next_is("}") {
                return Err(self.unexpected("\",\" or \"}\""));
            }
        }
        Ok(())
    }

    fn matcher(&mut self) -> Result<(), ParseError> {
        let Some(name) = self.peek() else { return Err(self.unexpected("a label or \"}\"")) };
        match name.kind {
            Kind::Word => {}
            Kind::Text => _ = name.unquoted()?,
            _ => return Err(self.unexpected("a label or \"}\"")),
        }
        self.at += 1;
        let operator = match self.peek() {
            Some(token) if token.is("=") => MatchOp::Equal,
            Some(token) if token.is("!=") => MatchOp::NotEqual,
            Some(token) if token.is("=~") => MatchOp::Regex,
            Some(token) if token.is("!~") => MatchOp::NotRegex,
            // A string alone is a metric's name.
            _ if name.kind == Kind::Text => return Ok(()),
            _ => return Err(self.unexpected("one of =, !=, =~, !~")),
        };
        self.at += 1;
        match self.peek() {
            Some(value) if value.kind == Kind::Text => {
                let checked = Matcher::new(name.text, operator, value.unquoted()?);
                checked.map_err(|error| ParseError::new(value.at, error.to_string()))?;
                self.at += 1;
                Ok(())
            }
            _ => Err(self.unexpected("a value in quotes")),
        }
    }
}

/// A token as messages show it.
fn shown(token: Token<'_>) -> String {
    const LONGEST: usize = 32;
    let cut: String = token.text.chars().take(LONGEST).collect();
    let dots = if cut.len() < token.text.len() { "…" } else { "" };
    if token.kind == Kind::Text { format!("string {cut}{dots}") } else { format!("\"{cut}{dots}\"") }
}
