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
//! It has no network, knows no recipes, and deletes only when [`Store::gc`] is called.

mod action;
mod blob;
mod commit;
mod error;
mod fs;
mod gc;
mod index;
mod journal;
mod lease;
mod need;
mod partial;
mod proof;
mod record;
mod root;
mod tree;
mod usage;
mod verify;
mod walk;

pub use blob::{Batch, BlobWriter, Draft, Expect};
pub use commit::Pending;
pub use error::StoreError;
pub use gc::{Count, Policy, Report};
pub use lease::Lease;
pub use need::Need;
pub use partial::Partial;
pub use record::{Output, Record};
pub use root::Root;
pub use tree::{Attributes, Entry, Meta, Tree, TreeBuilder, TreeFile, TreePath};
pub use usage::{Referrer, RootUsage, Usage};
pub use verify::Health;
pub use walk::Stored;

use commit::Queue;
use gabion_digest::{BlobId, Sha256};
use journal::{Event, Journal};
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// First line of `format`; another one is another store.
const FORMAT: &str = "gabion-store 1\n";

/// What a new store begins with; each is made again where it is missing.
const FOLDERS: [&str; 9] =
    ["blob/b3", "alias/sha256", "request", "act", "roots", "lease", "fetch", "tmp", "quarantine"];

/// What lies at the top of a store, `format` apart; `lost+found` is there where it is a file system of its own.
const OWN: [&str; 15] = [
    "blob",
    "alias",
    "request",
    "act",
    "roots",
    "lease",
    "fetch",
    "tmp",
    "quarantine",
    "journal",
    "index",
    "gc.lock",
    "index.lock",
    "sweep.lock",
    "lost+found",
];

/// How a store is opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Options {
    /// Whether the index is kept and asked. Without it the same answers take longer, and last use is known to
    /// the hour.
    pub index: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self { index: true }
    }
}

/// An open store.
#[derive(Debug, Clone)]
pub struct Store {
    root: PathBuf,
    journal: Arc<Journal>,
    queue: Arc<Queue>,
}

impl Store {
    /// Opens the store at `root` and makes it where there is none.
    ///
    /// A store of another format is refused, never converted.
    pub fn open(root: &Path) -> Result<Self, StoreError> {
        Self::open_with(root, Options::default())
    }

    /// The same, with options.
    pub fn open_with(root: &Path, options: Options) -> Result<Self, StoreError> {
        let journal = Arc::new(Journal::new(root.join("journal"), options.index));
        let store = Self { root: root.to_owned(), journal, queue: Arc::default() };
        let format = root.join("format");
        match fs_err::read_to_string(&format) {
            Ok(text) if text == FORMAT => Ok(store),
            Ok(text) => Err(StoreError::Format { path: format, found: text.trim_end().to_owned() }),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                // A store that was begun and not finished has nothing but these folders.
                let stranger = walk::entries(root)?.into_iter().find(|path| {
                    let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
                    !OWN.contains(&name.as_str())
                });
                if let Some(path) = stranger {
                    return Err(StoreError::Stranger { path: root.to_owned(), found: path });
                }
                for folder in FOLDERS {
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

    /// The output with these bytes, if they are here.
    pub fn find(&self, sha256: Sha256) -> Result<Option<Output>, StoreError> {
        Ok(self.by_sha256(sha256)?.map(|(blob, size)| Output { blob, sha256, size }))
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

    /// The blob behind a foreign digest, if its bytes are here.
    pub fn by_sha256(&self, sha256: Sha256) -> Result<Option<(BlobId, u64)>, StoreError> {
        // A damaged alias is a miss: the bytes are fetched again and the alias is written anew.
        let Some((id, size)) = read_alias(&self.alias_path(sha256))? else { return Ok(None) };
        let there = self.has_sized(id, size) && fs::touch(&self.blob_path(id));
        if there {
            self.journal.note(&Event::Used(id, size));
        }
        Ok(there.then_some((id, size)))
    }

    fn has_sized(&self, id: BlobId, size: u64) -> bool {
        fs_err::metadata(self.blob_path(id)).is_ok_and(|meta| meta.len() == size)
    }

    /// Takes a damaged file out of the way. Where the store cannot be written it stays, and counts as
    /// absent all the same.
    fn quarantine(&self, path: &Path, name: &str) -> Result<(), StoreError> {
        let folder = self.root.join("quarantine");
        match fs::make_folders(&folder).and_then(|()| fs::move_to(path, &folder.join(name))) {
            Ok(_) | Err(StoreError::ReadOnly { .. }) => Ok(()),
            Err(error) => Err(error),
        }
    }
}

/// A small file of the store holds less: a record of a hundred thousand files stays far below.
const SMALL: u64 = 64 << 20;

/// Reads a small file whole; `None` where there is none. What is too large is read as nothing.
fn read_small(path: &Path) -> Result<Option<Vec<u8>>, StoreError> {
    let failed = |error| StoreError::io("read", path, error);
    let file = match fs_err::File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(failed(error)),
    };
    let mut bytes = Vec::new();
    if file.metadata().map_err(failed)?.len() <= SMALL {
        file.take(SMALL).read_to_end(&mut bytes).map_err(failed)?;
    }
    Ok(Some(bytes))
}

/// What an alias says; `None` where there is none, or it is damaged.
fn read_alias(path: &Path) -> Result<Option<(BlobId, u64)>, StoreError> {
    let Some(bytes) = read_small(path)? else { return Ok(None) };
    let parse = || {
        let (id, size) = std::str::from_utf8(&bytes).ok()?.strip_suffix('\n')?.split_once(' ')?;
        Some((id.parse().ok()?, size.parse().ok()?))
    };
    Ok(parse())
}
