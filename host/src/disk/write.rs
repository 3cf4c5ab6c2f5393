//! Bytes onto the disk, and read back from it.
//!
//! # Invariants
//! - Nothing is believed about what an earlier run wrote: it is compared, and what is there is not written again.
//! - A disk gets its table of partitions last. Until then no firmware starts it, and the next run does not take it for one
//!   that is installed.
//! - What was written counts when it was read back from the disk.

use super::device::{Device, ReadBack};
use super::image::Image;
use super::stream::{Produce, stream};
use super::{DiskError, Event};
use gabion_digest::Digest;
use gabion_disk::gpt::Table;
use gabion_disk::{FoundTable, MIB, Role, Target};
use std::io;
use std::ops::Range;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Sender, channel};
use std::thread;

/// The unit in which zeros are left out.
const BLOCK: usize = 1 << 20;

/// What a run wrote.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Counts {
    /// Bytes that were sent to the disk.
    pub(super) written: u64,
    /// Bytes that are zeros without having been sent.
    pub(super) zeroed: u64,
    /// Bytes that were there already.
    pub(super) kept: u64,
}

/// What lies where.
struct Piece {
    offset: u64,
    length: usize,
    /// None where all is zeros: a machine compares these faster than it hashes them.
    digest: Option<Digest>,
}

struct Writer<'d> {
    device: &'d Device,
    /// Whether everything was there so far. What a cut run wrote is the beginning of the image.
    comparing: bool,
    pieces: Vec<Piece>,
    counts: Counts,
}

impl<'d> Writer<'d> {
    fn new(device: &'d Device) -> Self {
        Self { device, comparing: true, pieces: Vec::new(), counts: Counts::default() }
    }

    fn put(&mut self, offset: u64, bytes: &[u8]) -> Result<(), DiskError> {
        if bytes.is_empty() {
            return Ok(());
        }
        let blocks: Vec<(bool, usize)> = bytes.chunks(BLOCK).map(|it| (is_zero(it), it.len())).collect();
        let digest = blocks.iter().any(|it| !it.0).then(|| Digest::of(bytes));
        self.pieces.push(Piece { offset, length: bytes.len(), digest });
        self.comparing = self.comparing && self.device.has(offset, bytes)?;
        if self.comparing {
            self.counts.kept += bytes.len() as u64;
            return Ok(());
        }
        let (mut at, mut rest) = (offset, bytes);
        for run in blocks.chunk_by(|one, other| one.0 == other.0) {
            let (bytes, behind) = rest.split_at(run.iter().map(|it| it.1).sum());
            let size = bytes.len() as u64;
            if run.iter().all(|it| it.0) {
                self.device.zero(at, size)?;
                self.counts.zeroed += size;
            } else {
                self.device.write(at, bytes)?;
                self.counts.written += size;
            }
            (at, rest) = (at + size, behind);
        }
        Ok(())
    }

    /// Reads everything back from the disk.
    fn check(self, events: &mut dyn FnMut(Event)) -> Result<Counts, DiskError> {
        self.device.sync()?;
        let total = self.pieces.iter().map(|it| it.length as u64).sum();
        let (next, (tell, told)) = (AtomicUsize::new(0), channel());
        thread::scope(|scope| {
            for tell in [tell.clone(), tell] {
                let (it, next) = (&self, &next);
                scope.spawn(move || it.check_pieces(next, &tell));
            }
            let mut done = 0;
            for length in told {
                done += length?;
                events(Event::Checked { done, total });
            }
            Ok(())
        })?;
        Ok(self.counts)
    }

    /// Checks pieces that nobody has begun yet, and tells how long each is, until none is left or nobody listens.
    fn check_pieces(&self, next: &AtomicUsize, tell: &Sender<Result<u64, DiskError>>) {
        let mut from = ReadBack::new(self.device);
        while let Some(piece) = self.pieces.get(next.fetch_add(1, Ordering::Relaxed)) {
            if tell.send(self.check_piece(piece, &mut from)).is_err() {
                return;
            }
        }
    }

    fn check_piece(&self, piece: &Piece, from: &mut ReadBack<'_>) -> Result<u64, DiskError> {
        let (offset, length) = (piece.offset, piece.length as u64);
        let there = from.read(offset, piece.length)?;
        let is_right = match piece.digest {
            None => is_zero(there),
            Some(digest) => Digest::of(there) == digest,
        };
        if is_right {
            return Ok(length);
        }
        Err(DiskError::ReadBack { disk: self.device.path.clone(), offset, length })
    }
}

