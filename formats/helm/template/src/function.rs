//! Functions of templates: what the caller gives, and how Go checks the arguments before a call.

use crate::value::Value;

/// Why a function refused. The executor adds the place and the action.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Error(pub String);

impl From<&str> for Error {
    fn from(text: &str) -> Self {
        Self(text.to_owned())
    }
}

impl From<String> for Error {
    fn from(text: String) -> Self {
        Self(text)
    }
}

/// The Go type of a parameter. The executor refuses what Go's `reflect` would refuse
/// (`text/template`'s `validateType`), before the function is called.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "each is the Go type of its name")]
pub enum Param {
    /// `interface {}`: anything, also `nil`.
    Any,
    Bool,
    String,
    Int,
    Int64,
    Float64,
    /// `map[string]interface {}`.
    Map,
    /// `[]interface {}`.
    List,
    /// `[]string`.
    Strings,
    /// `time.Time`, which only an object of that type name is.
    Time,
}

/// How a result hangs on the arguments, for its [`Taint`](crate::Taint) and origin.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flow {
    /// The result is made of all arguments: it has the sum of their reasons, looked for also inside lists and maps.
    Derive,
    /// The result is one of the arguments or holds them as they are (`dict`, `default`, `index`, `set`): each value has its own.
    Pass,
}

/// How much a call does, in steps of the run's budget, besides what its texts and its result are charged for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Work {
    /// What any call does.
    #[default]
    Small,
    /// It goes down into everything that its arguments hold: a step for each value there. What is held twice counts twice.
    Deep,
    /// As [`Deep`](Self::Deep), and it compares every item of its list with every other one.
    Pairs,
    /// So many steps, whatever the arguments are.
    Steps(u64),
}

/// How the function is run.
#[derive(Clone, Copy)]
pub enum Body {
    /// A pure function of its arguments, which were checked.
    Pure(fn(&[Value]) -> Result<Value, Error>),
    /// A function that needs the run: `include`, `tpl`, `lookup`.
    Run(fn(&mut dyn Call, &[Value]) -> Result<Value, Error>),
}

impl std::fmt::Debug for Body {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str(match self {
            Self::Pure(_) => "Pure",
            Self::Run(_) => "Run",
        })
    }
}

/// A function that templates may call.
#[derive(Clone, Copy, Debug)]
pub struct Function {
    /// Its name.
    pub name: &'static str,
    /// The parameters that must be given.
    pub params: &'static [Param],
    /// The type of any number of further arguments.
    pub rest: Option<Param>,
    /// How the result hangs on the arguments.
    pub flow: Flow,
    /// How much it does.
    pub work: Work,
    /// What it does.
    pub run: Body,
}

impl Function {
    /// The same, with more to do than any other.
    #[must_use]
    pub const fn that_takes(self, work: Work) -> Self {
        Self { work, ..self }
    }
}

/// What a running template offers to functions that need it.
pub trait Call {
    /// Executes a template of this run by name, and gives its text.
    fn execute(&mut self, name: &str, data: &Value) -> Result<Value, Error>;

    /// Parses `text` beside the templates of this run, executes it, and gives its text. What it defines is gone afterwards.
    fn evaluate(&mut self, text: &Value, data: &Value) -> Result<Value, Error>;

    /// Notes that something that would be another one next time was asked for here.
    fn note(&mut self, what: &str, taint: crate::text::Taint);
}

/// The functions that a template may name. Whoever is not in it is an error when the template is parsed.
pub trait Functions {
    /// The function of this name.
    fn get(&self, name: &str) -> Option<&Function>;

    /// The method of this name of a map of [`MapKind::Values`](crate::MapKind::Values), which is its first argument. A key of
    /// that name is out of reach for a field, as in Go.
    fn method(&self, name: &str) -> Option<&Function> {
        let _ = name;
        None
    }
}
