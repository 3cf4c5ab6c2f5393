//! Writing blobs: hashed while they are written, checked before they get a name.

use crate::error::{StoreError, names};
use crate::fs::{self, Staged};
use crate::journal::Event;
use crate::{Pending, Store};
use gabion_digest::{BlobId, DualHasher, Hashed, Sha256};
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom, Write};

/// What bytes must be; whatever is `None` may be anything.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Expect {
    /// Their own name.
    pub blob: Option<BlobId>,
    /// Their foreign name.
    pub sha256: Option<Sha256>,
    /// How many they are.
    pub size: Option<u64>,
}

impl Expect {
    /// Compares; `head` is the start of the bytes, for the message.
    pub(crate) fn check(&self, hashed: &Hashed, head: &[u8]) -> Result<(), StoreError> {
        let fits = self.blob.is_none_or(|it| it == hashed.blob)
            && self.sha256.is_none_or(|it| it == hashed.sha256)
            && self.size.is_none_or(|it| it == hashed.size);
        if fits {
            return Ok(());
        }
        let received = names(self.blob.map(|_| hashed.blob), self.sha256.map(|_| hashed.sha256), None);
        Err(StoreError::mismatch(names(self.blob, self.sha256, self.size), received, hashed.size, head))
    }
}

/// How much of the start is kept for messages.
pub(crate) const HEAD: usize = 512;

/// What is not longer waits in memory: where it is in the store already, no file is made for it.
const SMALL_BLOB: usize = 64 << 10;

/// A blob being written. Dropped before [`BlobWriter::finish`], it leaves nothing behind.
#[derive(Debug)]
pub struct BlobWriter<'s> {
    store: &'s Store,
    /// What is not in the file.
    memory: Vec<u8>,
    staged: Option<Staged>,
    hasher: DualHasher,
    head: Vec<u8>,
}

impl Write for BlobWriter<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let count = if self.staged.is_none() && self.memory.len() + bytes.len() <= SMALL_BLOB {
            self.memory.extend_from_slice(bytes);
            bytes.len()
        } else {
            self.file().map_err(StoreError::into_io)?.write(bytes)?
        };
        let written = &bytes[..count];
        self.hasher.update(written);
        let room = HEAD.saturating_sub(self.head.len());
        self.head.extend_from_slice(&written[..room.min(count)]);
        Ok(count)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl BlobWriter<'_> {
    /// Checks the bytes and gives them their names.
    pub fn finish(self, expect: Expect) -> Result<Hashed, StoreError> {
        let store = self.store;
        let (hashed, pending) = self.end(expect)?;
        store.commit(pending)?;
        Ok(hashed)
    }

    /// Checks the bytes; [`Store::commit`] gives them their names.
    pub fn end(self, expect: Expect) -> Result<(Hashed, Pending), StoreError> {
        let (staged, hashed) = self.check(expect)?;
        Ok((hashed, Pending::of(staged.map(|staged| (staged, hashed)).into_iter().collect())))
    }

    /// What was written so far, in a file.
    pub(crate) fn file(&mut self) -> Result<&mut File, StoreError> {
        let staged = match self.staged.take() {
            Some(staged) => staged,
            None => fs::stage_bytes(&self.store.tmp(), &std::mem::take(&mut self.memory))?,
        };
        Ok(&mut self.staged.insert(staged).file)
    }

    /// The bytes and their names; no bytes where the store has them.
    fn check(self, expect: Expect) -> Result<(Option<Staged>, Hashed), StoreError> {
        let hashed = self.hasher.finish();
        expect.check(&hashed, &self.head)?;
        let staged = match self.staged {
            Some(staged) => Some(staged),
            None if self.store.has_all(&hashed)? => None,
            None => Some(fs::stage_bytes(&self.store.tmp(), &self.memory)?),
        };
        Ok((staged, hashed))
    }
}

/// A blob that is not written front to back: at its offsets first, then read once for its names. Dropped before
/// [`Draft::finish`], it leaves nothing behind.
#[derive(Debug)]
pub struct Draft<'s> {
    store: &'s Store,
    staged: Staged,
}

impl Draft<'_> {
    /// The file; whoever has it is done with it before [`Draft::finish`].
    pub fn file(&self) -> Result<File, StoreError> {
        self.staged.file.try_clone().map_err(|error| StoreError::io("open", &self.store.tmp(), error))
    }

    /// Reads the bytes and gives them their names.
    pub fn finish(self) -> Result<Hashed, StoreError> {
        let failed = |error| StoreError::io("read", &self.store.tmp(), error);
        let mut file = &self.staged.file;
        file.seek(SeekFrom::Start(0)).map_err(failed)?;
        let mut digests = DualHasher::new();
        let mut buffer = vec![0; 256 << 10];
        loop {
            match file.read(&mut buffer) {
                Ok(0) => break,
                Ok(count) => digests.update(&buffer[..count]),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(failed(error)),
            }
        }
        let hashed = digests.finish();
        self.store.publish(&self.staged, &hashed)?;
        Ok(hashed)
    }
}

