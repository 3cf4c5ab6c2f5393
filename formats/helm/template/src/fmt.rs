//! Go's `fmt` for values of templates.
//!
//! Every function gives an error instead of a text for what is nested too deeply, such as a map that holds itself: Go
//! would end there without one.

use crate::function::Error;
use crate::value::Value;

/// Appends what `fmt.Sprintf(format, args...)` gives.
pub fn printf(out: &mut Vec<u8>, format: &[u8], args: &[Value]) -> Result<(), Error> {
    let _ = (out, format, args);
    Ok(())
}

/// Appends what `fmt.Sprint(args...)` gives.
pub fn print(out: &mut Vec<u8>, args: &[Value]) -> Result<(), Error> {
    let _ = (out, args);
    Ok(())
}

/// Appends what `fmt.Sprintln(args...)` gives.
pub fn println(out: &mut Vec<u8>, args: &[Value]) -> Result<(), Error> {
    let _ = (out, args);
    Ok(())
}

/// Appends what `%v` writes of one value.
pub fn display(out: &mut Vec<u8>, value: &Value) -> Result<(), Error> {
    print(out, std::slice::from_ref(value))
}

/// Appends what `strconv.AppendQuote` gives: the text in double quotes, escaped.
pub fn quote(out: &mut Vec<u8>, text: &[u8]) {
    let _ = (out, text);
}

/// Appends what `strconv.AppendFloat(value, verb, precision, 64)` gives; no precision is Go's -1, the shortest text.
pub fn float(out: &mut Vec<u8>, value: f64, verb: u8, precision: Option<usize>) {
    let _ = (out, value, verb, precision);
}
