//! Hashes as lower case digits.

use gabion_template::{Function, Param, Value};
use sha1::Sha1;
use sha2::{Digest, Sha256, Sha512};

use crate::call::{Answer, bytes, derive, string};

use Param::String as Str;

pub(crate) const FUNCTIONS: &[Function] = &[
    derive("adler32sum", &[Str], |args| string(adler32(bytes(args, 0)?).to_string())),
    derive("sha1sum", &[Str], hash::<Sha1>),
    derive("sha256sum", &[Str], hash::<Sha256>),
    derive("sha512sum", &[Str], hash::<Sha512>),
];

fn hash<D: Digest>(args: &[Value]) -> Answer {
    string(digits(&D::digest(bytes(args, 0)?)))
}

/// Bytes as lower case digits.
pub(super) fn digits(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let digit = |at: u8| char::from(DIGITS[usize::from(at)]);
    bytes.iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]).collect()
}

/// RFC 1950 §8.2.
fn adler32(bytes: &[u8]) -> u32 {
    const PRIME: u32 = 65521;
    let (low, high) = bytes.iter().fold((1, 0), |(low, high), byte| {
        let low = (low + u32::from(*byte)) % PRIME;
        (low, (high + low) % PRIME)
    });
    high << 16 | low
}
