//! Words → the tree of a template.

use std::sync::Arc;

use super::ast::{Binds, Command, Kind, Node, Operand, Pipeline};
use super::functions::{self, Function};
use super::lex::{self, Piece, Word, WordKind};
use super::value::Value;
use super::{DEPTH_MAX, TemplateError};

/// Takes a text apart, in which the variables of `prelude` are there from the start.
pub(super) fn parse<'p>(text: &str, prelude: impl Iterator<Item = &'p str>) -> Result<Vec<Node>, TemplateError> {
    let mut variables = vec![String::new()];
    variables.extend(prelude.map(str::to_owned));
    let pieces = lex::lex(text)?.into_iter();
    let mut parser = Parser { pieces, variables, depth: 0, loops: 0 };
    match parser.list()? {
        (nodes, None) => Ok(nodes),
        (_, Some(end)) => Err(TemplateError::new(end.at, "there is nothing open that this could end")),
    }
}

struct Parser<'t> {
    pieces: std::vec::IntoIter<Piece<'t>>,
    /// The names in scope.
    variables: Vec<String>,
    depth: usize,
    /// How many loops are around.
    loops: usize,
}

/// What ends a list of nodes.
struct End {
    at: usize,
    /// `else`, with what follows it; otherwise `end`.
    otherwise: Option<Vec<Word>>,
}

type List = (Vec<Node>, Option<End>);

