//! The bytes of a pack as they come, and what stands before each object (`gitformat-pack`).

use crate::error::PackError;
use crate::object::{Collision, Hasher, Kind, ObjectId};
use std::io::{self, BufRead, BufReader, Read};

/// A pack that is hashed while it is read.
#[derive(Debug)]
pub(crate) struct Source<R> {
    inner: BufReader<R>,
    hasher: Hasher,
    at: u64,
}

impl<R: Read> Source<R> {
    pub(crate) fn new(inner: R) -> Self {
        Self { inner: BufReader::with_capacity(64 << 10, inner), hasher: Hasher::default(), at: 0 }
    }

    /// How many bytes were read.
    pub(crate) fn at(&self) -> u64 {
        self.at
    }

    pub(crate) fn array<const N: usize>(&mut self) -> Result<[u8; N], PackError> {
        let mut bytes = [0; N];
        let at = self.at;
        self.read_exact(&mut bytes).map_err(|error| PackError::read(at, error))?;
        Ok(bytes)
    }

    fn byte(&mut self) -> Result<u8, PackError> {
        Ok(self.array::<1>()?[0])
    }

    /// The magic number, the version, and how many objects follow.
    pub(crate) fn header(&mut self) -> Result<u32, PackError> {
        let header: [u8; 12] = self.array()?;
        let [b'P', b'A', b'C', b'K', 0, 0, 0, 2 | 3, count @ ..] = header else {
            return Err(PackError::Damaged { at: 0, why: "it is no pack of version 2 or 3" });
        };
        Ok(u32::from_be_bytes(count))
    }

    /// The checksum, and then the end.
    pub(crate) fn trailer(mut self) -> Result<(), PackError> {
        let hasher = std::mem::take(&mut self.hasher);
        let there: [u8; 20] = self.array()?;
        let Ok(id) = hasher.finish() else { return Err(PackError::Collision) };
        if *id.as_bytes() != there {
            return Err(PackError::Checksum);
        }
        let at = self.at;
        match self.inner.fill_buf() {
            Ok([]) => Ok(()),
            Ok(_) => Err(PackError::Damaged { at, why: "something follows its end" }),
            Err(error) => Err(PackError::read(at, error)),
        }
    }
}

impl<R: Read> Read for Source<R> {
    fn read(&mut self, to: &mut [u8]) -> io::Result<usize> {
        let count = self.fill_buf()?.read(to)?;
        self.consume(count);
        Ok(count)
    }
}

impl<R: Read> BufRead for Source<R> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        self.inner.fill_buf()
    }

    fn consume(&mut self, count: usize) {
        self.hasher.update(&self.inner.buffer()[..count]);
        self.at += count as u64;
        self.inner.consume(count);
    }
}

/// What stands before the compressed bytes of an entry.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Entry {
    /// Where it begins.
    pub(crate) at: u64,
    /// How many bytes it is, decompressed.
    pub(crate) size: u64,
    pub(crate) shape: Shape,
}

/// A whole object, or a change of another one.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Shape {
    Whole(Kind),
    Delta(Base),
}

/// What a delta changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Base {
    /// The entry that begins there.
    Offset(u64),
    /// The object of this name.
    Id(ObjectId),
}

impl Entry {
    pub(crate) fn read<R: Read>(source: &mut Source<R>) -> Result<Self, PackError> {
        let at = source.at();
        let damaged = |why| PackError::Damaged { at, why };
        let first = source.byte()?;
        let mut size = u64::from(first & 15);
        let (mut byte, mut shift) = (first, 4);
        while byte & 0x80 != 0 {
            byte = source.byte()?;
            size |= shifted(byte, shift).ok_or(damaged("its size is no number"))?;
            shift += 7;
        }
        let shape = match first >> 4 & 7 {
            1 => Shape::Whole(Kind::Commit),
            2 => Shape::Whole(Kind::Tree),
            3 => Shape::Whole(Kind::Blob),
            4 => Shape::Whole(Kind::Tag),
            6 => {
                let back = distance(source)?.filter(|back| (1..=at).contains(back));
                Shape::Delta(Base::Offset(at - back.ok_or(damaged("its base is outside of the pack"))?))
            }
            7 => Shape::Delta(Base::Id(ObjectId::from_bytes(source.array()?))),
            _ => return Err(damaged("its type does not exist")),
        };
        Ok(Self { at, size, shape })
    }
}

/// The low seven bits of `byte`, `shift` bits up; `None` where they do not fit.
pub(crate) fn shifted(byte: u8, shift: u32) -> Option<u64> {
    let bits = u64::from(byte & 0x7f);
    bits.checked_shl(shift).filter(|it| it >> shift == bits)
}

/// How far back the base of an offset delta begins; `None` where it is no number.
fn distance<R: Read>(source: &mut Source<R>) -> Result<Option<u64>, PackError> {
    let mut byte = source.byte()?;
    let mut distance = u64::from(byte & 0x7f);
    while byte & 0x80 != 0 {
        byte = source.byte()?;
        let Some(next) = (distance + 1).checked_mul(128) else { return Ok(None) };
        distance = next + u64::from(byte & 0x7f);
    }
    Ok(Some(distance))
}

impl From<Collision> for PackError {
    fn from(Collision: Collision) -> Self {
        Self::Collision
    }
}
