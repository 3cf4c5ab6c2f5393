//! One file over a pipe: whoever needs it asks for ranges of it, whoever has it answers.
//!
//! The bytes, all numbers little-endian:
//! - the side that has the file begins: `gabion-wire`, `\n`, version (u32), size of the file (u64), length of a text
//!   (u32) and that text, which is for whoever reads;
//! - then the other side asks: `1`, offset (u64), length (u32, at most 1 MiB); the answer is `1`, the same offset and
//!   length, and exactly that many bytes. Several questions may be under way; they are answered in their order;
//! - or it ends: `2`, length (u32), and a text, which is the result.
//! - Whoever has the file and cannot read it answers `3`, length (u32), and a text that says why, and ends.
//!
//! # Invariants
//! - Neither side believes the other: lengths are bounded, and an answer is to the question that was asked or an
//!   error. Whether its bytes are right is for whoever reads to find out.
//! - An end in the middle is an error of its own, after which the same transfer can be begun again.

mod error;
mod remote;
mod serve;

pub use error::WireError;
pub use remote::RemoteFile;
pub use serve::{Served, serve};

use std::io::{self, Read};

const MAGIC: &[u8; 12] = b"gabion-wire\n";
const VERSION: u32 = 1;
/// The longest range that may be asked for.
const LONGEST: u32 = 1 << 20;
/// The longest text.
const TEXT: u32 = 32 << 20;
const READ: u8 = 1;
const END: u8 = 2;
const FAILED: u8 = 3;

fn number<const N: usize>(from: &mut impl Read) -> Result<[u8; N], WireError> {
    let mut bytes = [0; N];
    from.read_exact(&mut bytes).map_err(WireError::from_read)?;
    Ok(bytes)
}

fn u32_of(from: &mut impl Read) -> Result<u32, WireError> {
    Ok(u32::from_le_bytes(number(from)?))
}

fn u64_of(from: &mut impl Read) -> Result<u64, WireError> {
    Ok(u64::from_le_bytes(number(from)?))
}

/// A text with its length in front.
fn text(from: &mut impl Read) -> Result<String, WireError> {
    let length = u32_of(from)?;
    if length > TEXT {
        return Err(WireError::Hostile("a text is longer than any"));
    }
    let mut bytes = Vec::new();
    let count = from.take(u64::from(length)).read_to_end(&mut bytes).map_err(WireError::from_read)?;
    if count != length as usize {
        return Err(WireError::Ended);
    }
    String::from_utf8(bytes).map_err(|_| WireError::Hostile("a text is none"))
}

fn framed(kind: Option<u8>, text: &str) -> io::Result<Vec<u8>> {
    let length = u32::try_from(text.len()).ok().filter(|length| *length <= TEXT);
    let length = length.ok_or(io::ErrorKind::InvalidInput)?;
    Ok([kind.as_slice(), &length.to_le_bytes(), text.as_bytes()].concat())
}

#[cfg(test)]
mod tests;
