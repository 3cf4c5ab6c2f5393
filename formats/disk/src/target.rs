//! What an image is written to: bytes at offsets, and zeros that nobody writes.

use crate::Extents;
use std::io::{self, Seek, SeekFrom, Write};

/// Takes the bytes of an image. What is never put is zero, and no byte is put twice.
pub trait Target {
    /// Puts `bytes` at `offset`.
    fn put(&mut self, offset: u64, bytes: &[u8]) -> io::Result<()>;
}

/// The unit in which zeros are left out; file systems have holes of this size.
const BLOCK: usize = 4096;
const ZEROS: [u8; BLOCK] = [0; BLOCK];

/// The runs of `bytes` that are not zero, in whole blocks counted from the start of the image.
pub(crate) fn runs(offset: u64, bytes: &[u8]) -> impl Iterator<Item = (u64, &[u8])> {
    let mut at = 0;
    std::iter::from_fn(move || {
        let block = |at: usize| {
            let rest = BLOCK - (offset as usize + at) % BLOCK;
            &bytes[at..bytes.len().min(at + rest)]
        };
        let zero = |at: usize| block(at) == &ZEROS[..block(at).len()];
        while at < bytes.len() && zero(at) {
            at += block(at).len();
        }
        let start = at;
        while at < bytes.len() && !zero(at) {
            at += block(at).len();
        }
        (start < at).then(|| (offset + start as u64, &bytes[start..at]))
    })
}

/// A raw image in a file: zeros are skipped, so that they stay holes.
///
/// `out` must read as zeros wherever it was not written: a new file, never a disk that was used before.
#[derive(Debug)]
pub struct Raw<W> {
    out: W,
    size: u64,
    at: u64,
    end: u64,
    extents: Extents,
}

impl<W: Write + Seek> Raw<W> {
    /// An image of `size` bytes.
    pub fn new(out: W, size: u64) -> Self {
        Self { out, size, at: u64::MAX, end: 0, extents: Extents::default() }
    }

    /// Gives the file back, which has `size` bytes now, and says where it has no holes.
    pub fn finish(mut self) -> io::Result<(W, Extents)> {
        if self.end < self.size {
            self.write(self.size - 1, &[0])?;
        }
        self.out.flush()?;
        Ok((self.out, self.extents))
    }

    fn write(&mut self, offset: u64, bytes: &[u8]) -> io::Result<()> {
        if self.at != offset {
            self.out.seek(SeekFrom::Start(offset))?;
        }
        self.at = u64::MAX;
        self.out.write_all(bytes)?;
        self.at = offset + bytes.len() as u64;
        self.end = self.end.max(self.at);
        self.extents.add(offset..self.at);
        Ok(())
    }
}

impl<W: Write + Seek> Target for Raw<W> {
    fn put(&mut self, offset: u64, bytes: &[u8]) -> io::Result<()> {
        within(self.size, offset, bytes)?;
        runs(offset, bytes).try_for_each(|(offset, bytes)| self.write(offset, bytes))
    }
}

/// A part of an image as an image of its own.
pub(crate) struct Window<'t> {
    target: &'t mut dyn Target,
    start: u64,
    size: u64,
}

impl<'t> Window<'t> {
    /// The `size` bytes at `start`.
    pub(crate) fn new(target: &'t mut dyn Target, start: u64, size: u64) -> Self {
        Self { target, start, size }
    }
}

impl Target for Window<'_> {
    fn put(&mut self, offset: u64, bytes: &[u8]) -> io::Result<()> {
        within(self.size, offset, bytes)?;
        self.target.put(self.start + offset, bytes)
    }
}

/// Two targets at once: the same image in two forms, made in one pass.
#[derive(Debug)]
pub struct Both<A, B>(pub A, pub B);

impl<A: Target, B: Target> Target for Both<A, B> {
    fn put(&mut self, offset: u64, bytes: &[u8]) -> io::Result<()> {
        self.0.put(offset, bytes)?;
        self.1.put(offset, bytes)
    }
}

/// Refuses what reaches past the end.
pub(crate) fn within(size: u64, offset: u64, bytes: &[u8]) -> io::Result<()> {
    match offset.checked_add(bytes.len() as u64) {
        Some(end) if end <= size => Ok(()),
        _ => Err(io::Error::new(
            io::ErrorKind::InvalidInput,
            format!("{} bytes at {offset} do not lie within the {size} bytes of the image", bytes.len()),
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::io::Cursor;

    #[test]
    fn blocks_of_zeros_are_left_out_and_the_size_is_kept() {
        let mut raw = Raw::new(Cursor::new(Vec::new()), 5 * 4096);
        let mut bytes = vec![0; 3 * 4096];
        bytes[4096 + 7] = 1;
        raw.put(4096, &bytes).unwrap();
        assert_eq!((raw.at, raw.end), (3 * 4096, 3 * 4096));
        let file = raw.finish().unwrap().0.into_inner();
        assert_eq!((file.len(), file[2 * 4096 + 7]), (5 * 4096, 1));
    }

    #[test]
    fn nothing_is_put_past_the_end() {
        let mut raw = Raw::new(Cursor::new(Vec::new()), 4096);
        assert!(raw.put(4095, &[1]).is_ok());
        assert_eq!(raw.put(4095, &[1, 2]).unwrap_err().kind(), io::ErrorKind::InvalidInput);
        assert!(raw.put(u64::MAX, &[1]).is_err());
        assert!(Window::new(&mut raw, 0, 10).put(9, &[1, 1]).is_err());
    }

    proptest! {
        #[test]
        fn what_is_put_is_read_again(pieces in prop::collection::vec((0_usize..6, 0_u8..2, 1_usize..9000), 0..6)) {
            let (mut raw, mut expected) = (Raw::new(Cursor::new(Vec::new()), 100_000), vec![0; 100_000]);
            let mut at = 0;
            for (gap, byte, length) in pieces {
                at += gap * 1000;
                raw.put(at as u64, &vec![byte; length]).unwrap();
                expected[at..at + length].fill(byte);
                at += length;
            }
            prop_assert_eq!(raw.finish().unwrap().0.into_inner(), expected);
        }
    }
}
