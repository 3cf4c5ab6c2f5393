//! Runs of templates: what they may use, and what they report.

use std::collections::HashMap;
use std::rc::Rc;

use crate::ast::Tree;
use crate::error::{ExecError, Frame};
use crate::function::{Call, Error};
use crate::parser;
use crate::set::Set;
use crate::text::{Bytes, Origin, Taint, Text};
use crate::value::Value;

/// What a key that a map does not have gives (`text/template.Template.Option`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Missing {
    /// The zero value of the map's elements: `missingkey=zero`, Helm's choice.
    #[default]
    Zero,
    /// Nothing: `missingkey=invalid`, Go's own choice.
    Invalid,
    /// An error: `missingkey=error`, Helm's strict mode.
    Error,
}

/// What a run may use before it is ended with [`Class::Budget`](crate::Class::Budget). None of these changes an output.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Statements, commands and turns of loops.
    pub steps: u64,
    /// Bytes of any one text that a template or a function gives.
    pub text: usize,
    /// Elements of any one list that a function gives.
    pub items: usize,
    /// Templates inside templates (`template`, `include` and `tpl` together).
    pub depth: u32,
    /// How often one name may be included inside itself (Helm: 1000).
    pub include: u32,
    /// Bytes of stack, from where the run was started. The thread must have more: give it twice as much.
    pub stack: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            steps: 50_000_000,
            text: 256 << 20,
            items: 10_000_000,
            depth: 10_000,
            include: 1000,
            stack: 4 << 20,
        }
    }
}

/// How templates are run.
#[derive(Clone, Debug)]
pub struct Options {
    /// Keep the origin of every byte. Without it a text has spans only where something in it is tainted.
    pub trace: bool,
    /// What a missing key gives.
    pub missing: Missing,
    /// Take `<no value>` out of what [`Run::render`] and `tpl` give, as Helm does.
    pub strip_no_value: bool,
    /// The name of the set, which is the name of what `tpl` parses (Helm: `gotpl`).
    pub name: String,
    /// What a run may use.
    pub limits: Limits,
    /// The data may already hold tainted values (of a run before this one).
    pub tainted: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            trace: true,
            missing: Missing::Zero,
            strip_no_value: false,
            name: "gotpl".to_owned(),
            limits: Limits::default(),
            tainted: false,
        }
    }
}

/// Something that would be another one next time was asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Note {
    /// What, in the words of the function.
    pub what: String,
    /// Why it would be another one.
    pub taint: Taint,
    /// The action that asked.
    pub origin: Origin,
}

/// A run of a set of templates. Several templates may be rendered one after the other; their notes and budget add up.
#[derive(Debug)]
pub struct Run<'s> {
    pub(crate) set: &'s Set<'s>,
    pub(crate) options: Options,
    notes: Vec<Note>,
}

impl<'s> Run<'s> {
    /// A run of these templates.
    pub fn new(set: &'s Set<'s>, options: Options) -> Self {
        Self { set, options, notes: Vec::new() }
    }

    /// Executes a template by name.
    pub fn render(&mut self, name: &str, data: &Value) -> Result<Text, ExecError> {
        let _ = (name, data);
        Err(ExecError {
            class: crate::error::Class::Exec,
            message: String::new(),
            reason: String::new(),
            frames: Vec::new(),
        })
    }

    /// What was asked for that would be another one next time, in the order of asking.
    pub fn notes(&self) -> &[Note] {
        &self.notes
    }
}

impl Call for Run<'_> {
    fn execute(&mut self, name: &str, data: &Value) -> Result<Value, Error> {
        self.render(name, data).map(Value::from).map_err(|error| error.to_string().into())
    }

    fn evaluate(&mut self, text: &Value, data: &Value) -> Result<Value, Error> {
        let _ = (text, data);
        Err("not a text".into())
    }

    fn note(&mut self, what: &str, taint: Taint) {
        self.notes.push(Note { what: what.to_owned(), taint, origin: Origin::default() });
    }
}
