//! `ar`, as far as packages use it: plain short names, members in order (`deb(5)`, "FORMAT").

use super::DebError;
use std::io::{self, Read};

const MAGIC: &[u8; 8] = b"!<arch>\n";

/// The header of a member.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Header {
    pub(super) name: String,
    pub(super) time: u64,
    pub(super) size: u64,
}

/// Checks how the archive begins.
pub(super) fn begin(mut from: impl Read) -> Result<(), DebError> {
    let mut magic = [0; MAGIC.len()];
    from.read_exact(&mut magic)?;
    if &magic == MAGIC {
        Ok(())
    } else {
        Err(DebError::Format("it does not begin with `!<arch>`".to_owned()))
    }
}

/// The next header; `None` at the end.
pub(super) fn next(mut from: impl Read) -> Result<Option<Header>, DebError> {
    let mut block = [0; 60];
    let read = fill(&mut from, &mut block)?;
    // A single newline pads an odd member; nothing else may follow.
    if read == 0 {
        return Ok(None);
    }
    let broken = || DebError::Format("a header of `ar` is broken".to_owned());
    if read < block.len() || !block.is_ascii() || &block[58..] != b"`\n" {
        return Err(broken());
    }
    let text = |range: std::ops::Range<usize>| String::from_utf8_lossy(&block[range]).trim_end().to_owned();
    let number = |range| text(range).parse::<u64>().map_err(|_| broken());
    let name = text(0..16).trim_end_matches('/').to_owned();
    Ok(Some(Header { name, time: number(16..28)?, size: number(48..58)? }))
}

/// Skips the byte that pads a member of odd size.
pub(super) fn pad(mut from: impl Read, size: u64) -> Result<(), DebError> {
    if size % 2 == 1 {
        from.read_exact(&mut [0])?;
    }
    Ok(())
}

fn fill(from: &mut impl Read, block: &mut [u8]) -> io::Result<usize> {
    let mut at = 0;
    while at < block.len() {
        match from.read(&mut block[at..]) {
            Ok(0) => break,
            Ok(count) => at += count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(at)
}
