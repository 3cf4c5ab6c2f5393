//! The image out of its compressed form, a piece at a time: one thread reads, checks and decompresses, the other one takes what
//! came.

use super::DiskError;
use std::io::{self, Write};
use std::ops::Range;
use std::sync::mpsc::{Receiver, Sender, SyncSender, channel, sync_channel};
use std::{panic, thread};
use zstd::stream::raw::{DParameter, Decoder, InBuffer, Operation, OutBuffer};

/// Bytes that are written and hashed at once.
pub(super) const PIECE: usize = 4 << 20;
/// How many pieces there are: one is filled, one is taken, the others wait for either.
const PIECES: usize = 4;
/// The largest window of the compressed form, as a power of two (`formats/disk/FORMAT.md`, "Forms"): what asks for more
/// memory is no image of ours.
const WINDOW_LOG: u32 = 22;

/// Hands the compressed image to a writer, each piece checked before. It ends where the writer fails.
pub(super) type Produce<'p> = dyn FnMut(&mut dyn Write) -> io::Result<()> + Send + 'p;

/// Bytes of the image at an offset; the buffer may be longer than they are.
struct Piece {
    offset: u64,
    length: usize,
    buffer: Vec<u8>,
}

/// Decompresses what is written to it, and hands a range of it over.
struct Pieces {
    decoder: Decoder<'static>,
    /// Whether the frame ended, and its sum was right.
    is_done: bool,
    buffer: Vec<u8>,
    /// How much of the buffer is of the range.
    filled: usize,
    /// How much of the image came.
    at: u64,
    take: Range<u64>,
    size: u64,
    to: SyncSender<Piece>,
    empty: Receiver<Vec<u8>>,
    /// Why no more is taken.
    end: Option<Result<(), DiskError>>,
}

impl Pieces {
    /// Where something else begins than what comes now.
    fn border(&self) -> u64 {
        let borders = [self.take.start, self.take.end, self.size];
        borders.into_iter().find(|it| self.at < *it).unwrap_or(self.size + 1)
    }

    /// Decompresses until nothing more comes of `input`, or no more is wanted: then the end is set.
    fn put(&mut self, input: &mut InBuffer<'_>) -> io::Result<()> {
        while self.end.is_none() {
            let room =
                usize::try_from(self.border() - self.at).map_or(PIECE, |it| it.min(PIECE - self.filled));
            let mut out = OutBuffer::around(&mut self.buffer[self.filled..self.filled + room]);
            self.is_done = self.decoder.run(input, &mut out)? == 0;
            let count = out.pos();
            self.came(count);
            if input.pos == input.src.len() && (self.is_done || count < room) {
                break;
            }
        }
        Ok(())
    }

    fn came(&mut self, count: usize) {
        let is_taken = self.take.contains(&self.at);
        self.at += count as u64;
        if self.at > self.size {
            self.end = Some(Err(DiskError::Image(format!("it has more than {} bytes", self.size))));
        } else if is_taken {
            self.filled += count;
            if self.filled == PIECE || self.at == self.take.end {
                self.hand_over();
            }
        }
        // What is only a part of the image is done here; the whole one ends with its sum.
        if self.end.is_none() && self.at >= self.take.end && self.take.end < self.size {
            self.end = Some(Ok(()));
        }
    }

    fn hand_over(&mut self) {
        let offset = self.at - self.filled as u64;
        let length = std::mem::take(&mut self.filled);
        let Ok(empty) = self.empty.recv() else {
            return self.end = Some(Ok(()));
        };
        let buffer = std::mem::replace(&mut self.buffer, empty);
        if self.to.send(Piece { offset, length, buffer }).is_err() {
            // Whoever took the pieces says why.
            self.end = Some(Ok(()));
        }
    }

    /// What became of it, where the producer ended so.
    fn finish(self, produced: io::Result<()>) -> Result<(), DiskError> {
        match (self.end, produced) {
            (Some(end), _) => end,
            (None, Err(error)) => Err(DiskError::Source(error)),
            (None, Ok(())) if self.at == self.size && self.is_done => Ok(()),
            (None, Ok(())) => {
                let error = format!("it ends at byte {} of {}", self.at, self.size);
                Err(DiskError::Source(io::Error::new(io::ErrorKind::UnexpectedEof, error)))
            }
        }
    }
}