impl Parser<'_> {
    /// Nodes up to the `end` or `else` that closes what they stand in.
    fn list(&mut self) -> Result<List, TemplateError> {
        let mut nodes = Vec::new();
        while let Some(piece) = self.pieces.next() {
            let (at, words) = match piece {
                Piece::Text(text) => {
                    nodes.push(Node::Text(text.to_owned()));
                    continue;
                }
                Piece::Action { at, words } => (at, words),
            };
            let keyword = match words.first() {
                Some(Word { kind: WordKind::Name(name), .. }) => name.as_str(),
                Some(_) => "",
                None => return Err(TemplateError::new(at, "an action without a value")),
            };
            let after = || words.get(1..).unwrap_or(&[]).to_vec();
            match keyword {
                "if" | "with" | "range" => nodes.push(self.block(at, keyword, after())?),
                "else" => return Ok((nodes, Some(End { at, otherwise: Some(after()) }))),
                "end" if words.len() == 1 => return Ok((nodes, Some(End { at, otherwise: None }))),
                "break" | "continue" if words.len() == 1 => {
                    if self.loops == 0 {
                        return Err(TemplateError::new(at, format!("{keyword} outside of a range")));
                    }
                    nodes.push(if keyword == "break" { Node::Break } else { Node::Continue });
                }
                "end" | "break" | "continue" => {
                    return Err(TemplateError::new(at, format!("nothing can follow \"{keyword}\"")));
                }
                "define" | "template" | "block" => {
                    return Err(TemplateError::new(at, format!("\"{keyword}\" is not supported; write it out here")));
                }
                _ => nodes.push(Node::Action(self.whole(at, words, false)?)),
            }
        }
        Ok((nodes, None))
    }

    /// `if`, `with` or `range`, up to its `end`.
    fn block(&mut self, at: usize, keyword: &str, words: Vec<Word>) -> Result<Node, TemplateError> {
        self.enter(at)?;
        let scope = self.variables.len();
        let head = self.whole(at, words, keyword == "range")?;
        let inner = self.variables.len();
        self.loops += usize::from(keyword == "range");
        let (body, end) = self.list()?;
        self.loops -= usize::from(keyword == "range");
        let unclosed = || TemplateError::new(at, format!("\"{keyword}\" without its \"end\""));
        let End { at: end_at, otherwise } = end.ok_or_else(unclosed)?;
        self.variables.truncate(inner);
        let otherwise = match otherwise {
            None => Vec::new(),
            Some(words) => match words.first() {
                None => match self.list()? {
                    (nodes, Some(End { otherwise: None, .. })) => nodes,
                    (_, Some(End { at, .. })) => return Err(TemplateError::new(at, "a second \"else\"")),
                    (_, None) => return Err(unclosed()),
                },
                // `{{else if}}` shares the `end` of what it belongs to.
                Some(Word { kind: WordKind::Name(name), .. }) if name == keyword && keyword != "range" => {
                    let after = words.get(1..).unwrap_or(&[]).to_vec();
                    vec![self.block(end_at, keyword, after)?]
                }
                Some(word) => return Err(TemplateError::new(word.at, "\"else\" is followed by nothing or \"if\"")),
            },
        };
        self.variables.truncate(scope);
        self.depth -= 1;
        Ok(match keyword {
            "if" => Node::If { condition: head, then: body, otherwise },
            "with" => Node::With { value: head, then: body, otherwise },
            _ => Node::Range { over: head, body, otherwise },
        })
    }

    fn enter(&mut self, at: usize) -> Result<(), TemplateError> {
        self.depth += 1;
        let deep = || TemplateError::new(at, format!("nested deeper than {DEPTH_MAX}"));
        if self.depth > DEPTH_MAX { Err(deep()) } else { Ok(()) }
    }

    /// The pipeline that is all of an action.
    fn whole(&mut self, at: usize, words: Vec<Word>, in_range: bool) -> Result<Pipeline, TemplateError> {
        let mut words = Words { words: words.into_iter().peekable(), at };
        let binds = self.binds(&mut words, in_range)?;
        let pipeline = self.pipeline(&mut words, at, binds.clone())?;
        if let Some(word) = words.words.next() {
            return Err(TemplateError::new(word.at, "unexpected here; is a \"(\" missing?"));
        }
        if let Some(Binds { names, declares: true }) = binds {
            self.variables.extend(names.iter().map(|name| (**name).to_owned()));
        }
        Ok(pipeline)
    }

    /// `$x :=`, `$x =` or, in a `range`, `$index, $element :=`.
    fn binds(&mut self, words: &mut Words, in_range: bool) -> Result<Option<Binds>, TemplateError> {
        let ahead: Vec<WordKind> = words.words.clone().take(4).map(|word| word.kind).collect();
        let (names, sign) = match ahead.as_slice() {
            [WordKind::Variable(one), sign @ (WordKind::Declare | WordKind::Assign), ..] => (vec![one], sign),
            [WordKind::Variable(one), WordKind::Comma, WordKind::Variable(two), sign] if in_range => {
                (vec![one, two], sign)
            }
            _ => return Ok(None),
        };
        let declares = match sign {
            WordKind::Declare => true,
            WordKind::Assign => false,
            _ => return Err(TemplateError::new(words.at, "two variables need \":=\" after them")),
        };
        let names: Vec<Arc<str>> = names.into_iter().map(|name| name.as_str().into()).collect();
        let at = words.words.peek().map_or(words.at, |word| word.at);
        if names.iter().any(|name| name.is_empty()) {
            return Err(TemplateError::new(at, "\"$\" is the data itself; name your variable"));
        }
        if let (false, Some(unknown)) = (declares, names.iter().find(|name| !self.is_known(name))) {
            return Err(unknown_variable(at, unknown));
        }
        for _ in 0..names.len() * 2 {
            words.words.next();
        }
        Ok(Some(Binds { names, declares }))
    }

    fn is_known(&self, name: &str) -> bool {
        self.variables.iter().any(|known| known == name)
    }

    /// Commands up to the end of the words or a closing parenthesis.
    fn pipeline(&mut self, words: &mut Words, at: usize, binds: Option<Binds>) -> Result<Pipeline, TemplateError> {
        let mut commands = Vec::new();
        loop {
            let piped = !commands.is_empty();
            commands.push(self.command(words, piped)?);
            if words.words.next_if(|word| word.kind == WordKind::Pipe).is_none() {
                return Ok(Pipeline { at, binds, commands });
            }
        }
    }

    /// A value, or a function with its arguments.
    fn command(&mut self, words: &mut Words, piped: bool) -> Result<Command, TemplateError> {
        let Some(first) = words.words.peek().cloned() else {
            return Err(TemplateError::new(words.at, "a value is missing at the end"));
        };
        let WordKind::Name(name) = &first.kind else {
            let operand = self.operand(words)?;
            return match words.words.peek() {
                Some(word) if !matches!(word.kind, WordKind::Pipe | WordKind::Close) => {
                    Err(TemplateError::new(word.at, "only functions take arguments; what stands before is none"))
                }
                _ if operand.kind == Kind::Literal(Value::Null) => {
                    Err(TemplateError::new(first.at, "nil alone is no value"))
                }
                _ if piped => Err(TemplateError::new(first.at, "what follows \"|\" must be a function")),
                _ => Ok(Command::Value(operand)),
            };
        };
        let function = function(first.at, name)?;
        words.words.next();
        if words.words.peek().is_some_and(|word| word.glued && matches!(word.kind, WordKind::Field(_))) {
            return Err(TemplateError::new(first.at, format!("write ({name}) in parentheses to take a field of it")));
        }
        let mut arguments = Vec::new();
        while let Some(word) = words.words.peek() {
            if matches!(word.kind, WordKind::Pipe | WordKind::Close) {
                break;
            }
            arguments.push(self.operand(words)?);
        }
        arity(first.at, function, arguments.len() + usize::from(piped))?;
        Ok(Command::Call { at: first.at, function, arguments })
    }

    /// One value with the fields that follow it.
    fn operand(&mut self, words: &mut Words) -> Result<Operand, TemplateError> {
        let Some(word) = words.words.next() else {
            return Err(TemplateError::new(words.at, "a value is missing at the end"));
        };
        let at = word.at;
        let mut fields = Vec::new();
        let kind = match word.kind {
            WordKind::Literal(value) => Kind::Literal(value),
            WordKind::Dot => Kind::Dot,
            WordKind::Field(name) => {
                fields.push(name);
                Kind::Dot
            }
            WordKind::Variable(name) if self.is_known(&name) => Kind::Variable(name.into()),
            WordKind::Variable(name) => return Err(unknown_variable(at, &name)),
            WordKind::Name(name) => {
                let function = function(at, &name)?;
                arity(at, function, 0)?;
                Kind::Function(function)
            }
            WordKind::Open => {
                self.enter(at)?;
                let inner = self.pipeline(words, at, None)?;
                self.depth -= 1;
                if words.words.next_if(|word| word.kind == WordKind::Close).is_none() {
                    return Err(TemplateError::new(at, "\"(\" without \")\""));
                }
                Kind::Pipeline(Box::new(inner))
            }
            WordKind::Close => return Err(TemplateError::new(at, "\")\" without a value before it")),
            WordKind::Pipe => return Err(TemplateError::new(at, "\"|\" without a value before it")),
            WordKind::Comma | WordKind::Declare | WordKind::Assign => {
                return Err(TemplateError::new(at, "unexpected here; variables are declared as in $x := …"));
            }
        };
        let is_field = |word: &Word| word.glued && matches!(word.kind, WordKind::Field(_));
        while let Some(Word { kind: WordKind::Field(name), at, .. }) = words.words.next_if(is_field) {
            if matches!(kind, Kind::Literal(_)) {
                return Err(TemplateError::new(at, format!("a constant has no field .{name}")));
            }
            fields.push(name);
        }
        let is_stuck = |next: &&Word| next.glued && !matches!(next.kind, WordKind::Close | WordKind::Pipe);
        if let Some(next) = words.words.peek().filter(|next| is_stuck(next)) {
            return Err(TemplateError::new(next.at, "a space is missing before this"));
        }
        Ok(Operand { at, kind, fields })
    }
}

/// The words of one action.
struct Words {
    words: std::iter::Peekable<std::vec::IntoIter<Word>>,
    /// Where the action begins.
    at: usize,
}

fn unknown_variable(at: usize, name: &str) -> TemplateError {
    TemplateError::new(at, format!("there is no variable ${name} here"))
}

fn function(at: usize, name: &str) -> Result<&'static Function, TemplateError> {
    functions::find(name).ok_or_else(|| TemplateError::new(at, format!("there is no function \"{name}\"")))
}

fn arity(at: usize, function: &Function, given: usize) -> Result<(), TemplateError> {
    let Function { name, takes, .. } = function;
    let wants = match (*takes.start(), *takes.end()) {
        _ if takes.contains(&given) => return Ok(()),
        (1, 1) => "one argument".to_owned(),
        (least, usize::MAX) => format!("at least {least} arguments"),
        (least, _) => format!("{least} arguments"),
    };
    Err(TemplateError::new(at, format!("{name} takes {wants}, not {given}")))
}
