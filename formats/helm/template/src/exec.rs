//! Execution, as `text/template` does it.
//!
//! [`Exec`] is one template being executed. What outlives it is in [`Run`]: variables and arguments stand on two stacks
//! there, so that neither a call nor a loop allocates.

mod argument;
mod branch;
mod builtin;
mod call;
mod compare;
mod emit;
mod escape;
mod field;
mod index;
mod pipe;
mod taint;
mod work;

use crate::ast::show::Node;
use crate::ast::{Pipe, Stmt, Tree};
use crate::error::{Class, ExecError, Frame};
use crate::fmt;
use crate::run::Run;
use crate::text::{Origin, Text, TextBuilder};
use crate::value::{Data, Value};

/// What a step gives, or why the run ends.
pub(crate) type Step<T> = Result<T, Box<ExecError>>;

/// A value, and whether Go's static type of it is `interface {}`.
///
/// Go tells a missing key (an empty interface) from no value at all: the first has no fields, of the second every field is
/// again nothing.
#[derive(Clone, Debug)]
pub(crate) struct Val {
    pub(crate) value: Value,
    pub(crate) interface: bool,
}

impl Val {
    /// Of a type of its own.
    pub(crate) fn concrete(value: Value) -> Self {
        Self { value, interface: false }
    }

    /// Held by an interface.
    pub(crate) fn held(value: Value) -> Self {
        Self { value, interface: true }
    }

    /// No value at all.
    fn is_invalid(&self) -> bool {
        !self.interface && self.value.is_nil()
    }

    /// The name of the static type.
    fn type_name(&self) -> &str {
        if self.interface { "interface {}" } else { self.value.type_name().unwrap_or("<nil>") }
    }
}

/// Where a list of statements goes on.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Flow {
    Next,
    Break,
    Continue,
}

/// The text that a template was read from, if it is a value itself (`tpl`), and the action that had it read.
#[derive(Clone, Copy)]
pub(crate) struct Backing<'t> {
    pub(crate) text: &'t Text,
    pub(crate) caller: Origin,
}

/// A template that is being executed.
pub(crate) struct Exec<'e, 's, 't> {
    run: &'e mut Run<'s>,
    out: &'e mut TextBuilder,
    tree: &'t Tree,
    /// Where its variables begin on the stack of the run.
    base: usize,
    /// The node that an error would be about.
    at: Node<'t>,
    backing: Option<Backing<'t>>,
}

/// Executes a template, from its first statement to its last.
pub(crate) fn execute<'t>(
    run: &mut Run<'_>,
    out: &mut TextBuilder,
    tree: &'t Tree,
    backing: Option<Backing<'t>>,
    dot: &Val,
) -> Step<()> {
    const NOTHING: &Stmt = &Stmt::Text { start: 0, end: 0, line: 0 };
    let base = run.variables.len();
    run.variables.push((0, dot.clone()));
    let mut exec = Exec { run, out, tree, base, at: Node::Stmt(NOTHING), backing };
    exec.list(dot, &tree.root)?;
    run.variables.truncate(base);
    Ok(())
}

impl<'t> Exec<'_, '_, 't> {
    /// The run ends at the current node.
    fn fail<T>(&self, reason: impl Into<String>) -> Step<T> {
        self.end(Class::Exec, reason.into(), Vec::new())
    }

    fn over_budget<T>(&self, reason: impl Into<String>) -> Step<T> {
        self.end(Class::Budget, reason.into(), Vec::new())
    }

    fn end<T>(&self, class: Class, reason: String, mut frames: Vec<Frame>) -> Step<T> {
        let frame = self.frame();
        let Frame { template, file, line, column, action } = &frame;
        let name = fmt::quoted(template.as_bytes());
        let message = format!("template: {file}:{line}:{column}: executing {name} at <{action}>: {reason}");
        frames.push(frame);
        Err(Box::new(ExecError { class, message, reason, frames }))
    }

