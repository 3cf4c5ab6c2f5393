//! What a package has, with the digest of each file: enough to unpack it from bytes that lie elsewhere, in a system that
//! was built before, without decompressing it.

use crate::error::Fault;
use crate::{Deb, RootfsError};
use gabion_apt::{DataEntry, EntryKind};
use gabion_digest::{BlobId, Digest};
use serde::{Deserialize, Serialize};
use std::io::{self, Read, Seek, SeekFrom};
use std::path::PathBuf;

/// An entry of a package's data, as the package has it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Listed {
    path: String,
    mode: u32,
    uid: u32,
    gid: u32,
    what: What,
}

/// What an entry is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
enum What {
    Directory,
    File {
        size: u64,
        #[serde(with = "crate::stage::as_text")]
        blob: BlobId,
    },
    Symlink(String),
    HardLink(String),
}

/// The entries of one package, in its order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Listing {
    /// The package.
    pub name: String,
    /// Its entries.
    pub entries: Vec<Listed>,
}

/// A package's entries, and where the bytes of its files lie.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Elsewhere {
    /// A file that has all of them.
    pub content: PathBuf,
    /// Its entries.
    pub entries: Vec<Listed>,
    /// Where each file begins in `content`; an empty one anywhere.
    pub offsets: Vec<u64>,
}

impl Listed {
    /// The digest of its bytes and how many they are, where it is a file.
    pub fn file(&self) -> Option<(BlobId, u64)> {
        match self.what {
            What::File { size, blob } => Some((blob, size)),
            _ => None,
        }
    }

    /// `None` where a name is not text: such a package is decompressed every time.
    pub(crate) fn of(entry: &DataEntry, read: &Hashed<impl Read>) -> Option<Self> {
        let text = |bytes: &[u8]| Some(std::str::from_utf8(bytes).ok()?.to_owned());
        let what = match &entry.kind {
            EntryKind::Directory => What::Directory,
            EntryKind::File => What::File { size: read.count, blob: read.blob() },
            EntryKind::Symlink(target) => What::Symlink(text(target)?),
            EntryKind::HardLink(target) => What::HardLink(text(target)?),
        };
        Some(Self { path: text(&entry.path)?, mode: entry.mode, uid: entry.uid, gid: entry.gid, what })
    }

    fn entry(&self) -> DataEntry {
        let (kind, size) = match &self.what {
            What::Directory => (EntryKind::Directory, 0),
            What::File { size, .. } => (EntryKind::File, *size),
            What::Symlink(target) => (EntryKind::Symlink(target.clone().into()), 0),
            What::HardLink(target) => (EntryKind::HardLink(target.clone().into()), 0),
        };
        let (mode, uid, gid) = (self.mode, self.uid, self.gid);
        DataEntry { path: self.path.clone().into(), kind, mode, uid, gid, size }
    }
}

impl Elsewhere {
    /// Gives every entry to `each` as [`gabion_apt::DebReader::unpack`] would.
    pub(crate) fn unpack(
        &self,
        deb: &Deb,
        mut each: impl FnMut(&DataEntry, &mut dyn Read) -> Result<(), Fault>,
    ) -> Result<(), Fault> {
        let stale = || Fault::Root(RootfsError::Stale { package: deb.name.clone() });
        let mut content = fs_err::File::open(&self.content).map_err(|_| stale())?;
        let mut offsets = self.offsets.iter();
        for listed in &self.entries {
            let Some((blob, size)) = listed.file() else {
                each(&listed.entry(), &mut io::empty())?;
                continue;
            };
            let offset = offsets.next().ok_or_else(stale)?;
            content.seek(SeekFrom::Start(*offset)).map_err(|_| stale())?;
            let mut bytes = Hashed::new((&mut content).take(size));
            each(&listed.entry(), &mut bytes)?;
            if (bytes.count, bytes.blob()) != (size, blob) {
                return Err(stale());
            }
        }
        Ok(())
    }
}

/// Counts and hashes what passes.
pub(crate) struct Hashed<R> {
    pub(crate) from: R,
    hasher: blake3::Hasher,
    pub(crate) count: u64,
}

impl<R: Read> Hashed<R> {
    pub(crate) fn new(from: R) -> Self {
        Self { from, hasher: blake3::Hasher::new(), count: 0 }
    }

    pub(crate) fn blob(&self) -> BlobId {
        BlobId::new(Digest::from_bytes(*self.hasher.finalize().as_bytes()))
    }
}

impl<R: Read> Read for Hashed<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.from.read(buffer)?;
        self.hasher.update(&buffer[..count]);
        self.count += count as u64;
        Ok(count)
    }
}
