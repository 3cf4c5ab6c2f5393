//! Base64 and base32 (Go's `encoding/base64` and `encoding/base32`, the standard alphabets with padding).

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use gabion_template::{Function, Param};

use crate::call::{Answer, bytes, derive, string};

use Param::String as Str;

pub(crate) const FUNCTIONS: &[Function] = &[
    derive("b32dec", &[Str], |args| told("base32", decode32(bytes(args, 0)?))),
    derive("b32enc", &[Str], |args| string(encode32(bytes(args, 0)?))),
    derive("b64dec", &[Str], |args| told("base64", decode64(bytes(args, 0)?))),
    derive("b64enc", &[Str], |args| string(STANDARD.encode(bytes(args, 0)?))),
];

const ALPHABET64: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
const ALPHABET32: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";

/// What was decoded, or what Go says against it: sprig hands the error on as the text.
fn told(name: &str, decoded: Result<Vec<u8>, usize>) -> Answer {
    match decoded {
        Ok(bytes) => string(bytes),
        Err(at) => string(format!("illegal {name} data at input byte {at}")),
    }
}

fn is_end_of_line(byte: u8) -> bool {
    byte == b'\r' || byte == b'\n'
}

/// Bytes of standard base64, in which ends of lines do not count; or the place that Go complains of.
pub(crate) fn decode64(text: &[u8]) -> Result<Vec<u8>, usize> {
    let mut out = Vec::with_capacity(text.len() / 4 * 3 + 3);
    let (mut value, mut count) = (0_u32, 0);
    for (at, byte) in text.iter().enumerate() {
        if is_end_of_line(*byte) {
            continue;
        }
        if let Some(sign) = ALPHABET64.iter().position(|it| it == byte) {
            value = value << 6 | sign as u32;
            count += 1;
            if count == 4 {
                out.extend_from_slice(&value.to_be_bytes()[1..]);
                (value, count) = (0, 0);
            }
            continue;
        }
        if *byte != b'=' || count < 2 {
            return Err(at);
        }
        padding64(text, at + 1, count)?;
        let whole = (value << (6 * (4 - count))).to_be_bytes();
        out.extend_from_slice(&whole[1..count as usize]);
        return Ok(out);
    }
    // Go names the place before the signs that are too few.
    if count == 0 { Ok(out) } else { Err(text.len() - count as usize) }
}

/// What stands behind the first `=`: another one if two signs came before it, and nothing else.
fn padding64(text: &[u8], start: usize, count: u32) -> Result<(), usize> {
    let next = |from: usize| (from..text.len()).find(|at| !is_end_of_line(text[*at])).unwrap_or(text.len());
    let mut at = next(start);
    if count == 2 {
        match text.get(at) {
            None => return Err(text.len()),
            Some(b'=') => at = next(at + 1),
            Some(_) => return Err(at - 1),
        }
    }
    if at < text.len() { Err(at) } else { Ok(()) }
}

/// Bytes of standard base32; or the place, without the ends of lines, that Go complains of.
fn decode32(text: &[u8]) -> Result<Vec<u8>, usize> {
    let text: Vec<u8> = text.iter().copied().filter(|byte| !is_end_of_line(*byte)).collect();
    let mut out = Vec::with_capacity(text.len() / 8 * 5 + 5);
    let mut start = 0;
    while start < text.len() {
        let group = &text[start..];
        let (mut value, mut count) = (0_u64, 0);
        while count < 8 {
            let Some(byte) = group.get(count) else { return Err(text.len() - count) };
            let behind = group.len() - count - 1;
            if *byte == b'=' && count >= 2 && behind < 8 {
                padding32(&text, start + count + 1, count)?;
                break;
            }
            let sign = ALPHABET32.iter().position(|it| it == byte).ok_or(start + count)?;
            value = value << 5 | sign as u64;
            count += 1;
        }
        let bytes = (value << (5 * (8 - count))).to_be_bytes();
        out.extend_from_slice(&bytes[3..3 + count * 5 / 8]);
        if count < 8 {
            break;
        }
        start += 8;
    }
    Ok(out)
}

/// The rest of a group that has `count` signs. Go looks no further.
fn padding32(text: &[u8], start: usize, count: usize) -> Result<(), usize> {
    let rest = &text[start..];
    if rest.len() + count < 7 {
        return Err(text.len());
    }
    if let Some(wrong) = rest.iter().take(7 - count).position(|byte| *byte != b'=') {
        return Err((start + wrong).saturating_sub(1));
    }
    if matches!(count, 1 | 3 | 6) { Err(start - 1) } else { Ok(()) }
}

fn encode32(bytes: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(bytes.len().div_ceil(5) * 8);
    for group in bytes.chunks(5) {
        let mut padded = [0_u8; 8];
        padded[3..3 + group.len()].copy_from_slice(group);
        let value = u64::from_be_bytes(padded);
        let signs = (group.len() * 8).div_ceil(5);
        for at in 0..8 {
            let sign = ALPHABET32[(value >> (35 - 5 * at) & 31) as usize];
            out.push(if at < signs { sign } else { b'=' });
        }
    }
    out
}