fn is_zero(bytes: &[u8]) -> bool {
    let (chunks, rest) = bytes.as_chunks::<64>();
    chunks.iter().all(|it| *it == [0; 64]) && rest.iter().all(|it| *it == 0)
}

/// Writes the whole image but for its tables: what lies before the first partition, and behind the last one.
pub(super) fn whole(
    device: &Device,
    image: &Image,
    produce: &mut Produce<'_>,
    events: &mut dyn FnMut(Event),
) -> Result<Counts, DiskError> {
    // No table of what was there may lead anybody to what is half written.
    for at in [0, device.size - MIB] {
        if !device.has(at, &vec![0; BLOCK])? {
            device.zero(at, MIB)?;
            device.sync()?;
        }
    }
    let data = image.part(Role::Data);
    let range = MIB..data.offset() + data.size();
    let mut writer = Writer::new(device);
    stream(produce, image.size, 0..image.size, |at, piece| {
        let (start, end) = (range.start.max(at), range.end.min(at + piece.len() as u64));
        if start < end {
            writer.put(start, within(piece, start - at..end - at))?;
            events(Event::Wrote { done: end - MIB, total: range.end - MIB });
        }
        Ok(())
    })?;
    writer.check(events)
}

fn within(piece: &[u8], range: Range<u64>) -> &[u8] {
    let at = |it: u64| usize::try_from(it).unwrap_or(piece.len());
    &piece[at(range.start)..at(range.end)]
}

/// Writes the image's slot to the partition that begins at `offset` of the device, and nothing else.
pub(super) fn slot(
    device: &Device,
    offset: u64,
    image: &Image,
    produce: &mut Produce<'_>,
    events: &mut dyn FnMut(Event),
) -> Result<Counts, DiskError> {
    let root = image.part(Role::RootA);
    let (start, size) = (root.offset(), root.size());
    let mut writer = Writer::new(device);
    stream(produce, image.size, start..start + size, |at, piece| {
        writer.put(offset + (at - start), piece)?;
        events(Event::Wrote { done: at - start + piece.len() as u64, total: size });
        Ok(())
    })?;
    writer.check(events)
}

/// Puts only what is not there yet.
struct Differing<'d> {
    device: &'d Device,
    changed: bool,
    error: Option<DiskError>,
}

impl Differing<'_> {
    fn try_put(&mut self, offset: u64, bytes: &[u8]) -> Result<(), DiskError> {
        if !self.device.has(offset, bytes)? {
            self.changed = true;
            self.device.write(offset, bytes)?;
        }
        Ok(())
    }
}

impl Target for Differing<'_> {
    fn put(&mut self, offset: u64, bytes: &[u8]) -> io::Result<()> {
        self.try_put(offset, bytes).map_err(|error| {
            self.error = Some(error);
            io::Error::other("the disk")
        })
    }
}

/// Writes both tables with `code` before them, where they are not there; gives whether anything was written. `head` is the
/// beginning of an image, of which what lies behind the first table is written too.
pub(super) fn table(
    device: &Device,
    table: &Table,
    code: &[u8; 440],
    head: Option<&[u8]>,
) -> Result<bool, DiskError> {
    /// Boot record, header and entries.
    const TABLE: usize = 34 * 512;
    let mut target = Differing { device, changed: false, error: None };
    if let Some(rest) = head.and_then(|it| it.get(TABLE..)) {
        target.try_put(TABLE as u64, rest)?;
    }
    let written = table.write(code, &mut target);
    if let Some(error) = target.error {
        return Err(error);
    }
    written.map_err(|source| DiskError::device("write", &device.path, 0, source))?;
    if !target.changed {
        return Ok(false);
    }
    device.sync()?;
    let read = FoundTable::read(&mut device.part(0, device.size), device.size);
    let read = read.map_err(|source| DiskError::device("read", &device.path, 0, source))?;
    let is_right = read
        .is_some_and(|it| !it.is_second && it.to_table(device.size).ok().flatten().as_ref() == Some(table));
    if is_right {
        Ok(true)
    } else {
        Err(DiskError::ReadBack { disk: device.path.clone(), offset: 0, length: MIB })
    }
}
