//! The image out of its compressed form, a piece at a time.

use super::DiskError;
use std::io::{self, Write};
use std::ops::Range;
use zstd::stream::write::Decoder;

/// Bytes that are written and hashed at once.
pub(super) const PIECE: usize = 16 << 20;
/// The largest window of the compressed form, as a power of two (`formats/disk/FORMAT.md`, "Forms"): what asks for more
/// memory is no image of ours.
const WINDOW_LOG: u32 = 22;

/// Hands the compressed image to a writer, each piece checked before. It ends where the writer fails.
pub(super) type Produce<'p> = dyn FnMut(&mut dyn Write) -> io::Result<()> + 'p;
/// Takes a piece of the image, with its offset.
type Each<'e> = dyn FnMut(u64, &[u8]) -> Result<(), DiskError> + 'e;

/// Gathers a range of the image in pieces.
struct Pieces<'e> {
    piece: Vec<u8>,
    /// How much of the image came.
    at: u64,
    take: Range<u64>,
    size: u64,
    each: &'e mut Each<'e>,
    /// Why no more is taken.
    end: Option<Result<(), DiskError>>,
}

impl Pieces<'_> {
    fn hand_over(&mut self) -> Result<(), DiskError> {
        let length = self.piece.len() as u64;
        if length == 0 {
            return Ok(());
        }
        let at = self.at.min(self.take.end) - length;
        let done = (self.each)(at, &self.piece);
        self.piece.clear();
        done
    }

    fn put(&mut self, bytes: &[u8]) -> Result<(), DiskError> {
        if self.at + bytes.len() as u64 > self.size {
            return Err(DiskError::Image(format!("it has more than {} bytes", self.size)));
        }
        let skip = self.take.start.saturating_sub(self.at).min(bytes.len() as u64);
        self.at += skip;
        let mut rest = &bytes[usize::try_from(skip).unwrap_or(bytes.len())..];
        while !rest.is_empty() && self.at < self.take.end {
            let wanted = usize::try_from(self.take.end - self.at).unwrap_or(PIECE);
            let count = rest.len().min(PIECE - self.piece.len()).min(wanted);
            self.piece.extend_from_slice(&rest[..count]);
            self.at += count as u64;
            rest = &rest[count..];
            if self.piece.len() == PIECE || self.at == self.take.end {
                self.hand_over()?;
            }
        }
        self.at += rest.len() as u64;
        Ok(())
    }
}

impl Write for Pieces<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.end.is_none() {
            match self.put(bytes) {
                // What is only a part of the image is done here; the whole one ends with its sum.
                Ok(()) if self.at >= self.take.end && self.take.end < self.size => self.end = Some(Ok(())),
                Ok(()) => return Ok(bytes.len()),
                Err(error) => self.end = Some(Err(error)),
            }
        }
        Err(io::Error::other("no more is taken"))
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Hands the bytes `take` of an image of `size` bytes to `each`, in order, in pieces of 16 MiB counted from its start. The
/// producer is stopped as soon as they came, unless they are all.
pub(super) fn stream<'e>(
    produce: &mut Produce<'_>,
    size: u64,
    take: Range<u64>,
    each: &'e mut Each<'e>,
) -> Result<(), DiskError> {
    let piece = Vec::with_capacity(PIECE);
    let pieces = Pieces { piece, at: 0, take, size, each, end: None };
    let mut decoder = Decoder::new(pieces).map_err(DiskError::Source)?;
    decoder.window_log_max(WINDOW_LOG).map_err(DiskError::Source)?;
    let produced = produce(&mut decoder).and_then(|()| decoder.flush());
    let pieces = decoder.into_inner();
    match (pieces.end, produced) {
        (Some(end), _) => end,
        (None, Err(error)) => Err(DiskError::Source(error)),
        (None, Ok(())) if pieces.at == size => Ok(()),
        (None, Ok(())) => {
            let error = format!("it ends at byte {} of {size}", pieces.at);
            Err(DiskError::Source(io::Error::new(io::ErrorKind::UnexpectedEof, error)))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SIZE: u64 = (PIECE as u64) * 2 + 12_345;

    fn image() -> Vec<u8> {
        (0..SIZE).map(|at| u8::try_from((at / 977 + at * at) % 251).unwrap()).collect()
    }

    fn compressed(image: &[u8]) -> Vec<u8> {
        let mut out = Vec::new();
        gabion_disk::compress(image, image.len() as u64, &mut out, 1).unwrap();
        out
    }

    type Taken = (Result<(), DiskError>, Vec<(u64, Vec<u8>)>, usize);

    fn taken(zst: &[u8], size: u64, take: Range<u64>) -> Taken {
        let (mut pieces, mut asked) = (Vec::new(), 0);
        let mut produce = |out: &mut dyn Write| {
            zst.chunks(100_000).try_for_each(|it| {
                asked += it.len();
                out.write_all(it)
            })
        };
        let done = stream(&mut produce, size, take, &mut |at, piece| {
            pieces.push((at, piece.to_vec()));
            Ok(())
        });
        (done, pieces, asked)
    }

    #[test]
    fn the_whole_image_comes_in_pieces() {
        let image = image();
        let (done, pieces, _) = taken(&compressed(&image), SIZE, 0..SIZE);
        done.unwrap();
        let offsets: Vec<u64> = pieces.iter().map(|it| it.0).collect();
        assert_eq!(offsets, [0, PIECE as u64, 2 * PIECE as u64]);
        assert!(pieces.into_iter().flat_map(|it| it.1).eq(image));
    }

    #[test]
    fn a_part_ends_as_soon_as_it_came() {
        let (image, take) = (image(), 5_000_000..9_000_001_u64);
        let zst = compressed(&image);
        let (done, pieces, asked) = taken(&zst, SIZE, take.clone());
        done.unwrap();
        assert_eq!(pieces.len(), 1);
        assert_eq!(pieces[0].0, take.start);
        assert!(pieces[0].1 == image[5_000_000..9_000_001]);
        assert!(asked <= zst.len(), "{asked} of {}", zst.len());
    }

    #[test]
    fn an_image_of_another_size_is_refused() {
        let zst = compressed(&image());
        let (done, ..) = taken(&zst, SIZE - 1, 0..SIZE - 1);
        assert!(matches!(done, Err(DiskError::Image(_))), "{done:?}");
        let (done, ..) = taken(&zst, SIZE + 1, 0..SIZE + 1);
        assert!(done.unwrap_err().is_integrity());
        let (done, pieces, _) = taken(&zst[..zst.len() / 2], SIZE, 0..SIZE);
        assert!(done.unwrap_err().is_integrity() && pieces.len() < 3);
    }

    #[test]
    fn a_window_that_is_larger_than_ours_is_refused() {
        let mut encoder = zstd::Encoder::new(Vec::new(), 1).unwrap();
        encoder.window_log(23).unwrap();
        encoder.write_all(&image()).unwrap();
        let (done, pieces, _) = taken(&encoder.finish().unwrap(), SIZE, 0..SIZE);
        assert!(done.is_err() && pieces.is_empty());
    }
}
