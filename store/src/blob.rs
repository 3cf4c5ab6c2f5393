//! Writing blobs: hashed while they are written, checked before they get a name.

use crate::Store;
use crate::error::{StoreError, names};
use crate::fs::{self, Staged};
use gabion_digest::{BlobId, DualHasher, Hashed, Sha256};
use std::io::{self, Write};

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

/// A blob being written. Dropped before [`BlobWriter::finish`], it leaves nothing behind.
#[derive(Debug)]
pub struct BlobWriter<'s> {
    store: &'s Store,
    staged: Staged,
    hasher: DualHasher,
    head: Vec<u8>,
}

impl Write for BlobWriter<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let count = self.staged.file.write(bytes)?;
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
        let hashed = self.hasher.finish();
        expect.check(&hashed, &self.head)?;
        self.store.publish(&self.staged, &hashed)?;
        Ok(hashed)
    }
}

impl Store {
    /// Begins a blob.
    pub fn writer(&self) -> Result<BlobWriter<'_>, StoreError> {
        let staged = fs::stage(&self.tmp())?;
        Ok(BlobWriter { store: self, staged, hasher: DualHasher::new(), head: Vec::new() })
    }

    /// Stores bytes that are in memory already.
    pub fn put(&self, bytes: &[u8]) -> Result<Hashed, StoreError> {
        let hashed = gabion_digest::hash_bytes(bytes);
        if self.by_sha256(hashed.sha256)?.is_some() {
            return Ok(hashed);
        }
        let mut writer = self.writer()?;
        writer.write_all(bytes).map_err(|error| StoreError::io("write", &self.tmp(), error))?;
        writer.finish(Expect { blob: Some(hashed.blob), ..Expect::default() })
    }

    /// Blob first, then the alias that leads to it.
    pub(crate) fn publish(&self, staged: &Staged, hashed: &Hashed) -> Result<(), StoreError> {
        fs::publish(staged, &self.blob_path(hashed.blob))?;
        self.write_alias(hashed)
    }

    pub(crate) fn write_alias(&self, hashed: &Hashed) -> Result<(), StoreError> {
        let line = format!("{} {}\n", hashed.blob, hashed.size);
        let alias = self.alias_path(hashed.sha256);
        if fs_err::read(&alias).is_ok_and(|there| there == line.as_bytes()) {
            return Ok(());
        }
        fs::replace(&self.tmp(), &alias, line.as_bytes())
    }
}
