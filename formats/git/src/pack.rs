//! Takes a pack apart while it arrives: every object is written whole behind the others and hashed on the way.
//!
//! A delta is carried out from the file into the file, so that neither it nor its base is ever in memory. git
//! writes the base of a delta before it; a delta that names a base which has not come yet waits for it in memory,
//! which is bounded.

use crate::delta::{Instruction, instruction, number};
use crate::entry::{Base, Entry, Shape, Source};
use crate::error::PackError;
use crate::object::{Hasher, Kind, ObjectId};
use crate::objects::{Limits, Place};
use crate::spool::Spool;
use flate2::bufread::ZlibDecoder;
use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, BufRead, BufReader, Read, Seek, Write};

/// Bytes of all deltas that wait for their base.
const WAITING: u64 = 32 << 20;
/// How much is moved at once.
const PIECE: usize = 8 << 10;

/// A delta whose base has not come yet.
struct Waiting {
    at: u64,
    delta: Vec<u8>,
}

/// A pack on its way.
pub(crate) struct Unpacker<R, S> {
    source: Source<R>,
    spool: Spool<S>,
    limits: Limits,
    index: BTreeMap<ObjectId, Place>,
    by_offset: BTreeMap<u64, Place>,
    waiting: BTreeMap<Base, Vec<Waiting>>,
    /// Where the entries begin that wait.
    waiting_at: BTreeSet<u64>,
    waiting_bytes: u64,
}

type Unpacked<S> = (Spool<S>, BTreeMap<ObjectId, Place>);

impl<R: Read, S: Read + Write + Seek> Unpacker<R, S> {
    pub(crate) fn new(pack: R, file: S, limits: Limits) -> Self {
        Self {
            source: Source::new(pack),
            spool: Spool::new(file, limits.total),
            limits,
            index: BTreeMap::new(),
            by_offset: BTreeMap::new(),
            waiting: BTreeMap::new(),
            waiting_at: BTreeSet::new(),
            waiting_bytes: 0,
        }
    }

    pub(crate) fn run(mut self) -> Result<Unpacked<S>, PackError> {
        let count = u64::from(self.source.header()?);
        at_most("the pack", count, self.limits.count)?;
        for _ in 0..count {
            self.entry()?;
        }
        self.source.trailer()?;
        let count = self.waiting_at.len();
        if count > 0 {
            return Err(PackError::Thin { count });
        }
        Ok((self.spool, self.index))
    }

    fn entry(&mut self) -> Result<(), PackError> {
        let entry = Entry::read(&mut self.source)?;
        at_most("an object", entry.size, self.limits.object)?;
        match entry.shape {
            Shape::Whole(kind) => self.whole(&entry, kind),
            Shape::Delta(base) => match self.find(&base) {
                Some(place) => self.delta(&entry, place),
                None => self.wait(&entry, base),
            },
        }
    }

    fn find(&self, base: &Base) -> Option<Place> {
        match base {
            Base::Offset(at) => self.by_offset.get(at).copied(),
            Base::Id(id) => self.index.get(id).copied(),
        }
    }

    fn whole(&mut self, entry: &Entry, kind: Kind) -> Result<(), PackError> {
        let mut out = Writer::begin(&mut self.spool, entry.at, kind, entry.size);
        inflate(&mut self.source, entry, |bytes| {
            let mut buffer = [0; PIECE];
            loop {
                let count = bytes.read(&mut buffer).map_err(|error| PackError::read(entry.at, error))?;
                if count == 0 {
                    return Ok(());
                }
                out.write(&buffer[..count])?;
            }
        })?;
        let (id, place) = out.end()?;
        self.add(entry.at, id, place)
    }

    fn delta(&mut self, entry: &Entry, base: Place) -> Result<(), PackError> {
        let (spool, limits) = (&mut self.spool, &self.limits);
        let (id, place) = inflate(&mut self.source, entry, |bytes| {
            apply(&mut BufReader::with_capacity(PIECE, bytes), base, spool, limits, entry.at)
        })?;
        self.add(entry.at, id, place)
    }

    fn wait(&mut self, entry: &Entry, base: Base) -> Result<(), PackError> {
        if let Base::Offset(at) = base
            && !self.waiting_at.contains(&at)
        {
            return Err(PackError::Damaged { at: entry.at, why: "its base is no object of the pack" });
        }
        self.waiting_bytes += entry.size;
        at_most("all that waits for the base of a delta", self.waiting_bytes, WAITING)?;
        let mut delta = Vec::new();
        inflate(&mut self.source, entry, |bytes| {
            bytes.read_to_end(&mut delta).map_err(|error| PackError::read(entry.at, error)).map(drop)
        })?;
        self.waiting_at.insert(entry.at);
        self.waiting.entry(base).or_default().push(Waiting { at: entry.at, delta });
        Ok(())
    }

