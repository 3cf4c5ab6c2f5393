//! Go's `text/template`: values with Go's kinds, a parser, execution and printing.
//!
//! Text and values in, text out. Every byte that comes out knows where it came from ([`Origin`]) and whether it would be
//! another one next time ([`Taint`]), because a bundle must be able to say both.
//!
//! Templates are hostile until shown otherwise: a [`Run`] has [`Limits`] of steps, sizes, depth and stack, and ends with
//! an [`ExecError`] of class [`Class::Budget`]. What it takes of the stack for one `include` is about 3 KiB, and for one
//! inside of `if`, `with` and `range` about 6.
//!
//! It does not know Helm: charts, `include` of a chart's files, and the functions of sprig are given by the caller as a
//! [`Functions`] table.

mod ast;
mod complex;
mod error;
mod exec;
pub mod fmt;
mod function;
mod lexer;
mod object;
mod parser;
mod run;
mod set;
mod text;
mod types;
mod value;
mod versions;

pub use error::{Class, ExecError, Frame, ParseError};
pub use function::{Body, Call, Error, Flow, Function, Functions, Param, Work};
pub use object::Object;
pub use run::{Limits, Missing, Note, Options, Run};
pub use set::Set;
pub use text::{Bytes, Origin, Span, Taint, Text, TextBuilder};
pub use value::{Data, Elem, Int, IntKind, Kind, List, Map, MapKind, Value};
