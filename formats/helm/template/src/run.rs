//! Runs of templates: what they may use, and what they report.

use std::collections::HashMap;
use std::rc::Rc;

use crate::ast::Tree;
use crate::error::{Class, ExecError, ParseError};
use crate::exec::{self, Backing, Step, Val};
use crate::fmt;
use crate::function::{Call, Error, Function};
use crate::parser;
use crate::set::Set;
use crate::text::{Bytes, Origin, Taint, Text, TextBuilder};
use crate::value::{Data, Value};

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
    /// Bytes of stack, from where the run was started. The thread must have half a MiB more than this.
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
            stack: 1 << 20,
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

/// A text that was given to `tpl`, parsed.
struct Parsed {
    own: Rc<Tree>,
    defined: Vec<Rc<Tree>>,
}

/// Texts of `tpl` that are kept parsed. A loop may make any number of them.
const MOST_PARSED: usize = 4096;

/// A run of a set of templates. Several templates may be rendered one after the other; their notes and budget add up.
pub struct Run<'s> {
    set: &'s Set<'s>,
    pub(crate) options: Options,
    notes: Vec<Note>,
    /// Steps that are left.
    pub(crate) steps: u64,
    /// Variables of all templates that are being executed, by the number of their name.
    pub(crate) variables: Vec<(u32, Val)>,
    /// Arguments of calls that are being made.
    pub(crate) stack: Vec<Value>,
    /// Templates that are being executed inside each other.
    pub(crate) depth: u32,
    /// The action that is being done.
    pub(crate) here: Origin,
    /// Has any value been tainted so far?
    pub(crate) tainted: bool,
    /// The error of a template that a function executed, until the function's own error is known.
    pub(crate) pending: Option<Box<ExecError>>,
    /// What texts of `tpl` define, as long as they are executed.
    defined: Vec<HashMap<Rc<str>, Rc<Tree>>>,
    included: HashMap<Rc<str>, u32>,
    parsed: HashMap<Bytes, Rc<Parsed>>,
    stack_start: usize,
}

impl<'s> Run<'s> {
    /// A run of these templates.
    pub fn new(set: &'s Set<'s>, options: Options) -> Self {
        Self {
            set,
            notes: Vec::new(),
            steps: options.limits.steps,
            variables: Vec::new(),
            stack: Vec::new(),
            depth: 0,
            here: Origin::default(),
            tainted: options.tainted,
            pending: None,
            defined: Vec::new(),
            included: HashMap::new(),
            parsed: HashMap::new(),
            stack_start: 0,
            options,
        }
    }

    /// Executes a template by name.
    pub fn render(&mut self, name: &str, data: &Value) -> Result<Text, ExecError> {
        self.stack_start = stack_address();
        self.pending = None;
        let value = self.include(name, data).map_err(|error| *error)?;
        let text = value.as_text().cloned().unwrap_or_default();
        Ok(if self.options.strip_no_value { text.without(NO_VALUE) } else { text })
    }

    /// What was asked for that would be another one next time, in the order of asking.
    pub fn notes(&self) -> &[Note] {
        &self.notes
    }

    /// Steps that were made so far.
    pub fn steps(&self) -> u64 {
        self.options.limits.steps - self.steps
    }

    /// Has anything been tainted so far? If so, a later run over the same values must know ([`Options::tainted`]).
    pub fn is_tainted(&self) -> bool {
        self.tainted
    }

    /// The method of this name that the caller gives maps of values.
    pub(crate) fn method(&self, name: &str) -> Option<Function> {
        self.set.functions().method(name).copied()
    }

    pub(crate) fn tree(&self, name: &str) -> Option<Rc<Tree>> {
        let defined = self.defined.iter().rev().find_map(|defined| defined.get(name));
        defined.or_else(|| self.set.tree(name)).cloned()
    }

    /// Is the part of the stack that the run may use not used up?
    pub(crate) fn stack_is_left(&self) -> bool {
        self.stack_start.abs_diff(stack_address()) < self.options.limits.stack
    }

    fn include(&mut self, name: &str, data: &Value) -> Step<Value> {
        let Some(tree) = self.tree(name) else {
            let (name, set) = (fmt::quoted(name.as_bytes()), fmt::quoted(self.options.name.as_bytes()));
            return Err(Box::new(plain(
                Class::Exec,
                format!("template: no template {name} associated with template {set}"),
            )));
        };
        self.execute_tree(&tree, None, data)
    }

