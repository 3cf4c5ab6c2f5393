//! What nothing can reach by any name: aliases of blobs that went, and what dead processes left behind.

use super::Count;
use super::mark::Condemned;
use crate::{Store, StoreError, fs, read_alias, walk};
use gabion_digest::BlobId;
use std::collections::BTreeSet;
use std::path::Path;
use std::time::SystemTime;

impl Store {
    /// Removes aliases that lead nowhere.
    pub(super) fn sweep_aliases(&self, condemned: &Condemned, dry_run: bool) -> Result<usize, StoreError> {
        let gone: BTreeSet<BlobId> = condemned.blobs.iter().map(|(id, _)| *id).collect();
        let mut count = 0;
        for path in self.alias_files()? {
            let leads = read_alias(&path)?.is_some_and(|(id, _)| self.has(id) && !gone.contains(&id));
            if !leads && (dry_run || fs::remove(&path)?) {
                count += 1;
            }
        }
        Ok(count)
    }

    /// Removes what nobody holds: files without a name and leases at once, downloads and journals when they are
    /// older than `limit`.
    pub(super) fn sweep_left_over(&self, limit: SystemTime, dry_run: bool) -> Result<Count, StoreError> {
        let mut count = Count::default();
        for (folder, limit) in
            [("tmp", None), ("lease", None), ("fetch", Some(limit)), ("journal", Some(limit))]
        {
            for path in walk::entries(&self.root.join(folder))? {
                if let Some(bytes) = sweep_one(&path, limit, dry_run)? {
                    count.add(bytes);
                }
            }
        }
        Ok(count)
    }
}

/// Its size where it went.
fn sweep_one(path: &Path, limit: Option<SystemTime>, dry_run: bool) -> Result<Option<u64>, StoreError> {
    let Some(meta) = walk::meta(path)?.filter(std::fs::Metadata::is_file) else { return Ok(None) };
    let young = limit.is_some_and(|limit| meta.modified().is_ok_and(|modified| modified >= limit));
    if young {
        return Ok(None);
    }
    // Held until it is removed, so that nobody takes it up in between.
    let Some(_held) = fs::take_over(path)? else { return Ok(None) };
    let gone = dry_run || fs::remove(path)?;
    Ok(gone.then_some(meta.len()))
}