/// How many files a batch holds open before it commits them on its own.
const BATCH: usize = 256;

/// Blobs that get their names together: one sync each, and one for each folder.
///
/// Nothing of it is in the store before [`Batch::commit`], and whatever names the blobs comes after that.
#[derive(Debug)]
pub struct Batch<'s> {
    store: &'s Store,
    staged: Vec<(Staged, Hashed)>,
}

impl Batch<'_> {
    /// Adds bytes that are in memory already.
    pub fn put(&mut self, bytes: &[u8]) -> Result<Hashed, StoreError> {
        match self.store.stage(bytes)? {
            Ok(hashed) => Ok(hashed),
            Err(writer) => self.add(writer, Expect::default()),
        }
    }

    /// Adds a blob that was written, if it is what it must be.
    pub fn add(&mut self, writer: BlobWriter<'_>, expect: Expect) -> Result<Hashed, StoreError> {
        let (staged, hashed) = writer.check(expect)?;
        self.staged.extend(staged.map(|staged| (staged, hashed)));
        if self.staged.len() >= BATCH {
            self.flush()?;
        }
        Ok(hashed)
    }

    /// What has no names yet, for [`Store::commit`].
    pub fn end(self) -> Pending {
        Pending::of(self.staged)
    }

    /// Gives every blob its names.
    pub fn commit(mut self) -> Result<(), StoreError> {
        self.flush()
    }

    fn flush(&mut self) -> Result<(), StoreError> {
        let blobs = std::mem::take(&mut self.staged);
        self.store.commit(Pending::of(blobs))
    }
}

impl Store {
    /// Begins a blob.
    pub fn writer(&self) -> Result<BlobWriter<'_>, StoreError> {
        let (memory, staged, head) = (Vec::new(), None, Vec::new());
        Ok(BlobWriter { store: self, memory, staged, hasher: DualHasher::new(), head })
    }

    /// Begins a blob that is written at its offsets.
    pub fn draft(&self) -> Result<Draft<'_>, StoreError> {
        let staged = fs::stage(&self.tmp())?;
        fs::write_anywhere(&staged.file).map_err(|error| StoreError::io("open", &self.tmp(), error))?;
        Ok(Draft { store: self, staged })
    }

    /// Begins blobs that belong together.
    pub fn batch(&self) -> Batch<'_> {
        Batch { store: self, staged: Vec::new() }
    }

    /// An empty file without a name, on the store's disk: room for what is too large for memory. It is gone
    /// when it is closed.
    pub fn scratch(&self) -> Result<File, StoreError> {
        let staged = fs::stage(&self.tmp())?;
        staged.file.try_clone().map_err(|error| StoreError::io("open", &self.tmp(), error))
    }

    /// Stores bytes that are in memory already.
    pub fn put(&self, bytes: &[u8]) -> Result<Hashed, StoreError> {
        match self.stage(bytes)? {
            Ok(hashed) => Ok(hashed),
            Err(writer) => writer.finish(Expect::default()),
        }
    }

    /// Whether these bytes are here under both names.
    fn has_all(&self, hashed: &Hashed) -> Result<bool, StoreError> {
        Ok(self.by_sha256(hashed.sha256)? == Some((hashed.blob, hashed.size)))
    }

    /// The names of bytes that are here, or else a writer that has them.
    fn stage(&self, bytes: &[u8]) -> Result<Result<Hashed, BlobWriter<'_>>, StoreError> {
        let hashed = gabion_digest::hash_bytes(bytes);
        if self.has_all(&hashed)? {
            return Ok(Ok(hashed));
        }
        let mut writer = self.writer()?;
        writer.write_all(bytes).map_err(|error| StoreError::io("write", &self.tmp(), error))?;
        Ok(Err(writer))
    }

    pub(crate) fn publish(&self, staged: &Staged, hashed: &Hashed) -> Result<(), StoreError> {
        fs::publish(staged, &self.blob_path(hashed.blob))?;
        self.write_alias(hashed)
    }

    pub(crate) fn write_alias(&self, hashed: &Hashed) -> Result<(), StoreError> {
        self.journal.note(&Event::Used(hashed.blob, hashed.size));
        let line = format!("{} {}\n", hashed.blob, hashed.size);
        let alias = self.alias_path(hashed.sha256);
        if fs_err::read(&alias).is_ok_and(|there| there == line.as_bytes()) {
            return Ok(());
        }
        fs::replace_hint(&self.tmp(), &alias, line.as_bytes())
    }
}
