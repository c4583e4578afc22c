//! Text → the parser crate's tree.
//!
//! The crate knows the grammar but tells no place, panics on some numbers, and refuses a few texts that Prometheus
//! takes. So the text is taken apart here first: what breaks the grammar, what we don't do yet and what would make
//! the crate panic is refused with its place, and the few texts are written in the way that the crate takes.

use std::ops::Range;
use std::panic::catch_unwind;

use promql_parser::parser::Expr;

use super::syntax::{self, Shape};
use super::token::{Kind, Token, tokens};
use super::{ParseError, functions, refusal, words};
use crate::labels::escaped;
use crate::time::format_duration;

/// Bytes of an expression. The longest that people write by hand are a few kilobytes.
const EXPR_BYTES_MAX: usize = 64 * 1024;

/// Operators and brackets of an expression. Trees are walked recursively, and none is deeper than this.
const DEPTH_MAX: usize = 250;

/// An expression as the crate reads it.
#[derive(Debug)]
pub(super) struct Parsed<'a> {
    pub(super) tree: Expr,
    pub(super) tokens: Vec<Token<'a>>,
}

/// Parses an expression that holds nothing but what we can evaluate.
pub(super) fn parse(expr: &str) -> Result<Parsed<'_>, ParseError> {
    if expr.len() > EXPR_BYTES_MAX {
        let message = format!("expression is {} bytes long, limit is {EXPR_BYTES_MAX}", expr.len());
        return Err(ParseError::new(0, message));
    }
    let tokens = tokens(expr)?;
    check_depth(&tokens)?;
    let shape = syntax::check(tokens, expr.len())?;
    check_functions(&shape.tokens)?;
    let tree = read(expr, &shape, 0..shape.tokens.len()).map_err(|message| refused(expr, &shape, &message))?;
    Ok(Parsed { tree, tokens: shape.tokens })
}

fn check_depth(tokens: &[Token<'_>]) -> Result<(), ParseError> {
    let nests = |token: &&Token<'_>| matches!(token.kind, Kind::Open | Kind::Sign) || words::is_operator(token);
    match tokens.iter().filter(nests).nth(DEPTH_MAX) {
        Some(token) => Err(ParseError::new(
            token.at,
            format!("expression has more than {DEPTH_MAX} operators and brackets; give a part of it a record rule"),
        )),
        None => Ok(()),
    }
}

/// Names the first function that we don't have.
fn check_functions(tokens: &[Token<'_>]) -> Result<(), ParseError> {
    for call in tokens.windows(2) {
        let [name, open] = call else { continue };
        let is_call = name.kind == Kind::Word && open.is("(") && !words::is_keyword(name);
        if !is_call || functions::find(name.text).is_some() {
            continue;
        }
        let text = name.text;
        let message = if functions::is_planned(text) {
            format!("function \"{text}\" is not supported yet")
        } else {
            match functions::resembling(text) {
                Some(known) => format!("unknown function \"{text}\"; did you mean {known}?"),
                None => format!("unknown function \"{text}\""),
            }
        };
        return Err(ParseError::new(name.at, message));
    }
    Ok(())
}

/// Has the crate read a piece. The inner error is the crate's, which knows no place.
fn read(expr: &str, shape: &Shape<'_>, piece: Range<usize>) -> Result<Expr, String> {
    let text = rewritten(expr, shape, piece);
    // The numbers that are known to make the crate panic are written differently by now; this is for those that are
    // not, as no text may take the process down.
    catch_unwind(|| promql_parser::parser::parse(&text)).unwrap_or_else(|_| Err(String::new()))
}

/// Finds the place of what the crate refused: the innermost piece in brackets that it refuses on its own.
fn refused(expr: &str, shape: &Shape<'_>, message: &str) -> ParseError {
    for piece in &shape.pieces {
        if let Err(message) = read(expr, shape, piece.clone()) {
            return refusal::explain(&message, &shape.tokens[piece.clone()]);
        }
    }
    refusal::explain(message, &shape.tokens)
}

/// A piece in words that the crate takes: strings with the fewest escapes, underscores in numbers left out, durations in their
/// shortest form, no offset of nothing.
fn rewritten(expr: &str, shape: &Shape<'_>, piece: Range<usize>) -> String {
    let mut text = String::new();
    let mut written = shape.tokens.get(piece.start).map_or(0, |first| first.at);
    for at in piece {
        let token = &shape.tokens[at];
        let word = match token.kind {
            _ if shape.is_blank(at) => String::new(),
            Kind::Text => format!("\"{}\"", escaped(&token.unquoted().unwrap_or_default())),
            Kind::Number(_) | Kind::Duration(_) if shape.lengths.contains(&at) => {
                format_duration(token.length().unwrap_or_default())
            }
            Kind::Number(_) => token.text.replace('_', ""),
            Kind::Duration(length) => length.as_secs_f64().to_string(),
            _ => token.text.to_owned(),
        };
        text.push_str(&expr[written..token.at]);
        text.push_str(&word);
        written = token.end();
    }
    text
}
