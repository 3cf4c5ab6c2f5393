//! Deltas: an object as pieces of another one (`gitformat-pack`, "Deltified representation").

use crate::entry::shifted;
use std::io::{self, BufRead};

/// One instruction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Instruction {
    /// So many bytes of the base, from there.
    Copy { from: u64, count: u64 },
    /// The next bytes of the delta.
    Insert { count: u8 },
}

/// A number, seven bits to a byte, the lowest first.
pub(crate) fn number(delta: &mut impl BufRead) -> io::Result<u64> {
    let (mut number, mut shift) = (0, 0);
    loop {
        let byte = next(delta)?.ok_or(io::ErrorKind::InvalidData)?;
        number |= shifted(byte, shift).ok_or(io::ErrorKind::InvalidData)?;
        shift += 7;
        if byte & 0x80 == 0 {
            return Ok(number);
        }
    }
}

/// The next instruction; `None` where the delta ends.
pub(crate) fn instruction(delta: &mut impl BufRead) -> io::Result<Option<Instruction>> {
    let Some(code) = next(delta)? else { return Ok(None) };
    if code & 0x80 == 0 {
        // Zero is reserved.
        let count = Some(code).filter(|it| *it > 0).ok_or(io::ErrorKind::InvalidData)?;
        return Ok(Some(Instruction::Insert { count }));
    }
    let mut field = |bits: std::ops::Range<u32>| -> io::Result<u64> {
        let first = bits.start;
        bits.filter(|bit| code >> bit & 1 == 1).try_fold(0, |sum, bit| {
            let byte = next(delta)?.ok_or(io::ErrorKind::InvalidData)?;
            Ok(sum | u64::from(byte) << (8 * (bit - first)))
        })
    };
    let (from, count) = (field(0..4)?, field(4..7)?);
    Ok(Some(Instruction::Copy { from, count: if count == 0 { 0x10000 } else { count } }))
}

fn next(delta: &mut impl BufRead) -> io::Result<Option<u8>> {
    let byte = delta.fill_buf()?.first().copied();
    delta.consume(usize::from(byte.is_some()));
    Ok(byte)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(mut bytes: &[u8]) -> Option<Vec<Instruction>> {
        let mut out = Vec::new();
        while let Some(it) = instruction(&mut bytes).ok()? {
            if let Instruction::Insert { count } = it {
                bytes = bytes.get(usize::from(count)..)?;
            }
            out.push(it);
        }
        Some(out)
    }

    #[test]
    fn instructions_leave_out_bytes_that_are_zero() {
        let copy = |from, count| Some(vec![Instruction::Copy { from, count }]);
        assert_eq!(all(&[0x80]), copy(0, 0x10000));
        assert_eq!(all(&[0x90, 7]), copy(0, 7));
        assert_eq!(all(&[0xff, 1, 2, 3, 4, 5, 6, 7]), copy(0x0403_0201, 0x07_0605));
        assert_eq!(all(&[0xa2, 9, 1]), copy(0x900, 0x100));
        assert_eq!(all(&[2, b'a', b'b']), Some(vec![Instruction::Insert { count: 2 }]));
        assert_eq!(all(&[0]), None);
        assert_eq!(all(&[0x91, 1]), None);
    }

    #[test]
    fn numbers_that_fit_nowhere_are_refused() {
        assert_eq!(number(&mut &[0xff, 0x01][..]).unwrap(), 255);
        assert_eq!(number(&mut &[&[0xff; 9][..], &[1]].concat()[..]).unwrap(), u64::MAX);
        assert!(number(&mut &[&[0xff; 9][..], &[2]].concat()[..]).is_err());
        assert!(number(&mut &[0xff; 100][..]).is_err());
        assert!(number(&mut &[0x80][..]).is_err());
    }
}