    /// Takes an object, and then all that waited for it.
    fn add(&mut self, at: u64, id: ObjectId, place: Place) -> Result<(), PackError> {
        let mut come = vec![(at, id, place)];
        while let Some((at, id, place)) = come.pop() {
            self.index.entry(id).or_insert(place);
            self.by_offset.insert(at, place);
            if self.waiting.is_empty() {
                continue;
            }
            for base in [Base::Offset(at), Base::Id(id)] {
                for Waiting { at, delta } in self.waiting.remove(&base).unwrap_or_default() {
                    self.waiting_at.remove(&at);
                    self.waiting_bytes -= delta.len() as u64;
                    let (id, place) = apply(&mut &delta[..], place, &mut self.spool, &self.limits, at)?;
                    come.push((at, id, place));
                }
            }
        }
        Ok(())
    }
}

/// Hands the decompressed bytes of an entry to `take`, and checks that they are as many as it says.
fn inflate<R: Read, T>(
    source: &mut Source<R>,
    entry: &Entry,
    take: impl FnOnce(&mut dyn Read) -> Result<T, PackError>,
) -> Result<T, PackError> {
    let mut inflated = ZlibDecoder::new(source);
    let mut bytes = (&mut inflated).take(entry.size);
    let taken = take(&mut bytes)?;
    let left = bytes.limit();
    // Reading past the last byte checks its checksum as well.
    let more = inflated.read(&mut [0]).map_err(|error| PackError::read(entry.at, error))?;
    if left > 0 || more > 0 {
        return Err(PackError::Damaged { at: entry.at, why: "it has another size than it says" });
    }
    Ok(taken)
}

/// Writes what `delta` makes of `base`.
fn apply<S: Read + Write + Seek>(
    delta: &mut impl BufRead,
    base: Place,
    spool: &mut Spool<S>,
    limits: &Limits,
    at: u64,
) -> Result<(ObjectId, Place), PackError> {
    let damaged = |why| PackError::Damaged { at, why };
    let failed = |error: io::Error| match error.kind() {
        io::ErrorKind::InvalidData => damaged("its delta is malformed"),
        _ => PackError::read(at, error),
    };
    if number(delta).map_err(failed)? != base.size {
        return Err(damaged("its delta is for another base"));
    }
    let size = number(delta).map_err(failed)?;
    at_most("an object", size, limits.object)?;
    let mut out = Writer::begin(spool, at, base.kind, size);
    while let Some(it) = instruction(delta).map_err(failed)? {
        match it {
            Instruction::Copy { from, count } => {
                let inside = from.checked_add(count).is_some_and(|end| end <= base.size);
                out.copy(
                    base.at + from,
                    Some(count).filter(|_| inside).ok_or(damaged("its delta leaves its base"))?,
                )?;
            }
            Instruction::Insert { count } => {
                let mut bytes = [0; 0x7f];
                let bytes = &mut bytes[..usize::from(count)];
                delta.read_exact(bytes).map_err(failed)?;
                out.write(bytes)?;
            }
        }
    }
    out.end()
}

/// An object that is being written to the end of the spool.
struct Writer<'s, S> {
    spool: &'s mut Spool<S>,
    /// Where its entry begins in the pack.
    at: u64,
    place: Place,
    hasher: Hasher,
}

impl<'s, S: Read + Write + Seek> Writer<'s, S> {
    fn begin(spool: &'s mut Spool<S>, at: u64, kind: Kind, size: u64) -> Self {
        let place = Place { kind, at: spool.len(), size };
        Self { spool, at, place, hasher: Hasher::object(kind, size) }
    }

    /// How many bytes are still to come.
    fn left(&self) -> u64 {
        self.place.at + self.place.size - self.spool.len()
    }

    fn wrong_size(&self) -> PackError {
        PackError::Damaged { at: self.at, why: "it has another size than it says" }
    }

    fn write(&mut self, bytes: &[u8]) -> Result<(), PackError> {
        if bytes.len() as u64 > self.left() {
            return Err(self.wrong_size());
        }
        self.hasher.update(bytes);
        self.spool.append(bytes)
    }

    fn copy(&mut self, mut from: u64, mut count: u64) -> Result<(), PackError> {
        let mut buffer = [0; PIECE];
        while count > 0 {
            let piece = &mut buffer[..count.min(PIECE as u64) as usize];
            self.spool.read_at(from, piece)?;
            self.write(piece)?;
            from += piece.len() as u64;
            count -= piece.len() as u64;
        }
        Ok(())
    }

    fn end(self) -> Result<(ObjectId, Place), PackError> {
        if self.left() > 0 {
            return Err(self.wrong_size());
        }
        Ok((self.hasher.finish()?, self.place))
    }
}

fn at_most(what: &'static str, size: u64, limit: u64) -> Result<(), PackError> {
    if size > limit { Err(PackError::Large { what, size, limit }) } else { Ok(()) }
}
