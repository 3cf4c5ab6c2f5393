//! Lines: indenting and wrapping.

use gabion_template::{Error, Function, Param, Text, Value};

use super::Pieces;
use crate::call::{Answer, MOST_BYTES, derive, int, text};

use Param::{Int, String as Str};

pub(crate) const FUNCTIONS: &[Function] = &[
    derive("indent", &[Int, Str], |args| indent(Pieces::default(), args)),
    derive("nindent", &[Int, Str], |args| {
        let mut out = Pieces::default();
        out.own(b"\n");
        indent(out, args)
    }),
    derive("repeat", &[Int, Str], repeat),
    derive("wrap", &[Int, Str], |args| Ok(wrap(text(args, 1)?, int(args, 0)?, &Text::default(), false))),
    derive("wrapWith", &[Int, Str, Str], |args| {
        Ok(wrap(text(args, 2)?, int(args, 0)?, text(args, 1)?, true))
    }),
];

/// A length of `count` times `length`, where it is one.
fn times(count: i64, length: usize) -> Result<usize, Error> {
    let count = usize::try_from(count).map_err(|_| Error::from("strings: negative Repeat count"))?;
    let total = count.checked_mul(length).filter(|total| *total <= MOST_BYTES);
    total.map(|_| count).ok_or_else(|| Error(format!("a text of more than {MOST_BYTES} bytes")))
}

fn indent(mut out: Pieces, args: &[Value]) -> Answer {
    let given = text(args, 1)?;
    let bytes = given.bytes();
    let lines = bytes.split(|byte| *byte == b'\n').count();
    let spaces = int(args, 0)?;
    times(spaces, lines)?;
    let pad = vec![b' '; times(spaces, 1)?];
    let mut start = 0;
    for line in bytes.split_inclusive(|byte| *byte == b'\n') {
        out.own(&pad);
        out.slice(given, start, start + line.len());
        start += line.len();
    }
    // An end of line has an empty line behind it.
    if bytes.last().is_none_or(|byte| *byte == b'\n') {
        out.own(&pad);
    }
    out.value()
}

fn repeat(args: &[Value]) -> Answer {
    let given = text(args, 1)?;
    let count = if given.bytes().is_empty() { int(args, 0)?.min(0) } else { int(args, 0)? };
    let mut out = Pieces::default();
    for _ in 0..times(count, given.bytes().len())? {
        out.text(given);
    }
    out.value()
}

/// goutils `WrapCustom`: lines of at most `width` bytes, broken at blanks; `long`: long words are broken, too.
fn wrap(given: &Text, width: i64, separator: &Text, long: bool) -> Value {
    let bytes = given.bytes();
    let width = usize::try_from(width).unwrap_or_default().max(1);
    let newline = Text::from("\n");
    let separator = if separator.bytes().is_empty() { &newline } else { separator };
    let mut out = Pieces::default();
    let mut at = 0;
    let mut line = |at: usize, end: usize| {
        out.slice(given, at, end);
        out.text(separator);
    };
    while bytes.len() - at > width {
        if bytes[at] == b' ' {
            at += 1;
            continue;
        }
        let blank = bytes[at..=at + width].iter().rposition(|byte| *byte == b' ');
        let later = || bytes[at + width..].iter().position(|byte| *byte == b' ').map(|more| width + more);
        if let Some(end) = blank {
            line(at, at + end);
            at += end + 1;
        } else if long {
            line(at, at + width);
            at += width;
        } else if let Some(end) = later() {
            line(at, at + end);
            at += end + 1;
        } else {
            break;
        }
    }
    out.slice(given, at, bytes.len());
    out.finish().into()
}
