//! Walks a template's tree and writes what it makes of the data.

use std::fmt::Write as _;
use std::sync::Arc;

use super::ast::{Binds, Command, Kind, Node, Operand, Pipeline};
use super::functions::Function;
use super::value::{Bounded, Value};
use super::{OUTPUT_BYTES_MAX, STEPS_MAX, Template, TemplateError, World};

pub(super) fn render(template: &Template, data: &Value, world: &World<'_>) -> Result<String, TemplateError> {
    if let [Node::Text(text)] = template.nodes.as_slice() {
        return Ok(text.clone());
    }
    let mut renderer = Renderer { world, out: Bounded::new(OUTPUT_BYTES_MAX), variables: Vec::new(), steps: STEPS_MAX };
    renderer.variables.push(("".into(), data.clone()));
    for (name, field) in template.prelude {
        let value = data.field(field).map_err(|message| TemplateError::new(0, message))?;
        renderer.variables.push(((*name).into(), value));
    }
    renderer.nodes(&template.nodes, data)?;
    Ok(renderer.out.into_text())
}

struct Renderer<'w> {
    world: &'w World<'w>,
    out: Bounded,
    /// In scope, the innermost last. The first is `$`.
    variables: Vec<(Arc<str>, Value)>,
    /// How many are left.
    steps: usize,
}

/// How a list of nodes ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Flow {
    On,
    Break,
    Continue,
}

type Rendered<T> = Result<T, TemplateError>;

