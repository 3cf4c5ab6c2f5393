//! The compressed form: one frame of Zstandard (RFC 8878), the same bytes for any number of threads.

use std::io::{self, Read, Write};
use zstd::stream::raw::CParameter;

/// The level: see `FORMAT.md`.
const LEVEL: i32 = 9;
/// Bytes that one thread compresses at once. A frame depends on it, so it is fixed.
const JOB: u32 = 8 << 20;
/// How much is read at once.
const PIECE: usize = 1 << 20;

/// Compresses `size` bytes of `image` on `threads` threads (at least one). Another number of bytes is an error.
pub fn compress(image: impl Read, size: u64, out: impl Write, threads: u32) -> io::Result<()> {
    let mut encoder = zstd::Encoder::new(out, LEVEL)?;
    // A frame made without workers is another one: at least one always runs.
    encoder.set_parameter(CParameter::NbWorkers(threads.max(1)))?;
    encoder.set_parameter(CParameter::JobSize(JOB))?;
    encoder.include_checksum(true)?;
    encoder.set_pledged_src_size(Some(size))?;
    let (mut image, mut piece) = (image.take(size.saturating_add(1)), Vec::with_capacity(PIECE));
    let mut total = 0;
    loop {
        piece.clear();
        let count = image.by_ref().take(PIECE as u64).read_to_end(&mut piece)?;
        total += count as u64;
        if count == 0 || total > size {
            break;
        }
        encoder.write_all(&piece)?;
    }
    if total != size {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, format!("the image has not {size} bytes")));
    }
    encoder.finish()?.flush()
}
