//! Go's `fmt` for values of templates.
//!
//! Every function that prints a value gives an error instead of a text for what is nested too deeply, such as a map that
//! holds itself, and for a text too large to be meant: Go would end there without one.

mod float;
mod format;
mod integer;
mod printer;
mod quote;

use crate::function::Error;
use crate::value::Value;

pub use float::float;
pub(crate) use format::Marks;
pub(crate) use quote::{first_char, quoted, unicode};
pub use quote::{is_print, quote};

use printer::Printer;
pub(crate) use printer::is_limit;

/// Appends what `fmt.Sprintf(format, args...)` gives.
pub fn printf(out: &mut Vec<u8>, format: &[u8], args: &[Value]) -> Result<(), Error> {
    let mut printer = Printer::new(out);
    printer.printf(format, args, None);
    printer.finish()
}

/// [`printf`], and which bytes were written for which argument.
pub(crate) fn printf_marked(
    out: &mut Vec<u8>,
    format: &[u8],
    args: &[Value],
    marks: &mut Marks,
) -> Result<(), Error> {
    let mut printer = Printer::new(out);
    printer.printf(format, args, Some(marks));
    printer.finish()
}

/// Appends what `fmt.Sprint(args...)` gives.
pub fn print(out: &mut Vec<u8>, args: &[Value]) -> Result<(), Error> {
    let mut printer = Printer::new(out);
    let mut after_text = true;
    for (at, arg) in args.iter().enumerate() {
        let text = arg.as_text().is_some();
        if at > 0 && !text && !after_text {
            printer.byte(b' ');
        }
        printer.argument(arg, 'v');
        after_text = text;
    }
    printer.finish()
}

/// Appends what `fmt.Sprintln(args...)` gives.
pub fn println(out: &mut Vec<u8>, args: &[Value]) -> Result<(), Error> {
    let mut printer = Printer::new(out);
    for (at, arg) in args.iter().enumerate() {
        if at > 0 {
            printer.byte(b' ');
        }
        printer.argument(arg, 'v');
    }
    printer.byte(b'\n');
    printer.finish()
}

/// Appends what `%v` writes of one value.
pub fn display(out: &mut Vec<u8>, value: &Value) -> Result<(), Error> {
    let mut printer = Printer::new(out);
    printer.argument(value, 'v');
    printer.finish()
}

/// What `%v` writes of one value.
pub fn displayed(value: &Value) -> Result<Vec<u8>, Error> {
    let mut out = Vec::new();
    display(&mut out, value)?;
    Ok(out)
}
