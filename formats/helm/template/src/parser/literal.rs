//! Literals: strings, characters and numbers of the Go language.

use super::{Parse, Parser};
use crate::ast::Number;
use crate::fmt;
use crate::lexer::{Kind, Token};
use crate::value::Value;

mod numeral;

const BAD_SYNTAX: &str = "invalid syntax";

impl Parser<'_> {
    /// The bytes that a string in quotes stands for (`strconv.Unquote`).
    pub(super) fn unquote(&self, token: Token) -> Parse<Vec<u8>> {
        let quoted = self.bytes(token);
        let inner = &quoted[1..quoted.len() - 1];
        if token.kind == Kind::RawText {
            return Ok(inner.iter().copied().filter(|byte| *byte != b'\r').collect());
        }
        if !inner.contains(&b'\\') && std::str::from_utf8(inner).is_ok() {
            return Ok(inner.to_vec());
        }
        let mut out = Vec::with_capacity(inner.len());
        let mut rest = inner;
        while !rest.is_empty() {
            let (unit, after) = unit(rest, b'"').ok_or(BAD_SYNTAX)?;
            unit.push(&mut out);
            rest = after;
        }
        Ok(out)
    }

    /// A number or a character, under every type that can hold it.
    pub(super) fn number(&self, token: Token) -> Parse<Number> {
        let text = self.word(token);
        let mut number = match token.kind {
            Kind::CharConstant => character(self.bytes(token))?,
            Kind::Complex => numeral::complex(text)?,
            _ => numeral::real(text)?,
        };
        number.end = token.end;
        Ok(number)
    }
}

fn character(text: &[u8]) -> Parse<Number> {
    let (unit, rest) = unit(&text[1..], b'\'').ok_or(BAD_SYNTAX)?;
    if rest != b"'" {
        return Err(format!("malformed character constant: {}", String::from_utf8_lossy(text)));
    }
    let code = match unit {
        Unit::Byte(byte) => u32::from(byte),
        Unit::Char(char) => u32::from(char),
    };
    Ok(Number {
        int: Some(i64::from(code)),
        float: Some(f64::from(code)),
        ideal: Some(Value::int(i64::from(code))),
        end: 0,
    })
}

/// What one character or escape stands for.
enum Unit {
    Byte(u8),
    Char(char),
}

impl Unit {
    fn push(&self, out: &mut Vec<u8>) {
        match self {
            Self::Byte(byte) => out.push(*byte),
            Self::Char(char) => out.extend_from_slice(char.encode_utf8(&mut [0; 4]).as_bytes()),
        }
    }
}

/// The first character or escape, and what follows it (`strconv.UnquoteChar`).
fn unit(text: &[u8], quote: u8) -> Option<(Unit, &[u8])> {
    let (first, size) = fmt::first_char(text)?;
    if first == char::from(quote) {
        return None;
    }
    if first != '\\' {
        return Some((Unit::Char(first), &text[size..]));
    }
    let (kind, rest) = text[1..].split_first()?;
    let simple = |char| Some((Unit::Char(char), rest));
    match kind {
        b'a' => simple('\x07'),
        b'b' => simple('\x08'),
        b'f' => simple('\x0c'),
        b'n' => simple('\n'),
        b'r' => simple('\r'),
        b't' => simple('\t'),
        b'v' => simple('\x0b'),
        b'\\' => simple('\\'),
        b'\'' | b'"' if *kind == quote => simple(char::from(quote)),
        b'x' => digits(rest, 2, 16).map(|(code, rest)| (Unit::Byte(code as u8), rest)),
        b'u' => unicode(rest, 4),
        b'U' => unicode(rest, 8),
        b'0'..=b'7' => {
            let (code, rest) = digits(&text[1..], 3, 8)?;
            Some((Unit::Byte(u8::try_from(code).ok()?), rest))
        }
        _ => None,
    }
}

fn unicode(rest: &[u8], count: usize) -> Option<(Unit, &[u8])> {
    let (code, rest) = digits(rest, count, 16)?;
    Some((Unit::Char(char::from_u32(code)?), rest))
}

fn digits(text: &[u8], count: usize, radix: u32) -> Option<(u32, &[u8])> {
    let digits = std::str::from_utf8(text.get(..count)?).ok()?;
    if !digits.bytes().all(|byte| char::from(byte).is_digit(radix)) {
        return None;
    }
    Some((u32::from_str_radix(digits, radix).ok()?, &text[count..]))
}
