//! The store: bytes by digest, and what work gave them.
//!
//! The file tree is the truth (layout and byte formats: `FORMAT.md`). Any number of processes share a
//! store without waiting for each other: a blob appears under its name complete and synced, or not at
//! all, and who comes second keeps what is there.
//!
//! # Invariants
//! - The bytes of a visible blob hash to its name.
//! - A record is never durable before the blobs that it names; a record without its blobs is a miss.
//! - Whatever is damaged goes to quarantine and counts as absent.
//!
//! # What this crate does not do
//! It has no network, knows no recipes, and never deletes on its own.

mod blob;
mod error;
mod fs;
mod partial;
mod record;
mod verify;

pub use blob::{BlobWriter, Expect};
pub use error::StoreError;
pub use partial::Partial;
pub use record::{Output, Record};
pub use verify::{Health, Stored};

use gabion_digest::{BlobId, Sha256};
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

/// First line of `format`; another one is another store.
const FORMAT: &str = "gabion-store 1\n";

/// An open store.
#[derive(Debug, Clone)]
pub struct Store {
    root: PathBuf,
}

impl Store {
    /// Opens the store at `root` and makes it where there is none.
    ///
    /// A store of another format is refused, never converted.
    pub fn open(root: &Path) -> Result<Self, StoreError> {
        let store = Self { root: root.to_owned() };
        let format = root.join("format");
        match fs_err::read_to_string(&format) {
            Ok(text) if text == FORMAT => Ok(store),
            Ok(text) => Err(StoreError::Format { path: format, found: text.trim_end().to_owned() }),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                for folder in ["blob/b3", "alias/sha256", "request", "fetch", "tmp", "quarantine"] {
                    fs::make_folders(&root.join(folder))?;
                }
                fs::replace(&root.join("tmp"), &format, FORMAT.as_bytes())?;
                Ok(store)
            }
            Err(error) => Err(StoreError::io("read", &format, error)),
        }
    }

    /// The folder of the store.
    pub fn root(&self) -> &Path {
        &self.root
    }

    fn blob_path(&self, id: BlobId) -> PathBuf {
        let hex = id.hex();
        self.root.join("blob/b3").join(&hex[..2]).join(hex)
    }

    /// Where a blob's bytes are, for tools that read files. Never write there.
    pub fn path_of(&self, id: BlobId) -> PathBuf {
        self.blob_path(id)
    }

    fn alias_path(&self, sha256: Sha256) -> PathBuf {
        let hex = sha256.hex();
        self.root.join("alias/sha256").join(&hex[..2]).join(hex)
    }

    fn tmp(&self) -> PathBuf {
        self.root.join("tmp")
    }

    /// Whether the blob is there: one `stat`.
    pub fn has(&self, id: BlobId) -> bool {
        self.blob_path(id).is_file()
    }

    /// Opens a blob with its size; `None` where it is absent, also when it went away just now.
    pub fn open_blob(&self, id: BlobId) -> Result<Option<(File, u64)>, StoreError> {
        let path = self.blob_path(id);
        match fs_err::File::open(&path) {
            Ok(file) => {
                let file = file.into_file();
                let size = file.metadata().map_err(|error| StoreError::io("read", &path, error))?.len();
                Ok(Some((file, size)))
            }
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(StoreError::io("read", &path, error)),
        }
    }

    /// Reads a whole small blob; `None` where it is absent or larger than `limit`.
    pub fn read_blob(&self, id: BlobId, limit: u64) -> Result<Option<Vec<u8>>, StoreError> {
        let Some((file, size)) = self.open_blob(id)? else { return Ok(None) };
        if size > limit {
            return Ok(None);
        }
        let mut bytes = Vec::with_capacity(size as usize);
        let path = self.blob_path(id);
        file.take(limit).read_to_end(&mut bytes).map_err(|error| StoreError::io("read", &path, error))?;
        Ok(Some(bytes))
    }

    /// The blob behind a foreign digest, if its bytes are here.
    pub fn by_sha256(&self, sha256: Sha256) -> Result<Option<(BlobId, u64)>, StoreError> {
        let path = self.alias_path(sha256);
        let text = match fs_err::read_to_string(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(StoreError::io("read", &path, error)),
        };
        // A damaged alias is a miss: the bytes are fetched again and the alias is written anew.
        let parsed = text
            .trim_end()
            .split_once(' ')
            .and_then(|(id, size)| Some((id.parse().ok()?, size.parse().ok()?)));
        let Some((id, size)) = parsed else { return Ok(None) };
        let there = fs_err::metadata(self.blob_path(id)).is_ok_and(|meta| meta.len() == size);
        Ok(there.then_some((id, size)))
    }
}
