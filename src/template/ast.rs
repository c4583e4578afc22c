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
    /// The label that it is, where it is one: `$labels.x` or `.Labels.x`.
    fn label(&self) -> Option<&str> {
        match (&self.kind, self.fields.as_slice()) {
            (Kind::Variable(name), [label]) if &**name == "labels" => Some(label),
            (Kind::Dot, [labels, label]) if labels == "Labels" => Some(label),
            _ => None,
        }
    }

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

/// A piece of a template that is no more than texts and labels.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part<'t> {
    Text(&'t str),
    Label(&'t str),
}

/// A template's pieces, where it is no more than texts and labels.
pub(super) fn parts(nodes: &[Node]) -> Option<Vec<Part<'_>>> {
    fn part(node: &Node) -> Option<Part<'_>> {
        match node {
            Node::Text(text) => Some(Part::Text(text)),
            Node::Action(Pipeline { binds: None, commands, .. }) => match commands.as_slice() {
                [Command::Value(operand)] => operand.label().map(Part::Label),
                _ => None,
            },
            _ => None,
        }
    }
    nodes.iter().map(part).collect()
}

/// The labels that are named, in the order in which they are.
pub(super) fn labels<'n>(nodes: &'n [Node], found: &mut Vec<&'n str>) {
    each_pipeline(nodes, &mut |pipeline| {
        found.extend(pipeline.commands.iter().flat_map(Command::operands).filter_map(Operand::label));
    });
}

/// The constant texts that `query` is called with.
pub(super) fn queries<'n>(nodes: &'n [Node], found: &mut Vec<&'n str>) {
    each_pipeline(nodes, &mut |pipeline| {
        let mut before = None;
        for command in &pipeline.commands {
            before = match command {
                Command::Value(operand) => operand.literal(),
                Command::Call { function, arguments, .. } => {
                    if function.name == "query" {
                        found.extend(arguments.first().map_or(before, Operand::literal));
                    }
                    None
                }
            };
        }
    });
}

/// Shows every pipeline, those in parentheses too, an outer one before what is in it.
fn each_pipeline<'n>(nodes: &'n [Node], see: &mut dyn FnMut(&'n Pipeline)) {
    for node in nodes {
        match node {
            Node::Action(pipeline) => pipeline.each(see),
            Node::If { condition: head, then: body, otherwise }
            | Node::With { value: head, then: body, otherwise }
            | Node::Range { over: head, body, otherwise } => {
                head.each(see);
                each_pipeline(body, see);
                each_pipeline(otherwise, see);
            }
            Node::Text(_) | Node::Break | Node::Continue => {}
        }
    }
}

impl Pipeline {
    fn each<'n>(&'n self, see: &mut dyn FnMut(&'n Self)) {
        see(self);
        for operand in self.commands.iter().flat_map(Command::operands) {
            if let Kind::Pipeline(inner) = &operand.kind {
                inner.each(see);
            }
        }
    }
}

impl Command {
    fn operands(&self) -> &[Operand] {
        match self {
            Self::Value(operand) => std::slice::from_ref(operand),
            Self::Call { arguments, .. } => arguments,
        }
    }
}
