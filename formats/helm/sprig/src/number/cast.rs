//! Values as numbers: spf13/cast 1.7, which Helm 4.3 has, and Go's `strconv`. What is no number is 0.

use gabion_template::{Data, Function, Param, Value};

use crate::call::{Answer, any, bytes, derive, float, int64};
use crate::text::strval;

pub(crate) const FUNCTIONS: &[Function] = &[
    derive("atoi", &[Param::String], |args| Ok(Value::int(parse_saturating(bytes(args, 0)?)))),
    derive("float64", &[Param::Any], |args| float(to_float(any(args, 0)))),
    derive("int", &[Param::Any], |args| Ok(Value::int(to_int64(any(args, 0))))),
    derive("int64", &[Param::Any], |args| int64(to_int64(any(args, 0)))),
    derive("toDecimal", &[Param::Any], to_decimal),
];

/// `cast.ToInt64`, which is `cast.ToInt` on a machine of 64 bits.
pub(crate) fn to_int64(value: &Value) -> i64 {
    match &value.data {
        Data::Int(int) => int.bits,
        Data::Float(float) => truncated(*float),
        Data::Text(text) => parse_int(without_zeros(text.bytes()), 0).unwrap_or(0),
        Data::Bool(value) => i64::from(*value),
        _ => 0,
    }
}

/// Go's `int64(float)` on amd64: what does not fit is the smallest number.
fn truncated(value: f64) -> i64 {
    let fits = (-9_223_372_036_854_775_808.0..9_223_372_036_854_775_808.0).contains(&value);
    if fits { value as i64 } else { i64::MIN }
}

/// cast's `trimZeroDecimal`: `1.00` is `1`.
fn without_zeros(text: &[u8]) -> &[u8] {
    let kept = text.iter().rposition(|byte| *byte != b'0').unwrap_or(0);
    let zeros = kept + 1 < text.len();
    if zeros && text[kept] == b'.' { &text[..kept] } else { text }
}

/// `cast.ToFloat64`.
pub(crate) fn to_float(value: &Value) -> f64 {
    match &value.data {
        Data::Int(int) if int.kind.is_signed() => int.bits as f64,
        Data::Int(int) => int.bits.cast_unsigned() as f64,
        Data::Float(float) => *float,
        Data::Text(text) => parse_float(text.bytes()).unwrap_or(0.0),
        Data::Bool(value) => f64::from(u8::from(*value)),
        _ => 0.0,
    }
}

/// `strconv.ParseInt`; base 0 reads prefixes and underscores, too.
pub(crate) fn parse_int(text: &[u8], base: u32) -> Option<i64> {
    let (negative, digits) = sign(text);
    let (digits, base) =
        if base == 0 { prefixed(digits, underscores_fine(digits)?) } else { (digits.to_vec(), base) };
    let digits = std::str::from_utf8(&digits).ok().filter(|it| !it.starts_with(['+', '-']))?;
    let value = i128::from(u64::from_str_radix(digits, base).ok()?);
    i64::try_from(if negative { -value } else { value }).ok()
}

/// Decimal digits as a number; the last one there is for what is larger, as `strconv` gives it beside its error.
pub(crate) fn parse_saturating(text: &[u8]) -> i64 {
    let (negative, digits) = sign(text);
    if digits.is_empty() || !digits.iter().all(u8::is_ascii_digit) {
        return 0;
    }
    parse_int(text, 10).unwrap_or(if negative { i64::MIN } else { i64::MAX })
}

fn sign(text: &[u8]) -> (bool, &[u8]) {
    match text {
        [b'-', rest @ ..] => (true, rest),
        [b'+', rest @ ..] => (false, rest),
        _ => (false, text),
    }
}

/// The digits without prefix and underscores, and the base.
fn prefixed(digits: &[u8], plain: Vec<u8>) -> (Vec<u8>, u32) {
    let base = match digits {
        [b'0', b'x' | b'X', _, ..] => 16,
        [b'0', b'b' | b'B', _, ..] => 2,
        [b'0', b'o' | b'O', _, ..] => 8,
        [b'0', _, ..] => return (plain, 8),
        _ => return (plain, 10),
    };
    (plain[2..].to_vec(), base)
}