impl Renderer<'_> {
    fn step(&mut self, at: usize) -> Rendered<()> {
        self.steps = self
            .steps
            .checked_sub(1)
            .ok_or_else(|| TemplateError::new(at, format!("takes more than {STEPS_MAX} steps; a loop is too long")))?;
        Ok(())
    }

    fn nodes(&mut self, nodes: &[Node], dot: &Value) -> Rendered<Flow> {
        for node in nodes {
            let flow = self.node(node, dot)?;
            if flow != Flow::On {
                return Ok(flow);
            }
        }
        Ok(Flow::On)
    }

    fn node(&mut self, node: &Node, dot: &Value) -> Rendered<Flow> {
        match node {
            Node::Text(text) => self.write(0, |out| out.write_str(text)).map(|()| Flow::On),
            Node::Action(pipeline) => {
                let value = self.pipeline(pipeline, dot)?;
                if pipeline.binds.is_none() {
                    self.write(pipeline.at, |out| match &value {
                        Value::Null => out.write_str("<no value>"),
                        value => value.write(out),
                    })?;
                }
                Ok(Flow::On)
            }
            Node::If { condition, then, otherwise } => self.scoped(|this| {
                let holds = this.pipeline(condition, dot)?.is_true();
                this.nodes(if holds { then } else { otherwise }, dot)
            }),
            Node::With { value, then, otherwise } => self.scoped(|this| {
                let value = this.pipeline(value, dot)?;
                if value.is_true() { this.nodes(then, &value) } else { this.nodes(otherwise, dot) }
            }),
            Node::Range { over, body, otherwise } => self.scoped(|this| this.range(over, body, otherwise, dot)),
            Node::Break => Ok(Flow::Break),
            Node::Continue => Ok(Flow::Continue),
        }
    }

    /// Variables that are declared within are gone after.
    fn scoped<T>(&mut self, body: impl FnOnce(&mut Self) -> Rendered<T>) -> Rendered<T> {
        let scope = self.variables.len();
        let done = body(self);
        self.variables.truncate(scope);
        done
    }

    fn range(&mut self, over: &Pipeline, body: &[Node], otherwise: &[Node], dot: &Value) -> Rendered<Flow> {
        let value = self.value(over, dot)?;
        let items: Vec<(Value, Value)> = match &value {
            Value::List(items) => (0..).map(Value::Int).zip(items.iter().cloned()).collect(),
            Value::Map(map) => map.iter().map(|(name, value)| (name.as_str().into(), value.clone())).collect(),
            // Go counts up to a whole number.
            Value::Int(count) if over.binds.as_ref().is_none_or(|binds| binds.names.len() < 2) => {
                (0..*count).take(STEPS_MAX).map(|at| (Value::Int(at), Value::Int(at))).collect()
            }
            Value::Null => Vec::new(),
            other => return Err(TemplateError::new(over.at, format!("can't range over {}", other.kind()))),
        };
        if items.is_empty() {
            return self.nodes(otherwise, dot);
        }
        for (key, item) in items {
            self.step(over.at)?;
            let flow = self.scoped(|this| {
                match over.binds.as_ref().map(|binds| (binds, binds.names.as_slice())) {
                    Some((binds, [one])) => this.bind(binds.declares, one, item.clone()),
                    Some((binds, [one, two])) => {
                        this.bind(binds.declares, one, key);
                        this.bind(binds.declares, two, item.clone());
                    }
                    _ => {}
                }
                this.nodes(body, &item)
            })?;
            if flow == Flow::Break {
                break;
            }
        }
        Ok(Flow::On)
    }

    fn bind(&mut self, declares: bool, name: &Arc<str>, value: Value) {
        if declares {
            self.variables.push((Arc::clone(name), value));
        } else if let Some((_, own)) = self.variables.iter_mut().rev().find(|(own, _)| own == name) {
            *own = value;
        }
    }

    /// A pipeline's value, which goes to its variable too.
    fn pipeline(&mut self, pipeline: &Pipeline, dot: &Value) -> Rendered<Value> {
        let value = self.value(pipeline, dot)?;
        let Some(Binds { names, declares }) = &pipeline.binds else { return Ok(value) };
        for name in names {
            self.bind(*declares, name, value.clone());
        }
        Ok(value)
    }

    fn value(&mut self, pipeline: &Pipeline, dot: &Value) -> Rendered<Value> {
        let mut piped = None;
        for command in &pipeline.commands {
            piped = Some(match command {
                Command::Value(operand) => self.operand(operand, dot)?,
                Command::Call { at, function, arguments } => self.call(*at, function, arguments, piped, dot)?,
            });
        }
        Ok(piped.unwrap_or(Value::Null))
    }

    fn call(
        &mut self,
        at: usize,
        function: &Function,
        arguments: &[Operand],
        piped: Option<Value>,
        dot: &Value,
    ) -> Rendered<Value> {
        self.step(at)?;
        let mut values = Vec::with_capacity(arguments.len() + 1);
        for argument in arguments {
            let value = self.operand(argument, dot)?;
            // What comes after need not make sense: `and $x (index $x 0)`.
            let decided = match function.name {
                "and" => !value.is_true(),
                "or" => value.is_true(),
                _ => false,
            };
            if decided {
                return Ok(value);
            }
            values.push(value);
        }
        values.extend(piped);
        (function.call)(self.world, &values).map_err(|message| TemplateError::new(at, message))
    }

    fn operand(&mut self, operand: &Operand, dot: &Value) -> Rendered<Value> {
        self.step(operand.at)?;
        let mut value = match &operand.kind {
            Kind::Dot => dot.clone(),
            Kind::Variable(name) => {
                let found = self.variables.iter().rev().find(|(own, _)| own == name);
                found.map_or(Value::Null, |(_, value)| value.clone())
            }
            Kind::Literal(value) => value.clone(),
            Kind::Function(function) => {
                (function.call)(self.world, &[]).map_err(|message| TemplateError::new(operand.at, message))?
            }
            Kind::Pipeline(inner) => self.value(inner, dot)?,
        };
        for field in &operand.fields {
            value = value.field(field).map_err(|message| TemplateError::new(operand.at, message))?;
        }
        Ok(value)
    }

    fn write(&mut self, at: usize, write: impl FnOnce(&mut Bounded) -> std::fmt::Result) -> Rendered<()> {
        write(&mut self.out)
            .map_err(|_| TemplateError::new(at, format!("makes more than {OUTPUT_BYTES_MAX} bytes of text")))
    }
}
