//! Parsed templates.
//!
//! Nodes hold byte offsets into their source instead of text of their own; what an error shows of them is written by
//! [`show`] when there is an error. Everything that can be known before a run is decided here: which function a name
//! means, what a constant is, which number a variable's name has.

pub(crate) mod show;

use std::rc::Rc;

use crate::function::Function;
use crate::text::Bytes;
use crate::value::Value;

/// A template: a named body, and the file that it stands in.
#[derive(Debug)]
pub(crate) struct Tree {
    pub(crate) name: Rc<str>,
    pub(crate) source: Rc<Source>,
    pub(crate) root: Vec<Stmt>,
    /// Has it nothing but white space and comments? Such a body does not replace another one.
    pub(crate) empty: bool,
}

/// A file of templates.
#[derive(Debug)]
pub(crate) struct Source {
    /// The name that it was parsed under, for errors.
    pub(crate) name: Rc<str>,
    /// The number that the caller knows it by, for origins.
    pub(crate) id: u32,
    pub(crate) text: Bytes,
    pub(crate) functions: Vec<Function>,
    /// The names of variables, with their `$`.
    pub(crate) variables: Vec<Box<str>>,
}

impl Source {
    /// Line, from 1, and column in bytes, from 0, as Go counts them.
    pub(crate) fn place(&self, pos: u32) -> (u32, u32) {
        let before = &self.text[..pos as usize];
        let line = 1 + before.split(|byte| *byte == b'\n').skip(1).count();
        let column = before.iter().rev().take_while(|byte| **byte != b'\n').count();
        (line as u32, column as u32)
    }
}

/// What stands in a body, one after the other.
#[derive(Debug)]
pub(crate) enum Stmt {
    /// Text outside of actions, and the line on which it begins.
    Text {
        start: u32,
        end: u32,
        line: u32,
    },
    Action {
        pos: u32,
        line: u32,
        pipe: Pipe,
    },
    If(Box<Branch>),
    With(Box<Branch>),
    Range(Box<Branch>),
    Template {
        pos: u32,
        line: u32,
        name: Rc<str>,
        pipe: Option<Pipe>,
    },
    Break {
        pos: u32,
    },
    Continue {
        pos: u32,
    },
}

/// `if`, `with` and `range`.
#[derive(Debug)]
pub(crate) struct Branch {
    pub(crate) line: u32,
    pub(crate) pipe: Pipe,
    pub(crate) list: Vec<Stmt>,
    pub(crate) or_else: Option<Vec<Stmt>>,
}

/// A pipeline: commands, and the variables that get its value.
#[derive(Debug)]
pub(crate) struct Pipe {
    pub(crate) pos: u32,
    /// `=` instead of `:=`.
    pub(crate) assign: bool,
    pub(crate) decl: Vec<u32>,
    pub(crate) cmds: Vec<Cmd>,
}

/// A command: what it begins with, and its arguments.
#[derive(Debug)]
pub(crate) struct Cmd {
    pub(crate) pos: u32,
    pub(crate) args: Vec<Expr>,
}

/// An operand.
#[derive(Debug)]
pub(crate) struct Expr {
    pub(crate) pos: u32,
    pub(crate) kind: ExprKind,
}

#[derive(Debug)]
pub(crate) enum ExprKind {
    Dot,
    Nil,
    Bool(bool),
    Number(Box<Number>),
    /// A string, and where it stands with its quotes.
    Text {
        value: Value,
        end: u32,
    },
    /// `.a.b`
    Field(Box<[Ident]>),
    /// `$x.a.b`
    Variable {
        name: u32,
        fields: Box<[Ident]>,
    },
    /// A function of the caller, by its number in the source.
    Function(u32),
    /// A function of Go's own.
    Builtin(Builtin),
    /// `(pipe).a.b`
    Chain {
        node: Box<Expr>,
        fields: Box<[Ident]>,
    },
    Pipe(Box<Pipe>),
}

/// The name of a field.
pub(crate) type Ident = Box<str>;

/// A number, under every type that can hold it: Go's untyped constants.
#[derive(Debug)]
pub(crate) struct Number {
    pub(crate) int: Option<i64>,
    pub(crate) float: Option<f64>,
    /// What it is where no type is asked for; `None`: it is too large for an `int`.
    pub(crate) ideal: Option<Value>,
    /// Where it ends in the source.
    pub(crate) end: u32,
}

macro_rules! builtins {
    ($($name:literal => $variant:ident),* $(,)?) => {
        /// The functions that every template has.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub(crate) enum Builtin { $($variant),* }

        impl Builtin {
            pub(crate) fn get(name: &str) -> Option<Self> {
                match name { $($name => Some(Self::$variant),)* _ => None }
            }

            pub(crate) fn name(self) -> &'static str {
                match self { $(Self::$variant => $name),* }
            }
        }
    };
}

builtins! {
    "and" => And, "call" => Call, "html" => Html, "index" => Index, "slice" => Slice, "js" => Js, "len" => Len,
    "not" => Not, "or" => Or, "print" => Print, "printf" => Printf, "println" => Println, "urlquery" => UrlQuery,
    "eq" => Eq, "ge" => Ge, "gt" => Gt, "le" => Le, "lt" => Lt, "ne" => Ne,
}
