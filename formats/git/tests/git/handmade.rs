//! Packs that no git would write (`gitformat-pack`).

use flate2::Compression;
use flate2::write::ZlibEncoder;
use gabion_git::{Limits, ObjectId, Objects, PackError};
use sha1_checked::{Digest, Sha1};
use std::io::{Cursor, Write};

pub(crate) const COMMIT: u8 = 1;
pub(crate) const TREE: u8 = 2;
pub(crate) const BLOB: u8 = 3;
const OFFSET_DELTA: u8 = 6;
const REF_DELTA: u8 = 7;

/// A pack on its way.
#[derive(Debug, Default)]
pub(crate) struct Pack {
    body: Vec<u8>,
    count: u32,
}

/// The name of an object.
pub(crate) fn id(kind: &str, bytes: &[u8]) -> ObjectId {
    ObjectId::from_bytes(
        Sha1::digest([format!("{kind} {}\0", bytes.len()).as_bytes(), bytes].concat()).into(),
    )
}

pub(crate) fn deflate(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = ZlibEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

/// A number of a delta.
pub(crate) fn number(mut number: u64) -> Vec<u8> {
    let mut out = Vec::new();
    while number > 0x7f {
        out.push(number as u8 | 0x80);
        number >>= 7;
    }
    out.push(number as u8);
    out
}

/// A delta: sizes of base and result, and instructions.
pub(crate) fn delta(base: u64, result: u64, instructions: &[u8]) -> Vec<u8> {
    [&number(base), &number(result), instructions].concat()
}

pub(crate) fn tree(entries: &[(&str, &[u8], ObjectId)]) -> Vec<u8> {
    let one = |(mode, name, id): &(&str, &[u8], ObjectId)| {
        [mode.as_bytes(), b" ", name, b"\0", id.as_bytes()].concat()
    };
    entries.iter().flat_map(one).collect()
}

pub(crate) fn commit(tree: ObjectId) -> Vec<u8> {
    format!("tree {tree}\nauthor a <a> 0 +0000\ncommitter c <c> 0 +0000\n\nm\n").into_bytes()
}

impl Pack {
    /// Where the next entry begins.
    pub(crate) fn at(&self) -> u64 {
        12 + self.body.len() as u64
    }

    /// An entry whose header says `size`; `base` stands between the header and the bytes.
    pub(crate) fn raw(&mut self, kind: u8, size: u64, base: &[u8], compressed: &[u8]) -> u64 {
        let at = self.at();
        let first = kind << 4 | (size & 15) as u8;
        let more = size >> 4;
        self.body.push(if more > 0 { first | 0x80 } else { first });
        if more > 0 {
            self.body.extend(number(more));
        }
        self.body.extend_from_slice(base);
        self.body.extend_from_slice(compressed);
        self.count += 1;
        at
    }

    pub(crate) fn whole(&mut self, kind: u8, bytes: &[u8]) -> u64 {
        self.raw(kind, bytes.len() as u64, b"", &deflate(bytes))
    }

    pub(crate) fn offset_delta(&mut self, base: u64, bytes: &[u8]) -> u64 {
        let mut distance = self.at() - base;
        let mut digits = vec![distance as u8 & 0x7f];
        while distance > 0x7f {
            distance = (distance >> 7) - 1;
            digits.insert(0, distance as u8 | 0x80);
        }
        self.raw(OFFSET_DELTA, bytes.len() as u64, &digits, &deflate(bytes))
    }

    pub(crate) fn ref_delta(&mut self, base: ObjectId, bytes: &[u8]) -> u64 {
        self.raw(REF_DELTA, bytes.len() as u64, base.as_bytes(), &deflate(bytes))
    }

    /// The pack, saying that it has `count` objects.
    pub(crate) fn saying(&self, count: u32) -> Vec<u8> {
        seal([b"PACK\0\0\0\x02", &count.to_be_bytes()[..], &self.body].concat())
    }

    pub(crate) fn finish(&self) -> Vec<u8> {
        self.saying(self.count)
    }

    pub(crate) fn read(&self, limits: Limits) -> Result<Objects<Cursor<Vec<u8>>>, PackError> {
        Objects::read(&self.finish()[..], Cursor::new(Vec::new()), limits)
    }
}

/// Adds the checksum.
pub(crate) fn seal(mut bytes: Vec<u8>) -> Vec<u8> {
    let sum = Sha1::digest(&bytes);
    bytes.extend_from_slice(&sum);
    bytes
}