/// The digits without their underscores, if each stands between digits or behind the prefix (`strconv.underscoreOK`).
fn underscores_fine(digits: &[u8]) -> Option<Vec<u8>> {
    let prefix = matches!(digits, [b'0', b'x' | b'X' | b'b' | b'B' | b'o' | b'O', _, ..]);
    let hexadecimal = matches!(digits, [b'0', b'x' | b'X', ..]);
    let mut before = if prefix { b'0' } else { b'^' };
    for byte in &digits[if prefix { 2 } else { 0 }..] {
        let digit = byte.is_ascii_digit() || hexadecimal && byte.is_ascii_hexdigit();
        let now = match byte {
            _ if digit => b'0',
            b'_' if before != b'0' => return None,
            b'_' => b'_',
            _ if before == b'_' => return None,
            _ => b'!',
        };
        before = now;
    }
    (before != b'_').then(|| digits.iter().copied().filter(|byte| *byte != b'_').collect())
}

/// `strconv.ParseFloat`; what is out of range is an error, too.
pub(crate) fn parse_float(text: &[u8]) -> Option<f64> {
    let (negative, digits) = sign(text);
    let lower = digits.to_ascii_lowercase();
    let unsigned = match lower.as_slice() {
        b"inf" | b"infinity" => f64::INFINITY,
        b"nan" if digits.len() == text.len() => f64::NAN,
        [b'0', b'x', ..] => hexadecimal(&underscores_fine(&lower)?)?,
        [b'0'..=b'9' | b'.', ..] => {
            let value: f64 = std::str::from_utf8(&underscores_fine(&lower)?).ok()?.parse().ok()?;
            Some(value).filter(|value| value.is_finite())?
        }
        _ => return None,
    };
    Some(if negative { -unsigned } else { unsigned })
}

/// `0x1.8p3`: the exponent must be there.
fn hexadecimal(text: &[u8]) -> Option<f64> {
    let text = std::str::from_utf8(text).ok()?.strip_prefix("0x")?;
    let (mantissa, exponent) = text.split_once('p')?;
    let (negative, digits) = sign(exponent.as_bytes());
    let digits = std::str::from_utf8(digits)
        .ok()
        .filter(|it| !it.is_empty() && it.bytes().all(|it| it.is_ascii_digit()))?;
    let exponent = digits.parse::<i64>().unwrap_or(1 << 40).min(1 << 40) * if negative { -1 } else { 1 };
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let all: Vec<u32> =
        whole.chars().chain(fraction.chars()).map(|it| it.to_digit(16)).collect::<Option<_>>()?;
    if all.is_empty() {
        return None;
    }
    // 64 bits and a mark for what is behind them are enough to round by.
    let (mut bits, mut dropped) = (0_u64, 0);
    for digit in all {
        if bits >> 58 == 0 {
            bits = bits << 4 | u64::from(digit);
        } else {
            dropped += 4;
            bits |= u64::from(digit != 0);
        }
    }
    let value = scaled(bits, exponent - 4 * fraction.len() as i64 + dropped);
    Some(value).filter(|value| value.is_finite())
}

/// `bits * 2^exponent`, rounded once.
fn scaled(bits: u64, exponent: i64) -> f64 {
    if bits == 0 {
        return 0.0;
    }
    let top = 63 - i64::from(bits.leading_zeros()) + exponent;
    if top > 1100 {
        return f64::INFINITY;
    }
    // The place of the last bit that a double keeps.
    let last = (top - 52).max(-1074);
    let drop = last - exponent;
    let mut kept = bits;
    if drop > 63 {
        return 0.0;
    }
    if drop > 0 {
        let half = 1_u64 << (drop - 1);
        let rest = bits & ((half << 1).wrapping_sub(1));
        kept = bits >> drop;
        kept += u64::from(rest > half || rest == half && kept & 1 == 1);
    }
    let exponent = exponent + drop.max(0);
    ldexp(kept as f64, exponent)
}

/// `value * 2^exponent`, in steps that a double can hold.
pub(crate) fn ldexp(mut value: f64, mut exponent: i64) -> f64 {
    while exponent > 1000 && value.is_finite() && value != 0.0 {
        value *= 2_f64.powi(1000);
        exponent -= 1000;
    }
    while exponent < -1000 && value != 0.0 {
        value *= 2_f64.powi(-1000);
        exponent += 1000;
    }
    value * 2_f64.powi(exponent.clamp(-1000, 1000) as i32)
}

/// The number that `%v` writes, read with base 8.
fn to_decimal(args: &[Value]) -> Answer {
    int64(parse_int(strval(any(args, 0))?.bytes(), 8).unwrap_or(0))
}
