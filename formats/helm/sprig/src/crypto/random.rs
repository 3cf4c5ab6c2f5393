//! Random texts and numbers.

use gabion_template::{Data, Error, Function, Int, IntKind, Origin, Param, Taint, Text, Value};
use rand_core::{OsRng, RngCore as _};

use crate::call::{Answer, MOST_BYTES, bytes, derive, int};
use crate::runes;

pub(crate) const FUNCTIONS: &[Function] = &[
    derive("randAlpha", &[Param::Int], |args| of(args, u8::is_ascii_alphabetic)),
    derive("randAlphaNum", &[Param::Int], |args| of(args, u8::is_ascii_alphanumeric)),
    derive("randAscii", &[Param::Int], |args| of(args, |byte| (b' '..=b'~').contains(byte))),
    derive("randBytes", &[Param::Int], rand_bytes),
    derive("randInt", &[Param::Int, Param::Int], rand_int),
    derive("randNumeric", &[Param::Int], |args| of(args, u8::is_ascii_digit)),
    derive("shuffle", &[Param::String], shuffle),
    derive("uuidv4", &[], |_| uuid()),
];

/// Random bytes of the operating system.
pub(crate) fn fill(bytes: &mut [u8]) -> Result<(), Error> {
    OsRng.try_fill_bytes(bytes).map_err(|error| Error(format!("no random numbers: {error}")))
}

/// A text that is another one each time.
pub(crate) fn tainted(bytes: impl Into<Vec<u8>>) -> Value {
    Text::from_origin(bytes.into(), Origin::default(), Taint::RANDOM).into()
}

/// The longest text of random signs, in bytes: each takes a while.
const MOST_SIGNS: usize = 1 << 20;

/// A number below `end`, each as likely as the others.
fn below(end: u64) -> Result<u64, Error> {
    let most = u64::MAX - u64::MAX % end;
    loop {
        let mut bytes = [0; 8];
        fill(&mut bytes)?;
        let number = u64::from_ne_bytes(bytes);
        if number < most {
            return Ok(number % end);
        }
    }
}

/// A text of this many signs; none for a count below zero, as goutils' error is swallowed.
fn of(args: &[Value], wanted: fn(&u8) -> bool) -> Answer {
    let count = usize::try_from(int(args, 0)?).unwrap_or(0);
    if count > MOST_SIGNS {
        return Err(format!("a random text of more than {MOST_SIGNS} bytes").into());
    }
    let signs: Vec<u8> = (0..=u8::MAX).filter(wanted).collect();
    let text: Vec<u8> =
        (0..count).map(|_| Ok(signs[below(signs.len() as u64)? as usize])).collect::<Result<_, Error>>()?;
    Ok(tainted(text))
}

fn rand_bytes(args: &[Value]) -> Answer {
    use base64::Engine as _;
    let count = usize::try_from(int(args, 0)?).ok().filter(|count| *count <= MOST_BYTES);
    let mut bytes = vec![0; count.ok_or("runtime error: makeslice: len out of range")?];
    fill(&mut bytes)?;
    Ok(tainted(base64::engine::general_purpose::STANDARD.encode(bytes)))
}

fn rand_int(args: &[Value]) -> Answer {
    let (least, end) = (int(args, 0)?, int(args, 1)?);
    let width = end.wrapping_sub(least);
    if width <= 0 {
        return Err("invalid argument to Intn".into());
    }
    let bits = least.wrapping_add(below(width as u64)? as i64);
    Ok(Value { data: Data::Int(Int { bits, kind: IntKind::Int }), taint: Taint::RANDOM })
}

fn shuffle(args: &[Value]) -> Answer {
    if bytes(args, 0)?.len() > MOST_SIGNS {
        return Err(format!("a random text of more than {MOST_SIGNS} bytes").into());
    }
    let mut all: Vec<char> = runes::runes(bytes(args, 0)?).map(|(_, it)| it).collect();
    for at in (1..all.len()).rev() {
        all.swap(at, below(at as u64 + 1)? as usize);
    }
    Ok(tainted(all.into_iter().collect::<String>()))
}

/// RFC 9562 §5.4.
fn uuid() -> Result<Value, Error> {
    let mut bytes = [0; 16];
    fill(&mut bytes)?;
    bytes[6] = bytes[6] & 0x0F | 0x40;
    bytes[8] = bytes[8] & 0x3F | 0x80;
    let digits: String = super::hash::digits(&bytes);
    let parts = [&digits[..8], &digits[8..12], &digits[12..16], &digits[16..20], &digits[20..]];
    Ok(tainted(parts.join("-")))
}
