//! What a plain scalar means: the table of Go's `yaml.v2` (`resolve.go`), which is YAML 1.1 with its own exceptions.

mod number;
mod time;

pub(crate) use number::{Number, general, through_json};
use number::{parse_float, parse_signed, parse_unsigned};
pub(crate) use time::is_timestamp;

/// The meaning of a plain scalar without a tag.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Meaning {
    Null,
    Bool(bool),
    Int(i64),
    Uint(u64),
    Float(f64),
    /// A date or a time. Its text is kept, but it is no string where tags are compared.
    Timestamp,
    String,
}

impl Meaning {
    /// Go's short name of its tag.
    pub(crate) const fn tag(self) -> &'static str {
        match self {
            Self::Null => "!!null",
            Self::Bool(_) => "!!bool",
            Self::Int(_) | Self::Uint(_) => "!!int",
            Self::Float(_) => "!!float",
            Self::Timestamp => "!!timestamp",
            Self::String => "!!str",
        }
    }
}

/// What `text` means where it stands unquoted. `times`: whether it may be a timestamp (it may not under another tag).
pub(crate) fn resolve(text: &str, times: bool) -> Meaning {
    let Some(first) = text.bytes().next() else { return Meaning::Null };
    match first {
        b'y' | b'Y' | b'n' | b'N' | b't' | b'T' | b'f' | b'F' | b'o' | b'O' | b'~' => word(text),
        b'.' => match text {
            ".nan" | ".NaN" | ".NAN" => Meaning::Float(f64::NAN),
            ".inf" | ".Inf" | ".INF" => Meaning::Float(f64::INFINITY),
            _ => parse_float(text).map_or(Meaning::String, Meaning::Float),
        },
        b'+' | b'-' | b'0'..=b'9' => numeric(text, times),
        _ => Meaning::String,
    }
}

/// The words of YAML 1.1, of which only these spellings count.
fn word(text: &str) -> Meaning {
    match text {
        "y" | "Y" | "yes" | "Yes" | "YES" | "true" | "True" | "TRUE" | "on" | "On" | "ON" => {
            Meaning::Bool(true)
        }
        "n" | "N" | "no" | "No" | "NO" | "false" | "False" | "FALSE" | "off" | "Off" | "OFF" => {
            Meaning::Bool(false)
        }
        "~" | "null" | "Null" | "NULL" => Meaning::Null,
        _ => Meaning::String,
    }
}

/// What begins with a sign or a digit.
fn numeric(text: &str, times: bool) -> Meaning {
    match text {
        "+.inf" | "+.Inf" | "+.INF" => return Meaning::Float(f64::INFINITY),
        "-.inf" | "-.Inf" | "-.INF" => return Meaning::Float(f64::NEG_INFINITY),
        _ => {}
    }
    if times && is_timestamp(text) {
        return Meaning::Timestamp;
    }
    // No number has another character; most words that begin with a digit or a sign end here.
    if !text.bytes().all(|it| it.is_ascii_hexdigit() || b"_+-.xXoObB".contains(&it)) {
        return Meaning::String;
    }
    let joined;
    let plain = if text.contains('_') {
        joined = text.replace('_', "");
        &joined
    } else {
        text
    };
    number(plain).unwrap_or(Meaning::String)
}

fn number(plain: &str) -> Option<Meaning> {
    if let Some(it) = parse_signed(plain, 0) {
        return Some(Meaning::Int(it));
    }
    if let Some(it) = parse_unsigned(plain, 0) {
        return Some(Meaning::Uint(it));
    }
    if number::is_yaml_float(plain)
        && let Some(it) = plain.parse().ok().filter(|it: &f64| it.is_finite())
    {
        return Some(Meaning::Float(it));
    }
    // What is left of Go's own reading of `0b`: a sign behind the prefix.
    if let Some(digits) = plain.strip_prefix("0b") {
        let signed = parse_signed(digits, 2).map(Meaning::Int);
        return signed.or_else(|| parse_unsigned(digits, 2).map(Meaning::Uint));
    }
    None
}

/// Whether Go's encoder may leave a string without quotes, as far as its meaning goes. `pretty`: by the rules of `yaml.v3`,
/// which quotes the words of YAML 1.1 too.
pub(crate) fn stays_a_string(text: &str, pretty: bool) -> bool {
    resolve(text, true) == Meaning::String && !is_sexagesimal(text) && !(pretty && is_octal_of_v3(text))
}

/// `0o` with a sign behind it, a number for `yaml.v3` alone.
fn is_octal_of_v3(text: &str) -> bool {
    text.starts_with('0')
        && text.replace('_', "").strip_prefix("0o").is_some_and(|digits| parse_signed(digits, 8).is_some())
}

/// A number to the base of 60 of YAML 1.1: Go reads it as a string, but writes it in quotes.
fn is_sexagesimal(text: &str) -> bool {
    let unsigned = text.strip_prefix(['+', '-']).unwrap_or(text);
    let mut parts = unsigned.split(':');
    let head = parts.next().unwrap_or_default();
    if !head.starts_with(|it: char| it.is_ascii_digit()) || !only(head, "_") {
        return false;
    }
    let mut rest: Vec<&str> = parts.collect();
    let Some(last) = rest.pop() else { return false };
    let (last, fraction) = last.split_once('.').unwrap_or((last, ""));
    rest.push(last);
    only(fraction, "_") && rest.into_iter().all(is_sixty)
}

/// One or two digits below 60.
fn is_sixty(part: &str) -> bool {
    match part.as_bytes() {
        [one] => one.is_ascii_digit(),
        [ten, one] => matches!(ten, b'0'..=b'5') && one.is_ascii_digit(),
        _ => false,
    }
}

/// Whether all is digits, or one of `others`.
fn only(text: &str, others: &str) -> bool {
    text.chars().all(|it| it.is_ascii_digit() || others.contains(it))
}
