//! Numbers, as `strconv` reads those of the Go language.

#![expect(
    clippy::cast_precision_loss,
    clippy::float_cmp,
    reason = "an integer becomes the nearest float, as in Go; whether a float is whole is an exact question"
)]

use std::rc::Rc;

use crate::ast::Number;
use crate::complex::Complex;
use crate::fmt;
use crate::parser::Parse;
use crate::value::{Data, Value};

/// A number without an imaginary part, or that part alone (`2i`).
pub(super) fn real(text: &str) -> Parse<Number> {
    if let Some(part) = text.strip_suffix('i').and_then(float) {
        return Ok(of_complex(0.0, part));
    }
    let (uint, int) = (unsigned(text), signed(text));
    let whole = int.map(|int| int as f64).or(uint.map(|uint| uint as f64));
    if whole.is_some() {
        let ideal = int.map(Value::int);
        return Ok(Number { int, float: whole, ideal, end: 0 });
    }
    let Some(value) = float(text) else {
        return Err(format!("illegal number syntax: {}", fmt::quoted(text.as_bytes())));
    };
    if !text.contains(['.', 'e', 'E', 'p', 'P']) {
        return Err(format!("integer overflow: {}", fmt::quoted(text.as_bytes())));
    }
    Ok(Number { int: to_int(value), float: Some(value), ideal: Some(value.into()), end: 0 })
}

/// A number with both parts: `1+2i`.
pub(super) fn complex(text: &str) -> Parse<Number> {
    let bytes = text.as_bytes();
    let is_sign = |at: usize| {
        let hex = bytes.iter().any(|byte| matches!(byte, b'x' | b'X'));
        let exponent = if hex { b"pP" } else { b"eE" };
        matches!(bytes[at], b'+' | b'-') && !exponent.contains(&bytes[at - 1])
    };
    let parts = (1..bytes.len())
        .find(|at| is_sign(*at))
        .and_then(|at| Some((float(&text[..at])?, float(text[at..].strip_suffix('i')?)?)));
    let (re, im) = parts.ok_or("syntax error scanning complex number")?;
    Ok(of_complex(re, im))
}

fn of_complex(re: f64, im: f64) -> Number {
    let real = (im == 0.0).then_some(re);
    let ideal = Data::Object(Rc::new(Complex::new(re, im))).into();
    Number { int: real.and_then(to_int), float: real, ideal: Some(ideal), end: 0 }
}

/// The integer that a float is, if it is one.
fn to_int(value: f64) -> Option<i64> {
    const LIMIT: f64 = 9_223_372_036_854_775_808.0;
    let fits = (-LIMIT..LIMIT).contains(&value) && value.trunc() == value;
    fits.then_some(value as i64)
}

/// `strconv.ParseInt(text, 0, 64)`.
fn signed(text: &str) -> Option<i64> {
    let (negative, digits) = match text.as_bytes().first() {
        Some(b'-') => (true, &text[1..]),
        Some(b'+') => (false, &text[1..]),
        _ => (false, text),
    };
    let value = i128::from(unsigned(digits)?);
    i64::try_from(if negative { -value } else { value }).ok()
}

/// `strconv.ParseUint(text, 0, 64)`.
fn unsigned(text: &str) -> Option<u64> {
    let (radix, digits) = match text.as_bytes() {
        [b'0', b'x' | b'X', ..] => (16, &text[2..]),
        [b'0', b'o' | b'O', ..] => (8, &text[2..]),
        [b'0', b'b' | b'B', ..] => (2, &text[2..]),
        [b'0', _, ..] => (8, &text[1..]),
        _ => (10, text),
    };
    if !underscores_are_right(text) || digits.starts_with(['+', '-']) {
        return None;
    }
    u64::from_str_radix(&digits.replace('_', ""), radix).ok()
}

/// Does every `_` stand between digits, or after the prefix of a base?
fn underscores_are_right(text: &str) -> bool {
    let body = text.strip_prefix(['+', '-']).unwrap_or(text);
    let prefixed = matches!(body.as_bytes(), [b'0', b'x' | b'X' | b'o' | b'O' | b'b' | b'B', ..]);
    let hex = prefixed && matches!(body.as_bytes()[1], b'x' | b'X');
    // What stood before: a digit (or the prefix), an underscore, or something else.
    let mut before = if prefixed { '0' } else { '^' };
    for byte in body[if prefixed { 2 } else { 0 }..].bytes() {
        if byte.is_ascii_digit() || (hex && byte.is_ascii_hexdigit()) {
            before = '0';
        } else if byte == b'_' {
            if before != '0' {
                return false;
            }
            before = '_';
        } else {
            if before == '_' {
                return false;
            }
            before = '!';
        }
    }
    before != '_'
}

/// `strconv.ParseFloat(text, 64)` of what the lexer lets through.
fn float(text: &str) -> Option<f64> {
    if text.contains('_') && !underscores_are_right(text) {
        return None;
    }
    let plain = text.replace('_', "");
    let body = plain.strip_prefix(['+', '-']).unwrap_or(&plain);
    let value = if body.starts_with("0x") || body.starts_with("0X") {
        hex_float(&body[2..]).map(|value| if plain.starts_with('-') { -value } else { value })
    } else {
        body.starts_with(|first: char| first.is_ascii_digit() || first == '.').then(|| plain.parse().ok())?
    };
    value.filter(|value| value.is_finite())
}

/// Digits, a binary exponent: `1.8p-3`.
fn hex_float(text: &str) -> Option<f64> {
    let (mantissa, exponent) = text.split_once(['p', 'P'])?;
    let (whole, part) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    if whole.is_empty() && part.is_empty() || exponent.is_empty() {
        return None;
    }
    let mut exponent = exponent.parse::<i64>().ok()?.clamp(-100_000, 100_000);
    let (mut bits, mut lost) = (0_u64, false);
    for (at, digit) in whole.chars().chain(part.chars()).enumerate() {
        let digit = digit.to_digit(16)?;
        if bits >> 58 == 0 {
            bits = bits << 4 | u64::from(digit);
            exponent -= if at >= whole.len() { 4 } else { 0 };
        } else {
            lost |= digit != 0;
            exponent += if at < whole.len() { 4 } else { 0 };
        }
    }
    Some(scaled(bits, lost, exponent))
}

/// `bits * 2^exponent`, rounded once to the nearest float, ties to even; `lost`: it is a bit more than that.
fn scaled(bits: u64, lost: bool, exponent: i64) -> f64 {
    if bits == 0 {
        return 0.0;
    }
    let shift = i64::from(bits.leading_zeros());
    let (bits, exponent) = (bits << shift, exponent - shift);
    // The value is in [2^(exponent + 63), 2^(exponent + 64)): how many of its bits a float keeps there.
    let keep = (exponent + 64 + 1074).clamp(0, 53);
    let drop = 64 - keep;
    let (mut kept, rest) = if drop == 64 { (0, bits) } else { (bits >> drop, bits << keep) };
    let half = 1 << 63;
    if rest > half || rest == half && (lost || kept & 1 == 1) {
        kept += 1;
    }
    let power = exponent + drop;
    // Two steps, each exact: the kept bits are at most 2^53, and what is left of the power does not round.
    let first = power.clamp(-1022, 971);
    kept as f64 * 2f64.powi(first as i32) * 2f64.powi((power - first).clamp(-1074, 1100) as i32)
}
