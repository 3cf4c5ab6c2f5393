//! Compares produced bytes with a file, without gathering either.

use std::fs::File;
use std::io::{self, Read, Write};

/// Compares what is written into it with what it reads; ends the writing at the first difference.
struct Compare<R> {
    existing: R,
    buffer: Vec<u8>,
}

impl<R: Read> Write for Compare<R> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.buffer.resize(bytes.len(), 0);
        match self.existing.read_exact(&mut self.buffer) {
            Ok(()) if self.buffer == bytes => Ok(bytes.len()),
            _ => Err(io::Error::other(Differs)),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Marks the end of a comparison; never shown.
#[derive(Debug, thiserror::Error)]
#[error("the file differs")]
struct Differs;

/// Whether `existing` begins with exactly the bytes that `produce` writes; the producer is stopped at the
/// first difference.
pub(crate) fn compare(
    existing: File,
    produce: &mut dyn FnMut(&mut dyn Write) -> io::Result<()>,
) -> io::Result<bool> {
    let existing = io::BufReader::with_capacity(256 << 10, existing);
    match produce(&mut Compare { existing, buffer: Vec::new() }) {
        Ok(()) => Ok(true),
        Err(error) if error.get_ref().is_some_and(<dyn std::error::Error + Send + Sync>::is::<Differs>) => {
            Ok(false)
        }
        Err(error) => Err(error),
    }
}