    /// Executes a template into a text of its own. Whatever happens, the stacks are as they were.
    fn execute_tree(&mut self, tree: &Tree, backing: Option<Backing<'_>>, data: &Value) -> Step<Value> {
        let limit = self.options.limits.depth;
        if self.depth >= limit || !self.stack_is_left() {
            return Err(Box::new(plain(Class::Budget, format!("exceeded maximum template depth ({limit})"))));
        }
        let mut out =
            if self.options.trace { TextBuilder::default() } else { TextBuilder::without_origins() };
        let (depth, variables, stack, here) = (self.depth, self.variables.len(), self.stack.len(), self.here);
        self.depth += 1;
        let result = exec::execute(self, &mut out, tree, backing, &Val::concrete(data.clone()));
        self.depth = depth;
        self.variables.truncate(variables);
        self.stack.truncate(stack);
        self.here = here;
        result?;
        let taint = out.taint();
        Ok(Value { data: Data::Text(out.finish()), taint })
    }

    /// Parses a text, or finds it parsed.
    fn parse(&mut self, text: &Text) -> Result<Rc<Parsed>, ParseError> {
        let bytes = text.shared();
        if let Some(parsed) = self.parsed.get(&bytes) {
            return Ok(Rc::clone(parsed));
        }
        let mut defined = parser::parse(&self.options.name, 0, &bytes, self.set.functions())?;
        let own = defined.pop().ok_or_else(|| ParseError {
            name: self.options.name.clone(),
            line: 0,
            message: String::new(),
        })?;
        let parsed = Rc::new(Parsed { own, defined });
        if self.parsed.len() >= MOST_PARSED {
            self.parsed.clear();
        }
        self.parsed.insert(bytes, Rc::clone(&parsed));
        Ok(parsed)
    }

    fn execute_parsed(&mut self, parsed: &Parsed, text: &Text, data: &Value) -> Step<Value> {
        let backing = Backing { text, caller: self.here };
        if parsed.defined.is_empty() {
            return self.execute_tree(&parsed.own, Some(backing), data);
        }
        let wanted = parsed.defined.iter().filter(|tree| !(tree.empty && self.tree(&tree.name).is_some()));
        let defined = wanted.map(|tree| (Rc::clone(&tree.name), Rc::clone(tree))).collect();
        self.defined.push(defined);
        let result = self.execute_tree(&parsed.own, Some(backing), data);
        self.defined.pop();
        result
    }

    /// Keeps the whole error for whoever called the function that is told its text.
    fn told(&mut self, error: Box<ExecError>) -> Error {
        let text = error.message.clone();
        self.pending = Some(error);
        text.into()
    }
}

const NO_VALUE: &[u8] = b"<no value>";

/// About where the stack is now.
#[inline(never)]
fn stack_address() -> usize {
    let here = 0_u8;
    std::hint::black_box(std::ptr::from_ref(&here)).addr()
}

fn plain(class: Class, message: String) -> ExecError {
    ExecError { class, reason: message.clone(), message, frames: Vec::new() }
}

impl Call for Run<'_> {
    fn execute(&mut self, name: &str, data: &Value) -> Result<Value, Error> {
        let key: Rc<str> = self.tree(name).map_or_else(|| name.into(), |tree| Rc::clone(&tree.name));
        let count = self.included.entry(Rc::clone(&key)).or_insert(0);
        if *count > self.options.limits.include {
            let message =
                format!("rendering template has a nested reference name: {name}: unable to execute template");
            return Err(self.told(plain(Class::Budget, message).into()));
        }
        *count += 1;
        let result = self.include(name, data);
        if let Some(count) = self.included.get_mut(&key) {
            *count -= 1;
        }
        result.map_err(|error| self.told(error))
    }

    fn evaluate(&mut self, text: &Value, data: &Value) -> Result<Value, Error> {
        let Some(text) = text.as_text() else {
            return Err("what is to be evaluated is no string".into());
        };
        let quoted = |words: &str| format!("{words} {}", fmt::quoted(text.bytes()));
        let parsed = match self.parse(text) {
            Ok(parsed) => parsed,
            Err(error) => {
                let message = format!("{}: {error}", quoted("cannot parse template"));
                return Err(self.told(plain(Class::Parse, message).into()));
            }
        };
        match self.execute_parsed(&parsed, text, data) {
            Ok(value) if self.options.strip_no_value => Ok(without_no_value(value)),
            Ok(value) => Ok(value),
            Err(mut error) => {
                error.message =
                    format!("{}: {}", quoted("error during tpl function execution for"), error.message);
                Err(self.told(error))
            }
        }
    }

    fn note(&mut self, what: &str, taint: Taint) {
        self.tainted = true;
        self.notes.push(Note { what: what.to_owned(), taint, origin: self.here });
    }
}

fn without_no_value(value: Value) -> Value {
    match &value.data {
        Data::Text(text) => Value { data: Data::Text(text.without(NO_VALUE)), taint: value.taint },
        _ => value,
    }
}

impl std::fmt::Debug for Run<'_> {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.debug_struct("Run")
            .field("options", &self.options)
            .field("notes", &self.notes)
            .finish_non_exhaustive()
    }
}
