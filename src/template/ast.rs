//! What a template's text is made of.

use std::sync::Arc;

use super::functions::Function;
use super::value::Value;

#[derive(Debug, Clone, PartialEq)]
pub(super) enum Node {
    Text(String),
    Action(Pipeline),
    If { condition: Pipeline, then: Vec<Node>, otherwise: Vec<Node> },
    With { value: Pipeline, then: Vec<Node>, otherwise: Vec<Node> },
    Range { over: Pipeline, body: Vec<Node>, otherwise: Vec<Node> },
    Break,
    Continue,
}

/// Commands, each of which is given the value of the one before as its last argument.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Pipeline {
    pub(super) at: usize,
    pub(super) binds: Option<Binds>,
    pub(super) commands: Vec<Command>,
}

/// Which variables a pipeline's value goes to; two only in `range`.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Binds {
    pub(super) names: Vec<Arc<str>>,
    /// With `:=`; with `=` they are there already.
    pub(super) declares: bool,
}

#[derive(Debug, Clone, PartialEq)]
pub(super) enum Command {
    Value(Operand),
    Call { at: usize, function: &'static Function, arguments: Vec<Operand> },
}

#[derive(Debug, Clone, PartialEq)]
pub(super) struct Operand {
    pub(super) at: usize,
    pub(super) kind: Kind,
    /// The fields that follow: `.Labels.job`.
    pub(super) fields: Vec<String>,
}

#[derive(Debug, Clone, PartialEq)]
pub(super) enum Kind {
    Dot,
    Variable(Arc<str>),
    Literal(Value),
    /// A function without arguments, within another's arguments.
    Function(&'static Function),
    Pipeline(Box<Pipeline>),
}

impl Operand {
    fn literal(&self) -> Option<&str> {
        match &self.kind {
            Kind::Literal(Value::String(text)) => Some(text),
            Kind::Pipeline(inner) if inner.commands.len() == 1 => match inner.commands.first()? {
                Command::Value(operand) => operand.literal(),
                Command::Call { .. } => None,
            },
            _ => None,
        }
    }
}

/// The constant texts that `query` is called with.
pub(super) fn queries<'n>(nodes: &'n [Node], found: &mut Vec<&'n str>) {
    for node in nodes {
        match node {
            Node::Action(pipeline) => in_pipeline(pipeline, found),
            Node::If { condition: head, then: body, otherwise }
            | Node::With { value: head, then: body, otherwise }
            | Node::Range { over: head, body, otherwise } => {
                in_pipeline(head, found);
                queries(body, found);
                queries(otherwise, found);
            }
            Node::Text(_) | Node::Break | Node::Continue => {}
        }
    }
}

fn in_pipeline<'n>(pipeline: &'n Pipeline, found: &mut Vec<&'n str>) {
    let mut before = None;
    for command in &pipeline.commands {
        let constant = match command {
            Command::Value(operand) => {
                in_operand(operand, found);
                operand.literal()
            }
            Command::Call { function, arguments, .. } => {
                arguments.iter().for_each(|argument| in_operand(argument, found));
                if function.name == "query" {
                    found.extend(arguments.first().map_or(before, Operand::literal));
                }
                None
            }
        };
        before = constant;
    }
}

fn in_operand<'n>(operand: &'n Operand, found: &mut Vec<&'n str>) {
    if let Kind::Pipeline(inner) = &operand.kind {
        in_pipeline(inner, found);
    }
}
