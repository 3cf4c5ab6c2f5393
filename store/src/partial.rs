//! Downloads that survive a cut, a crash and a second process.
//!
//! `fetch/<key>.part` holds the bytes so far. Whoever writes holds its `flock`; the hash of what is
//! there is computed anew when the download goes on, so the file needs no trusted bookkeeping.

use crate::blob::{Expect, HEAD};
use crate::{Store, StoreError, fs};
use gabion_digest::{DualHasher, Hashed, Sha256};
use std::fs::File;
use std::io::{Read, Seek};
use std::path::PathBuf;

/// A download in progress.
#[derive(Debug)]
pub struct Partial<'s> {
    store: &'s Store,
    file: File,
    path: PathBuf,
    expect: Expect,
    hasher: DualHasher,
    head: Vec<u8>,
    /// What the bytes are, once they were checked and are right.
    checked: Option<Hashed>,
}

impl Store {
    /// Begins or goes on with a download. `key` names it: the digest of the bytes, or that of their
    /// location where the bytes are not known yet. `None` while someone else downloads the same: a caller
    /// that waited here could hold what the other one waits for.
    pub fn partial(&self, key: Sha256, expect: Expect) -> Result<Option<Partial<'_>>, StoreError> {
        let path = self.root.join("fetch").join(format!("{}.part", key.hex()));
        fs::make_folders(&self.root.join("fetch"))?;
        let opened = fs::open_alone(&path).map_err(|error| StoreError::io("open", &path, error));
        let Some(file) = opened? else { return Ok(None) };
        let (hasher, head) = (DualHasher::new(), Vec::new());
        let mut partial = Partial { store: self, file, path, expect, hasher, head, checked: None };
        partial.hash_prefix()?;
        Ok(Some(partial))
    }
}

impl Partial<'_> {
    fn hash_prefix(&mut self) -> Result<(), StoreError> {
        let mut buffer = vec![0; 256 << 10];
        loop {
            let count = match self.file.read(&mut buffer) {
                Ok(0) => break,
                Ok(count) => count,
                Err(error) => return Err(StoreError::io("read", &self.path, error)),
            };
            self.feed(&buffer[..count]);
        }
        if self.expect.size.is_some_and(|size| self.len() > size) {
            self.restart()?;
        }
        Ok(())
    }

    fn feed(&mut self, bytes: &[u8]) {
        let room = HEAD.saturating_sub(self.head.len());
        self.head.extend_from_slice(&bytes[..room.min(bytes.len())]);
        self.hasher.update(bytes);
    }

    /// How many bytes are there: where the download goes on.
    pub fn len(&self) -> u64 {
        self.checked.map_or_else(|| self.hasher.size(), |it| it.size)
    }

    /// Whether nothing is there yet.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Adds the next bytes.
    pub fn append(&mut self, bytes: &[u8]) -> Result<(), StoreError> {
        if self.checked.is_some() {
            self.hash_again()?;
        }
        fs::append(&self.file, &self.path, bytes)?;
        self.feed(bytes);
        Ok(())
    }

    /// Forgets what is there: the server has other bytes now.
    pub fn restart(&mut self) -> Result<(), StoreError> {
        fs::truncate(&self.file, &self.path)?;
        self.forget();
        Ok(())
    }

    fn forget(&mut self) {
        (self.hasher, self.checked) = (DualHasher::new(), None);
        self.head.clear();
    }

    /// A checked hash takes no more bytes.
    fn hash_again(&mut self) -> Result<(), StoreError> {
        self.forget();
        self.file.rewind().map_err(|error| StoreError::io("read", &self.path, error))?;
        self.hash_prefix()
    }

    /// Checks the bytes. Wrong ones are forgotten, so that the download can begin again.
    pub fn check(&mut self) -> Result<Hashed, StoreError> {
        if let Some(hashed) = self.checked {
            return Ok(hashed);
        }
        let hashed = std::mem::take(&mut self.hasher).finish();
        if let Err(mismatch) = self.expect.check(&hashed, &self.head) {
            self.restart()?;
            return Err(mismatch);
        }
        self.checked = Some(hashed);
        Ok(hashed)
    }

    /// Checks the bytes and gives them their names. Wrong bytes are removed: nothing of them can be
    /// resumed.
    pub fn finish(mut self) -> Result<Hashed, StoreError> {
        let hashed = match self.check() {
            Ok(hashed) => hashed,
            Err(error) => {
                self.discard();
                return Err(error);
            }
        };
        let staged = fs::stage_existing(self.file, self.path);
        self.store.publish(&staged, &hashed)?;
        Ok(hashed)
    }

    /// Removes the file.
    pub fn discard(self) {
        let _gone = fs::remove(&self.path);
    }
}