    fn frame(&self) -> Frame {
        let (line, column) = self.tree.source.place(self.at.pos());
        Frame {
            template: self.tree.name.to_string(),
            file: self.tree.source.name.to_string(),
            line,
            column,
            action: self.at.show(&self.tree.source),
        }
    }

    /// Is there stack for one more level?
    fn check_stack(&self) -> Step<()> {
        if self.run.stack_is_left() {
            return Ok(());
        }
        self.over_budget("exceeded maximum template depth (the stack of the run is used up)")
    }

    /// The line of the current statement is what its output comes from.
    fn enter(&mut self, line: u32) {
        self.run.here = match self.backing {
            Some(backing) => backing.caller,
            None => Origin { template: self.tree.source.id, line, file: 0, file_line: 0 },
        };
    }

    fn list(&mut self, dot: &Val, list: &'t [Stmt]) -> Step<Flow> {
        for stmt in list {
            let flow = self.stmt(dot, stmt)?;
            if flow != Flow::Next {
                return Ok(flow);
            }
        }
        Ok(Flow::Next)
    }

    fn stmt(&mut self, dot: &Val, stmt: &'t Stmt) -> Step<Flow> {
        self.spend()?;
        self.at = Node::Stmt(stmt);
        match stmt {
            Stmt::Text { start, end, line } => self.literal(*start, *end, *line)?,
            Stmt::Action { line, pipe, .. } => {
                self.enter(*line);
                self.action(dot, stmt, pipe, *line)?;
            }
            Stmt::If(branch) => return self.choose(dot, branch, false),
            Stmt::With(branch) => return self.choose(dot, branch, true),
            Stmt::Range(branch) => return self.range(dot, branch),
            Stmt::Template { line, name, pipe, .. } => {
                self.enter(*line);
                self.template(dot, stmt, name, pipe.as_ref())?;
            }
            Stmt::Break { .. } => return Ok(Flow::Break),
            Stmt::Continue { .. } => return Ok(Flow::Continue),
        }
        Ok(Flow::Next)
    }

    fn action(&mut self, dot: &Val, stmt: &'t Stmt, pipe: &'t Pipe, line: u32) -> Step<()> {
        let value = self.pipeline(dot, pipe)?;
        if !pipe.decl.is_empty() {
            return Ok(());
        }
        self.at = Node::Stmt(stmt);
        self.enter(line);
        self.emit(&value)
    }

    fn template(&mut self, dot: &Val, stmt: &'t Stmt, name: &str, pipe: Option<&'t Pipe>) -> Step<()> {
        let Some(tree) = self.run.tree(name) else {
            return self.fail(format!("template {} not defined", fmt::quoted(name.as_bytes())));
        };
        let limit = self.run.options.limits.depth;
        if self.run.depth >= limit {
            return self.over_budget(format!("exceeded maximum template depth ({limit})"));
        }
        self.check_stack()?;
        let data = match pipe {
            Some(pipe) => self.pipeline(dot, pipe)?,
            None => Value::NIL,
        };
        self.run.depth += 1;
        // A template of the text that `tpl` was given is as much a part of it as its own body.
        let backing = self.backing.filter(|_| std::rc::Rc::ptr_eq(&tree.source, &self.tree.source));
        let result = execute(self.run, self.out, &tree, backing, &Val::concrete(data));
        self.run.depth -= 1;
        result.map_err(|mut error| {
            self.at = Node::Stmt(stmt);
            error.frames.push(self.frame());
            error
        })
    }
}

/// Is it something, in the sense of `if` (`text/template.IsTrue`)?
pub(crate) fn is_true(value: &Value) -> bool {
    match &value.data {
        Data::Nil => false,
        Data::Bool(bool) => *bool,
        Data::Int(int) => int.bits != 0,
        Data::Float(float) => *float != 0.0,
        Data::Text(text) => !text.bytes().is_empty(),
        Data::List(list) => !list.items.is_empty(),
        Data::Map(map) => !map.is_empty(),
        Data::Object(object) => object.entries().is_none_or(|entries| !entries.is_empty()),
    }
}
