//! Looks at everything: lists blobs, and hashes them again.

use crate::{Store, StoreError, fs};
use gabion_digest::{BlobId, Digest};
use std::path::{Path, PathBuf};

/// A blob as the folder shows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Stored {
    /// Its name.
    pub id: BlobId,
    /// Its size.
    pub size: u64,
}

/// What verifying found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Health {
    /// Blobs whose bytes hash to their names.
    pub good: usize,
    /// Bytes that were hashed.
    pub bytes: u64,
    /// Damaged blobs, now in quarantine.
    pub damaged: Vec<BlobId>,
}

impl Store {
    /// Every blob, sorted by name.
    pub fn list(&self) -> Result<Vec<Stored>, StoreError> {
        let mut out = Vec::new();
        for shard in entries(&self.root.join("blob/b3"))? {
            for path in entries(&shard)? {
                let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
                if let Ok(digest) = Digest::from_hex(name) {
                    let meta =
                        fs_err::metadata(&path).map_err(|error| StoreError::io("read", &path, error))?;
                    out.push(Stored { id: BlobId::new(digest), size: meta.len() });
                }
            }
        }
        out.sort();
        Ok(out)
    }

    /// Hashes every blob again; a damaged one goes to quarantine and is a miss from then on.
    pub fn verify(&self) -> Result<Health, StoreError> {
        let mut health = Health::default();
        for Stored { id, size } in self.list()? {
            if self.check(id)? {
                health.good += 1;
                health.bytes += size;
            } else {
                health.damaged.push(id);
            }
        }
        Ok(health)
    }

    /// Whether a blob's bytes hash to its name. A damaged one goes to quarantine.
    pub fn check(&self, id: BlobId) -> Result<bool, StoreError> {
        let Some((file, _)) = self.open_blob(id)? else { return Ok(false) };
        let path = self.blob_path(id);
        let mut hasher = blake3::Hasher::new();
        hasher.update_reader(&file).map_err(|error| StoreError::io("read", &path, error))?;
        if hasher.finalize().as_bytes() == id.digest().as_bytes() {
            return Ok(true);
        }
        fs::move_to(&path, &self.root.join("quarantine").join(id.hex()))?;
        Ok(false)
    }
}

fn entries(folder: &Path) -> Result<Vec<PathBuf>, StoreError> {
    let failed = |error| StoreError::io("read", folder, error);
    fs_err::read_dir(folder).map_err(failed)?.map(|entry| Ok(entry.map_err(failed)?.path())).collect()
}
