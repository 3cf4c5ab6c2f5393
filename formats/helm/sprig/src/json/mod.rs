//! JSON as Go's `encoding/json` writes and reads it.
//!
//! It writes the keys of maps in the order of their bytes, floats with the fewest digits, and `<`, `>` and `&` escaped
//! unless told otherwise. It reads every number as `float64`; of two equal keys the later one counts.

mod read;
mod write;

use gabion_template::{Function, Param, Value, Work};

pub use read::decode;
pub use write::{Style, encode};

use crate::call::{Answer, any, bytes, derive, string};

use Param::{Any, String as Str};

pub(crate) const FUNCTIONS: &[Function] = &[
    derive("fromJson", &[Str], |args| Ok(decode(bytes(args, 0)?).0)),
    derive("mustFromJson", &[Str], |args| {
        let (value, error) = decode(bytes(args, 0)?);
        error.map_or(Ok(value), Err)
    }),
    derive("mustToJson", &[Any], |args| written(args, Style::Plain)).that_takes(Work::Deep),
    derive("mustToPrettyJson", &[Any], |args| written(args, Style::Pretty)).that_takes(Work::Deep),
    derive("mustToRawJson", &[Any], |args| written(args, Style::Raw)).that_takes(Work::Deep),
    derive("toJson", &[Any], |args| written(args, Style::Plain).or_else(|_| string("")))
        .that_takes(Work::Deep),
    derive("toPrettyJson", &[Any], |args| written(args, Style::Pretty).or_else(|_| string("")))
        .that_takes(Work::Deep),
    derive("toRawJson", &[Any], |args| written(args, Style::Raw)).that_takes(Work::Deep),
];

fn written(args: &[Value], style: Style) -> Answer {
    Ok(encode(any(args, 0), style)?.into())
}
