//! The objects of a pack, one behind the other in a file of the caller's.

use crate::error::PackError;
use std::io::{Read, Seek, SeekFrom, Write};

/// How much is written at once.
const TAIL: usize = 256 << 10;
/// How much is read at once: deltas copy a little here and a little there.
const WINDOW: usize = 16 << 10;

/// A file that only grows and is read anywhere.
#[derive(Debug)]
pub(crate) struct Spool<S> {
    file: S,
    limit: u64,
    /// How many bytes are in the file; the others are in `tail`.
    written: u64,
    tail: Vec<u8>,
    window: Vec<u8>,
    window_at: u64,
}

impl<S: Read + Write + Seek> Spool<S> {
    pub(crate) fn new(file: S, limit: u64) -> Self {
        Self { file, limit, written: 0, tail: Vec::new(), window: Vec::new(), window_at: 0 }
    }

    pub(crate) fn len(&self) -> u64 {
        self.written + self.tail.len() as u64
    }

    pub(crate) fn append(&mut self, bytes: &[u8]) -> Result<(), PackError> {
        let size = self.len() + bytes.len() as u64;
        if size > self.limit {
            return Err(PackError::Large { what: "the pack, unpacked,", size, limit: self.limit });
        }
        self.tail.extend_from_slice(bytes);
        if self.tail.len() >= TAIL { self.flush() } else { Ok(()) }
    }

    fn flush(&mut self) -> Result<(), PackError> {
        let write =
            |file: &mut S| file.seek(SeekFrom::Start(self.written)).and_then(|_| file.write_all(&self.tail));
        write(&mut self.file).map_err(PackError::Spool)?;
        self.written += self.tail.len() as u64;
        self.tail.clear();
        Ok(())
    }

    /// Fills `to` with the bytes at `at`, which were appended before.
    pub(crate) fn read_at(&mut self, mut at: u64, mut to: &mut [u8]) -> Result<(), PackError> {
        if at + to.len() as u64 > self.written {
            self.flush()?;
        }
        while !to.is_empty() {
            let window = self.window(at)?;
            let count = window.len().min(to.len());
            to[..count].copy_from_slice(&window[..count]);
            to = &mut to[count..];
            at += count as u64;
        }
        Ok(())
    }

    /// Some bytes at `at`, at least one.
    fn window(&mut self, at: u64) -> Result<&[u8], PackError> {
        let inside = at.checked_sub(self.window_at).filter(|it| *it < self.window.len() as u64);
        let from = match inside {
            Some(from) => from as usize,
            None => {
                // Empty while it is filled: a failed read leaves nothing that looks like bytes of the file.
                self.window.clear();
                self.window_at = at;
                let mut window = (&mut self.file).take(WINDOW as u64);
                window.get_mut().seek(SeekFrom::Start(at)).map_err(PackError::Spool)?;
                window.read_to_end(&mut self.window).map_err(PackError::Spool)?;
                0
            }
        };
        if self.window.is_empty() {
            return Err(PackError::Spool(std::io::ErrorKind::UnexpectedEof.into()));
        }
        Ok(&self.window[from..])
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Cursor;

    #[test]
    fn bytes_are_read_where_they_were_appended() {
        let mut spool = Spool::new(Cursor::new(Vec::new()), 1 << 20);
        let all: Vec<u8> = (0..1_000_000_u32).map(|it| (it % 251) as u8).collect();
        let mut buffer = vec![0; 40_000];
        for piece in all.chunks(70_001) {
            spool.append(piece).unwrap();
            let end = spool.len() as usize;
            for (at, count) in [
                (end - 10, 10),
                (0, 1000),
                (end / 2, 20_000.min(end / 2)),
                (end - 40_000.min(end), 40_000.min(end)),
            ] {
                spool.read_at(at as u64, &mut buffer[..count]).unwrap();
                assert_eq!(&buffer[..count], &all[at..at + count], "{count} bytes at {at}");
            }
        }
        let error = spool.append(&vec![0; 100_000]).unwrap_err();
        assert_eq!(error.code(), "E1009");
        assert_eq!(spool.read_at(spool.len() - 1, &mut [0; 2]).unwrap_err().code(), "E1010");
    }
}
