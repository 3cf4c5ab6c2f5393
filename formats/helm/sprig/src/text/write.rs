//! Values as strings: `toString`, `quote`, `cat`.

use gabion_template::{Data, Elem, Error, Function, Param, Text, Value, fmt};

use super::Pieces;
use crate::call::{Answer, any, derive, derive_all};
use crate::runes;

use Param::Any;

pub(crate) const FUNCTIONS: &[Function] = &[
    derive_all("cat", &[], Any, |args| {
        list(args, |out, value| {
            out.text(&display(value)?);
            Ok(())
        })
    }),
    derive_all("quote", &[], Any, |args| {
        list(args, |out, value| {
            quote(out, &strval(value)?);
            Ok(())
        })
    }),
    derive_all("squote", &[], Any, |args| {
        list(args, |out, value| {
            out.own(b"'");
            out.text(&display(value)?);
            out.own(b"'");
            Ok(())
        })
    }),
    derive("toString", &[Any], |args| Ok(strval(any(args, 0))?.into())),
    derive("toStrings", &[Any], |args| Ok(Value::strings(strings(any(args, 0))?))),
];

/// Every value that is not `nil`, with blanks between them.
fn list(args: &[Value], write: impl Fn(&mut Pieces, &Value) -> Result<(), Error>) -> Answer {
    let mut out = Pieces::default();
    for (at, value) in args.iter().filter(|value| !value.is_nil()).enumerate() {
        if at > 0 {
            out.own(b" ");
        }
        write(&mut out, value)?;
    }
    out.value()
}

/// What `%v` writes; a string keeps its origins.
fn display(value: &Value) -> Result<Text, Error> {
    if let Data::Text(text) = &value.data {
        return Ok(text.clone());
    }
    let mut out = Vec::new();
    fmt::display(&mut out, value)?;
    Ok(Text::from_origin(out, gabion_template::Origin::default(), value.taint))
}

/// sprig's `strval`: what `%v` writes, and bytes as they are.
pub(crate) fn strval(value: &Value) -> Result<Text, Error> {
    match &value.data {
        Data::List(list) if list.elem == Elem::Byte => {
            let byte = |item: &Value| if let Data::Int(int) = item.data { int.bits as u8 } else { 0 };
            Ok(Text::new(list.items.iter().map(byte).collect::<Vec<u8>>()))
        }
        _ => display(value),
    }
}

/// sprig's `strslice`: the elements of a list as strings, without `nil`; what is no list alone.
pub(crate) fn strings(value: &Value) -> Result<Vec<Text>, Error> {
    match &value.data {
        Data::List(list) => list.items.iter().filter(|item| !item.is_nil()).map(strval).collect(),
        Data::Nil => Ok(Vec::new()),
        _ => Ok(vec![strval(value)?]),
    }
}

/// What `%q` writes. Each part keeps its origin, unless a character lies in two.
fn quote(out: &mut Pieces, text: &Text) {
    let bytes = text.bytes();
    out.own(b"\"");
    let mut start = 0;
    for span in text.spans() {
        let end = span.end as usize;
        let cut = bytes.get(end).is_some_and(|byte| byte & 0xC0 == 0x80);
        if !cut || runes::first(&bytes[start..]).is_none() {
            out.made(&escaped(&bytes[start..end]), span.origin, span.taint);
            start = end;
        }
    }
    if start < bytes.len() {
        out.own(&escaped(&bytes[start..]));
    }
    out.own(b"\"");
}

/// The inside of Go's quotes.
fn escaped(bytes: &[u8]) -> Vec<u8> {
    let mut quoted = Vec::with_capacity(bytes.len() + 2);
    fmt::quote(&mut quoted, bytes);
    quoted.pop();
    if !quoted.is_empty() {
        quoted.remove(0);
    }
    quoted
}