impl Write for Pieces {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.put(&mut InBuffer::around(bytes))?;
        match self.end {
            None => Ok(bytes.len()),
            Some(_) => Err(io::Error::other("no more is taken")),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Hands the bytes `take` of an image of `size` bytes to `each`, in order, in pieces of 4 MiB counted from its start. The
/// producer is stopped as soon as they came, unless they are all.
pub(super) fn stream(
    produce: &mut Produce<'_>,
    size: u64,
    take: Range<u64>,
    mut each: impl FnMut(u64, &[u8]) -> Result<(), DiskError>,
) -> Result<(), DiskError> {
    let (to, pieces) = sync_channel(PIECES);
    let (give_back, empty): (Sender<Vec<u8>>, _) = channel();
    for _ in 1..PIECES {
        // It has a reader: that is in this function.
        let _given = give_back.send(vec![0; PIECE]);
    }
    let mut decoder = Decoder::new().map_err(DiskError::Source)?;
    decoder.set_parameter(DParameter::WindowLogMax(WINDOW_LOG)).map_err(DiskError::Source)?;
    let buffer = vec![0; PIECE];
    let mut from =
        Pieces { decoder, is_done: false, buffer, filled: 0, at: 0, take, size, to, empty, end: None };
    thread::scope(|scope| {
        let producing = scope.spawn(move || {
            let produced = produce(&mut from);
            from.finish(produced)
        });
        let mut take_all = |pieces: Receiver<Piece>, give_back: Sender<Vec<u8>>| {
            for Piece { offset, length, buffer } in pieces {
                each(offset, &buffer[..length])?;
                // The last ones are not wanted back.
                let _given = give_back.send(buffer);
            }
            Ok(())
        };
        let taken = take_all(pieces, give_back);
        let produced = producing.join().unwrap_or_else(|panic| panic::resume_unwind(panic));
        taken.and(produced)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const SIZE: u64 = (PIECE as u64) * 2 + 12_345;

    fn image() -> Vec<u8> {
        // What no compressor makes much shorter, so that its end is not known at its beginning.
        let mut state = 1_u64;
        let next = |_| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            (state >> 56).to_le_bytes()[0]
        };
        (0..SIZE).map(next).collect()
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
            zst.chunks(1_000).try_for_each(|it| {
                asked += it.len();
                out.write_all(it)
            })
        };
        let done = stream(&mut produce, size, take, |at, piece| {
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
        let (image, take) = (image(), 1_000_000..6_000_001_u64);
        let zst = compressed(&image);
        let (done, pieces, asked) = taken(&zst, SIZE, take.clone());
        done.unwrap();
        let places: Vec<_> = pieces.iter().map(|it| (it.0, it.1.len())).collect();
        let rest = 5_000_001 - PIECE;
        assert_eq!(places, [(take.start, PIECE), (take.start + PIECE as u64, rest)]);
        assert!(pieces.into_iter().flat_map(|it| it.1).eq(image[1_000_000..6_000_001].iter().copied()));
        assert!(asked < zst.len(), "{asked} of {}", zst.len());
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
        // All bytes came, but not the sum behind them.
        let (done, pieces, _) = taken(&zst[..zst.len() - 1], SIZE, 0..SIZE);
        assert!(done.unwrap_err().is_integrity() && pieces.len() == 3);
        let mut other = zst.clone();
        *other.last_mut().unwrap() ^= 1;
        let (done, ..) = taken(&other, SIZE, 0..SIZE);
        assert!(done.is_err());
    }

    #[test]
    fn whoever_takes_the_pieces_says_why_it_ends() {
        let zst = compressed(&image());
        let mut produce = |out: &mut dyn Write| zst.chunks(1000).try_for_each(|it| out.write_all(it));
        let mut count = 0;
        let done = stream(&mut produce, SIZE, 0..SIZE, |_, _| {
            count += 1;
            Err(DiskError::ReadOnly { disk: "it".to_owned() })
        });
        assert!(matches!(done, Err(DiskError::ReadOnly { .. })) && count == 1, "{done:?}");
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
