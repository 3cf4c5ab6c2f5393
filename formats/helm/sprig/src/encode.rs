//! Base64 and base32 (Go's `encoding/base64` and `encoding/base32`, the standard alphabets with padding).

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use gabion_template::{Function, Param, Value};

use crate::call::{Answer, bytes, derive, string};

use Param::String as Str;

pub(crate) const FUNCTIONS: &[Function] = &[
    derive("b32dec", &[Str], |args| decode(args, &BASE32)),
    derive("b32enc", &[Str], |args| string(encode32(bytes(args, 0)?))),
    derive("b64dec", &[Str], |args| decode(args, &BASE64)),
    derive("b64enc", &[Str], |args| string(STANDARD.encode(bytes(args, 0)?))),
];

struct Encoding {
    name: &'static str,
    alphabet: &'static [u8],
    /// Bits of a sign.
    bits: u32,
    /// Signs of a group.
    group: usize,
    /// Whether a group may end with this many signs before its padding.
    ends: fn(usize) -> bool,
}

const BASE64: Encoding = Encoding {
    name: "base64",
    alphabet: b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/",
    bits: 6,
    group: 4,
    ends: |signs| signs >= 2,
};

const BASE32: Encoding = Encoding {
    name: "base32",
    alphabet: b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567",
    bits: 5,
    group: 8,
    ends: |signs| matches!(signs, 2 | 4 | 5 | 7),
};

/// What the text says, or what Go says against it: sprig hands the error on as the text.
fn decode(args: &[Value], encoding: &Encoding) -> Answer {
    match decoded(bytes(args, 0)?, encoding) {
        Ok(bytes) => string(bytes),
        Err(at) => string(format!("illegal {} data at input byte {at}", encoding.name)),
    }
}

/// Bytes of standard base64, or the place of the first mistake.
pub(crate) fn decode64(text: &[u8]) -> Result<Vec<u8>, usize> {
    decoded(text, &BASE64)
}

fn decoded(text: &[u8], encoding: &Encoding) -> Result<Vec<u8>, usize> {
    // Ends of lines do not count.
    let signs: Vec<(usize, u8)> =
        text.iter().copied().enumerate().filter(|(_, byte)| !matches!(byte, b'\r' | b'\n')).collect();
    let mut out = Vec::with_capacity(text.len() * 6 / 8);
    for (number, group) in signs.chunks(encoding.group).enumerate() {
        let (mut value, mut count) = (0_u64, 0);
        for (at, sign) in group {
            let Some(place) = encoding.alphabet.iter().position(|it| it == sign) else { break };
            let _ = at;
            value = value << encoding.bits | place as u64;
            count += 1;
        }
        let total = encoding.bits as usize * encoding.group;
        value <<= encoding.bits as usize * (encoding.group - count);
        let whole = count * encoding.bits as usize / 8;
        if count < encoding.group {
            ending(group, count, text.len(), &signs[number * encoding.group..], encoding)?;
        }
        out.extend((0..whole).map(|at| (value >> (total - 8 * (at + 1))) as u8));
    }
    Ok(out)
}

/// Checks the padding of a group that has only `count` signs; after it nothing may stand.
fn ending(
    group: &[(usize, u8)],
    count: usize,
    length: usize,
    rest: &[(usize, u8)],
    encoding: &Encoding,
) -> Result<(), usize> {
    let padding = |at: usize| rest.get(at).map(|(place, byte)| (*place, *byte));
    match group.get(count) {
        // The text ends within the group: Go names the place before its last signs.
        None => return Err(length - count.min(length)),
        Some((at, byte)) if *byte != b'=' || !(encoding.ends)(count) => return Err(*at),
        _ => {}
    }
    for at in count + 1..encoding.group {
        match padding(at) {
            None => return Err(length),
            Some((place, byte)) if byte != b'=' => return Err(place),
            _ => {}
        }
    }
    match padding(encoding.group) {
        Some((place, _)) => Err(place),
        None => Ok(()),
    }
}

fn encode32(bytes: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(bytes.len().div_ceil(5) * 8);
    for group in bytes.chunks(5) {
        let mut padded = [0_u8; 8];
        padded[3..3 + group.len()].copy_from_slice(group);
        let value = u64::from_be_bytes(padded);
        let signs = (group.len() * 8).div_ceil(5);
        for at in 0..8 {
            let sign = BASE32.alphabet[(value >> (35 - 5 * at) & 31) as usize];
            out.push(if at < signs { sign } else { b'=' });
        }
    }
    out
}
