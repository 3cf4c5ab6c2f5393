//! The objects of a pack by their names.

use crate::error::PackError;
use crate::object::{Kind, ObjectId};
use crate::pack::Unpacker;
use crate::spool::Spool;
use std::collections::BTreeMap;
use std::io::{Read, Seek, Write};

/// What a pack and what is in it may be at most: a server can send a few bytes that unpack to anything.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Objects in the pack, and entries of the archive.
    pub count: u64,
    /// Bytes of one object.
    pub object: u64,
    /// Bytes of all objects together, and of the archive.
    pub total: u64,
}

impl Default for Limits {
    /// A million objects, 2 GiB each, 16 GiB together: several times the largest public trees.
    fn default() -> Self {
        Self { count: 1 << 20, object: 2 << 30, total: 16 << 30 }
    }
}

/// Where an object lies in the spool.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Place {
    pub(crate) kind: Kind,
    pub(crate) at: u64,
    pub(crate) size: u64,
}

/// Every object of a pack, each under the name that its bytes hash to.
#[derive(Debug)]
pub struct Objects<S> {
    pub(crate) spool: Spool<S>,
    pub(crate) index: BTreeMap<ObjectId, Place>,
    pub(crate) limits: Limits,
}

impl<S: Read + Write + Seek> Objects<S> {
    /// Reads a pack to its end and checks everything that it says of itself.
    ///
    /// `file` is an empty temporary file; it takes the unpacked objects.
    pub fn read(pack: impl Read, file: S, limits: Limits) -> Result<Self, PackError> {
        let (spool, index) = Unpacker::new(pack, file, limits).run()?;
        Ok(Self { spool, index, limits })
    }

    /// What an object is and how many bytes it has; `None` where the pack does not have it.
    pub fn get(&self, id: &ObjectId) -> Option<(Kind, u64)> {
        self.index.get(id).map(|place| (place.kind, place.size))
    }

    /// The names of all objects, sorted.
    pub fn ids(&self) -> impl Iterator<Item = &ObjectId> {
        self.index.keys()
    }

    /// Writes the bytes of an object, piece by piece.
    pub(crate) fn copy<E: From<PackError>>(
        &mut self,
        place: Place,
        mut out: impl FnMut(&[u8]) -> Result<(), E>,
    ) -> Result<(), E> {
        let mut buffer = [0; 16 << 10];
        let (mut at, end) = (place.at, place.at + place.size);
        while at < end {
            let piece = &mut buffer[..(end - at).min(16 << 10) as usize];
            self.spool.read_at(at, piece)?;
            out(piece)?;
            at += piece.len() as u64;
        }
        Ok(())
    }
}
