//! What lies in the folders, in the order of names. A folder that is missing holds nothing, and a file that
//! goes away while we look was never there.

use crate::{Need, Record, Store, StoreError};
use gabion_digest::{ActionId, BlobId, Digest, RequestId};
use std::fs::Metadata;
use std::io;
use std::path::{Path, PathBuf};

/// A blob as the folder shows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Stored {
    /// Its name.
    pub id: BlobId,
    /// Its size.
    pub size: u64,
}

/// Which record a file is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum RecordKey {
    Request(RequestId),
    Action(ActionId, Digest),
}

impl RecordKey {
    /// The record in `bytes`, if they may stand under this name.
    pub(crate) fn parse(&self, bytes: &[u8]) -> Option<Record> {
        let fits = match self {
            Self::Request(_) => true,
            Self::Action(_, digest) => Digest::of(bytes) == *digest,
        };
        fits.then(|| Record::parse(bytes)).flatten()
    }

    /// The need that keeps it.
    pub(crate) fn need(&self) -> Need {
        match self {
            Self::Request(id) => Need::Request(*id),
            Self::Action(id, _) => Need::Action(*id),
        }
    }

    /// Its name in quarantine.
    pub(crate) fn file_name(&self) -> String {
        match self {
            Self::Request(id) => format!("request-{}", id.hex()),
            Self::Action(id, digest) => format!("act-{}-{}", id.hex(), digest.hex()),
        }
    }
}

/// Every entry of a folder, sorted.
pub(crate) fn entries(folder: &Path) -> Result<Vec<PathBuf>, StoreError> {
    let failed = |error| StoreError::io("read", folder, error);
    let found = match fs_err::read_dir(folder) {
        Ok(found) => found,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(failed(error)),
    };
    let mut paths: Vec<PathBuf> =
        found.map(|entry| Ok(entry.map_err(failed)?.path())).collect::<Result<_, StoreError>>()?;
    paths.sort();
    Ok(paths)
}

/// The entries of a folder that are named by a digest.
pub(crate) fn named_files(folder: &Path) -> Result<Vec<(Digest, PathBuf)>, StoreError> {
    let digest = |path: &Path| Digest::from_hex(path.file_name()?.to_str()?).ok();
    Ok(entries(folder)?.into_iter().filter_map(|path| Some((digest(&path)?, path))).collect())
}

/// The same over the two-letter folders below `folder`.
fn sharded(folder: &Path) -> Result<Vec<(Digest, PathBuf)>, StoreError> {
    let mut found = Vec::new();
    for shard in entries(folder)?.iter().filter(|path| path.is_dir()) {
        found.extend(named_files(shard)?);
    }
    Ok(found)
}

/// What a path is; `None` where it went away.
pub(crate) fn meta(path: &Path) -> Result<Option<Metadata>, StoreError> {
    match fs_err::symlink_metadata(path) {
        Ok(meta) => Ok(Some(meta)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(StoreError::io("read", path, error)),
    }
}

impl Store {
    /// The names and places of all blobs; sizes cost a `stat` each.
    pub(crate) fn blob_files(&self) -> Result<Vec<(BlobId, PathBuf)>, StoreError> {
        let found = sharded(&self.root.join("blob/b3"))?;
        Ok(found.into_iter().map(|(digest, path)| (BlobId::new(digest), path)).collect())
    }

    /// The places of all aliases.
    pub(crate) fn alias_files(&self) -> Result<Vec<PathBuf>, StoreError> {
        Ok(sharded(&self.root.join("alias/sha256"))?.into_iter().map(|(_, path)| path).collect())
    }

    /// Every file that has the name of a record.
    pub(crate) fn record_files(&self) -> Result<Vec<(RecordKey, PathBuf)>, StoreError> {
        let requests = sharded(&self.root.join("request"))?.into_iter();
        let mut found: Vec<_> =
            requests.map(|(id, path)| (RecordKey::Request(RequestId::new(id)), path)).collect();
        for (action, folder) in sharded(&self.root.join("act"))? {
            found.extend(records_in(ActionId::new(action), &folder)?);
        }
        Ok(found)
    }

    /// Every file that has the name of a record of `action`.
    pub(crate) fn action_files(&self, action: ActionId) -> Result<Vec<(RecordKey, PathBuf)>, StoreError> {
        records_in(action, &self.action_folder(action))
    }

    /// Every blob, sorted by name.
    pub fn list(&self) -> Result<Vec<Stored>, StoreError> {
        let known = self.known();
        let mut found = Vec::new();
        for (id, path) in self.blob_files()? {
            let size = match known.size(id) {
                Some(size) => Some(size),
                None => meta(&path)?.map(|meta| meta.len()),
            };
            found.extend(size.map(|size| Stored { id, size }));
        }
        Ok(found)
    }
}

fn records_in(action: ActionId, folder: &Path) -> Result<Vec<(RecordKey, PathBuf)>, StoreError> {
    let files = named_files(folder)?.into_iter();
    Ok(files.map(|(own, path)| (RecordKey::Action(action, own), path)).collect())
}
